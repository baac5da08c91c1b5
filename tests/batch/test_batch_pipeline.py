from __future__ import annotations

import time
from collections.abc import Generator

import pytest

from mammoscope.batch.pipeline import Ahead


def counting(upto: int, seen: list[int]) -> Generator[int]:
    try:
        for number in range(upto):
            seen.append(number)
            yield number
    finally:
        seen.append(-1)


def failing() -> Generator[int]:
    yield 1
    raise ValueError("told")


def test_everything_comes_in_order() -> None:
    with Ahead(counting(50, []), 3) as ahead:
        assert list(ahead) == list(range(50))


def test_it_runs_only_so_far_ahead() -> None:
    seen: list[int] = []
    with Ahead(counting(50, seen), 3) as ahead:
        assert ahead.take(1) == [0]
        time.sleep(0.05)
        assert max(seen) <= 5


def test_the_source_is_closed_when_nobody_wants_more() -> None:
    seen: list[int] = []
    with Ahead(counting(50, seen), 3) as ahead:
        ahead.take(1)
    assert seen[-1] == -1
    assert len(seen) < 10


def test_a_failure_is_raised_after_what_came_before_it() -> None:
    with Ahead(failing(), 3) as ahead:
        assert ahead.take(1) == [1]
        with pytest.raises(ValueError, match="told"):
            ahead.take(1)


def test_what_is_there_is_taken_together() -> None:
    with Ahead(counting(5, []), 5) as ahead:
        found: list[int] = []
        while some := ahead.take(4):
            assert len(some) <= 4
            found += some
    assert found == [0, 1, 2, 3, 4]

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscope.data.audit.fingerprint import TURNS, turned
from mammoscope.data.audit.pairs import FARTHEST, near_pairs


def close_prints(seed: int, count: int) -> np.ndarray:
    """Fingerprints of which many differ in a few bits from another."""
    draw = np.random.default_rng(seed)
    prints = draw.integers(0, 1 << 64, count, dtype=np.uint64)
    for row in range(1, count):
        if draw.random() < 0.7:
            bits = draw.permutation(64)[: draw.integers(0, 12)].astype(np.uint64)
            changed = np.bitwise_or.reduce(np.uint64(1) << bits, initial=np.uint64(0))
            prints[row] = prints[draw.integers(row)] ^ changed
    return prints


@given(st.integers(0, 10_000), st.integers(0, 40), st.sampled_from(TURNS), st.integers(0, FARTHEST))
@settings(max_examples=60, deadline=None)
def test_pairs_are_those_of_comparing_each_with_each(seed, count, turn, farthest):
    prints = close_prints(seed, count)
    queries = turned(prints, *turn)
    near = np.bitwise_count(queries[:, None] ^ prints[None, :]) <= farthest
    expected = list(zip(*np.nonzero(np.triu(near, 1)), strict=True))
    found = list(zip(*near_pairs(queries, prints, farthest), strict=True))
    assert found == expected


def test_many_equal_fingerprints_fit_into_bounded_portions(monkeypatch):
    monkeypatch.setattr("mammoscope.data.audit.pairs._AT_ONCE", 100)
    prints = np.full(30, 7, np.uint64)
    assert len(near_pairs(prints, prints)[0]) == 30 * 29 // 2


def test_farther_than_is_found_without_gaps_is_refused():
    with pytest.raises(ValueError, match="at most 7"):
        near_pairs(np.zeros(2, np.uint64), np.zeros(2, np.uint64), 8)

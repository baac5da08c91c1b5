from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mammoscope.batch.parts import ROWS, Parts
from mammoscope.batch.rows import Row
from mammoscope.errors import ConfigError


def rows(key: str, *, status: str = "judged", attempt: int = 0, count: int = 2) -> list[Row]:
    shared = {"key": key, "exam_id": key, "status": status, "attempt": attempt}
    return [{**shared, "image_path": f"{key}/{n}.png"} for n in range(count)]


def test_parts_are_read_with_one_line(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    for key in "ab":
        parts.add(rows(key))
        parts.commit()
    assert list(pd.read_parquet(tmp_path)["key"]) == ["a", "a", "b", "b"]


def test_an_exam_is_never_in_two_parts(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    parts.add(rows("a", count=ROWS - 1))
    assert not parts.files()
    parts.add(rows("b", count=3))
    assert len(parts.files()) == 1
    assert set(Parts(tmp_path).done().attempts) == {"a", "b"}


def test_what_was_not_committed_is_not_done(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    parts.add(rows("a"))
    parts.commit()
    parts.add(rows("b"))
    assert set(Parts(tmp_path).done().attempts) == {"a"}


def test_half_a_part_is_not_met(tmp_path: Path) -> None:
    (tmp_path / ".part-000001.parquet").write_bytes(b"PAR1")
    parts = Parts(tmp_path)
    assert not parts.done().attempts
    parts.add(rows("a"))
    parts.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["part-000001.parquet"]


def test_the_last_attempt_is_kept_and_is_no_failure(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    parts.add(rows("a", status="failed") + rows("b"))
    parts.commit()
    assert parts.done().failed == {"a"}
    parts.add(rows("a", attempt=1))
    parts.commit()
    parts.settle()
    assert not parts.done().failed
    assert sorted(pd.read_parquet(tmp_path)["key"]) == ["a", "a", "b", "b"]
    assert parts.counts() == {"exams": 2, "images": 4, "judged": 4}


def test_a_part_with_nothing_left_is_taken_away(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    for attempt in (0, 1):
        parts.add(rows("a", attempt=attempt))
        parts.commit()
    parts.settle()
    assert [path.name for path in parts.files()] == ["part-000002.parquet"]
    assert Parts(tmp_path)._next == 3


def test_shards_do_not_meet_each_other(tmp_path: Path) -> None:
    for name in ("part-1of2", "part-2of2"):
        parts = Parts(tmp_path, name)
        parts.add(rows(name))
        parts.commit()
        assert set(parts.done().attempts) == {name}


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    parts = Parts(tmp_path / "file" / "parts")
    parts.add(rows("a"))
    with pytest.raises(ConfigError, match="go on with --resume"):
        parts.commit()

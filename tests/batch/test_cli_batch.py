from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from batch_runs import batch, linked

from mammoscope import cli
from mammoscope.cli_batch import Batch
from mammoscope.evaluate.predictions import read_boxes, read_predictions


def test_evaluate_reads_the_tables(tmp_path: Path) -> None:
    done = batch(linked(tmp_path / "in", 1), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 exams, 4 images: 4 judged\n")
    for name in ("predictions.csv", "predictions.parquet"):
        (read,) = read_predictions(tmp_path / "out" / name)
        assert len(read.score) == 4
        assert read.density is not None
    assert len(read_boxes(tmp_path / "out" / "findings.csv"))
    assert len(pd.read_csv(tmp_path / "out" / "exams.csv")) == 1


def test_some_failed_and_nothing_readable_have_their_codes(tmp_path: Path) -> None:
    folder = linked(tmp_path / "in", 1, views=1)
    (folder / "a.dcm").write_bytes(b"nothing")
    some = batch(folder, "--out", tmp_path / "some")
    assert some.returncode == 1, some.stderr
    assert some.stderr == ""
    assert "case000" not in some.stdout
    none = batch(folder / "a.dcm", "--out", tmp_path / "none")
    assert none.returncode == 3
    assert "1 unreadable" in none.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--shard", "5/4"], "impossible"),
        (["--shard", "x"], "two whole numbers"),
        (["--workers", "0"], "--workers is 0"),
        (["--weights", "nowhere"], "nowhere"),
        (["nowhere"], "no such file"),
    ],
)
@pytest.mark.usefixtures("command_line")
def test_wrong_usage_is_told_before_any_work(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.COMMANDS.setdefault("batch", Batch)
    folder = linked(tmp_path / "in", 1)
    assert cli.main(["batch", str(folder), *words, "--out", str(tmp_path / "o")]) == 2
    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.out == ""
    assert not (tmp_path / "o").exists()

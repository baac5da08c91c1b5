from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation_files import saved, women
from mammoscope.errors import ConfigError, MissingExtraError
from mammoscope.web import evaluations
from mammoscope.web.evaluations import evaluate_files

ROWS = women(10)


def ignore(_step: str) -> None:
    """Nobody watches."""


def test_the_report_is_written_and_tells_its_steps(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    steps: list[str] = []
    page = evaluate_files(*given(tmp_path), tmp_path / "out", steps.append)
    assert page == tmp_path / "out" / "report.html"
    assert "AUC" in page.read_text("utf-8")
    assert (steps[0], steps[-1]) == ("reading", "writing")


def test_a_table_shows_no_file_of_the_server(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    picture = tmp_path / "on_the_server.png"
    cv2.imwrite(str(picture), np.full((300, 300), 77, np.uint8))
    rows = [{**row, "image_path": f"{picture}?{at}"} for at, row in enumerate(ROWS)]
    rows[0]["image_path"] = str(picture)
    page = evaluate_files(*given(tmp_path, rows), tmp_path / "out", ignore)
    assert "image/jpeg" not in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0", "another binary file"),
        (b"image_path,score\na,0.5\n", "no column holds the model's score .found: image_path, sco"),
        (b"image_path;malignancy\na;0,5\n", "parted by semicolons"),
        (b"image_path,malignancy\na,1.5\n", "malignancy is 1.5, not within 0 to 1"),
        (b"image_path,malignancy\na,high\n", "line 2: malignancy is 'high', not a number"),
        (b"image_path,malignancy\nelse.png,0.5\n", "is not in truth.csv"),
        (b'image_path,malignancy\n"a,0.5\n', "not a CSV file"),
    ],
)
def test_wrong_predictions_are_told_by_name_alone(
    tmp_path: Path, content: bytes, said: str
) -> None:
    pytest.importorskip("pandas")
    (predictions,), truth = given(tmp_path)
    predictions.write_bytes(content)
    with pytest.raises(ConfigError, match=said) as error:
        evaluate_files([predictions], truth, tmp_path / "out", ignore)
    assert str(tmp_path) not in str(error.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"image_path,label\na,1\n", "column 'cancer' is missing .found: image_path, label"),
        (b"name,cancer\na,1\n", "no column says which image, breast or woman"),
        (b"image_path,cancer\na,2\n", "cancer is 2; it must be 0, 1 or empty"),
    ],
)
def test_wrong_truth_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    pytest.importorskip("pandas")
    predictions, truth = given(tmp_path)
    truth.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        evaluate_files(predictions, truth, tmp_path / "out", ignore)


def test_too_large_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    monkeypatch.setattr(evaluations, "LARGEST_BYTES", 1024)
    with pytest.raises(ConfigError, match="are taken; use `mammoscope evaluate`"):
        evaluate_files(*given(tmp_path), tmp_path / "out", ignore)


def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"mammoscope\[evaluate\]"):
        evaluate_files(*given(tmp_path), tmp_path / "out", ignore)


def given(folder: Path, rows: list[dict[str, object]] | None = None) -> tuple[list[Path], Path]:
    predictions, truth = saved(folder, rows or ROWS)
    return [predictions], truth.rename(folder / "truth.csv")

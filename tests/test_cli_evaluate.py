import json
import shutil

import pytest

from evaluation_files import saved, women, write
from mammoscope.cli import main

SCORES = ("image_path", "malignancy")
QUICK = ["--resamples", "20"]


@pytest.fixture
def files(tmp_path):
    return [str(path) for path in saved(tmp_path, women(40), columns=SCORES)]


def test_it_writes_page_numbers_tables_figures_and_card(files, tmp_path, capsys):
    out = tmp_path / "report"
    assert main(["evaluate", files[0], "--truth", files[1], "--out", str(out), *QUICK]) == 0
    told = capsys.readouterr()
    assert "AUC" in told.out
    assert "by image" in told.out
    assert str(out / "report.html") in told.err
    for name in ("report.html", "model_card.md", "tables/discrimination.csv",
                 "figures/roc_image.svg"):  # fmt: skip
        assert (out / name).stat().st_size > 0
    numbers = json.loads((out / "report.json").read_text())
    assert numbers["run"]["predictions"][0]["file"] == "predictions.csv"
    for file in out.rglob("*.*"):
        assert "secret" not in file.read_text()


def test_two_files_of_one_name_are_told_apart_by_their_folder(files, tmp_path):
    (tmp_path / "other").mkdir()
    other = shutil.copy(files[0], tmp_path / "other")
    out = tmp_path / "report"
    assert main(["evaluate", files[0], other, "--truth", files[1], "--out", str(out), *QUICK]) == 0
    names = json.loads((out / "report.json").read_text())["models"]
    assert names == [f"{tmp_path.name}/predictions", "other/predictions"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--threshold", "ours"], "not of the form NAME=VALUE"),
        (["--threshold", "ours=2"], "between 0 and 1"),
        (["--prevalence", "2"], "prevalence is 2"),
        (["--units", "woman"], "--units woman"),
        (["--subgroups", "shoe_size"], "no column 'shoe_size'"),
        (["--hit", "near"], "--hit is 'near'"),
        (["--readers", "R*"], "no such column"),
        (["--score", "absent"], "no column 'absent'"),
        (["--resamples", "0"], "0 resamples"),
        (["--boxes", "a.csv", "b.csv"], "--boxes names 2 files for 1 models"),
        (["--recipe", "absent.toml"], "absent.toml"),
    ],
)
def test_a_wrong_option_is_refused_in_a_sentence(files, tmp_path, capsys, words, message):
    line = ["evaluate", files[0], "--truth", files[1], "--out", str(tmp_path / "r"), *QUICK]
    assert main([*line, *words]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_named(files, capsys):
    line = ["evaluate", files[0], "--truth", files[1], "--out", "/dev/null/report", *QUICK]
    assert main(line) == 2
    assert "/dev/null" in capsys.readouterr().err


def test_what_was_left_out_is_said(tmp_path, capsys):
    rows = women(40)
    predictions, manifest = saved(tmp_path, rows, rows[3:], SCORES)
    line = ["evaluate", str(predictions), "--truth", str(manifest), "--out", str(tmp_path / "r")]
    assert main([*line, *QUICK]) == 0
    assert "left out: 3" in capsys.readouterr().err


def test_boxes_come_from_a_file_of_their_own(files, tmp_path):
    columns = ("image_path", "x1_px", "y1_px", "x2_px", "y2_px", "score")
    ill = [row["image_path"] for row in women(40) if row["cancer"]]
    marks = [dict(zip(columns, (name, 1, 1, 9, 9, 0.5), strict=True)) for name in ill]
    write(tmp_path / "findings.csv", columns[:-1], marks)
    boxes = write(tmp_path / "boxes.csv", columns, marks)
    out = tmp_path / "report"
    line = ["evaluate", files[0], "--truth", files[1], "--out", str(out), "--boxes", str(boxes)]
    assert main([*line, *QUICK]) == 0
    assert "localisation" in json.loads((out / "report.json").read_text())["sections"]

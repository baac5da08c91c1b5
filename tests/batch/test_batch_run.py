from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from batch_runs import batch, command, linked, predictions, record

from mammoscope.batch.items import find_work
from mammoscope.batch.run import Settings, run_batch
from mammoscope.data.dicom_study import write_study
from mammoscope.data.synth import synthetic_exam
from mammoscope.errors import ConfigError
from mammoscope.io import load_exam, scan
from mammoscope.outputs.json_report import to_dict
from weights_example import predictor


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Pictures, a DICOM study, a file that is nothing, and a picture of no breast."""
    folder = linked(tmp_path / "in", 2)
    write_study(synthetic_exam(7, height=256), folder / "study")
    (folder / "case001" / "case001_R-XCCL.png").write_bytes(b"nothing")
    (folder / "case000" / "plain.pgm").write_bytes(b"P5 300 300 255\n" + bytes(90_000))
    return folder


def run(folder: Path, out: Path, **settings: Any) -> dict[str, int]:
    work = find_work([str(folder)])
    return run_batch(work, predictor(), Settings(out, (str(folder),), **settings))


def said(folder: Path) -> list[dict[str, Any]]:
    """What predict says, the paths as they stand in the tables."""
    reports = [to_dict(predictor()(load_exam(files))) for files in scan([folder])]
    text = json.dumps(reports).replace(f"{folder}/", "")
    return list(json.loads(text))


def test_the_table_is_what_predict_says(mixed: Path, tmp_path: Path) -> None:
    counts = run(mixed, tmp_path / "out", workers=2)
    assert counts == {"exams": 4, "images": 14, "judged": 12, "unreadable": 1, "refused": 1}
    rows = pq.read_table(tmp_path / "out" / "predictions.parquet").to_pylist()
    table = {row["image_path"]: row for row in rows}
    for report in said(mixed):
        for image in report["images"]:
            check(table.pop(image["path"]), image, report)
    assert not table


def check(row: dict[str, Any], image: dict[str, Any], report: dict[str, Any]) -> None:
    """Compare a row of the table with what predict says."""
    for name in ("refused", "laterality", "view", "malignancy", "warnings"):
        assert row[name] == image[name]
    for said, prefix in (
        (image, ""),
        (report["exam"], "exam_"),
        *((report["breasts"][side], f"{side}_") for side in "LR"),
    ):
        interval = [row[f"{prefix}malignancy_low"], row[f"{prefix}malignancy_high"]]
        assert interval == (said["malignancy_interval"] or [None, None])
        density = {grade: row[f"{prefix}density_{grade}"] for grade in "ABCD"}
        assert density == (said["density"] or dict.fromkeys("ABCD"))
        assert row[f"{prefix}malignancy"] == said["malignancy"]
        assert row.get(f"{prefix}sure") == said.get("sure")
    assert row["exam_id"] == report["exam"]["id"]
    assert row["exam_flag"] == report["exam"]["flag"]
    assert len(row["findings"]) == len(image["findings"])
    for found, finding in zip(row["findings"], image["findings"], strict=True):
        assert [found[edge] for edge in ("x1_px", "y1_px", "x2_px", "y2_px")] == finding["box_px"]
        assert found["score"] == finding["score"]
        position = finding["position"] or {}
        for name in ("nipple_mm", "depth", "quadrant", "clock"):
            assert found[name] == position.get(name)


def test_failures_are_listed_and_done_again_when_asked(mixed: Path, tmp_path: Path) -> None:
    out, broken = tmp_path / "out", mixed / "case001" / "case001_R-XCCL.png"
    run(mixed, out)
    failures = pd.read_csv(out / "failures.csv").set_index("status")["image_path"]
    assert dict(failures) == {
        "unreadable": "case001/case001_R-XCCL.png",
        "refused": "case000/plain.pgm",
    }
    shutil.copy(mixed / "case001" / "case001_R-CC.png", broken)
    assert run(mixed, out, resume=True)["judged"] == 12
    assert run(mixed, out, retry_failed=True)["judged"] == 13
    assert predictions(out)["image_path"].is_unique


def test_folders_where_the_program_runs_are_not_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The paths of the tables do not start from there."""
    folder = linked(tmp_path / "in", 1, views=1)
    (folder / "nothing").mkdir()
    (tmp_path / "here" / "case000" / "case000_L-CC.png").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    out = tmp_path / "out"
    run_batch(find_work([str(folder), str(folder / "nothing")]), predictor(), Settings(out, ()))
    rows = predictions(out).set_index("image_path")
    assert rows.loc["in/case000/case000_L-CC.png", "status"] == "judged"
    assert rows.loc["in/nothing", "refused"].startswith("in/nothing: the folder holds no image")


def test_shards_share_a_folder(tmp_path: Path) -> None:
    folder, out = linked(tmp_path / "in", 5, views=1), tmp_path / "out"
    counts = [run(folder, out, shard=(number, 2)) for number in (1, 2)]
    assert sum(count["exams"] for count in counts) == 5
    assert predictions(out)["exam_id"].is_unique
    assert len(predictions(out)) == 5


def test_a_run_is_not_begun_twice_nor_mixed_with_other_weights(tmp_path: Path) -> None:
    folder, out = linked(tmp_path / "in", 1, views=1), tmp_path / "out"
    run(folder, out)
    with pytest.raises(ConfigError, match="--resume"):
        run(folder, out)
    with pytest.raises(ConfigError, match="number of shards"):
        run(folder, out, shard=(1, 2))
    said = record(out)
    said["terms"]["weights_sha256"] = "0" * 64
    (out / "run.json").write_text(json.dumps(said), "utf-8")
    with pytest.raises(ConfigError, match="other weights"):
        run(folder, out, resume=True)


def test_nothing_is_lost_or_double_after_kills(tmp_path: Path) -> None:
    folder, out = linked(tmp_path / "in", 16, views=1), tmp_path / "out"
    moment = Random(0)
    for kills in range(3):
        kill_later(command(folder, "--out", out, "--resume"), out / "parts", moment.random() / 5)
        assert len(record(out)["sessions"]) == kills + 1
    done = batch(folder, "--out", out, "--resume")
    assert done.returncode == 0, done.stderr
    assert len(predictions(out)) == 16
    assert predictions(out)["image_path"].is_unique
    assert record(out)["sessions"][-1]["exams"] < 16


def kill_later(words: list[str], parts: Path, seconds: float) -> None:
    """Start a batch and kill it so long after it has written its first part."""
    there = len(list(parts.glob("part-*")))
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and len(list(parts.glob("part-*"))) == there:
            time.sleep(0.01)
        time.sleep(seconds)
        process.kill()


def test_what_was_judged_is_kept_when_interrupted(tmp_path: Path) -> None:
    folder, out = linked(tmp_path / "in", 24, views=1), tmp_path / "out"
    results = run_until_interrupted(folder, out, exams=3)
    assert results == 3
    assert record(out)["sessions"][-1]["ended"] is None
    assert run(folder, out, resume=True)["exams"] == 24


def run_until_interrupted(folder: Path, out: Path, exams: int) -> int:
    """Interrupt a batch when it has told of so many exams; how many are in its parts."""
    told = 0

    def advance(_: int) -> None:
        nonlocal told
        told += 1
        if told == exams:
            raise KeyboardInterrupt

    work, settings = find_work([str(folder)]), Settings(out, (str(folder),))
    with pytest.raises(KeyboardInterrupt):
        run_batch(work, predictor(), settings, lambda left, done: advance)
    return len(pd.read_parquet(out / "parts"))


def test_a_full_disk_is_told_and_the_run_goes_on(tmp_path: Path) -> None:
    folder, out = linked(tmp_path / "in", 3, views=1), tmp_path / "out"
    full = batch(folder, "--out", out, limit=2048)
    assert full.returncode == 2
    assert "cannot be written" in full.stderr
    assert len(full.stderr.splitlines()) == 1
    again = batch(folder, "--out", out, "--resume")
    assert again.returncode == 0, again.stderr
    assert len(predictions(out)) == 3

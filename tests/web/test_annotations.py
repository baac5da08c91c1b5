from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscope.errors import ConfigError
from mammoscope.web.annotations import (
    LABELS,
    MarkedPicture,
    ReaderMark,
    coco,
    findings_csv,
    images_csv,
)

IMAGES = (
    MarkedPicture("study7/1.png", 300, 400, "study7", "R", "CC"),
    MarkedPicture("study7/2.png", 300, 400, "study7", "L", "MLO"),
    MarkedPicture("study9/1.png", 200, 200, "study9"),
)
MARKS = (
    ReaderMark("study7/1.png", (10.5, 20.0, 60.0, 90.25), "malignant", "spiculated", "2026-01-02"),
    ReaderMark("study7/1.png", (100.0, 100.0, 130.0, 140.0), "missed"),
    ReaderMark("study9/1.png", (0.0, 0.0, 200.0, 200.0), "benign", "=1+1"),
)
BOXES = sorted(mark.box_px for mark in MARKS)


def pictures(folder: Path) -> Path:
    for image in IMAGES:
        file = folder / image.file_name
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), np.full((image.height, image.width), 90, np.uint8))
    return folder


def prepared(name: str, folder: Path) -> list[tuple[float, ...]]:
    prepare = pytest.importorskip("mammoscope.data.prepare")
    manifest = prepare.prepare(name, folder).manifest
    edges = manifest.findings[["x1_px", "y1_px", "x2_px", "y2_px"]].astype(float)
    return sorted(tuple(row) for row in edges.to_numpy().tolist())


def test_coco_gives_pycocotools_the_same_boxes(tmp_path: Path) -> None:
    tools = pytest.importorskip("pycocotools.coco")
    file = tmp_path / "marks.json"
    file.write_text(json.dumps(coco(IMAGES, MARKS)))
    read = tools.COCO(str(file))
    found = sorted(
        (x, y, x + w, y + h) for x, y, w, h in (a["bbox"] for a in read.loadAnns(read.getAnnIds()))
    )
    assert found == BOXES
    assert [one["name"] for one in read.loadCats(read.getCatIds())] == [*LABELS]


def test_coco_gives_the_training_data_the_same_boxes(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "set")
    (folder / "_annotations.coco.json").write_text(json.dumps(coco(IMAGES, MARKS)))
    assert prepared("coco", folder) == BOXES


def test_coco_does_not_call_an_unmarked_image_negative() -> None:
    names = [image["file_name"] for image in coco(IMAGES, MARKS)["images"]]
    assert names == ["study7/1.png", "study9/1.png"]


def test_the_tables_are_a_manifest(tmp_path: Path) -> None:
    manifests = pytest.importorskip("mammoscope.data.manifest")
    (tmp_path / "manifest.csv").write_text(images_csv(IMAGES, MARKS), encoding="utf-8")
    (tmp_path / "findings.csv").write_text(findings_csv(IMAGES, MARKS), encoding="utf-8")
    read = manifests.read_manifest(tmp_path)
    edges = read.findings[["x1_px", "y1_px", "x2_px", "y2_px"]].astype(float).to_numpy()
    assert sorted(map(tuple, edges.tolist())) == BOXES
    assert read.findings["pathology"].tolist() == ["malignant", "", "benign"]
    assert read.images["finding"].tolist() == ["1", "", "1"]
    assert read.images["cancer"].tolist() == ["", "", ""]


def test_a_note_is_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(findings_csv(IMAGES, MARKS))))
    assert [row["note"] for row in rows] == ["spiculated", "", "'=1+1"]


@given(st.tuples(*[st.floats(0, 300, width=32)] * 4), st.text())
@settings(max_examples=30)
def test_every_box_that_is_taken_comes_back(box: tuple[float, ...], note: str) -> None:
    x1, x2 = sorted((box[0], box[2]))
    y1, y2 = sorted((box[1], box[3]))
    mark = ReaderMark("study7/1.png", (x1, y1, x2, y2), "suspicious", note)
    if x1 == x2 or y1 == y2:
        with pytest.raises(ConfigError, match="is empty"):
            findings_csv(IMAGES, [mark])
        return
    (row,) = csv.DictReader(io.StringIO(findings_csv(IMAGES, [mark]), newline=""))
    assert [float(row[n]) for n in ("x1_px", "y1_px", "x2_px", "y2_px")] == [x1, y1, x2, y2]


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        (ReaderMark("other.png", (0, 0, 9, 9), "benign"), "no such image"),
        (ReaderMark("study7/1.png", (0, 0, 9, 9), "odd"), "label 'odd' is not known"),
        (ReaderMark("study7/1.png", (0, 0, 301, 9), "benign"), "leaves the image"),
        (ReaderMark("study7/1.png", (0, 0, float("nan"), 9), "benign"), "leaves the image"),
    ],
)
def test_impossible_marks_are_refused(mark: ReaderMark, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        coco(IMAGES, [mark])


def test_two_images_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="same file name"):
        images_csv([IMAGES[0], IMAGES[0]], [])

from __future__ import annotations

from pathlib import Path

import pytest

from mammoscope.errors import ConfigError
from source_tables import manifest_of, picture, tables_of, told

pytest.importorskip("yaml")

NAMES = "train: ../train/images\nval: ../valid/images\n\nnc: 2\nnames: ['benign', 'malignant']\n"


def export(folder: Path, lines: str, name: str = "a_jpg.rf.0f1e", part: str = "train") -> Path:
    """What Roboflow writes: data.yaml, images and labels of each part."""
    (folder / "data.yaml").write_text(NAMES)
    picture(folder / part / "images" / f"{name}.jpg")
    labels = folder / part / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    (labels / f"{name}.txt").write_text(lines)
    return folder


def box(row) -> list[float]:
    return [float(row[name]) for name in ("x1_px", "y1_px", "x2_px", "y2_px")]


def test_a_centre_and_size_become_a_box_in_source_pixels(tmp_path: Path) -> None:
    found = manifest_of("yolo", export(tmp_path, "1 0.5 0.5 0.2 0.25\n")).findings.iloc[0]
    assert box(found) == [40, 30, 60, 50]
    assert (found["outline"], found["pathology"]) == ("box", "malignant")


def test_corners_become_a_polygon_in_source_pixels(tmp_path: Path) -> None:
    found = manifest_of("yolo", export(tmp_path, "0 0.1 0.1 0.3 0.1 0.3 0.2")).findings.iloc[0]
    assert (found["outline"], found["polygon_px"]) == ("polygon", "10,8 30,8 30,16")
    assert box(found) == [10, 8, 30, 16]


def test_an_empty_label_file_is_no_finding_and_none_is_unknown(tmp_path: Path) -> None:
    export(tmp_path, "")
    picture(tmp_path / "train/images/z.png")
    tables = tables_of("yolo", tmp_path)
    assert tables.images["finding"].tolist() == ["0", ""]
    assert told(tables.notes, "1 images have no annotation")


def test_parts_copies_and_their_leak(tmp_path: Path) -> None:
    export(tmp_path, "0 0.5 0.5 0.2 0.2", "a_jpg.rf.0f1e")
    export(tmp_path, "0 0.5 0.5 0.2 0.2", "a_jpg.rf.77aa", "valid")
    tables = tables_of("yolo", tmp_path)
    assert tables.images["split"].tolist() == ["train", "valid"]
    assert set(tables.images["patient_id"]) == {"a"}
    assert told(tables.notes, "split leaks: 1 originals")


def test_parts_may_lie_below_images_and_labels(tmp_path: Path) -> None:
    picture(tmp_path / "images/val/a.png")
    (tmp_path / "labels/val").mkdir(parents=True)
    (tmp_path / "labels/val/a.txt").write_text("0 0.5 0.5 0.2 0.2")
    (tmp_path / "data.yaml").write_text("names:\n  0: cancer\n")
    manifest = manifest_of("yolo", tmp_path)
    assert manifest.images[["split", "cancer"]].to_numpy().tolist() == [["valid", "1"]]


def test_faulty_lines_and_boxes_are_counted(tmp_path: Path) -> None:
    lines = ["0 0.5 0.5 0.2", "x 1 2 3 4", "0 0.95 0.5 0.3 0.1", "0 .5 .5 0 -1", "0 2 2 .1 .1"]
    tables = tables_of("yolo", export(tmp_path, "\n".join(lines)))
    assert len(tables.findings) == 1
    assert box(tables.findings.iloc[0]) == [80, 36, 100, 44]
    assert told(tables.notes, "2 lines of label files are neither a box")
    assert told(tables.notes, "1 boxes reached beyond their image")
    assert told(tables.notes, "2 boxes have no place, no size or lie outside their image")


def test_a_label_file_of_faulty_lines_alone_says_nothing(tmp_path: Path) -> None:
    tables = tables_of("yolo", export(tmp_path, "0 0.5"))
    assert tables.images["finding"].tolist() == [""]


def test_a_box_on_a_broken_picture_is_left_out_and_told(tmp_path: Path) -> None:
    export(tmp_path, "0 0.5 0.5 0.2 0.2")
    (tmp_path / "train/images/a_jpg.rf.0f1e.jpg").write_bytes(b"no picture")
    tables = tables_of("yolo", tmp_path)
    assert (len(tables.images), len(tables.findings)) == (1, 0)
    assert told(tables.notes, "1 images cannot be read")


def test_without_names_classes_are_numbers(tmp_path: Path) -> None:
    export(tmp_path, "1 0.5 0.5 0.2 0.2")
    (tmp_path / "data.yaml").unlink()
    tables = tables_of("yolo", tmp_path, classes="class 1:malignant")
    assert tables.findings["label_text"].tolist() == ["class 1"]
    assert tables.images["cancer"].tolist() == ["1"]
    assert told(tables.notes, "the classes have numbers for names")


@pytest.mark.parametrize("text", ["names: 3", "names: [", "- a"])
def test_a_broken_data_yaml_is_named(tmp_path: Path, text: str) -> None:
    export(tmp_path, "")
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"data\.yaml: "):
        tables_of("yolo", tmp_path)


def test_a_folder_without_labels_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    with pytest.raises(ConfigError, match="no picture there has a label file"):
        tables_of("yolo", tmp_path)

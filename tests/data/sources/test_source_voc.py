from __future__ import annotations

from pathlib import Path

import pytest

from mammoscope.errors import ConfigError
from source_tables import manifest_of, picture, tables_of, told

POLYGON = "<polygon><x1>5</x1><y1>6</y1><x2>25</x2><y2>6</y2><x3>25</x3><y3>30</y3></polygon>"


def thing(name: str, *corners: float, polygon: str = "") -> str:
    names = ("xmin", "xmax", "ymin", "ymax")
    box = "".join(f"<{n}>{v}</{n}>" for n, v in zip(names, corners, strict=False))
    return (
        f"<object><name>{name}</name><pose>Unspecified</pose><truncated>0</truncated>"
        f"<difficult>0</difficult><occluded>0</occluded><bndbox>{box}</bndbox>{polygon}</object>"
    )


def export(folder: Path, *things: str, name: str = "a_jpg.rf.0f1e", part: str = "train") -> Path:
    """What Roboflow writes: the XML beside the picture, a box as xmin, xmax, ymin, ymax."""
    picture(folder / part / f"{name}.jpg")
    (folder / part / f"{name}.xml").write_text(
        f"<annotation><folder></folder><filename>{name}.jpg</filename><path>{name}.jpg</path>"
        "<source><database>roboflow.com</database></source><size><width>100</width>"
        "<height>80</height><depth>3</depth></size><segmented>0</segmented>"
        f"{''.join(things)}</annotation>"
    )
    return folder


def box(row) -> list[float]:
    return [float(row[name]) for name in ("x1_px", "y1_px", "x2_px", "y2_px")]


def test_boxes_are_read_whatever_the_order_of_their_edges(tmp_path: Path) -> None:
    found = manifest_of("voc", export(tmp_path, thing("benign", 10, 30, 20, 60))).findings.iloc[0]
    assert box(found) == [10, 20, 30, 60]
    assert (found["outline"], found["pathology"]) == ("box", "benign")


def test_counted_from_one_a_box_holds_its_last_pixel(tmp_path: Path) -> None:
    export(tmp_path, thing("benign", 1, 100, 1, 80))
    found = manifest_of("voc", tmp_path, first_pixel="1").findings.iloc[0]
    assert box(found) == [0, 0, 100, 80]


def test_a_polygon_is_kept(tmp_path: Path) -> None:
    export(tmp_path, thing("benign", 5, 25, 6, 30, polygon=POLYGON))
    found = manifest_of("voc", tmp_path).findings.iloc[0]
    assert (found["outline"], found["polygon_px"]) == ("polygon", "5,6 25,6 25,30")


def test_no_object_is_no_finding_and_no_file_unknown(tmp_path: Path) -> None:
    export(tmp_path)
    picture(tmp_path / "train/z.png")
    tables = tables_of("voc", tmp_path)
    assert tables.images["finding"].tolist() == ["0", ""]
    assert told(tables.notes, "1 images have no annotation")


def test_faulty_boxes_are_counted(tmp_path: Path) -> None:
    export(tmp_path, thing("x", 90, 130, 70, 90), thing("x", 5, 5, 6, 9), thing("x", 5, 9))
    tables = tables_of("voc", tmp_path)
    assert box(tables.findings.iloc[0]) == [90, 70, 100, 80]
    assert told(tables.notes, "1 boxes reached beyond their image")
    assert told(tables.notes, "2 boxes have no place, no size or lie outside their image")


def test_copies_in_two_parts_are_one_patient_and_a_leak(tmp_path: Path) -> None:
    export(tmp_path, thing("cancer", 10, 30, 20, 60))
    export(tmp_path, thing("cancer", 10, 30, 20, 60), name="a_jpg.rf.99bb", part="test")
    tables = tables_of("voc", tmp_path)
    assert set(tables.images["patient_id"]) == {"a"}
    assert sorted(tables.images["split"]) == ["test", "train"]
    assert told(tables.notes, "split leaks: 1 originals")


def test_the_original_layout_is_read(tmp_path: Path) -> None:
    export(tmp_path, thing("cancer", 10, 30, 20, 60), name="a", part="JPEGImages")
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "JPEGImages/a.xml").rename(tmp_path / "Annotations/a.xml")
    manifest = manifest_of("voc", tmp_path)
    assert (len(manifest.images), len(manifest.findings)) == (1, 1)


def test_broken_and_lone_files_are_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    export(tmp_path, thing("cancer", 10, 30, 20, 60))
    (tmp_path / "train/b.xml").write_text("<annotation>")
    (tmp_path / "train/c.xml").write_text("<annotation/>")
    tables = tables_of("voc", tmp_path)
    assert len(tables.findings) == 1
    assert told(tables.notes, "1 XML files cannot be read")
    assert told(tables.notes, "1 XML files have no image")


def test_an_impossible_first_pixel_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="first_pixel='2': it is 0 or 1"):
        tables_of("voc", tmp_path, first_pixel="2")


def test_a_folder_without_annotations_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no Pascal VOC file there"):
        tables_of("voc", tmp_path)

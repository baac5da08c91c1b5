from __future__ import annotations

from pathlib import Path

import pytest

from mammoscope.errors import ConfigError
from source_tables import manifest_of, picture, tables_of, told

CSV = "file,subject,label,side\na.png,7,malignant,Left\nb.png,7,benign,R\nc.png,8,unknown,\n"
MAPPED = {"image": "file", "patient": "subject", "cancer": "label"}
VALUES = "cancer:malignant=1, cancer:benign=0, cancer:unknown="


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "list.csv").write_text(CSV)
    for name in "abc":
        picture(tmp_path / f"{name}.png")
    return tmp_path


def test_columns_and_values_are_mapped(folder: Path) -> None:
    images = manifest_of("table", folder, **MAPPED, side="side", values=VALUES).images
    assert images["image_path"].tolist() == ["a.png", "b.png", "c.png"]
    assert images["patient_id"].tolist() == ["7", "7", "8"]
    assert images["cancer"].tolist() == ["1", "0", ""]
    assert images["laterality"].tolist() == ["L", "R", ""]


def test_values_may_be_options_of_their_own(folder: Path) -> None:
    values = {"cancer:malignant": "1", "cancer:benign": "0", "cancer:unknown": ""}
    images = manifest_of("table", folder, **MAPPED, **values).images
    assert images["cancer"].tolist() == ["1", "0", ""]


def test_one_column_may_serve_two(folder: Path) -> None:
    values = f"{VALUES}, pathology:unknown="
    images = manifest_of("table", folder, **MAPPED, pathology="label", values=values).images
    assert images["pathology"].tolist() == ["malignant", "benign", ""]


def test_a_value_without_meaning_is_named_with_its_remedy(folder: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"list\.csv: row 4, .*'cancer' holds 'unknown'; allowed: 0, 1; map it"
    ):
        tables_of("table", folder, **MAPPED, values="cancer:malignant=1, cancer:benign=0")


def test_paths_can_be_completed(folder: Path) -> None:
    (folder / "list.csv").write_text("id\nx\n")
    picture(folder / "png/x.png")
    images = manifest_of("table", folder, image="id", images="png", suffix=".png").images
    assert images["image_path"].tolist() == ["png/x.png"]


def test_without_patients_a_split_by_patient_is_said_to_be_impossible(folder: Path) -> None:
    tables = tables_of("table", folder, image="file")
    assert tables.images["patient_id"].tolist() == ["a.png", "b.png", "c.png"]
    assert told(tables.notes, "a split by patient is not possible")


def test_findings_are_rows_with_a_place(folder: Path) -> None:
    (folder / "list.csv").write_text(
        "file,x,y,x2,y2,what\na.png,1,2,3,4,Mass\na.png,5,6,7,8,calc\nb.png,,,,,\n"
    )
    columns = {"x1_px": "x", "y1_px": "y", "x2_px": "x2", "y2_px": "y2", "kind": "what"}
    options = {f"finding.{ours}": theirs for ours, theirs in columns.items()}
    options |= {"image": "file", "values": "finding.kind:calc=calcification"}
    manifest = manifest_of("table", folder, **options)
    assert manifest.images["image_path"].tolist() == ["a.png", "b.png"]
    assert manifest.findings["kind"].tolist() == ["mass", "calcification"]
    assert set(manifest.findings["outline"]) == {"box"}


def test_rows_of_one_image_that_differ_are_unknown_and_told(folder: Path) -> None:
    (folder / "list.csv").write_text("file,subject,label\na.png,7,1\na.png,7,0\nb.png,8,0\n")
    tables = tables_of("table", folder, **MAPPED)
    assert tables.images["cancer"].tolist() == ["", "0"]
    assert told(tables.notes, "1 images have rows that differ in cancer; left empty")


def test_an_image_of_two_patients_is_refused_without_naming_them(folder: Path) -> None:
    (folder / "list.csv").write_text("file,subject,label\na.png,Q71,1\na.png,Q72,1\n")
    with pytest.raises(ConfigError, match="1 images have rows of several patients") as caught:
        tables_of("table", folder, **MAPPED)
    assert "Q7" not in str(caught.value)


def test_images_that_are_not_there_are_told(folder: Path) -> None:
    (folder / "b.png").unlink()
    tables = tables_of("table", folder, **MAPPED, values=VALUES)
    assert len(tables.images) == 2
    assert told(tables.notes, "1 images of list.csv are not in the folder")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patient": "subject"}, "say which column holds the image's path"),
        ({"image": "path"}, "column 'path' is missing; it has file, subject, label, side"),
        ({"image": "file", "colour": "label"}, "there is no column 'colour'"),
        ({"image": "file", "values": "cancer=1"}, "write column:value=ours"),
        ({"image": "file", "values": "cancer:x=1"}, "name its column too"),
        ({"image": "file", "images": "elsewhere"}, "none of its 3 images is in the folder"),
        ({"image": "file", "patient": "file", "patient_id": "file"}, "is given two columns"),
        ({"image": "file", "table": "none.csv"}, r"none\.csv: no such file"),
    ],
)
def test_options_that_make_no_sense_are_named(folder: Path, options, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tables_of("table", folder, **options)


def test_of_several_tables_one_must_be_named(folder: Path) -> None:
    (folder / "more.csv").write_text("file\na.png\n")
    with pytest.raises(ConfigError, match=r"table=FILE; there: list\.csv, more\.csv"):
        tables_of("table", folder, image="file")
    assert len(manifest_of("table", folder, image="file", table="more.csv").images) == 1

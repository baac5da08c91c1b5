from __future__ import annotations

import csv
from pathlib import Path

import pytest

from mammoscope.errors import ConfigError
from source_tables import manifest_of, real, tables_of, told

INFO = """
1st column: MIAS database reference number.
mdb001 G CIRC B 535 425 197
mdb002 G NORM
mdb005 F CIRC B 477 133 30
mdb005 F CIRC M 500 168 26
mdb006 F CALC M *NOTE 3*
mdb007 F NORM
"""


@pytest.fixture
def films(tmp_path: Path) -> Path:
    (tmp_path / "Info.txt").write_text(INFO)
    for number in (1, 2, 5, 6):
        (tmp_path / f"mdb00{number}.pgm").write_bytes(b"P5 32 32 255 ")
    return tmp_path


def test_the_real_films_are_all_there(data_dir: Path) -> None:
    manifest = manifest_of("mini_mias", real(data_dir, "mini_mias"))
    images = manifest.images
    assert (len(images), images["patient_id"].nunique()) == (184, 92)
    assert images["pathology"].value_counts().to_dict() == {
        "normal": 118,
        "benign": 39,
        "malignant": 27,
    }
    assert (images["cancer"] == "1").sum() == 27
    assert len(manifest.findings) == 71


def test_the_real_circles_are_where_the_films_show_them(data_dir: Path) -> None:
    folder = real(data_dir, "mini_mias")
    findings = manifest_of("mini_mias", folder).findings
    ours = {
        (row.image_path, float(row.x1_px), float(row.y1_px), float(row.y2_px))
        for row in findings.itertuples()
        if row.outline
    }
    wanted = set()
    with (folder / "manifest.csv").open() as file:
        for row in csv.DictReader(file):
            if row["x_px"]:
                x, y, r = (float(row[name]) for name in ("x_px", "y_px", "radius_px"))
                wanted.add((row["image_path"], x - r, y - r, y + r))
    assert ours == wanted


def test_y_starts_at_the_top(films: Path) -> None:
    first = manifest_of("mini_mias", films).findings.iloc[0]
    assert first[["x1_px", "y1_px", "x2_px", "y2_px"]].tolist() == ["338", "402", "732", "796"]


def test_odd_films_are_left_breasts(films: Path) -> None:
    images = manifest_of("mini_mias", films).images
    assert images["laterality"].tolist() == ["L", "R", "L", "R"]


def test_two_films_are_one_woman(films: Path) -> None:
    images = manifest_of("mini_mias", films).images
    assert images["patient_id"].tolist() == ["mias001", "mias001", "mias003", "mias003"]


def test_an_image_has_the_worst_of_its_findings(films: Path) -> None:
    manifest = manifest_of("mini_mias", films)
    assert manifest.images["pathology"].tolist() == ["benign", "normal", "malignant", "malignant"]
    assert len(manifest.findings) == 4


def test_a_missing_circle_is_unknown_and_told(films: Path) -> None:
    tables = tables_of("mini_mias", films)
    last = manifest_of("mini_mias", films).findings.iloc[-1]
    assert (last["kind"], last["outline"], last["x1_px"]) == ("calcification", "", "")
    assert told(tables.notes, "1 marked lesions have no place")


def test_a_film_that_is_not_there_is_told(films: Path) -> None:
    assert told(tables_of("mini_mias", films).notes, "1 films of Info.txt are not in the folder")


def test_a_margin_is_no_shape(films: Path) -> None:
    first = manifest_of("mini_mias", films).findings.iloc[0]
    assert (first["mass_margin"], first["mass_shape"]) == ("circumscribed", "")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("mdb001 G CIRC X 535 425 197", "film mdb001, pathology 'X'; allowed: benign, malignant"),
        ("mdb001 G LUMP B 535 425 197", "film mdb001, abnormality 'LUMP'"),
        ("mdb001 G CIRC", "film mdb001 has a lesion without B or M"),
        ("nothing here", "no line such as"),
    ],
)
def test_a_line_that_is_not_as_published_is_named(films: Path, line: str, message: str) -> None:
    (films / "Info.txt").write_text(line)
    with pytest.raises(ConfigError, match=message):
        tables_of("mini_mias", films)


def test_a_folder_without_its_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Info\.txt: no such file"):
        tables_of("mini_mias", tmp_path)

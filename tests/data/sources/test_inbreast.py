"""INbreast in its layout, with invented women and contours."""

from __future__ import annotations

import plistlib
from pathlib import Path

import pytest

pytest.importorskip("pandas")

from mammoscope.data.manifest import make_manifest
from mammoscope.data.source import Tables
from mammoscope.data.sources.inbreast import SOURCE
from mammoscope.errors import ConfigError

TABLE = """\
Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads
removed;removed;R;CC;209901;90000001;4;4b
removed;removed;L;MLO;209901;90000002;1;1
removed;removed;L;CC;209902;90000003;;6
;;;;;;2;
total;3
"""
NAMES = {
    "90000001": "90000001_00aa11bb22cc33dd_MG_R_CC_ANON.dcm",
    "90000002": "90000002_00aa11bb22cc33dd_MG_L_ML_ANON.dcm",
    "90000003": "90000003_ffee11bb22cc33dd_MG_L_CC_ANON.dcm",
}


def write_contours(folder: Path, number: str, *regions: tuple[str, list[str]]) -> None:
    rois = [
        {"Name": name, "NumberOfPoints": len(points), "Point_px": points}
        for name, points in regions
    ]
    image = {"ImageIndex": 0, "NumberOfROIs": len(rois), "ROIs": rois}
    (folder / "AllXML").mkdir(exist_ok=True)
    (folder / "AllXML" / f"{number}.xml").write_bytes(plistlib.dumps({"Images": [image]}))


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "INbreast Release 1.0"
    (folder / "AllDICOMs").mkdir(parents=True)
    (folder / "INbreast.csv").write_text(TABLE)
    for name in NAMES.values():
        (folder / "AllDICOMs" / name).write_bytes(b"an image")
    return folder


def read(folder: Path) -> Tables:
    tables = SOURCE.read(folder, {})
    images = tables.images.assign(dataset="inbreast", modality="mammography")
    manifest = make_manifest(folder, images, tables.findings)
    return Tables(manifest.images, manifest.findings, tables.notes)


def test_rows_are_matched_to_files_and_malformed_ones_counted(release):
    tables = read(release.parent)
    assert len(tables.images) == 3
    assert tables.images["image_path"][0].endswith(NAMES["90000001"])
    assert any(note.startswith("2 lines of INbreast.csv") for note in tables.notes)


def test_woman_is_the_second_part_of_the_file_name(release):
    assert read(release).images["patient_id"].tolist() == [
        "00aa11bb22cc33dd",
        "00aa11bb22cc33dd",
        "ffee11bb22cc33dd",
    ]


def test_categories_are_birads_and_never_pathology(release):
    images = read(release).images
    assert images["birads"].tolist() == ["4", "1", "6"]
    assert images["label_text"][0] == "Bi-Rads 4b"
    assert set(images["cancer"]) == set(images["pathology"]) == {""}


def test_acr_is_density_and_view_is_the_tables(release):
    images = read(release).images
    assert images["density"].tolist() == ["D", "A", ""]
    assert images["view"].tolist() == ["CC", "MLO", "CC"]


def test_contours_become_polygons_points_become_pixels(release):
    square = ["(10.5, 20.0)", "(30.2, 20.0)", "(30.2, 44.9)", "(10.5, 44.9)"]
    write_contours(release, "90000001", ("Mass", square), ("Calcification", ["(7.2, 8.9)"]))
    tables = read(release)
    mass, point = tables.findings.to_dict("records")
    assert mass["polygon_px"] == "10.5,20 30.2,20 30.2,44.9 10.5,44.9"
    assert [mass[n] for n in ("x1_px", "y1_px", "x2_px", "y2_px")] == ["10", "20", "31", "45"]
    assert [point[n] for n in ("x1_px", "y1_px", "x2_px", "y2_px")] == ["7", "8", "8", "9"]
    assert (point["outline"], point["kind"]) == ("box", "calcification")
    assert tables.images["finding"].tolist() == ["1", "0", "0"]


def test_kinds_follow_the_names_misspelt_ones_too(release):
    names = ("Assymetry", "Cluster", "Distortion", "Espiculated Region", "PectoralMuscle")
    write_contours(release, "90000001", *[(name, ["(1, 2)"]) for name in names])
    tables = read(release)
    kinds = ["asymmetry", "calcification", "distortion", "other"]
    assert tables.findings["kind"].tolist() == kinds
    assert "1 regions are no findings and were left out." in tables.notes


def test_broken_contour_file_is_counted_and_the_rest_read(release):
    write_contours(release, "90000002", ("Mass", ["(1, 2)"]))
    (release / "AllXML" / "90000001.xml").write_text("<plist><dict>")
    tables = read(release)
    assert len(tables.findings) == 1
    assert "1 contour files cannot be read." in tables.notes


def test_missing_image_and_other_breast_are_counted(release):
    (release / "AllDICOMs" / NAMES["90000003"]).unlink()
    old = release / "AllDICOMs" / NAMES["90000001"]
    old.rename(old.with_name(old.name.replace("_R_", "_L_")))
    notes = read(release).notes
    assert "1 images of INbreast.csv are not in the folder." in notes
    assert "The file names of 1 images say the other breast." in notes


def test_folder_without_the_table_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"INbreast\.csv"):
        read(tmp_path)


def test_real_excerpt_is_read(data_dir, tmp_path):
    table = data_dir / "tables" / "inbreast_excerpt" / "INbreast.csv"
    (tmp_path / "INbreast.csv").write_bytes(table.read_bytes())
    rows = [line.split(";") for line in table.read_text().splitlines()[1:]]
    for row in rows:
        (tmp_path / f"{row[5]}_0a1b_MG_{row[2]}_{row[3]}_ANON.dcm").touch()
    images = read(tmp_path).images
    assert len(images) == 60
    assert set(images["birads"]) == set("123456")

"""CSAW-CC in its layout, with invented women."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pandas")

from mammoscope.data.manifest import make_manifest
from mammoscope.data.source import Tables
from mammoscope.data.sources.csaw_cc import SOURCE
from mammoscope.errors import ConfigError

TABLE = """\
anon_patientid,exam_year,x_age,x_case,x_cancer_laterality,x_type,x_lymphnode_met,rad_timing,\
rad_r1,rad_r2,rad_recall,rad_recall_type_right,rad_recall_type_left,imagelaterality,viewposition,\
libra_breastarea,libra_densearea,libra_percentdensity,anon_filename
71,2051,1,1,Left,1.0,0.0,1.0,1.0,1.0,1.0,,1.0,Left,CC,90.5,20.1,22.2,71_20990909_L_CC_1.dcm
71,2051,1,1,Left,1.0,0.0,1.0,1.0,1.0,1.0,,1.0,Right,MLO,91.5,20.1,22.0,71_20990909_R_MLO_1.dcm
71,2049,1,1,Left,1.0,0.0,3.0,0.0,0.0,0.0,,,Left,CC,90.5,20.1,22.2,71_20990909_L_CC_2.dcm
72,2050,2,0,,,,,,,,,,Left,CC,80.5,10.1,12.5,72_20990909_L_CC_1.dcm
"""
NAMES = [line.rsplit(",", 1)[1] for line in TABLE.splitlines()[1:]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "CSAW-CC_breast_cancer_screening_data.csv").write_text(TABLE)
    (tmp_path / "images").mkdir()
    for name in NAMES:
        (tmp_path / "images" / name).write_bytes(b"an image")
    return tmp_path


def read(folder: Path) -> Tables:
    tables = SOURCE.read(folder, {})
    images = tables.images.assign(dataset="csaw_cc", modality="mammography")
    return Tables(make_manifest(folder, images).images, notes=tables.notes)


def test_cancer_is_the_sick_breast_at_the_round_that_found_it(folder):
    images = read(folder).images
    assert images["cancer"].tolist() == ["1", "0", "", "0"]
    assert images["pathology"].tolist() == ["malignant", "", "", ""]


def test_rounds_before_the_finding_are_counted(folder):
    assert any(note.startswith("1 images of women with cancer") for note in read(folder).notes)


def test_exam_is_the_womans_year(folder):
    images = read(folder).images
    assert images["exam_id"].tolist() == ["71_2051", "71_2051", "71_2049", "72_2050"]
    assert images["laterality"].tolist() == ["L", "R", "L", "L"]


def test_age_class_and_percent_density_are_no_age_and_no_grade(folder):
    images = read(folder).images
    assert set(images["age"]) == set(images["density"]) == {""}
    assert images["x_age"].tolist() == ["1", "1", "1", "2"]
    assert images["libra_percentdensity"][3] == "12.5"


def test_converted_images_are_found_by_their_stem(folder):
    old = folder / "images" / NAMES[0]
    old.rename(old.with_suffix(".png"))
    assert read(folder).images["image_path"][0] == f"images/{old.stem}.png"


def test_images_not_there_are_counted(folder):
    (folder / "images" / NAMES[0]).unlink()
    tables = read(folder)
    assert len(tables.images) == 3
    assert any(note.startswith("1 images of CSAW-CC_breast") for note in tables.notes)


def test_folder_without_the_table_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="anon_filename"):
        read(tmp_path)

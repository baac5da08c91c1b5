"""BreakHis in its layout."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pandas")

from mammoscope.data.manifest import make_manifest
from mammoscope.data.source import Tables
from mammoscope.data.sources.breakhis import SOURCE
from mammoscope.errors import ConfigError

BREAST = "BreaKHis_v1/histology_slides/breast"
NAMES = (
    f"{BREAST}/benign/SOB/adenosis/SOB_B_A_14-91AB/40X/SOB_B_A-14-91AB-40-001.png",
    f"{BREAST}/benign/SOB/fibroadenoma/SOB_B_F_14-91CD/100X/SOB_B_F-14-91CD-100-002.png",
    f"{BREAST}/malignant/SOB/ductal_carcinoma/SOB_M_DC_14-92/400X/SOB_M_DC-14-92-400-003.png",
    f"{BREAST}/malignant/SOB/lobular_carcinoma/SOB_M_LC_14-92/400X/SOB_M_LC-14-92-400-003.png",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"a picture")
    return tmp_path


def read(folder: Path) -> Tables:
    tables = SOURCE.read(folder, {})
    images = tables.images.assign(dataset="breakhis", modality=SOURCE.modality)
    return Tables(make_manifest(folder, images).images, notes=tables.notes)


def test_slides_of_one_biopsy_are_one_woman(folder):
    images = read(folder).images
    assert images["patient_id"].tolist() == ["14-91", "14-91", "14-92", "14-92"]
    assert images["exam_id"].tolist() == ["14-91AB", "14-91CD", "14-92", "14-92"]


def test_pathology_type_and_magnification_come_from_the_name(folder):
    images = read(folder).images
    assert images["pathology"].tolist() == ["benign", "benign", "malignant", "malignant"]
    assert images["cancer"].tolist() == ["0", "0", "1", "1"]
    assert images["label_text"][0] == "adenosis"
    assert images["magnification"].tolist() == ["40", "100", "400", "400"]
    assert set(images["modality"]) == {"histology"}


def test_picture_under_two_types_is_marked_as_the_same(folder):
    tables = read(folder)
    assert tables.images["duplicate_group"].tolist() == ["", ""] + ["14-92-400-003"] * 2
    assert any(note.startswith("1 pictures are in the data set under two") for note in tables.notes)


def test_pictures_with_other_names_are_counted(folder):
    (folder / "scan.png").write_bytes(b"a picture")
    assert any(note.startswith("1 pictures have another name") for note in read(folder).notes)


def test_folder_without_pictures_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="SOB_B_TA"):
        read(tmp_path)

"""RSNA 2022: the real re-export, and invented rows in the challenge's layouts."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pandas")

from mammoscope.data.manifest import make_manifest
from mammoscope.data.source import Tables
from mammoscope.data.sources.rsna2022 import SOURCE
from mammoscope.errors import ConfigError

TRAIN = """\
site_id,patient_id,image_id,laterality,view,age,cancer,biopsy,invasive,BIRADS,implant,density,\
machine_id,difficult_negative_case
7,900,5001,L,CC,50,0,0,0,0,0,B,77,True
7,900,5002,R,MLO,50,1,1,1,0,0,B,77,False
8,901,5003,L,CC,,0,0,0,,1,,78,False
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.csv").write_text(TRAIN)
    return tmp_path


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"an image")


def read(folder: Path) -> Tables:
    tables = SOURCE.read(folder, {})
    images = tables.images.assign(dataset="rsna2022", modality="mammography")
    return Tables(make_manifest(folder, images).images, notes=tables.notes)


@pytest.mark.parametrize(
    "names",
    [
        ("train_images/900/5001.dcm", "train_images/900/5002.dcm", "train_images/901/5003.dcm"),
        ("900/5001.png", "900/5002.png", "901/5003.png"),
        ("900_5001.png", "900_5002.png", "901_5003.png"),
        ("train/0/900_5001.jpg", "train/1/900_5002_jpg.rf.0a1b.jpg", "test/0/901_5003.jpg"),
    ],
)
def test_images_are_found_by_the_numbers_in_their_names(names, folder):
    put(folder, *names)
    assert read(folder).images["image_path"].tolist() == list(names)


def test_no_cancer_says_nothing_of_pathology(folder):
    put(folder, "900_5001.png", "900_5002.png")
    images = read(folder).images
    assert images["cancer"].tolist() == ["0", "1"]
    assert images["pathology"].tolist() == ["", "malignant"]


def test_unknown_values_stay_empty_and_extra_columns_are_kept(folder):
    put(folder, "901_5003.png")
    image = read(folder).images.iloc[0]
    assert image[["age", "birads", "density"]].tolist() == ["", "", ""]
    assert image[["difficult_negative_case", "biopsy"]].tolist() == ["False", "0"]


def test_missing_doubled_and_foreign_images_are_counted(folder):
    put(folder, "900/5001.dcm", "900_5001.png", "999_1.png")
    notes = " ".join(read(folder).notes)
    assert "2 images of train.csv are not in the folder" in notes
    assert "1 images are not in train.csv" in notes
    assert "1 images are in the folder more than once" in notes


def test_folder_without_its_images_is_an_error(folder):
    with pytest.raises(ConfigError, match="none of the 3 images"):
        read(folder)


def test_missing_column_is_named(tmp_path):
    (tmp_path / "train.csv").write_text("patient_id,image_id\n1,2\n")
    with pytest.raises(ConfigError, match="'laterality'"):
        read(tmp_path)


def test_real_export_has_2710_images_of_763_women(data_dir):
    images = read(data_dir / "rsna2022").images
    assert (len(images), images["patient_id"].nunique()) == (2710, 763)
    assert not images["age"].str.endswith(".0").any()
    assert set(images["white_background"]) == {"True", "False"}
    assert images.loc[images["cancer"] == "1", "patient_id"].nunique() == 385

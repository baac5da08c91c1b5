from __future__ import annotations

from pathlib import Path

import pytest

from mammoscope.errors import ConfigError
from source_tables import manifest_of, picture, real, tables_of, told


def folder_of(folder: Path, *names: str) -> Path:
    for name in names:
        picture(folder / name)
    return folder


def test_class_folders_give_the_labels(tmp_path: Path) -> None:
    folder_of(tmp_path, "benign/1.png", "malignant/2.png", "normal/3.png")
    images = manifest_of("class_folders", tmp_path).images
    assert images["pathology"].tolist() == ["benign", "malignant", "normal"]
    assert images["cancer"].tolist() == ["0", "1", "0"]
    assert images["finding"].tolist() == ["1", "1", "0"]


def test_parts_above_the_classes_are_the_split(tmp_path: Path) -> None:
    folder_of(tmp_path, "train/cancer/1.png", "val/no cancer/2.png", "Test/cancer/3.png")
    images = manifest_of("class_folders", tmp_path).images.sort_values("image_path")
    assert images["split"].tolist() == ["test", "train", "valid"]
    assert images["cancer"].tolist() == ["1", "1", "0"]
    assert set(images["label_text"]) == {"cancer", "no cancer"}


def test_classes_below_the_parts_or_above_them_are_the_same(tmp_path: Path) -> None:
    folder_of(tmp_path, "malignant/train/1.png")
    images = manifest_of("class_folders", tmp_path).images
    assert images[["split", "cancer"]].to_numpy().tolist() == [["train", "1"]]


def test_an_unknown_class_keeps_its_name_and_no_label(tmp_path: Path) -> None:
    folder_of(tmp_path, "0/1.png", "1/2.png")
    tables = tables_of("class_folders", tmp_path)
    assert tables.images["cancer"].tolist() == ["", ""]
    assert tables.images["label_text"].tolist() == ["0", "1"]
    assert told(tables.notes, "2 of 2 folders do not say whether it is a cancer")


def test_classes_can_be_given_names(tmp_path: Path) -> None:
    folder_of(tmp_path, "0/1.png", "1/2.png")
    images = manifest_of("class_folders", tmp_path, classes="0:no cancer, 1:malignant").images
    assert images["cancer"].tolist() == ["0", "1"]
    assert images["pathology"].tolist() == ["", "malignant"]


def test_density_folders_give_the_density(tmp_path: Path) -> None:
    folder_of(tmp_path, "density A/1.png", "density_d/2.png", "Density3Benign/3.png")
    images = manifest_of("class_folders", tmp_path).images
    assert sorted(images["density"]) == ["A", "C", "D"]


def test_without_patients_a_split_by_patient_is_said_to_be_impossible(tmp_path: Path) -> None:
    folder_of(tmp_path, "train/benign/1.png", "test/benign/1.png", "train/malignant/1.png")
    tables = tables_of("class_folders", tmp_path)
    assert sorted(tables.images["patient_id"]) == ["benign/1", "benign/1", "malignant/1"]
    assert told(tables.notes, "a split by patient is not possible")


def test_a_pattern_finds_the_patient(tmp_path: Path) -> None:
    folder_of(tmp_path, "benign/P12_L_CC.png", "benign/P12_R_MLO.png", "benign/odd.png")
    tables = tables_of("class_folders", tmp_path, patient=r"^(P\d+)_")
    assert tables.images["patient_id"].tolist() == ["P12", "P12", "benign/odd"]
    assert tables.images["laterality"].tolist() == ["L", "R", ""]
    assert told(tables.notes, "1 of 3 do not fit the pattern")
    assert not any("P12" in note for note in tables.notes)


@pytest.mark.parametrize(
    ("pattern", "message"), [("(", "is no regular expression"), ("P", "has 0 groups; give it one")]
)
def test_a_pattern_that_cannot_be_used_is_named(tmp_path: Path, pattern, message: str) -> None:
    folder_of(tmp_path, "benign/1.png")
    with pytest.raises(ConfigError, match=message):
        tables_of("class_folders", tmp_path, patient=pattern)


def test_augmented_copies_share_patient_and_group_and_their_leak_is_told(tmp_path: Path) -> None:
    folder_of(
        tmp_path,
        "train/benign/a_png.rf.0123456789abcdef0123456789abcdef.jpg",
        "train/benign/a_png.rf.00000000000000000000000000000000.jpg",
        "valid/benign/a_png.rf.fedcba98fedcba98fedcba98fedcba98.jpg",
        "train/benign/b_png.rf.11111111111111111111111111111111.jpg",
    )
    tables = tables_of("class_folders", tmp_path)
    assert set(tables.images["patient_id"]) == {"benign/a", "benign/b"}
    assert sorted(tables.images["duplicate_group"]) == ["", *["benign/a"] * 3]
    assert told(tables.notes, "3 images are copies of 1 originals")
    assert told(tables.notes, "split leaks: 1 originals have copies in more than one of")


def test_pictures_outside_class_folders_are_told(tmp_path: Path) -> None:
    folder_of(tmp_path, "benign/1.png", "stray.png")
    tables = tables_of("class_folders", tmp_path)
    assert len(tables.images) == 2
    assert told(tables.notes, "1 images lie in no class folder")


def test_masks_beside_their_images_are_left_out_and_told(tmp_path: Path) -> None:
    folder_of(tmp_path, "benign/b (1).png", "benign/b (1)_mask.png", "benign/b (1)_mask_1.png")
    folder_of(tmp_path, "benign/lone_mask.png")
    tables = tables_of("class_folders", tmp_path)
    assert tables.images["image_path"].tolist() == ["benign/b (1).png", "benign/lone_mask.png"]
    assert told(tables.notes, "2 masks, named as an image and _mask, are no images")


def test_real_masks_are_no_images(data_dir: Path) -> None:
    images = manifest_of("class_folders", real(data_dir, "busi")).images
    assert len(images) == 632
    assert set(images["label_text"]) == {"images benign", "images malignant", "images normal"}


def test_the_modality_can_be_given(tmp_path: Path) -> None:
    folder_of(tmp_path, "benign/1.png")
    images = manifest_of("class_folders", tmp_path, modality="ultrasound").images
    assert images["modality"].tolist() == ["ultrasound"]


def test_a_folder_without_classes_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "1.png")
    with pytest.raises(ConfigError, match="no pictures in subfolders"):
        tables_of("class_folders", tmp_path)

from __future__ import annotations

from pathlib import Path

import pytest

from mammoscope.errors import ConfigError
from source_tables import manifest_of, picture, real, tables_of, told


@pytest.fixture
def published(tmp_path: Path) -> Path:
    root = tmp_path / "Dataset_BUSI_with_GT"
    picture(root / "benign/benign (1).png", box=(0, 0, 99, 79), value=90)
    picture(root / "benign/benign (1)_mask.png", box=(10, 20, 30, 50))
    picture(root / "benign/benign (1)_mask_1.png", box=(60, 5, 70, 15))
    picture(root / "malignant/malignant (1).png")
    picture(root / "malignant/malignant (1)_mask.png", box=(1, 2, 40, 41))
    picture(root / "normal/normal (1).png")
    picture(root / "normal/normal (1)_mask.png")
    return tmp_path


def test_the_real_images_are_all_there(data_dir: Path) -> None:
    manifest = manifest_of("busi", real(data_dir, "busi"))
    images = manifest.images
    assert images["pathology"].value_counts().to_dict() == {
        "benign": 356,
        "malignant": 174,
        "normal": 102,
    }
    assert set(images["modality"]) == {"ultrasound"}
    assert images["patient_id"].nunique() == 522
    assert images.loc[images["duplicate_group"] != "", "duplicate_group"].nunique() == 90
    assert len(manifest.findings) == 546
    assert (manifest.findings["outline"] == "mask").all()


def test_real_duplicates_with_two_labels_are_told(data_dir: Path) -> None:
    folder = real(data_dir, "busi")
    images = manifest_of("busi", folder).images
    assert (images["label_conflict"] == "1").sum() == 16
    assert told(tables_of("busi", folder).notes, "16 images in 7 groups have contradictory labels")


def test_each_mask_is_a_finding(published: Path) -> None:
    findings = manifest_of("busi", published).findings
    assert findings["finding_id"].tolist() == ["benign (1)-1", "benign (1)-2", "malignant (1)-1"]
    assert findings["mask_path"].str.endswith("_mask_1.png").tolist() == [False, True, False]


def test_a_box_is_that_of_the_mask(published: Path) -> None:
    first = manifest_of("busi", published).findings.iloc[0]
    assert first[["x1_px", "y1_px", "x2_px", "y2_px"]].tolist() == ["10", "20", "30", "50"]


def test_the_published_folder_has_no_patients_and_says_so(published: Path) -> None:
    tables = tables_of("busi", published)
    assert tables.images["patient_id"].tolist() == ["benign (1)", "malignant (1)", "normal (1)"]
    assert (tables.images["duplicate_group"] == "").all()
    assert told(tables.notes, "The women are not known")


def test_labels_are_those_of_the_names(published: Path) -> None:
    images = manifest_of("busi", published).images
    assert images["cancer"].tolist() == ["0", "1", "0"]
    assert images["finding"].tolist() == ["1", "1", "0"]


def test_an_empty_mask_of_a_lesion_is_told_and_one_of_a_normal_image_is_not(published) -> None:
    assert not told(tables_of("busi", published).notes, "masks of lesions are empty")
    picture(published / "Dataset_BUSI_with_GT/malignant/malignant (1)_mask.png")
    tables = tables_of("busi", published)
    assert told(tables.notes, "1 masks of lesions are empty")
    assert len(tables.findings) == 2


def test_a_mask_of_another_size_or_broken_is_left_out(published: Path) -> None:
    folder = published / "Dataset_BUSI_with_GT/benign"
    picture(folder / "benign (1)_mask.png", 50, 40, (10, 10, 20, 20))
    (folder / "benign (1)_mask_1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    notes = tables_of("busi", published).notes
    assert told(notes, "1 masks are not of their image's size")
    assert told(notes, "1 masks cannot be read")


def test_the_duplicates_of_a_manifest_are_one_patient(published: Path) -> None:
    (published / "manifest.csv").write_text(
        "source_name,label,dup_group,label_conflict\n"
        "benign (1).png,benign,benign (1).png,True\n"
        "malignant (1).png,malignant,benign (1).png,True\n"
    )
    images = manifest_of("busi", published).images
    assert images["duplicate_group"].tolist() == ["benign (1)", "benign (1)", ""]
    assert images["patient_id"].tolist() == ["benign (1)", "benign (1)", "normal (1)"]
    assert images["label_conflict"].tolist() == ["1", "1", ""]


def test_a_folder_of_something_else_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no picture named as"):
        tables_of("busi", tmp_path)

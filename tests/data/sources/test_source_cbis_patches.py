from __future__ import annotations

from pathlib import Path

import pytest

from mammoscope.errors import ConfigError
from source_tables import manifest_of, picture, real, tables_of, told

HEADER = "image_path,patient_id,label,source_split\n"


def test_the_real_crops_are_all_there(data_dir: Path) -> None:
    manifest = manifest_of("cbis_patches", real(data_dir, "cbis_patches"))
    images = manifest.images
    assert (len(images), images["patient_id"].nunique()) == (1370, 719)
    assert images["pathology"].value_counts().to_dict() == {"benign": 741, "malignant": 629}
    assert set(manifest.findings["kind"]) == {"mass"}


def test_the_publishers_split_is_told_and_not_taken(data_dir: Path) -> None:
    tables = tables_of("cbis_patches", real(data_dir, "cbis_patches"))
    assert "split" not in tables.images
    assert told(tables.notes, "(891 train, 336 test, 143 val) is its publisher's")


def test_an_unknown_label_is_named_by_row(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(f"{HEADER}a.png,P_1,benign,train\nb.png,P_2,odd,train\n")
    with pytest.raises(ConfigError, match="row 3, column 'label' holds 'odd'; allowed: benign"):
        tables_of("cbis_patches", tmp_path)


def test_a_crop_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(
        f"{HEADER}a.png,P_1,benign,train\nb.png,P_2,benign,train\n"
    )
    picture(tmp_path / "a.png")
    tables = tables_of("cbis_patches", tmp_path)
    assert len(tables.images) == 1
    assert told(tables.notes, "1 crops of manifest.csv are not in the folder")

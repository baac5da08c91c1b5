from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pandas")

from mammoscope.data.inserted_set import DATASET, InsertedOptions, write_inserted
from mammoscope.data.manifest import Manifest, read_manifest
from mammoscope.data.synth_set import SetOptions, write_set
from mammoscope.errors import ConfigError
from mammoscope.io import read_mammogram

OPTIONS = InsertedOptions(6, seed=1, healthy=0.3, workers=0)


@pytest.fixture(scope="module")
def normals(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("normals")
    return write_set(folder, SetOptions(2, height=256, lesions=0), progress=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, normals: Manifest) -> Manifest:
    folder = tmp_path_factory.mktemp("inserted")
    write_inserted(folder, normals, OPTIONS)
    return read_manifest(folder)


def test_every_image_keeps_its_woman_and_says_no_class(made: Manifest, normals: Manifest) -> None:
    assert len(made.images) == 6
    assert set(made.images["patient_id"]) <= set(normals.images["patient_id"])
    assert set(made.images["dataset"]) == {DATASET}
    assert set(made.images["cancer"]) == {""}


def test_an_image_has_a_finding_where_the_manifest_says_so(made: Manifest) -> None:
    with_finding = made.images.loc[made.images["finding"] == "1", "image_path"]
    assert sorted(with_finding) == sorted(made.findings["image_path"].unique())
    assert 0 < len(with_finding) < 6


def test_boxes_lie_in_their_pictures(made: Manifest) -> None:
    for row in made.findings.to_dict("records"):
        height, width = read_mammogram(made.path(row["image_path"])).shape
        x1, y1, x2, y2 = (float(row[name]) for name in ("x1_px", "y1_px", "x2_px", "y2_px"))
        assert 0 <= x1 < x2 <= width
        assert 0 <= y1 < y2 <= height


def test_the_same_seed_gives_the_same_files(
    made: Manifest, normals: Manifest, tmp_path: Path
) -> None:
    again = write_inserted(tmp_path, normals, OPTIONS)
    assert again.findings.to_csv() == made.findings.to_csv()
    path = made.images["image_path"][0]
    assert again.path(path).read_bytes() == made.path(path).read_bytes()


def test_no_images_are_refused() -> None:
    with pytest.raises(ConfigError, match="images is 0"):
        InsertedOptions(0)


def test_another_data_set_is_not_written_over(normals: Manifest) -> None:
    before = (normals.folder / "manifest.csv").read_bytes()
    with pytest.raises(ConfigError, match="another data set"):
        write_inserted(normals.folder, normals, OPTIONS)
    assert (normals.folder / "manifest.csv").read_bytes() == before

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

pd = pytest.importorskip("pandas")

import mammoscope  # noqa: E402
from mammoscope.data.manifest import read_manifest  # noqa: E402
from mammoscope.data.synth import exam_by_story  # noqa: E402
from mammoscope.data.synth_set import SetOptions, write_set  # noqa: E402
from mammoscope.errors import ConfigError  # noqa: E402
from mammoscope.io import read_mammogram  # noqa: E402

SOURCE = str(Path(mammoscope.__file__).parents[1])


def test_a_set_has_four_pictures_of_every_woman_and_its_manifest(tmp_path: Path) -> None:
    made = write_set(tmp_path, SetOptions(2, seed=5, height=128), progress=False)
    assert read_manifest(tmp_path).sha256 == made.sha256
    assert made.images.groupby("patient_id").size().tolist() == [4, 4]
    assert all(made.path(path).is_file() for path in made.images["image_path"])


def test_a_cancer_is_in_both_views_of_one_breast(tmp_path: Path) -> None:
    made = write_set(tmp_path, SetOptions(1, height=256, lesions=1), progress=False)
    sick = made.images[made.images["cancer"] == "1"]
    assert sick["view"].tolist() == ["CC", "MLO"]
    assert sick["laterality"].nunique() == 1
    found = made.findings[made.findings["pathology"] == "malignant"]
    assert found["image_path"].tolist() == sick["image_path"].tolist()
    assert found["finding_id"].nunique() == 1


def test_every_exam_tells_the_story(tmp_path: Path) -> None:
    story = "D density, 20 mm oval mass left"
    made = write_set(tmp_path, SetOptions(2, height=256, story=story), progress=False)
    assert set(made.images["density"]) == {"D"}
    assert made.findings["mass_shape"].tolist() == ["oval"] * 4


def test_dicom_studies_are_read_back_with_side_and_view(tmp_path: Path) -> None:
    made = write_set(tmp_path, SetOptions(1, height=128, syntax="JPEG-LS"), progress=False)
    for row in made.images.itertuples():
        read = read_mammogram(made.path(row.image_path))
        assert (read.laterality, read.view) == (row.laterality, row.view)


def test_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    write_set(tmp_path, SetOptions(1, height=128), progress=False)
    kept = tmp_path / "synthetic-000000" / "R-CC.png"
    before = kept.stat().st_mtime_ns
    made = write_set(tmp_path, SetOptions(2, height=128), progress=False)
    assert kept.stat().st_mtime_ns == before
    assert made.images["patient_id"].nunique() == 2


def test_a_set_of_another_size_wants_another_folder(tmp_path: Path) -> None:
    write_set(tmp_path, SetOptions(1, height=128), progress=False)
    with pytest.raises(ConfigError, match="another folder"):
        write_set(tmp_path, SetOptions(1, height=96), progress=False)


@pytest.mark.parametrize("wrong", [{"exams": 0}, {"lesions": 1.5}])
def test_an_impossible_set_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        SetOptions(**wrong)  # type: ignore[arg-type]


def test_another_process_makes_the_same_exam() -> None:
    story = "D density, 20 mm spiculated mass left, plus benign vascular calcification"
    code = (
        "import sys, zlib; import cv2; cv2.setNumThreads(1);"
        "from mammoscope.data.synth import exam_by_story;"
        f"exam = exam_by_story(6, {story!r}, 512);"
        "print([zlib.crc32(view.pixels.tobytes()) for view in exam.images])"
    )
    # Python's own hashing and OpenCV's threads differ between processes.
    env = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": SOURCE}
    there = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
    exam = exam_by_story(6, story, 512)
    here = [zlib.crc32(view.pixels.tobytes()) for view in exam.images]
    assert there.stdout.decode() == f"{here}\n"

"""Two real files of one mammogram, lossy in two ways: JPEG 2000 and 12-bit JPEG Extended."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mammoscope.io.dicom import read_dicom

_BESIDE = Path(__file__).parents[3] / "shared" / "data"
FOLDER = Path(os.environ.get("MAMMOSCOPE_DATA", _BESIDE)) / "samples" / "dicom"


@pytest.fixture(scope="module")
def images() -> list:
    if not FOLDER.is_dir():
        pytest.skip(f"the real files are not at {FOLDER} (set MAMMOSCOPE_DATA)")
    return [read_dicom(FOLDER / name) for name in ("MG1_J2KI.dcm", "MG1_JPLY.dcm")]


def test_both_are_the_same_picture(images: list) -> None:
    first, second = (image.pixels.astype(np.float32) / 65535 for image in images)
    assert first.shape == second.shape == (4664, 3064)
    assert np.abs(first - second).mean() < 0.005


def test_what_the_files_say(images: list) -> None:
    for image in images:
        assert image.view == "MLO"
        assert image.spacing_mm is None
        assert image.exam_key == images[0].exam_key
        assert any("RG, not MG" in warning for warning in image.warnings)

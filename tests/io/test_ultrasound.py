from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dicom_files import write_dicom
from mammoscope.io.ultrasound import read_ultrasound
from pictures import breast, chest_film, ultrasound

US_IMAGE = "1.2.840.10008.5.1.4.1.1.6.1"


def write_us(path: Path, **elements: object) -> Path:
    """An ultrasound DICOM file of 8 bits."""
    given = {"Modality": "US", "SOPClassUID": US_IMAGE, "PresentationIntentType": None}
    return write_dicom(path, ultrasound(), bits=8, **(given | elements))


def test_an_ultrasound_image_is_read_as_stored(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), ultrasound())
    picture = read_ultrasound(tmp_path / "a.png")
    assert picture is not None
    assert np.array_equal(picture.pixels, ultrasound())


@pytest.mark.parametrize("pixels", [breast(), chest_film(), np.zeros((90, 90), np.uint8)])
def test_other_pictures_are_none(tmp_path: Path, pixels: np.ndarray) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    assert read_ultrasound(tmp_path / "a.png") is None


def test_a_broken_missing_or_coloured_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"nothing")
    colour = np.zeros((90, 90, 3), np.uint8)
    colour[..., 2] = ultrasound()[:90, :90]
    cv2.imwrite(str(tmp_path / "b.png"), colour)
    assert [read_ultrasound(tmp_path / name) for name in ("a.png", "b.png", "c.png")] == [None] * 3


@pytest.mark.parametrize("part", [None, "BREAST"])
def test_dicom_of_modality_us_is_read(tmp_path: Path, part: str | None) -> None:
    picture = read_ultrasound(write_us(tmp_path / "a.dcm", BodyPartExamined=part))
    assert picture is not None
    assert picture.shape == ultrasound().shape
    assert picture.provenance["modality"] == "US"


@pytest.mark.parametrize("elements", [{"BodyPartExamined": "LIVER"}, {"Modality": "MG"}])
def test_dicom_of_another_organ_or_modality_is_none(
    tmp_path: Path, elements: dict[str, str]
) -> None:
    assert read_ultrasound(write_us(tmp_path / "a.dcm", **elements)) is None


def test_nearly_all_real_ultrasound_is_recognised_and_no_mammogram(data_dir: Path) -> None:
    files = sorted((data_dir / "busi" / "images").rglob("*).png"))[::8]
    known = [path for path in files if read_ultrasound(path) is not None]
    assert len(known) >= 0.95 * len(files)
    films = sorted((data_dir / "rsna2022").rglob("*.png"))[::100]
    assert not [path for path in films if read_ultrasound(path) is not None]

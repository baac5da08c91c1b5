from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from mammoscope.errors import CorruptError, RefusedError
from mammoscope.io import read_mammogram, read_picture
from mammoscope.io.screen import Doubt
from pictures import breast, text_page, ultrasound


def read(folder, pixels, name="L_CC.png"):
    path = folder / name
    path.write_bytes(imagecodecs.png_encode(pixels))
    return read_mammogram(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_negative_is_turned_over_and_told(tmp_path, dtype):
    pixels = breast().astype(dtype) * dtype(257 if dtype is np.uint16 else 1)
    white = np.iinfo(dtype).max
    image = read(tmp_path, (white - pixels).astype(dtype))
    np.testing.assert_array_equal(image.pixels, pixels)
    assert "turned over" in image.provenance["polarity"]
    assert "negative" in image.warnings[0]


@pytest.mark.parametrize("side", ["L", "R"])
def test_an_unnamed_side_stays_unknown_and_is_told(tmp_path, side):
    image = read(tmp_path, breast(side), "unnamed.png")
    assert image.laterality is None
    assert image.provenance["chest_wall"].startswith("picture:")
    assert "which breast" in image.warnings[0]


def test_a_named_side_wins_over_the_picture_with_a_warning(tmp_path):
    image = read(tmp_path, breast("R"), "L_CC.png")
    assert image.laterality == "L"
    assert "mirror image" in image.warnings[0]


def test_a_named_side_that_fits_is_taken_without_a_word(tmp_path):
    assert read(tmp_path, breast("R"), "R_CC.png").warnings == ()


def test_what_is_no_mammogram_is_refused_with_the_reason(tmp_path):
    with pytest.raises(RefusedError, match=r"text.*give a mammogram"):
        read(tmp_path, 255 - text_page())


def test_what_is_unusual_is_read_with_a_warning(tmp_path):
    turned = np.ascontiguousarray(np.rot90(breast()))
    assert Doubt.TURNED in read(tmp_path, turned).warnings


def test_an_empty_file_is_named(tmp_path):
    (tmp_path / "x.dcm").write_bytes(b"")
    with pytest.raises(CorruptError, match="empty"):
        read_mammogram(tmp_path / "x.dcm")


def test_dicom_goes_through_the_same_steps(data_dir):
    image = read_mammogram(data_dir / "samples" / "dicom" / "MG1_J2KI.dcm")
    assert image.laterality == "L"
    assert image.view == "MLO"


@pytest.mark.parametrize("drawn", [ultrasound, text_page])
def test_a_picture_of_anything_is_read_as_it_is_stored(tmp_path, drawn):
    path = tmp_path / "picture.png"
    path.write_bytes(imagecodecs.png_encode(drawn()))
    np.testing.assert_array_equal(read_picture(path).pixels, drawn())
    with pytest.raises(RefusedError):
        read_mammogram(path)


def test_a_picture_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(CorruptError):
        read_picture(tmp_path / "none.png")

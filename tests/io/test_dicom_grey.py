"""The greyscale pipeline against PS3.3's formulas, written out one value at a time."""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_files import item, lut, write_dicom
from mammoscope.errors import CorruptError
from mammoscope.io.dicom import read_dicom
from mammoscope.io.dicom_grey import window

STORED = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def read(tmp_path: Path, stored: Any = STORED, **elements: Any) -> Any:
    return read_dicom(write_dicom(tmp_path / "a.dcm", stored, **elements))


def linear(x: float, c: float, w: float) -> float:
    if x <= c - 0.5 - (w - 1) / 2:
        return 0.0
    if x > c - 0.5 + (w - 1) / 2:
        return 1.0
    return (x - (c - 0.5)) / (w - 1) + 0.5


def linear_exact(x: float, c: float, w: float) -> float:
    if x <= c - w / 2:
        return 0.0
    if x > c + w / 2:
        return 1.0
    return (x - c) / w + 0.5


def sigmoid(x: float, c: float, w: float) -> float:
    return 1 / (1 + math.exp(min(700.0, -4 * (x - c) / w)))


FORMULAS = {"LINEAR": linear, "LINEAR_EXACT": linear_exact, "SIGMOID": sigmoid}


@pytest.mark.parametrize("function", FORMULAS)
@pytest.mark.parametrize(("center", "width"), [(2048, 4096), (1000.5, 333), (40, 1), (3000, 2)])
def test_windows_follow_the_standard(
    tmp_path: Path, function: str, center: float, width: float
) -> None:
    image = read(tmp_path, WindowCenter=center, WindowWidth=width, VOILUTFunction=function)
    formula = FORMULAS[function]
    expected = [round(formula(x, center, width) * 65535) for x in range(4096)]
    np.testing.assert_array_equal(image.pixels.ravel(), expected)


@given(
    x=st.integers(-40000, 70000),
    center=st.floats(-40000, 70000),
    width=st.floats(1, 70000),
    function=st.sampled_from(list(FORMULAS)),
)
def test_window_equals_the_formula_anywhere(
    x: int, center: float, width: float, function: str
) -> None:
    if function == "LINEAR" and 1 < width < 1.0001:
        return  # a step of no width: both sides round differently
    if function == "SIGMOID" and abs(4 * (x - center) / width) > 700:
        return
    got = float(window(np.array([float(x)]), center, width, function)[0])
    assert got == pytest.approx(FORMULAS[function](x, center, width), abs=1e-6)


def test_no_voi_takes_the_range_of_the_data(tmp_path: Path) -> None:
    stored = np.clip(STORED, 100, 3000)
    image = read(tmp_path, stored)
    expected = np.rint((stored.astype(float) - 100) / 2900 * 65535)
    np.testing.assert_array_equal(image.pixels, expected)
    assert "100 to 3000" in image.provenance["voi"]


def test_the_first_of_several_windows_is_applied_and_the_others_are_named(tmp_path: Path) -> None:
    several = read(tmp_path, WindowCenter=[1000, 2000], WindowWidth=[500, 900])
    one = read(tmp_path, WindowCenter=1000, WindowWidth=500)
    np.testing.assert_array_equal(several.pixels, one.pixels)
    assert several.provenance["voi_others"] == "window center 2000 width 900 LINEAR"


def test_rescale_comes_before_the_window(tmp_path: Path) -> None:
    image = read(
        tmp_path, RescaleSlope=0.5, RescaleIntercept=-100, WindowCenter=400, WindowWidth=800
    )
    expected = [round(linear(x * 0.5 - 100, 400, 800) * 65535) for x in range(4096)]
    np.testing.assert_array_equal(image.pixels.ravel(), expected)


def test_modality_lut_comes_before_the_window(tmp_path: Path) -> None:
    table = [min(65535, 3 * i) for i in range(3000)]
    image = read(
        tmp_path,
        ModalityLUTSequence=lut(500, table),
        RescaleSlope=None,
        WindowCenter=4000,
        WindowWidth=6000,
    )
    after = [table[min(max(x - 500, 0), 2999)] for x in range(4096)]
    expected = [round(linear(x, 4000, 6000) * 65535) for x in after]
    np.testing.assert_array_equal(image.pixels.ravel(), expected)


def test_voi_lut_comes_before_windows(tmp_path: Path) -> None:
    table = [(i * i) // 16384 for i in range(4096)]
    image = read(tmp_path, VOILUTSequence=lut(0, table, 10), WindowCenter=1, WindowWidth=2)
    np.testing.assert_array_equal(image.pixels.ravel(), np.rint(np.array(table) / 1023 * 65535))
    assert image.provenance["voi"] == "VOI LUT 1"
    assert "window" in image.provenance["voi_others"]


def test_voi_lut_of_65536_entries_for_signed_values(tmp_path: Path) -> None:
    table = list(range(65536))
    signed = (STORED.astype(np.int32) * 16 - 32768).astype(np.int16)
    image = read(tmp_path, signed, bits=16, VOILUTSequence=lut(-32768, table))
    np.testing.assert_array_equal(image.pixels, STORED * 16)


def test_lut_with_fewer_entries_than_it_says(tmp_path: Path) -> None:
    sequence = lut(0, [0, 1, 2])
    sequence[0].LUTDescriptor = [300, 0, 16]
    with pytest.raises(CorruptError, match="lookup table"):
        read(tmp_path, VOILUTSequence=sequence)


@pytest.mark.parametrize("shape", [None, "INVERSE"])
def test_monochrome1_is_turned_over_once(tmp_path: Path, shape: str | None) -> None:
    plain = read(tmp_path, WindowCenter=2048, WindowWidth=4096)
    negative = read(
        tmp_path,
        PhotometricInterpretation="MONOCHROME1",
        PresentationLUTShape=shape,
        WindowCenter=2048,
        WindowWidth=4096,
    )
    np.testing.assert_array_equal(negative.pixels, 65535 - plain.pixels)
    assert negative.warnings == ()


@pytest.mark.parametrize(
    ("photometric", "shape"), [("MONOCHROME1", "IDENTITY"), ("MONOCHROME2", "INVERSE")]
)
def test_contradicting_presentation_shape_is_warned_of(
    tmp_path: Path, photometric: str, shape: str
) -> None:
    image = read(tmp_path, PhotometricInterpretation=photometric, PresentationLUTShape=shape)
    assert any("Presentation LUT Shape" in warning for warning in image.warnings)
    assert image.pixels[0, 0] == (65535 if photometric == "MONOCHROME1" else 0)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("limit", [None, 4090, 4095])
def test_padding_is_black_and_outside_the_range(
    tmp_path: Path, photometric: str, limit: int | None
) -> None:
    stored = STORED.copy()
    stored[stored > 3000] = 4095
    stored[0, 0] = 4092 if limit else 5
    image = read(
        tmp_path,
        stored,
        PhotometricInterpretation=photometric,
        PixelPaddingValue=4095 if limit != 4095 else 4090,
        PixelPaddingRangeLimit=limit,
    )
    assert (image.pixels[stored == 4095] == 0).all()
    darkest, brightest = (1, 3000) if photometric == "MONOCHROME2" else (3000, 1)
    assert (image.pixels[stored == brightest] > 65000).all()
    if limit:
        assert image.pixels[0, 0] == 0
    assert (image.pixels[stored == darkest] < 100).all()


def test_signed_padding(tmp_path: Path) -> None:
    signed = STORED.astype(np.int16) - 2048
    image = read(tmp_path, signed, bits=16, PixelPaddingValue=-2048, WindowCenter=-3000,
                 WindowWidth=10)  # fmt: skip
    assert image.pixels[0, 0] == 0
    assert image.pixels[0, 1] == 65535


def test_signed_pixels_are_extended_from_bits_stored(tmp_path: Path) -> None:
    signed = STORED.astype(np.int16) - 2048
    within = (signed.view(np.uint16) & 0xFFF).view(np.int16)
    np.testing.assert_array_equal(read(tmp_path, within).pixels, read(tmp_path, STORED).pixels)


def test_high_bit_shifts_and_overlay_bits_are_masked(tmp_path: Path) -> None:
    rubbish = np.random.default_rng(1).integers(0, 16, STORED.shape).astype(np.uint16)
    expected = read(tmp_path, STORED).pixels
    low = (STORED | (rubbish << 12)).astype(np.uint16)
    np.testing.assert_array_equal(read(tmp_path, low).pixels, expected)
    high = ((STORED << 4) | rubbish).astype(np.uint16)
    np.testing.assert_array_equal(read(tmp_path, high, HighBit=15).pixels, expected)


@pytest.mark.parametrize("width", [0, -5])
def test_impossible_windows_are_ignored_with_a_warning(tmp_path: Path, width: int) -> None:
    image = read(tmp_path, WindowCenter=100, WindowWidth=width)
    assert "none in the file" in image.provenance["voi"]
    assert any("Window Width" in warning for warning in image.warnings)


@pytest.mark.parametrize("slope", ["NaN", "inf", "0", "1e300"])
def test_nonsense_slopes_are_corrupt(tmp_path: Path, slope: str) -> None:
    path = write_dicom(tmp_path / "a.dcm", STORED, RescaleSlope="7.12345", RescaleIntercept="0")
    path.write_bytes(path.read_bytes().replace(b"7.12345", slope.encode().ljust(7)))
    with pytest.raises(CorruptError, match="Rescale Slope"):
        read_dicom(path)


def test_constant_images_are_read_as_black(tmp_path: Path) -> None:
    assert read(tmp_path, np.full((64, 64), 700, np.uint16)).pixels.max() == 0


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_windowed_output_agrees_with_dcmtk(tmp_path: Path, photometric: str) -> None:
    if shutil.which("dcm2pnm") is None:
        pytest.skip("dcm2pnm of DCMTK is not installed")
    path = write_dicom(tmp_path / "a.dcm", STORED, PhotometricInterpretation=photometric,
                       WindowCenter=1800, WindowWidth=2500, RescaleSlope=2, RescaleIntercept=-300,
                       RescaleType="US")  # fmt: skip
    out = tmp_path / "a.pgm"
    subprocess.run(["dcm2pnm", "+Wi", "1", "+opw", path, out], check=True, capture_output=True)
    oracle = np.array(out.read_text().split()[-64 * 64 :], int).reshape(64, 64)
    pixels = read_dicom(path).pixels.astype(int)
    assert np.abs(pixels - oracle).max() <= 1


def test_functional_group_windows_are_used(tmp_path: Path) -> None:
    frames = np.stack([STORED, STORED[::-1], STORED.T])
    shared = item(
        FrameVOILUTSequence=item(WindowCenter=1000, WindowWidth=2000, VOILUTFunction="SIGMOID"),
        PixelValueTransformationSequence=item(RescaleSlope=2, RescaleIntercept=-5),
    )
    image = read(tmp_path, frames, frames=3, SharedFunctionalGroupsSequence=shared)
    expected = [
        round(sigmoid(2 * x - 5, 1000, 2000) * 65535) for x in STORED[::-1].ravel().tolist()
    ]
    np.testing.assert_array_equal(image.pixels.ravel(), expected)

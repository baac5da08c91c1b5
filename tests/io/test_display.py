"""What a viewer windows is what was judged: each value has one grey level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_files import lut, write_dicom
from mammoscope.io.display import as_shown, grey_table
from mammoscope.io.mammogram import read_mammogram, read_shown
from report_example import breast

STORED = breast("L").astype(np.uint16) * 16


def test_values_beyond_the_files_window_are_still_there(tmp_path: Path) -> None:
    file = write_dicom(tmp_path / "a.dcm", STORED, WindowCenter=1000, WindowWidth=200)
    _, display = read_shown(file)
    np.testing.assert_array_equal(display.values, STORED)
    assert (display.windows[0].center, display.windows[0].width) == (1000, 200)


@pytest.mark.parametrize(
    "elements",
    [
        {"WindowCenter": 2000, "WindowWidth": 3000},
        {"WindowCenter": [2000, 500], "WindowWidth": [3000, 100]},
        {"WindowCenter": -100, "WindowWidth": 2000, "RescaleSlope": 2, "RescaleIntercept": -1000},
        {"WindowCenter": 20, "WindowWidth": 40, "RescaleSlope": 0.01, "RescaleIntercept": 0},
        {"WindowCenter": 2000, "WindowWidth": 3000, "VOILUTFunction": "SIGMOID"},
        {"WindowCenter": 2000, "WindowWidth": 3000, "VOILUTFunction": "LINEAR_EXACT"},
        {"WindowCenter": 2000, "WindowWidth": 3000, "PixelPaddingValue": 0},
        {"VOILUTSequence": lut(0, list(range(0, 65536, 16)))},
        {},
    ],
)
def test_windowing_the_values_gives_the_grey_levels(
    tmp_path: Path, elements: dict[str, object]
) -> None:
    """The window a viewer applies (PS3.3 C.11.2.1.2.1), rounded to a grey level."""
    mammogram, display = read_shown(write_dicom(tmp_path / "a.dcm", STORED, **elements))
    window = display.windows[0]
    real = display.values * display.slope + display.intercept
    shown = np.clip((real - window.center + 0.5) / (window.width - 1) + 0.5, 0, 1)
    white = np.iinfo(mammogram.pixels.dtype).max
    np.testing.assert_allclose(shown * white, mammogram.pixels, atol=0.51)
    assert grey_table(display.values, mammogram.pixels) is not None


def test_a_negative_is_told(tmp_path: Path) -> None:
    file = write_dicom(
        tmp_path / "a.dcm",
        4095 - STORED,
        PhotometricInterpretation="MONOCHROME1",
        PresentationLUTShape="INVERSE",
        WindowCenter=2048,
        WindowWidth=4096,
    )
    assert read_shown(file)[1].low_is_white


@given(st.integers(0, 2**32 - 1), st.sampled_from([np.uint8, np.uint16]))
def test_a_table_gives_every_grey_level_back(seed: int, dtype: type) -> None:
    chance = np.random.default_rng(seed)
    values = chance.integers(0, np.iinfo(dtype).max + 1, (5, 7)).astype(dtype)
    pixels = (values.astype(np.uint32) * 7919 % 65536).astype(np.uint16)
    table = grey_table(values, pixels)
    assert table is not None
    np.testing.assert_array_equal(table[values], pixels)


def test_values_with_two_grey_levels_have_no_table() -> None:
    values, pixels = np.zeros((1, 2), np.uint8), np.array([[3, 4]], np.uint8)
    assert grey_table(values, pixels) is None


def test_a_picture_is_shown_whole(tmp_path: Path) -> None:
    file = write_dicom(tmp_path / "a.dcm", STORED)
    window = as_shown(read_mammogram(file)).windows[0]
    assert (window.center, window.width) == (32768, 65536)


def test_free_text_becomes_no_name_of_a_window(tmp_path: Path) -> None:
    file = write_dicom(
        tmp_path / "a.dcm",
        STORED,
        WindowCenter=[2000, 1000],
        WindowWidth=[4000, 400],
        WindowCenterWidthExplanation=["JANE DOE", "HARDER"],
    )
    assert [one.name for one in read_shown(file)[1].windows] == ["as in the file", "harder"]

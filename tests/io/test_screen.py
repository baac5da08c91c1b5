from __future__ import annotations

import csv

import cv2
import numpy as np
import pytest

from mammoscope.io.screen import refusal
from pictures import breast, chest_film, text_page, ultrasound


@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("scale", [1, 257])
def test_a_breast_passes_on_either_side_and_at_either_depth(side, scale):
    dtype = np.uint8 if scale == 1 else np.uint16
    assert refusal(breast(side).astype(dtype) * dtype(scale)) is None


def test_a_breast_cut_off_on_all_sides_passes():
    inside = np.ascontiguousarray(breast(height=1200, width=900)[400:800, 50:350])
    assert refusal(inside) is None


@pytest.mark.parametrize(
    ("picture", "word"),
    [
        (np.zeros((300, 200), np.uint8), "blank"),
        (np.full((300, 200), 65535, np.uint16), "blank"),
        (np.tile(np.linspace(0, 255, 300), (200, 1)).astype(np.uint8), "gradient"),
        (np.random.default_rng(0).integers(0, 255, (250, 200)).astype(np.uint8), "grained"),
        (text_page(), "grained"),
        (chest_film(), "mirror"),
        (ultrasound(), "layers"),
    ],
    ids=["black", "white", "gradient", "noise", "text", "chest", "ultrasound"],
)
def test_what_is_no_mammogram_is_refused(picture, word):
    assert word in (refusal(picture) or "passed")


def test_a_screenshot_is_refused():
    screen = np.full((600, 900), 235, np.uint8)
    cv2.rectangle(screen, (50, 80), (500, 500), 180, -1)
    cv2.putText(screen, "File Edit View", (60, 60), 0, 0.8, 0)
    assert "even grey" in (refusal(screen) or "passed")


def test_single_column_or_row_does_not_break_it():
    refusal(np.arange(200, dtype=np.uint8).reshape(200, 1))
    refusal(np.arange(200, dtype=np.uint8).reshape(1, 200))


def test_real_mammograms_pass(data_dir):
    with (data_dir / "rsna2022" / "manifest.csv").open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["black"] == r["white_background"] == "False"]
    for row in rows[::40]:
        pixels = cv2.imread(str(data_dir / "rsna2022" / row["image_path"]), cv2.IMREAD_GRAYSCALE)
        assert refusal(pixels) is None, row["image_path"]


def test_nearly_all_real_ultrasound_is_refused(data_dir):
    files = sorted((data_dir / "busi" / "images").rglob("*).png"))[::8]
    passed = [p for p in files if refusal(cv2.imread(str(p), cv2.IMREAD_GRAYSCALE)) is None]
    assert len(passed) <= 0.05 * len(files)

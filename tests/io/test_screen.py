from __future__ import annotations

import csv

import cv2
import numpy as np
import pytest

from mammoscope.io.screen import Doubt, Refusal, refusal, screened
from pictures import breast, chest_film, photograph, text_page, ultrasound


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


def test_air_with_a_marker_alone_is_refused():
    air = np.full((800, 640), 3, np.uint8)
    assert "spot" in (refusal(cv2.putText(air, "R MLO", (400, 100), 0, 1.5, 220, 4)) or "passed")


def test_an_even_disc_is_refused_as_a_test_object():
    disc = cv2.ellipse(np.full((400, 320), 2, np.uint8), (0, 200), (230, 150), 0, 0, 360, 150, -1)
    assert "without any structure" in (refusal(disc) or "passed")


def test_sharp_outlines_all_over_are_refused_as_a_photograph():
    assert "sharp outlines" in (refusal(photograph()) or "passed")


def test_bright_pieces_side_by_side_are_refused():
    tiles = np.zeros((320, 340), np.uint8)
    for x in (10, 130, 250):
        tiles[40:280, x : x + 80] = breast(height=240, width=80)
    assert "several parts" in (refusal(tiles) or "passed")


def cut_out():
    return np.ascontiguousarray(breast(height=1200, width=900)[400:800, 50:350])


def floating():
    """Round on both sides, in air, away from the middle."""
    both = np.hstack([breast("R"), breast("L")])
    return np.pad(both, ((0, 0), (300, 0)), constant_values=3)


@pytest.mark.parametrize(
    ("picture", "doubt"),
    [
        (cut_out(), Doubt.AIRLESS),
        (np.ascontiguousarray(np.rot90(breast())), Doubt.TURNED),
        (np.ascontiguousarray(np.rot90(breast("R"))), Doubt.TURNED),
        (np.ascontiguousarray(breast()[:, :110]), Doubt.CUT),
        (np.ascontiguousarray(breast()[160:]), Doubt.CUT),
        (floating(), Doubt.ROUND),
    ],
    ids=["cut-out", "turned", "turned the other way", "tip cut off", "half cut off", "floating"],
)
def test_what_is_unusual_passes_with_one_doubt(picture, doubt):
    assert screened(picture) == (None, (doubt,))


@pytest.mark.parametrize("side", ["L", "R"])
def test_a_whole_breast_passes_without_a_doubt(side):
    assert screened(breast(side)) == (None, ())


def test_most_film_is_doubted_as_film_and_digital_is_not(data_dir):
    def share(name: str, step: int) -> float:
        files = sorted((data_dir / name / "images").iterdir())[::step]
        read = (cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in files)
        found = [Doubt.FILM in screened(pixels)[1] for pixels in read]
        return sum(found) / len(found)

    assert share("mini_mias", 6) > 0.7
    assert share("cdd_cesm", 6) < 0.05


def test_a_screenshot_is_refused():
    screen = np.full((600, 900), 235, np.uint8)
    cv2.rectangle(screen, (50, 80), (500, 500), 180, -1)
    cv2.putText(screen, "File Edit View", (60, 60), 0, 0.8, 0)
    assert "even grey" in (refusal(screen) or "passed")


@pytest.mark.parametrize("shape", [(200, 1), (1, 200)])
def test_a_single_column_or_row_is_a_gradient(shape):
    assert refusal(np.arange(200, dtype=np.uint8).reshape(shape)) is Refusal.GRADIENT


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

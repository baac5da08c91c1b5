from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mammoscope.anatomy import (
    breast_mask,
    invert,
    pectoral_line,
    pectoral_mask,
    side_of_mask,
    thumbnail,
    to_uint8,
    white_background,
)
from mammoscope.data.synth import synthetic_view
from mammoscope.types import Laterality
from pictures import breast


def ellipse(height: int = 320, width: int = 240) -> NDArray[np.bool_]:
    """What `pictures.breast` fills, chest wall on the left."""
    y, x = np.mgrid[0:height, 0:width]
    return (x / (0.75 * width)) ** 2 + ((y - height / 2) / (0.42 * height)) ** 2 < 1


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def test_the_breast_is_outlined() -> None:
    assert dice(breast_mask(breast()), ellipse()) > 0.97


def test_a_label_and_a_white_frame_are_left_out() -> None:
    picture = breast()
    picture[10:30, 190:225] = 255
    picture[:3] = picture[-3:] = 255
    picture[:, -3:] = 255
    assert dice(breast_mask(picture), ellipse()) > 0.96


def test_noise_in_the_air_is_not_breast() -> None:
    noise = np.random.default_rng(1).normal(8, 3, (320, 240))
    picture = np.maximum(breast(), np.clip(noise, 0, 40)).astype(np.uint8)
    assert dice(breast_mask(picture), ellipse()) > 0.96


def test_a_breast_cut_off_below_is_outlined_to_the_edge() -> None:
    mask = breast_mask(breast()[:200])
    assert mask[-1].sum() > 100
    assert dice(mask, ellipse()[:200]) > 0.96


def test_the_masks_longest_side_is_bounded() -> None:
    assert breast_mask(breast("L", 1600, 1000)).shape == (512, 320)


def test_black_has_no_breast_and_no_side() -> None:
    black = np.zeros((300, 200), np.uint16)
    assert not breast_mask(black).any()
    assert side_of_mask(breast_mask(black)) is None


@pytest.mark.parametrize("side", ["L", "R"])
def test_the_chest_wall_is_found(side: Laterality) -> None:
    assert side_of_mask(breast_mask(breast(side))) == side


def test_a_full_rectangle_has_no_side() -> None:
    assert side_of_mask(np.ones((50, 40), bool)) is None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_negative_is_known_by_its_air(dtype: type) -> None:
    scale = np.iinfo(dtype).max // 255
    picture = (breast().astype(np.uint32) * scale).astype(dtype)
    assert not white_background(picture)
    assert white_background(invert(picture))


def test_turning_over_twice_gives_the_picture_back() -> None:
    picture = breast().astype(np.uint16) * 200
    assert (invert(invert(picture)) == picture).all()
    assert invert(picture).dtype == np.uint16


def test_a_thumbnail_is_between_black_and_white() -> None:
    small = thumbnail(np.full((1000, 500), 65535, np.uint16), 100)
    assert small.shape == (100, 50)
    assert small.max() == 1.0


def test_sixteen_bits_round_to_the_nearest_of_eight() -> None:
    levels = np.arange(0, 65536, 7, dtype=np.uint16)[None]
    assert (to_uint8(levels) == np.rint(levels / 257)).all()


@pytest.mark.parametrize("side", ["L", "R"])
def test_the_pectoral_muscle_is_outlined(side: Laterality) -> None:
    view = synthetic_view(7, side, "MLO", 512)
    outline = breast_mask(view.pixels)
    muscle = pectoral_mask(view.pixels, outline)
    assert dice(outline, view.breast_mask) > 0.97
    assert dice(muscle, view.pectoral_mask) > 0.93
    assert not (muscle & ~outline).any()


def test_the_line_of_a_drawn_muscle_is_found() -> None:
    y, x = np.mgrid[:200, :160]
    picture = np.where(x / 80 + y / 120 < 1, 220, 120).astype(np.float32)
    line = pectoral_line(picture, x < 140)
    assert line == pytest.approx((80, 120), abs=6)


def test_no_muscle_is_seen_in_a_tiny_breast() -> None:
    outline = np.zeros((40, 30), bool)
    outline[5:15, :8] = True
    assert not pectoral_mask(np.zeros((40, 30), np.uint8), outline).any()
    assert pectoral_line(np.zeros((40, 30), np.float32), outline) is None

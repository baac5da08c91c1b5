from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscope.data.synth import synthetic_view
from mammoscope.infer.nipple import VIEWS, find_nipple
from mammoscope.preprocess import Prepared, PreprocessParams, prepare
from mammoscope.types import Laterality, Mammogram, Nipple, Pixels
from pictures import breast

PARAMS = PreprocessParams(384, 224)


def seen(pixels: Pixels) -> Prepared:
    return prepare(Mammogram(pixels, "a.png"), PARAMS)


def found(pixels: Pixels, view: str = "CC") -> Nipple:
    nipple = find_nipple(seen(pixels), view)
    assert nipple is not None
    return nipple


def even(side: Laterality = "L") -> Pixels:
    """A breast of 640 x 480 without any pattern, whose tip is 360 pixels from the wall."""
    picture = np.where(breast("L", 640, 480) > 10, 120, 0).astype(np.uint8)
    return picture if side == "L" else np.ascontiguousarray(picture[:, ::-1])


def with_bump(y: int) -> Pixels:
    """The same with a nipple in profile at that row."""
    picture = even().copy()
    edge = int(np.flatnonzero(picture[y])[-1])
    return np.asarray(cv2.circle(picture, (edge, y), 16, 150, -1), np.uint8)


def with_muscle() -> Pixels:
    """A breast that reaches the upper edge, with a muscle from (160, 0) to (0, 320)."""
    y, x = np.mgrid[:640, :480]
    picture = np.where((x < 200) & (y < 320), 120, even())
    return np.where(x / 160 + y / 320 < 1, 230, picture).astype(np.uint8)


@pytest.mark.parametrize("side", ["L", "R"])
def test_a_smooth_breast_has_its_nipple_where_it_is_most_forward(side: Laterality) -> None:
    nipple = found(even(side))
    tip = (360 if side == "L" else 120, 320)
    assert nipple.point_px == pytest.approx(tip, abs=nipple.error_px)
    assert nipple.error_px < 80
    assert nipple.wall_px == pytest.approx((0 if side == "L" else 480, nipple.point_px[1]), abs=4)


@settings(deadline=None, max_examples=10)
@given(st.integers(220, 420))
def test_a_nipple_in_profile_is_found_beside_the_most_forward_place(y: int) -> None:
    nipple = found(with_bump(y))
    assert nipple.point_px[1] == pytest.approx(y, abs=8)


@settings(deadline=None, max_examples=10)
@given(st.integers(240, 400), st.sampled_from(VIEWS))
def test_a_mirrored_breast_gives_the_mirrored_answer(y: int, view: str) -> None:
    picture = with_bump(y)
    one, other = found(picture, view), found(np.ascontiguousarray(picture[:, ::-1]), view)
    assert other.point_px == pytest.approx((480 - one.point_px[0], one.point_px[1]), abs=3)
    assert other.error_px == pytest.approx(one.error_px, rel=0.2, abs=2)


@settings(deadline=None, max_examples=3)
@given(st.integers(2, 4))
def test_the_answer_is_in_source_pixels(times: int) -> None:
    picture = with_bump(300)
    large = cv2.resize(picture, None, fx=times, fy=times, interpolation=cv2.INTER_NEAREST)
    one, other = found(picture), found(np.asarray(large, np.uint8))
    assert np.divide(other.point_px, times) == pytest.approx(one.point_px, abs=4)


def test_a_nipple_in_profile_is_surer_than_a_smooth_outline() -> None:
    assert found(with_bump(320)).error_px < 0.7 * found(even()).error_px


def test_the_line_of_a_view_from_the_side_ends_at_the_muscle() -> None:
    nipple = found(with_muscle(), "MLO")
    x, y = nipple.wall_px
    assert x / 160 + y / 320 == pytest.approx(1, abs=0.15)
    assert y < nipple.point_px[1] - 20


def test_other_views_are_left_alone() -> None:
    assert find_nipple(seen(breast()), "XCCL") is None
    assert find_nipple(seen(breast()), None) is None


def test_a_picture_without_a_breast_has_no_nipple() -> None:
    assert find_nipple(seen(np.zeros((300, 200), np.uint8)), "CC") is None
    whole = replace(seen(breast()), tissue=np.full((384, 224), 255, np.uint8))
    assert find_nipple(whole, "CC") is None


@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_a_synthetic_nipple_is_found_within_5_mm(view: str) -> None:
    drawn = synthetic_view(3, "R", view, 384, lesions=())  # type: ignore[arg-type]
    away = np.subtract(found(drawn.pixels, view).point_px, drawn.nipple_px)
    assert np.hypot(*away) * drawn.spacing_mm[0] < 5

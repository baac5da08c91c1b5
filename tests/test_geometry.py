from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscope.geometry import Geometry, box_of

side = st.integers(1, 5000)


@st.composite
def chains(draw: st.DrawFn) -> Geometry:
    """What any chain of crops, mirrors and resizes makes of a picture of any size."""
    geometry = Geometry.identity((draw(side), draw(side)))
    for step in draw(st.lists(st.sampled_from(["crop", "flip", "resize"]), max_size=8)):
        height, width = geometry.model_shape
        if step == "flip":
            geometry = geometry.flip_x()
        elif step == "resize":
            factor = st.integers(1, 2000)
            geometry = geometry.resize((draw(factor), draw(factor)))
        else:
            x1, y1 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
            x2, y2 = draw(st.integers(x1 + 1, width)), draw(st.integers(y1 + 1, height))
            geometry = geometry.crop((x1, y1, x2, y2))
    return geometry


fractions = st.tuples(*[st.floats(0, 1)] * 4)


def box_in(shape: tuple[int, int], at: tuple[float, ...]) -> tuple[float, float, float, float]:
    """A box with x1 <= x2 and y1 <= y2 inside `shape`, from four fractions."""
    (x1, x2), (y1, y2) = sorted(at[:2]), sorted(at[2:])
    return x1 * shape[1], y1 * shape[0], x2 * shape[1], y2 * shape[0]


@settings(deadline=None)
@given(chains(), st.floats(0, 5000), st.floats(0, 5000))
def test_any_source_point_goes_there_and_back(geometry: Geometry, x: float, y: float) -> None:
    back = geometry.to_source(geometry.to_model([x, y]))
    assert np.allclose(back, [x, y], rtol=0, atol=1e-6)


@settings(deadline=None)
@given(chains())
def test_the_model_image_lies_inside_the_source_image(geometry: Geometry) -> None:
    height, width = geometry.model_shape
    corners = geometry.to_source([[0, 0], [width, height]])
    assert corners.min() >= -1e-6
    assert (corners <= np.array(geometry.source_shape[::-1]) + 1e-6).all()


@settings(deadline=None)
@given(chains(), fractions)
def test_a_box_stays_ordered_and_comes_back(
    geometry: Geometry, at: tuple[float, float, float, float]
) -> None:
    box = box_in(geometry.model_shape, at)
    x1, y1, x2, y2 = found = geometry.box_to_source(box)
    assert x1 <= x2
    assert y1 <= y2
    scale = np.abs(geometry.scale).max()
    assert np.allclose(geometry.box_to_model(found), box, rtol=0, atol=1e-6 * max(1.0, scale))


def test_a_box_is_clipped_to_the_source_image() -> None:
    geometry = Geometry.identity((100, 80)).crop((10, 20, 60, 90))
    assert geometry.box_to_source((-30.0, -30.0, 900.0, 900.0)) == (0, 0, 80, 100)


def test_a_crop_moves_the_origin_and_a_resize_scales() -> None:
    geometry = Geometry.identity((100, 80)).crop((10, 20, 50, 100)).resize((40, 80))
    assert geometry.to_model([10, 20]).tolist() == [0, 0]
    assert geometry.to_model([30, 60]).tolist() == [40, 20]
    assert geometry.model_shape == (40, 80)


def test_a_mirror_takes_the_left_edge_to_the_right_edge() -> None:
    geometry = Geometry.identity((100, 80)).flip_x()
    assert geometry.to_model([[0, 7], [80, 7]]).tolist() == [[80, 7], [0, 7]]


@settings(deadline=None)
@given(chains())
def test_two_mirrors_are_none(geometry: Geometry) -> None:
    twice = geometry.flip_x().flip_x()
    assert twice.scale == geometry.scale
    assert np.allclose(twice.offset, geometry.offset, rtol=1e-12, atol=1e-6)


def test_the_row_spacing_belongs_to_y() -> None:
    geometry = Geometry.identity((100, 80), spacing_mm=(0.5, 0.1))
    mm = geometry.to_mm([10, 10])
    assert mm is not None
    assert mm.tolist() == pytest.approx([1.0, 5.0])
    assert geometry.box_to_mm((10, 10, 20, 30)) == pytest.approx((1.0, 5.0, 2.0, 15.0))


@settings(deadline=None)
@given(chains())
def test_mm_are_unknown_without_a_spacing(geometry: Geometry) -> None:
    assert geometry.to_mm([1, 2]) is None
    assert geometry.box_to_mm((1, 2, 3, 4)) is None


def test_the_spacing_is_the_sources_after_any_step() -> None:
    start = Geometry.identity((100, 80), spacing_mm=(0.5, 0.1))
    end = start.crop((10, 20, 50, 100)).resize((7, 9)).flip_x()
    assert end.box_to_mm((10, 10, 20, 30)) == start.box_to_mm((10, 10, 20, 30))


def test_box_of_a_mask_encloses_it_and_an_empty_one_has_none() -> None:
    mask = np.zeros((5, 7), bool)
    assert box_of(mask) is None
    mask[1, 2] = mask[3, 4] = True
    assert box_of(mask) == (2, 1, 5, 4)

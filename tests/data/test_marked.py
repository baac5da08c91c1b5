from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("pandas")

from mammoscope.data.marked import held, place

POINT = st.tuples(st.floats(-50, 150), st.floats(-50, 150))


@settings(deadline=None)
@given(st.lists(POINT, min_size=2, max_size=6))
def test_what_is_held_lies_in_the_picture_and_has_an_area(points) -> None:
    kept = held(np.array(points), (100, 80))
    if kept is not None:
        corners, _ = kept
        assert (corners >= 0).all()
        assert (corners <= (100, 80)).all()
        assert (np.ptp(corners, axis=0) > 0).all()


def test_a_box_inside_is_left_as_it_is() -> None:
    corners = np.array([[1.5, 2], [30, 40]])
    kept = held(corners, (100, 80))
    assert kept is not None
    assert np.array_equal(kept[0], corners)
    assert not kept[1]


def test_rounding_at_the_edge_is_not_worth_a_word() -> None:
    kept = held(np.array([[-0.4, 0], [100.4, 80]]), (100, 80))
    assert kept is not None
    assert not kept[1]


def test_a_place_that_is_no_number_is_none() -> None:
    assert held(np.array([[0, 0], [np.nan, 4]]), (100, 80)) is None


def test_more_than_two_corners_are_a_polygon() -> None:
    found = place(np.array([[1.0, 2], [3.25, 2], [3.25, 10000.5]]))
    assert found["polygon_px"] == "1,2 3.25,2 3.25,10000.5"
    assert (found["outline"], found["y2_px"]) == ("polygon", 10000.5)

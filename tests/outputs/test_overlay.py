from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscope.errors import MammoscopeError
from mammoscope.geometry import Geometry
from mammoscope.outputs import overlay, write_overlays
from mammoscope.outputs.colour import SILENT_BELOW, map_on, paint
from mammoscope.outputs.overlay import box_on_preview
from mammoscope.types import LesionMap
from report_example import LESION, PREVIEW, SOURCE, exam_report, image_report, unread_file


def test_overlay_colours_the_lesion_and_leaves_the_rest_grey() -> None:
    image = image_report("L", "CC", 0.64, 0.71)
    drawn = overlay(image)
    assert drawn.shape == (*PREVIEW, 3)
    assert drawn.dtype == np.uint8
    centre = drawn[256, 186].astype(int)
    assert centre[0] > centre[2] + 40
    assert np.array_equal(drawn[500:, :, 0], image.preview[500:])  # type: ignore[index]


def test_without_map_and_findings_the_preview_stays_as_it_was() -> None:
    image = replace(image_report("R", "MLO"), lesion_map=None)
    assert np.array_equal(overlay(image)[:, :, 1], image.preview)


def test_overlay_names_the_file_without_a_picture() -> None:
    with pytest.raises(MammoscopeError, match=r"study/cut\.dcm: there is no picture"):
        overlay(unread_file())


def test_names_come_from_side_view_and_counter_alone(tmp_path: Path) -> None:
    odd = replace(image_report("R", "CC"), view="../X", path="DOE^JANE.dcm")
    paths = write_overlays(exam_report(*exam_report().images, odd), tmp_path / "overlays")
    names = ["R-CC_1", "L-CC_1", "R-MLO_1", "L-MLO_1", "L-CC_2", "unplaced_1", "R-X_1"]
    assert [path.stem for path in paths] == names
    assert sorted(path.stem for path in (tmp_path / "overlays").iterdir()) == sorted(names)
    assert cv2.imread(str(paths[0])).shape == (*PREVIEW, 3)


def test_box_on_preview_follows_the_preview_s_scale() -> None:
    image = image_report("L", "CC", 0.64, 0.71)
    scaled = np.multiply(LESION, PREVIEW[0] / SOURCE[0])
    assert np.allclose(box_on_preview(image, image.findings[0].box_px), scaled)


@given(st.integers(1, 18), st.integers(1, 18), st.booleans())
def test_a_map_cell_is_painted_where_its_geometry_says(row: int, column: int, flip: bool) -> None:
    geometry = Geometry.identity((400, 300)).crop((50, 40, 250, 360))
    geometry = (geometry.flip_x() if flip else geometry).resize((20, 20))
    values = np.zeros((20, 20), np.float32)
    values[row, column] = 1
    drawn = map_on(LesionMap(values, geometry), (400, 300))
    y, x = np.unravel_index(drawn.argmax(), drawn.shape)
    expected = geometry.to_source((column + 0.5, row + 0.5))
    assert np.abs(np.array([x + 0.5, y + 0.5]) - expected).max() <= 1.0


def test_nothing_is_painted_outside_what_the_model_saw() -> None:
    geometry = Geometry.identity((100, 100)).crop((20, 30, 80, 90)).resize((6, 6))
    drawn = map_on(LesionMap(np.ones((6, 6), np.float32), geometry), (100, 100))
    assert drawn[30:90, 20:80].min() == 1
    assert drawn.sum() == 60 * 60


@given(st.floats(0, 1), st.floats(0, 1))
def test_alpha_and_lightness_grow_with_probability(a: float, b: float) -> None:
    low, high = paint(sorted((a, b))).astype(int)
    assert low[3] <= high[3]
    assert low[:3] @ (299, 587, 114) <= high[:3] @ (299, 587, 114) + 2000
    assert (paint(min(a, SILENT_BELOW))[3]) == 0

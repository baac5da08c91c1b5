from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mammoscope.types import DENSITY_GRADES, Density, Mammogram, NotSure


@pytest.mark.parametrize("grade", DENSITY_GRADES)
def test_a_certain_density_has_its_grade(grade: str) -> None:
    certain = Density(**{name: float(name == grade) for name in DENSITY_GRADES})
    assert certain.grade == grade


@pytest.mark.parametrize(
    ("probabilities", "grade"),
    [
        ((0.4, 0.1, 0.1, 0.4), "B"),  # the most probable grades are the outer ones
        ((0.5, 0.5, 0.0, 0.0), "A"),
        ((0.3, 0.1, 0.35, 0.25), "C"),
        ((0.0, 0.0, 0.49, 0.51), "D"),
    ],
)
def test_the_grade_is_the_median(probabilities: tuple[float, ...], grade: str) -> None:
    assert Density(*probabilities).grade == grade


def test_a_sum_just_below_one_still_has_a_grade() -> None:
    assert Density(0.0, 0.0, 0.0, 0.4999999).grade == "D"


def test_a_mammograms_shape_is_height_then_width() -> None:
    assert Mammogram(np.zeros((30, 20), np.uint16), "a.png").shape == (30, 20)


def test_a_mammogram_cannot_be_changed_by_accident() -> None:
    mammogram = Mammogram(np.zeros((30, 20), np.uint8), "a.png")
    with pytest.raises(dataclasses.FrozenInstanceError):
        mammogram.laterality = "L"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("malignancy", "sure"), [(0.19, True), (0.2, False), (0.3, False), (0.4, False), (0.41, True)]
)
def test_a_breast_is_sure_outside_the_band_alone(malignancy: float, sure: bool) -> None:
    assert NotSure(0.2, 0.4, 0.1).sure(malignancy) is sure


@pytest.mark.parametrize("high", [0.1, 0.2])
def test_ends_that_meet_or_cross_leave_no_band(high: float) -> None:
    assert all(NotSure(0.2, high, 0.1).sure(malignancy) for malignancy in (0.1, 0.15, 0.2))

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pd = pytest.importorskip("pandas")

from mammoscope.geometry import Geometry  # noqa: E402
from mammoscope.train.maps import (  # noqa: E402
    BENIGN,
    FINDING,
    MALIGNANT,
    MARK_PX,
    NOTHING,
    UNMARKED,
    coverage,
    mark,
    marked,
    shares,
)

SHAPE = (40, 60)
NONE = pd.DataFrame()
BOX = {"outline": "box", "x1_px": "10", "y1_px": "5", "x2_px": "30", "y2_px": "25"}


def finding(**more: str) -> pd.DataFrame:
    return pd.DataFrame([BOX | more])


def test_a_box_covers_its_pixels(tmp_path: Path) -> None:
    covered = marked(finding(), SHAPE, tmp_path)
    assert covered is not None
    assert covered.sum() == 20 * 20
    assert covered[5:25, 10:30].all()


def test_a_circle_covers_what_a_circle_does(tmp_path: Path) -> None:
    covered = marked(finding(outline="circle"), SHAPE, tmp_path)
    assert covered is not None
    assert covered.sum() == pytest.approx(np.pi * 10**2, rel=0.03)


def test_a_polygon_covers_its_inside(tmp_path: Path) -> None:
    corners = "10,5 30,5 10,25"
    covered = marked(finding(outline="polygon", polygon_px=corners), SHAPE, tmp_path)
    assert covered is not None
    assert covered.sum() == pytest.approx(200, rel=0.2)
    assert covered[7, 12]
    assert not covered[24, 29]


def test_findings_are_joined_and_masks_are_read(tmp_path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[30:, 50:] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    drawn = finding(outline="mask", mask_path="mask.png")
    covered = marked(pd.concat([finding(), drawn]).fillna(""), SHAPE, tmp_path)
    assert covered is not None
    assert covered.sum() == 20 * 20 + 10 * 10


def test_no_findings_cover_nothing(tmp_path: Path) -> None:
    covered = marked(NONE, SHAPE, tmp_path)
    assert covered is not None
    assert not covered.any()


@pytest.mark.parametrize(
    "more",
    [
        {"outline": ""},
        {"x1_px": ""},
        {"outline": "mask", "mask_path": "none.png"},
        {"outline": "mask", "mask_path": "small.png"},
    ],
)
def test_a_finding_without_a_place_leaves_the_image_unknown(
    tmp_path: Path, more: dict[str, str]
) -> None:
    cv2.imwrite(str(tmp_path / "small.png"), np.full((32, 32), 255, np.uint8))
    assert marked(finding(**more), SHAPE, tmp_path) is None


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 20), st.integers(0, 30), st.booleans(), st.sampled_from([(32, 64), (96, 40)]))
def test_coverage_keeps_the_area_through_any_crop_and_mirroring(
    top: int, left: int, mirrored: bool, size: tuple[int, int]
) -> None:
    covered = np.random.default_rng(0).random(SHAPE) < 0.3
    geometry = Geometry.identity(SHAPE).crop((left, top, left + 30, top + 20)).resize(size)
    geometry = geometry.flip_x() if mirrored else geometry
    shares = coverage(covered, geometry, (4, 4))
    assert shares.mean() == pytest.approx(covered[top : top + 20, left : left + 30].mean())


def test_coverage_is_mirrored_with_the_picture() -> None:
    covered = np.zeros(SHAPE, np.bool_)
    covered[:, :15] = True
    geometry = Geometry.identity(SHAPE).flip_x()
    assert coverage(covered, geometry, (1, 4)).tolist() == [[0, 0, 0, 1]]


def test_what_lies_outside_the_picture_is_not_covered() -> None:
    covered = np.ones(SHAPE, np.bool_)
    geometry = Geometry.identity(SHAPE).crop((0, -10, 60, 50))
    assert coverage(covered, geometry, (3, 1)).ravel() == pytest.approx([0.5, 1, 0.5])


PLAIN = Geometry.identity(SHAPE)
SHORT = {"outline": "box", "x1_px": "8", "y1_px": "4", "x2_px": "16", "y2_px": "12"}


def codes(tmp_path: Path, *findings: dict[str, str]) -> np.ndarray:
    return mark(pd.DataFrame([SHORT | one for one in findings]), SHAPE, tmp_path, PLAIN)


@pytest.mark.parametrize(
    ("pathology", "code"), [("benign", BENIGN), ("malignant", MALIGNANT), ("", FINDING)]
)
def test_marks_tell_the_pathology(tmp_path: Path, pathology: str, code: int) -> None:
    found = codes(tmp_path, {"pathology": pathology})
    assert found.shape == (SHAPE[0] // MARK_PX, SHAPE[1] // MARK_PX)
    assert (found[1:3, 2:4] == code).all()
    assert (found != NOTHING).sum() == 4


def test_of_findings_on_each_other_the_malignant_one_counts(tmp_path: Path) -> None:
    found = codes(tmp_path, {"pathology": "malignant"}, {"pathology": "benign"})
    assert set(np.unique(found)) == {NOTHING, MALIGNANT}


def test_a_finding_smaller_than_a_cell_keeps_one(tmp_path: Path) -> None:
    found = codes(tmp_path, {"pathology": "benign", "x2_px": "9", "y2_px": "5"})
    assert (found == BENIGN).sum() == 1


def test_a_box_over_half_the_breast_says_nothing_of_its_cells(tmp_path: Path) -> None:
    found = codes(tmp_path, {"pathology": "", "box_frac_of_breast": "0.5"})
    assert set(np.unique(found)) == {NOTHING, UNMARKED}


def test_an_image_with_a_finding_of_unknown_place_is_unmarked(tmp_path: Path) -> None:
    found = codes(tmp_path, {"pathology": "benign"}, {"outline": "", "pathology": "malignant"})
    assert (found == UNMARKED).all()


def test_shares_are_of_any_finding_and_of_malignant_ones() -> None:
    marks = np.full((8, 8), NOTHING, np.uint8)
    marks[:4, :2], marks[:4, 2:4] = BENIGN, MALIGNANT
    marks[4:, :4], marks[4:, 4] = FINDING, UNMARKED
    found, malignant = shares(marks, (2, 2))
    assert found.tolist() == [[1, 0], [1, -1]]
    assert malignant.tolist() == [[0.5, 0], [-1, -1]]

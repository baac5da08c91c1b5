from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscope.geometry import Box, Geometry
from mammoscope.infer.position import TOLERANCE, Place, matches, place_of, with_positions
from mammoscope.types import Finding, ImageReport, Laterality, LesionMap, Nipple, Position

SHAPE = (2000, 1600)
SPACING = (0.1, 0.1)
TIP, LINE_PX = (1000.0, 1000.0), 1000.0


def box(x: float, y: float) -> Box:
    return x - 50, y - 50, x + 50, y + 50


def image(
    view: str,
    *points: tuple[float, float],
    side: Laterality = "L",
    spacing: tuple[float, float] | None = SPACING,
    error: float = 0.0,
) -> ImageReport:
    """Findings at (mm back from the nipple, mm above it), hung as is usual for the side."""
    findings, turn = [], 1 if side == "L" else -1
    for back, up in points:
        findings.append(Finding(box(800 + turn * (200 - 10 * back), 1000 - 10 * up), 0.5))
    tip = (800.0 + turn * 200, 1000.0)
    return ImageReport(
        f"{side}{view}.png",
        side,
        view,
        findings=tuple(findings),
        lesion_map=LesionMap(np.zeros((4, 4), np.float32), Geometry.identity(SHAPE, spacing)),
        nipple=Nipple(tip, error, (tip[0] - turn * LINE_PX, 1000.0)),
    )


def placed(*images: ImageReport) -> list[Position]:
    """Of the first finding of each image."""
    found = [one.findings[0].position for one in with_positions(images)]
    assert all(found)
    return [one for one in found if one is not None]


def test_the_distance_is_in_mm_where_the_spacing_is_known() -> None:
    assert placed(image("CC", (30, 40)))[0].nipple_mm == pytest.approx(50)
    assert placed(image("CC", (30, 40), spacing=None))[0].nipple_mm is None


def test_a_row_spacing_of_its_own_is_kept() -> None:
    place = place_of((990, 1390, 1010, 1410), Nipple(TIP, 0, (0.0, 1000.0)), (0.05, 0.1))
    assert place.in_mm().away == pytest.approx(20)


@pytest.mark.parametrize(
    ("back", "depth"), [(5, "anterior"), (50, "middle"), (90, "posterior"), (130, "posterior")]
)
def test_depth_is_the_third_of_the_line_from_nipple_to_wall(back: float, depth: str) -> None:
    assert placed(image("MLO", (back, 20)))[0].depth == depth


@pytest.mark.parametrize("side", ["L", "R"])
def test_one_view_says_what_it_can_and_no_more(side: Laterality) -> None:
    (cc,), (mlo,) = placed(image("CC", (40, 30), side=side)), placed(image("MLO", (40, -30)))
    assert (cc.quadrant, cc.clock, cc.match) == ("outer", None, None)
    assert (mlo.quadrant, mlo.clock, mlo.match) == ("lower", None, None)


def test_at_the_nipples_level_one_view_tells_no_side() -> None:
    assert placed(image("CC", (40, 5)))[0].quadrant is None
    assert placed(image("MLO", (40, 30), error=400))[0].quadrant is None


def test_a_cc_hung_the_other_way_round_tells_no_side() -> None:
    turned = replace(image("CC", (40, 30)), laterality="R")
    assert placed(turned)[0].quadrant is None


@pytest.mark.parametrize(
    ("side", "cc", "level", "quadrant", "clock"),
    [
        ("L", 30, 42.4, "upper outer", 2),
        ("R", 30, 42.4, "upper outer", 10),
        ("L", -30, -42.4, "lower inner", 8),
        ("R", -30, 0.0, "upper inner", 2),
        ("L", 0, 40.0, "upper", 12),
        ("R", 0, -40.0, "lower", 6),
        ("R", 40, 28.3, "outer", 9),
        ("L", 2, 2.0, "central", None),
    ],
)
def test_two_views_give_quadrant_and_hour(
    side: Laterality, cc: float, level: float, quadrant: str, clock: int | None
) -> None:
    away = 60.0
    pair = [
        image(view, ((away**2 - up**2) ** 0.5, up), side=side)
        for view, up in (("CC", cc), ("MLO", level))
    ]
    for position in placed(*pair):
        assert (position.quadrant, position.clock) == (quadrant, clock)


def test_a_true_side_view_shows_the_height_itself() -> None:
    position = placed(image("CC", (52, 30)), image("ML", (52, 30)))[0]
    assert (position.quadrant, position.clock) == ("upper outer", 2)


@settings(deadline=None)
@given(st.floats(15, 90), st.floats(-80, 80), st.floats(-80, 80), st.sampled_from([SPACING, None]))
def test_the_same_distance_matches_whatever_the_direction(
    away: float, first: float, second: float, spacing: tuple[float, float] | None
) -> None:
    pair = [
        image(view, (away * np.cos(np.deg2rad(a)), away * np.sin(np.deg2rad(a))), spacing=spacing)
        for view, a in (("CC", first), ("MLO", second))
    ]
    cc, mlo = placed(*pair)
    assert (cc.match, mlo.match) == ((1, 0), (0, 0))


@settings(deadline=None)
@given(st.floats(15, 80), st.floats(-60, 60), st.floats(-60, 60))
def test_a_mirrored_breast_has_the_mirrored_hour(away: float, first: float, second: float) -> None:
    hours = []
    for side in ("L", "R"):
        pair = [
            image(v, (away * np.cos(np.deg2rad(a)), away * np.sin(np.deg2rad(a))), side=side)
            for v, a in (("CC", first), ("MLO", second))
        ]
        hours.append(placed(*pair)[0])
    left, right = hours
    assert left.quadrant == right.quadrant
    if left.clock is not None and right.clock is not None:
        assert (left.clock + right.clock) % 12 == 0


def test_too_different_distances_do_not_match() -> None:
    cc, mlo = placed(image("CC", (30, 0)), image("MLO", (30 + TOLERANCE + 1, 0)))
    assert cc.match is mlo.match is None


def test_a_missing_view_or_the_other_breast_gives_no_match() -> None:
    assert placed(image("CC", (40, 30)))[0].match is None
    others = placed(image("CC", (40, 30)), image("MLO", (40, 30), side="R"))
    assert [one.match for one in others] == [None, None]


def test_each_finding_is_matched_once_and_the_most_alike_first() -> None:
    def at(*away: float) -> list[Place]:
        return [Place(a, 0, 0, 0, 1.0) for a in away]

    assert matches(at(30, 36), at(35)) == [(1, 0)]
    assert sorted(matches(at(30, 50), at(52, 31, 90))) == [(0, 1), (1, 0)]


distances = st.lists(st.floats(0, 120), max_size=5)


@given(distances, distances)
def test_matching_is_one_to_one_and_within_the_tolerance(a: list[float], b: list[float]) -> None:
    pairs = matches([Place(x, 0, 0, 0, None) for x in a], [Place(x, 0, 0, 0, None) for x in b])
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert all(abs(a[i] - b[j]) <= TOLERANCE for i, j in pairs)


def test_an_image_without_a_nipple_stays_as_it_is() -> None:
    bare = replace(image("CC", (40, 30)), nipple=None)
    assert with_positions([bare])[0].findings == bare.findings


def test_scores_and_boxes_stay() -> None:
    before = image("CC", (40, 30), (60, -20))
    after = with_positions([before])[0]
    assert [replace(f, position=None) for f in after.findings] == list(before.findings)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mammoscope.geometry import Geometry
from mammoscope.infer.postprocess import (
    MAX_FINDINGS,
    PREVIEW_SIDE,
    breast_reports,
    find_lesions,
    image_report,
    malignancy_interval,
    mean_density,
    mean_malignancy,
    preview,
    sigmoid,
    softmax,
    unjudged_report,
)
from mammoscope.models.card import Weights, load_card
from mammoscope.preprocess import prepare
from mammoscope.types import Density, ImageReport, LesionMap, Mammogram, Unreadable
from pictures import breast

# Cells of 10 x 10 source pixels; the crop starts at x = 40, y = 20.
GEOMETRY = Geometry.identity((200, 150), (0.2, 0.1)).crop((40, 20, 120, 160)).resize((14, 8))
probability = st.floats(0, 1)


def empty_map() -> NDArray[np.float32]:
    return np.zeros((14, 8), np.float32)


def test_a_quiet_map_has_no_findings() -> None:
    assert find_lesions(LesionMap(empty_map() + np.float32(0.29), GEOMETRY), 0.3) == []


def test_two_places_give_two_boxes_the_higher_first() -> None:
    values = empty_map()
    values[2:4, 1:3] = 0.6
    values[9:12, 5:6] = 0.8
    found = find_lesions(LesionMap(values, GEOMETRY), 0.3)
    assert [finding.score for finding in found] == pytest.approx([0.8, 0.6])
    assert found[0].box_px == pytest.approx((90, 110, 100, 140))
    assert found[1].box_px == pytest.approx((50, 40, 70, 60))


def test_a_mirrored_map_gives_boxes_of_the_source() -> None:
    values = empty_map()
    values[2:4, 1:3] = 0.6
    mirrored = find_lesions(LesionMap(values[:, ::-1], GEOMETRY.flip_x()), 0.3)
    assert mirrored[0].box_px == pytest.approx((50, 40, 70, 60))


def test_a_box_in_mm_has_the_column_spacing_in_x() -> None:
    values = empty_map()
    values[2:4, 1:3] = 0.6
    found = find_lesions(LesionMap(values, GEOMETRY), 0.3)
    assert found[0].box_mm == pytest.approx((5, 8, 7, 12))


def test_a_cell_that_just_reaches_the_threshold_is_a_finding() -> None:
    values = empty_map()
    values[5, 5] = np.float32(0.3)
    assert len(find_lesions(LesionMap(values, GEOMETRY), float(np.float32(0.3)))) == 1


def test_a_broad_slope_does_not_make_a_broad_box() -> None:
    values = empty_map()
    values[:, :] = 0.35
    values[6:8, 3:5] = 0.9
    found = find_lesions(LesionMap(values, GEOMETRY), 0.3)
    assert [finding.box_px for finding in found] == [pytest.approx((70, 80, 90, 100))]


def test_only_the_most_suspicious_places_are_kept() -> None:
    values = empty_map()
    values[::2, ::2] = np.linspace(0.4, 0.9, 28).reshape(7, 4)
    found = find_lesions(LesionMap(values, GEOMETRY), 0.3)
    assert len(found) == MAX_FINDINGS
    assert found[0].score == pytest.approx(0.9)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.99))
def test_findings_lie_inside_the_crop_and_reach_the_threshold(seed: int, threshold: float) -> None:
    values = np.random.default_rng(seed).random((14, 8), np.float32)
    for finding in find_lesions(LesionMap(values, GEOMETRY), threshold):
        x1, y1, x2, y2 = finding.box_px
        assert 40 - 1e-6 <= x1 < x2 <= 120 + 1e-6
        assert 20 - 1e-6 <= y1 < y2 <= 160 + 1e-6
        assert np.float32(threshold) <= finding.score <= 1


@settings(deadline=None)
@given(st.lists(probability, min_size=1, max_size=6))
def test_the_mean_malignancy_lies_between_its_inputs(values: list[float]) -> None:
    mean = mean_malignancy(values)
    assert min(values) - 1e-8 <= mean <= max(values) + 1e-8


@settings(deadline=None)
@given(probability)
def test_the_mean_of_one_view_is_that_view(value: float) -> None:
    assert mean_malignancy([value]) == pytest.approx(value, abs=1e-8)


def test_the_mean_malignancy_is_the_mean_of_logits() -> None:
    assert mean_malignancy([0.5, sigmoid(2.0).item()]) == pytest.approx(sigmoid(1.0).item())


@settings(deadline=None)
@given(st.floats(-1e4, 1e4))
def test_the_logistic_function_never_overflows(logit: float) -> None:
    assert 0 <= sigmoid(logit) <= 1
    assert sigmoid(logit) + sigmoid(-logit) == pytest.approx(1)


@settings(deadline=None)
@given(st.lists(st.floats(-1e4, 1e4), min_size=4, max_size=4))
def test_softmax_sums_to_one(logits: list[float]) -> None:
    assert softmax(logits).sum() == pytest.approx(1)


def test_an_unknown_density_does_not_count() -> None:
    known = Density(0.1, 0.2, 0.3, 0.4)
    assert mean_density([None, known]) == known
    assert mean_density([None]) is None


def test_refused_views_count_in_no_breast() -> None:
    judged = ImageReport("a.png", "L", malignancy=0.2)
    refused = ImageReport("b.png", "R", refused="no breast")
    assert list(breast_reports([judged, refused], load_card())) == ["L"]


def test_an_unreadable_file_is_reported_with_its_reason() -> None:
    report = unjudged_report(Unreadable("a.dcm", "a.dcm: is empty; send it again."))
    assert report.refused == "a.dcm: is empty; send it again."
    assert report.malignancy is None


@pytest.mark.parametrize("shape", [(50, 40), (3001, 1501), (1500, 3000)])
def test_the_preview_is_the_whole_picture_bounded(shape: tuple[int, int]) -> None:
    small = preview(Mammogram(np.full(shape, 65535, np.uint16), "a.png"))
    assert max(small.shape) == min(max(shape), PREVIEW_SIDE)
    assert small.shape[0] / small.shape[1] == pytest.approx(shape[0] / shape[1], rel=0.01)
    assert (small == 255).all()


def test_the_map_of_findings_is_plain_probabilities_and_nothing_over_air() -> None:
    mammogram = Mammogram(breast("L").astype(np.uint16) * np.uint16(257), "a.png", "L", "CC")
    weights = load_card()
    prepared = prepare(mammogram, weights.preprocess)
    logits, density = np.full((28, 16), 2.0, np.float32), np.zeros(4, np.float32)
    report = image_report(mammogram, prepared, 0.0, logits, density, weights, 0.5, logits)
    assert report.finding_map is not None
    assert set(report.finding_map.values.ravel().tolist()) == {0.0, np.float32(sigmoid(2.0))}
    plain = image_report(mammogram, prepared, 0.0, logits, density, weights, 0.5)
    assert plain.finding_map is None


LINE, COVARIANCE = (0.5, -0.6), [[0.005, 0.002], [0.002, 0.008]]


def weights(**card: object) -> Weights:
    """Weights that say no more than how they are calibrated, and what they are not sure of."""
    platt = {"slope": LINE[0], "intercept": LINE[1], "covariance": COVARIANCE}
    return Weights("made", Path(), {"calibration": {"platt": platt}} | card)


@settings(deadline=None)
@given(probability)
def test_the_interval_holds_its_probability(value: float) -> None:
    low, high = malignancy_interval(value, weights()) or (1.0, 0.0)
    assert 0 <= low <= value + 1e-8
    assert value - 1e-8 <= high <= 1


@settings(deadline=None, max_examples=20)
@given(st.floats(-6, 6))
def test_the_interval_is_where_other_draws_of_the_line_fall(raw: float) -> None:
    lines = np.random.default_rng(0).multivariate_normal(LINE, COVARIANCE, 20_000)
    drawn = sigmoid(np.quantile(lines @ (raw, 1.0), [0.025, 0.975]))
    value = float(sigmoid(LINE[0] * raw + LINE[1]))
    assert malignancy_interval(value, weights()) == pytest.approx(tuple(drawn), abs=0.01)


def test_a_breast_s_interval_is_that_of_its_mean_logit() -> None:
    views = [ImageReport("a.png", "L", malignancy=value) for value in (0.2, 0.6)]
    breast_said = breast_reports(views, weights())["L"]
    assert breast_said.malignancy_interval == malignancy_interval(
        mean_malignancy([0.2, 0.6]), weights()
    )
    assert breast_said.sure is None


def test_a_line_without_covariance_gives_no_interval() -> None:
    bare = weights(calibration={"platt": {"slope": 0.5, "intercept": 0.0}})
    assert malignancy_interval(0.3, bare) is None


def test_a_breast_in_the_band_is_not_sure() -> None:
    card = weights(not_sure={"low": 0.25, "high": 0.45, "alpha": 0.1})
    views = [ImageReport("a.png", "L", malignancy=0.3), ImageReport("b.png", "R", malignancy=0.2)]
    found = breast_reports(views, card)
    assert (found["L"].sure, found["R"].sure) == (False, True)

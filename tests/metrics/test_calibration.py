import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from mammoscope.errors import ConfigError
from mammoscope.metrics import calibration


def drawn(n, slope=1.0, intercept=0.0, seed=0):
    random = np.random.default_rng(seed)
    score = random.normal(size=n) * 2
    truth = random.random(n) < calibration.apply_platt(score, slope, intercept)
    return score, truth.astype(int)


def test_platt_finds_the_line_the_truth_was_drawn_from():
    score, truth = drawn(100_000, slope=0.6, intercept=-1.2)
    assert calibration.fit_platt(score, truth) == pytest.approx((0.6, -1.2), abs=0.03)


def test_platt_equals_logistic_regression_on_the_smoothed_targets():
    score, truth = drawn(300, 1.5, 0.5)
    high, low = (truth.sum() + 1) / (truth.sum() + 2), 1 / ((1 - truth).sum() + 2)
    target = np.where(truth, high, low)
    oracle = LogisticRegression(C=np.inf, tol=1e-10).fit(
        np.r_[score, score][:, None], np.repeat([1, 0], 300), np.r_[target, 1 - target]
    )
    expected = oracle.coef_[0, 0], oracle.intercept_[0]
    assert calibration.fit_platt(score, truth) == pytest.approx(expected, rel=1e-4)


def test_platt_stays_finite_on_separable_scores():
    slope, intercept = calibration.fit_platt([-1, -2, 3, 4], [0, 0, 1, 1])
    assert 0 < slope < 10
    assert abs(intercept) < 10


@given(st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
def test_platt_does_not_mind_the_unit_of_the_score(unit, origin):
    score, truth = drawn(200)
    moved = score * unit + origin * unit
    slope, intercept = calibration.fit_platt(moved, truth)
    expected = calibration.apply_platt(score, *calibration.fit_platt(score, truth))
    np.testing.assert_allclose(
        calibration.apply_platt(moved, slope, intercept), expected, atol=1e-6
    )


@pytest.mark.parametrize(("score", "truth"), [([1, 2], [1, 1]), ([1, 1], [0, 1])])
def test_platt_needs_both_classes_and_varied_scores(score, truth):
    with pytest.raises(ConfigError, match="calibration needs"):
        calibration.fit_platt(score, truth)


def test_line_of_true_probabilities_is_one_and_zero():
    score, truth = drawn(100_000)
    line = calibration.calibration_line(truth, calibration.apply_platt(score, 1, 0))
    assert line == pytest.approx((1, 0), abs=0.03)


def test_overconfident_probabilities_have_a_slope_below_one():
    score, truth = drawn(20_000)
    slope, _ = calibration.calibration_line(truth, calibration.apply_platt(score, 2, 0))
    assert slope == pytest.approx(0.5, abs=0.03)


def test_line_of_separating_probabilities_is_refused():
    with pytest.raises(ConfigError, match="separate"):
        calibration.calibration_line([0, 0, 1], [0.1, 0.2, 0.3])


@given(st.integers(0, 10_000))
def test_brier_equals_scikit_learn(seed):
    score, truth = drawn(50, seed=seed)
    prob = calibration.apply_platt(score, 1, 0)
    expected = brier_score_loss(truth, prob, pos_label=1)
    assert calibration.brier(truth, prob) == pytest.approx(expected)


@given(st.integers(0, 10_000), st.integers(1, 20))
def test_equal_width_table_equals_scikit_learn(seed, bins):
    score, truth = drawn(60, seed=seed)
    prob = calibration.apply_platt(score, 1, 0)
    table = calibration.reliability(truth, prob, bins)
    observed, predicted = calibration_curve(truth, prob, n_bins=bins)
    np.testing.assert_allclose(table.observed, observed)
    np.testing.assert_allclose(table.mean_probability, predicted)


def test_ece_by_hand():
    # Bin (0, 0.5]: mean 0.2, observed 1/2. Bin (0.5, 1]: mean 0.9, observed 1.
    found = calibration.ece([0, 1, 1], [0.1, 0.3, 0.9], bins=2)
    assert found == pytest.approx((2 * 0.3 + 0.1) / 3)


def test_equal_mass_bins_hold_equal_numbers():
    score, truth = drawn(150)
    prob = calibration.apply_platt(score, 1, 0)
    assert calibration.reliability(truth, prob, 15, equal_mass=True).n.tolist() == [10] * 15


@given(st.integers(0, 10_000), st.booleans())
def test_every_case_is_in_one_bin_and_tied_cases_in_the_same(seed, equal_mass):
    random = np.random.default_rng(seed)
    prob, truth = random.integers(0, 5, 40) / 4, random.integers(0, 2, 40)
    table = calibration.reliability(truth, prob, 10, equal_mass)
    assert table.n.sum() == 40
    assert len(table.n) <= len(np.unique(prob))


def test_ece_of_constant_probabilities_is_their_distance_from_prevalence():
    for equal_mass in (False, True):
        found = calibration.ece([0, 0, 0, 1], [0.5] * 4, equal_mass=equal_mass)
        assert found == pytest.approx(0.25)


def test_a_logit_is_no_probability():
    with pytest.raises(ConfigError, match="0 to 1"):
        calibration.brier([0, 1], [0.5, 1.7])

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from mammoscope.errors import ConfigError
from mammoscope.metrics import calibration, recalibration
from mammoscope.metrics.calibration_maps import Beta, Platt, from_dict, to_dict

seeds = st.integers(0, 2**32 - 1)
methods = pytest.mark.parametrize("method", recalibration.METHODS)


def drawn(n, slope=1.0, intercept=0.0, seed=0):
    random = np.random.default_rng(seed)
    score = random.normal(size=n) * 2
    truth = random.random(n) < recalibration.apply_platt(score, slope, intercept)
    return score, truth.astype(int)


def logistic_oracle(features, truth, intercept=True):
    """Coefficients and intercept by scikit-learn, without penalty, on Platt's smoothed targets."""
    high, low = (truth.sum() + 1) / (truth.sum() + 2), 1 / ((1 - truth).sum() + 2)
    target = np.where(truth, high, low)
    fitted = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000, fit_intercept=intercept).fit(
        np.vstack([features, features]),
        np.repeat([1, 0], len(truth)),
        np.r_[target, 1 - target],
    )
    return *fitted.coef_[0], *np.atleast_1d(fitted.intercept_)


def test_platt_finds_the_line_the_truth_was_drawn_from():
    score, truth = drawn(100_000, slope=0.6, intercept=-1.2)
    assert recalibration.fit_platt(score, truth) == pytest.approx((0.6, -1.2), abs=0.03)


def test_platt_equals_logistic_regression_on_the_smoothed_targets():
    score, truth = drawn(300, 1.5, 0.5)
    expected = logistic_oracle(score[:, None], truth)
    assert recalibration.fit_platt(score, truth) == pytest.approx(expected, rel=1e-4)


def test_platt_by_name_takes_probabilities():
    score, truth = drawn(300)
    found = recalibration.fit("platt", expit(score), truth)
    assert (found.slope, found.intercept) == pytest.approx(recalibration.fit_platt(score, truth))


@settings(deadline=None)
@given(st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
def test_platt_does_not_mind_the_unit_of_the_score(unit, origin):
    score, truth = drawn(200)
    moved = score * unit + origin * unit
    slope, intercept = recalibration.fit_platt(moved, truth)
    expected = recalibration.apply_platt(score, *recalibration.fit_platt(score, truth))
    np.testing.assert_allclose(
        recalibration.apply_platt(moved, slope, intercept), expected, atol=1e-6
    )


def test_temperature_equals_logistic_regression_without_intercept():
    score, truth = drawn(300, 0.5)
    slope, _ = logistic_oracle(score[:, None], truth, intercept=False)
    found = recalibration.fit_temperature(expit(score), truth)
    assert found.temperature == pytest.approx(1 / slope, rel=1e-4)


def test_temperature_of_scores_that_point_the_wrong_way_is_refused():
    with pytest.raises(ConfigError, match="which class is 1"):
        recalibration.fit_temperature([0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1])


def test_beta_equals_logistic_regression_on_both_halves_of_the_logit():
    score, truth = drawn(2000, 0.7, -0.5)
    prob = expit(score)
    found = recalibration.fit_beta(prob, truth)
    expected = logistic_oracle(np.column_stack([np.log(prob), -np.log1p(-prob)]), truth)
    assert (found.a, found.b, found.c) == pytest.approx(expected, rel=1e-3)


def test_beta_equals_the_authors_package():
    betacal = pytest.importorskip("betacal", reason="betacal, the oracle, is not installed")
    score, truth = drawn(20_000, 0.7, -0.5)
    prob = expit(score)
    # Their fit has no smoothed targets, which with 20,000 cases moves little.
    theirs = betacal.BetaCalibration("abm").fit(prob, truth).predict(prob)
    np.testing.assert_allclose(recalibration.fit_beta(prob, truth).apply(prob), theirs, atol=1e-3)


@given(seeds)
@settings(deadline=None)
def test_beta_never_falls(seed):
    random = np.random.default_rng(seed)
    prob, truth = random.beta(2, 1, 30), np.r_[0, 1, random.integers(0, 2, 28)]
    found = recalibration.fit_beta(prob, truth)
    assert min(found.a, found.b) >= 0
    assert (np.diff(found.apply(np.linspace(0, 1, 50))) >= 0).all()


def test_beta_of_two_probabilities_settles_on_their_shares():
    # Only the sum of its two slopes is determined here. Targets of 2 of 3 and 1 of 2 are smoothed.
    prob, truth = [0.2, 0.2, 0.2, 0.9, 0.9], [0, 1, 0, 1, 1]
    found = recalibration.fit_beta(prob, truth).apply([0.2, 0.9])
    assert found == pytest.approx([(0.8 + 0.25 * 2) / 3, 0.8])


def test_beta_of_scores_that_point_the_wrong_way_is_the_prevalence():
    found = recalibration.fit_beta([0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1])
    assert found == Beta(0, 0, pytest.approx(0))


@settings(deadline=None)
@given(seeds)
def test_isotonic_equals_scikit_learn(seed):
    random = np.random.default_rng(seed)
    prob, truth = random.integers(0, 20, 40) / 19, np.r_[0, 1, random.integers(0, 2, 38)]
    oracle = IsotonicRegression(out_of_bounds="clip").fit(prob, truth)
    grid = np.linspace(0, 1, 101)
    found = recalibration.fit_isotonic(prob, truth).apply(grid)
    np.testing.assert_allclose(found, oracle.predict(grid), atol=1e-9)


def test_intercept_makes_expected_equal_observed():
    score, truth = drawn(500, intercept=-2)
    prob = recalibration.fit_intercept(expit(score), truth).apply(expit(score))
    assert calibration.expected_observed_ratio(truth, prob) == pytest.approx(1)


@methods
def test_every_map_goes_through_json_and_keeps_shape_and_range(method):
    score, truth = drawn(200)
    fitted = recalibration.fit(method, expit(score), truth)
    again = from_dict(json.loads(json.dumps(to_dict(fitted))))
    assert again == fitted
    prob = again.apply([[0, 0.2, 0.5], [0.7, 0.9, 1]])
    assert prob.shape == (2, 3)
    assert ((prob >= 0) & (prob <= 1)).all()


@methods
def test_fits_of_separable_cases_are_finite(method):
    fitted = recalibration.fit(method, [0.2, 0.3, 0.8, 0.9], [0, 0, 1, 1])
    assert np.isfinite(np.concatenate([np.ravel(v) for v in vars(fitted).values()])).all()


@methods
def test_recalibration_of_many_cases_mends_what_it_can_mend(method):
    score, truth = drawn(20_000, 0.5)
    prob = expit(score)
    fitted = recalibration.fit(method, prob[::2], truth[::2])
    assert (
        calibration.log_loss(truth[1::2], fitted.apply(prob[1::2]))
        <= calibration.log_loss(truth[1::2], prob[1::2]) + 1e-4
    )


@methods
def test_a_fit_needs_both_classes(method):
    with pytest.raises(ConfigError, match="one class"):
        recalibration.fit(method, [0.1, 0.2], [1, 1])


@pytest.mark.parametrize("method", ["temperature", "platt", "isotonic", "beta"])
def test_a_fit_needs_varied_probabilities(method):
    with pytest.raises(ConfigError, match="vary"):
        recalibration.fit(method, [0.3, 0.3], [0, 1])


def test_an_unknown_method_is_named():
    with pytest.raises(ConfigError, match=r"'plat'.*platt"):
        recalibration.fit("plat", [0.3, 0.4], [0, 1])


@methods
def test_cross_fitting_never_shows_a_case_its_own_truth(method):
    score, truth = drawn(300)
    fold = np.arange(300) % 3
    before = recalibration.cross_fitted(method, expit(score), truth, fold)
    changed = np.where(fold == 1, score > 0, truth)
    after = recalibration.cross_fitted(method, expit(score), changed, fold)
    np.testing.assert_array_equal(before[fold == 1], after[fold == 1])
    assert (before != after)[fold != 1].any()


@pytest.mark.parametrize("fold", [[0, 0, 0], [0, 1]])
def test_cross_fitting_needs_two_folds_over_all_cases(fold):
    with pytest.raises(ConfigError, match="fold has shape"):
        recalibration.cross_fitted("platt", [0.1, 0.2, 0.3], [0, 1, 0], fold)


@pytest.mark.parametrize(
    "parameters", [{}, {"kind": "cubic"}, {"kind": "platt", "slope": 1.0}, {"slope": 1.0}]
)
def test_parameters_of_no_map_are_refused(parameters):
    with pytest.raises(ConfigError, match="to_dict"):
        from_dict(parameters)


def test_beta_with_equal_halves_is_platt():
    prob = expit(np.linspace(-25, 25, 20))
    np.testing.assert_allclose(Beta(0.7, 0.7, 0.3).apply(prob), Platt(0.7, 0.3).apply(prob))


def test_certain_probabilities_stay_all_but_certain():
    assert logit(Platt(1, 0).apply([0.0, 1.0])) == pytest.approx([-30, 30], abs=1e-2)

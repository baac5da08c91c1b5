import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn import metrics as oracle
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from mammoscope.errors import ConfigError
from mammoscope.metrics import calibration
from mammoscope.metrics.proportions import wilson
from mammoscope.metrics.resample import patient_resamples

seeds = st.integers(0, 2**32 - 1)
thousand = settings(max_examples=1000, deadline=None)


def drawn(n, seed=0):
    random = np.random.default_rng(seed)
    score = random.normal(size=n) * 2
    return score, (random.random(n) < expit(score)).astype(int)


def tied(seed):
    """Truth of both classes, probabilities with ties and certainties, and weights with zeros."""
    random = np.random.default_rng(seed)
    n = int(random.integers(4, 60))
    truth = np.r_[0, 1, random.integers(0, 2, n - 2)]
    prob = random.integers(0, 11, n) / 10 if random.random() < 0.7 else random.random(n)
    return truth, prob, np.r_[1, 1, random.choice([0, 0.5, 1, 3], n - 2)]


@thousand
@given(seeds, st.booleans())
def test_brier_and_log_loss_equal_scikit_learn_with_and_without_weights(seed, weighted):
    truth, prob, weight = tied(seed)
    weight = weight if weighted else None
    brier = oracle.brier_score_loss(truth, prob, sample_weight=weight)
    assert calibration.brier(truth, prob, weight) == pytest.approx(brier, abs=1e-12)
    loss = oracle.log_loss(truth, prob, sample_weight=weight)
    assert calibration.log_loss(truth, prob, weight) == pytest.approx(loss, abs=1e-9)


@thousand
@given(seeds, st.integers(1, 20))
def test_equal_width_table_equals_scikit_learn(seed, bins):
    truth, prob, _ = tied(seed)
    table = calibration.reliability(truth, prob, bins)
    observed, predicted = calibration_curve(truth, prob, n_bins=bins)
    np.testing.assert_allclose(table.observed, observed, atol=1e-12)
    np.testing.assert_allclose(table.mean_probability, predicted, atol=1e-12)


@settings(deadline=None)
@given(seeds, st.integers(1, 20), st.booleans())
def test_brier_parts_add_up_for_any_bins(seed, bins, equal_mass):
    truth, prob, weight = tied(seed)
    parts = calibration.brier_parts(truth, prob, bins, equal_mass, weight)
    assert parts.score == pytest.approx(calibration.brier(truth, prob, weight), abs=1e-12)
    assert min(parts.reliability, parts.resolution, parts.within_variance) >= 0


def test_brier_parts_by_hand():
    # Two bins of one probability each: 0.2 with 1 of 4 observed, 0.8 with 1 of 1; prevalence 0.4.
    parts = calibration.brier_parts([0, 0, 0, 1, 1], [0.2] * 4 + [0.8], bins=2)
    assert parts.reliability == pytest.approx(0.8 * 0.05**2 + 0.2 * 0.2**2)
    assert parts.resolution == pytest.approx(0.8 * 0.15**2 + 0.2 * 0.6**2)
    assert parts.uncertainty == pytest.approx(0.24)
    assert (parts.within_variance, parts.within_covariance) == pytest.approx((0, 0))


def test_weights_count_as_repeated_cases():
    truth, prob, weight = [0, 1, 1], np.array([0.2, 0.4, 0.9]), np.array([3, 1, 2])
    repeated = np.repeat(truth, weight), np.repeat(prob, weight)
    for figure in (calibration.scaled_brier, calibration.expected_observed_ratio):
        assert figure(truth, prob, weight) == pytest.approx(figure(*repeated))


def test_scaled_brier_of_the_prevalence_is_zero_and_of_the_truth_one():
    assert calibration.scaled_brier([0, 0, 0, 1], [0.25] * 4) == pytest.approx(0)
    assert calibration.scaled_brier([0, 0, 0, 1], [0, 0, 0, 1]) == 1


def test_line_of_true_probabilities_is_one_and_zero():
    score, truth = drawn(100_000)
    assert calibration.calibration_line(truth, expit(score)) == pytest.approx((1, 0), abs=0.03)


def test_line_equals_logistic_regression():
    score, truth = drawn(500)
    fitted = LogisticRegression(C=np.inf, tol=1e-10).fit(3 * score[:, None], truth)
    expected = fitted.coef_[0, 0], fitted.intercept_[0]
    assert calibration.calibration_line(truth, expit(3 * score)) == pytest.approx(expected, 1e-4)


def test_overconfident_probabilities_have_a_slope_below_one():
    score, truth = drawn(20_000)
    slope, _ = calibration.calibration_line(truth, expit(2 * score))
    assert slope == pytest.approx(0.5, abs=0.03)


def test_line_of_separating_probabilities_is_refused():
    with pytest.raises(ConfigError, match="separate"):
        calibration.calibration_line([0, 0, 1], [0.1, 0.2, 0.3])


@settings(deadline=None)
@given(seeds)
def test_after_the_shift_in_the_large_as_many_are_expected_as_observed(seed):
    truth, prob, _ = tied(seed)
    prob = np.clip(prob, 0.01, 0.99)
    shift = calibration.calibration_in_the_large(truth, prob)
    shifted = expit(np.log(prob / (1 - prob)) + shift)
    assert calibration.expected_observed_ratio(truth, shifted) == pytest.approx(1, abs=1e-6)


def test_calibration_in_the_large_of_separating_probabilities_is_finite():
    assert calibration.calibration_in_the_large([0, 1], [0.2, 0.8]) == pytest.approx(0)


@pytest.mark.parametrize("figure", ["calibration_in_the_large", "scaled_brier"])
def test_one_class_is_refused(figure):
    with pytest.raises(ConfigError, match="one class"):
        getattr(calibration, figure)([0, 0], [0.1, 0.2])


def test_expected_observed_needs_a_positive_case():
    with pytest.raises(ConfigError, match="No case is positive"):
        calibration.expected_observed_ratio([0, 0], [0.1, 0.2])


def test_ece_and_largest_error_by_hand():
    # Bin (0, 0.5]: mean 0.2, observed 1/2. Bin (0.5, 1]: mean 0.9, observed 1.
    case = [0, 1, 1], [0.1, 0.3, 0.9]
    assert calibration.ece(*case, bins=2) == pytest.approx((2 * 0.3 + 0.1) / 3)
    found = calibration.max_calibration_error(*case, bins=2, equal_mass=False)
    assert found == pytest.approx(0.3)


def test_equal_mass_bins_hold_equal_numbers():
    score, truth = drawn(150)
    table = calibration.reliability(truth, expit(score), 15, equal_mass=True)
    assert table.n.tolist() == [10] * 15


def test_each_bin_has_its_wilson_interval():
    score, truth = drawn(150)
    table = calibration.reliability(truth, expit(score), 5)
    low, high = table.interval(0.9)
    assert (low[2], high[2]) == wilson(int(table.positives[2]), int(table.n[2]), 0.9)
    assert ((low <= table.observed) & (table.observed <= high)).all()


@settings(deadline=None)
@given(seeds, st.booleans())
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


@pytest.mark.parametrize("weight", [[1], [1, -1], [0, 0], [1, np.nan]])
def test_unusable_weights_are_refused(weight):
    with pytest.raises(ConfigError, match="weight"):
        calibration.brier([0, 1], [0.5, 0.7], weight)


def test_errors_of_the_calibration_line_are_those_that_resampling_patients_finds():
    random = np.random.default_rng(5)
    patient = np.repeat(np.arange(300), 3)
    prob = expit(random.normal(-1, 1, 900))
    truth = random.random(900) < prob
    found = calibration.calibration_errors(truth, prob, patient)
    drawn = [
        (calibration.calibration_line(truth[r], prob[r])[0],
         calibration.calibration_in_the_large(truth[r], prob[r]))
        for r in patient_resamples(patient, 400)
    ]  # fmt: skip
    assert found == pytest.approx(np.std(drawn, axis=0), rel=0.12)


def test_a_case_counted_twice_for_its_patient_adds_no_certainty():
    random = np.random.default_rng(6)
    prob = expit(random.normal(size=200))
    truth, patient = random.random(200) < prob, np.arange(200)
    once = calibration.calibration_errors(truth, prob, patient)
    twice = calibration.calibration_errors(*(np.tile(a, 2) for a in (truth, prob, patient)))
    assert twice == pytest.approx(once)

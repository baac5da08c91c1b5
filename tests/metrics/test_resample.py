import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, norm

from mammoscope.errors import ConfigError
from mammoscope.metrics.resample import (
    auc_intervals,
    bca_interval,
    bootstrap_auc,
    patient_bootstrap,
    patient_resamples,
)
from mammoscope.metrics.roc import auc


def test_rows_of_a_patient_stay_together():
    patients = np.array(["b", "a", "b", "c", "a", "b"])
    for rows in patient_resamples(patients, 50):
        times = np.bincount(rows, minlength=6)
        assert times[0] == times[2] == times[5]
        assert times[1] == times[4]
        assert times[0] + times[1] + times[3] == 3


def test_copies_of_a_row_within_a_patient_add_no_certainty():
    random = np.random.default_rng(1)
    truth, score, patient = random.integers(0, 2, 80), random.normal(size=80), np.arange(80)
    once = patient_bootstrap(lambda i: auc(truth[i], score[i]), patient, n=200)
    truth4, score4, patient4 = (np.repeat(a, 4) for a in (truth, score, patient))
    fourfold = patient_bootstrap(lambda i: auc(truth4[i], score4[i]), patient4, n=200)
    assert fourfold.low == pytest.approx(once.low)
    assert fourfold.high == pytest.approx(once.high)


def test_interval_of_a_mean_is_the_normal_one():
    values = np.random.default_rng(2).normal(size=400)
    found = patient_bootstrap(lambda i: values[i].mean(), np.arange(400), n=4000)
    half = 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - half, abs=0.01)
    assert found.high == pytest.approx(values.mean() + half, abs=0.01)


def test_the_seed_decides():
    values = np.arange(20.0)
    first, again, other = (
        patient_bootstrap(lambda i: values[i].mean(), np.arange(20), n=50, seed=seed)
        for seed in (3, 3, 4)
    )
    assert first == again != other


def test_resamples_of_one_class_are_left_out_and_counted():
    truth, score = np.array([1, 0, 0, 0]), np.array([0.9, 0.1, 0.2, 0.3])
    found = patient_bootstrap(lambda i: auc(truth[i], score[i]), np.arange(4), n=2000)
    # The only cancer is missed with (3/4)^4 = 0.316, and only it is drawn with (1/4)^4.
    assert found.n_valid == pytest.approx(2000 * (1 - 0.316 - 0.004), abs=80)
    assert (found.low, found.high) == (1, 1)


def test_a_statistic_never_defined_gives_no_interval():
    found = patient_bootstrap(lambda i: float("nan"), np.arange(4), n=10)
    assert found.n_valid == 0
    assert np.isnan(found.low)


def test_one_patient_is_refused():
    with pytest.raises(ConfigError, match="two or more"):
        patient_bootstrap(lambda i: 0.0, ["a", "a"])


@pytest.mark.parametrize(("n", "level"), [(0, 0.95), (10, 95)])
def test_impossible_settings_are_refused(n, level):
    with pytest.raises(ConfigError, match="level"):
        patient_bootstrap(lambda i: 0.0, ["a", "b"], n=n, level=level)


def test_an_unknown_method_is_refused():
    with pytest.raises(ConfigError, match="bca"):
        patient_bootstrap(lambda i: 0.0, ["a", "b"], method="BCA")


@st.composite
def clustered(draw):
    """Truth, three scores with ties, patients of 1 or more rows."""
    n = draw(st.integers(4, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth = np.append([0, 1], random.integers(0, 2, n - 2))
    scores = random.integers(0, draw(st.integers(1, 30)) + 1, (3, n)) / 7
    return truth, scores, np.append(["a", "b"], random.choice(list("abcdefgh"), n - 2))


def auc_or_nan(truth, score):
    return auc(truth, score) if 0 < truth.sum() < len(truth) else np.nan


@settings(max_examples=40)
@given(clustered())
def test_the_fast_aucs_are_those_of_the_same_resamples(data):
    truth, scores, patient = data
    fast = bootstrap_auc(truth, scores, patient, n=20, seed=9)
    rows = list(patient_resamples(patient, 20, seed=9))
    slow = [[auc_or_nan(truth[i], score[i]) for score in scores] for i in rows]
    np.testing.assert_array_equal(fast, slow)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_the_fast_intervals_are_those_of_the_slow_path(method):
    random = np.random.default_rng(8)
    # More patients than the jackknife has groups, so that groups are compared too.
    patient = random.integers(0, 600, 900)
    truth = (random.random(900) < 0.1).astype(int)
    score = random.normal(size=900) + truth
    slow = patient_bootstrap(lambda i: auc(truth[i], score[i]), patient, 300, 1, method=method)
    assert auc_intervals(truth, [score, -score], patient, 300, 1, method=method)[0] == slow


def test_bca_equals_scipy_on_the_same_resamples():
    values = np.random.default_rng(6).lognormal(size=40)
    found = patient_bootstrap(lambda i: values[i].var(), np.arange(40), n=999, method="bca")
    drawn = np.array([values[i].var() for i in patient_resamples(np.arange(40), 999)])
    result = bootstrap((values,), np.var, n_resamples=2, method="percentile")
    result.bootstrap_distribution = drawn
    expected = bootstrap(
        (values,), np.var, n_resamples=0, bootstrap_result=result, method="BCa"
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_bca_of_a_symmetric_figure_is_the_percentile_interval():
    drawn = np.linspace(-1, 1, 2001)
    found = bca_interval(drawn, 0.0, [-1, 1])
    assert (found.low, found.high) == pytest.approx((-0.95, 0.95))


def test_bca_of_a_figure_that_never_changes_is_that_figure():
    found = patient_bootstrap(lambda i: 0.5, np.arange(6), n=50, method="bca")
    assert (found.low, found.high) == (0.5, 0.5)


def test_bca_of_an_undefined_figure_has_no_ends():
    found = patient_bootstrap(lambda i: float("nan"), np.arange(6), n=50, method="bca")
    assert np.isnan(found.low)


def test_ids_of_another_length_are_refused():
    with pytest.raises(ConfigError, match="patient ids"):
        bootstrap_auc([0, 1], [0.1, 0.2], ["a", "b", "c"])


def test_cases_of_one_class_are_refused():
    with pytest.raises(ConfigError, match="both classes"):
        bootstrap_auc([1, 1], [0.1, 0.2], ["a", "b"])


def simulated(random, patients, images=4, shift=1.0, shared=0.8):
    """Clusters whose images share a part of the score; the AUC is known."""
    truth = np.repeat(random.random(patients) < 0.35, images)
    common = np.repeat(random.normal(size=patients), images) * np.sqrt(shared)
    score = common + random.normal(size=patients * images) * np.sqrt(1 - shared) + shift * truth
    return truth, score, np.repeat(np.arange(patients), images)


def test_coverage_on_clustered_images():
    random, true_auc, images = np.random.default_rng(5), norm.cdf(1 / np.sqrt(2)), 4
    by_patient = by_image = 0
    for seed in range(150):
        truth, score, patient = simulated(random, 80, images)
        found = auc_intervals(truth, score, patient, 200, seed)[0]
        naive = auc_intervals(truth, score, np.arange(len(truth)), 200, seed)[0]
        by_patient += found.low <= true_auc <= found.high
        by_image += naive.low <= true_auc <= naive.high
    assert by_patient / 150 == pytest.approx(0.95, abs=0.05)
    assert by_image / 150 < 0.85

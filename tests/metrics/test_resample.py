import numpy as np
import pytest
from scipy.stats import norm

from mammoscope.errors import ConfigError
from mammoscope.metrics.resample import patient_bootstrap, patient_resamples
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
        found = patient_bootstrap(lambda i: auc(truth[i], score[i]), patient, n=200, seed=seed)  # noqa: B023
        naive = patient_bootstrap(
            lambda i: auc(truth[i], score[i]),  # noqa: B023
            np.arange(len(truth)),
            n=200,
            seed=seed,
        )
        by_patient += found.low <= true_auc <= found.high
        by_image += naive.low <= true_auc <= naive.high
    assert by_patient / 150 == pytest.approx(0.95, abs=0.05)
    assert by_image / 150 < 0.85

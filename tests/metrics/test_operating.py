import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from mammoscope.errors import ConfigError
from mammoscope.metrics import operating
from mammoscope.metrics.proportions import wilson

TRUTH, SCORE = [1, 1, 1, 0, 0, 0, 0, 0], [0.9, 0.5, 0.1, 0.6, 0.4, 0.3, 0.2, 0.1]


@st.composite
def cases(draw):
    n = draw(st.integers(4, 60))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth = np.r_[0, 1, random.integers(0, 2, n - 2)]
    score = random.integers(0, 6, n) / 5
    return truth, score, random.integers(1, 5, n) * 0.37


def test_counts_by_hand():
    assert operating.confusion_counts(TRUTH, SCORE, 0.5) == operating.Counts(2, 1, 1, 4)


@given(cases())
def test_weighted_counts_equal_scikit_learn(data):
    truth, score, weight = data
    found = operating.confusion_counts(truth, score, 0.6, weight)
    expected = metrics.confusion_matrix(truth, score >= 0.6, sample_weight=weight)
    assert [found.tn, found.fp, found.fn, found.tp] == pytest.approx(expected.ravel().tolist())


@settings(max_examples=60, deadline=None)
@given(cases(), st.booleans())
def test_rates_equal_scikit_learn(data, weighted):
    truth, score, weight = data
    weight = weight if weighted else None
    found = operating.operating_point(truth, score, 0.6, weight=weight)
    called, how = score >= 0.6, {"sample_weight": weight, "zero_division": np.nan}
    for rate, expected in (
        (found.sensitivity, metrics.recall_score(truth, called, **how)),
        (found.specificity, metrics.recall_score(1 - truth, ~called, **how)),
        (found.ppv, metrics.precision_score(truth, called, **how)),
        (found.npv, metrics.precision_score(1 - truth, ~called, **how)),
        (found.f1, metrics.f1_score(truth, called, **how)),
        (found.accuracy, metrics.accuracy_score(truth, called, sample_weight=weight)),
    ):
        assert (np.nan if rate is None else rate.value) == pytest.approx(expected, nan_ok=True)


def test_screening_rates_and_their_wilson_intervals():
    found = operating.operating_point(TRUTH, SCORE, 0.5)
    assert (found.recall_rate.value, found.recall_rate.hits) == (3 / 8, 3)
    assert (found.recall_rate.low, found.recall_rate.high) == pytest.approx(wilson(3, 8))
    assert found.cancer_detection_per_1000.value == 250
    assert found.cancer_detection_per_1000.low == pytest.approx(1000 * wilson(2, 8)[0])


def test_f1_interval_is_the_transformed_one_of_the_overlap():
    low, high = wilson(2, 4)
    found = operating.operating_point(TRUTH, SCORE, 0.5).f1
    assert (found.low, found.high) == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))


def test_patients_widen_the_intervals_and_leave_the_values():
    truth, score, ids = np.repeat(TRUTH, 4), np.repeat(SCORE, 4), np.repeat(range(8), 4)
    plain = operating.operating_point(truth, score, 0.5)
    by_patient = operating.operating_point(truth, score, 0.5, ids)
    assert by_patient.specificity.value == plain.specificity.value
    assert (by_patient.specificity.low, by_patient.specificity.high) == pytest.approx(wilson(4, 5))
    assert plain.specificity.low > by_patient.specificity.low


def test_rates_without_a_denominator_are_none():
    nothing = operating.operating_point([1, 0], [0.1, 0.2], np.inf)
    assert nothing.ppv is None
    assert nothing.npv.value == 0.5
    healthy = operating.operating_point([0, 0], [0.1, 0.2], 0.5)
    assert healthy.sensitivity is None
    assert healthy.f1 is None
    assert healthy.specificity.value == 1


@given(cases())
def test_probabilistic_f1_of_calls_is_f1(data):
    truth, score, weight = data
    called = score >= 0.6
    expected = metrics.f1_score(truth, called, sample_weight=weight, zero_division=0)
    assert operating.probabilistic_f1(truth, called, weight) == pytest.approx(expected)


def test_probabilistic_f1_by_hand():
    # pTP 1.2, pFP 0.4, 2 cancers: precision 0.75, recall 0.6.
    found = operating.probabilistic_f1([1, 1, 0, 0], [0.9, 0.3, 0.4, 0])
    assert found == pytest.approx(2 * 0.75 * 0.6 / 1.35)


@pytest.mark.parametrize(
    "call",
    [
        lambda: operating.probabilistic_f1([1, 0], [1.2, 0]),
        lambda: operating.probabilistic_f1([0, 0], [0.2, 0]),
        lambda: operating.operating_point([1, 0], [1, 0], np.nan),
        lambda: operating.operating_point([1, 0], [1, 0], 0.5, patient_ids=[1]),
        lambda: operating.operating_point([1, 0], [1, 0], 0.5, weight=[1]),
        lambda: operating.operating_point([], [], 0.5),
    ],
)
def test_impossible_points_are_refused(call):
    with pytest.raises(ConfigError):
        call()

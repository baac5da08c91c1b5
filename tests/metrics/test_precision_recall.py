import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_curve

from mammoscope.errors import ConfigError
from mammoscope.metrics import precision_recall as pr
from mammoscope.metrics.prevalence import prevalence_weights
from scored_cases import cases

TRUTH, SCORE = [1, 0, 1, 0, 0], [0.9, 0.8, 0.7, 0.7, 0.1]


def test_curve_by_hand():
    found = pr.curve(TRUTH, SCORE)
    assert found.recall.tolist() == [0.5, 0.5, 1, 1]
    assert found.precision.tolist() == [1, 0.5, 0.5, 0.4]
    assert found.threshold.tolist() == [0.9, 0.8, 0.7, 0.1]
    assert pr.average_precision(TRUTH, SCORE) == 0.75


@settings(max_examples=1000, deadline=None)
@given(cases(), st.booleans())
def test_average_precision_equals_scikit_learn(data, weighted):
    truth, score, weight = data
    weight = weight if weighted else None
    expected = average_precision_score(truth, score, sample_weight=weight)
    assert pr.average_precision(truth, score, weight) == pytest.approx(expected, abs=1e-12)


@given(cases())
def test_curve_equals_scikit_learn(data):
    truth, score, weight = data
    weight = weight + 0.1  # scikit-learn keeps thresholds of cases of weight 0
    precision, recall, threshold = precision_recall_curve(truth, score, sample_weight=weight)
    found = pr.curve(truth, score, weight)
    np.testing.assert_allclose(found.precision, precision[-2::-1], atol=1e-12)
    np.testing.assert_allclose(found.recall, recall[-2::-1], atol=1e-12)
    np.testing.assert_allclose(found.threshold, threshold[::-1])


@given(cases(), st.sampled_from([0.005, 0.2, 0.9]))
def test_a_stated_prevalence_is_a_weighting_of_the_classes(data, share):
    truth, score, weight = data
    expected = average_precision_score(
        truth, score, sample_weight=prevalence_weights(truth, share, weight)
    )
    found = pr.average_precision(truth, score, weight, share)
    assert found == pytest.approx(expected, abs=1e-12)


@given(cases())
def test_the_curve_ends_at_the_prevalence(data):
    truth, score, _ = data
    found = pr.curve(truth, score)
    assert found.prevalence == found.precision[-1] == pytest.approx(truth.mean())
    assert pr.curve(truth, score, prevalence=0.01).precision[-1] == pytest.approx(0.01)


def test_constant_scores_are_at_chance():
    assert pr.average_precision([1, 0, 0, 0], [3, 3, 3, 3]) == 0.25


def test_precision_at_sensitivity_by_hand():
    assert pr.precision_at_sensitivity(TRUTH, SCORE, 0.5) == 1
    assert pr.precision_at_sensitivity(TRUTH, SCORE, 0.51) == 0.5
    # One of the two cancers called, none of the three others: 1 whatever the prevalence.
    assert pr.precision_at_sensitivity(TRUTH, SCORE, 0.5, prevalence=0.01) == 1
    found = pr.precision_at_sensitivity(TRUTH, SCORE, 1, prevalence=0.01)
    assert found == pytest.approx(0.01 / (0.01 + 0.99 * 2 / 3))


@pytest.mark.parametrize(
    "call",
    [
        lambda: pr.curve([0, 0], [1, 2]),
        lambda: pr.curve([1, 0], [1, 2], [0, 1]),
        lambda: pr.curve([1, 1], [1, 2], prevalence=0.1),
        lambda: pr.curve([1, 0], [1, 2], prevalence=5),
        lambda: pr.curve([1, 0], [1, np.nan]),
        lambda: pr.precision_at_sensitivity([1, 0], [1, 2], 90),
        lambda: pr.precision_at_sensitivity([1, 0], [1, 2], 0),
    ],
)
def test_undefined_precision_is_refused(call):
    with pytest.raises(ConfigError):
        call()

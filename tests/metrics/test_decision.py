import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscope.errors import ConfigError
from mammoscope.metrics import decision
from mammoscope.metrics.prevalence import prevalence_weights

# Ten women, four with cancer. At 0.2 three cancers and two others are called.
TRUTH = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
PROB = [0.9, 0.6, 0.2, 0.1, 0.3, 0.2, 0.1, 0.1, 0.05, 0.0]


@st.composite
def cases(draw):
    n = draw(st.integers(4, 60))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth = np.r_[0, 1, random.integers(0, 2, n - 2)]
    return truth, random.integers(0, 9, n) / 8, random.integers(1, 5, n) * 0.37


def test_net_benefit_by_hand():
    found = decision.decision_curve(TRUTH, PROB, [0.2])
    assert found.prevalence == 0.4
    assert found.model == pytest.approx([3 / 10 - 2 / 10 * 0.25])  # 0.25
    assert found.treat_all == pytest.approx([0.4 - 0.6 * 0.25])  # 0.25
    assert found.standardised == pytest.approx([0.25 / 0.4])
    assert found.avoided_per_100 == pytest.approx([0])
    assert found.test_tradeoff[0] == np.inf


def test_interventions_avoided_and_test_tradeoff_by_hand():
    # At 0.5 two cancers are called and nobody else: 0.2; acting on all loses 0.2. Against all, 100
    # women gain 40 in cancers, at one case in vain each; against none, a true positive per five.
    found = decision.decision_curve(TRUTH, PROB, [0.5])
    assert found.avoided_per_100 == pytest.approx([40])
    assert found.test_tradeoff == pytest.approx([5])


def test_net_benefit_at_another_prevalence_by_hand():
    # Sensitivity 3/4, false positives 1/3, ten cancers in 1,000.
    found = decision.net_benefit(TRUTH, PROB, [0.2], prevalence=0.01)
    assert found == pytest.approx([0.01 * 0.75 - 0.99 / 3 * 0.25])


@given(cases(), st.sampled_from([0.01, 0.5]))
def test_a_stated_prevalence_is_a_weighting_of_the_classes(data, share):
    truth, prob, weight = data
    at = np.linspace(0.05, 0.95, 7)
    weights = prevalence_weights(truth, share, weight)
    found = decision.net_benefit(truth, prob, at, share, weight)
    expected = decision.net_benefit(truth, prob, at, weight=weights)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(cases())
def test_net_benefit_is_the_sum_over_cases(data):
    truth, prob, weight = data
    at = np.linspace(0.05, 0.95, 19)
    worth = np.where(truth[:, None] == 1, 1, -at / (1 - at)) * (prob[:, None] >= at)
    expected = weight @ worth / weight.sum()
    found = decision.net_benefit(truth, prob, at, weight=weight)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(cases())
def test_acting_on_probability_one_for_all_is_treat_all(data):
    found = decision.decision_curve(data[0], np.ones(len(data[0])), [0.1, 0.5, 0.9])
    np.testing.assert_allclose(found.model, found.treat_all)
    assert (found.model <= found.prevalence).all()


def test_a_perfect_model_has_the_prevalence_as_net_benefit():
    found = decision.decision_curve(TRUTH, TRUTH, [0.1, 0.9])
    assert found.standardised == pytest.approx([1, 1])


@pytest.mark.parametrize(
    "call",
    [
        lambda: decision.net_benefit(TRUTH, PROB, [0, 0.5]),
        lambda: decision.net_benefit(TRUTH, PROB, [1.0]),
        lambda: decision.net_benefit(TRUTH, PROB, []),
        lambda: decision.net_benefit(TRUTH, PROB, 0.5),
        lambda: decision.net_benefit(TRUTH, np.array(PROB) * 2, [0.5]),
        lambda: decision.net_benefit(TRUTH, np.array(PROB) - 1, [0.5]),
        lambda: decision.net_benefit([1, 1], [0.1, 0.2], [0.5]),
        lambda: decision.net_benefit(TRUTH, PROB, [0.5], prevalence=6),
    ],
)
def test_impossible_decisions_are_refused(call):
    with pytest.raises(ConfigError):
        call()

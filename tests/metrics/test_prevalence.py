from math import hypot, inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscope.errors import ConfigError
from mammoscope.metrics import prevalence as prev
from mammoscope.metrics.operating import operating_point
from mammoscope.metrics.proportions import Proportion, wilson

shares = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def share(hits, n):
    return Proportion(hits / n, *wilson(hits, n), hits, n)


def test_bayes_by_hand():
    # 1,000 women, 10 with cancer: 8 of them and 99 of the 990 others are called.
    found = prev.at_prevalence(share(80, 100), share(90, 100), 0.01)
    assert found.ppv.value == pytest.approx(8 / 107)
    assert found.npv.value == pytest.approx(891 / 893)
    assert found.recall_rate.value == pytest.approx(0.107)
    assert found.cancer_detection_per_1000.value == pytest.approx(8)
    assert found.missed_per_1000.value == pytest.approx(2)


@given(shares, shares, st.sampled_from([0.001, 0.01, 0.3]))
def test_every_interval_holds_its_value(a, b, prevalence):
    found = prev.at_prevalence(share(*a), share(*b), prevalence)
    for rate in (found.ppv, found.npv, found.recall_rate, found.cancer_detection_per_1000):
        if rate is not None:
            assert rate.low - 1e-12 <= rate.value <= rate.high + 1e-12


@given(shares, shares)
def test_ratio_limits_are_those_at_which_the_difference_limit_is_zero(a, b):
    # The definition: L with limit(top - L bottom) = 0, the limit recovered from both intervals.
    top, bottom = share(*a), share(*b)
    if top.value == 0:
        return
    _, low, high = prev._ratio(top, bottom)
    spread = hypot(top.value - top.low, low * (bottom.high - bottom.value))
    assert top.value - low * bottom.value == pytest.approx(spread, abs=1e-9)
    if high < inf:
        spread = hypot(top.high - top.value, high * (bottom.value - bottom.low))
        assert high * bottom.value - top.value == pytest.approx(spread, rel=1e-6)


def test_perfect_tests_have_one_sided_intervals():
    found = prev.at_prevalence(share(50, 50), share(50, 50), 0.01)
    assert (found.ppv.value, found.ppv.high, found.npv.high) == (1, 1, 1)
    assert 0 < found.ppv.low < 0.5


def test_what_has_no_denominator_is_none():
    assert prev.at_prevalence(share(0, 9), share(9, 9), 0.01).ppv is None
    assert prev.at_prevalence(share(9, 9), share(0, 9), 0.01).npv is None


def test_the_data_prevalence_gives_the_data_ppv_and_weights_give_the_same():
    random = np.random.default_rng(0)
    truth = random.random(500) < 0.3
    score = truth + random.normal(size=500)
    plain = operating_point(truth, score, 0.5)
    same = prev.at_prevalence(plain.sensitivity, plain.specificity, truth.mean())
    assert same.ppv.value == pytest.approx(plain.ppv.value)
    assert same.ppv.low == pytest.approx(plain.ppv.low, abs=0.02)
    weighted = operating_point(truth, score, 0.5, weight=prev.prevalence_weights(truth, 0.01))
    other = prev.at_prevalence(plain.sensitivity, plain.specificity, 0.01)
    assert weighted.npv.value == pytest.approx(other.npv.value)
    assert weighted.recall_rate.value == pytest.approx(other.recall_rate.value)
    assert weighted.recall_rate.low == pytest.approx(other.recall_rate.low, abs=0.02)


def test_weights_set_the_share_and_keep_the_ratios():
    weight = prev.prevalence_weights([1, 1, 0, 0], 0.1, [1, 3, 1, 1])
    assert weight.tolist() == pytest.approx([0.1, 0.3, 1.8, 1.8])


def test_ppv_interval_covers():
    random, covered = np.random.default_rng(1), 0
    for _ in range(1000):
        found = prev.at_prevalence(
            share(random.binomial(40, 0.8), 40), share(random.binomial(200, 0.9), 200), 0.01
        )
        covered += found.ppv.low <= 8 / 107 <= found.ppv.high
    assert 0.93 <= covered / 1000 <= 0.98


@pytest.mark.parametrize(
    "call",
    [
        lambda: prev.prevalence_weights([1, 1], 0.1),
        lambda: prev.prevalence_weights([1, 0], 0.1, [0, 1]),
        lambda: prev.prevalence_weights([1, 0], 6),
        lambda: prev.at_prevalence(share(1, 2), share(1, 2), 0),
        lambda: prev.at_prevalence(share(1, 2), share(1, 2), float("nan")),
    ],
)
def test_impossible_prevalences_are_refused(call):
    with pytest.raises(ConfigError):
        call()

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from mammoscope.errors import ConfigError
from mammoscope.metrics.prior_shift import estimate_prevalence, prevalence_shift

inside = st.floats(0.001, 0.999)


@settings(deadline=None)
@given(inside, inside, inside)
def test_shift_equals_elkans_formula(prob, trained, stated):
    expected = stated * prob * (1 - trained)
    expected /= expected + (1 - stated) * (1 - prob) * trained
    assert prevalence_shift(trained, stated).apply(prob) == pytest.approx(expected, abs=1e-12)


def site(n, prevalence, trained=0.3, seed=0):
    """Probabilities calibrated at `trained`, of a site's cases of scores N(0, 1) and N(2, 1)."""
    random = np.random.default_rng(seed)
    score = random.normal(size=n) + 2 * (random.random(n) < prevalence)
    return expit(2 * score - 2 + np.log(trained / (1 - trained)))


def test_prevalence_is_found_without_truth():
    found = estimate_prevalence(site(200_000, 0.02), trained=0.3)
    assert found == pytest.approx(0.02, abs=0.001)


@settings(deadline=None)
@given(st.integers(0, 1000), inside)
def test_estimate_is_where_expectation_maximisation_stands_still(seed, trained):
    prob = site(50, 0.3, trained, seed)
    found = estimate_prevalence(prob, trained)
    if 0 < found < 1:
        assert prevalence_shift(trained, found).apply(prob).mean() == pytest.approx(found, abs=1e-6)


def test_certain_cases_are_counted():
    assert estimate_prevalence([0, 0, 0, 1], trained=0.5) == pytest.approx(0.25)
    assert estimate_prevalence([0, 0.01], trained=0.5) == 0
    assert estimate_prevalence([1, 0.99], trained=0.5) == 1


@pytest.mark.parametrize(("trained", "stated"), [(0, 0.5), (0.5, 1), (0.3, 5)])
def test_a_prevalence_is_a_fraction(trained, stated):
    with pytest.raises(ConfigError, match="prevalence is"):
        prevalence_shift(trained, stated)

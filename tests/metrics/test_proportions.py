import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from mammoscope.errors import ConfigError
from mammoscope.metrics import proportions as prop

counts = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_equals_scipy(case, level):
    oracle = binomtest(*case).proportion_ci(level, method="wilson")
    assert prop.wilson(*case, level) == pytest.approx((oracle.low, oracle.high), abs=1e-12)


@given(counts)
def test_one_case_a_patient_is_wilson(case):
    hits = np.arange(case[1]) < case[0]
    alone = prop.proportion(hits)
    assert (alone.low, alone.high) == pytest.approx(prop.wilson(*case), abs=1e-12)
    clustered = prop.proportion(hits, np.arange(case[1]))
    assert (clustered.low, clustered.high) == pytest.approx((alone.low, alone.high), abs=1e-9)


@given(counts.filter(lambda case: case[1] > 1), st.integers(2, 4))
def test_views_that_always_agree_count_as_one(case, views):
    hits = np.arange(case[1]) < case[0]
    found = prop.proportion(np.repeat(hits, views), np.repeat(np.arange(case[1]), views))
    assert (found.low, found.high) == pytest.approx(prop.wilson(*case), abs=1e-9)
    assert (found.hits, found.n) == (case[0] * views, case[1] * views)


@given(counts)
def test_one_patient_is_one_case_at_most_two(case):
    hits = np.arange(case[1]) < case[0]
    found = prop.proportion(hits, np.zeros(case[1]))
    assert found.low <= found.value <= found.high
    assert found.high - found.low >= np.diff(prop.wilson(found.value * 2, 2)).item() - 1e-9


@given(counts, st.integers(0, 2**32 - 1))
def test_the_interval_holds_the_value_and_is_never_narrower_than_wilson(case, seed):
    hits = np.arange(case[1]) < case[0]
    ids = np.random.default_rng(seed).integers(0, max(1, case[1] // 2), case[1])
    found, alone = prop.proportion(hits, ids), prop.proportion(hits)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low >= alone.high - alone.low - 1e-9


def test_weights_in_proportion_change_nothing():
    hits, ids = [1, 0, 1, 1, 0, 0], [1, 1, 2, 2, 3, 3]
    a, b = prop.proportion(hits, ids), prop.proportion(hits, ids, np.full(6, 0.3))
    assert (a.low, a.value, a.high) == pytest.approx((b.low, b.value, b.high))


def test_a_weight_makes_a_case_count_more_and_the_effective_number_fall():
    found = prop.proportion([1, 0, 0, 0], weight=[3, 1, 1, 1])
    assert (found.value, found.hits, found.n) == (0.5, 1, 4)
    assert found.high - found.low > np.diff(prop.wilson(2, 4)).item()


# Weil's rats (Biometrics 1970): pups alive at 21 days of those alive at 4, a litter each; the
# design effects are those Rao and Scott's method gives in R (package PF, function rsb).
@pytest.mark.parametrize(
    ("alive", "born", "expected"),
    [
        (
            [13, 12, 9, 9, 8, 8, 12, 11, 9, 9, 8, 11, 4, 5, 7, 7],
            [13, 12, 9, 9, 8, 8, 13, 12, 10, 10, 9, 13, 5, 7, 10, 10],
            1.232495,
        ),
        (
            [12, 11, 10, 9, 10, 9, 9, 8, 8, 4, 7, 4, 5, 3, 3, 0],
            [12, 11, 10, 9, 11, 10, 10, 9, 9, 5, 9, 7, 10, 6, 10, 7],
            3.952861,
        ),
    ],
)
def test_design_effect_equals_rao_and_scott(alive, born, expected):
    hits = np.concatenate([np.arange(n) < k for k, n in zip(alive, born, strict=True)])
    found = prop.design_effect(hits, np.repeat(np.arange(len(born)), born))
    assert found == pytest.approx(expected, abs=1e-6)


def test_clustered_interval_covers_where_wilson_does_not():
    random = np.random.default_rng(0)
    ids, covered = np.repeat(np.arange(60), 3), np.zeros(2)
    for _ in range(400):
        agree = np.repeat(random.random(60) < 0.6, 3)
        hits = np.where(agree, np.repeat(random.random(60), 3), random.random(180)) < 0.8
        for k, found in enumerate((prop.proportion(hits, ids), prop.proportion(hits))):
            covered[k] += found.low <= 0.8 <= found.high
    assert 0.92 <= covered[0] / 400 <= 0.98
    assert covered[1] / 400 < 0.88


def test_scaled_changes_the_unit_alone():
    rate = prop.scaled(prop.proportion([1, 0, 0, 0]), 1000)
    assert (rate.value, rate.hits, rate.n) == (250, 1, 4)


@pytest.mark.parametrize(
    "call",
    [
        lambda: prop.wilson(0, 0),
        lambda: prop.wilson(3, 2),
        lambda: prop.wilson(1, 2, 95),
        lambda: prop.wilson(float("nan"), 2),
        lambda: prop.proportion([]),
        lambda: prop.proportion([0, 1, 2]),
        lambda: prop.proportion([0, 1], [1]),
        lambda: prop.proportion([0, 1], weight=[1, -1]),
        lambda: prop.proportion([0, 1], weight=[0, 0]),
        lambda: prop.design_effect([1, 1], [1, 2]),
        lambda: prop.design_effect([1, 0], [1, 1]),
    ],
)
def test_impossible_proportions_are_refused(call):
    with pytest.raises(ConfigError):
        call()

import shutil
import subprocess
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscope.errors import ConfigError
from mammoscope.metrics.compare import compare_auc, holm
from mammoscope.metrics.delong import delong_test
from mammoscope.metrics.roc import auc

METHODS = ["delong", "bootstrap", "permutation"]


def readings(shift, seed=0, patients=300, unit=1.0):
    """Two models on two breasts of each patient; the second is better by `shift`."""
    random = np.random.default_rng(seed)
    patient = np.repeat(np.arange(patients), 2)
    truth = (random.random(2 * patients) < 0.15).astype(int)
    shared = random.normal(size=patients)[patient] + truth
    a, b = shared + random.normal(size=(2, 2 * patients)) * 0.7 + [[0], [1]] * truth * shift
    return truth, a, unit * b, patient


@pytest.mark.parametrize("method", METHODS)
def test_a_better_model_is_told_from_a_worse(method):
    truth, a, b, patient = readings(1.0)
    found = compare_auc(truth, a, b, patient, method)
    assert found.difference == pytest.approx(auc(truth, a) - auc(truth, b))
    assert found.p < 0.01
    assert found.method == method
    assert not found.high >= 0


@pytest.mark.parametrize("method", METHODS)
def test_a_models_unit_does_not_matter(method):
    truth, a, b, patient = readings(0.3)
    one = compare_auc(truth, a, b, patient, method, n=200)
    other = compare_auc(truth, a, np.exp(b) * 1000, patient, method, n=200)
    assert (one.difference, one.p) == (other.difference, other.p)


@pytest.mark.parametrize("method", METHODS)
def test_a_model_does_not_differ_from_itself(method):
    truth, a, _, patient = readings(0)
    assert compare_auc(truth, a, a, patient, method, n=100).p == 1


@pytest.mark.parametrize("method", ["bootstrap", "permutation"])
def test_resampling_agrees_with_delong_on_many_cases(method):
    truth, a, b, patient = readings(0.15, patients=1500)
    found, expected = compare_auc(truth, a, b, patient, method), delong_test(truth, a, b, patient)
    assert found.p == pytest.approx(expected.p, abs=0.03)
    if method == "bootstrap":
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.004)


def test_the_permutation_p_is_that_of_all_swaps():
    truth, a, b, patient = readings(2, seed=1, patients=8)
    ranks = np.argsort(np.argsort([a, b], axis=1), axis=1)
    observed = abs(auc(truth, a) - auc(truth, b))
    as_far = 0
    for swap in product([False, True], repeat=8):
        first, second = np.where(np.array(swap)[patient], ranks[::-1], ranks)
        as_far += abs(auc(truth, first) - auc(truth, second)) >= observed - 1e-12
    found = compare_auc(truth, a, b, patient, "permutation", n=5000)
    assert found.p == pytest.approx(as_far / 2**8, abs=0.02)


@pytest.mark.parametrize("method", METHODS)
def test_false_alarms_are_as_rare_as_stated(method):
    p = []
    for seed in range(120):
        truth, a, b, patient = readings(0, seed, patients=120, unit=3)
        p.append(compare_auc(truth, a, b, patient, method, n=199).p)
    assert np.mean(np.array(p) <= 0.1) == pytest.approx(0.1, abs=0.07)


def test_holm_by_hand():
    # 0.01 * 4; 0.03 * 3; 0.04 * 2 is below the one before it; 0.5 * 1.
    assert holm([0.04, 0.01, 0.5, 0.03]) == pytest.approx([0.09, 0.04, 0.5, 0.09])


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_only_raises_and_keeps_the_order(p):
    adjusted = holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


def test_holm_equals_r():
    if shutil.which("Rscript") is None:
        pytest.skip("Rscript is not installed (Debian: r-base-core)")
    p = np.round(np.random.default_rng(1).random(30) ** 3, 3).tolist()
    script = f"cat(sprintf('%.17g', p.adjust(c({','.join(map(str, p))}), 'holm')))"
    done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=True)
    assert holm(p) == pytest.approx([float(v) for v in done.stdout.split()], abs=1e-15)


@pytest.mark.parametrize("p", [[0.1, np.nan], [1.1], [[0.1]]])
def test_holm_refuses_what_is_no_row_of_p(p):
    with pytest.raises(ConfigError, match="0 to 1"):
        holm(p)


@pytest.mark.parametrize("method", METHODS)
def test_ids_of_another_length_are_refused(method):
    truth, a, b, patient = readings(0)
    with pytest.raises(ConfigError, match="patient_ids has shape"):
        compare_auc(truth, a, b, patient[:-1], method)


@pytest.mark.parametrize(("method", "n"), [("t-test", 10), ("permutation", 0), ("bootstrap", 0)])
def test_impossible_comparisons_are_refused(method, n):
    truth, a, b, patient = readings(0)
    with pytest.raises(ConfigError, match=r"method|n is"):
        compare_auc(truth, a, b, patient, method, n=n)

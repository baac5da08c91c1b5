import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, confusion_matrix, recall_score, roc_auc_score

from mammoscope.errors import ConfigError
from mammoscope.metrics.agreement import (
    accuracy,
    confusion,
    dense_auc,
    gwet_ac,
    recall_by_grade,
    weighted_kappa,
)

gradings = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=50)


kinds = st.sampled_from(["quadratic", "linear", "none"])


@settings(max_examples=1000, deadline=None)
@given(st.integers(0, 2**32 - 1), kinds, st.booleans())
def test_kappa_equals_scikit_learn_with_and_without_case_weights(seed, weights, weighted):
    random = np.random.default_rng(seed)
    a, b = np.c_[[0, 1], random.integers(0, 4, (2, random.integers(0, 50)))]
    case = random.uniform(0.1, 3, len(a)) if weighted else None
    kind = None if weights == "none" else weights
    oracle = cohen_kappa_score(a, b, labels=[0, 1, 2, 3], weights=kind, sample_weight=case)
    assert weighted_kappa(a, b, 4, weights, case) == pytest.approx(oracle, abs=1e-12)


@pytest.mark.parametrize(
    ("weights", "name"), [("quadratic", "quadratic"), ("linear", "linear"), ("none", "identity")]
)
def test_gwets_coefficient_equals_his_table(weights, name):
    raw = pytest.importorskip("irrCAC.raw", reason="irrCAC, the oracle, is not installed")
    pandas = pytest.importorskip("pandas")
    random = np.random.default_rng(0)
    a = random.choice(4, 80, p=[0.8, 0.1, 0.05, 0.05])
    b = np.where(random.random(80) < 0.7, a, random.integers(0, 4, 80))
    oracle = raw.CAC(pandas.DataFrame({"a": a, "b": b}), weights=name).gwet()
    assert gwet_ac(a, b, 4, weights) == pytest.approx(oracle["est"]["coefficient_value"], abs=1e-4)


def test_gwets_coefficient_survives_the_paradox_of_kappa():
    # 118 of 125 agree, nearly all of grade 0: kappa is about 0, as no agreement at all.
    a, b = [0] * 123 + [1] * 2, [0] * 118 + [1] * 5 + [0] * 2
    assert weighted_kappa(a, b, 2, "none") < 0
    assert gwet_ac(a, b, 2, "none") == pytest.approx(0.94, abs=0.005)


@settings(deadline=None)
@given(gradings)
def test_confusion_equals_scikit_learn(pairs):
    a, b = np.array(pairs).T
    expected = confusion_matrix(a, b, labels=[0, 1, 2, 3])
    np.testing.assert_array_equal(confusion(a, b, 4), expected)


def test_kappa_by_hand():
    # Table 20, 5 / 10, 15: observed agreement 0.7, by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5.
    a, b = [0] * 25 + [1] * 25, [0] * 20 + [1] * 5 + [0] * 10 + [1] * 15
    assert confusion(a, b, 2).tolist() == [[20, 5], [10, 15]]
    assert weighted_kappa(a, b, 2, "none") == pytest.approx(0.4)


def test_kappa_of_constant_equal_gradings_is_refused():
    with pytest.raises(ConfigError, match="constant"):
        weighted_kappa([1, 1], [1, 1], 4)


@pytest.mark.parametrize(("a", "b"), [([0, 4], [0, 1]), ([-1, 0], [0, 1]), ([0.5, 1], [0, 1])])
def test_a_grade_outside_the_scale_is_refused(a, b):
    with pytest.raises(ConfigError, match="outside"):
        weighted_kappa(a, b, 4)


def test_unknown_weights_are_refused():
    with pytest.raises(ConfigError, match="cubic"):
        weighted_kappa([0, 1], [0, 1], 2, "cubic")


def test_accuracy_within_one_grade_by_hand():
    assert accuracy([0, 1, 2, 3], [0, 2, 2, 0], 4) == 0.5
    assert accuracy([0, 1, 2, 3], [0, 2, 2, 0], 4, within=1) == 0.75


@settings(deadline=None)
@given(gradings)
def test_recall_equals_scikit_learn_and_is_nan_without_cases(pairs):
    a, b = np.array(pairs).T
    oracle = recall_score(a, b, labels=[0, 1, 2, 3], average=None, zero_division=np.nan)
    np.testing.assert_allclose(recall_by_grade(a, b, 4), oracle)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_dense_auc_equals_scikit_learn(seed):
    random = np.random.default_rng(seed)
    grade, density = np.r_[0, 3, random.integers(0, 4, 30)], random.dirichlet(np.ones(4), 32)
    oracle = roc_auc_score(grade >= 2, density[:, 2] + density[:, 3])
    assert dense_auc(grade, density) == pytest.approx(oracle)


@pytest.mark.parametrize(
    ("grade", "density", "what"),
    [
        ([0, 3], np.full((2, 3), 1 / 3), "shape"),
        ([0, 3], np.full((2, 4), 0.5), "sum to 1"),
        ([0, 4], np.full((2, 4), 0.25), "outside"),
        ([2, 3], np.full((2, 4), 0.25), "both classes"),
        ([0, 3], np.full((2, 4), np.nan), "sum to 1"),
    ],
)
def test_dense_auc_names_what_is_wrong(grade, density, what):
    with pytest.raises(ConfigError, match=what):
        dense_auc(grade, density)

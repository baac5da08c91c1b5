import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from mammoscope.errors import ConfigError
from mammoscope.metrics.agreement import confusion, weighted_kappa

gradings = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=50)


@given(gradings, st.sampled_from(["quadratic", "linear", "none"]))
def test_kappa_equals_scikit_learn(pairs, weights):
    a, b = np.array(pairs).T
    if len(set(a) | set(b)) < 2:
        return
    oracle = cohen_kappa_score(
        a, b, labels=[0, 1, 2, 3], weights=None if weights == "none" else weights
    )
    assert weighted_kappa(a, b, 4, weights) == pytest.approx(oracle, abs=1e-12)


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

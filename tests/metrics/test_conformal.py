from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscope.errors import ConfigError
from mammoscope.metrics.conformal import class_bounds

alphas = st.floats(0.01, 0.99)
seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(1, 40), alphas)
def test_of_cases_left_out_one_by_one_no_more_than_alpha_fall_outside(
    seed: int, n: int, alpha: float
) -> None:
    scores = np.random.default_rng(seed).permutation(n + 1).astype(float)
    outside = 0
    for left_out in range(n + 1):
        kept = np.append(np.delete(scores, left_out), 0.0)
        low, _ = class_bounds(np.append(np.ones(n), 0.0), kept, alpha)
        outside += scores[left_out] < low
    assert outside <= alpha * (n + 1) + 1e-9


@given(seeds, alphas)
def test_the_classes_mirror_each_other(seed: int, alpha: float) -> None:
    random = np.random.default_rng(seed)
    truth, score = np.arange(30) % 2, random.normal(size=30)
    low, high = class_bounds(truth, score, alpha)
    assert class_bounds(1 - truth, -score, alpha) == (-high, -low)


def test_bounds_are_the_kth_scores_of_their_classes() -> None:
    truth, score = np.repeat([1, 0], 19), np.concatenate([np.arange(19) + 100, np.arange(19)])
    assert class_bounds(truth, score, 0.1) == (101, 17)


def test_too_few_cases_exclude_nothing() -> None:
    assert class_bounds([0, 1], [0.2, 0.7], 0.1) == (-math.inf, math.inf)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, math.nan])
def test_an_error_outside_0_to_1_is_refused(alpha: float) -> None:
    with pytest.raises(ConfigError, match="alpha"):
        class_bounds([0, 1], [0.2, 0.7], alpha)

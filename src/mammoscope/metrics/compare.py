"""Paired comparison of the AUCs of two models on the same cases, and p-values for many pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from mammoscope.errors import ConfigError
from mammoscope.metrics.delong import delong_test
from mammoscope.metrics.resample import Rows, bootstrap_auc, percentile_interval, rank_scores
from mammoscope.metrics.roc import Floats, auc, checked

Method = Literal["delong", "bootstrap", "permutation"]

# AUCs are quotients of whole numbers; two that are equal may differ by this after rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Comparison:
    """Two AUCs on the same cases.

    Attributes:
        difference: AUC of the first score minus that of the second.
        low, high: interval of the difference; NaN for "permutation", which tests only.
        p: two-sided, of no difference.
        method: "delong", "bootstrap" or "permutation".
    """

    difference: float
    low: float
    high: float
    p: float
    method: Method


def compare_auc(
    truth: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    patient_ids: ArrayLike | None = None,
    method: Method = "delong",
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Comparison:
    """Difference of the AUCs of two scores of the same cases, with interval and p.

    - "delong": `delong.delong_test`; given patients, with Obuchowski's clustered variance.
    - "bootstrap": patients redrawn, both models judged on each draw; the percentile interval, and
      as p twice the smaller share of differences on one side of 0, which agrees with it.
    - "permutation": in random halves of the patients the two models change places, in all cases
      of a patient together. What changes places is the mid-rank of a score among all cases of
      its model, as two models' scores share no unit (Venkatraman and Begg, Biometrika
      1996;83:835-848; the AUC as statistic: Bandos et al., Stat Med 2005;24:2873-2893). Its null
      hypothesis is that the models are exchangeable, which is more than equal areas.

    A p from n draws counts the data as one more, so none is 0 (Phipson and Smyth, Stat Appl Genet
    Mol Biol 2010;9:39).

    Args:
        truth: (cases,) 0 or 1.
        a: (cases,) the first score; any unit, not NaN.
        b: (cases,) the second score.
        patient_ids: (cases,) labels of any sortable type. None: every case is independent.
        method: see above.
        n: draws of the bootstrap or permutation.
        seed: of the draws.
        level: coverage the interval aims at, in (0, 1).

    Raises:
        ConfigError: as in `roc.auc`, `delong.delong_test` and `resample.patient_bootstrap`.
    """
    if method == "delong":
        found = delong_test(truth, a, b, patient_ids, level)
        return Comparison(found.difference, found.low, found.high, found.p, method)
    difference = auc(truth, a) - auc(truth, b)
    ids = np.arange(np.size(truth)) if patient_ids is None else np.asarray(patient_ids)
    if ids.shape != np.shape(truth):
        raise ConfigError(f"patient_ids has shape {ids.shape}; give one id for each case.")
    if method == "bootstrap":
        pair = np.stack([np.asarray(a), np.asarray(b)])
        first, second = bootstrap_auc(truth, pair, ids, n, seed).T
        drawn = first - second
        interval = percentile_interval(drawn, level)
        return Comparison(difference, interval.low, interval.high, _bootstrap_p(drawn), method)
    if method == "permutation":
        drawn = _permuted(truth, a, b, ids, n, seed)
        p = _share(int((np.abs(drawn) >= abs(difference) - _ROUNDING).sum()), n)
        return Comparison(difference, float("nan"), float("nan"), p, method)
    raise ConfigError(f"method is {method!r}; use 'delong', 'bootstrap' or 'permutation'.")


def holm(p: ArrayLike) -> Floats:
    """Adjust (m,) p-values for making m comparisons (Holm, Scand J Stat 1979;6:65-70).

    Rejecting what comes out at 0.05 or less keeps the chance of any false rejection at 5 %,
    however the comparisons depend on each other.

    Returns:
        (m,) adjusted values in the order given.

    Raises:
        ConfigError: a p that is NaN or outside [0, 1], or more than one dimension.
    """
    given = np.asarray(p, np.float64)
    if given.ndim != 1 or not ((given >= 0) & (given <= 1)).all():
        raise ConfigError(f"p has shape {given.shape}; give a row of numbers from 0 to 1, no NaN.")
    order = np.argsort(given, kind="stable")
    stepped = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def _bootstrap_p(drawn: Floats) -> float:
    valid = drawn[~np.isnan(drawn)]
    if not len(valid):
        return float("nan")
    smaller = min((valid <= _ROUNDING).sum(), (valid >= -_ROUNDING).sum())
    return min(1.0, 2 * _share(int(smaller), len(valid)))


def _permuted(
    truth: ArrayLike, a: ArrayLike, b: ArrayLike, patient_ids: ArrayLike, n: int, seed: int
) -> Floats:
    """(n,) differences of AUC after swapping the models' ranks in random halves of the patients.

    Both models' ranks are sorted once as one row of twice the cases, in which each patient counts
    once under her own model's name and 0 times under the other's, or the reverse.
    """
    if n < 1:
        raise ConfigError(f"n is {n}; use at least 1 permutation.")
    positive, _ = checked(truth, a)
    _, code = np.unique(np.asarray(patient_ids), return_inverse=True)
    patients = int(code.max()) + 1
    both = rank_scores(
        np.tile(positive, 2),
        np.concatenate([_mid_ranks(a), _mid_ranks(b)]),
        np.concatenate([code, code + patients]),
    )[0]
    generator = np.random.default_rng(seed)
    drawn = np.empty(n)
    for i in range(n):
        swapped: Rows = generator.integers(2, size=patients)
        own = np.concatenate([1 - swapped, swapped])
        drawn[i] = both.auc(own) - both.auc(1 - own)
    return drawn


def _mid_ranks(score: ArrayLike) -> Floats:
    _, level, count = np.unique(np.asarray(score), return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[level]


def _share(as_far: int, n: int) -> float:
    return (as_far + 1) / (n + 1)

"""Calibration: fitting a probability to a score, and measuring how well it holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from mammoscope.errors import ConfigError
from mammoscope.metrics.roc import Bools, Floats, checked

_MOST_STEPS = 100
_LARGEST_LOGIT = 30.0


@dataclass(frozen=True, eq=False)
class Reliability:
    """A reliability table; bins without cases are left out.

    Attributes:
        low, high: (k,) edges of each bin's probabilities.
        n: (k,) cases in the bin.
        mean_probability: (k,) mean predicted probability.
        observed: (k,) fraction of the bin's cases that are positive.
    """

    low: Floats
    high: Floats
    n: NDArray[np.intp]
    mean_probability: Floats
    observed: Floats


def fit_platt(score_logit: ArrayLike, truth: ArrayLike) -> tuple[float, float]:
    """Slope and intercept of P(cancer) = sigmoid(slope * score + intercept).

    Maximum likelihood by Newton's method with Platt's smoothed targets, (N+ + 1) / (N+ + 2) for
    cancers and 1 / (N- + 2) for the others, which keep the fit finite on separable scores (Platt
    1999; Newton with step halving after Lin, Lin and Weng, Mach Learn 2007;68:267-276).

    Args:
        score_logit: (n,) the network's logit, or any real score.
        truth: (n,) 0 or 1.

    Returns:
        (slope per unit of score, intercept in logits).

    Raises:
        ConfigError: one class only, constant or NaN or infinite scores, unequal lengths.
    """
    positive, scores = _varied(truth, score_logit)
    n_positive = positive.sum()
    high, low = (n_positive + 1) / (n_positive + 2), 1 / (len(positive) - n_positive + 2)
    return _fit_line(scores, np.where(positive, high, low))


def apply_platt(score_logit: ArrayLike, slope: float, intercept: float) -> Floats:
    """Probabilities in [0, 1], same shape as the scores, under the fit of `fit_platt`."""
    return np.asarray(expit(slope * np.asarray(score_logit, np.float64) + intercept), np.float64)


def calibration_line(truth: ArrayLike, prob: ArrayLike) -> tuple[float, float]:
    """Calibration slope and intercept: logistic regression of truth on logit(prob).

    1 and 0 are ideal; a slope below 1 means predictions too extreme (Cox, Biometrika
    1958;45:562-565; Van Calster et al., BMC Medicine 2019;17:230). Probabilities of exactly 0 or
    1 enter as logits of -30 and 30.

    Args:
        truth: (n,) 0 or 1.
        prob: (n,) predicted probabilities in [0, 1].

    Returns:
        (slope, no unit; intercept, in logits).

    Raises:
        ConfigError: one class only, constant probabilities, or probabilities that separate the
            classes perfectly, for which no finite slope exists.
    """
    positive, probs = _probabilities(truth, prob)
    logits = np.clip(logit(probs), -_LARGEST_LOGIT, _LARGEST_LOGIT)
    positive, logits = _varied(positive, logits)
    lower, upper = logits[~positive], logits[positive]
    if lower.max() <= upper.min() or upper.max() <= lower.min():
        raise ConfigError(
            "The probabilities separate the classes perfectly, so the calibration slope is "
            "infinite; give more cases."
        )
    return _fit_line(logits, positive.astype(np.float64))


def brier(truth: ArrayLike, prob: ArrayLike) -> float:
    """Mean squared difference of probability and truth, in [0, 1]; 0 is best (Brier 1950).

    Args:
        truth: (n,) 0 or 1.
        prob: (n,) predicted probabilities in [0, 1].
    """
    positive, probs = _probabilities(truth, prob)
    return float(np.mean((probs - positive) ** 2))


def ece(truth: ArrayLike, prob: ArrayLike, bins: int = 15, equal_mass: bool = False) -> float:
    """Expected calibration error: mean over cases of |observed - predicted| of their bin.

    After Guo et al. (ICML 2017) with bins of equal width, or of equal numbers of cases (Nguyen
    and O'Connor, EMNLP 2015). It is biased upwards: perfect predictions on few cases give more
    than 0, and so do resamples of any data.

    Args:
        truth: (n,) 0 or 1.
        prob: (n,) predicted probabilities in [0, 1].
        bins: number of bins.
        equal_mass: bins of equal numbers; tied probabilities stay in one bin.

    Returns:
        The error in [0, 1], in units of probability.
    """
    table = reliability(truth, prob, bins, equal_mass)
    gap = np.abs(table.observed - table.mean_probability)
    return float(np.average(gap, weights=table.n))


def reliability(
    truth: ArrayLike, prob: ArrayLike, bins: int = 15, equal_mass: bool = False
) -> Reliability:
    """The reliability table behind `ece`; a bin holds the probabilities in (low, high].

    The first bin also holds its lower edge. Arguments as in `ece`.
    """
    positive, probs = _probabilities(truth, prob)
    if bins < 1:
        raise ConfigError(f"bins is {bins}; use at least 1.")
    edges = np.linspace(0, 1, bins + 1)
    if equal_mass:
        # Whole order statistics as edges, so that no rounding moves a case across one.
        edges = np.unique(np.quantile(probs, edges, method="inverted_cdf"))
        edges = edges if len(edges) > 1 else np.repeat(edges, 2)
    k = len(edges) - 1
    index = np.clip(np.searchsorted(edges, probs, "left") - 1, 0, k - 1)
    n, total, cancers = (np.bincount(index, w, k) for w in (None, probs, positive))
    used = n > 0
    return Reliability(
        edges[:-1][used], edges[1:][used], n[used], total[used] / n[used], cancers[used] / n[used]
    )


def _probabilities(truth: ArrayLike, prob: ArrayLike) -> tuple[Bools, Floats]:
    positive, probs = checked(truth, prob)
    if probs.min() < 0 or probs.max() > 1:
        wrong = probs[(probs < 0) | (probs > 1)][0]
        raise ConfigError(f"A probability is {wrong}; apply a calibration first (0 to 1).")
    return positive, probs


def _varied(truth: ArrayLike, score: ArrayLike) -> tuple[Bools, Floats]:
    positive, scores = checked(truth, score)
    if positive.all() or not positive.any():
        raise ConfigError("All cases are of one class; a calibration needs both.")
    if not np.isfinite(scores).all() or np.ptp(scores) == 0:
        raise ConfigError("The scores are infinite or all equal; a calibration needs them to vary.")
    return positive, scores


def _fit_line(x: Floats, target: Floats) -> tuple[float, float]:
    """Slope and intercept of a logistic regression; x is standardised so Newton stays stable."""
    centre, spread = x.mean(), x.std()
    design = np.stack([(x - centre) / spread, np.ones_like(x)], axis=1)
    slope, intercept = _newton(design, target)
    return float(slope / spread), float(intercept - slope * centre / spread)


def _newton(design: Floats, target: Floats) -> Floats:
    beta = np.zeros(design.shape[1])
    loss = _log_loss(design @ beta, target)
    for _ in range(_MOST_STEPS):
        p = expit(design @ beta)
        gradient = design.T @ (p - target)
        hessian = (design.T * (p * (1 - p))) @ design + 1e-12 * np.eye(len(beta))
        step = np.linalg.solve(hessian, gradient)
        while (new := _log_loss(design @ (beta - step), target)) > loss and np.abs(step).max() > 0:
            step = np.where(np.abs(step) < 1e-14, 0.0, step / 2)
        beta, loss = beta - step, new
        if np.abs(step).max() < 1e-10:
            return beta
    raise ConfigError("The logistic fit did not settle; check the scores for extreme values.")


def _log_loss(logits: Floats, target: Floats) -> float:
    return float(np.sum(np.logaddexp(0, logits) - target * logits))

"""Fitting a calibration: shift, temperature, Platt, isotonic and beta, on one set for another.

`fit` finds one of the maps of `calibration_maps` by name; docs/calibration.md says which to use
when. The parametric fits use Platt's smoothed targets, so that few or separable cases give a
finite map.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression
from scipy.special import expit

from mammoscope.errors import ConfigError
from mammoscope.metrics.calibration import calibration_in_the_large
from mammoscope.metrics.calibration_maps import (
    Beta,
    Isotonic,
    Platt,
    Recalibration,
    Shift,
    Temperature,
    logit_halves,
)
from mammoscope.metrics.logistic import fit_logistic, maximum_likelihood
from mammoscope.metrics.probabilities import checked_probabilities, checked_varied, logits_of
from mammoscope.metrics.roc import Bools, Floats

Method = Literal["intercept", "temperature", "platt", "isotonic", "beta"]
METHODS: tuple[Method, ...] = get_args(Method)


def fit(method: Method, prob: ArrayLike, truth: ArrayLike) -> Recalibration:
    """Fit a calibration by name on the cases given; judge it on others.

    Args:
        method: "intercept" (`fit_intercept`), "temperature", "platt", "isotonic" or "beta".
        prob: (n,) predicted probabilities in [0, 1].
        truth: (n,) 0 or 1.

    Raises:
        ConfigError: unknown method, one class only, constant probabilities, or as in `roc.checked`.
    """
    match method:
        case "intercept":
            return fit_intercept(prob, truth)
        case "temperature":
            return fit_temperature(prob, truth)
        case "platt":
            return Platt(*fit_platt(logits_of(checked_probabilities(truth, prob)[1]), truth))
        case "isotonic":
            return fit_isotonic(prob, truth)
        case "beta":
            return fit_beta(prob, truth)
        case _:
            raise ConfigError(f"method is {method!r}; use one of {', '.join(METHODS)}.")


def cross_fitted(method: Method, prob: ArrayLike, truth: ArrayLike, fold: ArrayLike) -> Floats:
    """Probabilities of each fold under the calibration that `fit` finds on the other folds.

    So no case's truth has touched its own calibration, if all cases of a patient share a fold.

    Args:
        method: as in `fit`.
        prob: (n,) predicted probabilities in [0, 1].
        truth: (n,) 0 or 1.
        fold: (n,) labels of any sortable type, at least two different.

    Raises:
        ConfigError: as in `fit`, for the cases outside some fold; or one fold only.
    """
    positive, probs = checked_probabilities(truth, prob)
    folds = np.asarray(fold)
    names = np.unique(folds)
    if folds.shape != probs.shape or len(names) < 2:
        raise ConfigError(
            f"fold has shape {folds.shape} and {len(names)} labels; give each of the {len(probs)} "
            "cases a fold, and two folds or more."
        )
    fitted = np.empty_like(probs)
    for k in names:
        fitted[folds == k] = fit(method, probs[folds != k], positive[folds != k]).apply(
            probs[folds == k]
        )
    return fitted


def fit_intercept(prob: ArrayLike, truth: ArrayLike) -> Shift:
    """The shift after which as many cases are expected as observed (slope kept at 1).

    The first thing to update at a new site (Steyerberg et al., Stat Med 2004;23:2567-2586).
    Arguments and errors as in `fit`, but constant probabilities are welcome.
    """
    return Shift(calibration_in_the_large(truth, prob))


def fit_temperature(prob: ArrayLike, truth: ArrayLike) -> Temperature:
    """Temperature scaling (Guo et al., ICML 2017) on Platt's smoothed targets, see `fit_platt`.

    Arguments as in `fit`.

    Raises:
        ConfigError: as in `fit`, or the truth does not grow with the probabilities, where no
            temperature above 0 fits.
    """
    positive, logits = _varied_logits(prob, truth)
    size = float(np.sqrt(np.mean(logits**2)))
    inverse = float(maximum_likelihood(logits[:, None] / size, _smoothed(positive))[0]) / size
    if inverse <= 0:
        raise ConfigError(
            "No temperature above 0 fits, as cancers do not have the higher logits; "
            "use 'platt' or check which class is 1."
        )
    return Temperature(1 / inverse)


def fit_platt(score_logit: ArrayLike, truth: ArrayLike) -> tuple[float, float]:
    """Slope and intercept of P(cancer) = sigmoid(slope * score + intercept).

    Maximum likelihood with Platt's smoothed targets, (N+ + 1) / (N+ + 2) for cancers and
    1 / (N- + 2) for the others, which keep the fit finite on separable scores (Platt 1999).

    Args:
        score_logit: (n,) the network's logit, or any real score; `fit("platt", ...)` takes
            probabilities.
        truth: (n,) 0 or 1.

    Returns:
        (slope per unit of score, intercept in logits).

    Raises:
        ConfigError: one class only, constant or NaN or infinite scores, unequal lengths.
    """
    positive, scores = checked_varied(truth, score_logit)
    slope, intercept = fit_logistic(scores[:, None], _smoothed(positive))
    return float(slope[0]), intercept


def apply_platt(score_logit: ArrayLike, slope: float, intercept: float) -> Floats:
    """Probabilities in [0, 1], same shape as the scores, under the fit of `fit_platt`."""
    return np.asarray(expit(slope * np.asarray(score_logit, np.float64) + intercept), np.float64)


def fit_isotonic(prob: ArrayLike, truth: ArrayLike) -> Isotonic:
    """The rising step curve of least squares (Zadrozny and Elkan, KDD 2002), joined by lines.

    It may tell exactly 0 and 1, and is constant where the truth does not grow with the
    probabilities. Arguments as in `fit`.
    """
    positive, probs = checked_probabilities(truth, prob)
    checked_varied(positive, probs)
    x, index, count = np.unique(probs, return_inverse=True, return_counts=True)
    pooled = isotonic_regression(np.bincount(index, positive) / count, weights=count)
    ends = np.unique(np.concatenate([pooled.blocks[:-1], pooled.blocks[1:] - 1]))
    return Isotonic(tuple(x[ends].tolist()), tuple(pooled.x[ends].tolist()))


def fit_beta(prob: ArrayLike, truth: ArrayLike) -> Beta:
    """Beta calibration with a, b >= 0 (Kull, Silva Filho and Flach, AISTATS 2017;54:623-631).

    Maximum likelihood on Platt's smoothed targets, see `fit_platt`. Where the free fit has a
    negative a (or b), that one is held at 0 and the rest fitted again. Arguments as in `fit`.
    """
    positive, logits = _varied_logits(prob, truth)
    target = _smoothed(positive)
    below, above = logit_halves(logits)
    (a, b), c = fit_logistic(np.column_stack([below, above]), target)
    if a < 0:
        (b,), c = fit_logistic(above[:, None], target)
        a = 0.0
    elif b < 0:
        (a,), c = fit_logistic(below[:, None], target)
        b = 0.0
    if min(a, b) < 0:
        return Beta(0.0, 0.0, float(logits_of(target.mean())))
    return Beta(float(a), float(b), c)


def _varied_logits(prob: ArrayLike, truth: ArrayLike) -> tuple[Bools, Floats]:
    positive, probs = checked_probabilities(truth, prob)
    return checked_varied(positive, logits_of(probs))


def _smoothed(positive: Bools) -> Floats:
    n_positive = positive.sum()
    high, low = (n_positive + 1) / (n_positive + 2), 1 / (len(positive) - n_positive + 2)
    return np.asarray(np.where(positive, high, low), np.float64)

"""Decision curves: is acting on the model worth more than acting on everybody, or nobody?

Whoever acts at a threshold probability t says that one cancer acted upon is worth (1 - t) / t
cases acted upon in vain. Net benefit counts both in cancers found for nothing, per case (Vickers
and Elkin, Med Decis Making 2006;26:565-574). All functions are plain, for a patient bootstrap to
call; the thresholds should span what women and readers would accept (a recall of 5 to 30 women
for one cancer: 0.03 to 0.2), not all of 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscope.errors import ConfigError
from mammoscope.metrics.prevalence import checked_prevalence
from mammoscope.metrics.roc import curve

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit over thresholds; that of acting on none is 0 at every one.

    Attributes:
        threshold: (k,) probabilities, as given.
        model: (k,) net benefit of acting where prob >= threshold, in true positives per case, no
            unit; at most the prevalence, may be negative.
        treat_all: (k,) that of acting on every case.
        standardised: (k,) model / prevalence, at most 1 (Kerr, Brown, Zhu and Janes, J Clin Oncol
            2016;34:2534-2540).
        avoided_per_100: (k,) cases not acted upon in vain, per 100 cases, net of cancers lost,
            against acting on all (Vickers, Cronin, Elkin and Gonen, BMC Med Inform Decis Mak
            2008;8:53).
        test_tradeoff: (k,) readings by the model for which one more true positive is found than by
            the better of all and none; inf where the model is no better (Baker, Van Calster and
            Steyerberg, Int J Biostat 2012;8:1-37).
        prevalence: share of cancers it refers to, no unit.
    """

    threshold: Floats
    model: Floats
    treat_all: Floats
    standardised: Floats
    avoided_per_100: Floats
    test_tradeoff: Floats
    prevalence: float


def decision_curve(
    truth: ArrayLike,
    prob: ArrayLike,
    thresholds: ArrayLike,
    prevalence: float | None = None,
    weight: ArrayLike | None = None,
) -> DecisionCurve:
    """All of a decision curve.

    Args:
        truth: (n,) 0 or 1, both present.
        prob: (n,) probabilities in [0, 1], calibrated for the prevalence that is judged: at
            another, correct them first, or the thresholds do not mean what they say.
        thresholds: (k,) probabilities in (0, 1).
        prevalence: share of cancers to re-weight the classes to, in (0, 1), no unit. None: that
            of the (weighted) cases.
        weight: (n,) non-negative case weights. None: all 1.

    Raises:
        ConfigError: as in `roc.curve`; or a probability, threshold or prevalence out of range.
    """
    at, odds = _thresholds(thresholds)
    share, tpr, fpr = _rates(truth, prob, at, prevalence, weight)
    model = share * tpr - (1 - share) * fpr * odds
    treat_all = share - (1 - share) * odds
    gain = model - np.maximum(treat_all, 0)
    # A gain of rounding errors alone is none.
    tradeoff = np.full(len(at), np.inf)
    np.divide(1, gain, out=tradeoff, where=gain > 1e-12)
    avoided = 100 * (model - treat_all) / odds
    return DecisionCurve(at, model, treat_all, model / share, avoided, tradeoff, share)


def net_benefit(
    truth: ArrayLike,
    prob: ArrayLike,
    thresholds: ArrayLike,
    prevalence: float | None = None,
    weight: ArrayLike | None = None,
) -> Floats:
    """(k,) net benefit of the model in true positives per case; all as in `decision_curve`."""
    return decision_curve(truth, prob, thresholds, prevalence, weight).model


def _rates(
    truth: ArrayLike,
    prob: ArrayLike,
    at: Floats,
    prevalence: float | None,
    weight: ArrayLike | None,
) -> tuple[float, Floats, Floats]:
    """Prevalence, and true and false positive rate at each threshold."""
    points = curve(truth, prob, weight)
    if points.threshold[1] > 1 or points.threshold[-1] < 0:
        raise ConfigError(
            f"Probabilities range from {points.threshold[-1]:g} to {points.threshold[1]:g}; "
            "calibrate the scores to 0 to 1 first."
        )
    if prevalence is None:
        weights = None if weight is None else np.asarray(weight, np.float64)
        share = float(np.average(np.asarray(truth, np.float64), weights=weights))
    else:
        share = checked_prevalence(prevalence)
    # The last point of the curve whose threshold is still at least t: thresholds fall.
    place = np.searchsorted(-points.threshold, -at, "right") - 1
    return share, points.sensitivity[place], points.false_positive_rate[place]


def _thresholds(thresholds: ArrayLike) -> tuple[Floats, Floats]:
    at = np.asarray(thresholds, np.float64)
    if at.ndim != 1 or not len(at) or not ((at > 0) & (at < 1)).all():
        raise ConfigError(
            f"thresholds has shape {at.shape} and values from {at.min(initial=1):g} to "
            f"{at.max(initial=0):g}; give a row of probabilities above 0 and below 1."
        )
    return at, at / (1 - at)

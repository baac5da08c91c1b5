"""ROC analysis: AUC, AUC within strata, partial AUC, the curve, and points on it.

All of it is empirical (no smoothing; only areas join the points by lines), so every pair of
sensitivity and specificity is one that a threshold really gives on the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscope.errors import ConfigError
from mammoscope.metrics.proportions import checked_weight, checked_weights

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# A share such as 0.9 of 10 cases is 9 of them, although 0.9 * 10 may come out a hair above 9.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Curve:
    """An empirical ROC curve, from (0, 0) to (1, 1), one point for each distinct score.

    Attributes:
        false_positive_rate: (k + 1,) 1 - specificity, rising.
        sensitivity: (k + 1,) rising.
        threshold: (k + 1,) falling, in the score's units; the first is +inf (nothing is called).
    """

    false_positive_rate: Floats
    sensitivity: Floats
    threshold: Floats


def auc(truth: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Area under the ROC curve: the chance that a cancer scores above a non-cancer.

    A tied pair counts one half, as with mid-ranks (Mann and Whitney 1947; Hanley and McNeil,
    Radiology 1982;143:29-36).

    Args:
        truth: (n,) 0 or 1.
        score: (n,) any unit, not NaN.
        weight: (n,) non-negative case weights; a pair counts the product of its two. None: all 1.

    Returns:
        The area in [0, 1], no unit.

    Raises:
        ConfigError: one class only, unequal lengths, NaN, or a truth that is not 0 or 1.
    """
    positive, scores = checked(truth, score)
    weights = None if weight is None else checked_weight(weight, len(scores))
    wins, pairs = _wins(positive, scores, weights)
    if pairs == 0:
        raise _one_class(positive)
    return wins / pairs


def auc_within(truth: ArrayLike, score: ArrayLike, stratum: ArrayLike) -> float:
    """AUC over the pairs whose two cases share a stratum (a machine, a site, a fold).

    Equals the mean of the strata's AUCs weighted by their number of pairs; what differs between
    strata (a vendor's look, a site's prevalence) can neither raise nor lower it. It is the
    covariate-adjusted AUC of Janes and Pepe (Biometrika 2009;96:371-382) with pairs as weights.

    Args:
        truth: (n,) 0 or 1.
        score: (n,) any unit, not NaN.
        stratum: (n,) labels of any sortable type; integers are fastest.

    Raises:
        ConfigError: as in `auc`, or no stratum holds both classes.
    """
    positive, scores = checked(truth, score)
    labels = np.asarray(stratum)
    if labels.shape != scores.shape:
        raise ConfigError(
            f"{len(labels)} strata were given for {len(scores)} cases; give one each."
        )
    wins = pairs = 0.0
    for label in np.unique(labels[positive]):
        inside = labels == label
        more_wins, more_pairs = _wins(positive[inside], scores[inside], None)
        wins, pairs = wins + more_wins, pairs + more_pairs
    if pairs == 0:
        raise ConfigError("No stratum holds cases of both classes; use coarser strata.")
    return wins / pairs


def curve(truth: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> Curve:
    """The empirical ROC curve (Metz, Semin Nucl Med 1978;8:283-298); arguments as in `auc`."""
    positive, scores = checked(truth, score)
    weights = checked_weights(weight, len(scores))
    used = weights > 0
    positive, scores, weights = positive[used], scores[used], weights[used]
    thresholds, index = np.unique(-scores, return_inverse=True)
    called = np.bincount(index, weights * positive), np.bincount(index, weights * ~positive)
    if min(c.sum() for c in called) == 0:
        raise _one_class(positive)
    tpr, fpr = (np.concatenate([[0.0], np.cumsum(c) / c.sum()]) for c in called)
    return Curve(fpr, tpr, np.concatenate([[np.inf], -thresholds]))


def partial_auc(
    truth: ArrayLike,
    score: ArrayLike,
    *,
    specificity: tuple[float, float] | None = None,
    sensitivity: tuple[float, float] | None = None,
    standardised: bool = False,
) -> float:
    """Area under the part of the ROC curve within a range of specificity, or of sensitivity.

    The curve's points are joined by straight lines, so that (0, 1) gives `auc`. Over
    specificities it is the integral of sensitivity, over sensitivities that of specificity.

    Args:
        truth: (n,) 0 or 1.
        score: (n,) any unit, not NaN.
        specificity: (low, high), fractions; (0.9, 1) is a false-positive rate of at most 0.1.
        sensitivity: (low, high), fractions; give one of the two ranges.
        standardised: map the area that a useless score gets to 0.5 and the largest possible one
            to 1 (McClish, Med Decis Making 1989;9:190-195); below 0.5 where the part of the curve
            lies below the diagonal.

    Returns:
        The area, at most high - low; standardised, no unit and at most 1.

    Raises:
        ConfigError: as in `auc`; no range or two; a range that is empty or not within [0, 1].
    """
    low, high = _only_range(specificity, sensitivity)
    found = curve(truth, score)
    true_negative_rate = 1 - found.false_positive_rate
    if specificity is not None:
        area = _area(true_negative_rate[::-1], found.sensitivity[::-1], low, high)
    else:
        area = _area(found.sensitivity, true_negative_rate, low, high)
    if not standardised:
        return area
    useless, most = (high - low) * (2 - low - high) / 2, high - low
    return 0.5 * (1 + (area - useless) / (most - useless))


def threshold_at_specificity(truth: ArrayLike, score: ArrayLike, specificity: float) -> float:
    """The lowest observed score that, as threshold, gives at least this specificity.

    +inf where only calling nothing positive would do. Arguments as in `auc`; `specificity` and
    the other targets below are fractions in [0, 1].
    """
    positive, scores = _both_classes(truth, score)
    negatives = np.sort(scores[~positive])
    needed = _needed(specificity, "specificity", len(negatives))
    candidates = np.unique(scores)
    return _first(candidates, np.searchsorted(negatives, candidates, "left") >= needed)


def threshold_at_sensitivity(truth: ArrayLike, score: ArrayLike, sensitivity: float) -> float:
    """The highest observed score that, as threshold, gives at least this sensitivity.

    +inf for a sensitivity of 0.
    """
    positive, scores = _both_classes(truth, score)
    positives = np.sort(scores[positive])
    needed = _needed(sensitivity, "sensitivity", len(positives))
    return float(positives[len(positives) - needed]) if needed else float("inf")


def threshold_at_flag_rate(
    truth: ArrayLike, score: ArrayLike, rate: float, prevalence: float
) -> float:
    """The lowest observed score that flags at most this share of a population.

    The cases are re-weighted so that cancers make up `prevalence` of the population, as one does
    for a set enriched with cancers (here as in inverse-probability weighting of case-control data).

    Args:
        truth: (n,) 0 or 1.
        score: (n,) any unit, not NaN.
        rate: share of the population to flag, in [0, 1].
        prevalence: share of cancers in the population, in [0, 1].

    Returns:
        The threshold in the score's unit; +inf where only flagging nothing would do.
    """
    positive, scores = _both_classes(truth, score)
    for value, name in ((rate, "flag rate"), (prevalence, "prevalence")):
        _needed(value, name, 1)
    at = curve(positive, scores)
    flagged = prevalence * at.sensitivity + (1 - prevalence) * at.false_positive_rate
    return float(at.threshold[np.flatnonzero(flagged <= rate + _ROUNDING)[-1]])


def sensitivity_at_specificity(truth: ArrayLike, score: ArrayLike, specificity: float) -> float:
    """Highest sensitivity among the thresholds of at least this specificity; see `auc`."""
    threshold = threshold_at_specificity(truth, score, specificity)
    return operating_characteristics(truth, score, threshold)[0]


def specificity_at_sensitivity(truth: ArrayLike, score: ArrayLike, sensitivity: float) -> float:
    """Highest specificity among the thresholds of at least this sensitivity; see `auc`."""
    threshold = threshold_at_sensitivity(truth, score, sensitivity)
    return operating_characteristics(truth, score, threshold)[1]


def operating_characteristics(
    truth: ArrayLike, score: ArrayLike, threshold: float
) -> tuple[float, float]:
    """(sensitivity, specificity), fractions in [0, 1], when score >= threshold is called."""
    positive, scores = _both_classes(truth, score)
    called = scores >= threshold
    return float(called[positive].mean()), float(1 - called[~positive].mean())


def checked(truth: ArrayLike, score: ArrayLike) -> tuple[Bools, Floats]:
    """Truth as booleans and score as float64, both (n,).

    Raises:
        ConfigError: unequal or zero lengths, more than one dimension, NaN, truth not 0 or 1.
    """
    truths, scores = np.asarray(truth), np.asarray(score, np.float64)
    if truths.shape != scores.shape or truths.ndim != 1 or not len(truths):
        raise ConfigError(
            f"truth has shape {truths.shape} and score {scores.shape}; "
            "both must be one-dimensional, of one length and not empty."
        )
    if np.isnan(scores).any():
        raise ConfigError(
            f"{np.isnan(scores).sum()} of {len(scores)} scores are NaN; "
            "leave out or score the cases they belong to."
        )
    positive = truths == 1
    if not (positive | (truths == 0)).all():
        raise ConfigError(
            f"truth holds {truths[~positive & (truths != 0)][0]!r}; use 0 and 1 only."
        )
    return positive, scores


def _only_range(
    specificity: tuple[float, float] | None, sensitivity: tuple[float, float] | None
) -> tuple[float, float]:
    given = [r for r in (specificity, sensitivity) if r is not None]
    if len(given) != 1 or not 0 <= given[0][0] < given[0][1] <= 1:
        raise ConfigError(
            f"specificity is {specificity} and sensitivity {sensitivity}; "
            "give one of them, as two rising fractions between 0 and 1."
        )
    return given[0]


def _area(x: Floats, y: Floats, low: float, high: float) -> float:
    """Integral from low to high of the line through points whose x never falls."""
    left, right = np.clip(x[:-1], low, high), np.clip(x[1:], low, high)
    width = np.diff(x)
    slope = np.divide(np.diff(y), width, out=np.zeros_like(width), where=width > 0)
    middle = y[:-1] + slope * ((left + right) / 2 - x[:-1])
    return float((right - left) @ middle)


def _both_classes(truth: ArrayLike, score: ArrayLike) -> tuple[Bools, Floats]:
    positive, scores = checked(truth, score)
    if positive.all() or not positive.any():
        raise _one_class(positive)
    return positive, scores


def _one_class(positive: Bools) -> ConfigError:
    return ConfigError(
        f"Of {len(positive)} cases {positive.sum()} are positive (weight 0 counts as absent): "
        "a ROC figure needs both classes; add cases of the missing one."
    )


def _wins(positive: Bools, scores: Floats, weights: Floats | None) -> tuple[float, float]:
    """Weight of the pairs a cancer wins (ties half), and weight of all pairs."""
    cancers, others = scores[positive], scores[~positive]
    if weights is None:
        below, upto = _places(np.sort(others), np.sort(cancers))
        return 0.5 * float((below + upto).sum()), float(len(cancers) * len(others))
    order = np.argsort(others)
    total = np.concatenate([[0.0], np.cumsum(weights[~positive][order])])
    below, upto = _places(others[order], cancers)
    wins = 0.5 * float(weights[positive] @ (total[below] + total[upto]))
    return wins, float(weights[positive].sum() * total[-1])


def _places(ordered: Floats, values: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")


def _needed(share: float, name: str, n: int) -> int:
    if not 0 <= share <= 1:
        raise ConfigError(f"{name} is {share}; give a fraction between 0 and 1.")
    return int(np.ceil(share * n - _ROUNDING))


def _first(candidates: Floats, suffices: Bools) -> float:
    return float(candidates[np.argmax(suffices)]) if suffices.any() else float("inf")

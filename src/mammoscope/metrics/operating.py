"""What happens at a threshold: the confusion counts and the rates they give.

PPV, NPV, recall and detection rate depend on the data's share of cancers; those of a screening
round of a stated prevalence are in `mammoscope.metrics.prevalence`. Sensitivity at a fixed
specificity, the reverse and their thresholds are in `mammoscope.metrics.roc`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscope.errors import ConfigError
from mammoscope.metrics.proportions import (
    Proportion,
    checked_ids,
    checked_weight,
    checked_weights,
    proportion,
    scaled,
)
from mammoscope.metrics.roc import checked

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Counts:
    """A 2x2 table: cases, or their weights.

    Attributes:
        tp, fn: cancers called positive, and missed.
        fp, tn: cases without cancer called positive, and not.
    """

    tp: float
    fp: float
    fn: float
    tn: float


@dataclass(frozen=True)
class OperatingPoint:
    """Rates at one threshold with intervals; None where no case is in the denominator.

    Attributes:
        threshold: in the score's unit; a case is called positive when score >= threshold.
        counts: the (weighted) confusion table.
        sensitivity: called / cancers.
        specificity: not called / cases without cancer.
        ppv: cancers / called, the positive predictive value; that of the data's prevalence.
        npv: without cancer / not called, the negative one; likewise.
        accuracy: right / all.
        recall_rate: called / all.
        cancer_detection_per_1000: called cancers / all, per 1,000.
        f1: 2 tp / (2 tp + fp + fn); its hits are tp, its n is tp + fp + fn.
    """

    threshold: float
    counts: Counts
    sensitivity: Proportion | None
    specificity: Proportion | None
    ppv: Proportion | None
    npv: Proportion | None
    accuracy: Proportion
    recall_rate: Proportion
    cancer_detection_per_1000: Proportion
    f1: Proportion | None


def confusion_counts(
    truth: ArrayLike, score: ArrayLike, threshold: float, weight: ArrayLike | None = None
) -> Counts:
    """Counts (whole numbers), or sums of weights, of the four outcomes at a threshold.

    Args:
        truth: (n,) 0 or 1.
        score: (n,) any unit, not NaN.
        threshold: in the score's unit; +inf calls nothing.
        weight: (n,) non-negative case weights. None: all 1.

    Raises:
        ConfigError: as in `roc.checked`, or weights or a threshold that are none.
    """
    positive, called = _called(truth, score, threshold)
    cell = 2 * positive + called
    if weight is None:
        tn, fp, fn, tp = np.bincount(cell, minlength=4).tolist()
    else:
        weights = checked_weight(weight, len(cell))
        tn, fp, fn, tp = np.bincount(cell, weights, minlength=4).tolist()
    return Counts(tp, fp, fn, tn)


def operating_point(
    truth: ArrayLike,
    score: ArrayLike,
    threshold: float,
    patient_ids: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    level: float = 0.95,
) -> OperatingPoint:
    """The rates at a threshold, with Wilson's intervals, by patient if ids are given.

    The terms are those of screening audits (Sickles and D'Orsi, ACR BI-RADS Atlas 2013, follow-up
    and outcome monitoring). The interval of F1 is that of tp / (tp + fp + fn), a plain proportion
    of which F1 is a monotone function (Hand, Christen and Kirielle, Mach Learn 2021;110:451-456).

    Args:
        truth: (n,) 0 or 1; one class alone will do.
        score: (n,) any unit, not NaN.
        threshold: in the score's unit.
        patient_ids: (n,) labels; cases of one patient stay together, see `proportion`.
        weight: (n,) non-negative case weights. None: all 1.
        level: coverage aimed at, in (0, 1).

    Raises:
        ConfigError: as in `roc.checked` and `proportion`.
    """
    positive, called = _called(truth, score, threshold)
    n = len(positive)
    ids = None if patient_ids is None else checked_ids(patient_ids, n)
    weights = None if weight is None else checked_weight(weight, n)

    def overall(hits: Bools) -> Proportion:
        return proportion(hits, ids, weights, level)

    def share(hits: Bools, among: Bools) -> Proportion | None:
        of, by = (None if x is None else x[among] for x in (ids, weights))
        empty = not among.any() if by is None else not by.any()
        return None if empty else proportion(hits[among], of, by, level)

    overlap = share(positive & called, positive | called)
    return OperatingPoint(
        threshold=float(threshold),
        counts=confusion_counts(truth, score, threshold, weight),
        sensitivity=share(called, positive),
        specificity=share(~called, ~positive),
        ppv=share(positive, called),
        npv=share(~positive, ~called),
        accuracy=overall(positive == called),
        recall_rate=overall(called),
        cancer_detection_per_1000=scaled(overall(positive & called), 1000),
        f1=None if overlap is None else _f1(overlap),
    )


def probabilistic_f1(truth: ArrayLike, prob: ArrayLike, weight: ArrayLike | None = None) -> float:
    """F1 with probabilities in place of calls, as the RSNA 2022 challenge scored it.

    2 pTP / (pTP + pFP + cancers), where pTP and pFP are the sums of the probabilities of cases
    with and without cancer (Yacouby and Axman, Eval4NLP 2020:79-91). It falls with the prevalence
    and rewards scores of 0 and 1, calibrated or not; the challenge's winners submitted such.

    Args:
        truth: (n,) 0 or 1, with at least one 1.
        prob: (n,) probabilities in [0, 1].
        weight: (n,) non-negative case weights. None: all 1.

    Returns:
        In [0, 1], no unit.

    Raises:
        ConfigError: as in `roc.checked`, a probability outside [0, 1], or no cancer.
    """
    positive, probs = checked(truth, prob)
    if (probs < 0).any() or (probs > 1).any():
        raise ConfigError(
            f"Probabilities range from {probs.min():g} to {probs.max():g}; "
            "map the scores to 0 to 1 first."
        )
    weights = checked_weights(weight, len(probs))
    cancers = float(weights[positive].sum())
    if cancers == 0:
        raise ConfigError("There is no cancer among the cases, so F1 has none to find; add some.")
    return 2 * float(weights[positive] @ probs[positive]) / (float(weights @ probs) + cancers)


def _called(truth: ArrayLike, score: ArrayLike, threshold: float) -> tuple[Bools, Bools]:
    positive, scores = checked(truth, score)
    if np.isnan(threshold):
        raise ConfigError("The threshold is NaN; give a number in the score's unit.")
    return positive, np.asarray(scores >= threshold, np.bool_)


def _f1(overlap: Proportion) -> Proportion:
    value, low, high = (2 * x / (1 + x) for x in (overlap.value, overlap.low, overlap.high))
    return Proportion(value, low, high, overlap.hits, overlap.n)

"""Precision and recall: the empirical curve, average precision, and one point of it.

Precision depends on the share of cancers among the cases, and so does everything here. A model
that knows nothing has the prevalence as its precision everywhere and as its average precision
(Saito and Rehmsmeier, PLoS ONE 2015;10:e0118432): state the prevalence beside every figure, and
compare none across prevalences. With `prevalence` the cases are re-weighted to a stated one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscope.errors import ConfigError
from mammoscope.metrics.prevalence import checked_prevalence
from mammoscope.metrics.proportions import checked_weights
from mammoscope.metrics.roc import checked

Floats = NDArray[np.float64]

# A share such as 0.9 of 10 cases is 9 of them, although 0.9 * 10 may come out a hair above 9.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Curve:
    """An empirical precision-recall curve, one point for each distinct score.

    There is no made-up point of recall 0 and precision 1: with nothing called, precision is 0 / 0.

    Attributes:
        recall: (k,) sensitivity, rising, the last is 1.
        precision: (k,) positive predictive value; the last is the prevalence.
        threshold: (k,) falling, in the score's units.
        prevalence: share of cancers that precision refers to, and the chance level; no unit.
    """

    recall: Floats
    precision: Floats
    threshold: Floats
    prevalence: float


def curve(
    truth: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    prevalence: float | None = None,
) -> Curve:
    """The empirical precision-recall curve (Davis and Goadrich, ICML 2006:233-240).

    Args:
        truth: (n,) 0 or 1, with at least one 1.
        score: (n,) any unit, not NaN.
        weight: (n,) non-negative case weights. None: all 1.
        prevalence: share of cancers to re-weight the classes to, in (0, 1), no unit. None: that
            of the (weighted) cases.

    Raises:
        ConfigError: as in `roc.checked`, no cancer, or a prevalence for cases of one class.
    """
    positive, scores = checked(truth, score)
    weights = checked_weights(weight, len(scores))
    used = weights > 0
    positive, scores, weights = positive[used], scores[used], weights[used]
    if not positive.any() or (prevalence is not None and positive.all()):
        raise ConfigError(
            f"Of {len(positive)} cases {positive.sum()} are cancers (weight 0 counts as absent): "
            "precision and recall need cancers, and another prevalence cases without; add some."
        )
    thresholds, index = np.unique(-scores, return_inverse=True)
    tp = np.cumsum(np.bincount(index, weights * positive))
    fp = np.cumsum(np.bincount(index, weights * ~positive))
    share = tp[-1] / (tp[-1] + fp[-1]) if prevalence is None else checked_prevalence(prevalence)
    if prevalence is not None:
        tp, fp = share * tp / tp[-1], (1 - share) * fp / fp[-1]
    return Curve(tp / tp[-1], tp / (tp + fp), -thresholds, float(share))


def average_precision(
    truth: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    prevalence: float | None = None,
) -> float:
    """Mean precision over the cancers, the step-wise area under the curve, in [0, 1], no unit.

    The sum of (recall gained at a score) * (precision there), without interpolation, which would
    flatter (Davis and Goadrich, ICML 2006:233-240). Cases tied in score enter together. Chance is
    the prevalence. Arguments and errors as in `curve`.
    """
    points = curve(truth, score, weight, prevalence)
    return float(np.diff(points.recall, prepend=0.0) @ points.precision)


def precision_at_sensitivity(
    truth: ArrayLike,
    score: ArrayLike,
    sensitivity: float,
    weight: ArrayLike | None = None,
    prevalence: float | None = None,
) -> float:
    """Precision (PPV, no unit) at the highest threshold of at least this sensitivity.

    Args:
        truth: as in `curve`, as are the others.
        score: (n,).
        sensitivity: in (0, 1], no unit; at 0 nothing need be called and there is no precision.
        weight: (n,) or None.
        prevalence: a share or None.

    Raises:
        ConfigError: as in `curve`, or a sensitivity outside (0, 1].
    """
    if not 0 < sensitivity <= 1:
        raise ConfigError(f"sensitivity is {sensitivity}; give a fraction above 0, at most 1.")
    points = curve(truth, score, weight, prevalence)
    first = int(np.argmax(points.recall >= sensitivity - _ROUNDING))
    return float(points.precision[first])

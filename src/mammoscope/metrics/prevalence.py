"""From the share of cancers in the data to that of screening.

A test set is enriched with cancers; of a thousand women screened five to ten have one. Sensitivity
and specificity carry over, if the cases are like those of screening; PPV, NPV, recall rate and
detection rate do not, and are worked out here for a stated prevalence.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscope.errors import ConfigError
from mammoscope.metrics.proportions import Proportion, checked_weights, scaled
from mammoscope.metrics.roc import checked

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rate:
    """A rate with its interval.

    Attributes:
        value: a fraction in [0, 1], no unit; per 1,000 in fields named `..._per_1000`.
        low, high: the interval's ends, in the same unit.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Screening:
    """What a screening round of a stated prevalence would see.

    Attributes:
        prevalence: share of cancers, no unit.
        ppv: cancers among the called; None where nothing is called.
        npv: no cancers among those not called; None where everything is called.
        recall_rate: called among all.
        cancer_detection_per_1000: called cancers among all, per 1,000 screened.
        missed_per_1000: cancers not called among all, per 1,000 screened.
    """

    prevalence: float
    ppv: Rate | None
    npv: Rate | None
    recall_rate: Rate
    cancer_detection_per_1000: Rate
    missed_per_1000: Rate


def at_prevalence(sensitivity: Proportion, specificity: Proportion, prevalence: float) -> Screening:
    """PPV, NPV, recall and detection rate at a stated prevalence, by Bayes' theorem.

    Intervals are recovered from those of sensitivity and specificity: for the recall rate, a sum,
    after Zou and Donner (Stat Med 2008;27:1693-1702); for PPV and NPV, which depend on a ratio of
    the two alone, after Donner and Zou (Stat Methods Med Res 2012;21:347-359). That takes the two
    for independent; where many patients give cases of both classes, prefer a patient bootstrap
    with `prevalence_weights`. The prevalence itself counts as known.

    Args:
        sensitivity: as in an `OperatingPoint`.
        specificity: likewise, with an interval of the same level.
        prevalence: share of cancers, in (0, 1), no unit: 0.006 is 6 in 1,000.

    Raises:
        ConfigError: a prevalence outside (0, 1).
    """
    p = checked_prevalence(prevalence)
    called = sensitivity, _complement(specificity)
    passed = _complement(sensitivity), specificity
    return Screening(
        prevalence=p,
        ppv=_predictive(*called, p / (1 - p)),
        npv=_predictive(*passed[::-1], (1 - p) / p),
        recall_rate=_sum(scaled(called[0], p), scaled(called[1], 1 - p)),
        cancer_detection_per_1000=_rate(scaled(called[0], 1000 * p)),
        missed_per_1000=_rate(scaled(passed[0], 1000 * p)),
    )


def prevalence_weights(
    truth: ArrayLike, prevalence: float, weight: ArrayLike | None = None
) -> Floats:
    """Case weights that give cancers a stated share of the total, as in screening.

    A set enriched with cancers then counts as a sample of that population: inverse-probability
    weights of a case-control set (Horvitz and Thompson, JASA 1952;47:663-685).

    Args:
        truth: (n,) 0 or 1, both present.
        prevalence: share of cancers, in (0, 1), no unit: 0.006 is 6 in 1,000.
        weight: (n,) weights to start from; their ratios within a class are kept. None: all 1.

    Returns:
        (n,) weights whose sum is n.

    Raises:
        ConfigError: a class is missing (or of weight 0), or a prevalence outside (0, 1).
    """
    positive, _ = checked(truth, np.zeros(len(np.asarray(truth))))
    checked_prevalence(prevalence)
    weights = checked_weights(weight, len(positive))
    cancers, others = weights[positive].sum(), weights[~positive].sum()
    if min(cancers, others) == 0:
        raise ConfigError(
            f"{int(positive.sum())} of {len(positive)} cases are cancers (weight 0 counts as "
            "absent); a prevalence can be set only where both classes are present."
        )
    share = np.where(positive, prevalence / cancers, (1 - prevalence) / others)
    return np.asarray(len(positive) * weights * share, np.float64)


def checked_prevalence(prevalence: float) -> float:
    """The prevalence, if it is a share within (0, 1); else ConfigError."""
    if not 0 < prevalence < 1:
        raise ConfigError(
            f"prevalence is {prevalence}; give a share between 0 and 1, 0.006 for 6 in 1,000."
        )
    return prevalence


def _complement(share: Proportion) -> Proportion:
    return Proportion(1 - share.value, 1 - share.high, 1 - share.low, share.n - share.hits, share.n)


def _rate(share: Proportion) -> Rate:
    return Rate(share.value, share.low, share.high)


def _sum(a: Proportion, b: Proportion) -> Rate:
    value = a.value + b.value
    low = value - hypot(a.value - a.low, b.value - b.low)
    return Rate(value, max(0.0, low), min(1.0, value + hypot(a.high - a.value, b.high - b.value)))


def _predictive(right: Proportion, wrong: Proportion, odds: float) -> Rate | None:
    """The share of right calls among all, where `odds` right ones could be made for a wrong one."""
    if right.value == 0 and wrong.value == 0:
        return None
    ratios = _ratio(right, wrong)
    value, low, high = (1 / (1 + 1 / (odds * r)) if r > 0 else 0.0 for r in ratios)
    return Rate(value, low, high)


def _ratio(top: Proportion, bottom: Proportion) -> tuple[float, float, float]:
    """(value, low, high) of a ratio of independent proportions, equation 9 of Donner and Zou.

    Numerator and denominator of the lower limit are multiplied by the conjugate, so that it is
    defined where the ratio's bottom is 0; the upper limit is infinite there.
    """
    product = top.value * bottom.value
    rising = top.low * (2 * top.value - top.low)
    falling = bottom.high * (2 * bottom.value - bottom.high)
    # Rounding alone can make the differences under the roots negative.
    root = sqrt(max(0.0, product**2 - rising * falling))
    low = rising / (product + root) if top.value > 0 else 0.0
    widest = top.high * (2 * top.value - top.high)
    least = bottom.low * (2 * bottom.value - bottom.low)
    if least == 0:
        return (top.value / bottom.value if bottom.value else np.inf), low, np.inf
    high = (product + sqrt(max(0.0, product**2 - widest * least))) / least
    return top.value / bottom.value, low, high

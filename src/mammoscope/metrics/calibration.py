"""How well probabilities hold: calibration curve, errors, Brier score and its parts, log loss.

Fitting a calibration is the business of `mammoscope.metrics.recalibration`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit

from mammoscope.errors import ConfigError
from mammoscope.metrics.logistic import clustered_errors, fit_logistic
from mammoscope.metrics.probabilities import (
    checked_both,
    checked_probabilities,
    checked_varied,
    logits_of,
)
from mammoscope.metrics.proportions import checked_weights, wilson
from mammoscope.metrics.roc import Floats

_SMALLEST_CHANCE = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Reliability:
    """A reliability table; bins without cases are left out.

    Attributes:
        low, high: (k,) edges of each bin's probabilities.
        n: (k,) cases in the bin.
        mean_probability: (k,) mean predicted probability.
        observed: (k,) fraction of the bin's cases that are positive.
        positives: (k,) the bin's cases that are positive.
    """

    low: Floats
    high: Floats
    n: NDArray[np.intp]
    mean_probability: Floats
    observed: Floats
    positives: NDArray[np.intp]

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Wilson's interval of each bin's observed fraction: (k,) low ends, (k,) high ends.

        It takes the cases as independent; where a patient has several, it is too narrow.
        """
        pairs = zip(self.positives.tolist(), self.n.tolist(), strict=True)
        low, high = np.array([wilson(hits, n, level) for hits, n in pairs]).T
        return low, high


@dataclass(frozen=True)
class BrierParts:
    """The Brier score in five parts, all in units of squared probability.

    `score` = reliability - resolution + uncertainty + within_variance - within_covariance.

    Attributes:
        reliability: squared distance of the bins' mean probability from their observed fraction;
            0 is best.
        resolution: variance of the observed fractions between bins; the more the better.
        uncertainty: prevalence * (1 - prevalence), whatever the predictions.
        within_variance: variance of the probabilities inside the bins.
        within_covariance: twice the covariance of probability and truth inside the bins.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within_variance: float
    within_covariance: float

    @property
    def score(self) -> float:
        """The Brier score that the parts add up to."""
        within = self.within_variance - self.within_covariance
        return self.reliability - self.resolution + self.uncertainty + within


def reliability(
    truth: ArrayLike, prob: ArrayLike, bins: int = 15, equal_mass: bool = False
) -> Reliability:
    """The reliability table behind `ece`; a bin holds the probabilities in (low, high].

    The first bin also holds its lower edge. Arguments as in `ece`.
    """
    positive, probs = checked_probabilities(truth, prob)
    edges, index = _binned(probs, bins, equal_mass)
    k = len(edges) - 1
    n, total, cancers = (np.bincount(index, w, k) for w in (None, probs, positive))
    used = n > 0
    n, total, cancers = n[used], total[used], cancers[used]
    low, high = edges[:-1][used], edges[1:][used]
    return Reliability(low, high, n, total / n, cancers / n, cancers.astype(np.intp))


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


def max_calibration_error(
    truth: ArrayLike, prob: ArrayLike, bins: int = 15, equal_mass: bool = True
) -> float:
    """The largest |observed - predicted| of a bin (Naeini et al., AAAI 2015), in [0, 1].

    Bins of equal mass by default: in bins of equal width it is the figure of the emptiest bin.
    Arguments as in `ece`.
    """
    table = reliability(truth, prob, bins, equal_mass)
    return float(np.abs(table.observed - table.mean_probability).max())


def brier(truth: ArrayLike, prob: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Mean squared difference of probability and truth, in [0, 1]; 0 is best.

    Brier, Monthly Weather Review 1950;78:1-3.

    Args:
        truth: (n,) 0 or 1.
        prob: (n,) predicted probabilities in [0, 1].
        weight: (n,) case weights of at least 0, not all 0. None: all 1.
    """
    positive, probs = checked_probabilities(truth, prob)
    return float(np.average((probs - positive) ** 2, weights=checked_weights(weight, len(probs))))


def scaled_brier(truth: ArrayLike, prob: ArrayLike, weight: ArrayLike | None = None) -> float:
    """1 - Brier score / Brier score of telling every case the prevalence; arguments as in `brier`.

    1 is perfect, 0 no better than the prevalence, below 0 worse (Steyerberg et al., Epidemiology
    2010;21:128-138).

    Raises:
        ConfigError: one class only (weight 0 counts as absent), where it is undefined.
    """
    positive, probs = checked_probabilities(truth, prob)
    weights = checked_weights(weight, len(probs))
    checked_both(positive[weights > 0])
    prevalence = float(np.average(positive, weights=weights))
    return 1 - brier(positive, probs, weights) / (prevalence * (1 - prevalence))


def brier_parts(
    truth: ArrayLike,
    prob: ArrayLike,
    bins: int = 15,
    equal_mass: bool = False,
    weight: ArrayLike | None = None,
) -> BrierParts:
    """The Brier score as reliability - resolution + uncertainty, and what binning leaves over.

    The three parts of Murphy (J Appl Meteorol 1973;12:595-600) add up only if all cases of a bin
    have one probability; the two within-bin parts of Stephenson, Coelho and Jolliffe (Weather and
    Forecasting 2008;23:752-757) close the sum for any bins. Bins as in `ece`, weight as in `brier`.
    """
    positive, probs = checked_probabilities(truth, prob)
    weights = checked_weights(weight, len(probs))
    share = weights / weights.sum()
    used = share > 0
    _, index = np.unique(_binned(probs, bins, equal_mass)[1][used], return_inverse=True)
    positive, probs, share = positive[used], probs[used], share[used]
    mass = np.bincount(index, share)
    predicted, observed = (np.bincount(index, share * v) / mass for v in (probs, positive))
    prevalence = float(share @ positive)
    inside = probs - predicted[index]
    return BrierParts(
        reliability=float(mass @ (predicted - observed) ** 2),
        resolution=float(mass @ (observed - prevalence) ** 2),
        uncertainty=prevalence * (1 - prevalence),
        within_variance=float(share @ inside**2),
        within_covariance=2 * float(share @ (inside * (positive - observed[index]))),
    )


def log_loss(truth: ArrayLike, prob: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Mean of -log(probability given to what came true), in nats; 0 is best (Good 1952).

    A probability within 2.2e-16 of 0 or 1 counts as that far from it, so that a certainty that
    proves wrong costs 36 nats and not infinitely many. Arguments as in `brier`.
    """
    positive, probs = checked_probabilities(truth, prob)
    inner = np.clip(probs, _SMALLEST_CHANCE, 1 - _SMALLEST_CHANCE)
    cost = -np.where(positive, np.log(inner), np.log1p(-inner))
    return float(np.average(cost, weights=checked_weights(weight, len(probs))))


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
    positive, probs = checked_probabilities(truth, prob)
    positive, logits = checked_varied(positive, logits_of(probs))
    lower, upper = logits[~positive], logits[positive]
    if lower.max() <= upper.min() or upper.max() <= lower.min():
        raise ConfigError(
            "The probabilities separate the classes perfectly, so the calibration slope is "
            "infinite; give more cases."
        )
    slope, intercept = fit_logistic(logits[:, None], positive.astype(np.float64))
    return float(slope[0]), intercept


def calibration_in_the_large(truth: ArrayLike, prob: ArrayLike) -> float:
    """The logit to add to every prediction so that as many cases are expected as observed.

    The calibration intercept with the slope fixed at 1: 0 is ideal, below 0 the predictions are
    too high (Van Calster et al., BMC Medicine 2019;17:230). Arguments as in `calibration_line`.

    Raises:
        ConfigError: one class only, for which no finite figure exists.
    """
    positive, probs = checked_probabilities(truth, prob)
    checked_both(positive)
    logits = logits_of(probs)
    middle = float(logits_of(positive.mean()))
    # Shifting every logit to below, and to above, that of the prevalence holds the root between.
    low, high = middle - logits.max() - 1, middle - logits.min() + 1
    return float(brentq(lambda shift: expit(logits + shift).sum() - positive.sum(), low, high))


def calibration_errors(
    truth: ArrayLike, prob: ArrayLike, patient_ids: ArrayLike
) -> tuple[float, float]:
    """Standard errors of the calibration slope and of the calibration in the large.

    They heed that cases of one patient go together (`logistic.clustered_errors`), and take no
    resampling; value -+ 1.96 of them is the usual interval.

    Args:
        truth: (n,) 0 or 1.
        prob: (n,) predicted probabilities in [0, 1].
        patient_ids: (n,) labels of any sortable type.

    Raises:
        ConfigError: as in `calibration_line` and `calibration_in_the_large`, or one patient.
    """
    slope, intercept = calibration_line(truth, prob)
    shift = calibration_in_the_large(truth, prob)
    positive, probs = checked_probabilities(truth, prob)
    patients, code = np.unique(np.asarray(patient_ids), return_inverse=True)
    if len(code) != len(probs) or len(patients) < 2:
        raise ConfigError(
            f"{len(code)} cases of {len(patients)} patient(s) were named for {len(probs)} "
            "probabilities; name the patient of each, two or more in all."
        )
    logits, target = logits_of(probs), positive.astype(np.float64)
    ones = np.ones((len(logits), 1))
    line = np.column_stack([logits, ones])
    on_line = clustered_errors(line, target, expit(slope * logits + intercept), code)
    return float(on_line[0]), float(clustered_errors(ones, target, expit(logits + shift), code)[0])


def expected_observed_ratio(
    truth: ArrayLike, prob: ArrayLike, weight: ArrayLike | None = None
) -> float:
    """Positive cases expected (sum of probabilities) per case observed; 1 is ideal.

    Above 1 the predictions are too high on average. Arguments as in `brier`.

    Raises:
        ConfigError: no positive case of weight above 0.
    """
    positive, probs = checked_probabilities(truth, prob)
    weights = checked_weights(weight, len(probs))
    observed = float(weights @ positive)
    if observed == 0:
        raise ConfigError("No case is positive; expected / observed needs at least one.")
    return float(weights @ probs) / observed


def _binned(probs: Floats, bins: int, equal_mass: bool) -> tuple[Floats, NDArray[np.intp]]:
    """(k + 1,) edges and (n,) each case's bin in 0 .. k - 1."""
    if bins < 1:
        raise ConfigError(f"bins is {bins}; use at least 1.")
    edges = np.linspace(0, 1, bins + 1)
    if equal_mass:
        # Whole order statistics as edges, so that no rounding moves a case across one.
        edges = np.unique(np.quantile(probs, edges, method="inverted_cdf"))
        edges = edges if len(edges) > 1 else np.repeat(edges, 2)
    index = np.searchsorted(edges, probs, "left") - 1
    return edges, np.clip(index, 0, len(edges) - 2)

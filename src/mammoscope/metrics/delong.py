"""Variance, intervals and a paired test of AUC without resampling: DeLong's method.

With several cases of one patient (two breasts, four views) the cases are not independent; given
the patients, every figure here is that of Obuchowski for clustered data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtr, ndtri

from mammoscope.errors import ConfigError
from mammoscope.metrics.roc import Bools, Floats, checked

Codes = NDArray[np.intp]

_EDGE = 1e-9


@dataclass(frozen=True, eq=False)
class DeLong:
    """AUCs of k scores on the same cases, and how they vary together.

    Attributes:
        auc: (k,) areas in [0, 1].
        covariance: (k, k) of the areas.
        positives: independent units with a cancer: cases, or patients where these were given.
        negatives: independent units without one; a patient with both kinds counts in both.
    """

    auc: Floats
    covariance: Floats
    positives: int
    negatives: int

    @property
    def standard_error(self) -> Floats:
        """(k,) standard errors of the areas."""
        return np.sqrt(np.diag(self.covariance))

    def interval(self, level: float = 0.95, *, transform: bool = True) -> tuple[Floats, Floats]:
        """Low and high ends, (k,) each, of intervals that aim to cover each area with `level`.

        By default they are symmetric on the scale of log(AUC / (1 - AUC)) (Pepe 2003, section
        5.2.4; Qin and Hotilovac, Stat Methods Med Res 2008;17:207-221): an AUC far above 0.5 on
        few cancers is skewed, and there a symmetric interval reaches beyond 1 and covers less
        than it says. The two agree on many cases. Without `transform` it is AUC -+ z * standard
        error, cut to [0, 1], which most other programs print. On fewer than about 25 units of a
        class either covers less than it says; compare `newcombe_interval`.

        Where the variance is 0 (full separation, constant scores) the data do not tell the width;
        `newcombe_interval`, which needs counts alone, stands in, with either transform.

        Raises:
            ConfigError: a level outside (0, 1).
        """
        z = _quantile(level)
        error = self.standard_error
        low, high = _logit_ends(self.auc, z * error) if transform else _ends(self.auc, z * error)
        for index in np.flatnonzero(error == 0):
            low[index], high[index] = newcombe_interval(
                float(self.auc[index]), self.positives, self.negatives, level
            )
        return low, high


@dataclass(frozen=True)
class PairedTest:
    """Difference of two AUCs on the same cases.

    Attributes:
        difference: AUC of the first score minus that of the second.
        standard_error: of the difference.
        z: difference / standard_error; 0 where both are 0.
        p: two-sided, of no difference.
        low, high: difference -+ a normal quantile times the standard error.
    """

    difference: float
    standard_error: float
    z: float
    p: float
    low: float
    high: float


def delong(truth: ArrayLike, scores: ArrayLike, patient_ids: ArrayLike | None = None) -> DeLong:
    """AUCs and their covariance (DeLong et al., Biometrics 1988;44:837-845).

    Computed from ranks in O(n log n) (Sun and Xu, IEEE Signal Process Lett 2014;21:1389-1393);
    ties count one half. With `patient_ids` the covariance is that of clustered data (Obuchowski,
    Biometrics 1997;53:567-578), equal to DeLong's where each patient has one case.

    Args:
        truth: (n,) 0 or 1.
        scores: (k, n), a row for each model, or (n,); any unit, not NaN.
        patient_ids: (n,) labels of any sortable type. None: every case is independent.

    Raises:
        ConfigError: as in `roc.auc`; or fewer than two independent units of either class.
    """
    found = _influence(truth, scores, patient_ids)
    return DeLong(found.auc, found.covariance(), found.positives, found.negatives)


def delong_test(
    truth: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    patient_ids: ArrayLike | None = None,
    level: float = 0.95,
) -> PairedTest:
    """Compare the AUCs of two scores of the same cases; theory and errors as in `delong`.

    Args:
        truth: (n,) 0 or 1.
        a: (n,) the first score.
        b: (n,) the second score; it need not share the first one's unit.
        patient_ids: (n,) as in `delong`.
        level: of the interval, in (0, 1).
    """
    quantile = _quantile(level)
    pair = np.stack([checked(truth, score)[1] for score in (a, b)])
    found = _influence(truth, pair, patient_ids)
    difference = float(found.auc[0] - found.auc[1])
    # The variance of the contrast itself: exactly 0 for scores that rank alike.
    error = float(np.sqrt(found.contrast().covariance()[0, 0]))
    if error == 0 and difference != 0:
        raise ConfigError(
            f"The AUCs differ by {difference:.3g} with no variance at all on these "
            f"{np.size(truth)} cases; compare them on more."
        )
    z = difference / error if error else 0.0
    half = quantile * error
    p = float(2 * ndtr(-abs(z)))
    return PairedTest(difference, error, z, p, difference - half, difference + half)


def newcombe_interval(
    auc: float, positives: int, negatives: int, level: float = 0.95
) -> tuple[float, float]:
    """Interval of an AUC from its value and the numbers of cases, for few cases or an AUC of 1.

    Holds the AUCs whose own standard error, by the formula of Hanley and McNeil for exponential
    scores with both counts replaced by their mean, puts them within z errors of the one found
    (method 5 of Newcombe, Stat Med 2006;25:559-573). For cases independent of each other.

    Args:
        auc: in [0, 1].
        positives: independent cases with cancer, at least 1.
        negatives: independent cases without, at least 1.
        level: coverage aimed at, in (0, 1).

    Raises:
        ConfigError: an AUC, level or count outside its range.
    """
    if not 0 <= auc <= 1 or min(positives, negatives) < 1:
        raise ConfigError(
            f"AUC is {auc} on {positives} and {negatives} cases; "
            "give an AUC between 0 and 1 and at least 1 case of each class."
        )
    z, other = _quantile(level), (positives + negatives) / 2 - 1

    def excess(at: float) -> float:
        spread = 1 + other * (1 - at) / (2 - at) + other * at / (1 + at)
        return (at - auc) ** 2 - z**2 * at * (1 - at) * spread / (positives * negatives)

    # Just inside, as an AUC of exactly 0 or 1 is itself a root.
    inside = min(max(auc, _EDGE), 1 - _EDGE)
    low = brentq(excess, 0.0, inside) if auc > 0 else 0.0
    high = brentq(excess, inside, 1.0) if auc < 1 else 1.0
    return float(low), float(high)


@dataclass(frozen=True, eq=False)
class _Influence:
    """What each patient adds to the areas: (k, patients) sums of centred placements by class."""

    auc: Floats
    cancer: Floats
    other: Floats
    n_cancers: Floats
    n_others: Floats

    @property
    def positives(self) -> int:
        return int(np.count_nonzero(self.n_cancers))

    @property
    def negatives(self) -> int:
        return int(np.count_nonzero(self.n_others))

    def contrast(self) -> _Influence:
        """The first score minus the second."""
        sign = np.array([[1.0, -1.0]])
        return _Influence(
            sign @ self.auc, sign @ self.cancer, sign @ self.other, self.n_cancers, self.n_others
        )

    def covariance(self) -> Floats:
        """(k, k): Obuchowski's S10 / M + S01 / N + (S11 + its transpose) / MN."""
        patients = len(self.n_cancers)
        both = self.cancer @ self.other.T
        return (
            _corrected(self.positives) * self.cancer @ self.cancer.T
            + _corrected(self.negatives) * self.other @ self.other.T
            + _corrected(patients) * (both + both.T)
        )


def _influence(truth: ArrayLike, scores: ArrayLike, patient_ids: ArrayLike | None) -> _Influence:
    rows = np.atleast_2d(np.asarray(scores, np.float64))
    if rows.ndim != 2 or not len(rows):
        raise ConfigError(f"scores has shape {rows.shape}; give (cases,) or (models, cases).")
    checks = [checked(truth, row) for row in rows]
    positive = checks[0][0]
    code = _codes(patient_ids, len(positive))
    n_cancers, n_others = (np.bincount(code, of).astype(float) for of in (positive, ~positive))
    for count, name in ((n_cancers, "with"), (n_others, "without")):
        if np.count_nonzero(count) < 2:
            raise ConfigError(
                f"{np.count_nonzero(count)} independent case or patient {name} cancer was found; "
                "a variance of the AUC needs at least 2 of each class."
            )
    placed = np.stack([_placements(positive, row) for row in rows])
    auc = placed[:, positive].sum(axis=1) / (positive.sum() * (~positive).sum())
    cancer = _patient_sums(placed, positive, code) / (positive.sum() * (~positive).sum())
    other = _patient_sums(placed, ~positive, code) / (positive.sum() * (~positive).sum())
    return _Influence(auc, cancer, other, n_cancers, n_others)


def _placements(positive: Bools, score: Floats) -> Floats:
    """(n,) for a cancer the non-cancers below it, for a non-cancer the cancers above it.

    Ties count one half. Kept as counts, which floats hold exactly, so that equal placements have
    a variance of exactly 0.
    """
    _, rank = np.unique(score, return_inverse=True)
    cancers, others = np.bincount(rank, positive), np.bincount(rank, ~positive)
    below = np.cumsum(others) - others / 2
    above = positive.sum() - np.cumsum(cancers) + cancers / 2
    return np.where(positive, below[rank], above[rank])


def _patient_sums(placed: Floats, chosen: Bools, code: Codes) -> Floats:
    """(k, patients) sums over a patient's cases of one class, each less the class's mean."""
    centred = placed[:, chosen] - placed[:, chosen].mean(axis=1, keepdims=True)
    patients = code.max() + 1
    return np.stack([np.bincount(code[chosen], row, patients) for row in centred])


def _codes(patient_ids: ArrayLike | None, n: int) -> Codes:
    if patient_ids is None:
        return np.arange(n)
    ids = np.asarray(patient_ids)
    if ids.shape != (n,):
        raise ConfigError(f"patient_ids has shape {ids.shape} for {n} cases; give one id each.")
    return np.unique(ids, return_inverse=True)[1]


def _corrected(units: int) -> float:
    return units / (units - 1)


def _quantile(level: float) -> float:
    if not 0 < level < 1:
        raise ConfigError(f"level is {level}; use a fraction between 0 and 1, such as 0.95.")
    return float(ndtri((1 + level) / 2))


def _ends(auc: Floats, half: Floats) -> tuple[Floats, Floats]:
    return np.clip(auc - half, 0, 1), np.clip(auc + half, 0, 1)


def _logit_ends(auc: Floats, half: Floats) -> tuple[Floats, Floats]:
    slope = np.divide(1, auc * (1 - auc), out=np.zeros_like(auc), where=half > 0)
    centre = logit(np.clip(auc, _EDGE, 1 - _EDGE))
    return expit(centre - half * slope), expit(centre + half * slope)

"""Proportions with intervals: Wilson's, also where one patient gives several cases.

The images or breasts of one woman largely agree, so an interval that counts them as independent
is too narrow. Here the number of cases is replaced by the effective number of cases, which the
spread between patients reveals; the interval is then Wilson's, good at 0 and at n (Franco, Little,
Louis and Slud, J Surv Stat Methodol 2019;7:334-364, who compare seven such intervals).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from mammoscope.errors import ConfigError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Proportion:
    """A fraction of cases with its interval.

    Attributes:
        value: hits / n, in [0, 1], no unit; with case weights, the weighted fraction. Fields named
            `..._per_1000` hold value, low and high per 1,000.
        low, high: the interval's ends.
        hits, n: counts of cases, unweighted.
    """

    value: float
    low: float
    high: float
    hits: int
    n: int


def proportion(
    hits: ArrayLike,
    patient_ids: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    level: float = 0.95,
) -> Proportion:
    """Fraction of cases that are hits, with an interval that heeds patients and weights.

    Without patients and weights it is Wilson's interval. With them, Wilson's with the effective
    number of cases in place of n, from the ratio estimator's variance between patients (Rao and
    Scott, Biometrics 1992;48:577-585; Korn and Graubard, Surv Methodol 1998;24:193-201). For that
    variance alone one patient of mean size all of whose cases are hits is added, and one with
    none, so that it is defined for 0 and n hits and does not take two hits for independent.

    Args:
        hits: (n,) booleans, or 0 and 1, one for each case.
        patient_ids: (n,) labels of any sortable type; cases of one label are one patient's. None:
            every case is a patient of its own.
        weight: (n,) non-negative case weights. None: all 1.
        level: coverage aimed at, in (0, 1).

    Raises:
        ConfigError: no case, unequal lengths, hits other than 0 and 1, or all weights 0.
    """
    flags = _flags(hits)
    value, n_effective = _effective(flags, patient_ids, weight)
    low, high = wilson(value * n_effective, n_effective, level)
    return Proportion(value, low, high, int(flags.sum()), len(flags))


def wilson(hits: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Interval of a proportion of independent cases (Wilson, JASA 1927;22:209-212).

    Args:
        hits: number of successes, 0 .. n; need not be whole, as effective numbers are not.
        n: number of cases, above 0.
        level: coverage aimed at, in (0, 1).

    Returns:
        (low, high), fractions in [0, 1]; exactly 0 and 1 where there are 0 and n hits.
    """
    if not 0 <= hits <= n or n <= 0 or not 0 < level < 1:
        raise ConfigError(f"{hits} hits of {n} cases at level {level} is no proportion.")
    z = float(ndtri((1 + level) / 2))
    rate, shrink = hits / n, 1 + z**2 / n
    centre = (rate + z**2 / (2 * n)) / shrink
    half = z / shrink * float(np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2)))
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    return low, 1.0 if hits == n else min(1.0, centre + half)


def design_effect(hits: ArrayLike, patient_ids: ArrayLike) -> float:
    """How much wider than for independent cases the variance of a proportion is, no unit.

    The ratio of the ratio estimator's variance to the binomial one (Rao and Scott, Biometrics
    1992;48:577-585): 1 for independent cases, the number of cases of a patient where they all
    agree. `proportion` does not use this raw figure, which is unstable for few hits.

    Args:
        hits: (n,) booleans, or 0 and 1.
        patient_ids: (n,) labels of any sortable type.

    Raises:
        ConfigError: fewer than two patients, or no variation (0 or n hits).
    """
    flags = _flags(hits)
    sums, sizes = _by_patient(flags, np.ones(len(flags)), patient_ids)
    rate = float(flags.mean())
    if len(sizes) < 2 or rate in (0, 1):
        raise ConfigError(
            f"{int(flags.sum())} hits of {len(flags)} cases of {len(sizes)} patients leave the "
            "design effect undefined; it takes two patients, hits and misses."
        )
    return _ratio_variance(sums, sizes) * len(flags) / (rate * (1 - rate))


def scaled(fraction: Proportion, factor: float) -> Proportion:
    """The same proportion with value, low and high in another unit (1000: per 1,000)."""
    return replace(
        fraction,
        value=fraction.value * factor,
        low=fraction.low * factor,
        high=fraction.high * factor,
    )


def checked_weight(weight: ArrayLike, n: int) -> Floats:
    """Case weights as float64, (n,).

    Raises:
        ConfigError: another shape, a weight that is negative or not finite, or none above 0.
    """
    weights = np.asarray(weight, np.float64)
    if weights.shape != (n,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ConfigError(f"weight must hold {n} finite numbers of at least 0, one for each case.")
    if not weights.any():
        raise ConfigError("All case weights are 0; give some cases a weight above 0.")
    return weights


def checked_weights(weight: ArrayLike | None, n: int) -> Floats:
    """Case weights (n,), all 1 for None; ConfigError as in `checked_weight`."""
    return np.ones(n) if weight is None else checked_weight(weight, n)


def checked_ids(patient_ids: ArrayLike, n: int) -> NDArray[np.generic]:
    """Patient labels as an array (n,), or ConfigError if there is not one for each case."""
    ids = np.asarray(patient_ids)
    if ids.shape != (n,):
        raise ConfigError(f"{ids.size} patient ids were given for {n} cases; give one each.")
    return ids


def _effective(
    flags: NDArray[np.bool_], patient_ids: ArrayLike | None, weight: ArrayLike | None
) -> tuple[float, float]:
    """The (weighted) fraction of hits and the effective number of cases it rests on."""
    if patient_ids is None and weight is None:
        return float(flags.mean()), float(len(flags))
    weights = checked_weights(weight, len(flags))
    sums, sizes = _by_patient(flags, weights, patient_ids)
    total, patients = sizes.sum(), len(sizes)
    value = float(min(1.0, sums.sum() / total))
    mean = total / patients
    augmented = np.append(sums, [mean, 0.0]), np.append(sizes, [mean, mean])
    rate = augmented[0].sum() / augmented[1].sum()
    # For independent cases of equal weight the bracket is n + 2, for cases that agree fully the
    # number of patients + 2: the last factor takes away the two that were added.
    n = (1 + rate * (1 - rate) / _ratio_variance(*augmented)) * patients / (patients + 2)
    return value, float(min(n, total**2 / (weights**2).sum()))


def _ratio_variance(sums: Floats, sizes: Floats) -> float:
    patients = len(sizes)
    residual = sums - sizes * (sums.sum() / sizes.sum())
    return float(patients / (patients - 1) * (residual**2).sum() / sizes.sum() ** 2)


def _by_patient(
    flags: NDArray[np.bool_], weights: Floats, patient_ids: ArrayLike | None
) -> tuple[Floats, Floats]:
    """Weight of each patient's hits and of all her cases; patients of weight 0 left out."""
    code: NDArray[np.intp] = np.arange(len(flags))
    if patient_ids is not None:
        code = np.unique(checked_ids(patient_ids, len(flags)), return_inverse=True)[1]
    sums = np.bincount(code, weights * flags).astype(np.float64)
    sizes = np.bincount(code, weights).astype(np.float64)
    used = sizes > 0
    return sums[used], sizes[used]


def _flags(hits: ArrayLike) -> NDArray[np.bool_]:
    values = np.asarray(hits)
    if values.ndim != 1 or not len(values):
        raise ConfigError(f"hits has shape {values.shape}; give one flag a case, not none.")
    flags = values == 1
    if not (flags | (values == 0)).all():
        raise ConfigError(f"hits holds {values[~flags & (values != 0)][0]!r}; use 0 and 1 only.")
    return np.asarray(flags, np.bool_)

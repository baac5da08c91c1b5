"""Bootstrap over patients: the images of one woman stay together, as chance draws women.

Resampling images as if they were independent makes intervals too narrow, because two views of a
breast largely agree (Rutter, Acad Radiol 2000;7:413-419; Efron and Tibshirani 1993, chapter 13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscope.errors import ConfigError

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Interval:
    """A percentile interval.

    Attributes:
        low, high: in the unit of the statistic; NaN if no resample gave a value.
        n_valid: resamples the interval rests on; the others left the statistic undefined.
    """

    low: float
    high: float
    n_valid: int


def patient_bootstrap(
    statistic: Callable[[Rows], float],
    patient_ids: ArrayLike,
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Percentile interval of a statistic, patients drawn with replacement.

    A resample on which the statistic is undefined (it raises ConfigError, e.g. because only one
    class was drawn, or returns NaN) is left out, not redrawn: the interval is conditional on the
    statistic being defined, and `n_valid` says how many resamples it rests on.

    Args:
        statistic: takes (m,) row numbers, a patient drawn k times appearing k times, and returns
            the figure for those rows; m varies as patients have unequal numbers of rows.
        patient_ids: (rows,) labels of any sortable type; rows of one label stay together.
        n: number of resamples.
        seed: of the generator; the same seed and ids draw the same patients.
        level: coverage aimed at, in (0, 1).

    Raises:
        ConfigError: fewer than two patients, n < 1, or a level outside (0, 1).
    """
    if n < 1 or not 0 < level < 1:
        raise ConfigError(f"n is {n} and level {level}; use n >= 1 and a level between 0 and 1.")
    values = [_value(statistic, rows) for rows in patient_resamples(patient_ids, n, seed)]
    valid = np.asarray([v for v in values if not np.isnan(v)])
    if not len(valid):
        return Interval(float("nan"), float("nan"), 0)
    low, high = np.quantile(valid, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), len(valid))


def patient_resamples(patient_ids: ArrayLike, n: int, seed: int = 0) -> Iterator[Rows]:
    """Yield n arrays of row numbers, each the rows of as many patients as there are, redrawn.

    Arguments and errors as in `patient_bootstrap`.
    """
    _, code, count = np.unique(np.asarray(patient_ids), return_inverse=True, return_counts=True)
    if len(count) < 2:
        raise ConfigError(
            f"{len(count)} patient was given; an interval over patients needs two or more."
        )
    grouped = np.argsort(code, kind="stable")
    start = np.cumsum(count) - count
    generator = np.random.default_rng(seed)
    for _ in range(n):
        drawn = generator.integers(len(count), size=len(count))
        size = count[drawn]
        shift = start[drawn] - (np.cumsum(size) - size)
        yield grouped[np.repeat(shift, size) + np.arange(size.sum())]


def _value(statistic: Callable[[Rows], float], rows: Rows) -> float:
    try:
        return float(statistic(rows))
    except ConfigError:
        return float("nan")

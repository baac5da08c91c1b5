"""Bootstrap over patients: the images of one woman stay together, as chance draws women.

Resampling images as if they were independent makes intervals too narrow, because two views of a
breast largely agree (Rutter, Acad Radiol 2000;7:413-419; Efron and Tibshirani 1993, chapter 13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.special import ndtr, ndtri

from mammoscope.errors import ConfigError
from mammoscope.metrics.roc import Floats, checked

Rows = NDArray[np.intp]
Method = Literal["percentile", "bca"]

# Leaving out groups of patients instead of single ones moves the acceleration by about
# 0.4 / groups (the scatter of a sample's skewness), which no figure in print can show.
_JACKKNIFE_GROUPS = 400


@dataclass(frozen=True)
class Interval:
    """A bootstrap interval.

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
    method: Method = "percentile",
) -> Interval:
    """Interval of a statistic, patients drawn with replacement.

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
        method: "percentile", or "bca" as in `bca_interval`, which calls the statistic up to 400
            times more.

    Raises:
        ConfigError: fewer than two patients, n < 1, a level outside (0, 1), unknown method.
    """
    _check(n, level, method)
    values = np.array([_value(statistic, rows) for rows in patient_resamples(patient_ids, n, seed)])
    if method == "percentile":
        return percentile_interval(values, level)
    code, count = _patients(patient_ids)
    everyone = _value(statistic, np.arange(len(code)))
    group = _jackknife_groups(len(count))[code]
    without = [_value(statistic, np.flatnonzero(group != g)) for g in range(group.max() + 1)]
    return bca_interval(values, everyone, np.array(without), level)


def patient_resamples(patient_ids: ArrayLike, n: int, seed: int = 0) -> Iterator[Rows]:
    """Yield n arrays of row numbers, each the rows of as many patients as there are, redrawn.

    Arguments and errors as in `patient_bootstrap`.
    """
    code, count = _patients(patient_ids)
    grouped = np.argsort(code, kind="stable")
    start = np.cumsum(count) - count
    for drawn in _draws(len(count), n, seed):
        size = count[drawn]
        shift = start[drawn] - (np.cumsum(size) - size)
        yield grouped[np.repeat(shift, size) + np.arange(size.sum())]


def bootstrap_auc(
    truth: ArrayLike, scores: ArrayLike, patient_ids: ArrayLike, n: int = 2000, seed: int = 0
) -> Floats:
    """AUCs on the resamples of `patient_resamples`, without building them.

    Scores are sorted once; a resample then is a count for each patient and one running sum, so
    time grows with n times the cases, and memory with the cases alone.

    Args:
        truth: (cases,) 0 or 1.
        scores: (k, cases), a row for each model, or (cases,); any unit, not NaN.
        patient_ids: (cases,) labels of any sortable type.
        n: number of resamples.
        seed: as in `patient_bootstrap`; the values are those its resamples give, to the last bit.

    Returns:
        (n, k) areas, the k of a row on one resample; NaN where only one class was drawn.

    Raises:
        ConfigError: as in `roc.auc` and `patient_bootstrap`.
    """
    _check(n)
    code, count = _patients(patient_ids)
    ranked = rank_scores(truth, scores, code)
    times = (np.bincount(drawn, minlength=len(count)) for drawn in _draws(len(count), n, seed))
    return np.array([[one.auc(counts) for one in ranked] for counts in times])


def auc_intervals(
    truth: ArrayLike,
    scores: ArrayLike,
    patient_ids: ArrayLike,
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    method: Method = "percentile",
) -> list[Interval]:
    """What `patient_bootstrap` gives for the AUC of each of k scores, in a fraction of its time.

    Arguments as there and in `bootstrap_auc`.
    """
    _check(n, level, method)
    values = bootstrap_auc(truth, scores, patient_ids, n, seed)
    if method == "percentile":
        return [percentile_interval(column, level) for column in values.T]
    code, count = _patients(patient_ids)
    ranked = rank_scores(truth, scores, code)
    group = _jackknife_groups(len(count))
    kept = [(group != g).astype(np.intp) for g in range(group.max() + 1)]
    everyone = np.ones(len(count), np.intp)
    return [
        bca_interval(column, one.auc(everyone), np.array([one.auc(k) for k in kept]), level)
        for column, one in zip(values.T, ranked, strict=True)
    ]


def percentile_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Interval between two quantiles of resampled values (n,); NaN are left out."""
    valid = _valid(values)
    _check(1, level)
    if not len(valid):
        return Interval(float("nan"), float("nan"), 0)
    low, high = np.quantile(valid, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), len(valid))


def bca_interval(
    values: ArrayLike, estimate: float, jackknife: ArrayLike, level: float = 0.95
) -> Interval:
    """Bias-corrected and accelerated interval (Efron, J Am Stat Assoc 1987;82:171-185).

    The quantiles are shifted for the bias of the resamples' median, where ties with the estimate
    count one half, and for how the spread changes with the figure. It mends the percentile
    interval of a skewed figure on many patients; on few it leans on the far tail of the
    resamples, so give it 2,000 or more.

    Args:
        values: (n,) resampled values; NaN are left out.
        estimate: the figure on the data themselves.
        jackknife: (g,) the figure with each patient left out, or each of g equal groups of them.
        level: coverage aimed at, in (0, 1).

    Returns:
        The interval; NaN ends if the estimate or all values are NaN.

    Raises:
        ConfigError: a level outside (0, 1).
    """
    valid, without = _valid(values), _valid(jackknife)
    _check(1, level)
    if not len(valid) or np.isnan(estimate):
        return Interval(float("nan"), float("nan"), len(valid))
    below = np.mean(valid < estimate) + np.mean(valid == estimate) / 2
    # No value on one side is told apart from half a value, lest the shift be infinite.
    shift = ndtri(np.clip(below, 0.5 / len(valid), 1 - 0.5 / len(valid)))
    wanted = shift + ndtri([(1 - level) / 2, (1 + level) / 2])
    # The acceleration is at most 1/6, so only beyond 6 errors would the divisor reach 0.
    divisor = np.maximum(1 - _acceleration(without) * wanted, 1e-9)
    places = ndtr(shift + wanted / divisor)
    low, high = np.quantile(valid, places)
    return Interval(float(low), float(high), len(valid))


@dataclass(frozen=True, eq=False)
class RankedScore:
    """One score, sorted once, of which the AUC is wanted for many sets of patient counts.

    The cancers' scores cut the other cases into segments; only how many lie in each counts.

    Attributes:
        cancer: (p,) patient code of each case with cancer.
        segments: (s, patients) sparse, each patient's cases without cancer in each segment.
        below, upto: (p,) how many segments score below, or not above, each cancer.
    """

    cancer: Rows
    segments: csr_array
    below: Rows
    upto: Rows

    def auc(self, times: Rows) -> float:
        """AUC with every case of patient i counted times[i] times; NaN if a class is empty."""
        total = np.concatenate([[0], np.cumsum(self.segments @ times)])
        weight = times[self.cancer]
        pairs = float(weight.sum() * total[-1])
        wins = 0.5 * float(weight @ (total[self.below] + total[self.upto]))
        return wins / pairs if pairs else float("nan")


def rank_scores(truth: ArrayLike, scores: ArrayLike, code: Rows) -> list[RankedScore]:
    """Prepare scores (k, cases) or (cases,) of cases whose patients are coded 0, 1, 2 ..."""
    return [_ranked(*checked(truth, row), code) for row in np.atleast_2d(np.asarray(scores))]


def _ranked(positive: NDArray[np.bool_], score: Floats, code: Rows) -> RankedScore:
    if code.shape != score.shape:
        raise ConfigError(f"{len(code)} patient ids were given for {len(score)} cases; match them.")
    if positive.all() or not positive.any():
        raise ConfigError(
            f"Of {len(positive)} cases {positive.sum()} are positive: an AUC needs both classes; "
            "add cases of the missing one."
        )
    order = np.argsort(score[~positive])
    others, owners = score[~positive][order], code[~positive][order]
    ends = [np.searchsorted(others, score[positive], side) for side in ("left", "right")]
    cuts = np.unique(np.concatenate([[0], *ends]))
    segment = np.searchsorted(cuts, np.arange(len(others)), "right") - 1
    counts = np.ones(len(others), np.intp), (segment, owners)
    segments = csr_array(counts, shape=(len(cuts), code.max() + 1))
    return RankedScore(code[positive], segments, *(np.searchsorted(cuts, end) for end in ends))


def _patients(patient_ids: ArrayLike) -> tuple[Rows, Rows]:
    """(rows,) code of each row's patient, from 0, and (patients,) rows of each."""
    ids = np.asarray(patient_ids)
    _, code, count = np.unique(ids, return_inverse=True, return_counts=True)
    if len(count) < 2:
        raise ConfigError(
            f"{len(count)} patient was given; an interval over patients needs two or more."
        )
    return code, count


def _draws(patients: int, n: int, seed: int) -> Iterator[Rows]:
    generator = np.random.default_rng(seed)
    for _ in range(n):
        yield generator.integers(patients, size=patients)


def _jackknife_groups(patients: int) -> Rows:
    """(patients,) group of each patient: its own, or one of 400 drawn at random."""
    shuffled = np.random.default_rng(0).permutation(patients)
    return shuffled % min(patients, _JACKKNIFE_GROUPS)


def _acceleration(jackknife: Floats) -> float:
    away = jackknife.mean() - jackknife if len(jackknife) else jackknife
    spread = float((away**2).sum())
    return float((away**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0


def _valid(values: ArrayLike) -> Floats:
    found = np.asarray(values, np.float64)
    return found[~np.isnan(found)]


def _value(statistic: Callable[[Rows], float], rows: Rows) -> float:
    try:
        return float(statistic(rows))
    except ConfigError:
        return float("nan")


def _check(n: int, level: float = 0.95, method: str = "percentile") -> None:
    if n < 1 or not 0 < level < 1:
        raise ConfigError(f"n is {n} and level {level}; use n >= 1 and a level between 0 and 1.")
    if method not in ("percentile", "bca"):
        raise ConfigError(f"method is {method!r}; use 'percentile' or 'bca'.")

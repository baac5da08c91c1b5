"""Readers and a model on the same cases: at the reader's own operating point, and read together.

Means over readers with their tests are in `mrmc` and `mrmc_single`; here is what concerns one
reader at a time, and the combination of reader and model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from mammoscope.errors import ConfigError
from mammoscope.metrics.mrmc import obuchowski_rockette
from mammoscope.metrics.mrmc_inference import Factor, MultiReader
from mammoscope.metrics.mrmc_scores import checked_study
from mammoscope.metrics.resample import Interval, patient_resamples, percentile_interval
from mammoscope.metrics.roc import Bools, Floats, checked

Averaged = Literal["score", "rank"]


@dataclass(frozen=True)
class AtReader:
    """A model at one reader's operating point, or the mean of this over the readers.

    Attributes:
        sensitivity, specificity: of the reader, in [0, 1].
        model_sensitivity: the highest at which the model is at least as specific as the reader.
        model_specificity: the highest at which it is at least as sensitive.
        sensitivity_difference: interval of model_sensitivity - sensitivity over patients; the
            model's threshold is found anew in each resample, so the choice of it counts.
        specificity_difference: likewise.
    """

    sensitivity: float
    specificity: float
    model_sensitivity: float
    model_specificity: float
    sensitivity_difference: Interval
    specificity_difference: Interval


@dataclass(frozen=True)
class ModelAtReaders:
    """`AtReader` for each reader in turn, and the mean over these readers."""

    by_reader: tuple[AtReader, ...]
    mean: AtReader


def model_at_readers(
    truth: ArrayLike,
    called: ArrayLike,
    model: ArrayLike,
    patient_ids: ArrayLike,
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> ModelAtReaders:
    """The model at each reader's own specificity, and at each reader's own sensitivity.

    Intervals are percentile intervals over patients, for these readers (McKinney et al., Nature
    2020;577:89-94, compare reader and model in this way).

    Args:
        truth: (cases,) 0 or 1.
        called: (readers, cases) 1 or True where the reader called the case positive, else 0.
        model: (cases,) score in any unit.
        patient_ids: (cases,) labels; cases of one patient are drawn together.
        n: number of resamples.
        seed: of the generator.
        level: of the intervals.

    Raises:
        ConfigError: shapes, NaN, a call that is not 0 or 1, fewer than two cases of a class or
            patients, n < 1 or a level outside (0, 1).
    """
    positive, calls = _checked_calls(truth, called)
    curve = _Steps(*checked(positive, model))
    if len(np.atleast_1d(patient_ids)) != len(positive):
        raise ConfigError(
            f"{len(np.atleast_1d(patient_ids))} patients were given for {len(positive)} cases; "
            "give one label for each case."
        )
    found = curve.at(calls, np.ones(len(positive)))
    draws = patient_resamples(patient_ids, n, seed)
    drawn = np.array([curve.at(calls, np.bincount(d, minlength=len(positive))) for d in draws])
    by_reader = [_at_reader(found[:, j], drawn[:, :, j], level) for j in range(len(calls))]
    mean = _at_reader(found.mean(axis=1), drawn.mean(axis=2), level)
    return ModelAtReaders(tuple(by_reader), mean)


def average_reader(scores: ArrayLike, by: Averaged = "score") -> Floats:
    """The readers as a panel: mean of scores (readers, cases) over the readers, (cases,).

    By "rank" each reader's scores are first replaced by their mid-ranks among these cases, scaled
    to (0, 1): then it matters only how a reader orders the cases, not which part of the scale they
    use.

    Raises:
        ConfigError: a score is NaN, or a shape other than (readers, cases).
    """
    mean: Floats = _comparable(scores, by).mean(axis=0)
    return mean


def with_model(
    scores: ArrayLike, model: ArrayLike, weight: float = 0.5, by: Averaged = "score"
) -> Floats:
    """Each reader averaged with the model (Wu et al., IEEE Trans Med Imaging 2020;39:1184-1194).

    Args:
        scores: (readers, cases); (cases,) for one reader.
        model: (cases,); by "score" it must be in the unit of the readers' scores.
        weight: of the model, from 0 (readers alone) to 1 (model alone).
        by: "score", or "rank" as in `average_reader`.

    Returns:
        (readers, cases), or (cases,) for one reader.

    Raises:
        ConfigError: shapes, NaN, or a weight outside [0, 1].
    """
    own, other = _comparable(scores, by), _comparable(model, by)
    if other.ndim != 1 or own.shape[-1:] != other.shape or not 0 <= weight <= 1:
        raise ConfigError(
            f"scores have shape {own.shape}, the model's {other.shape} and weight is {weight}; "
            "give (readers, cases), (cases,) and a weight between 0 and 1."
        )
    return (1 - weight) * own + weight * other


def second_reader(
    truth: ArrayLike,
    scores: ArrayLike,
    model: ArrayLike,
    weight: float = 0.5,
    by: Averaged = "score",
    readers: Factor = "random",
    patient_ids: ArrayLike | None = None,
    level: float = 0.95,
) -> MultiReader:
    """What the model as second reader adds to the AUC of each reader, and to their mean.

    An Obuchowski-Rockette analysis in which modality 0 is the readers alone and modality 1 the same
    readers averaged with the model; so `comparisons[0]` holds the gains. Averages of scores are not
    a trial: readers who see the model's answer may follow or ignore it.

    Args:
        truth: (cases,) 0 or 1.
        scores: as in `with_model`, two readers or more (one if `readers` is "fixed").
        model: as in `with_model`.
        weight: likewise.
        by: likewise.
        readers: as in `mrmc.obuchowski_rockette`.
        patient_ids: likewise.
        level: of the intervals.

    Raises:
        ConfigError: as in `with_model` and `mrmc.obuchowski_rockette`.
    """
    alone = np.atleast_2d(np.asarray(scores, np.float64))
    both = np.stack([alone, with_model(alone, model, weight, by)])
    return obuchowski_rockette(truth, both, readers, patient_ids=patient_ids, level=level)


class _Steps:
    """A model's cases in falling order of score, for its operating points on weighted cases."""

    def __init__(self, positive: Bools, score: Floats) -> None:
        self.positive = positive
        self.order = np.argsort(-score, kind="stable")
        falling = score[self.order]
        self.last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))

    def at(self, calls: Bools, times: NDArray[np.float64] | NDArray[np.intp]) -> Floats:
        """(4, readers): reader's and model's sensitivity, reader's and model's specificity.

        Each case counts `times` (n,) times, whole numbers, so no rounding moves a threshold. NaN
        where a class is absent.
        """
        hits, alarms = times * self.positive, times * ~self.positive
        if not hits.any() or not alarms.any():
            return np.full((4, len(calls)), np.nan)
        caught, false = calls @ hits, calls @ alarms
        steps = [np.append(0, np.cumsum(of[self.order])[self.last]) for of in (hits, alarms)]
        as_specific = steps[0][np.searchsorted(steps[1], false, "right") - 1]
        as_sensitive = steps[1][np.searchsorted(steps[0], caught, "left")]
        n, others = hits.sum(), alarms.sum()
        return np.array(
            [caught / n, as_specific / n, 1 - false / others, 1 - as_sensitive / others]
        )


def _at_reader(found: Floats, drawn: Floats, level: float) -> AtReader:
    """From the four figures of `_Steps.at` on the data (4,) and on each resample (n, 4)."""
    sensitivity, model_sensitivity, specificity, model_specificity = (float(v) for v in found)
    return AtReader(
        sensitivity,
        specificity,
        model_sensitivity,
        model_specificity,
        percentile_interval(drawn[:, 1] - drawn[:, 0], level),
        percentile_interval(drawn[:, 3] - drawn[:, 2], level),
    )


def _checked_calls(truth: ArrayLike, called: ArrayLike) -> tuple[Bools, Bools]:
    positive, calls = checked_study(truth, called, 2)
    if not np.isin(calls, (0, 1)).all():
        raise ConfigError(
            f"called holds {calls[~np.isin(calls, (0, 1))][0]}; use 0 and 1 only, e.g. "
            "scores >= threshold."
        )
    return positive, calls == 1


def _comparable(scores: ArrayLike, by: Averaged) -> Floats:
    values = np.asarray(scores, np.float64)
    if np.isnan(values).any() or values.ndim not in (1, 2) or not values.size:
        raise ConfigError(
            f"scores have shape {values.shape} and {np.isnan(values).sum()} are NaN; give "
            "(readers, cases) or (cases,), every case scored."
        )
    if by == "score":
        return values
    if by != "rank":
        raise ConfigError(f"by is {by!r}; use 'score' or 'rank'.")
    return np.asarray((rankdata(values, axis=-1) - 0.5) / values.shape[-1], np.float64)

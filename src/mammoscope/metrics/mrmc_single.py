"""One modality: the mean AUC of its readers, and the readers against a model.

The error term and its degrees of freedom are those of Hillis (Stat Med 2007;26:596-619) for a
single modality, from the data of that modality alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mammoscope.errors import ConfigError
from mammoscope.metrics.mrmc_inference import (
    ErrorTerm,
    Estimate,
    Factor,
    Floats,
    check_factors,
    estimate,
    satterthwaite,
    settled,
)
from mammoscope.metrics.mrmc_scores import Covariance, auc_covariance, checked_study


@dataclass(frozen=True)
class ReadersAgainstModel:
    """Readers, of which each read every case, against one model that has no readers.

    Attributes:
        readers: mean AUC of the readers.
        model_auc: AUC of the model.
        difference: AUC of the model less the mean of the readers.
        by_reader: AUC of the model less that of each reader; empty for fixed cases.
    """

    readers: Estimate
    model_auc: float
    difference: Estimate
    by_reader: tuple[Estimate, ...]


def reader_mean(
    truth: ArrayLike,
    scores: ArrayLike,
    readers: Factor = "random",
    cases: Factor = "random",
    covariance: Covariance | None = None,
    patient_ids: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Mean AUC of the readers who gave scores (readers, n); the rest as `readers_against_model`."""
    positive, values = checked_study(truth, scores, 2)
    _check_readers(len(values), readers, cases, level)
    auc, spread = auc_covariance(positive, values, covariance, patient_ids)
    return mean_of_readers(auc, spread, readers, cases, level)


def readers_against_model(
    truth: ArrayLike,
    scores: ArrayLike,
    model: ArrayLike,
    readers: Factor = "random",
    cases: Factor = "random",
    covariance: Covariance | None = None,
    patient_ids: ArrayLike | None = None,
    level: float = 0.95,
) -> ReadersAgainstModel:
    """The mean AUC of the readers against that of a model which scored the same cases.

    The difference to the model is taken reader by reader and analysed as the one modality of an
    Obuchowski-Rockette model; the model itself is fixed, only cases move its AUC (Chakraborty,
    Observer Performance Methods for Diagnostic Imaging, 2017, chapter 22; the single-modality error
    term and degrees of freedom are those of Hillis, Stat Med 2007;26:596-619).

    Args:
        truth: (n,) 0 or 1.
        scores: (readers, n).
        model: (n,) in any unit of its own.
        readers: as in `mrmc.obuchowski_rockette`.
        cases: likewise.
        covariance: likewise.
        patient_ids: likewise.
        level: of the intervals.

    Raises:
        ConfigError: as in `mrmc.obuchowski_rockette`.
    """
    positive, values = checked_study(truth, scores, 2)
    _check_readers(len(values), readers, cases, level)
    _, machine = checked_study(truth, np.asarray(model, np.float64)[None], 2)
    auc, spread = auc_covariance(
        positive, np.concatenate([values, machine]), covariance, patient_ids
    )
    contrast = np.column_stack([-np.eye(len(values)), np.ones(len(values))])
    difference, errors = contrast @ auc, contrast @ spread @ contrast.T
    own_variance = spread.diagonal()[:-1]
    by_reader = (
        tuple(
            estimate(gap, settled(variance, own), np.inf, level)
            for gap, variance, own in zip(difference, errors.diagonal(), own_variance, strict=True)
        )
        if cases == "random"
        else ()
    )
    return ReadersAgainstModel(
        mean_of_readers(auc[:-1], spread[:-1, :-1], readers, cases, level),
        float(auc[-1]),
        mean_of_readers(difference, errors, readers, cases, level, tested=True),
        by_reader,
    )


def mean_of_readers(
    auc: Floats,
    covariance: Floats,
    readers: Factor,
    cases: Factor,
    level: float,
    tested: bool = False,
) -> Estimate:
    """Mean of auc (r,) with covariance (r, r), from the single-modality error term."""
    r = len(auc)
    own = float(np.diag(covariance).mean())
    shared = float((covariance.sum() - np.trace(covariance)) / (r * (r - 1))) if r > 1 else 0.0
    spread = float(auc.var(ddof=1)) if r > 1 else 0.0
    if cases == "fixed":
        error = ErrorTerm(spread, r - 1)
    elif readers == "fixed":
        error = ErrorTerm(own + (r - 1) * max(shared, 0.0), np.inf)
    else:
        error = satterthwaite(spread, r * shared, r - 1)
    return estimate(float(auc.mean()), error.mean_square / r, error.df, level, tested)


def _check_readers(r: int, readers: str, cases: str, level: float) -> None:
    if r < 2 and readers == "random":
        raise ConfigError(
            f"{r} reader was given; random readers need two: use readers='fixed' for one."
        )
    check_factors(readers, cases, level)

"""From the scores of a multi-reader study to AUCs, pseudovalues and covariances."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from mammoscope.errors import ConfigError
from mammoscope.metrics.delong import delong
from mammoscope.metrics.mrmc_inference import Bools, Floats

Covariance = Literal["jackknife", "delong"]


def checked_study(truth: ArrayLike, scores: ArrayLike, n_axes: int) -> tuple[Bools, Floats]:
    """Truth as booleans (n,) and scores (..., n) as float64 with `n_axes` axes.

    Raises:
        ConfigError: wrong shape, a missing (NaN) score, truth not 0 or 1, fewer than two cases
            of a class.
    """
    truths, values = np.asarray(truth), np.asarray(scores, np.float64)
    if values.ndim != n_axes or truths.shape != values.shape[-1:] or not values.size:
        expected = "(modalities, readers, cases)" if n_axes == 3 else "(readers, cases)"
        raise ConfigError(
            f"truth has shape {truths.shape} and scores {values.shape}; give truth (cases,) and "
            f"scores {expected}."
        )
    if np.isnan(values).any():
        at = tuple(int(i) for i in np.argwhere(np.isnan(values))[0])
        raise ConfigError(
            f"{np.isnan(values).sum()} scores are NaN, the first at index {at}; every reader must "
            "have scored every case in every modality, so leave out the incomplete ones."
        )
    positive = truths == 1
    if not (positive | (truths == 0)).all() or min(positive.sum(), (~positive).sum()) < 2:
        raise ConfigError(
            f"truth holds {positive.sum()} ones and {(truths == 0).sum()} zeros among "
            f"{len(truths)} cases; use 0 and 1 only, at least two of each."
        )
    return positive, values


def auc_covariance(
    positive: Bools, scores: Floats, method: str | None, patient_ids: ArrayLike | None
) -> tuple[Floats, Floats]:
    """AUC (...) of scores (..., n), and its covariance (..., ...)."""
    shape, rows = scores.shape[:-1], scores.reshape(-1, scores.shape[-1])
    method = method or ("jackknife" if patient_ids is None else "delong")
    if method == "delong":
        found = delong(positive, rows, patient_ids)
        return found.auc.reshape(shape), found.covariance.reshape(shape * 2)
    if method != "jackknife" or patient_ids is not None:
        raise ConfigError(
            f"covariance is {method!r} and patients are {'not ' * (patient_ids is None)}given; "
            "use 'delong', or 'jackknife' without patients."
        )
    values = pseudovalues(positive, rows)
    spread = np.atleast_2d(np.cov(values)) / values.shape[1]
    return values.mean(axis=1).reshape(shape), spread.reshape(shape * 2)


def pseudovalues(positive: Bools, scores: Floats) -> Floats:
    """Jackknife pseudovalues of the AUC, n AUC - (n - 1) AUC without the case; mean = AUC.

    Args:
        positive: (n,) truth, two or more of each class.
        scores: (..., n) not NaN.

    Returns:
        (..., n) in the unit of the AUC (Dorfman, Berbaum and Metz, Invest Radiol 1992;27:723-731).
    """
    placed = np.empty_like(scores)
    overall = rankdata(scores, axis=-1)
    for group, sign in ((positive, 1), (~positive, -1)):
        beaten = overall[..., group] - rankdata(scores[..., group], axis=-1)
        share = beaten / (~group).sum()
        placed[..., group] = share if sign == 1 else 1 - share
    auc = placed[..., positive].mean(axis=-1)[..., None]
    others = np.where(positive, positive.sum(), (~positive).sum()) - 1
    values: Floats = auc + (len(positive) - 1) * (placed - auc) / others
    return values

"""Obuchowski-Rockette analysis of the AUCs of several readers.

Readers differ, and so do cases: an interval that counts the spread of only one of the two holds for
these readers or these cases alone. The analysis models the AUC of reader j with modality i as a sum
of effects whose errors are correlated, because all read the same cases: cov1 between modalities of
one reader, cov2 between readers of one modality, cov3 between both (Obuchowski and Rockette, Commun
Stat Simul Comput 1995;24:285-308), with the degrees of freedom of Hillis (Stat Med
2007;26:596-619). Cases are taken to be independent of each other: where two breasts of a woman
are two cases, name the patients (`patient_ids`) or analyse one score per woman.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from mammoscope.errors import ConfigError
from mammoscope.metrics.mrmc_inference import (
    Bools,
    ErrorTerm,
    Factor,
    Floats,
    MultiReader,
    check_design,
    comparisons,
    overall_test,
    satterthwaite,
    settled,
)
from mammoscope.metrics.mrmc_scores import Covariance, auc_covariance, checked_study
from mammoscope.metrics.mrmc_single import mean_of_readers


def obuchowski_rockette(
    truth: ArrayLike,
    scores: ArrayLike,
    readers: Factor = "random",
    cases: Factor = "random",
    covariance: Covariance | None = None,
    patient_ids: ArrayLike | None = None,
    level: float = 0.95,
) -> MultiReader:
    """Compare modalities by the mean AUC of their readers.

    Args:
        truth: (n,) 0 or 1, one for each case.
        scores: (modalities, readers, n) any unit, growing with suspicion; no score may be missing.
        readers: "random" if the result is to hold for readers like these.
        cases: "random" if the result is to hold for cases like these.
        covariance: of the AUCs over cases, "jackknife" (the default of the published programs) or
            "delong", which hardly differs and is the default where patients are given.
        patient_ids: (n,) labels; cases of one patient are then not taken as independent
            (Obuchowski, Biometrics 1997;53:567-578), for "delong" only.
        level: of the intervals.

    Raises:
        ConfigError: shapes, NaN, fewer than two modalities, one random reader, a class with fewer
            than two cases, or AUCs without any variance.
    """
    positive, values = checked_study(truth, scores, 3)
    auc, spread = auc_covariance(positive, values, covariance, patient_ids)
    return from_covariance(auc, spread, readers, cases, level)


def from_covariance(
    auc: ArrayLike,
    covariance: ArrayLike,
    readers: Factor = "random",
    cases: Factor = "random",
    level: float = 0.95,
) -> MultiReader:
    """The same analysis for any figure of merit whose error covariance is known.

    Args:
        auc: (m, r) figure of merit of each modality and reader.
        covariance: (m, r, m, r) its covariance over cases, e.g. clustered by patient.
        readers: as in `obuchowski_rockette`.
        cases: likewise.
        level: of the intervals.

    Raises:
        ConfigError: shapes, or a design as in `obuchowski_rockette`.
    """
    merit, spread = np.asarray(auc, np.float64), np.asarray(covariance, np.float64)
    if merit.ndim != 2 or spread.shape != merit.shape * 2:
        raise ConfigError(
            f"auc has shape {merit.shape} and covariance {spread.shape}; "
            "give (m, r) and (m, r, m, r)."
        )
    check_design(len(merit), merit.shape[1], readers, cases, level)
    parts = _components(merit, spread)
    error = _difference_error(parts, merit.shape, readers, cases)
    f, df, p = overall_test(merit, error, parts["var(error)"])
    means = tuple(
        mean_of_readers(merit[i], spread[i, :, i], readers, cases, level) for i in range(len(merit))
    )
    single = _single_errors(spread) if cases == "random" else {}
    pairs = comparisons(merit, error, single, level)
    return MultiReader(readers, cases, merit, f, df, p, means, pairs, parts)


def _components(auc: Floats, covariance: Floats) -> dict[str, float]:
    """Mean squares and OR components; with one reader cov2 = cov3 = 0 and no mean squares."""
    m, r = auc.shape
    same_reader, same_modality = np.eye(r, dtype=bool), np.eye(m, dtype=bool)
    spread = covariance.transpose(0, 2, 1, 3)  # (modality, modality, reader, reader)
    error, cov1, cov2, cov3 = (
        _mean_over(spread, modality, reader)
        for reader in (same_reader, ~same_reader)
        for modality in (same_modality, ~same_modality)
    )
    residual = auc - auc.mean(axis=0) - auc.mean(axis=1, keepdims=True) + auc.mean()
    crossed = float((residual**2).sum()) / max((m - 1) * (r - 1), 1)
    reader = m * float(auc.mean(axis=0).var(ddof=1)) if r > 1 else 0.0
    return {
        "MS(T)": r * float(auc.mean(axis=1).var(ddof=1)),
        "MS(R)": reader,
        "MS(T*R)": crossed,
        "var(R)": (reader - crossed) / m - cov1 + cov3,
        "var(T*R)": crossed - error + cov1 + cov2 - cov3,
        "cov1": cov1,
        "cov2": cov2,
        "cov3": cov3,
        "var(error)": error,
    }


def _mean_over(spread: Floats, modality: Bools, reader: Bools) -> float:
    """Mean of spread (m, m, r, r) where both masks hold; 0 where nothing does."""
    cells = spread[modality][:, reader]
    return float(cells.mean()) if cells.size else 0.0


def _difference_error(
    parts: Mapping[str, float], shape: tuple[int, ...], readers: Factor, cases: Factor
) -> ErrorTerm:
    m, r = shape
    crossed, df = parts["MS(T*R)"], (m - 1) * (r - 1)
    excess = parts["cov2"] - parts["cov3"]
    if cases == "fixed":
        return ErrorTerm(crossed, df)
    if readers == "fixed":
        own = parts["var(error)"] - parts["cov1"]
        return ErrorTerm(own + (r - 1) * max(excess, 0.0), np.inf)
    return satterthwaite(crossed, r * excess, df)


def _single_errors(covariance: Floats) -> dict[tuple[int, int, int], ErrorTerm]:
    """Variance of the difference of modalities a and b for reader j alone, by (a, b, j)."""
    m, r = covariance.shape[:2]
    own = np.einsum("ajbj->abj", covariance)
    found = {}
    for a, b in combinations(range(m), 2):
        both = own[a, a] + own[b, b]
        for j in range(r):
            found[a, b, j] = ErrorTerm(settled(both[j] - 2 * own[a, b, j], both[j]), np.inf)
    return found

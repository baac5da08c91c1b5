"""How well breast density is graded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammoscope.evaluate.cases import Cases
from mammoscope.evaluate.estimates import Estimate, Resampling, Statistic
from mammoscope.evaluate.joining import Judged, Scores
from mammoscope.metrics import agreement
from mammoscope.types import DENSITY_GRADES

Floats = NDArray[np.float64]
_K = len(DENSITY_GRADES)


def graded(
    judged: Judged, scores: Scores, resampling: Resampling
) -> tuple[list[Estimate], dict[str, Any] | None]:
    """Figures and the confusion matrix, on the rows whose density is known and was predicted.

    Returns:
        The estimates, and {"model", "counts"} with (4, 4) counts whose rows are the truth; no
        estimates and None where there is nothing to judge.
    """
    if scores.density is None:
        return [], None
    known = (judged.density >= 0) & ~np.isnan(scores.density).any(axis=1)
    if not known.any():
        return [], None
    truth, probability = judged.density[known], scores.density[known]
    grades = median_grades(probability)
    patient = np.unique(judged.patient[known], return_inverse=True)[1]
    cases = Cases(
        judged.unit, scores.name, patient, judged.cancer[known], np.arange(len(truth), dtype=float),
        None, {}, values={"truth": truth, "grade": grades, "p": probability},
    )  # fmt: skip
    share = np.bincount(truth).max() / len(truth)
    notes: Mapping[str, str] = {
        "density kappa, quadratic weights": "between readers: 0.57 to 0.77",
        "density accuracy": f"always saying the commonest grade: {share:.3f}",
    }
    found = resampling.measure(cases, _STATISTICS, notes, cancer=False)
    counts = agreement.confusion(truth, grades, _K).tolist()
    return found, {"model": scores.name, "counts": counts}


def median_grades(density: Floats) -> NDArray[np.intp]:
    """The median grade 0 .. 3 of each row of (n, 4) probabilities, as `types.Density.grade`."""
    below = (np.cumsum(density, axis=1) < 0.5).sum(axis=1)
    return np.asarray(np.minimum(below, _K - 1), np.intp)


def _kappa(cases: Cases, weights: Any) -> float:
    return agreement.weighted_kappa(cases.values["truth"], cases.values["grade"], _K, weights)


_STATISTICS: dict[str, Statistic] = {
    "density kappa, quadratic weights": lambda c: _kappa(c, "quadratic"),
    "density kappa, linear weights": lambda c: _kappa(c, "linear"),
    "density accuracy": lambda c: float(np.mean(c.values["truth"] == c.values["grade"])),
    "dense (C, D) against not, AUC": lambda c: agreement.dense_auc(
        c.values["truth"], c.values["p"]
    ),
}

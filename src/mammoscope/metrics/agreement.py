"""Agreement of two gradings: confusion, weighted kappa, accuracy, recall; dense against not.

Grades are integers from 0, e.g. BI-RADS density A to D as 0 to 3. Where patients have several
cases, `resample.patient_bootstrap` gives any of these figures its interval.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscope.errors import ConfigError
from mammoscope.metrics.proportions import checked_weights
from mammoscope.metrics.roc import auc

Weights = Literal["quadratic", "linear", "none"]

_DENSE = 2
"""The lowest dense grade: C of A, B, C, D."""
_SUM_TOLERANCE = 5e-3
"""Three decimals are what a table may have been rounded to."""


def confusion(a: ArrayLike, b: ArrayLike, n_classes: int) -> NDArray[np.intp]:
    """Counts of cases graded i by `a` and j by `b`.

    Args:
        a: (n,) integer grades 0 .. n_classes - 1, e.g. the truth.
        b: (n,) likewise, e.g. the prediction.
        n_classes: number of grades k.

    Returns:
        (k, k) counts, rows are grades of `a`.

    Raises:
        ConfigError: unequal lengths, no case, or a grade outside 0 .. k - 1.
    """
    counts = np.bincount(_cells(a, b, n_classes), minlength=n_classes**2)
    return counts.reshape(n_classes, n_classes)


def weighted_kappa(
    a: ArrayLike,
    b: ArrayLike,
    n_classes: int,
    weights: Weights = "quadratic",
    case_weight: ArrayLike | None = None,
) -> float:
    """Agreement beyond chance, 1 - observed / expected disagreement (Cohen, 1968;70:213-220).

    Args:
        a: (n,) integer grades 0 .. n_classes - 1.
        b: (n,) likewise; swapping `a` and `b` changes nothing.
        n_classes: number of grades.
        weights: how disagreement grows with the distance of the grades: its square, the
            distance, or "none" for Cohen's unweighted kappa (1960).
        case_weight: (n,) weights of the cases, at least 0, not all 0. None: all 1.

    Returns:
        At most 1 (full agreement); 0 is chance; no unit.

    Raises:
        ConfigError: as in `confusion`; or both gradings give every case the same one grade, where
            kappa is 0 / 0.
    """
    share, disagreement = _compared(a, b, n_classes, weights, case_weight)
    chance = float((disagreement * np.outer(share.sum(axis=1), share.sum(axis=0))).sum())
    if chance == 0:
        raise ConfigError("Both gradings are constant and equal; kappa needs cases of two grades.")
    return 1 - float((disagreement * share).sum()) / chance


def gwet_ac(
    a: ArrayLike,
    b: ArrayLike,
    n_classes: int,
    weights: Weights = "quadratic",
    case_weight: ArrayLike | None = None,
) -> float:
    """Gwet's AC2 (AC1 for weights "none"): agreement beyond chance among hard cases only.

    Where nearly all cases are of one grade, kappa is low however well two readers agree; this is
    not (Gwet, Br J Math Stat Psychol 2008;61:29-48; weights: Gwet 2014, chapter 3). Arguments as
    in `weighted_kappa`.

    Raises:
        ConfigError: as in `confusion`, or fewer than two classes.
    """
    if n_classes < 2:
        raise ConfigError(f"n_classes is {n_classes}; agreement needs two grades or more.")
    share, disagreement = _compared(a, b, n_classes, weights, case_weight)
    disagreement = disagreement / disagreement.max()
    grade = (share.sum(axis=0) + share.sum(axis=1)) / 2
    spread = float((grade * (1 - grade)).sum()) / (n_classes * (n_classes - 1))
    chance = float((1 - disagreement).sum()) * spread
    return 1 - float((disagreement * share).sum()) / (1 - chance)


def accuracy(a: ArrayLike, b: ArrayLike, n_classes: int, within: int = 0) -> float:
    """Share of cases whose two grades differ by at most `within`, in [0, 1]; see `confusion`."""
    counts = confusion(a, b, n_classes)
    return float(counts[_distance(n_classes) <= within].sum() / counts.sum())


def recall_by_grade(a: ArrayLike, b: ArrayLike, n_classes: int) -> NDArray[np.float64]:
    """Share of each grade of `a`, the truth, that `b` gives the same grade; see `confusion`.

    Returns:
        (n_classes,) in [0, 1]; NaN for a grade that `a` gives to no case.
    """
    counts = confusion(a, b, n_classes)
    total = counts.sum(axis=1)
    return np.where(total > 0, np.diag(counts) / np.maximum(total, 1), np.nan)


def dense_auc(grade: ArrayLike, density: ArrayLike) -> float:
    """AUC of the predicted probability of a dense breast (C or D) for a truly dense one.

    Args:
        grade: (n,) true BI-RADS densities A to D as 0 to 3.
        density: (n, 4) predicted probabilities of A to D, each row summing to 1.

    Returns:
        The area in [0, 1], no unit.

    Raises:
        ConfigError: other shapes, a grade outside 0 to 3, rows that are no probabilities, or only
            dense or only other breasts.
    """
    grades, probs = np.asarray(grade), np.asarray(density, np.float64)
    if probs.ndim != 2 or probs.shape[1] != 4 or grades.shape != probs.shape[:1]:
        raise ConfigError(
            f"grade has shape {grades.shape} and density {probs.shape}; give (n,) and (n, 4)."
        )
    wrong = ~((probs >= 0).all(axis=1) & (np.abs(probs.sum(axis=1) - 1) <= _SUM_TOLERANCE))
    if wrong.any():
        raise ConfigError(
            f"Row {int(np.argmax(wrong))} of density is {probs[wrong][0].tolist()}; "
            "give probabilities of A to D that sum to 1."
        )
    confusion(grades, grades, 4)
    return auc(grades >= _DENSE, probs[:, _DENSE:].sum(axis=1))


def _compared(
    a: ArrayLike, b: ArrayLike, n_classes: int, weights: Weights, case_weight: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(k, k) share of the cases in each cell of the confusion matrix, and its disagreement."""
    cells = _cells(a, b, n_classes)
    mass = np.bincount(cells, checked_weights(case_weight, len(cells)), n_classes**2)
    share = mass.reshape(n_classes, n_classes) / mass.sum()
    distance = _distance(n_classes).astype(np.float64)
    match weights:
        case "quadratic":
            return share, distance**2
        case "linear":
            return share, distance
        case "none":
            return share, np.sign(distance)
        case _:
            raise ConfigError(f"weights is {weights!r}; use 'quadratic', 'linear' or 'none'.")


def _distance(n_classes: int) -> NDArray[np.intp]:
    grades = np.arange(n_classes)
    return np.abs(np.subtract.outer(grades, grades))


def _cells(a: ArrayLike, b: ArrayLike, n_classes: int) -> NDArray[np.intp]:
    """(n,) each case's cell of the confusion matrix, counted row by row; errors of `confusion`."""
    first, second = np.asarray(a), np.asarray(b)
    if first.shape != second.shape or first.ndim != 1 or not len(first):
        raise ConfigError(
            f"The gradings have shapes {first.shape} and {second.shape}; "
            "both must be one-dimensional, of one length and not empty."
        )
    for grades in (first, second):
        if not np.isin(grades, np.arange(n_classes)).all():
            raise ConfigError(f"A grade lies outside 0 to {n_classes - 1}; map grades to integers.")
    return first.astype(np.intp) * n_classes + second.astype(np.intp)

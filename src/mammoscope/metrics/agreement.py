"""Agreement of two gradings: confusion matrix and weighted kappa."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscope.errors import ConfigError


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
    first, second = np.asarray(a), np.asarray(b)
    if first.shape != second.shape or first.ndim != 1 or not len(first):
        raise ConfigError(
            f"The gradings have shapes {first.shape} and {second.shape}; "
            "both must be one-dimensional, of one length and not empty."
        )
    for grades in (first, second):
        if not np.isin(grades, np.arange(n_classes)).all():
            raise ConfigError(f"A grade lies outside 0 to {n_classes - 1}; map grades to integers.")
    cells = first.astype(np.intp) * n_classes + second.astype(np.intp)
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def weighted_kappa(
    a: ArrayLike,
    b: ArrayLike,
    n_classes: int,
    weights: Literal["quadratic", "linear", "none"] = "quadratic",
) -> float:
    """Agreement beyond chance, 1 - observed / expected disagreement (Cohen, 1968;70:213-220).

    Args:
        a: (n,) integer grades 0 .. n_classes - 1.
        b: (n,) likewise; swapping `a` and `b` changes nothing.
        n_classes: number of grades.
        weights: how disagreement grows with the distance of the grades: its square, the
            distance, or "none" for Cohen's unweighted kappa (1960).

    Returns:
        At most 1 (full agreement); 0 is chance; no unit.

    Raises:
        ConfigError: as in `confusion`; or both gradings give every case the same one grade, where
            kappa is 0 / 0.
    """
    counts = confusion(a, b, n_classes)
    distance = np.abs(np.subtract.outer(np.arange(n_classes), np.arange(n_classes)))
    match weights:
        case "quadratic":
            disagreement = distance**2
        case "linear":
            disagreement = distance
        case "none":
            disagreement = (distance > 0).astype(np.intp)
        case _:
            raise ConfigError(f"weights is {weights!r}; use 'quadratic', 'linear' or 'none'.")
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    chance = float((disagreement * expected).sum())
    if chance == 0:
        raise ConfigError("Both gradings are constant and equal; kappa needs cases of two grades.")
    return 1 - float((disagreement * counts).sum()) / chance

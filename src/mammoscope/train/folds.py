"""Who is held out: folds by group, and within what is left a part to stop early on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mammoscope.data.splits import folds_by_patient
from mammoscope.errors import ConfigError
from mammoscope.train.config import Recipe
from mammoscope.train.dataset import TrainingSet

INNER = 5
"""One in so many of the groups that are learned from watches when to stop."""


def folds(data: TrainingSet, recipe: Recipe) -> NDArray[np.int64]:
    """Fold number (n,) of each image; classes and machines are spread evenly.

    Each source is parted as it would be alone; a group that an earlier source has too keeps its
    fold, so that images made from a woman's image stay with her.
    """
    if not recipe.sources:
        return _parted(data, np.arange(len(data.rows)), recipe.folds, recipe.seed)
    fold = np.full(len(data.rows), -1, np.int64)
    known: dict[str, int] = {}
    for source in recipe.sources:
        rows = np.flatnonzero(data.rows["source"] == source.dataset)
        fold[rows] = [known.get(group, -1) for group in data.group[rows]]
        new = rows[fold[rows] < 0]
        if new.size:
            fold[new] = _parted(data, new, recipe.folds, recipe.seed)
        known |= dict(zip(data.group[rows].tolist(), fold[rows].tolist(), strict=True))
    return fold


def watched(
    data: TrainingSet, kept: NDArray[np.int64], recipe: Recipe
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to learn from and rows to stop early on, no group in both.

    Returns:
        The rows of `kept` in two parts; the second is empty if the recipe has no patience.

    Raises:
        ConfigError: the second would have images of one kind only, so that it has no AUC.
    """
    if not recipe.optimiser.patience:
        return kept, kept[:0]
    inner = _parted(data, kept, INNER, recipe.seed)
    for number in range(INNER):
        watch = kept[inner == number]
        if len(np.unique(data.positive[watch])) == 2:
            return kept[inner != number], watch
    raise ConfigError(
        f"recipe {recipe.name}: optimiser.patience is {recipe.optimiser.patience}, but a part to "
        "stop early on would have images of one kind only; give 0 or more data."
    )


def _parted(data: TrainingSet, rows: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    table = data.rows.iloc[rows].drop(columns="duplicate_group", errors="ignore")
    table = table.assign(patient_id=data.group[rows], target=data.target[rows])
    strata = ["machine_id", "target"] if "machine_id" in table else ["target"]
    if table[strata].astype(str).agg("/".join, axis=1).value_counts().max() < count:
        strata = ["target"]
    return folds_by_patient(table, count, seed, strata)

"""A run that is finished: the recipe it tells of itself, and whether the data are its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.errors import ConfigError
from mammoscope.train.config import Recipe, build_recipe, load_recipe
from mammoscope.train.dataset import TrainingSet
from mammoscope.train.fitting import START
from mammoscope.train.folds import folds
from mammoscope.train.predictions import PREDICTIONS
from mammoscope.train.run import WEIGHTS


def recipe_of(run: Path, given: Path | None) -> Recipe:
    """The recipe of a run all of whose folds are finished.

    Args:
        run: the run's folder.
        given: the recipe's file, for a run that does not tell its recipe.

    Raises:
        ConfigError: a fold is not finished, or the run does not tell its recipe.
    """
    _check_finished(run / "0")
    recipe = _told(run / "0" / START) if given is None else load_recipe(given)
    for fold in range(1, recipe.folds):
        _check_finished(run / str(fold))
    return recipe


def held_out(run: Path, recipe: Recipe, data: TrainingSet) -> list[NDArray[np.int64]]:
    """Rows (m,) that each fold of a finished run held out.

    Raises:
        ConfigError: the recipe or the data are not those that the run was trained with.
    """
    number = folds(data, recipe)
    held = [np.flatnonzero(number == fold) for fold in range(recipe.folds)]
    wanted = {"recipe": recipe.sha256, "data": data.sha256}
    for fold, rows in enumerate(held):
        for name, sha256 in wanted.items():
            _check_stamp(run / str(fold) / f"{name}.sha256", name, sha256)
        predictions = run / str(fold) / PREDICTIONS
        judged = pd.read_csv(predictions)["image_path"]
        if set(judged) != set(data.rows["image_path"].iloc[rows]):
            raise ConfigError(
                f"{predictions}: holds other images than fold {fold} of --data holds out; "
                "give the folder that the run was trained on."
            )
    return held


def _told(start: Path) -> Recipe:
    if not start.is_file():
        raise ConfigError(f"{start}: no such file; give the run's recipe by --recipe.")
    table = json.loads(start.read_text(encoding="utf-8"))["recipe"]
    # Written out in full, a recipe has stages and epochs; its file had one of them.
    optimiser, stages = dict(table["optimiser"]), table["stages"]
    if len(stages) == 1 and stages[0]["epochs"] == optimiser["epochs"]:
        return build_recipe({key: table[key] for key in table if key != "stages"})
    del optimiser["epochs"]
    return build_recipe({**table, "optimiser": optimiser})


def _check_finished(fold: Path) -> None:
    for name in (WEIGHTS, PREDICTIONS):
        if not (fold / name).is_file():
            raise ConfigError(
                f"{fold / name}: no such file; finish the run first (mammoscope train)."
            )


def _check_stamp(stamp: Path, name: str, sha256: str) -> None:
    """Runs that are older than the stamp have none."""
    if stamp.is_file() and stamp.read_text(encoding="utf-8") != sha256:
        raise ConfigError(
            f"{stamp}: the run was trained with other {name} ({stamp.read_text('utf-8')[:12]}, "
            f"not {sha256[:12]}); give its own by --{name}."
        )

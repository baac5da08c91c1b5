"""What the folds' networks answer to a region they never saw: the mean over its moved crops.

The product answers `predict --region` with that mean, which is less extreme than what a network
says of one crop, so its calibration is fitted on it. Each picture of the training set is one
region, whole; what its moved crops reach beyond it is its mirror image, as at a film's edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from mammoscope.files import drafted
from mammoscope.infer.classifier import judge
from mammoscope.infer.engine import Engine
from mammoscope.infer.region import looks, pooled
from mammoscope.io import read_picture
from mammoscope.train.config import Recipe
from mammoscope.train.dataset import TrainingSet
from mammoscope.train.folds import folds
from mammoscope.train.loop import Judged
from mammoscope.train.predictions import collect, malignancy_logit, prediction_table

REGIONS = "regions.csv"
LOOK = "look_"
"""Before the number of a moved crop: the column with its log odds."""


def region_predictions(
    recipe: Recipe, run: Path, folder: Path, data: TrainingSet, load: Callable[[str], Engine]
) -> Path:
    """Judge the pictures that each fold held out as regions; folds that were judged are not again.

    Args:
        recipe: of the run.
        run: its folder; gets FOLD/regions.csv and, of all folds, regions.csv: predictions as
            `prediction_table` gives them, and the log odds of each look.
        folder: what image_path starts from.
        data: the training set.
        load: gives the engine of a fold, loaded for the output "logits".

    Returns:
        The file of all folds.
    """
    fold = folds(data, recipe)
    for number in range(recipe.folds):
        file = run / str(number) / REGIONS
        if not file.is_file():
            names = data.rows["image_path"][fold == number]
            logs = _looks(recipe, folder, names, load(str(number)))
            with drafted(file) as draft:
                region_table(names, logs, recipe, number).to_csv(draft, index=False)
    return collect(run, recipe.folds, REGIONS)


def region_table(
    names: pd.Series, logs: NDArray[np.float64], recipe: Recipe, fold: int
) -> pd.DataFrame:
    """Predictions of regions, a row each, from the log_shares (n, looks, k) of their looks."""
    table = prediction_table(names, Judged(pooled(logs), None, None), recipe.task, fold)
    for number in range(logs.shape[1]):
        table[f"{LOOK}{number}"] = malignancy_logit(logs[:, number], recipe.task)
    return table


def _looks(
    recipe: Recipe, folder: Path, names: Iterable[str], engine: Engine
) -> NDArray[np.float64]:
    shown = partial(judge, engine=engine, params=recipe.preprocess)
    found = []
    for name in track(list(names), "judging regions", console=Console(stderr=True)):
        picture = read_picture(folder / name)
        height, width = picture.shape
        found.append(looks(picture, (0, 0, width, height), shown))
    return np.stack(found)

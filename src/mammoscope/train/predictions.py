"""What a part says of the images that it held out, as `mammoscope evaluate` reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logsumexp

from mammoscope.errors import ConfigError
from mammoscope.files import drafted
from mammoscope.train.config import Task
from mammoscope.train.loop import Judged
from mammoscope.types import DENSITY_GRADES

PREDICTIONS, LESION_MAPS = "predictions.csv", "lesion_maps.npz"


def malignancy_logit(log_shares: NDArray[np.float64], task: Task) -> NDArray[np.float64]:
    """Log odds (n,) of the positive classes together against the others.

    Args:
        log_shares: (n, k) logarithms of the classes' probabilities.
        task: says which are positive.
    """
    positive = np.isin(task.classes, task.positive)
    odds = logsumexp(log_shares[:, positive], 1) - logsumexp(log_shares[:, ~positive], 1)
    return np.asarray(odds, np.float64)


def prediction_table(image_path: pd.Series, judged: Judged, task: Task, fold: int) -> pd.DataFrame:
    """One row an image: image_path, fold, malignancy, malignancy_logit, and what else there is.

    p_CLASS for more than two classes, density_A to D with a density head, peak_logit (of the
    highest cell) with a lesion map.
    """
    logit = malignancy_logit(judged.log_shares, task)
    table = pd.DataFrame({"image_path": image_path.to_numpy(), "fold": fold})
    table["malignancy"], table["malignancy_logit"] = expit(logit), logit
    if judged.lesion_map is not None:
        table["peak_logit"] = judged.lesion_map.max((1, 2))
    if len(task.classes) > 2:
        for index, name in enumerate(task.classes):
            table[f"p_{name}"] = np.exp(judged.log_shares[:, index])
    if judged.density is not None:
        for index, grade in enumerate(DENSITY_GRADES):
            table[f"density_{grade}"] = judged.density[:, index]
    return table


def write_predictions(folder: Path, table: pd.DataFrame, judged: Judged, task: Task) -> None:
    """predictions.csv, and lesion_maps.npz (image_path, lesion_map logits) if maps were taught."""
    if task.map_weight > 0 and judged.lesion_map is not None:
        with drafted(folder / LESION_MAPS) as draft, draft.open("wb") as file:
            names = table["image_path"].to_numpy(str)
            np.savez(file, image_path=names, lesion_map=judged.lesion_map.astype(np.float32))
    with drafted(folder / PREDICTIONS) as draft:
        table.to_csv(draft, index=False)


def collect(out: Path, folds: int, name: str = PREDICTIONS) -> Path:
    """Join the folds' predictions into the file `name` of `out`; ConfigError if one is missing."""
    parts = [out / str(fold) / name for fold in range(folds)]
    missing = [part for part in parts if not part.is_file()]
    if missing:
        raise ConfigError(f"{missing[0]}: not there yet; run that fold first.")
    joined = out / name
    with drafted(joined) as draft:
        pd.concat([pd.read_csv(part) for part in parts]).to_csv(draft, index=False)
    return joined

"""The card that goes with exported weights: what was written, and what was measured out of fold."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from mammoscope.errors import ConfigError
from mammoscope.evaluate.card import card_calibration
from mammoscope.infer.engine import OUTPUTS
from mammoscope.metrics.recalibration import fit_platt
from mammoscope.train.classifier_card import classifier_calibration
from mammoscope.train.config import Recipe
from mammoscope.train.dataset import TrainingSet
from mammoscope.train.folds import folds
from mammoscope.train.run import FINAL


def finished_card(
    recipe: Recipe,
    written: dict[str, Any],
    names: Sequence[str],
    predictions: Path,
    folder: Path,
    data: TrainingSet,
    part: str,
) -> dict[str, Any]:
    """All of a card but the network's hash, its parity and its metrics.

    Args:
        recipe: of the run.
        written: the card's written part.
        names: of the network's outputs.
        predictions: of all folds.
        folder: that was trained on.
        data: likewise, as it was read.
        part: whose weights they are.

    Raises:
        ConfigError: the predictions cannot be calibrated, or several sources have classes.
    """
    card = {
        **written,
        "name": written.get("name", recipe.name),
        "preprocess": recipe.preprocess.to_mapping(),
        **_judgement(recipe, names, predictions, folder, data),
        "training": written.get("training", {}) | _record(recipe, folder, part, data),
    }
    card["calibration"] = written.get("calibration", {}) | card["calibration"]
    return card


def read_card(path: Path) -> dict[str, Any]:
    """The card's written part; ConfigError if there is none."""
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path}: the card's written part cannot be read ({error}); give it by --card."
        ) from error
    return card


def _judgement(
    recipe: Recipe, names: Sequence[str], predictions: Path, folder: Path, data: TrainingSet
) -> dict[str, Any]:
    """How raw outputs become probabilities, and where to draw the line."""
    if tuple(names[: len(OUTPUTS)]) != OUTPUTS:
        return {"outputs": list(names)} | classifier_calibration(predictions, recipe.task, data)
    if recipe.task.positive != recipe.task.classes[1:]:
        raise ConfigError(
            f"recipe {recipe.name}: a reader's logit is that of cancer, but task.positive is "
            f"{list(recipe.task.positive)}; give the second class there."
        )
    fitted = card_calibration(predictions, _labelled_folder(recipe, folder) / "manifest.csv")
    return {
        "calibration": {
            "platt": fitted["platt"],
            "map": _map_calibration(predictions, data),
            "fitted": fitted["note"],
        },
        "operating_points": fitted["operating_points"],
        "not_sure": fitted["not_sure"],
    }


def _labelled_folder(recipe: Recipe, folder: Path) -> Path:
    """Of the data set whose classes are learned.

    Raises:
        ConfigError: there are several.
    """
    labelled = [one.dataset for one in recipe.sources if one.classes]
    if len(labelled) > 1:
        raise ConfigError(
            f"recipe {recipe.name}: the classes of {', '.join(labelled)} are learned; a card is "
            "calibrated on one of them: leave classes = true with that."
        )
    return folder / labelled[0] if labelled else folder


def read_metrics(path: Path) -> dict[str, str]:
    """The main figures of a report.json, each with unit, interval and numbers."""
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    figures = [
        figure
        for key in ("discrimination", "operating", "calibration", "density")
        for figure in report["sections"].get(key, {"estimates": []})["estimates"]
        # What follows at each operating point is in the report; the points are in the card.
        if figure["low"] is not None and not figure["name"].startswith("at ")
    ]
    return {
        f"{figure['name']} ({figure['unit']})": (
            f"{figure['value']:.3f} (95 % by patient {figure['low']:.3f} to {figure['high']:.3f}; "
            f"n {figure['n']}, with cancer {figure['positives']})"
        )
        for figure in figures
    } | {"how": "five-fold cross-validation by patient on the training data, out of fold"}


def _map_calibration(predictions: Path, data: TrainingSet) -> dict[str, float]:
    """Platt's line from the highest cell of each image's map, out of fold, to cancer in it."""
    truth = pd.DataFrame({"image_path": data.rows["image_path"], "positive": data.positive})
    truth = truth[data.labelled]
    judged = pd.read_csv(predictions).merge(truth, on="image_path")
    peak, positive = judged["peak_logit"].to_numpy(), judged["positive"].to_numpy(np.int64)
    slope, intercept = fit_platt(peak, positive)
    return {"slope": slope, "intercept": intercept}


def _record(recipe: Recipe, folder: Path, part: str, data: TrainingSet) -> dict[str, Any]:
    names = [one.dataset for one in recipe.sources] or ["."]
    manifests = {
        name: hashlib.sha256((folder / name / "manifest.csv").read_bytes()).hexdigest()
        for name in names
    }
    used = folds(data, recipe).astype(str) != part
    return {
        "part": "all patients" if part == FINAL else f"all patients but fold {part}",
        "images": int(used.sum()),
        "patients": int(data.rows["patient_id"][used].nunique()),
        "images_with_cancer": int(data.positive[used].sum()),
        "recipe": recipe.name,
        "recipe_sha256": recipe.sha256,
        "manifest_sha256": manifests if recipe.sources else manifests["."],
        "seed": recipe.seed,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }

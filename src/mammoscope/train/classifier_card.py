"""What the card of a classifier needs beside its network: classes, calibration, thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from mammoscope.errors import ConfigError
from mammoscope.metrics import roc
from mammoscope.metrics.recalibration import fit_platt
from mammoscope.train.config import Task
from mammoscope.train.dataset import TrainingSet

SHARES = (0.95, 0.90)
"""Of the images with cancer found, or of the others left unflagged, at the operating points."""


def classifier_calibration(predictions: Path, task: Task, data: TrainingSet) -> dict[str, Any]:
    """From all out-of-fold predictions, image by image.

    Args:
        predictions: with image_path, malignancy_logit and, with a lesion map, peak_logit.
        task: says which classes there are and which count as cancer.
        data: the truth.

    Returns:
        "classes" in the order of the logits and "positive"; "calibration" with "platt" for the
        log odds of the positive classes against the others, "map" for the highest cell of the
        lesion map where there is one, against what the map was taught, and "fitted" in words;
        "operating_points", thresholds in calibrated probabilities.

    Raises:
        ConfigError: cancers do not score higher than the rest.
    """
    truth = pd.DataFrame(
        {
            "image_path": data.rows["image_path"],
            "positive": data.positive.astype(np.int64),
            "suspicious": (data.target > 0).astype(np.int64),
        }
    )
    judged = pd.read_csv(predictions).merge(truth, on="image_path")
    positive, logit = judged["positive"].to_numpy(), judged["malignancy_logit"].to_numpy()
    calibration: dict[str, Any] = {"platt": _line(predictions, logit, positive)}
    if "peak_logit" in judged:
        suspicious = judged["suspicious"].to_numpy()
        calibration["map"] = _line(predictions, judged["peak_logit"].to_numpy(), suspicious)
    platt = calibration["platt"]
    malignancy = expit(platt["slope"] * logit + platt["intercept"])
    calibration["fitted"] = (
        f"Platt's line was fitted on the out-of-fold logits of {len(judged)} images "
        f"({positive.mean():.1%} with cancer), so probabilities hold for that prevalence. "
        "Thresholds were chosen and measured on the same images, which flatters them slightly."
    )
    return {
        "classes": list(task.classes),
        "positive": list(task.positive),
        "calibration": calibration,
        "operating_points": _points(positive, malignancy),
    }


def _line(
    predictions: Path, logit: NDArray[np.float64], truth: NDArray[np.int64]
) -> dict[str, float]:
    slope, intercept = fit_platt(logit, truth)
    if slope <= 0:
        raise ConfigError(
            f"{predictions}: the calibration slope is {slope:.3g}, so cancers do not score higher "
            "than the rest; train better weights before they are exported."
        )
    return {"slope": slope, "intercept": intercept}


def _points(truth: NDArray[np.int64], probability: NDArray[np.float64]) -> list[dict[str, Any]]:
    rules = {
        "sensitivity": (roc.threshold_at_sensitivity, "Finds {:.0%} of the images with cancer."),
        "specificity": (
            roc.threshold_at_specificity,
            "Leaves {:.0%} of the images without cancer unflagged.",
        ),
    }
    points = []
    for name, (rule, told) in rules.items():
        for share in SHARES:
            threshold = float(rule(truth, probability, share))
            if not np.isfinite(threshold):
                continue
            found = roc.operating_characteristics(truth, probability, threshold)
            points.append(
                {
                    "name": f"{name}_{share:.0%}".replace("%", ""),
                    "threshold": threshold,
                    "sensitivity": found[0],
                    "specificity": found[1],
                    "description": told.format(share),
                }
            )
    return points

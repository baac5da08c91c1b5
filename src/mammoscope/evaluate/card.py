"""The calibration and operating points that travel with weights, in their card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from mammoscope.errors import ConfigError
from mammoscope.evaluate.cases import aggregate, cases
from mammoscope.evaluate.discrimination import BCSC_SENSITIVITY, BCSC_SPECIFICITY
from mammoscope.evaluate.joining import join
from mammoscope.evaluate.predictions import read_predictions
from mammoscope.evaluate.truth import read_truth
from mammoscope.metrics import recalibration, roc

Floats = NDArray[np.float64]

SCREENING_PREVALENCE = 0.005
TOP_SHARE = 0.10


def card_calibration(predictions: str | Path, manifest: str | Path) -> dict[str, Any]:
    """What the card of the shipped weights needs, from all out-of-fold logits.

    Args:
        predictions: out-of-fold logits by image, see `predictions.read_predictions`.
        manifest: the truth, see `truth.read_truth`.

    Returns:
        "platt": {"slope", "intercept"} so that an image's malignancy is
        sigmoid(slope * logit + intercept); "operating_points": list of {"name", "threshold",
        "sensitivity", "specificity", "description"}, thresholds in probabilities, compared with
        a breast's malignancy = sigmoid(mean of its images' calibrated logits); "note".

    Raises:
        ConfigError: as in `join`, one class only, or a slope that is not above 0.
    """
    predicted = read_predictions(Path(predictions))
    judged = join(read_truth(Path(manifest)), predicted)
    logits, truth = judged.models[0].values, judged.cancer
    slope, intercept = recalibration.fit_platt(logits, truth)
    if slope <= 0:
        raise ConfigError(
            f"{predictions}: the calibration slope is {slope:.3g}, so cancers do not score higher "
            "than the rest; check the sign of malignancy_logit and the training."
        )
    breast = cases(judged, judged.models[0], "breast")
    score = aggregate(judged, slope * logits + intercept, "breast", "mean")
    return {
        "platt": {"slope": slope, "intercept": intercept},
        "operating_points": _operating_points(breast.truth, expit(score)),
        "note": (
            f"Platt's line was fitted on the out-of-fold logits of {len(truth)} images "
            f"({truth.mean():.1%} with cancer), so probabilities hold for that prevalence, "
            f"not for screening's. Thresholds were chosen and measured on the {len(breast.truth)} "
            f"breasts ({breast.truth.sum()} with cancer) of the same cross-validation, which "
            "flatters them slightly; the weights that ship "
            "are taken to score as the folds' networks do."
        ),
    }


def _operating_points(y: NDArray[np.intp], p: Floats) -> list[dict[str, Any]]:
    points = {
        "bcsc_sensitivity": (
            roc.threshold_at_sensitivity(y, p, BCSC_SENSITIVITY),
            f"Finds {BCSC_SENSITIVITY:.1%} of the breasts with cancer, as screening readers do "
            "(BCSC benchmark).",
        ),
        "bcsc_specificity": (
            roc.threshold_at_specificity(y, p, BCSC_SPECIFICITY),
            f"Leaves {BCSC_SPECIFICITY:.1%} of the breasts without cancer unflagged, as screening "
            "readers do (BCSC benchmark).",
        ),
        "top_10_percent": (
            roc.threshold_at_flag_rate(y, p, TOP_SHARE, SCREENING_PREVALENCE),
            f"Flags the highest {TOP_SHARE:.0%} of breasts of a worklist in which "
            f"{SCREENING_PREVALENCE:.1%} have cancer.",
        ),
    }
    return [_point(name, y, p, *found) for name, found in points.items()]


def _point(
    name: str, truth: NDArray[np.intp], probability: Floats, threshold: float, description: str
) -> dict[str, Any]:
    if not np.isfinite(threshold):
        raise ConfigError(
            f"No score can serve as threshold for {name}: the highest ones all belong to breasts "
            "without cancer; evaluate more cases or a better network."
        )
    sensitivity, specificity = roc.operating_characteristics(truth, probability, threshold)
    return {
        "name": name,
        "threshold": threshold,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "description": description,
    }

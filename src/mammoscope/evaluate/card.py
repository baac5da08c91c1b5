"""The calibration and operating points that travel with weights, in their card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import ConfigError
from mammoscope.evaluate.cases import Cases, Floats, breast_cases
from mammoscope.evaluate.predictions import read_images
from mammoscope.metrics import calibration, roc

BCSC_SENSITIVITY = 0.869
BCSC_SPECIFICITY = 0.889
SCREENING_PREVALENCE = 0.005
TOP_SHARE = 0.10


def card_calibration(predictions: str | Path, manifest: str | Path) -> dict[str, Any]:
    """What the card of the shipped weights needs, from all out-of-fold logits.

    Args:
        predictions: CSV of out-of-fold predictions, see `predictions.read_images`.
        manifest: CSV of the truth.

    Returns:
        "platt": {"slope", "intercept"} so that an image's malignancy is
        sigmoid(slope * logit + intercept); "operating_points": list of {"name", "threshold",
        "sensitivity", "specificity", "description"}, thresholds in probabilities, compared with
        a breast's malignancy = sigmoid(mean of its images' calibrated logits); "note".

    Raises:
        ConfigError: as in `read_images`, one class only, or a slope that is not above 0.
    """
    images = read_images(predictions, manifest)
    slope, intercept = calibration.fit_platt(images.logit, images.truth)
    if slope <= 0:
        raise ConfigError(
            f"{predictions}: the calibration slope is {slope:.3g}, so cancers do not score higher "
            "than the rest; check the sign of malignancy_logit and the training."
        )
    breast = breast_cases(images, slope * images.logit + intercept)
    return {
        "platt": {"slope": slope, "intercept": intercept},
        "operating_points": _operating_points(breast),
        "note": (
            f"Platt's line was fitted on the out-of-fold logits of {len(images.truth)} images "
            f"({images.truth.mean():.1%} with cancer), so probabilities hold for that prevalence, "
            f"not for screening's. Thresholds were chosen and measured on the {len(breast.truth)} "
            f"breasts ({breast.truth.sum()} with cancer) of the same cross-validation, which "
            "flatters them slightly; the weights that ship "
            "are taken to score as the folds' networks do."
        ),
    }


def _operating_points(breast: Cases) -> list[dict[str, Any]]:
    y, p = breast.truth, breast.probability
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

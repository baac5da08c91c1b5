"""The calibration and operating points that travel with weights, in their card."""

from __future__ import annotations

from contextlib import suppress
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
from mammoscope.metrics.conformal import class_bounds
from mammoscope.metrics.resample import patient_resamples

Floats = NDArray[np.float64]

SCREENING_PREVALENCE = 0.005
TOP_SHARE = 0.10
NOT_SURE_ERROR = 0.10
RESAMPLES = 1000


def card_calibration(predictions: str | Path, manifest: str | Path) -> dict[str, Any]:
    """What the card of the shipped weights needs, from all out-of-fold logits.

    Args:
        predictions: out-of-fold logits by image, see `predictions.read_predictions`.
        manifest: the truth, see `truth.read_truth`.

    Returns:
        "platt": {"slope", "intercept", "covariance"} so that an image's malignancy is
        sigmoid(slope * logit + intercept), see `platt_covariance`; "operating_points": list of
        {"name", "threshold", "sensitivity", "specificity", "description"}, thresholds in
        probabilities, compared with a breast's malignancy = sigmoid(mean of its images' calibrated
        logits); "not_sure": the band of a breast's malignancy, see `not_sure_band`; "note".

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
    score = expit(aggregate(judged, slope * logits + intercept, "breast", "mean"))
    covariance = platt_covariance(logits, truth, judged.patient)
    return {
        "platt": {"slope": slope, "intercept": intercept, "covariance": covariance.tolist()},
        "operating_points": _operating_points(breast.truth, score),
        "not_sure": not_sure_band(breast.truth, score),
        "note": (
            f"Platt's line was fitted on the out-of-fold logits of {len(truth)} images "
            f"({truth.mean():.1%} with cancer), so probabilities hold for that prevalence, "
            f"not for screening's. Thresholds were chosen and measured on the {len(breast.truth)} "
            f"breasts ({breast.truth.sum()} with cancer) of the same cross-validation, which "
            "flatters them slightly; the weights that ship "
            "are taken to score as the folds' networks do. The covariance of slope and intercept "
            f"is that of {RESAMPLES} resamples of the women. The 95% interval that it gives says "
            "how well the share with cancer among such scores is known, not how certain one "
            "woman's case is."
        ),
    }


def platt_covariance(
    logits: Floats, truth: NDArray[np.intp], patient: NDArray[Any], n: int = RESAMPLES
) -> Floats:
    """Covariance (2, 2) of Platt's (slope, intercept), patients drawn anew n times (seeded).

    Resamples that cannot be fitted, for instance because one class was drawn, are left out.

    Args:
        logits: (images,) raw.
        truth: (images,) 0 or 1.
        patient: (images,) label of the woman.
        n: number of resamples.

    Raises:
        ConfigError: fewer than two patients, or than two resamples that can be fitted.
    """
    fits = []
    for rows in patient_resamples(patient, n):
        with suppress(ConfigError):
            fits.append(recalibration.fit_platt(logits[rows], truth[rows]))
    if len(fits) < 2:
        raise ConfigError(
            f"Of {n} resamples of the women {len(fits)} could be calibrated; give more women "
            "with and without cancer."
        )
    found = np.cov(np.array(fits), rowvar=False)
    return np.asarray((found + found.T) / 2, np.float64)


def not_sure_band(
    truth: NDArray[np.intp], score: Floats, alpha: float = NOT_SURE_ERROR
) -> dict[str, Any]:
    """The band of breast malignancy in which nothing can be excluded at error alpha.

    Args:
        truth: (breasts,) 0 or 1.
        score: (breasts,) calibrated malignancy in [0, 1], out of fold.
        alpha: share allowed of cancers below the band, and of the others above it.

    Returns:
        "low", "high", "alpha" as `mammoscope.types.NotSure` has them, and "how" in words.

    Raises:
        ConfigError: as in `class_bounds`.
    """
    low, high = (float(np.clip(bound, 0, 1)) for bound in class_bounds(truth, score, alpha))
    band = "There is no such band, since low is not below high." if low >= high else ""
    how = (
        f"Class-conditional split conformal prediction on the out-of-fold malignancy of "
        f"{len(truth)} breasts ({truth.sum()} with cancer): at most {alpha:.0%} of breasts with "
        f"cancer score below low, and at most {alpha:.0%} of the others above high, if they come "
        f"as those did. In between neither cancer nor its absence can be excluded. {band}"
    )
    return {"low": low, "high": high, "alpha": alpha, "how": how.strip()}


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

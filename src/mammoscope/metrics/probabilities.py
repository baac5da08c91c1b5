"""Checks of probabilities and case weights, and the way from probabilities to logits."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logit

from mammoscope.errors import ConfigError
from mammoscope.metrics.roc import Bools, Floats, checked

_LARGEST_LOGIT = 30.0


def checked_probabilities(truth: ArrayLike, prob: ArrayLike) -> tuple[Bools, Floats]:
    """As `roc.checked`, and ConfigError for a probability outside [0, 1]."""
    positive, probs = checked(truth, prob)
    if probs.min() < 0 or probs.max() > 1:
        wrong = probs[(probs < 0) | (probs > 1)][0]
        raise ConfigError(f"A probability is {wrong}; apply a calibration first (0 to 1).")
    return positive, probs


def checked_both(positive: Bools) -> None:
    """ConfigError where all cases are of one class."""
    if positive.all() or not positive.any():
        raise ConfigError(f"All {len(positive)} cases are of one class; a calibration needs both.")


def checked_varied(truth: ArrayLike, score: ArrayLike) -> tuple[Bools, Floats]:
    """As `roc.checked`, and ConfigError for one class only and constant or infinite scores."""
    positive, scores = checked(truth, score)
    checked_both(positive)
    if not np.isfinite(scores).all() or np.ptp(scores) == 0:
        raise ConfigError("The scores are infinite or all equal; a calibration needs them to vary.")
    return positive, scores


def logits_of(prob: ArrayLike) -> Floats:
    """log(p / (1 - p)) of probabilities of any shape, held within -30 and 30, so finite."""
    logits = np.clip(logit(np.asarray(prob, np.float64)), -_LARGEST_LOGIT, _LARGEST_LOGIT)
    return np.asarray(logits, np.float64)

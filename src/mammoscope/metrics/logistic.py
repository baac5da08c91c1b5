"""Logistic regression by maximum likelihood: the fit under every calibration here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from mammoscope.errors import ConfigError
from mammoscope.metrics.roc import Floats

Rows = NDArray[np.intp]

_MOST_STEPS = 100
_SETTLED = 1e-10
_SAME = 1e-12


def fit_logistic(features: Floats, target: Floats) -> tuple[Floats, float]:
    """Coefficients and intercept of target = sigmoid(features @ coefficients + intercept).

    The features are standardised on the way, so their unit and origin do not matter.

    Args:
        features: (n, k) columns that are not constant.
        target: (n,) in [0, 1]; not separable by the features, or no finite fit exists.

    Returns:
        (k,) coefficients in logits per unit of feature, and the intercept in logits.

    Raises:
        ConfigError: the fit does not settle.
    """
    centre, spread = features.mean(axis=0), features.std(axis=0)
    design = np.column_stack([(features - centre) / spread, np.ones(len(features))])
    found = maximum_likelihood(design, target)
    coefficients = found[:-1] / spread
    return coefficients, float(found[-1] - coefficients @ centre)


def maximum_likelihood(design: Floats, target: Floats) -> Floats:
    """Coefficients (k,) of target = sigmoid(design @ coefficients).

    Newton's method with step halving after Lin, Lin and Weng (Mach Learn 2007;68:267-276).

    Args:
        design: (n, k) columns of about unit size.
        target: (n,) in [0, 1].

    Raises:
        ConfigError: the fit does not settle.
    """
    beta = np.zeros(design.shape[1])
    loss = _log_loss(design @ beta, target)
    for _ in range(_MOST_STEPS):
        p = expit(design @ beta)
        gradient = design.T @ (p - target)
        hessian = (design.T * (p * (1 - p))) @ design
        # The shortest step: columns that say the same share it, and nothing drifts between them.
        step: Floats = np.linalg.lstsq(hessian, gradient, rcond=_SAME)[0]
        while (new := _log_loss(design @ (beta - step), target)) >= loss and step.any():
            step = np.where(np.abs(step) < 1e-14, 0.0, step / 2)
        beta, loss = beta - step, new
        if np.abs(step).max() < _SETTLED:
            return beta
    raise ConfigError("The logistic fit did not settle; check the scores for extreme values.")


def clustered_errors(design: Floats, target: Floats, fitted: Floats, code: Rows) -> Floats:
    """Standard errors (k,) of fitted coefficients where cases of one patient go together.

    The sandwich of Liang and Zeger (Biometrika 1986;73:13-22) with G / (G - 1) for G patients.

    Args:
        design: (n, k) as in `maximum_likelihood`.
        target: (n,) 0 or 1.
        fitted: (n,) fitted probabilities.
        code: (n,) number of each case's patient, from 0.
    """
    bread = np.linalg.inv((design.T * (fitted * (1 - fitted))) @ design)
    rows = design * (target - fitted)[:, None]
    sums = np.stack([np.bincount(code, column) for column in rows.T], axis=1)
    patients = len(np.unique(code))
    meat = sums.T @ sums * patients / max(patients - 1, 1)
    return np.asarray(np.sqrt(np.diag(bread @ meat @ bread)), np.float64)


def _log_loss(logits: Floats, target: Floats) -> float:
    return float(np.sum(np.logaddexp(0, logits) - target * logits))

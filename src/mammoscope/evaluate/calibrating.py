"""Whether probabilities mean what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import ConfigError
from mammoscope.evaluate.cases import Cases
from mammoscope.evaluate.estimates import (
    Estimate,
    Resampling,
    Statistic,
    estimate,
    first_clause,
    undefined,
)
from mammoscope.metrics import calibration

_BINS = 10
_Z = 1.96
_SANDWICH = "sandwich by patient"


def calibrated(cases: Cases, resampling: Resampling) -> list[Estimate]:
    """ECE, Brier and its parts, slope and intercept; none where scores only order the cases."""
    if cases.probability is None:
        return []
    light = cases.having(p=cases.probability)
    uninformed = float(cases.truth.mean() * (1 - cases.truth.mean()))
    notes = {
        "ECE, 15 bins of equal width": "biased upwards, its resamples more so",
        "ECE, 15 bins of equal numbers": "likewise",
        "Brier score": f"always saying the prevalence: {uninformed:.3f}",
        "expected over observed cancers": "ideal: 1",
    }
    return [*resampling.measure(light, _STATISTICS, notes), *_line(cases, cases.probability)]


_STATISTICS: dict[str, Statistic] = {
    "ECE, 15 bins of equal width": lambda c: calibration.ece(c.truth, c.values["p"]),
    "ECE, 15 bins of equal numbers": lambda c: calibration.ece(
        c.truth, c.values["p"], equal_mass=True
    ),
    "Brier score": lambda c: calibration.brier(c.truth, c.values["p"]),
    "scaled Brier score": lambda c: calibration.scaled_brier(c.truth, c.values["p"]),
    "expected over observed cancers": lambda c: calibration.expected_observed_ratio(
        c.truth, c.values["p"]
    ),
}


def _line(cases: Cases, probability: NDArray[np.float64]) -> list[Estimate]:
    """Slope and intercept; their intervals need no resampling, which would take longest here."""
    names = ("calibration slope", "calibration intercept, slope 1")
    notes = ("ideal: 1; below 1: too extreme", "ideal: 0; above 0: told too low")
    try:
        values = (
            calibration.calibration_line(cases.truth, probability)[0],
            calibration.calibration_in_the_large(cases.truth, probability),
        )
        errors = calibration.calibration_errors(cases.truth, probability, cases.patient)
    except ConfigError as error:
        return [undefined(name, cases, first_clause(error)) for name in names]
    return [
        estimate(name, cases, value, value - _Z * error, value + _Z * error, _SANDWICH, note)
        for name, value, error, note in zip(names, values, errors, notes, strict=True)
    ]


def reliability_curve(cases: Cases) -> dict[str, Any] | None:
    """Tenths of the cases by probability: predicted, observed, Wilson's interval, number."""
    if cases.probability is None:
        return None
    table = calibration.reliability(cases.truth, cases.probability, _BINS, equal_mass=True)
    low, high = table.interval()
    return {
        "model": cases.model,
        "unit": cases.unit,
        "x": table.mean_probability.tolist(),
        "y": table.observed.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "n": table.n.tolist(),
    }

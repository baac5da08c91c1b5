"""How well scores tell cancers from the rest: AUC in its forms, and the trade at fixed points."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from mammoscope.errors import ConfigError
from mammoscope.evaluate.cases import Cases
from mammoscope.evaluate.estimates import (
    BY_PATIENT,
    FEW_WOMEN,
    FEWEST_WOMEN,
    Estimate,
    Resampling,
    Statistic,
    estimate,
    fewest_women,
    first_clause,
    undefined,
)
from mammoscope.metrics import roc
from mammoscope.metrics.delong import delong, newcombe_interval
from mammoscope.metrics.resample import auc_intervals

BCSC_SENSITIVITY = 0.869
BCSC_SPECIFICITY = 0.889
"""Of screening readers: Lehman et al., Radiology 2017;283:49-58."""
_LEAST_SPECIFICITY = 0.8
_BOOTSTRAP_FROM = 100
"""Women of the rarer class from which percentiles of a bootstrap hold as well as DeLong's."""

RULES: dict[str, Callable[[Any, Any], float]] = {
    f"{BCSC_SPECIFICITY:.1%} specificity": partial(
        roc.threshold_at_specificity, specificity=BCSC_SPECIFICITY
    ),
    f"{BCSC_SENSITIVITY:.1%} sensitivity": partial(
        roc.threshold_at_sensitivity, sensitivity=BCSC_SENSITIVITY
    ),
}


def discrimination(cases: Cases, resampling: Resampling) -> list[Estimate]:
    """AUC with its intervals, within strata, in part, and one rate at a fixed other one."""
    found = _areas(cases, resampling)
    return [*found, *resampling.measure(_coded(cases), _statistics(cases), _NOTES)]


def auc_delong(cases: Cases, name: str = "AUC") -> Estimate:
    """AUC with DeLong's interval for clustered cases; undefined where there are too few.

    With few women of a class it is widened to Newcombe's, which holds the truth more often there
    (docs/coverage.md).
    """
    try:
        found = delong(cases.truth, cases.rank, cases.patient)
    except ConfigError as error:
        return undefined(name, cases, first_clause(error))
    (low,), (high,) = found.interval()
    value, method = float(found.auc[0]), "DeLong, clustered"
    if fewest_women(cases) < FEW_WOMEN:
        wider = newcombe_interval(value, found.positives, found.negatives)
        low, high = min(low, wider[0]), max(high, wider[1])
        method = "DeLong, clustered, and Newcombe"
    return estimate(name, cases, value, float(low), float(high), method)


def foreign_thresholds(cases: Cases, resampling: Resampling) -> list[Estimate]:
    """Both rates where each fold is judged by a threshold chosen on the other folds."""
    fold = cases.groups["fold"]
    found: list[Estimate] = []
    for aim, rule in RULES.items():
        called = np.zeros(len(fold))
        for k in np.unique(fold):
            threshold = rule(cases.truth[fold != k], cases.rank[fold != k])
            called[fold == k] = cases.rank[fold == k] >= threshold
        statistics: dict[str, Statistic] = {
            f"sensitivity, threshold from the other folds for {aim}": lambda c: (
                roc.operating_characteristics(c.truth, c.values["called"], 0.5)[0]
            ),
            f"specificity, threshold from the other folds for {aim}": lambda c: (
                roc.operating_characteristics(c.truth, c.values["called"], 0.5)[1]
            ),
        }
        found += resampling.measure(cases.having(called=called), statistics)
    return found


_NOTES = {
    "AUC within machines": "pairs of the same machine alone: vendors' looks cannot raise it",
    "AUC within sites": "pairs of the same site alone",
    "AUC within folds": "pairs judged by the same network alone",
}


def _areas(cases: Cases, resampling: Resampling) -> list[Estimate]:
    """AUC with the interval that holds best for so many women, and with the other one."""
    if fewest_women(cases) < FEWEST_WOMEN:
        return [auc_delong(cases)]
    if fewest_women(cases) < _BOOTSTRAP_FROM:
        return [auc_delong(cases), _bootstrapped(cases, resampling, "AUC, bootstrap by patient")]
    return [
        _bootstrapped(cases, resampling, "AUC"),
        auc_delong(cases, "AUC, DeLong by patient"),
    ]


def _bootstrapped(cases: Cases, resampling: Resampling, name: str) -> Estimate:
    try:
        value = roc.auc(cases.truth, cases.rank)
        interval = auc_intervals(
            cases.truth, cases.rank, cases.patient, resampling.n, resampling.seed
        )[0]
    except ConfigError as error:
        return undefined(name, cases, first_clause(error))
    return estimate(name, cases, value, interval.low, interval.high, BY_PATIENT)


def _statistics(cases: Cases) -> dict[str, Statistic]:
    found: dict[str, Statistic] = {}
    for name, labels in cases.groups.items():
        if len(np.unique(labels)) > 1:
            found[f"AUC within {name}s"] = partial(_within, name=name)
    found[f"partial AUC, specificity {_LEAST_SPECIFICITY:.0%} and over, standardised"] = (
        _partial_auc
    )
    found[f"sensitivity at {BCSC_SPECIFICITY:.1%} specificity"] = lambda c: (
        roc.sensitivity_at_specificity(c.truth, c.rank, BCSC_SPECIFICITY)
    )
    found[f"specificity at {BCSC_SENSITIVITY:.1%} sensitivity"] = lambda c: (
        roc.specificity_at_sensitivity(c.truth, c.rank, BCSC_SENSITIVITY)
    )
    return found


def _within(cases: Cases, name: str) -> float:
    return roc.auc_within(cases.truth, cases.rank, cases.values[name])


def _partial_auc(cases: Cases) -> float:
    upper = (_LEAST_SPECIFICITY, 1.0)
    return roc.partial_auc(cases.truth, cases.rank, specificity=upper, standardised=True)


def _coded(cases: Cases) -> Cases:
    codes = {
        name: np.unique(labels, return_inverse=True)[1] for name, labels in cases.groups.items()
    }
    return cases.having(**codes)

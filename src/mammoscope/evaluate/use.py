"""What a model would be worth in use: triage of a worklist, and decision curves."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammoscope.evaluate.cases import Cases
from mammoscope.evaluate.estimates import Estimate, Resampling, estimate
from mammoscope.metrics import decision, roc, triage
from mammoscope.metrics.operating import operating_point
from mammoscope.metrics.prevalence import at_prevalence

Floats = NDArray[np.float64]

_PARTS = 10
_LOWEST = (0.3, 0.5, 0.7)
_KEPT = (0.95, 0.98, 0.99)
_HIGHEST = (0.01, 0.05, 0.1)
_RULED_OUT = np.arange(5, 100, 5) / 100
_DECISIONS = np.array([0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5])
_DECISIONS_SHOWN = (0.05, 0.1, 0.2)
_BOUND = "a reader counts as finding every cancer she is shown, so an upper bound"


def triaged(
    cases: Cases, resampling: Resampling, prevalence: float | None
) -> tuple[list[Estimate], dict[str, Any]]:
    """Work saved and cancers missed by leaving the lowest unread; cancers among the highest.

    Args:
        cases: of the unit that is read as a whole.
        resampling: of the women; the shares' thresholds are found anew in each resample.
        prevalence: that cases are re-weighted to, None for their own.

    Returns:
        The estimates, and the curve of cancers missed against cases left unread.
    """
    population = "these cases" if prevalence is None else f"{prevalence:.2%} prevalence"
    found = [one for kept in _KEPT for one in _kept(cases, kept, prevalence, resampling.seed)]
    sweep = resampling.sweep(cases.having(), partial(_shares, prevalence=prevalence))
    for at in np.flatnonzero(np.isin(_RULED_OUT, _LOWEST)).tolist():
        name = f"lowest {_RULED_OUT[at]:.0%} unread: share of cancers missed"
        found.append(sweep.estimate(name, at, cases, f"at {population}; {_BOUND}"))
    for at, share in enumerate(_HIGHEST, start=len(_RULED_OUT)):
        name = f"highest {share:.0%} flagged: share of cancers among them"
        found.append(sweep.estimate(name, at, cases, f"at {population}"))
    band = sweep.band(slice(len(_RULED_OUT)))
    curve = {
        "model": cases.model, "unit": cases.unit, "x": _RULED_OUT.tolist(),
        "y": band.value.tolist(), "low": known(band.low), "high": known(band.high),
    }  # fmt: skip
    return found, curve


def _kept(cases: Cases, kept: float, prevalence: float | None, seed: int) -> list[Estimate]:
    """What leaving cases unread costs, where each woman's threshold comes from other women.

    A threshold that keeps 99% of the cancers it was chosen on keeps fewer of others; with it no
    case is judged by a threshold that knew her.
    """
    called = _called_by_others(cases, kept, seed)
    point = operating_point(cases.truth, called, 0.5, cases.patient)
    if point.sensitivity is None or point.specificity is None:
        return []
    share = float(cases.truth.mean()) if prevalence is None else prevalence
    round_ = at_prevalence(point.sensitivity, point.specificity, share)
    read, missed, lost = round_.recall_rate, round_.missed_per_1000, point.sensitivity
    aim = f"threshold from other women to keep {kept:.0%} of cancers"
    at = f"at {share:.2%} prevalence"
    return [
        estimate(f"{aim}: {name}", cases, value, low, high, "Wilson, clustered by patient", note)
        for name, value, low, high, note in (
            ("work saved", 1 - read.value, 1 - read.high, 1 - read.low, at),
            ("share of cancers missed", 1 - lost.value, 1 - lost.high, 1 - lost.low, _BOUND),
            ("cancers missed per 1,000", missed.value, missed.low, missed.high, f"{at}; {_BOUND}"),
        )
    ]  # fmt: skip


def _called_by_others(cases: Cases, kept: float, seed: int) -> Floats:
    """(n,) 1 where a case is read, by a threshold chosen on the other tenths of the women."""
    part = np.random.default_rng(seed).permutation(int(cases.patient.max()) + 1) % _PARTS
    part = part[cases.patient]
    called = np.ones(len(cases.truth))
    for k in range(_PARTS):
        others = part != k
        if cases.truth[others].any() and not cases.truth[others].all():
            at = roc.threshold_at_sensitivity(cases.truth[others], cases.rank[others], kept)
            called[~others] = cases.rank[~others] >= at
    return called


def decided(cases: Cases, resampling: Resampling) -> tuple[list[Estimate], dict[str, Any]]:
    """Net benefit at thresholds, against acting on all and on none, at the cases' prevalence."""
    light = cases.having(p=np.asarray(cases.probability))
    sweep = resampling.sweep(light, _benefit)
    estimates = [
        sweep.estimate(
            f"net benefit at {_DECISIONS[at]:.0%}, more than the better of all and none",
            len(_DECISIONS) + at, cases, "true positives per case; above 0: worth using",
        )
        for at in np.flatnonzero(np.isin(_DECISIONS, _DECISIONS_SHOWN)).tolist()
    ]  # fmt: skip
    band = sweep.band(slice(len(_DECISIONS)))
    found = decision.decision_curve(light.truth, light.values["p"], _DECISIONS)
    return estimates, {
        "model": cases.model, "unit": cases.unit, "x": _DECISIONS.tolist(),
        "y": band.value.tolist(), "low": known(band.low), "high": known(band.high),
        "all": found.treat_all.tolist(), "prevalence": found.prevalence,
    }  # fmt: skip


def known(values: Floats) -> list[float | None]:
    """A list fit for JSON: None where a value is NaN."""
    return [None if np.isnan(value) else float(value) for value in values]


def _shares(cases: Cases, prevalence: float | None) -> Floats:
    """Cancers missed at each of `_RULED_OUT`, then those found at each of `_HIGHEST`."""
    missed = triage.missed_among_lowest(cases.truth, cases.rank, _RULED_OUT, prevalence=prevalence)
    found = [
        triage.flag_top(cases.truth, cases.rank, share, prevalence=prevalence).cancers_gained_share
        for share in _HIGHEST
    ]
    return np.concatenate([missed, found])


def _benefit(cases: Cases) -> Floats:
    """Net benefit at each of `_DECISIONS`, then its gain over the better of all and none."""
    found = decision.decision_curve(cases.truth, cases.values["p"], _DECISIONS)
    return np.concatenate([found.model, found.model - np.maximum(found.treat_all, 0)])

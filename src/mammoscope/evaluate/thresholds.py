"""What happens at an operating point: who is called, who is missed, what screening would see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import ConfigError
from mammoscope.evaluate.cases import Cases
from mammoscope.evaluate.discrimination import RULES
from mammoscope.evaluate.estimates import Estimate, Resampling, Statistic, estimate
from mammoscope.metrics import precision_recall
from mammoscope.metrics.operating import OperatingPoint, operating_point, probabilistic_f1
from mammoscope.metrics.prevalence import Rate, at_prevalence
from mammoscope.metrics.proportions import Proportion

_FLATTERED = "chosen on these very cases, which flatters"
_WILSON = "Wilson, clustered by patient"
_RATES = {
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "PPV": "ppv",
    "NPV": "npv",
    "accuracy": "accuracy",
    "recall rate": "recall_rate",
    "cancers detected per 1,000": "cancer_detection_per_1000",
    "F1": "f1",
}
_SCREENING = {
    "PPV": "ppv",
    "NPV": "npv",
    "recall rate": "recall_rate",
    "cancers detected per 1,000": "cancer_detection_per_1000",
    "cancers missed per 1,000": "missed_per_1000",
}


@dataclass(frozen=True, eq=False)
class Point:
    """An operating point.

    Attributes:
        name: of the point.
        scores: (n,) what is compared: probabilities for a point given, else what ranks.
        threshold: in the unit of `scores`; a case is called where its score reaches it.
        shown: the same as the predictions give scores: a probability where they are some.
        note: where it comes from.
    """

    name: str
    scores: NDArray[np.float64]
    threshold: float
    shown: float
    note: str


def points_of(cases: Cases, given: Mapping[str, float]) -> list[Point]:
    """The operating points given (as probabilities), else those that match screening readers.

    Raises:
        ConfigError: a threshold that is no probability, where scores are some.
    """
    if given:
        return [_given(name, value, cases) for name, value in given.items()]
    found = []
    for aim, rule in RULES.items():
        threshold = rule(cases.truth, cases.rank)
        if np.isfinite(threshold):
            shown = threshold if cases.probability is None else _shown(cases, threshold)
            found.append(Point(f"at {aim}", cases.rank, threshold, shown, _FLATTERED))
    return found


def at_points(
    cases: Cases, points: list[Point], prevalence: float | None
) -> tuple[list[Estimate], list[dict[str, Any]]]:
    """Rates and confusion counts at each point; those of screening where a prevalence is given."""
    estimates: list[Estimate] = []
    confusions: list[dict[str, Any]] = []
    for point in points:
        found = operating_point(cases.truth, point.scores, point.threshold, cases.patient)
        estimates += _rates(cases, point, found)
        if prevalence is not None and found.sensitivity and found.specificity:
            screened = at_prevalence(found.sensitivity, found.specificity, prevalence)
            estimates += [
                _estimate(f"{point.name}: {name} at {prevalence:.2%} prevalence", cases,
                          getattr(screened, attribute), "as the prevalence is taken to be")
                for name, attribute in _SCREENING.items()
            ]  # fmt: skip
        number = {name: int(value) for name, value in vars(found.counts).items()}
        confusions.append(
            {"model": cases.model, "unit": cases.unit, "point": point.name,
             "threshold": point.shown, **number}
        )  # fmt: skip
    return estimates, confusions


def precision(cases: Cases, resampling: Resampling, prevalence: float | None) -> list[Estimate]:
    """Average precision here and at screening's prevalence, and the probabilistic F1."""
    share = float(cases.truth.mean())
    statistics: dict[str, Statistic] = {
        "average precision": lambda c: precision_recall.average_precision(c.truth, c.rank),
    }
    notes = {"average precision": f"chance: the prevalence, {share:.3f}"}
    if prevalence is not None:
        name = f"average precision at {prevalence:.2%} prevalence"
        statistics[name] = lambda c: precision_recall.average_precision(
            c.truth, c.rank, prevalence=prevalence
        )
        notes[name] = f"chance: {prevalence:.4f}"
    light = cases.having()
    if cases.probability is not None:
        light = cases.having(p=cases.probability)
        statistics["probabilistic F1"] = lambda c: probabilistic_f1(c.truth, c.values["p"])
        notes["probabilistic F1"] = "as in the RSNA 2022 challenge; falls with the prevalence"
    return resampling.measure(light, statistics, notes)


def _rates(cases: Cases, point: Point, found: OperatingPoint) -> list[Estimate]:
    return [
        _estimate(f"{point.name}: {name}", cases, getattr(found, attribute), point.note)
        for name, attribute in _RATES.items()
    ]


def _estimate(name: str, cases: Cases, rate: Proportion | Rate | None, note: str) -> Estimate:
    if rate is None:
        nothing = float("nan")
        return estimate(name, cases, nothing, nothing, nothing, "none", "undefined: 0 / 0")
    return estimate(name, cases, rate.value, rate.low, rate.high, _WILSON, note)


def _given(name: str, value: float, cases: Cases) -> Point:
    if cases.probability is None:
        return Point(name, cases.rank, value, value, "as given")
    if not 0 < value < 1:
        raise ConfigError(f"--threshold {name}={value:g}: give a probability between 0 and 1.")
    return Point(name, cases.probability, value, value, "as given")


def _shown(cases: Cases, threshold: float) -> float:
    probability = cases.probability
    at = np.flatnonzero(cases.rank == threshold)
    return threshold if probability is None else float(probability[at[0]])

"""The units that are judged (image, breast, exam, patient), and the rules that lead to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from mammoscope.errors import ConfigError
from mammoscope.evaluate.joining import UNITS, Judged, Scores
from mammoscope.evaluate.tables import Texts, texts
from mammoscope.metrics.recalibration import fit_platt
from mammoscope.metrics.roc import auc

Floats = NDArray[np.float64]
Rule = Literal["mean", "max"]

GROUPS = {"machine": "machine_id", "site": "site_id"}
RULES = {"mean": "mean of the logits", "max": "maximum"}

_EXTREME = 30.0
"""The logit of a probability of 0 or 1, as in `metrics.calibration`."""
_TELLING = 0.6
"""An AUC of the mere number of a woman's rows above which her and her exams' figures mislead."""


@dataclass(frozen=True, eq=False)
class Cases:
    """Cases of one unit as one model judges them.

    Attributes:
        unit: one of `joining.UNITS`.
        model: name.
        patient: (n,) code of the woman.
        truth: (n,) 0 or 1.
        rank: (n,) what ROC figures order by: the model's own score, as logit where it is one.
        logit: (n,) calibrated logit; None where scores only order the cases.
        groups: (n,) labels by name: "machine", "site", and "fold" where there is one.
        row: (rows,) the case of each judged row; empty for a part of the cases.
        values: (n, ...) arrays by name, for statistics that need more than score and truth.
    """

    unit: str
    model: str
    patient: NDArray[np.intp]
    truth: NDArray[np.intp]
    rank: Floats
    logit: Floats | None
    groups: Mapping[str, Texts]
    row: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    values: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def probability(self) -> Floats | None:
        """(n,) calibrated probabilities; None where scores only order the cases."""
        return None if self.logit is None else np.asarray(expit(self.logit), np.float64)

    def where(self, inside: NDArray[np.bool_] | NDArray[np.intp]) -> Cases:
        """The cases that a mask or row numbers select."""
        return Cases(
            self.unit,
            self.model,
            self.patient[inside],
            self.truth[inside],
            self.rank[inside],
            None if self.logit is None else self.logit[inside],
            {name: labels[inside] for name, labels in self.groups.items()},
            values={name: array[inside] for name, array in self.values.items()},
        )

    def having(self, **values: NDArray[Any]) -> Cases:
        """The same cases with these arrays alone in `values`, and no groups: light to resample."""
        return replace(self, groups={}, values=values)


def units_of(judged: Judged) -> tuple[str, ...]:
    """The row's unit and the coarser ones that the truth's columns allow, finest first."""
    coarser = UNITS[UNITS.index(judged.unit) :]
    possible = [unit for unit in coarser if _codes(judged, unit) is not None]
    found: list[str] = []
    sizes: set[int] = set()
    for unit in possible:
        code = _codes(judged, unit)
        size = -1 if code is None else int(code.max()) + 1
        # One exam for each woman: the same cases under two names.
        if size not in sizes:
            found.append(unit)
        sizes.add(size)
    return tuple(found)


def betrayed_units(judged: Judged, units: tuple[str, ...]) -> dict[str, str]:
    """Units at which the number of rows alone tells cancer, each with the sentence that says so.

    Where a set was composed by class (cancers with one breast, others with both), a figure by
    exam or woman measures the composition.
    """
    found = {}
    for unit in units[1:]:
        code = _codes(judged, unit)
        if code is None:
            continue
        truth, count = _any(judged.cancer, code), np.bincount(code)
        told = auc(truth, count) if 0 < truth.sum() < len(truth) else 0.5
        if max(told, 1 - told) > _TELLING:
            found[unit] = (
                f"by {unit} nothing is given: the number of rows in each {unit} alone tells cancer "
                f"with AUC {max(told, 1 - told):.2f}, so such figures would measure how the set "
                f"was composed (--units {unit} gives them all the same)"
            )
    return found


def cases(judged: Judged, scores: Scores, unit: str, rule: Rule = "mean") -> Cases:
    """One model's cases of one unit.

    Args:
        judged: truth and scores by row.
        scores: one of its models.
        unit: the row's own or a coarser one.
        rule: how a breast's score comes from its images: mean of their logits (as the product
            does) or maximum. Exams and women take the maximum of their breasts (or rows).

    Raises:
        ConfigError: the truth's columns do not say which rows belong to one of that unit.
    """
    code = _codes(judged, unit)
    if code is None:
        raise ConfigError(f"The truth does not say which rows belong to one {unit}.")
    rank, calibrated = row_scores(scores, judged.cancer)
    rank = aggregate(judged, rank, unit, rule)
    return Cases(
        unit,
        scores.name,
        np.unique(judged.patient, return_inverse=True)[1][_first(code)],
        _any(judged.cancer, code),
        rank,
        None if calibrated is None else aggregate(judged, calibrated, unit, rule),
        _groups(judged, scores, code),
        code,
    )


def aggregate(judged: Judged, values: Floats, unit: str, rule: Rule) -> Floats:
    """(cases,) values of a unit from (rows,) values; arguments as in `cases`."""
    code = _codes(judged, unit)
    if code is None or unit == judged.unit:
        return values
    breast = _codes(judged, "breast") if judged.unit == "image" else None
    if breast is None:
        return _joined(values, code, "max")
    by_breast = _joined(values, breast, rule)
    return by_breast if unit == "breast" else _joined(by_breast, code[_first(breast)], "max")


def row_scores(scores: Scores, truth: NDArray[np.intp]) -> tuple[Floats, Floats | None]:
    """(n,) what orders the rows, and their calibrated logits (None if they only have ranks).

    Logits that come from a cross-validation are calibrated by Platt's line as fitted on the other
    folds, so that no case's truth touches its own probability; others are taken at their word.
    """
    if scores.kind == "rank":
        return scores.values, None
    if scores.kind == "probability":
        with np.errstate(divide="ignore"):
            logits = np.clip(logit(scores.values), -_EXTREME, _EXTREME)
        return logits, logits
    if scores.fold is None or len(np.unique(scores.fold)) < 2:
        return scores.values, scores.values
    return scores.values, cross_fitted(scores.values, truth, scores.fold)


def cross_fitted(values: Floats, truth: NDArray[np.intp], fold: NDArray[np.intp]) -> Floats:
    """Logits calibrated by Platt's line as fitted on the other folds. All arrays are (n,).

    Raises:
        ConfigError: the other folds of some fold hold one class only.
    """
    found = np.empty_like(values)
    for k in np.unique(fold):
        slope, intercept = fit_platt(values[fold != k], truth[fold != k])
        found[fold == k] = slope * values[fold == k] + intercept
    return found


def labels_of(labels: Texts, code: NDArray[np.intp]) -> Texts:
    """(cases,) the label of each case; where its rows have several, all of them joined by +."""
    first = labels[_first(code)]
    mixed = np.unique(code[labels != first[code]])
    for index in mixed.tolist():
        first = first.astype(object)
        first[index] = "+".join(sorted(set(labels[code == index].tolist())))
    return first.astype(np.str_)


def _codes(judged: Judged, unit: str) -> NDArray[np.intp] | None:
    """(rows,) number of the case of this unit each row belongs to; None if that is not known."""
    if unit == judged.unit:
        return np.arange(len(judged.cancer))
    if unit == "breast":
        if not np.isin(judged.laterality, ("L", "R")).all():
            return None
        parts = np.char.add(np.char.add(judged.exam, "\x1f"), judged.laterality)
    else:
        parts = judged.exam if unit == "exam" else judged.patient
    return np.unique(parts, return_inverse=True)[1]


def _first(code: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.unique(code, return_index=True)[1]


def _any(truth: NDArray[np.intp], code: NDArray[np.intp]) -> NDArray[np.intp]:
    return (np.bincount(code, truth) > 0).astype(np.intp)


def _joined(values: Floats, code: NDArray[np.intp], rule: Rule) -> Floats:
    if rule == "mean":
        return np.asarray(np.bincount(code, values) / np.bincount(code), np.float64)
    found = np.full(int(code.max()) + 1, -np.inf)
    np.maximum.at(found, code, values)
    return found


def _groups(judged: Judged, scores: Scores, code: NDArray[np.intp]) -> dict[str, Texts]:
    found = {}
    for name, column in GROUPS.items():
        labels = texts(judged.table, column)
        if (labels != "").any():
            found[name] = labels_of(np.where(labels == "", "unknown", labels), code)
    if scores.fold is not None:
        found["fold"] = scores.fold[_first(code)].astype(np.str_)
    return found

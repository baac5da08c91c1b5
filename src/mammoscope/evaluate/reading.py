"""Human readers on the same cases as the models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import ConfigError
from mammoscope.evaluate.cases import Cases, aggregate
from mammoscope.evaluate.estimates import Estimate, Resampling, Statistic, estimate
from mammoscope.evaluate.joining import Judged
from mammoscope.evaluate.tables import needed, numbers
from mammoscope.metrics import triage
from mammoscope.metrics.delong import delong
from mammoscope.metrics.mrmc_inference import Estimate as ReaderEstimate
from mammoscope.metrics.mrmc_single import reader_mean, readers_against_model
from mammoscope.metrics.readers import average_reader, second_reader

Floats = NDArray[np.float64]

_RANDOM = "Obuchowski-Rockette, random readers and cases"


def reader_scores(judged: Judged, columns: Sequence[str], path: Path) -> Floats:
    """(readers, rows) scores from columns of the truth.

    Raises:
        ConfigError: a column is missing, or a reader gave no score for a row that is judged.
    """
    needed(judged.table, columns, path)
    scores = np.stack([numbers(judged.table, column, path) for column in columns])
    missing = np.argwhere(np.isnan(scores))
    if len(missing):
        reader, row = missing[0]
        raise ConfigError(
            f"{path}: {columns[reader]} gave no score for {judged.label[row]}; reader studies need "
            "every reader on every case."
        )
    return scores


def beside_readers(
    judged: Judged,
    models: Sequence[Cases],
    scores: Floats,
    columns: Sequence[str],
    resampling: Resampling,
    calls_at: float | None = None,
) -> list[Estimate]:
    """Each reader, their mean, their average, and every model against and beside them.

    Args:
        judged: truth by row.
        models: cases of one unit, as each model judges them.
        scores: (readers, rows); a case's is the highest of its rows.
        columns: the readers' names.
        resampling: of the women.
        calls_at: the score from which a reader recalls; None leaves double reading out.
    """
    unit = models[0].unit
    by_case = np.stack([aggregate(judged, row, unit, "max") for row in scores])
    first = models[0]
    found = _alone(first, by_case, columns)
    if len(columns) > 1:
        mean = reader_mean(first.truth, by_case, patient_ids=first.patient)
        found.append(_of("mean of the readers, AUC", first, mean, "readers"))
    for one in models:
        found += _against(one, by_case) if len(columns) > 1 else []
        if calls_at is not None and len(columns) > 1:
            found += _double_reading(one, by_case >= calls_at, resampling)
    return found


def _alone(cases: Cases, scores: Floats, columns: Sequence[str]) -> list[Estimate]:
    rows = [*scores, average_reader(scores)]
    names = [*columns, "average of the readers' scores"]
    found = delong(cases.truth, np.stack(rows), cases.patient)
    low, high = found.interval()
    return [
        _renamed(estimate(f"{name}, AUC", cases, a, b, c, "DeLong, clustered"), "readers")
        for name, a, b, c in zip(
            names, found.auc.tolist(), low.tolist(), high.tolist(), strict=True
        )
    ]


def _against(cases: Cases, scores: Floats) -> list[Estimate]:
    beside = readers_against_model(cases.truth, scores, cases.rank, patient_ids=cases.patient)
    # By ranks: readers and model need not use the same scale.
    helped = second_reader(cases.truth, scores, cases.rank, by="rank", patient_ids=cases.patient)
    gain = helped.comparisons[0].mean
    return [
        _of("model less mean of the readers, AUC", cases, beside.difference, cases.model),
        _of("readers averaged with the model, gain in AUC", cases, gain, cases.model),
    ]


def _of(name: str, cases: Cases, found: ReaderEstimate, model: str) -> Estimate:
    note = "" if found.p is None else f"p {found.p:.3g} of no difference"
    return _renamed(estimate(name, cases, found.value, found.low, found.high, _RANDOM, note), model)


def _renamed(one: Estimate, model: str) -> Estimate:
    return Estimate(**{**vars(one), "model": model})


def _double_reading(
    cases: Cases, calls: NDArray[np.bool_], resampling: Resampling
) -> list[Estimate]:
    """The second of two readers replaced by the model, as often calling as she does."""
    first, second = calls[0].astype(np.intp), calls[1].astype(np.intp)
    threshold = float(np.quantile(cases.rank, 1 - second.mean()))
    light = cases.having(first=first, second=second)

    def simulate(c: Cases) -> triage.Triage:
        return triage.replace_second_reader(
            c.truth, c.rank, threshold, c.values["first"], c.values["second"]
        )

    statistics: dict[str, Statistic] = {
        "second reader replaced: work saved": lambda c: simulate(c).workload_saved,
        "second reader replaced: share of cancers missed anew": lambda c: (
            simulate(c).cancers_missed_share
        ),
        "second reader replaced: share of cancers found anew": lambda c: (
            simulate(c).cancers_gained_share
        ),
        "second reader replaced: change of the recall rate": lambda c: _recall_change(simulate(c)),
    }
    note = "the model calls as many as she did; recalled if one of the two calls"
    return resampling.measure(light, statistics, dict.fromkeys(statistics, note))


def _recall_change(found: triage.Triage) -> float:
    return (found.recall_after or 0.0) - (found.recall_before or 0.0)

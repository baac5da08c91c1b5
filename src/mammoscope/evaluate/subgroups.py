"""The same figure in parts of the cases: is the model as good for everybody?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from mammoscope.errors import ConfigError
from mammoscope.evaluate.cases import Cases, labels_of
from mammoscope.evaluate.discrimination import auc_delong
from mammoscope.evaluate.joining import Judged
from mammoscope.evaluate.tables import Texts, texts
from mammoscope.metrics.delong import delong
from mammoscope.types import DENSITY_GRADES

Bools = NDArray[np.bool_]

SMALL = 50
_MOST_LABELS = 40
_COLUMNS = {
    "view": "view",
    "side": "laterality",
    "machine": "machine_id",
    "site": "site_id",
    "data set": "dataset",
}
_LESION_COLUMNS = {"lesion": "kind", "invasive": "invasive", "lesion size in mm": "size_mm"}
_AGES = (0, 40, 50, 60, 70, 200)
_SIZES = (0, 10, 20, 50, 1000)


def subgroups(
    judged: Judged, cases: Cases, findings: pd.DataFrame, extra: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """AUC in every part of the cases, with its difference to the rest.

    Args:
        judged: truth by row.
        cases: one model's cases of a unit.
        findings: of the truth, for parts by lesion: these hold the cancers of one kind and all
            cases without cancer, so that they have no rest to compare with.
        extra: further columns of the truth.

    Returns:
        Estimates as mappings, each with "group", "label", "difference", its ends (None without
        one) and "small" (fewer than `SMALL` cases).

    Raises:
        ConfigError: a column of `extra` is not in the truth.
    """
    found = []
    for group, labels in _partitions(judged, extra):
        by_case = labels_of(labels, cases.row)
        names = [name for name in _ordered(by_case) if name]
        if not 1 < len(names) <= _MOST_LABELS:
            continue
        for name in names:
            found.append(_part(cases, group, name, by_case == name, by_case != ""))
    return found + _by_lesion(judged, cases, findings)


def _partitions(judged: Judged, extra: Sequence[str]) -> Iterator[tuple[str, Texts]]:
    grades = np.array([*DENSITY_GRADES, ""], np.str_)[judged.density]
    yield "density", grades
    yield "age", _banded(texts(judged.table, "age"), _AGES)
    for group, column in _COLUMNS.items():
        yield group, texts(judged.table, column)
    implant = texts(judged.table, "implant")
    yield "implant", np.select([implant == "1", implant == "0"], ["yes", "no"], "")
    for column in extra:
        if column not in judged.table:
            raise ConfigError(f"--subgroups: the truth has no column '{column}'; name one it has.")
        yield column, texts(judged.table, column)


def _by_lesion(judged: Judged, cases: Cases, findings: pd.DataFrame) -> list[dict[str, Any]]:
    """Cancers by what their lesion is, each part against all cases without cancer."""
    if judged.unit != "image" or not len(findings):
        return []
    found = []
    for group, column in _LESION_COLUMNS.items():
        if column not in findings:
            continue
        labels = texts(findings, column)
        labels = _banded(labels, _SIZES) if column == "size_mm" else labels
        names = [name for name in _ordered(labels) if name]
        for name in names if len(names) > 1 else ():
            images = findings["image_path"].to_numpy(np.str_)[labels == name]
            shows = np.isin(judged.image, images).astype(float)
            inside = np.bincount(cases.row, shows, len(cases.truth)) > 0
            part = (inside & (cases.truth == 1)) | (cases.truth == 0)
            found.append(_part(cases, f"cancers by {group}", name, part, part))
    return found


def _part(cases: Cases, group: str, label: str, inside: Bools, known: Bools) -> dict[str, Any]:
    part, rest = cases.where(inside), cases.where(known & ~inside)
    one = auc_delong(part, "AUC")
    return {
        **asdict(one),
        "group": group,
        "label": label,
        **_difference(part, rest),
        "small": len(part.truth) < SMALL,
    }


def _difference(part: Cases, rest: Cases) -> Mapping[str, float | None]:
    """AUC here less that of the rest, the two taken as independent.

    Where women have cases in both, the two rise and fall together, and the interval is wider than
    it need be.
    """
    names = ("difference", "difference_low", "difference_high")
    if not len(rest.truth):
        return dict.fromkeys(names)
    try:
        here, there = (delong(c.truth, c.rank, c.patient) for c in (part, rest))
    except ConfigError:
        return dict.fromkeys(names)
    value = float(here.auc[0] - there.auc[0])
    half = float(ndtri(0.975) * np.hypot(here.standard_error[0], there.standard_error[0]))
    if half == 0:
        return dict.fromkeys(names)
    return dict(zip(names, (value, value - half, value + half), strict=True))


def _banded(values: Texts, edges: Sequence[int]) -> Texts:
    number = pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(float)
    last = len(edges) - 2
    middle = [f"{low} to {high - 1}" for low, high in pairwise(edges[1:-1])]
    bands = [f"under {edges[1]}", *middle, f"{edges[last]} and over"]
    index = np.clip(np.searchsorted(edges, number, "right") - 1, 0, last)
    return np.where(np.isnan(number), "", np.array(bands)[index])


def _ordered(labels: Texts) -> list[str]:
    def natural(label: str) -> tuple[bool, float, str]:
        digits = label.replace(".", "", 1).isdecimal()
        return not digits, float(label) if digits else 0.0, label

    return sorted(np.unique(labels).tolist(), key=natural)

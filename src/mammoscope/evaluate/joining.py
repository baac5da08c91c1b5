"""Truth beside scores, row by row: nothing is dropped in silence.

Every row of the truth is either judged or excluded with its reason, and every prediction must
belong to a row of the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.errors import ConfigError
from mammoscope.evaluate.predictions import Kind, Predicted
from mammoscope.evaluate.tables import Texts, texts
from mammoscope.evaluate.truth import KEYS, Truth

UNITS = ("image", "breast", "exam", "patient")
_BLACK = ("True", "true", "1")


@dataclass(frozen=True)
class Exclusion:
    """A row of the truth that is not evaluated.

    Attributes:
        row: its line in the truth's file, such as "line 17": a path may hold a woman's code.
        reason: why.
        cancer: its truth, 0, 1 or -1: leaving out cancers is what can flatter a result.
    """

    row: str
    reason: str
    cancer: int


@dataclass(frozen=True, eq=False)
class Scores:
    """One model's scores of the judged rows.

    Attributes:
        name: of the model.
        kind: what the scores are, see `predictions.Predicted`.
        values: (n,) as the file gives them.
        density: (n, 4) or None.
        fold: (n,) or None.
    """

    name: str
    kind: Kind
    values: NDArray[np.float64]
    density: NDArray[np.float64] | None
    fold: NDArray[np.intp] | None


@dataclass(frozen=True, eq=False)
class Judged:
    """The rows that have truth and every model's score.

    Attributes:
        unit: what a row is, one of `UNITS`.
        label: (n,) the line in the truth's file, which a report can show to anybody.
        image: (n,) the image's path as the truth has it; empty where a row is no image.
        patient, exam, laterality: (n,) text; laterality "L", "R" or empty.
        cancer: (n,) 0 or 1.
        density: (n,) 0 .. 3, -1 where unknown.
        table: (n rows) of the truth, text, for subgroups.
        models: in the order given.
        excluded: the truth's other rows.
        warnings: sentences about what was assumed.
    """

    unit: str
    label: Texts
    image: Texts
    patient: Texts
    exam: Texts
    laterality: Texts
    cancer: NDArray[np.intp]
    density: NDArray[np.intp]
    table: pd.DataFrame
    models: tuple[Scores, ...]
    excluded: tuple[Exclusion, ...]
    warnings: tuple[str, ...]


def join(truth: Truth, predicted: Sequence[Predicted]) -> Judged:
    """Bring scores to the truth by the columns both have.

    Predictions by image are joined by `image_path`; those by breast, exam or woman by the codes
    they carry, and a finer truth is then joined to a cancer if any of its rows is one.

    Raises:
        ConfigError: no common column, a row predicted twice or unknown to the truth, a woman in
            two folds, models of different units, or nothing left.
    """
    columns = {model.path: _shared(truth, model) for model in predicted}
    if len(set(columns.values())) > 1:
        names = "; ".join(f"{path}: {', '.join(keys)}" for path, keys in columns.items())
        raise ConfigError(f"The predictions are about different units ({names}); give one unit.")
    keys = columns[predicted[0].path]
    rows = _Rows.of(truth, keys)
    places = [_places(rows, truth, model, keys) for model in predicted]
    reasons = rows.reasons(predicted, places)
    kept = np.flatnonzero(reasons == "")
    if not len(kept):
        raise ConfigError(
            f"{predicted[0].path}: no row of {truth.path} is left to evaluate (first reason: "
            f"{reasons[0]}); check that they belong together."
        )
    return _judged(rows, kept, reasons, predicted, places, keys, truth)


@dataclass(frozen=True, eq=False)
class _Rows:
    """The truth, one row for each thing that is predicted."""

    key: Texts
    line: NDArray[np.intp]
    table: pd.DataFrame
    cancer: NDArray[np.intp]
    density: NDArray[np.intp]

    @staticmethod
    def of(truth: Truth, keys: tuple[str, ...]) -> _Rows:
        key = _joined_keys(truth.table, keys, truth.path)
        _, first, code = np.unique(key, return_index=True, return_inverse=True)
        if len(first) == len(key):
            first = np.arange(len(key))
            return _Rows(key, first + 2, truth.table, truth.cancer, truth.density)
        if "image_path" in keys:
            row = int(np.flatnonzero(pd.Series(key).duplicated())[0])
            raise ConfigError(f"{truth.path}, line {row + 2}: the image is listed twice; keep one.")
        order = np.argsort(first)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        code, first = rank[code], first[order]
        table = truth.table.iloc[first].reset_index(drop=True)
        cancer, density = (_worst(grades, code) for grades in (truth.cancer, truth.density))
        return _Rows(key[first], first + 2, table, cancer, density)

    def reasons(
        self, predicted: Sequence[Predicted], places: Sequence[NDArray[np.intp]]
    ) -> NDArray[np.object_]:
        """Why a row is not judged; empty where it is."""
        found = np.full(len(self.key), "", object)
        found[self.cancer < 0] = "the truth is unknown"
        found[np.isin(texts(self.table, "black"), _BLACK)] = "black image"
        for model, place in zip(predicted, places, strict=True):
            by = f" by {model.name}" if len(predicted) > 1 else ""
            absent = (place < 0) & (found == "")
            found[absent] = f"no prediction{by}"
            for row in np.flatnonzero((place >= 0) & (found == "")):
                at = place[row]
                if model.refused[at]:
                    found[row] = f"refused{by}: {model.refused[at]}"
                elif np.isnan(model.score[at]):
                    found[row] = f"no score given{by}"
        return found


def _shared(truth: Truth, model: Predicted) -> tuple[str, ...]:
    given = [name for name in KEYS if (texts(model.table, name) != "").any()]
    shared = [name for name in given if name in truth.keys]
    if "image_path" in shared:
        return ("image_path",)
    if not any(name in shared for name in ("patient_id", "exam_id")):
        raise ConfigError(
            f"{model.path}: no column joins it to {truth.path} (its own: "
            f"{', '.join(given) or 'none of ' + ', '.join(KEYS)}; the truth's: "
            f"{', '.join(truth.keys)}); add image_path, or see --rename."
        )
    return tuple(shared)


def _joined_keys(table: pd.DataFrame, keys: tuple[str, ...], path: Path) -> Texts:
    parts = [texts(table, name) for name in keys]
    for name, part in zip(keys, parts, strict=True):
        if (part == "").any():
            row = int(np.argmax(part == ""))
            raise ConfigError(f"{path}, line {row + 2}: {name} is empty; fill it in.")
    if len(parts) == 1:
        return parts[0]
    return np.array(["\x1f".join(row) for row in zip(*parts, strict=True)], np.str_)


def _places(rows: _Rows, truth: Truth, model: Predicted, keys: tuple[str, ...]) -> NDArray[np.intp]:
    """(rows,) where the model's file has the row; -1 if it has not."""
    given = _joined_keys(model.table, keys, model.path)
    if keys == ("image_path",):
        given = _as_in_truth(given, rows.key, truth.path.parent)
    twice = np.flatnonzero(pd.Series(given).duplicated())
    if len(twice):
        raise ConfigError(
            f"{model.path}, line {twice[0] + 2}: a second prediction for the same "
            f"{' and '.join(keys)} ({len(twice)} such); keep one."
        )
    place = pd.Series(np.arange(len(given)), index=given)
    unknown = np.flatnonzero(~np.isin(given, rows.key))
    if len(unknown):
        raise ConfigError(
            f"{model.path}, line {unknown[0] + 2}: {' and '.join(keys)} (one of {len(unknown)} "
            f"such rows) is not in {truth.path}; give the truth that the predictions are about."
        )
    return np.asarray(place.reindex(rows.key).fillna(-1).to_numpy(np.intp), np.intp)


def _as_in_truth(given: Texts, known: Texts, folder: Path) -> Texts:
    """Paths as the truth writes them, where the predictions start from another folder.

    A path stands for a file of the truth if it leads there from here, or if it is the end of one
    path of the truth alone.
    """
    if np.isin(given, known).all():
        return given
    whole = {str((folder / name).resolve()): name for name in known.tolist()}
    lengths = {len(Path(name).parts) for name in given.tolist()}
    ends = {length: _by_end(known, length) for length in lengths}
    found = [
        whole.get(str(Path(name).resolve())) or ends[len(Path(name).parts)].get(name) or name
        for name in given.tolist()
    ]
    return np.array(found, np.str_)


def _by_end(known: Texts, length: int) -> dict[str, str]:
    """Paths of the truth by their last parts, where no two have the same."""
    found: dict[str, str] = {}
    for name in known.tolist():
        end = str(Path(*Path(name).parts[-length:]))
        found[end] = "" if end in found else name
    return found


def _worst(grades: NDArray[np.intp], code: NDArray[np.intp]) -> NDArray[np.intp]:
    """The highest of each group: a breast has cancer if one of its images shows one."""
    found = np.full(int(code.max()) + 1, -1, np.intp)
    np.maximum.at(found, code, grades)
    return found


def _unit(keys: tuple[str, ...]) -> str:
    if "image_path" in keys or "view" in keys:
        return "image"
    if "laterality" in keys:
        return "breast"
    return "exam" if "exam_id" in keys else "patient"


def _judged(
    rows: _Rows,
    kept: NDArray[np.intp],
    reasons: NDArray[np.object_],
    predicted: Sequence[Predicted],
    places: Sequence[NDArray[np.intp]],
    keys: tuple[str, ...],
    truth: Truth,
) -> Judged:
    labels = np.array([f"line {number}" for number in rows.line], np.str_)
    excluded = tuple(
        Exclusion(str(labels[i]), str(reasons[i]), int(rows.cancer[i]))
        for i in np.flatnonzero(reasons != "")
    )
    table = rows.table.iloc[kept].reset_index(drop=True)
    patient, warnings = _patients(table, labels[kept], truth.path)
    exam = texts(table, "exam_id")
    exam = np.char.add(np.char.add(patient, "\x1f"), exam)
    models = tuple(
        _scores(model, place[kept], patient) for model, place in zip(predicted, places, strict=True)
    )
    side = np.char.upper(texts(table, "laterality")).astype("<U1")
    return Judged(
        _unit(keys), labels[kept], texts(table, "image_path"), patient, exam, side,
        rows.cancer[kept], rows.density[kept], table, models, excluded, warnings,
    )  # fmt: skip


def _patients(table: pd.DataFrame, labels: Texts, path: Path) -> tuple[Texts, tuple[str, ...]]:
    """The woman of each row; where the truth does not say, each row is taken for one."""
    for column in ("patient_id", "exam_id"):
        found = texts(table, column)
        if (found != "").all():
            return found, ()
    return labels, (
        f"{path.name} names no woman (patient_id) for every row, so each row was taken for a woman "
        "of her own: if they are not, all intervals are too narrow.",
    )


def _scores(model: Predicted, place: NDArray[np.intp], patient: Texts) -> Scores:
    density = None if model.density is None else model.density[place]
    fold = None if model.fold is None else model.fold[place]
    if fold is not None:
        _check_folds(fold, patient, model.path)
    return Scores(model.name, model.kind, model.score[place], density, fold)


def _check_folds(fold: NDArray[np.intp], patient: Texts, path: Path) -> None:
    pairs = {(p, f) for p, f in zip(patient.tolist(), fold.tolist(), strict=True)}
    shared = len(pairs) - len(np.unique(patient))
    if shared:
        raise ConfigError(
            f"{path}: {shared} women have rows in more than one fold, so a network was tested on "
            "women it was trained on; split by patient and train again."
        )

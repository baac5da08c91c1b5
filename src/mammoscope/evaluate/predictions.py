"""What a model said: a table with a score for each row, or what `mammoscope predict` printed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.errors import ConfigError
from mammoscope.evaluate.tables import Texts, numbers, read_table, sha256, texts, within
from mammoscope.types import DENSITY_GRADES

Kind = Literal["probability", "logit", "rank"]

LOGIT, PROBABILITY = "malignancy_logit", "malignancy"
DENSITY_COLUMNS = tuple(f"density_{grade}" for grade in DENSITY_GRADES)
BOX_COLUMNS = ("image_path", "x1_px", "y1_px", "x2_px", "y2_px", "score")

# What rounding to three decimals can do to four probabilities.
_SUM_TOLERANCE = 5e-3


@dataclass(frozen=True, eq=False)
class Predicted:
    """One model's scores.

    Attributes:
        name: of the model, in tables and pictures.
        path: the file.
        table: text; the columns that say what a row is about.
        kind: "probability" in [0, 1], "logit" any real number, "rank" a score of any unit that
            only orders the cases.
        score: (n,) NaN where the model gave none.
        refused: (n,) why it gave none, or empty.
        density: (n, 4) probabilities of A to D, NaN where not given; None if it gives none.
        fold: (n,) the fold whose network had not seen this row's woman; None if not said.
        boxes: suspicious places, columns `BOX_COLUMNS`; None if the file has none.
        sha256: of the file.
    """

    name: str
    path: Path
    table: pd.DataFrame
    kind: Kind
    score: NDArray[np.float64]
    refused: Texts
    density: NDArray[np.float64] | None
    fold: NDArray[np.intp] | None
    boxes: pd.DataFrame | None
    sha256: str


def read_predictions(
    path: Path,
    rename: Mapping[str, str] | None = None,
    scores: Sequence[str] = (),
    ranks_only: bool = False,
) -> list[Predicted]:
    """Read one file of predictions: one model, or one for each score column named.

    Args:
        path: CSV or Parquet with a score column, or JSON lines as `mammoscope predict --json`
            prints (also report.json files).
        rename: the file's column names to ours.
        scores: the columns that hold scores; `malignancy_logit` or else `malignancy` if empty. A
            column whose name ends in "logit" holds logits, any other probabilities.
        ranks_only: take scores of any unit, which then only order the cases.

    Raises:
        ConfigError: unreadable, no such column, a probability outside 0 to 1, not a number.
    """
    if path.suffix in (".json", ".jsonl"):
        table, boxes = _from_reports(path)
    else:
        table, boxes = read_table(path, rename), None
    columns = tuple(scores) or (_score_column(table, path),)
    density, fold = _density(table, path), _fold(table, path)
    found = []
    for column in columns:
        kind = _kind(column, ranks_only)
        name = path.stem if len(columns) == 1 else column
        score, refused = _scores(table, column, kind, path), texts(table, "refused")
        found.append(
            Predicted(name, path, table, kind, score, refused, density, fold, boxes, sha256(path))
        )
    return found


def _score_column(table: pd.DataFrame, path: Path) -> str:
    for name in (LOGIT, PROBABILITY):
        if name in table:
            return name
    found = ", ".join(map(str, table.columns[:20]))
    raise ConfigError(
        f"{path}: no column '{PROBABILITY}' or '{LOGIT}' (found: {found}); name the one that holds "
        "the scores with --score."
    )


def _kind(column: str, ranks_only: bool) -> Kind:
    if ranks_only:
        return "rank"
    return "logit" if column.endswith("logit") else "probability"


def _scores(table: pd.DataFrame, column: str, kind: Kind, path: Path) -> NDArray[np.float64]:
    if column not in table:
        raise ConfigError(f"{path}: there is no column '{column}'; see --score.")
    values = numbers(table, column, path)
    if kind == "probability":
        remedy = (
            "end the column's name in 'logit' if these are logits, or give --ranks-only if they "
            "only order the cases"
        )
        within(values, 0, 1, column, path, remedy)
    remedy = "leave it empty and give the reason in a column 'refused'"
    within(values, -np.finfo(float).max, np.finfo(float).max, column, path, remedy)
    if np.isnan(values).all():
        raise ConfigError(f"{path}: column '{column}' holds no number at all; nothing to evaluate.")
    return values


def _density(table: pd.DataFrame, path: Path) -> NDArray[np.float64] | None:
    if not all(column in table for column in DENSITY_COLUMNS):
        return None
    values = np.stack([numbers(table, column, path) for column in DENSITY_COLUMNS], axis=1)
    wrong = (values < 0).any(axis=1) | (np.abs(values.sum(axis=1) - 1) > _SUM_TOLERANCE)
    if wrong.any():
        row = int(np.argmax(wrong))
        given = ", ".join(f"{value:g}" for value in values[row])
        raise ConfigError(
            f"{path}, line {row + 2}: density_A to density_D are {given}; they must be "
            "probabilities that sum to 1."
        )
    return values


def _fold(table: pd.DataFrame, path: Path) -> NDArray[np.intp] | None:
    if "fold" not in table:
        return None
    values = numbers(table, "fold", path)
    wrong = ~(values == np.rint(values))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ConfigError(
            f"{path}, line {row + 2}: fold is {texts(table, 'fold')[row]!s}, not a whole number."
        )
    return values.astype(np.intp)


def _from_reports(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Images and findings of the exam reports in a file, one a line or one in all."""
    images: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    for report in _reports(path):
        for image in report["images"]:
            images.append(_image_row(image))
            boxes += [_box_row(image["path"], finding) for finding in image["findings"]]
    if not images:
        raise ConfigError(f"{path}: the reports hold no images; nothing can be evaluated.")
    return pd.DataFrame(images).fillna(""), pd.DataFrame(boxes, columns=[*BOX_COLUMNS])


def _reports(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text("utf-8").strip()
        parts = [text] if path.suffix == ".json" else text.splitlines()
        reports = [json.loads(part) for part in parts if part.strip()]
        return [report for report in reports if report["images"] is not None]
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or 'cannot be opened'}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path}: not what `mammoscope predict --json` prints ({type(error).__name__}); give "
            "its output, or a CSV file."
        ) from error


def _image_row(image: Mapping[str, Any]) -> dict[str, Any]:
    density = image["density"] or dict.fromkeys(DENSITY_GRADES, "")
    return {
        "image_path": image["path"],
        PROBABILITY: "" if image["malignancy"] is None else repr(image["malignancy"]),
        "refused": image["refused"] or "",
        **{f"density_{grade}": str(density[grade]) for grade in DENSITY_GRADES},
    }


def _box_row(path: str, finding: Mapping[str, Any]) -> dict[str, Any]:
    return dict(zip(BOX_COLUMNS, (path, *finding["box_px"], finding["score"]), strict=True))


def read_boxes(path: Path, rename: Mapping[str, str] | None = None) -> pd.DataFrame:
    """A table of suspicious places, columns `BOX_COLUMNS`, numbers as float64.

    Raises:
        ConfigError: unreadable, a column is missing, or a value is no number.
    """
    table = read_table(path, rename)
    missing = [name for name in BOX_COLUMNS if name not in table]
    if missing:
        raise ConfigError(f"{path}: column '{missing[0]}' is missing; a row is a box and a score.")
    for column in BOX_COLUMNS[1:]:
        values = numbers(table, column, path)
        if np.isnan(values).any():
            raise ConfigError(
                f"{path}, line {int(np.argmax(np.isnan(values))) + 2}: {column} is empty; give all "
                "four edges and a score."
            )
        table[column] = values
    return table[[*BOX_COLUMNS]]

"""What is known of the cases: a manifest, or any table with a label for each of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.errors import ConfigError
from mammoscope.evaluate.tables import needed, numbers, read_table, sha256, texts
from mammoscope.types import DENSITY_GRADES

KEYS = ("image_path", "patient_id", "exam_id", "laterality", "view")
"""Columns that say which image, breast, exam or woman a row is about, the finest first."""

_SHAPE = ("x1_px", "y1_px", "x2_px", "y2_px")


@dataclass(frozen=True, eq=False)
class Truth:
    """A table of truth.

    Attributes:
        path: the file it came from.
        table: text, our column names; one row an image, or a breast, exam or woman.
        findings: text, one row a finding in an image, as a manifest's; may be empty.
        cancer: (n,) 1, 0, or -1 where unknown.
        density: (n,) 0 .. 3 for A .. D, -1 where unknown.
        sha256: of the file.
    """

    path: Path
    table: pd.DataFrame
    findings: pd.DataFrame
    cancer: NDArray[np.intp]
    density: NDArray[np.intp]
    sha256: str

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of `KEYS` that the table has and fills."""
        return tuple(name for name in KEYS if (texts(self.table, name) != "").any())


def read_truth(path: Path, rename: Mapping[str, str] | None = None) -> Truth:
    """Read the truth.

    Args:
        path: a manifest (see docs/manifest.md), its folder, or any CSV or Parquet table with a
            column `cancer` of 0 and 1 (empty: unknown) and at least one of `KEYS`.
        rename: the file's column names to ours.

    Raises:
        ConfigError: unreadable, no label, no column that says what a row is, a label that is not
            0 or 1, a density that is not A to D.
    """
    file = _file(path)
    table = read_table(file, rename)
    needed(table, ["cancer"], file)
    if not any(name in table for name in KEYS):
        raise ConfigError(
            f"{file}: no column says which image, breast or woman a row is about; add "
            "'image_path', or 'patient_id' and 'laterality', or use --rename."
        )
    findings = file.with_name(f"findings{file.suffix}")
    return Truth(
        file,
        table,
        _findings(findings) if findings.is_file() else pd.DataFrame(columns=["image_path"]),
        _labels(table, file),
        _grades(table, file),
        sha256(file),
    )


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    for name in ("manifest.csv", "manifest.parquet"):
        if (path / name).is_file():
            return path / name
    raise ConfigError(f"{path}: no manifest.csv or manifest.parquet there; give the file itself.")


def _labels(table: pd.DataFrame, path: Path) -> NDArray[np.intp]:
    values = numbers(table, "cancer", path)
    wrong = ~np.isin(values, (0, 1)) & ~np.isnan(values)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ConfigError(
            f"{path}, line {row + 2}: cancer is {values[row]:g}; it must be 0, 1 or empty."
        )
    return np.where(np.isnan(values), -1, np.nan_to_num(values)).astype(np.intp)


def _grades(table: pd.DataFrame, path: Path) -> NDArray[np.intp]:
    grades = np.char.upper(texts(table, "density"))
    wrong = ~np.isin(grades, (*DENSITY_GRADES, ""))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ConfigError(
            f"{path}, line {row + 2}: density is {str(grades[row])!r}; it must be A, B, C, D or "
            "empty."
        )
    found = np.full(len(grades), -1, np.intp)
    for index, grade in enumerate(DENSITY_GRADES):
        found[grades == grade] = index
    return found


def _findings(path: Path) -> pd.DataFrame:
    table = read_table(path)
    needed(table, ["image_path", *_SHAPE], path)
    for column in _SHAPE:
        numbers(table, column, path)  # refuses what is no number
    return table

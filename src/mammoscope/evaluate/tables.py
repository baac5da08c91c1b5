"""Tables of predictions and of truth, as text, with the columns' names brought to ours."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.errors import ConfigError

Texts = NDArray[np.str_]

_SHOWN = 40
_UNKNOWN = ("", "nan", "none", "na", "null")


def read_table(path: Path, rename: Mapping[str, str] | None = None) -> pd.DataFrame:
    """A CSV or Parquet file as text, empty where nothing is known.

    Args:
        path: a .csv, .tsv or .parquet file.
        rename: the file's column names to ours; those it does not have are passed over.

    Raises:
        ConfigError: not readable, no rows, or two columns of one name.
    """
    try:
        table = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise ConfigError(f"{path}: {reason}; give a readable CSV or Parquet file.") from error
    except (ValueError, csv.Error) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(
            f"{path}: not a CSV file in UTF-8 nor Parquet ({reason}); export it again."
        ) from error
    table = table.rename(columns=dict(rename or {}))
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise ConfigError(f"{path}: there are two columns '{twice[0]}'; keep or rename one.")
    if not len(table):
        raise ConfigError(f"{path}: the table has no rows; nothing can be evaluated.")
    return table


def _csv(path: Path) -> pd.DataFrame:
    separator = "\t" if path.suffix == ".tsv" else ","
    return pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")


def _parquet(path: Path) -> pd.DataFrame:
    table = pd.read_parquet(path)
    return table.astype(object).where(table.notna(), "").map(str)


def needed(table: pd.DataFrame, columns: Sequence[str], path: Path) -> None:
    """Refuse a table that lacks one of these columns.

    Raises:
        ConfigError: names the column, those found, and how to rename.
    """
    missing = [name for name in columns if name not in table]
    if missing:
        found = ", ".join(map(str, table.columns[:_SHOWN]))
        raise ConfigError(
            f"{path}: column '{missing[0]}' is missing (found: {found}); add it, or say which "
            f"column holds it with --rename THEIRS={missing[0]}."
        )


def numbers(table: pd.DataFrame, column: str, path: Path) -> NDArray[np.float64]:
    """A column as float64, NaN where it is empty.

    Raises:
        ConfigError: a value is no number; names line and value.
    """
    text = table[column].astype(str).str.strip()
    unknown = text.str.lower().isin(_UNKNOWN).to_numpy()
    values = pd.to_numeric(text.where(~unknown, "nan"), errors="coerce").to_numpy(np.float64)
    wrong = np.isnan(values) & ~unknown
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ConfigError(
            f"{path}, line {row + 2}: {column} is {text.iloc[row][:_SHOWN]!r}, not a number; mend "
            "it, or leave it empty and give the reason in a column 'refused'."
        )
    return np.asarray(values, np.float64)


def within(
    values: NDArray[np.float64], low: float, high: float, column: str, path: Path, remedy: str
) -> None:
    """Refuse values outside [low, high]; NaN is unknown and passes.

    Raises:
        ConfigError: names line, value and what to do.
    """
    wrong = ~((values >= low) & (values <= high)) & ~np.isnan(values)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ConfigError(
            f"{path}, line {row + 2}: {column} is {values[row]:g}, not within {low:g} to {high:g} "
            f"({int(wrong.sum())} such); {remedy}."
        )


def texts(table: pd.DataFrame, column: str) -> Texts:
    """A column as (n,) text; all empty if the table does not have it."""
    if column not in table:
        return np.full(len(table), "", np.str_)
    return np.asarray(table[column].astype(str).str.strip().to_numpy(np.str_), np.str_)


def sha256(path: Path) -> str:
    """Of a file's bytes: what a result carries, to say which table it was made from."""
    return hashlib.sha256(path.read_bytes()).hexdigest()

"""A manifest: one table of images and one of findings, the same for every data set.

Files: `manifest.csv` and, if there are findings, `findings.csv` in one folder, or the same as
`.parquet`. Every value is kept as text; unknown is the empty text, never 0. The columns are
described in `mammoscope.data.columns`; columns it does not know are kept and not checked.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from mammoscope.data.columns import FINDINGS, IMAGES, Column
from mammoscope.errors import ConfigError
from mammoscope.files import drafted

FINDINGS_STEM = "findings"
_SHOWN = 40
_EXACT = 2**53


@dataclass(frozen=True)
class Problem:
    """One value that must not stand where it stands.

    Attributes:
        table: "images" or "findings".
        row: line number in the file, the header being line 1; 0 if it is about the whole table.
        column: its name.
        value: what was found; empty if nothing.
        allowed: what may stand there, in words.
    """

    table: str
    row: int
    column: str
    value: str
    allowed: str

    def __str__(self) -> str:
        """One clause: row, column, value, what is allowed."""
        where = f"row {self.row}, " if self.row else ""
        value = "" if self.column == "patient_id" else f" holds {self.value[:_SHOWN]!r};"
        return f"{where}column '{self.column}'{value} allowed: {self.allowed}"


@dataclass(frozen=True, eq=False)
class Manifest:
    """Images and findings of one data set or several.

    Attributes:
        images: one row an image, text columns, empty for unknown.
        findings: one row a finding in an image; likewise.
        folder: what image_path and mask_path start from.
    """

    images: pd.DataFrame
    findings: pd.DataFrame
    folder: Path

    @property
    def sha256(self) -> str:
        """Of both tables as CSV; every result made from the manifest carries it."""
        text = self.images.to_csv(index=False) + "\n" + self.findings.to_csv(index=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def path(self, image_path: str) -> Path:
        """Where an image or mask lies."""
        return self.folder / image_path


def make_manifest(
    folder: Path, images: pd.DataFrame, findings: pd.DataFrame | None = None
) -> Manifest:
    """Bring tables into the schema's order, as text, and check them.

    Raises:
        ConfigError: a value is not allowed; names row, column, value and what is.
    """
    manifest = Manifest(
        _as_text(images, IMAGES, folder),
        _as_text(pd.DataFrame() if findings is None else findings, FINDINGS, folder),
        folder,
    )
    _refuse(manifest, str(folder))
    return manifest


def read_manifest(path: str | Path) -> Manifest:
    """Read a manifest file, or the manifest of a folder.

    Args:
        path: a .csv or .parquet file, or a folder with manifest.csv or manifest.parquet.

    Raises:
        ConfigError: no such file, not a table, or a value that is not allowed.
    """
    path = Path(path)
    file = _found(path)
    images = read_table(file)
    findings_file = file.with_name(f"{FINDINGS_STEM}{file.suffix}")
    findings = read_table(findings_file) if findings_file.is_file() else pd.DataFrame()
    manifest = Manifest(
        _as_text(images, IMAGES, file), _as_text(findings, FINDINGS, findings_file), file.parent
    )
    _refuse(manifest, str(file))
    return manifest


def write_manifest(
    manifest: Manifest, folder: Path, kind: Literal["csv", "parquet"] = "csv"
) -> Path:
    """Write both tables to `folder`; returns the images file. Each file is replaced whole."""
    images = folder / f"manifest.{kind}"
    _write(manifest.images, images)
    findings = folder / f"{FINDINGS_STEM}.{kind}"
    if len(manifest.findings):
        _write(manifest.findings, findings)
    else:
        findings.unlink(missing_ok=True)
    return images


def moved(manifest: Manifest, folder: Path) -> Manifest:
    """The same manifest meant for another folder: its paths start from there.

    Every column whose name ends in "_path" holds paths.
    """
    start = os.path.relpath(manifest.folder.resolve(), folder.resolve())
    if start == os.curdir:
        return Manifest(manifest.images, manifest.findings, folder)
    return Manifest(_from(start, manifest.images), _from(start, manifest.findings), folder)


def _from(start: str, table: pd.DataFrame) -> pd.DataFrame:
    def follow(path: str) -> str:
        return Path(os.path.normpath(f"{start}/{path}")).as_posix() if path else ""

    columns = [name for name in table.columns if name.endswith("_path")]
    return table.assign(**{name: table[name].map(follow) for name in columns})


def problems(manifest: Manifest) -> Iterator[Problem]:
    """Everything in the tables that the schema does not allow, column by column."""
    for table, columns, name in (
        (manifest.images, IMAGES, "images"),
        (manifest.findings, FINDINGS, "findings"),
    ):
        for column in columns:
            yield from _column_problems(table, column, name)
    images = manifest.images["image_path"]
    for row in np.flatnonzero(images.duplicated().to_numpy()):
        yield Problem("images", int(row) + 2, "image_path", images.iloc[row], "each path once")
    strange = ~manifest.findings["image_path"].isin(images)
    for row in np.flatnonzero(strange.to_numpy()):
        value = manifest.findings["image_path"].iloc[row]
        yield Problem("findings", int(row) + 2, "image_path", value, "a path of the images table")


def _column_problems(table: pd.DataFrame, column: Column, name: str) -> Iterator[Problem]:
    values = table[column.name]
    wrong = _wrong(values, column)
    if column.required:
        wrong = wrong | np.asarray(values == "")
    for row in np.flatnonzero(wrong):
        yield Problem(name, int(row) + 2, column.name, values.iloc[row], column.allowed)


def _wrong(values: pd.Series, column: Column) -> np.ndarray:
    filled = values != ""
    if column.kind == "text":
        wrong = filled & False
    elif column.kind == "choice":
        wrong = filled & ~values.isin(column.choices)
    else:
        numbers = pd.to_numeric(values, errors="coerce").astype(float)
        good = np.isfinite(numbers) & numbers.between(column.low, column.high)
        if column.kind == "integer":
            good &= numbers == np.floor(numbers)
        wrong = filled & ~good
    return np.asarray(wrong, bool)


def _refuse(manifest: Manifest, where: str) -> None:
    found = list(problems(manifest))
    if not found:
        return
    more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
    table = "" if found[0].table == "images" else " (findings)"
    raise ConfigError(f"{where}{table}: {found[0]}{more}.")


def _as_text(table: pd.DataFrame, columns: tuple[Column, ...], where: Path) -> pd.DataFrame:
    missing = [column.name for column in columns if column.required and column.name not in table]
    if missing and len(table):
        raise ConfigError(f"{where}: the table has no column '{missing[0]}'; add it.")
    names = [column.name for column in columns]
    extra = [name for name in table.columns if name not in names]
    text = table.reindex(columns=[*names, *extra]).apply(_text).reset_index(drop=True)
    whole = [column.name for column in columns if column.kind == "integer"]
    text[whole] = text[whole].replace(r"\.0+$", "", regex=True)  # as a table with gaps has them
    return text


def _text(values: pd.Series) -> pd.Series:
    """As text; a float without a fraction is written without one, missing is empty."""
    if pd.api.types.is_float_dtype(values):
        return values.map(_number).astype(object)
    if pd.api.types.is_bool_dtype(values):
        return values.astype(int).astype(str).astype(object)
    text = values.astype(object).where(values.notna(), "").map(str)
    return text.str.replace(r"\r\n?", "\n", regex=True)  # a lone one would end a row of CSV


def _number(value: float) -> str:
    """Exactly: a patient's code may be a long number."""
    if math.isnan(value):
        return ""
    whole = value.is_integer() and abs(value) < _EXACT
    return str(int(value)) if whole else repr(float(value))


def _found(path: Path) -> Path:
    candidates = [path / "manifest.csv", path / "manifest.parquet"] if path.is_dir() else [path]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise ConfigError(
        f"{path}: no manifest there; give manifest.csv, manifest.parquet or its folder."
    )


def read_table(file: Path) -> pd.DataFrame:
    """The table in a .csv (as text, "" where empty) or .parquet file; ConfigError if none is."""
    try:
        if file.suffix == ".parquet":
            return pd.read_parquet(file)
        return pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"{file}: cannot be read as a table ({reason}); mend it.") from error


def _write(table: pd.DataFrame, file: Path) -> None:
    with drafted(file) as draft:
        if file.suffix == ".parquet":
            table.to_parquet(draft, index=False)
        else:
            table.to_csv(draft, index=False)

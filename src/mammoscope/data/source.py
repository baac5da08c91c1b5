"""What a public data set is to the program, and how a new one is added.

One module of `mammoscope.data.sources` describes one data set in a `SOURCE`; the module's name is
the name a user types. Adding a data set is that one file and one test.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from mammoscope.errors import ConfigError


@dataclass(frozen=True, eq=False)
class Tables:
    """What a source found in a folder.

    Attributes:
        images: columns of `mammoscope.data.columns.IMAGES`, missing ones are unknown; `dataset`,
            `modality` where all images have the source's, and `sha256` are filled in later.
        findings: columns of FINDINGS; empty if the data set marks none.
        notes: sentences a user should know of: what was mended, left out or looked wrong.
        with_files: False if rows were made from tables alone, whether image files are there or not.
    """

    images: pd.DataFrame
    findings: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: tuple[str, ...] = ()
    with_files: bool = True


@dataclass(frozen=True)
class Source:
    """A data set that can be made into a manifest.

    Attributes:
        name: what a user types; the module's name.
        title: its full name.
        modality: "mammography", "ultrasound" or "histology"; of all its images.
        where: where to get it.
        terms: under which terms, in a few words.
        citation: whom to cite.
        holds: what the whole data set holds, with counts.
        read: from its folder to Tables; raises ConfigError if a table is not there or not as
            published. The second argument holds the user's options.
        options: name and meaning of each option that `read` knows.
    """

    name: str
    title: str
    modality: str
    where: str
    terms: str
    citation: str
    holds: str
    read: Callable[[Path, Mapping[str, str]], Tables]
    options: Mapping[str, str] = field(default_factory=dict)


def source_names() -> tuple[str, ...]:
    """All sources, in alphabetical order."""
    from mammoscope.data import sources

    return tuple(sorted(module.name for module in pkgutil.iter_modules(sources.__path__)))


def load_source(name: str) -> Source:
    """One source by its name.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in source_names():
        raise ConfigError(f"there is no source {name!r}; it is one of {', '.join(source_names())}.")
    source: Source = importlib.import_module(f"mammoscope.data.sources.{name}").SOURCE
    return source


def read_table(path: Path, columns: Mapping[str, str], separator: str = ",") -> pd.DataFrame:
    """Read a data set's own table as text and give its columns the names used here.

    Args:
        path: a CSV file.
        columns: its column names and ours; only these are kept.
        separator: between values.

    Raises:
        ConfigError: the file or a column is missing.
    """
    try:
        table = pd.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; give the folder that holds it.") from None
    except (ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"{path}: cannot be read as a table ({reason}).") from error
    missing = [name for name in columns if name not in table]
    if missing:
        raise ConfigError(
            f"{path}: column {missing[0]!r} is missing; it has {', '.join(table.columns)}."
        )
    return table[list(columns)].rename(columns=dict(columns))

"""The files below a folder, as data sets come: with linked folders and archives' leftovers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

LEFTOVERS = "__MACOSX"


def files_below(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """All files below a folder with one of the suffixes (lower case, with dot), sorted.

    Links to folders are followed, each folder once. Hidden files, which archives made on a Mac are
    full of, are not files of a data set.
    """
    return sorted(
        Path(at, name)
        for at, names in _folders(folder)
        for name in names
        if name.lower().endswith(suffixes) and not name.startswith(".")
    )


def _folders(folder: Path) -> Iterator[tuple[str, list[str]]]:
    seen: set[str] = set()
    for at, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(at)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(n for n in folders if not n.startswith(".") and n != LEFTOVERS)
        yield at, names

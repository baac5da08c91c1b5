"""What was seen of each file, remembered beside the manifest so that a second audit is quick."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np

from mammoscope.data.audit.look import THUMB_SIDE, VERSION, Look, MaskLook

FILE_NAME = "audit-cache.sqlite"
_TABLE = """
CREATE TABLE IF NOT EXISTS looks (
    what TEXT, path TEXT, size INTEGER, modified INTEGER, version INTEGER, facts TEXT, picture BLOB,
    PRIMARY KEY (what, path)
) WITHOUT ROWID
"""
_PICTURE = ("frame", "mask_bits")

Stamp = tuple[int, int]
"""A file's size in bytes and time of change in nanoseconds."""


class Memory:
    """Looks at files, by path, size and time of change; a file that changed is forgotten.

    Attributes:
        lost: why nothing is remembered after this run, in one sentence; "" if all is well.
    """

    def __init__(self, file: Path | None) -> None:
        """Open or make `file`; None, or a file that cannot be used, remembers for this run only."""
        self.lost = ""
        try:
            self._base = _opened(file)
        except sqlite3.Error as error:
            name = FILE_NAME if file is None else file.name
            self.lost = f"What was seen is not remembered: {name} cannot be used ({error})."
            self._base = _opened(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._base.commit()
        self._base.close()

    def image(self, path: str, stamp: Stamp) -> Look | None:
        """What was seen of an image; None if nothing, or if the file is another now."""
        found = self._recall("image", path, stamp)
        if found is None:
            return None
        facts, picture = found
        frame = np.frombuffer(picture[: THUMB_SIDE**2], np.uint8).reshape(THUMB_SIDE, THUMB_SIDE)
        return Look(**facts, frame=frame, mask_bits=picture[THUMB_SIDE**2 :])

    def mask(self, path: str, stamp: Stamp) -> MaskLook | None:
        """As `image`, of a mask."""
        found = self._recall("mask", path, stamp)
        return None if found is None else MaskLook(**found[0])

    def keep(self, path: str, stamp: Stamp, look: Look | MaskLook) -> None:
        """Remember a look."""
        facts = asdict(look)
        picture = b""
        if isinstance(look, Look):
            picture = look.frame.tobytes() + look.mask_bits
            facts = {name: value for name, value in facts.items() if name not in _PICTURE}
        what = "image" if isinstance(look, Look) else "mask"
        row = (what, path, *stamp, VERSION, json.dumps(facts), picture)
        self._base.execute("INSERT OR REPLACE INTO looks VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def save(self) -> None:
        """Write what was kept to the disk, so that an interrupted audit goes on from there."""
        self._base.commit()

    def _recall(self, what: str, path: str, stamp: Stamp) -> tuple[dict[str, Any], bytes] | None:
        row = self._base.execute(
            "SELECT facts, picture FROM looks WHERE what = ? AND path = ? AND size = ? "
            "AND modified = ? AND version = ?",
            (what, path, *stamp, VERSION),
        ).fetchone()
        return None if row is None else (json.loads(row[0]), row[1])


def _opened(file: Path | None) -> sqlite3.Connection:
    base = sqlite3.connect(":memory:" if file is None else file)
    try:
        base.execute(_TABLE)
        base.execute("SELECT what, path, size, modified, version, facts, picture FROM looks")
        base.execute("DELETE FROM looks WHERE version != ?", (VERSION,))
        base.commit()
    except sqlite3.Error:
        base.close()
        raise
    return base

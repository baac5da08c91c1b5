"""Parts: Parquet files of some hundred rows, each there whole or not at all.

A part is the unit of commit. It is written under a hidden name, brought to the disk, and takes
its name in one step, so that whatever kills the program, an exam is either in a part with all
its rows or in none. `pandas.read_parquet("OUT/parts")` reads them all.
"""

from __future__ import annotations

import io
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mammoscope.batch.rows import AGAIN, SCHEMA, Row
from mammoscope.errors import ConfigError

ROWS, SECONDS = 512, 15.0
"""A part is written when it has so many rows, or when its first row is so old."""
_NUMBER = "[0-9]" * 6


@dataclass(frozen=True)
class Done:
    """What earlier runs did.

    Attributes:
        attempts: keys of the exams that are in the parts, with the number of their last attempt.
        failed: keys of those with files that another try may mend.
    """

    attempts: dict[str, int]
    failed: frozenset[str]


@dataclass
class Parts:
    """The parts of one run, or of one shard of it, in a folder.

    Attributes:
        folder: made when the first part is written.
        name: start of the files' names; a shard's own.
    """

    folder: Path
    name: str = "part"
    _rows: list[Row] = field(default_factory=list)
    _since: float = 0.0
    _next: int = 0

    def __post_init__(self) -> None:
        numbers = [int(path.stem.rsplit("-", 1)[1]) for path in self.files()]
        self._next = max(numbers, default=0) + 1

    def files(self) -> list[Path]:
        """The parts, in the order in which they were written."""
        return sorted(self.folder.glob(f"{self.name}-{_NUMBER}.parquet"))

    def add(self, rows: list[Row]) -> None:
        """Take the rows of one exam; they are safe once their part is written.

        Raises:
            ConfigError: the part cannot be written.
        """
        if not self._rows:
            self._since = time.monotonic()
        self._rows += rows
        if len(self._rows) >= ROWS or time.monotonic() - self._since >= SECONDS:
            self.commit()

    def commit(self) -> None:
        """Write what has come since the last part.

        Raises:
            ConfigError: it cannot be written; no exam of it is then in the parts.
        """
        if not self._rows:
            return
        table = pa.Table.from_pylist(self._rows, SCHEMA)
        write_part(table, self.folder / f"{self.name}-{self._next:06d}.parquet")
        self._next += 1
        self._rows = []

    def done(self) -> Done:
        """Which exams the parts hold."""
        attempts: dict[str, int] = {}
        failed: set[str] = set()
        for path in self.files():
            table = pq.read_table(path, columns=["key", "attempt", "status"])
            columns = (table[name].to_pylist() for name in table.column_names)
            for key, attempt, status in zip(*columns, strict=True):
                attempts[key] = max(attempt, attempts.get(key, 0))
                if status in AGAIN:
                    failed.add(key)
        return Done(attempts, frozenset(failed))

    def settle(self) -> None:
        """Take out the rows of exams that were done again since.

        Raises:
            ConfigError: a part cannot be written anew.
        """
        again = {key: attempt for key, attempt in self.done().attempts.items() if attempt}
        for path in self.files() if again else []:
            table = pq.read_table(path, schema=SCHEMA)
            pairs = zip(table["key"].to_pylist(), table["attempt"].to_pylist(), strict=True)
            last = [attempt >= again.get(key, 0) for key, attempt in pairs]
            if not any(last):
                path.unlink()
            elif not all(last):
                write_part(table.filter(pa.array(last)), path)

    def counts(self) -> dict[str, int]:
        """How many exams and images the parts hold, and images by status."""
        statuses: Counter[str] = Counter()
        exams = 0
        for path in self.files():
            table = pq.read_table(path, columns=["key", "status"])
            exams += len(pc.unique(table["key"]))
            statuses.update(table["status"].to_pylist())
        return {"exams": exams, "images": statuses.total(), **statuses}


def write_part(table: pa.Table, path: Path) -> None:
    """Write a table to `path`, whole and on the disk, or not at all.

    Raises:
        ConfigError: there is no room, or the folder may not be written.
    """
    content = io.BytesIO()
    pq.write_table(table, content, compression="zstd")
    draft = path.with_name(f".{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("wb") as file:
                file.write(content.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)  # noqa: PTH105 - Path.replace says less about overwriting
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise ConfigError(
            f"{path}: the part cannot be written ({error.strerror}); make room or give access, and "
            "go on with --resume: what was written before is kept."
        ) from error


def _sync_folder(folder: Path) -> None:
    """Bring a new name to the disk; Windows has no such thing."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def part_tables(folder: Path) -> Iterator[pa.Table]:
    """The tables of all parts in a folder, one at a time."""
    for path in sorted(folder.glob("part-*.parquet")):
        yield pq.read_table(path, schema=SCHEMA)

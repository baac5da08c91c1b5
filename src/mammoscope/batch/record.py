"""run.json: which program and weights judged, with which options, when, and how much."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mammoscope
from mammoscope.errors import ConfigError
from mammoscope.files import write_atomic
from mammoscope.machine import cores
from mammoscope.types import ModelInfo

SCHEMA_VERSION = 1
_WORDS = {
    "program": "another version of the program",
    "weights_sha256": "other weights",
    "runtime": "another runtime or precision",
    "operating_point": "another operating point",
    "inputs": "other inputs",
    "shards": "another number of shards",
}


@dataclass(frozen=True)
class Terms:
    """What must stay the same while results are added to a folder.

    Attributes:
        program: version of mammoscope.
        weights: their name; the sha256 is what counts.
        weights_sha256: of the network file.
        runtime: as in ModelInfo; holds the precision.
        operating_point: name of the one that decides the flag.
        inputs: as the user gave them.
        shards: in how many the work is cut.
    """

    program: str
    weights: str
    weights_sha256: str
    runtime: str
    operating_point: str
    inputs: tuple[str, ...]
    shards: int

    @classmethod
    def of(cls, model: ModelInfo, point: str, inputs: tuple[str, ...], shards: int) -> Terms:
        """The terms of this program with these weights and options."""
        version = mammoscope.__version__
        return cls(version, model.name, model.sha256, model.runtime, point, inputs, shards)


@dataclass(frozen=True)
class Session:
    """One start of the program on a run; `ended` is None if it was killed.

    Attributes:
        started, ended: UTC, ISO 8601.
        cores: of the host that this process may use.
        workers: reading processes.
        exams: done in this session.
    """

    started: str
    cores: int
    workers: int
    ended: str | None = None
    exams: int = 0

    @classmethod
    def begin(cls, workers: int) -> Session:
        """A session that starts now."""
        return cls(_now(), cores(), workers)

    def end(self, exams: int) -> Session:
        """The same, over."""
        return replace(self, ended=_now(), exams=exams)


@dataclass(frozen=True)
class Record:
    """The content of run.json, or of a shard's run-1of4.json."""

    terms: Terms
    shard: int
    sessions: tuple[Session, ...] = ()
    counts: dict[str, int] | None = None

    def write(self, path: Path) -> None:
        """Write it whole or not at all; ConfigError if it cannot be."""
        text = json.dumps({"schema": SCHEMA_VERSION, **asdict(self)}, indent=2)
        write_atomic(path, (text + "\n").encode("utf-8", "backslashreplace"))


def read_record(path: Path) -> Record:
    """Read what `Record.write` wrote.

    Raises:
        ConfigError: it cannot be read, or another version of the program wrote it in another form.
    """
    try:
        said: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if said.pop("schema") != SCHEMA_VERSION:
            raise ValueError("schema")
        terms = Terms(**{**said["terms"], "inputs": tuple(said["terms"]["inputs"])})
        sessions = tuple(Session(**session) for session in said["sessions"])
        return Record(terms, said["shard"], sessions, said["counts"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path}: not a record of a batch ({type(error).__name__}); give another --out."
        ) from error


def check_terms(path: Path, terms: Terms) -> None:
    """Refuse to mix results of other weights or options with those of the run at `path`.

    Raises:
        ConfigError: names the first that differs, with both values.
    """
    earlier = read_record(path).terms
    for name, words in _WORDS.items():
        before, now = getattr(earlier, name), getattr(terms, name)
        if before != now:
            raise ConfigError(
                f"{path}: the run here was begun with {words} ({_shown(before)}; now "
                f"{_shown(now)}); give the same, or another --out."
            )


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other processes of this host from writing to the same run.

    Raises:
        ConfigError: one is at it, or the folder cannot be written.
    """
    lock = path.with_name(f".{path.stem}.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("w") as file:
            if sys.platform != "win32":
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # let go when the process ends
            yield
    except BlockingIOError as error:
        raise ConfigError(f"{path.parent}: another batch is writing here; wait for it.") from error


def _shown(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)[:60]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

"""A batch from start to end: what is left to do is judged, committed in parts, and counted."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from mammoscope.batch.items import Item, Work
from mammoscope.batch.parts import Done, Parts
from mammoscope.batch.pipeline import Judged, judge_all
from mammoscope.batch.pool import PoolError
from mammoscope.batch.record import Record, Session, Terms, alone, check_terms, read_record
from mammoscope.batch.rows import rows_of
from mammoscope.batch.tables import write_tables
from mammoscope.batch.worker import Lost
from mammoscope.errors import ConfigError
from mammoscope.infer import Predictor

PARTS = "parts"
Advance = Callable[[int], None]
Begin = Callable[[int, int], Advance]
Engine = Callable[[str, Iterable[Item], Predictor, int], Generator[Judged | Lost]]
"""As `judge_all`: the work's root, items, predictor and workers to results."""


@dataclass(frozen=True)
class Settings:
    """How a batch is run.

    Attributes:
        out: folder for parts, tables and run.json.
        inputs: as the user gave them.
        shard: (number, count), from (1, 1).
        workers: reading processes.
        resume: go on with a run that is there; done exams are left alone.
        retry_failed: likewise, and those with files that failed are done again.
    """

    out: Path
    inputs: tuple[str, ...]
    shard: tuple[int, int] = (1, 1)
    workers: int = 1
    resume: bool = False
    retry_failed: bool = False

    def __post_init__(self) -> None:
        number, count = self.shard
        if not 1 <= number <= count:
            raise ConfigError(
                f"batch: --shard {number}/{count} is impossible; give 1/{count} to {count}/{count}."
            )
        if self.workers < 1:
            raise ConfigError(f"batch: --workers is {self.workers}; give 1 or more.")

    @property
    def suffix(self) -> str:
        """What the files of a shard have in their names."""
        number, count = self.shard
        return "" if count == 1 else f"-{number}of{count}"

    @property
    def record(self) -> Path:
        """The run's record."""
        return self.out / f"run{self.suffix}.json"

    @property
    def goes_on(self) -> bool:
        """Whether a run that is there is gone on with."""
        return self.resume or self.retry_failed


def run_batch(
    work: Work,
    predictor: Predictor,
    settings: Settings,
    begin: Begin | None = None,
    engine: Engine = judge_all,
) -> dict[str, int]:
    """Judge what is left of `work` and write the tables.

    Args:
        work: everything, of all shards.
        predictor: judges.
        settings: where to, and how.
        begin: told how many exams are left and how many are done; gives what is called with the
            number of files of each exam.
        engine: does the work; the results are the same whichever does it.

    Returns:
        Counts of this run or shard: exams, images, and images by status.

    Raises:
        ConfigError: there is a run already, or one with other weights or options; no room.
        PoolError: no reading process can be started.
    """
    point = predictor.operating_point.name
    terms = Terms.of(predictor.info, point, settings.inputs, settings.shard[1])
    with alone(settings.record):
        record = _opened(settings, terms)
        parts = Parts(settings.out / PARTS, f"part{settings.suffix}")
        parts.settle()
        done = parts.done()
        left = _left(work.shard(*settings.shard).items, done, settings.retry_failed)
        if left:
            advance = begin(len(left), len(done.attempts)) if begin else None
            workers = min(settings.workers, len(left))
            with closing(engine(work.root, left, predictor, workers)) as results:
                _collect(results, parts, done.attempts, advance)
            parts.settle()
        _write_tables(parts.folder, settings.out)
        counts = parts.counts()
        sessions = (*record.sessions[:-1], record.sessions[-1].end(len(left)))
        replace(record, sessions=sessions, counts=counts).write(settings.record)
    return counts


def _collect(
    results: Iterable[Judged | Lost],
    parts: Parts,
    attempts: Mapping[str, int],
    advance: Advance | None,
) -> None:
    """Put results into parts as they come; what is there is kept when the run is cut off."""
    try:
        for found in results:
            parts.add(rows_of(found, attempts.get(found.item.key, -1) + 1))
            if advance:
                advance(len(found.item.paths))
    except (KeyboardInterrupt, PoolError):
        parts.commit()
        raise
    parts.commit()


def _write_tables(parts: Path, out: Path) -> None:
    try:
        write_tables(parts, out)
    except ConfigError as error:
        raise ConfigError(
            f"{error} All results are safe in {parts}; go on with --resume."
        ) from error


def _opened(settings: Settings, terms: Terms) -> Record:
    """The run's record with a new session, written."""
    path = settings.record
    if path.exists() and not settings.goes_on:
        raise ConfigError(
            f"{settings.out}: a batch was begun here; go on with --resume, or give another --out."
        )
    for other in sorted(settings.out.glob("run*.json")):
        check_terms(other, terms)
    record = read_record(path) if path.exists() else Record(terms, settings.shard[0])
    record = replace(record, sessions=(*record.sessions, Session.begin(settings.workers)))
    record.write(path)
    return record


def _left(items: Sequence[Item], done: Done, retry_failed: bool) -> list[Item]:
    """What is to be done, those never tried first."""
    left = [item for item in items if item.key not in done.attempts]
    if retry_failed:
        left += [item for item in items if item.key in done.failed]
    return left

"""The stages that overlap: files are read in processes, the network runs, reports are made.

Each stage is a generator, and `Ahead` runs it in a thread of its own, never more than a few exams
ahead of the next: how much memory is needed does not depend on how much there is to do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from threading import Condition
from typing import Generic, Self, TypeVar

import numpy as np

from mammoscope.batch.items import Item
from mammoscope.batch.pool import TIME_LIMIT, Pool
from mammoscope.batch.worker import Lost, Ready, unforeseen
from mammoscope.infer import Predictor
from mammoscope.infer.engine import RawOutputs
from mammoscope.types import ExamReport

T = TypeVar("T")

CHUNK, BATCH = 16, 32
"""Exams, and images of them, that the network sees at once, at most."""


@dataclass(frozen=True, eq=False)
class Judged:
    """An exam with its report."""

    item: Item
    ready: Ready
    report: ExamReport


class Ahead(Generic[T]):
    """An iterator that a thread runs ahead of whoever takes from it.

    What the iterator raises is raised where its next result would have been taken.

    Args:
        source: the iterator; it is closed in its own thread.
        size: how many results may wait.
    """

    def __init__(self, source: Generator[T], size: int) -> None:
        self._size, self._waiting = size, deque[T]()
        self._change, self._ended, self._closed = Condition(), False, False
        self._thread = ThreadPoolExecutor(1)
        self._filling = self._thread.submit(self._fill, source)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._change:
            self._closed = True
            self._change.notify_all()
        self._thread.shutdown()

    def __iter__(self) -> Iterator[T]:
        while found := self.take(1):
            yield found[0]

    def take(self, most: int) -> list[T]:
        """Take what is there, one result at least; nothing at the end."""
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._ended)
            found = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
            self._change.notify_all()
        if not found:
            self._filling.result()
        return found

    def _fill(self, source: Generator[T]) -> None:
        try:
            with closing(source):
                for result in source:
                    if not self._put(result):
                        return
        finally:
            with self._change:
                self._ended = True
                self._change.notify_all()

    def _put(self, result: T) -> bool:
        """Wait for room and add a result; False if nobody wants one any more."""
        with self._change:
            self._change.wait_for(lambda: len(self._waiting) < self._size or self._closed)
            self._waiting.append(result)
            self._change.notify_all()
            return not self._closed


def judge_all(
    root: str,
    items: Iterable[Item],
    predictor: Predictor,
    workers: int,
    time_limit: float = TIME_LIMIT,
) -> Generator[Judged | Lost]:
    """Read and judge exams; results in order of completion.

    Args:
        root: folder or URL that the items' paths start from.
        items: taken as they are needed.
        predictor: judges them, exactly as `mammoscope predict` does.
        workers: reading processes.
        time_limit: seconds that reading one exam may take.
    """
    pool = Pool(workers, root, predictor.weights.preprocess, time_limit)
    read = Ahead(pool.results(items), max(CHUNK, workers))
    with Ahead(_seen(read, predictor), CHUNK) as seen:
        for found in seen:
            yield _told(found, predictor)


def judge_some(found: Sequence[Ready | Lost], predictor: Predictor) -> Iterator[Judged | Lost]:
    """Judge exams that were read, all at once; those that are lost come first."""
    for seen in _shown(found, predictor):
        yield _told(seen, predictor)


@dataclass(frozen=True, eq=False)
class _Outputs:
    """What the network said of a row of images, in batches of BATCH."""

    batches: list[RawOutputs]

    def at(self, index: int) -> tuple[RawOutputs, int]:
        return self.batches[index // BATCH], index % BATCH


_Seen = tuple[Ready, _Outputs, int]
"""An exam, the network's outputs, and the place of its first image in them."""


def _seen(read: Ahead[Ready | Lost], predictor: Predictor) -> Generator[_Seen | Lost]:
    with read:
        while found := read.take(CHUNK):
            yield from _shown(found, predictor)


def _shown(found: Sequence[Ready | Lost], predictor: Predictor) -> Iterator[_Seen | Lost]:
    """Show exams to the network, in batches across them."""
    yield from (one for one in found if isinstance(one, Lost))
    exams = [one for one in found if isinstance(one, Ready)]
    pixels = [image.pixels for exam in exams for image in exam.prepared]
    batches = (pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH))
    outputs = _Outputs([predictor.engine.run(np.stack(batch)) for batch in batches])
    first = 0
    for exam in exams:
        yield exam, outputs, first
        first += len(exam.prepared)


def _told(seen: _Seen | Lost, predictor: Predictor) -> Judged | Lost:
    if isinstance(seen, Lost):
        return seen
    ready = seen[0]
    try:
        return Judged(ready.item, ready, _report(*seen, predictor))
    except Exception as error:  # noqa: BLE001 - one exam of many
        return Lost(ready.item, unforeseen(error))


def _report(ready: Ready, outputs: _Outputs, first: int, predictor: Predictor) -> ExamReport:
    pairs = zip(ready.exam.images, ready.prepared, strict=True)
    images = [
        predictor.image_report(*outputs.at(place), mammogram, prepared)
        for place, (mammogram, prepared) in enumerate(pairs, first)
    ]
    return predictor.exam_report(ready.exam, images)

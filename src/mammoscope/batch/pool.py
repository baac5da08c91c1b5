"""Processes that read exams; one that dies costs its exam a second try, and never the run."""

from __future__ import annotations

import math
import multiprocessing
import time
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from mammoscope.batch.items import Item
from mammoscope.batch.worker import Lost, Ready, work
from mammoscope.errors import MammoscopeError
from mammoscope.preprocess import PreprocessParams

_TRIES = 2
TIME_LIMIT = 600.0
"""Seconds that reading one exam may take before it is given up."""
_STILLBORN = 3
"""Processes that may end before their greeting, one after the other."""
# Not fork: the parent has threads, and a child must not hold other children's pipes open, which
# are how it learns that the parent is gone.
_CONTEXT = multiprocessing.get_context("spawn")


class PoolError(MammoscopeError):
    """No reading process can be started."""


@dataclass
class _Hand:
    """One process, and the exam it has in hand until `due` (of `time.monotonic`)."""

    process: BaseProcess
    connection: Connection
    item: Item | None = None
    due: float = math.inf
    late: bool = False
    greeted: bool = False


@dataclass
class Pool:
    """Reading processes.

    Attributes:
        workers: how many.
        root: what the items' paths start from.
        params: how the network wants its images.
        time_limit: seconds for one exam; a process that takes longer is ended.
    """

    workers: int
    root: str
    params: PreprocessParams
    time_limit: float = TIME_LIMIT
    _hands: dict[Connection, _Hand] = field(default_factory=dict)
    _again: deque[Item] = field(default_factory=deque)
    _deaths: Counter[str] = field(default_factory=Counter)
    _stillborn: int = 0

    def results(self, items: Iterable[Item]) -> Generator[Ready | Lost]:
        """Read `items`, taken as they are needed; results in order of completion.

        A process has one exam in hand and its result waits in the pipe until it is asked for, so
        that nothing piles up.

        Raises:
            PoolError: processes end as soon as they start.
        """
        waiting = iter(items)
        try:
            for _ in range(self.workers):
                self._start()
            while self._hands:
                for connection in self._ready():
                    hand = self._hands.get(connection)  # type: ignore[call-overload]
                    if hand is None:
                        continue  # one that was never needed greets when all is done
                    result = self._receive(hand)
                    self._feed(waiting)
                    if result is not None:
                        yield result
        finally:
            self._stop()

    def _ready(self) -> list[object]:
        """Wait for connections that have something to say, and end the processes that are late."""
        due = min(hand.due for hand in self._hands.values())
        left = None if due == math.inf else max(0.0, due - time.monotonic())
        ready = wait(list(self._hands), left)
        for connection, hand in self._hands.items():
            if hand.due <= time.monotonic() and connection not in ready:
                hand.late = True
                hand.process.kill()
        return list(ready)

    def _start(self) -> None:
        ours, theirs = _CONTEXT.Pipe()
        process = _CONTEXT.Process(target=work, args=(theirs, self.root, self.params), daemon=True)
        process.start()
        theirs.close()
        self._hands[ours] = _Hand(process, ours)

    def _receive(self, hand: _Hand) -> Ready | Lost | None:
        """What a process sent; None for a greeting, or if it died and its exam is tried again."""
        try:
            result: Ready | Lost | None = hand.connection.recv()
        except (EOFError, OSError):
            return self._bury(hand)
        hand.item, hand.due, hand.late = None, math.inf, False
        hand.greeted, self._stillborn = True, 0
        return result

    def _bury(self, hand: _Hand) -> Lost | None:
        """Replace a process that died."""
        hand.connection.close()
        hand.process.join()
        del self._hands[hand.connection]
        self._stillborn += not hand.greeted
        if self._stillborn >= _STILLBORN:
            raise PoolError(
                f"batch: the processes that read files end as they start ({_end(hand.process)}); "
                "give fewer --workers or more memory."
            )
        self._start()
        item = hand.item
        if item is None:
            return None
        if hand.late:
            return Lost(item, f"it was not read within {self.time_limit:g} seconds (--time-limit)")
        self._deaths[item.key] += 1
        if self._deaths[item.key] < _TRIES:
            self._again.append(item)
            return None
        return Lost(item, f"the process that read it ended twice, last by {_end(hand.process)}")

    def _feed(self, waiting: Iterator[Item]) -> None:
        """Give every idle process an exam, and close those for which none is left."""
        for hand in list(self._hands.values()):
            if hand.item is not None or not hand.greeted:
                continue
            hand.item = self._again.popleft() if self._again else next(waiting, None)
            if hand.item is None:
                if not any(other.item for other in self._hands.values()):
                    self._stop()
                return
            hand.due = time.monotonic() + self.time_limit
            try:
                hand.connection.send(hand.item)
            except OSError:
                continue  # it is dead: the next look at its connection says so

    def _stop(self) -> None:
        for hand in self._hands.values():
            hand.connection.close()
            hand.process.terminate()
        for hand in self._hands.values():
            hand.process.join()
        self._hands.clear()


def _end(process: BaseProcess) -> str:
    """How a process ended, in words."""
    code = process.exitcode or 0
    return f"signal {-code}" if code < 0 else f"exit code {code}"

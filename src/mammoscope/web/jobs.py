"""Work that takes longer than a request: what is waiting, how far it is, what came of it."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, Literal

from mammoscope.errors import MammoscopeError

State = Literal["queued", "running", "done", "failed"]
_NO_IMAGE = "The file holds no image that is read."
ENDED: tuple[State, ...] = ("done", "failed")
_WORKERS = 2
"""While the networks judge one exam, the files of another are read."""
_REMEMBERED_S = 3600.0
_GRACE_S = 8.0
"""What runs may go on for so long when the server stops."""
log = logging.getLogger("mammoscope.web")


@dataclass
class FileState:
    """How far a file is, and why it went no further.

    Attributes:
        name: as the sender gave it.
        state: see the API.
        reason: a sentence; None if all is well.
    """

    name: str
    state: Literal["waiting", "reading", "read", "refused", "failed"] = "waiting"
    reason: str | None = None

    def as_dict(self, stranger: str | None = None) -> dict[str, str | None]:
        """What is told; a stranger gets another name, and no sentence that may quote the file."""
        if stranger is None:
            return {"name": self.name, "state": self.state, "reason": self.reason}
        reason = None if self.reason is None else "The reason is told to who sent the file."
        return {"name": stranger, "state": self.state, "reason": reason}


@dataclass
class Job:
    """One piece of work; written by one worker, read by any request.

    Attributes:
        session: whose it is; nobody else is told the names of its files.
        done, total: steps.
        studies, evaluations: what came of it.
        step: what is being done, in a word; None between steps.
        error: one sentence, where it failed as a whole.
        unexpected: whether that is a fault of the program.
    """

    session: str
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    state: State = "queued"
    done: int = 0
    total: int = 0
    files: list[FileState] = field(default_factory=list)
    studies: list[str] = field(default_factory=list)
    evaluations: list[str] = field(default_factory=list)
    step: str | None = None
    error: str | None = None
    unexpected: bool = False
    ended: float = 0.0

    def as_dict(self, session: str) -> dict[str, Any]:
        """What a request of `session` is told."""
        own = session == self.session
        files = [file.as_dict(None if own else f"file {n}") for n, file in enumerate(self.files, 1)]
        names = ("id", "state", "done", "total", "studies", "evaluations", "step", "error")
        return {name: getattr(self, name) for name in names} | {"files": files}


class QueueFullError(MammoscopeError):
    """More work is waiting than the server takes on."""


class Jobs:
    """The jobs of the last hour and the threads that do them.

    Attributes:
        stopping: set when the server stops; work of several steps looks at it between them.
    """

    def __init__(self, waiting: int) -> None:
        self.stopping = Event()
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="job")
        self._long = ThreadPoolExecutor(1, thread_name_prefix="long")
        self._jobs: dict[str, Job] = {}
        self._pending = 0
        self._waiting = waiting
        self._lock = Lock()

    def submit(self, job: Job, work: Callable[[Job], None], *, long: bool = False) -> Future[None]:
        """Do `work` when its turn comes.

        Args:
            job: tells how far it is.
            work: done in a thread.
            long: it takes minutes; such work is done one at a time, and others do not wait for it.

        Raises:
            QueueFullError: too many wait already.
        """
        with self._lock:
            self._forget()
            if self._pending >= self._waiting:
                raise QueueFullError(
                    f"{self._pending} jobs are waiting already; try again in a minute."
                )
            self._pending += 1
            self._jobs[job.id] = job
        return (self._long if long else self._pool).submit(self._do, job, work)

    def find(self, identifier: str) -> Job | None:
        """A job of the last hour."""
        return self._jobs.get(identifier)

    @property
    def pending(self) -> int:
        """Jobs that wait or run."""
        return self._pending

    def close(self) -> None:
        """Drop what waits, and give what runs a short time to come to an end."""
        self.stopping.set()
        for pool in (self._pool, self._long):
            pool.shutdown(wait=False, cancel_futures=True)
        end = time.monotonic() + _GRACE_S
        while time.monotonic() < end and any(j.state == "running" for j in self._jobs.values()):
            time.sleep(0.05)

    def _do(self, job: Job, work: Callable[[Job], None]) -> None:
        job.state = "running"
        try:
            work(job)
        except MammoscopeError as error:
            job.error = str(error)
        except Exception as error:
            job.error, job.unexpected = f"unexpected {type(error).__name__}.", True
            log.error("job %s: unexpected %s", job.id, type(error).__name__, exc_info=debugging())
        for file in job.files:
            if file.state in ("waiting", "reading"):
                file.state, file.reason = (
                    "failed",
                    job.error or "The file holds no image that is read.",
                )
        job.ended = time.monotonic()
        job.state = "done" if job.error is None else "failed"
        with self._lock:
            self._pending -= 1

    def _forget(self) -> None:
        """Drop what ended more than an hour ago."""
        before = time.monotonic() - _REMEMBERED_S
        for job in [job for job in self._jobs.values() if job.state in ENDED]:
            if job.ended < before:
                del self._jobs[job.id]


def debugging() -> bool:
    """A traceback may quote what a file holds, so it is written only where it was asked for."""
    return os.environ.get("MAMMOSCOPE_DEBUG", "0") not in ("", "0")

"""Core-seconds by stage of a program whose stages run at once; what a command costs."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any


class Clock:
    """Adds up what functions cost the thread that calls them, without what they call in turn.

    Attributes:
        seconds: core-seconds by stage; `clear` it between runs.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._lock, self._local = threading.Lock(), threading.local()

    def watch(self, owner: Any, name: str, stage: str) -> None:
        """Let every call of the function `name` of a module or class count for `stage`."""
        function = getattr(owner, name)

        def watched(*arguments: Any, **options: Any) -> Any:
            inner = self._local.__dict__.setdefault("inner", [])
            inner.append(0.0)
            start = time.thread_time()
            try:
                return function(*arguments, **options)
            finally:
                spent = time.thread_time() - start
                own = spent - inner.pop()
                if inner:
                    inner[-1] += spent
                with self._lock:
                    self.seconds[stage] += own

        setattr(owner, name, watched)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall seconds, and core-seconds of the whole process, of one call."""
    wall, core = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - core


# Linux counts the memory of the process that starts a child as the child's own peak, so a small
# one starts it.
LAUNCHER = """
import os, subprocess, sys, time
start = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
print(time.perf_counter() - start, usage.ru_maxrss / 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def launched(*words: str) -> tuple[float, float]:
    """Wall seconds and peak resident MB of one run of the program, start to end."""
    command = [sys.executable, "-c", LAUNCHER, sys.executable, "-m", "mammoscope", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds, megabytes = map(float, done.stdout.split())
    return seconds, megabytes

"""What is measured of a framework, the same for all: the clock, and the order of things."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mammoscope.frameworks.case import Case, Given, cross_entropy
from mammoscope.train.memory import resident_peak_mib

_WARM_UP, _LEAST, _MOST, _ENOUGH_S = 3, 5, 30, 5.0
"""Pictures judged one by one: before the clock runs, the fewest and most, and seconds of it."""


class Contestant(Protocol):
    """A framework with the network in it."""

    def ready(self, pixels: NDArray[np.uint8], target: NDArray[np.int64]) -> Any:
        """A batch (n, h, w) and its classes (n,) as the framework takes them, on the CPU."""

    def logits(self, batch: Any) -> NDArray[np.floating]:
        """(n, k) in inference mode."""

    def step(self, batch: Any) -> float:
        """Train on a batch; the loss before the step."""

    def peak_gpu_mib(self) -> float | None:
        """The most memory of the GPU that it used; None without one."""

    def versions(self) -> Mapping[str, str]:
        """Of the libraries it consists of."""


def confine(case: Case) -> None:
    """Keep this process to the case's cores; to be called before a framework is imported.

    Frameworks count threads in ways of their own; none uses a core that it may not.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: case.threads])
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ[name] = str(case.threads)


def measured(build: Callable[[Given], Contestant], given: Given, began: float) -> dict[str, Any]:
    """Let a framework answer, learn for one epoch, and answer again.

    Data is in memory before any clock runs.

    Args:
        build: imports the framework and makes the contestant with its weights.
        given: the case.
        began: when the process was started, by `time.time`.

    Returns:
        "start_s" (until the weights are in), "difference" (largest, of the first answers, from
        those of the native network), "first_step_s" and "steps_s" of the others, "losses" of all
        steps, "final_loss" (over the epoch's pictures, in inference mode, after it),
        "single_ms" and "batch_ms" an image in inference, "peak_mib", "gpu_peak_mib", "versions".
    """
    contestant = build(given)
    start = time.time() - began
    batches = [contestant.ready(*batch) for batch in given.batches()]
    answers = contestant.logits(batches[0])
    steps, losses = _timed(contestant.step, batches)
    single = _one_by_one(contestant, given)
    passes, said = _timed(contestant.logits, batches)
    logits = np.concatenate(said).astype(np.float64)
    return {
        "start_s": start,
        "difference": float(np.abs(answers - given.answers).max()),
        "first_step_s": steps[0],
        "steps_s": steps[1:],
        "losses": losses,
        "final_loss": cross_entropy(logits, given.target),
        "single_ms": single,
        "batch_ms": 1000 * median(passes) / given.case.batch,
        "peak_mib": resident_peak_mib(),
        "gpu_peak_mib": contestant.peak_gpu_mib(),
        "versions": dict(contestant.versions()),
    }


def _timed(work: Callable[[Any], Any], batches: Sequence[Any]) -> tuple[list[float], list[Any]]:
    """Seconds and results for each batch."""
    seconds, results = [], []
    for batch in batches:
        began = time.perf_counter()
        results.append(work(batch))
        seconds.append(time.perf_counter() - began)
    return seconds, results


def _one_by_one(contestant: Contestant, given: Given) -> float:
    """Median ms of a picture alone."""
    taken: list[float] = []
    for number in range(-_WARM_UP, _MOST):
        at = slice(number % len(given.target), number % len(given.target) + 1)
        batch = contestant.ready(given.pixels[at], given.target[at])
        seconds, _ = _timed(contestant.logits, [batch])
        if number >= 0:
            taken += seconds
        if number >= _LEAST and sum(taken) > _ENOUGH_S:
            break
    return 1000 * median(taken)

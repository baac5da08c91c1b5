"""Training samples without end: synthetic views, and real normal images with lesions inserted.

A sample follows from its number and the options alone, so any process can make any of them, and
the same number gives the same bytes.

    >>> sample = training_sample(0, StreamOptions(rows=128, healthy=0))
    >>> sample.origin, sample.mammogram.shape, len(sample.findings)
    ('synthetic', (128, 104), 1)

Whether a sample holds a lesion is drawn before and apart from where it comes from, and a healthy
one is made in the same way as any other, with a lesion for which there is room and which is then
left out. So neither origin, nor woman, nor side tells a network what only the tissue should.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Literal

import cv2
import numpy as np

from mammoscope.anatomy import Mask
from mammoscope.data.insertion import insert, random_place, survey
from mammoscope.data.lesions import Lesion, random_lesion
from mammoscope.data.lesions.description import Kind, Pathology
from mammoscope.data.story import random_placed
from mammoscope.data.synth import synthetic_view
from mammoscope.data.synth_shape import VIEWS, View, stream
from mammoscope.data.training_options import Normal, StreamOptions, normals_of
from mammoscope.errors import ConfigError, MammoscopeError
from mammoscope.geometry import Box
from mammoscope.io import read_mammogram
from mammoscope.types import Mammogram

__all__ = [
    "Normal",
    "StreamOptions",
    "TrainingFinding",
    "TrainingSample",
    "normals_of",
    "training_sample",
    "training_samples",
]

Origin = Literal["synthetic", "inserted"]

_TRIES = 30
_AHEAD = 2
"""Samples under way for each worker: the next is ready when one is taken, memory stays bounded."""
_SEEDS = 2**31


@dataclass(frozen=True, eq=False)
class TrainingFinding:
    """One lesion in one image.

    Attributes:
        lesion: all that is known of it.
        mask: (height, width) bool, what a reader would outline.
        box_px: (x1, y1, x2, y2) around it, frame of mammoscope.geometry.
    """

    lesion: Lesion
    mask: Mask
    box_px: Box

    @property
    def kind(self) -> Kind:
        """Such as "mass"."""
        return self.lesion.kind

    @property
    def pathology(self) -> Pathology:
        """Either "benign" or "malignant"."""
        return self.lesion.pathology


@dataclass(frozen=True, eq=False)
class TrainingSample:
    """One picture and the truth about it.

    Attributes:
        number: its place in the stream.
        mammogram: (h, w) uint8 or uint16 pixels, with laterality and view where known.
        findings: the lesions; empty if healthy.
        density: BI-RADS grade, "A" to "D"; None if unknown.
        origin: "synthetic", or "inserted" for a real image, with a lesion inserted or without.
        group: what samples of one woman share; splits must not part them.
    """

    number: int
    mammogram: Mammogram
    findings: tuple[TrainingFinding, ...]
    density: str | None
    origin: Origin
    group: str


@dataclass(frozen=True)
class _Plan:
    """What of a sample is settled before anything is tried, so that no failure shifts a share."""

    number: int
    origin: Origin
    healthy: bool
    kind: Kind
    pathology: Pathology
    view: View
    density: str
    film: bool


def training_samples(
    numbers: Iterable[int],
    options: StreamOptions | None = None,
    normals: Sequence[Normal] = (),
    workers: int = 0,
) -> Iterator[TrainingSample]:
    """The samples of these numbers, in their order, whoever makes them.

    Args:
        numbers: such as range(1000), or itertools.count(rank, world) for one of several processes.
        options: of the stream.
        normals: real images that lesions are inserted into; see `normals_of`.
        workers: processes that make them, a few samples ahead; 0 makes each when it is asked for.

    Raises:
        ConfigError: as `training_sample`.
    """
    options = options or StreamOptions()
    if workers < 0:
        raise ConfigError(f"workers is {workers}; give 0 or more.")
    if workers:
        return _made_ahead(numbers, options, tuple(normals), workers)
    return map(partial(training_sample, options=options, normals=normals), numbers)


def training_sample(
    number: int, options: StreamOptions | None = None, normals: Sequence[Normal] = ()
) -> TrainingSample:
    """The sample of one number.

    Where a lesion has no room or a file cannot be read, other draws of the same sort are tried.

    Args:
        number: not negative.
        options: of the stream.
        normals: real images; where none are given all samples are synthetic.

    Raises:
        ConfigError: the number is negative, or no draw of many could be made.
    """
    options = options or StreamOptions()
    if number < 0:
        raise ConfigError(f"Sample number is {number}; give a whole number from 0 upwards.")
    rng = stream(options.seed, "training", str(number))
    plan = _plan(number, options, bool(normals), rng)
    reason = ""
    for _ in range(_TRIES):
        try:
            if plan.origin == "synthetic":
                return _synthetic(plan, options, rng)
            return _inserted(plan, options, normals[int(rng.integers(len(normals)))], rng)
        except MammoscopeError as error:
            reason = str(error)
    raise ConfigError(
        f"Sample {number}: none of {_TRIES} draws could be made; the last: {reason} Give other "
        "normal images or other kinds."
    )


def _plan(number: int, options: StreamOptions, real: bool, rng: np.random.Generator) -> _Plan:
    draws = rng.random(6)
    grades = np.cumsum(options.densities) / sum(options.densities)
    return _Plan(
        number,
        origin="inserted" if real and draws[0] >= options.synthetic else "synthetic",
        healthy=bool(draws[1] < options.healthy),
        pathology="malignant" if draws[2] < options.malignant else "benign",
        film=bool(draws[3] < options.film),
        density="ABCD"[int(np.searchsorted(grades, draws[4], side="right"))],
        view=VIEWS[int(draws[5] * len(VIEWS))],
        kind=options.kinds[int(rng.integers(len(options.kinds)))],
    )


def _synthetic(plan: _Plan, options: StreamOptions, rng: np.random.Generator) -> TrainingSample:
    woman, seed = (int(value) for value in rng.integers(_SEEDS, size=2))
    placed = random_placed(woman, random_lesion(seed, plan.kind, plan.pathology))
    side, look = placed.laterality, "film" if plan.film else None
    lesions = () if plan.healthy else (placed,)
    shown = synthetic_view(woman, side, plan.view, options.rows, plan.density, lesions, look)
    group = f"synthetic {woman}"
    return TrainingSample(
        plan.number,
        Mammogram(shown.pixels, group, side, plan.view, spacing_mm=shown.spacing_mm),
        tuple(TrainingFinding(s.placed.lesion, s.mask, s.box_px) for s in shown.findings),
        plan.density,
        plan.origin,
        group,
    )


def _inserted(
    plan: _Plan, options: StreamOptions, normal: Normal, rng: np.random.Generator
) -> TrainingSample:
    seed, at = (int(value) for value in rng.integers(_SEEDS, size=2))
    mammogram = _read(normal)
    lesion = random_lesion(seed, plan.kind, plan.pathology)
    pixels, view = mammogram.pixels, mammogram.view
    facts = survey(pixels, view, mammogram.spacing_mm, options.field_aspect)
    made = insert(pixels, lesion, random_place(facts, lesion, at), seed=at, view=view, facts=facts)
    return TrainingSample(
        plan.number,
        mammogram if plan.healthy else replace(mammogram, pixels=made.pixels),
        () if plan.healthy else (TrainingFinding(lesion, made.mask, made.box_px),),
        normal.density,
        plan.origin,
        normal.group,
    )


def _read(normal: Normal) -> Mammogram:
    """The image with what the manifest knows of it."""
    mammogram = read_mammogram(normal.path)
    return replace(
        mammogram,
        laterality=normal.laterality or mammogram.laterality,
        view=normal.view or mammogram.view,
    )


def _made_ahead(
    numbers: Iterable[int], options: StreamOptions, normals: tuple[Normal, ...], workers: int
) -> Iterator[TrainingSample]:
    # Started afresh, not forked: a process that trains holds threads, which a fork would break.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start, (options, normals))
    waiting: deque[Future[TrainingSample]] = deque()
    try:
        for number in numbers:
            waiting.append(pool.submit(_make, number))
            if len(waiting) > _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


_worker: dict[str, partial[TrainingSample]] = {}
"""What makes the samples in a worker process; sent once, as there may be many normal images."""


def _start(options: StreamOptions, normals: tuple[Normal, ...]) -> None:
    cv2.setNumThreads(1)
    _worker["make"] = partial(training_sample, options=options, normals=normals)


def _make(number: int) -> TrainingSample:
    return _worker["make"](number)

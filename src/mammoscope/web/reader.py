"""The networks of the server: what judges exams, regions, ultrasound, and further weights."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import ConfigError, LimitError
from mammoscope.geometry import Box
from mammoscope.infer import Predictor
from mammoscope.infer.classifier import Classifier, with_ultrasound
from mammoscope.infer.region import judge_region, region_as_seen
from mammoscope.io import ExamFiles, load_exam, scan
from mammoscope.io.display import Display
from mammoscope.io.mammogram import read_shown
from mammoscope.models.card import Weights, list_weights, load_card
from mammoscope.types import Exam, ExamReport, ImageReport, Mammogram, RegionReport

SHARPEN_MOST, CONTRAST_MOST = 3.0, 10.0
MOST_PIXELS = 300_000_000
"""Of one exam: twenty of the largest digital mammograms."""


class Read(NamedTuple):
    """An exam, what the program says of it, and how its images are shown, by their paths."""

    exam: Exam
    report: ExamReport
    displays: Mapping[str, Display]


class RegionAnswer(NamedTuple):
    """What is said of a region, and what the network saw of it: (height, width) uint8."""

    report: RegionReport
    seen: NDArray[np.uint8]


class Comparison(NamedTuple):
    """What other weights say of an image, and how long they took."""

    model: str
    report: ImageReport
    seconds: float


class Reader:
    """All networks behind one lock: one judgement uses all cores, two at once gain nothing.

    Args:
        further: weights for comparison besides those that ship, by name or folder.

    Attributes:
        judged: images judged so far.

    Raises:
        WeightsError: some are missing or damaged.
    """

    def __init__(self, further: Sequence[str] = ()) -> None:
        self._predictor = Predictor.load()
        self._further = tuple(load_card(weights, "mammogram") for weights in further)
        self._compared: dict[str, Predictor] = {self._predictor.weights.name: self._predictor}
        self._lock = Lock()
        self.judged = 0

    @property
    def models(self) -> list[Weights]:
        """All weights that can be asked, those that ship first."""
        return [*list_weights(), *self._further]

    def listed(self) -> list[dict[str, Any]]:
        """The weights that can be asked; the default of each purpose is the one that ships."""
        seen: set[str] = set()
        found = []
        for weights in self.models:
            found.append(
                {
                    "name": weights.name,
                    "purpose": weights.purpose,
                    "description": str(weights.card.get("description", "")),
                    "sha256": weights.card["sha256"],
                    "default": weights.purpose not in seen,
                }
            )
            seen.add(weights.purpose)
        return found

    def find(self, paths: Sequence[Path]) -> list[ExamFiles]:
        """The exams in files and folders."""
        return scan(paths)

    def judge(self, exams: Sequence[ExamFiles]) -> Iterator[Read]:
        """Read and judge exams one after the other."""
        for files in exams:
            room = _Room()
            exam = load_exam(files, room.read)
            with self._lock:
                report = self._predictor(exam)
                report = with_ultrasound(report, exam, lambda: self.ultrasound)
                self.judged += sum(image.malignancy is not None for image in report.images)
            yield Read(exam, report, room.displays)

    def region(
        self, mammogram: Mammogram, box_px: Box, sharpen: float = 0.0, contrast: float = 0.0
    ) -> RegionAnswer:
        """Judge a region, after sharpening (unsharp mask) or CLAHE if asked for.

        Raises:
            ConfigError: the region cannot be judged, or an amount is out of its range.
        """
        for name, value, most in (
            ("sharpen", sharpen, SHARPEN_MOST),
            ("contrast", contrast, CONTRAST_MOST),
        ):
            if not 0 <= value <= most:
                raise ConfigError(f"{name} is {value:g}; give 0 to {most:g}.")
        params = self.regions.weights.preprocess
        if sharpen or contrast:
            params = replace(params, sharpen=sharpen, clahe_clip=contrast)
        with self._lock:
            report = judge_region(mammogram, box_px, self.regions, params)
        return RegionAnswer(report, region_as_seen(mammogram, box_px, params))

    def compare(self, mammogram: Mammogram, model: str) -> Comparison:
        """What one of `models` says of an image.

        Raises:
            ConfigError: there is no such model, or it does not read mammograms.
        """
        with self._lock:
            predictor = self._compared.get(model) or self._load(model)
            start = time.perf_counter()
            report = predictor.judge([mammogram])[0]
            return Comparison(model, report, time.perf_counter() - start)

    @cached_property
    def regions(self) -> Classifier:
        """What judges regions, loaded when it is first asked."""
        return Classifier.load("region")

    @cached_property
    def ultrasound(self) -> Classifier:
        """What judges ultrasound pictures, loaded when it is first asked."""
        return Classifier.load("ultrasound")

    def _load(self, model: str) -> Predictor:
        for weights in self.models:
            if weights.name == model and weights.purpose == "mammogram":
                self._compared[model] = Predictor.load(weights.folder)
                return self._compared[model]
        names = ", ".join(w.name for w in self.models if w.purpose == "mammogram")
        raise ConfigError(
            f"there are no weights {model!r} that read mammograms; there are {names}."
        )


class _Room:
    """What one exam may take: its images all lie in memory at once."""

    def __init__(self) -> None:
        self.displays: dict[str, Display] = {}
        self._pixels = 0
        self._lock = Lock()

    def read(self, path: str) -> Mammogram:
        """Read an image if there is room left for it."""
        if self._pixels > MOST_PIXELS:
            raise LimitError(
                path,
                f"the exam has more than {MOST_PIXELS // 1_000_000} million pixels in all",
                "send it in parts",
            )
        mammogram, display = read_shown(path)
        with self._lock:
            self._pixels += mammogram.pixels.size
            self.displays[path] = display
        return mammogram

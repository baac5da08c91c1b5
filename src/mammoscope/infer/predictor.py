"""Exam in, ExamReport out."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mammoscope.infer.classifier import WholeImages
from mammoscope.infer.engine import Engine, Hint, Precision, RawOutputs, Runtime, load_engine
from mammoscope.infer.position import with_positions
from mammoscope.infer.postprocess import (
    breast_report,
    breast_reports,
    image_report,
    mean_density,
    unjudged_report,
)
from mammoscope.models.card import Weights, load_card, verify
from mammoscope.preprocess import Prepared, prepare
from mammoscope.types import (
    BreastReport,
    Exam,
    ExamReport,
    ImageReport,
    Mammogram,
    ModelInfo,
    OperatingPoint,
)

BATCH = 8
"""Images the network sees at once; bounds the memory of exams with very many images."""


@dataclass(frozen=True, eq=False)
class Predictor:
    """A network ready to judge exams; make one with `load` and call it.

    Example:
        >>> import mammoscope as ms
        >>> report = ms.Predictor.load()(ms.read_exam("study/"))  # doctest: +SKIP
    """

    weights: Weights
    engine: Engine
    operating_point: OperatingPoint

    @classmethod
    def load(
        cls,
        weights: str | Path | None = None,
        runtime: Runtime = "auto",
        precision: Precision = "auto",
        operating_point: str | None = None,
        hint: Hint = "latency",
    ) -> Predictor:
        """Load weights by name or folder; None is the weights that ship.

        `hint` is what the engine is to be good at: one exam soon, or many an hour.

        Raises:
            WeightsError: they are missing, damaged, or have no such operating point.
            ConfigError: the runtime or precision is not to be had here.
        """
        found = load_card(weights, "mammogram")
        point = found.operating_point(operating_point)
        outputs = found.outputs if found.classes else None
        engine = load_engine(verify(found), runtime, precision, outputs, hint)
        return cls(found, WholeImages.of(engine, found) if found.classes else engine, point)

    @property
    def info(self) -> ModelInfo:
        """Which weights speak, and through which runtime."""
        return self.weights.info(self.engine.runtime)

    def __call__(self, exam: Exam) -> ExamReport:
        """Judge every image of `exam`, its breasts, and the exam as a whole."""
        return self.exam_report(exam, self.judge(exam.images))

    def exam_report(self, exam: Exam, judged: Sequence[ImageReport]) -> ExamReport:
        """Join what was said of the images of `exam`, in their order; no pixels are looked at."""
        images = with_positions(judged)
        breasts = breast_reports(images, self.weights)
        parts = (*breasts.values(), *_unplaced(images, self.weights))
        higher = max(parts, key=lambda part: part.malignancy or 0.0, default=BreastReport())
        malignancy, point = higher.malignancy, self.operating_point
        return ExamReport(
            id=exam.id,
            model=self.info,
            malignancy=malignancy,
            density=mean_density(part.density for part in parts),
            operating_point=point,
            flag=None if malignancy is None else malignancy >= point.threshold,
            breasts=breasts,
            images=(*images, *map(unjudged_report, exam.unreadable)),
            operating_points=self.weights.operating_points,
            warnings=exam.warnings,
            malignancy_interval=higher.malignancy_interval,
            sure=higher.sure,
            not_sure=self.weights.not_sure,
        )

    def judge(self, mammograms: Sequence[Mammogram]) -> list[ImageReport]:
        """Judge images one by one, in batches for the network."""
        reports: list[ImageReport] = []
        prepare_one = partial(prepare, params=self.weights.preprocess)
        with ThreadPoolExecutor() as pool:  # OpenCV lets go of the interpreter lock
            for start in range(0, len(mammograms), BATCH):
                batch = mammograms[start : start + BATCH]
                prepared = list(pool.map(prepare_one, batch))
                raw = self.engine.run(np.stack([item.pixels for item in prepared]))
                one = partial(self.image_report, raw)
                reports += pool.map(one, range(len(batch)), batch, prepared)
        return reports

    def image_report(
        self, raw: RawOutputs, index: int, mammogram: Mammogram, prepared: Prepared
    ) -> ImageReport:
        """Say what the network's outputs number `index` mean for the image it saw there.

        Args:
            raw: of a batch.
            index: place in the batch.
            mammogram: the image; its pixels make the preview and nothing else.
            prepared: what the network saw of it.
        """
        return image_report(
            mammogram,
            prepared,
            float(raw.malignancy[index]),
            None if raw.lesion_map is None else raw.lesion_map[index],
            None if raw.density is None else raw.density[index],
            self.weights,
            self.operating_point.threshold,
            None if raw.finding_map is None else raw.finding_map[index],
        )


def _unplaced(images: Sequence[ImageReport], weights: Weights) -> list[BreastReport]:
    """Images of an unknown breast cannot be joined with any; each counts by itself."""
    return [
        breast_report(image.malignancy, image.density, weights)
        for image in images
        if image.laterality is None and image.malignancy is not None
    ]

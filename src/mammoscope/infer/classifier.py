"""Classifiers: an ultrasound picture, a region, or a whole mammogram to probabilities of classes.

The weights' card names the classes, those that count as cancer, and how their log odds become a
calibrated probability.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import WeightsError
from mammoscope.infer.engine import Engine, Precision, RawOutputs, Runtime, load_engine
from mammoscope.infer.postprocess import (
    calibrated_map,
    find_lesions,
    preview,
    sigmoid,
    softmax,
)
from mammoscope.io.ultrasound import read_ultrasound
from mammoscope.models.card import Purpose, Weights, load_card, verify
from mammoscope.preprocess import Prepared, PreprocessParams, prepare
from mammoscope.types import (
    ClassReport,
    Exam,
    ExamReport,
    Finding,
    ImageReport,
    LesionMap,
    Mammogram,
    ModelInfo,
    OperatingPoint,
)

LESION = "lesion"
"""Label of a finding in ultrasound: the map tells lesions from tissue, not which kind it is."""
_LIKELY = 0.5
"""A place of the map is taken for a lesion from this probability."""


class Judged(NamedTuple):
    """What the network says of n pictures.

    Attributes:
        log_shares: (n, k) float64, logarithms of the classes' probabilities, not calibrated.
        lesion_maps: (n, h, w) float32 logits; None if the network has no map.
        prepared: what it saw of each.
    """

    log_shares: NDArray[np.float64]
    lesion_maps: NDArray[np.float32] | None
    prepared: list[Prepared]


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network ready to tell classes apart; make one with `load`.

    Example:
        >>> from mammoscope.infer.classifier import Classifier
        >>> classifier = Classifier.load("ultrasound")  # doctest: +SKIP
        >>> classifier.picture_report(picture).ultrasound.probabilities  # doctest: +SKIP
    """

    weights: Weights
    engine: Engine
    operating_point: OperatingPoint

    @classmethod
    def load(
        cls,
        purpose: Purpose,
        weights: str | Path | None = None,
        runtime: Runtime = "auto",
        precision: Precision = "auto",
    ) -> Self:
        """Load weights by name or folder; None is those that ship for the purpose.

        Raises:
            WeightsError: there are none, they are damaged, or for another purpose.
            ConfigError: the runtime or precision is not to be had here.
        """
        found = load_card(weights, purpose)
        if not found.classes:
            raise WeightsError(f"{found.name}: the model card names no classes; export it again.")
        engine = load_engine(verify(found), runtime, precision, found.outputs)
        return cls(found, engine, found.operating_point())

    @property
    def info(self) -> ModelInfo:
        """Which weights speak, and through which runtime."""
        return self.weights.info(self.engine.runtime)

    def judge(
        self, pictures: Sequence[Mammogram], params: PreprocessParams | None = None
    ) -> Judged:
        """Show the network `pictures` (one at least), all at once.

        Args:
            pictures: of any size.
            params: how they are prepared, if not as the network learned to see them.
        """
        params = params or self.weights.preprocess
        return judge(pictures, self.engine, params, self.weights.outputs)

    def malignancy(self, logs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probability (...) of cancer from `log_shares` (..., k)."""
        slope, intercept = self.weights.platt
        return sigmoid(slope * _log_odds(logs, self._positive) + intercept)

    def report(self, logs: NDArray[np.float64]) -> ClassReport:
        """The answer from the `log_shares` (k,) of one picture.

        The classes that count as cancer share the calibrated malignancy between them, and the
        others what is left, in the proportions that the network gave.
        """
        malignancy, positive = float(self.malignancy(logs)), self._positive
        shares = np.empty(len(logs))
        shares[positive] = malignancy * softmax(logs[positive])
        shares[~positive] = (1 - malignancy) * softmax(logs[~positive])
        probabilities = dict(zip(self.weights.classes, map(float, shares), strict=True))
        return ClassReport(probabilities, malignancy, self.operating_point, self.info)

    def picture_report(self, picture: Mammogram) -> ImageReport:
        """Judge an ultrasound picture; its findings are lesions, benign or malignant."""
        judged = self.judge([picture])
        answer = self.report(judged.log_shares[0])
        lesion_map = None
        if judged.lesion_maps is not None:
            platt = self.weights.map_platt
            lesion_map = calibrated_map(judged.prepared[0], judged.lesion_maps[0], platt)
        return ImageReport(
            path=picture.path,
            malignancy=answer.malignancy,
            findings=_lesions(lesion_map),
            warnings=picture.warnings,
            shape_px=picture.shape,
            preview=preview(picture),
            lesion_map=lesion_map,
            ultrasound=answer,
        )

    @property
    def _positive(self) -> NDArray[np.bool_]:
        return np.isin(self.weights.classes, self.weights.positive)


@dataclass(frozen=True, eq=False)
class WholeImages(Engine):
    """A classifier of whole mammograms as an engine of `mammoscope.infer.predictor`.

    It says how likely a cancer is and, where its classes tell, how dense the breast, but not where.

    Attributes:
        weights: of the purpose "mammogram", with classes.
    """

    weights: Weights

    @classmethod
    def of(cls, engine: Engine, weights: Weights) -> Self:
        """The same engine, loaded with the weights' outputs."""
        return cls(**vars(engine), weights=weights)

    def run(self, pixels: NDArray[np.uint8]) -> RawOutputs:
        """Judge (n, height, width) uint8 images; the log odds of cancer are its logits."""
        said = dict(zip(self.weights.outputs, self.arrays(pixels), strict=True))
        logs = log_shares(said["logits"])
        odds = _log_odds(logs, np.isin(self.weights.classes, self.weights.positive))
        grades = self.weights.density_classes
        density = None
        if grades is not None:
            of_grades = [_log_sum(logs[:, np.isin(self.weights.classes, one)]) for one in grades]
            density = np.stack(of_grades, axis=1).astype(np.float32)
        return RawOutputs(odds.astype(np.float32), None, density)


def judge(
    pictures: Sequence[Mammogram],
    engine: Engine,
    params: PreprocessParams,
    outputs: Sequence[str] = ("logits",),
) -> Judged:
    """Show a network `pictures` (one at least), all at once.

    Args:
        pictures: of any size.
        engine: loaded with `outputs`, in that order.
        params: how the network wants them prepared.
        outputs: "logits" and perhaps "lesion_map".
    """
    prepared = [prepare(picture, params) for picture in pictures]
    arrays = engine.arrays(np.stack([item.pixels for item in prepared]))
    said = dict(zip(outputs, arrays, strict=True))
    return Judged(log_shares(said["logits"]), said.get("lesion_map"), prepared)


def log_shares(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logarithms of probabilities (n, k) from logits (n, k), or (n, 1) of two classes' second."""
    exact = np.asarray(logits, np.float64)
    if exact.shape[1] == 1:
        exact = np.concatenate([np.zeros_like(exact), exact], axis=1)
    return np.asarray(exact - _log_sum(exact)[:, None])


def with_ultrasound(
    report: ExamReport, exam: Exam, load: Callable[[], Classifier | None]
) -> ExamReport:
    """Judge those of the exam's refused files that are breast ultrasound.

    Args:
        report: of the exam; its own figures, which are of mammograms, stay as they are.
        exam: says which files were refused.
        load: called when the first ultrasound picture is met; None if there are no weights, and
            then they stay refused.
    """
    refused = {file.path for file in exam.unreadable if file.refused}
    images = [_judged(image, load) if image.path in refused else image for image in report.images]
    return replace(report, images=tuple(images))


def _judged(image: ImageReport, load: Callable[[], Classifier | None]) -> ImageReport:
    picture = read_ultrasound(image.path)
    classifier = None if picture is None else load()
    if picture is None or classifier is None:
        return image
    return classifier.picture_report(picture)


def _lesions(lesion_map: LesionMap | None) -> tuple[Finding, ...]:
    if lesion_map is None:
        return ()
    return tuple(replace(found, label=LESION) for found in find_lesions(lesion_map, _LIKELY))


def _log_odds(logs: NDArray[np.float64], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Logarithm of the odds (...) of the positive classes from `log_shares` (..., k)."""
    return _log_sum(logs[..., positive]) - _log_sum(logs[..., ~positive])


def _log_sum(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the sum of exponentials over the last axis, without overflow."""
    return np.asarray(np.logaddexp.reduce(logs, axis=-1))

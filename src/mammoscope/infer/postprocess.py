"""Raw outputs to what a reader is told; the only place that maps back to source pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscope.anatomy import reduced
from mammoscope.infer.nipple import find_nipple
from mammoscope.models.card import Weights
from mammoscope.preprocess import Prepared
from mammoscope.types import (
    BreastReport,
    Density,
    Finding,
    ImageReport,
    LesionMap,
    Mammogram,
    Range,
    Unreadable,
)

PREVIEW_SIDE = 1280
MAX_FINDINGS = 5
_LEAST_TISSUE = 64
"""Of 255: a map cell with a quarter of breast in it is breast."""
_Z = 1.96
"""Standard errors on each side of a 95 % interval."""


def sigmoid(logits: ArrayLike) -> NDArray[np.float64]:
    """The logistic function, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * np.asarray(logits, np.float64))))


def softmax(logits: ArrayLike) -> NDArray[np.float64]:
    """Over the last axis."""
    exact = np.asarray(logits, np.float64)
    shifted = np.exp(exact - exact.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def image_report(
    mammogram: Mammogram,
    prepared: Prepared,
    malignancy_logit: float,
    map_logits: NDArray[np.float32] | None,
    density_logits: NDArray[np.float32] | None,
    weights: Weights,
    threshold: float,
    finding_logits: NDArray[np.float32] | None = None,
) -> ImageReport:
    """Build the report of one judged image.

    Args:
        mammogram: the image; its pixels make the preview and nothing else.
        prepared: what the network saw of it.
        malignancy_logit: raw.
        map_logits: (h, w) raw; the map covers the network's input. None of a network without a
            map, which finds no places.
        density_logits: (4,) raw; None if the network does not tell.
        weights: their card holds the calibration of the image's score and of the map.
        threshold: a place of the map is a finding if its probability reaches this.
        finding_logits: (h, w) raw, of findings of any kind; None if the network has no such map.
    """
    slope, intercept = weights.platt
    malignancy = float(sigmoid(slope * malignancy_logit + intercept))
    lesion_map = None
    if map_logits is not None:
        lesion_map = calibrated_map(prepared, map_logits, weights.map_platt)
    x1, y1, x2, y2 = prepared.breast_px
    return ImageReport(
        path=mammogram.path,
        laterality=mammogram.laterality,
        view=mammogram.view,
        view_modifiers=mammogram.view_modifiers,
        malignancy=malignancy,
        density=None if density_logits is None else Density(*map(float, softmax(density_logits))),
        findings=() if lesion_map is None else tuple(find_lesions(lesion_map, threshold)),
        warnings=mammogram.warnings,
        shape_px=prepared.geometry.source_shape,
        preview=preview(mammogram),
        lesion_map=lesion_map,
        breast_px=(float(x1), float(y1), float(x2), float(y2)),
        # A spot or magnified view may show another part of the breast alone.
        nipple=None if mammogram.view_modifiers else find_nipple(prepared, mammogram.view),
        finding_map=None if finding_logits is None else calibrated_map(prepared, finding_logits),
        malignancy_interval=malignancy_interval(malignancy, weights),
    )


def malignancy_interval(malignancy: float, weights: Weights) -> Range | None:
    """95 % interval of a calibrated probability, from how well its calibration is known.

    The line's value at the raw logit that gives this probability has, by the delta method, the
    variance (logit, 1) covariance (logit, 1)'. That logit is an image's, or the mean of a
    breast's, since the mean of calibrated logits is the calibrated mean.
    """
    covariance = weights.platt_covariance
    if covariance is None:
        return None
    slope, intercept = weights.platt
    line = _logit([malignancy])[0]
    at = np.array([(line - intercept) / slope, 1.0])
    # Rounding may take the variance of an almost certain value below 0.
    spread = _Z * np.sqrt(max(0.0, float(at @ np.array(covariance) @ at)))
    low, high = sigmoid([line - spread, line + spread])
    return float(low), float(high)


def calibrated_map(
    prepared: Prepared, logits: NDArray[np.float32], platt: tuple[float, float] = (1.0, 0.0)
) -> LesionMap:
    """Put a raw map (h, w) on the probability scale of its highest place; air is 0.

    A cell's value is the share of images with cancer among those whose most suspicious cell
    looks as this one does, where `platt` was fitted on the highest cell of each image; the
    default is the network's own probability.
    """
    height, width = logits.shape
    tissue = cv2.resize(prepared.tissue, (width, height), interpolation=cv2.INTER_AREA)
    values = np.where(tissue >= _LEAST_TISSUE, sigmoid(platt[0] * logits + platt[1]), 0.0)
    return LesionMap(values.astype(np.float32), prepared.geometry.resize((height, width)))


def unjudged_report(unreadable: Unreadable) -> ImageReport:
    """The report of a file that could not be read or was refused."""
    return ImageReport(path=unreadable.path, refused=unreadable.reason)


def find_lesions(lesion_map: LesionMap, threshold: float) -> list[Finding]:
    """Connected places of the map that reach `threshold`, the most suspicious first.

    The box of a place goes around its cells that reach half-way from the threshold to its peak,
    so that one broad slope does not make one broad box.
    """
    values = lesion_map.values
    count, labels = cv2.connectedComponents((values >= threshold).astype(np.uint8))
    findings = [
        _finding(lesion_map, np.where(labels == label, values, 0.0), threshold)
        for label in range(1, count)
    ]
    return sorted(findings, key=lambda finding: -finding.score)[:MAX_FINDINGS]


def _finding(lesion_map: LesionMap, values: NDArray[np.float32], threshold: float) -> Finding:
    peak = float(values.max())
    rows, columns = np.nonzero(values >= (threshold + peak) / 2)
    box = lesion_map.geometry.box_to_source(
        (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    )
    return Finding(box, peak, box_mm=lesion_map.geometry.box_to_mm(box))


def preview(mammogram: Mammogram) -> NDArray[np.uint8]:
    """The whole source image as 8 bit, its longest side at most PREVIEW_SIDE pixels."""
    return reduced(mammogram.pixels, PREVIEW_SIDE)


def breast_reports(images: Sequence[ImageReport], weights: Weights) -> dict[str, BreastReport]:
    """Join the views of each breast; images whose laterality is unknown belong to none.

    Malignancy is the mean of the views' calibrated logits (the rule the operating points were
    measured with); density is the mean of the views' probabilities.
    """
    reports = {}
    for side in ("R", "L"):
        views = [i for i in images if i.laterality == side and i.malignancy is not None]
        if views:
            reports[side] = breast_report(
                mean_malignancy(i.malignancy for i in views if i.malignancy is not None),
                mean_density(i.density for i in views),
                weights,
            )
    return reports


def breast_report(malignancy: float, density: Density | None, weights: Weights) -> BreastReport:
    """A breast's report, with what the weights' card says of how sure its malignancy is."""
    band = weights.not_sure
    return BreastReport(
        malignancy,
        density,
        malignancy_interval(malignancy, weights),
        None if band is None else band.sure(malignancy),
    )


def mean_malignancy(probabilities: Iterable[float]) -> float:
    """Probability whose logit is the mean of the given ones' logits."""
    return float(sigmoid(_logit(list(probabilities)).mean()))


def _logit(probabilities: Sequence[float]) -> NDArray[np.float64]:
    p = np.clip(np.array(probabilities, np.float64), 1e-9, 1 - 1e-9)
    return np.asarray(np.log(p / (1 - p)))


def mean_density(densities: Iterable[Density | None]) -> Density | None:
    """Mean of the known probabilities; None if there are none."""
    known = [density.probabilities for density in densities if density is not None]
    if not known:
        return None
    mean = np.mean(known, axis=0)
    return Density(*(float(p) for p in mean))

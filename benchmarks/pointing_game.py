"""The pointing game: does the highest point of the lesion map lie in a lesion, against chance.

A part of `other_worlds.py`. Coordinates are those of `mammoscope.geometry`, in source pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.anatomy import Mask, breast_mask
from mammoscope.errors import ConfigError
from mammoscope.evaluate.cases import Cases
from mammoscope.evaluate.estimates import Resampling
from mammoscope.infer import Predictor
from mammoscope.io import read_mammogram
from mammoscope.metrics.localisation import chance_level, hit_rate, hits_target
from mammoscope.train.maps import REGION
from mammoscope.types import LesionMap

Row = dict[str, str]
Shapes = NDArray[np.float64]

LARGEST_BOX = REGION
"""Boxes of `cdd_cesm` from this fraction of the breast on mark whole regions, not lesions."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What the program said of one image; coordinates in source pixels.

    Attributes:
        path: the file.
        patient: label of the woman in the set's manifest.
        rows: the image's rows of the manifest.
        malignancy: calibrated probability.
        density: expected grade, 0 (A) to 3 (D).
        peak_px: (x, y) centre of the highest cell of the lesion map.
        cell_px: (width, height) of a cell.
        breast: (h, w) mask of the breast, reduced.
        shape: (height, width) of the source.
    """

    path: Path
    patient: str
    rows: list[Row]
    malignancy: float
    density: float
    peak_px: tuple[float, float]
    cell_px: tuple[float, float]
    breast: Mask
    shape: tuple[int, int]


Target = tuple[Judged, Shapes, Shapes]
"""An image with its boxes (m, 4) and circles (m, 3)."""


@dataclass(frozen=True)
class Pointing:
    """Fraction of images whose map points into a target.

    Attributes:
        name: the targets.
        images, women, hits: counts.
        rate: hits / images.
        wilson: interval as if the images were independent.
        by_woman: interval by patient bootstrap; None where it is undefined.
        chance: mean fraction of the breast that the targets cover.
        centroid: rate of a map that always points at the breast's centroid.
        off_breast: maps whose highest point lies outside of the breast.
    """

    name: str
    images: int
    women: int
    hits: int
    rate: float
    wilson: tuple[float, float]
    by_woman: tuple[float | None, float | None]
    chance: float
    centroid: float
    off_breast: int


def peak_px(lesion_map: LesionMap) -> tuple[float, float]:
    """(x, y) in source pixels: the centre of the highest cell, the first of several."""
    row, column = np.unravel_index(int(lesion_map.values.argmax()), lesion_map.values.shape)
    x, y = lesion_map.geometry.to_source((column + 0.5, row + 0.5))
    return float(x), float(y)


def cell_px(lesion_map: LesionMap) -> tuple[float, float]:
    """(width, height) of a map cell in source pixels."""
    sx, sy = lesion_map.geometry.scale
    return abs(1 / sx), abs(1 / sy)


def widened_boxes(boxes: Shapes, cell: tuple[float, float]) -> Shapes:
    """Boxes (m, 4) grown by half a cell (width, height) on every side."""
    half = np.array(cell) / 2
    return np.hstack([boxes[:, :2] - half, boxes[:, 2:] + half])


def widened_circles(circles: Shapes, cell: tuple[float, float]) -> Shapes:
    """Circles (m, 3) whose radius has grown by half the mean of a cell's width and height."""
    wider: Shapes = circles + np.array([0, 0, sum(cell) / 4])
    return wider


def source_mask(judged: Judged) -> Mask:
    """The breast at the source's size, (height, width)."""
    size = (judged.shape[1], judged.shape[0])
    reduced = judged.breast.astype(np.uint8)
    return np.asarray(cv2.resize(reduced, size, interpolation=cv2.INTER_NEAREST) > 0)


def circles_of(rows: Iterable[Row], severities: str) -> Shapes:
    """(m, 3) circles of the lesions whose severity is among `severities` ("M", "B", "BM")."""
    names = ("x_px", "y_px", "radius_px")
    found = [r for r in rows if r["severity"] and r["severity"] in severities and r["x_px"]]
    return np.array([[float(r[n]) for n in names] for r in found]).reshape(-1, 3)


def boxes_of(rows: Iterable[Row]) -> Shapes:
    """(m, 4) boxes that look like lesions."""
    found = [r for r in rows if float(r["box_frac_of_breast"]) < LARGEST_BOX]
    return np.array([[float(r[n]) for n in ("x1", "y1", "x2", "y2")] for r in found]).reshape(-1, 4)


def judge(predictor: Predictor, path: Path, rows: list[Row]) -> Judged:
    image = read_mammogram(path)
    report = predictor.judge([image])[0]
    lesion_map, density, malignancy = report.lesion_map, report.density, report.malignancy
    if lesion_map is None or density is None or malignancy is None:
        raise ConfigError(f"{path}: the weights gave no malignancy, density or lesion map.")
    return Judged(
        path,
        rows[0]["patient_id"],
        rows,
        malignancy,
        float(np.dot(density.probabilities, range(4))),
        peak_px(lesion_map),
        cell_px(lesion_map),
        breast_mask(image.pixels),
        image.shape,
    )


def cases(judged: Sequence[Judged], truth: Sequence[int]) -> Cases:
    """Images as `mammoscope.evaluate` takes them, ranked by malignancy."""
    _, patient = np.unique([j.patient for j in judged], return_inverse=True)
    score = np.array([j.malignancy for j in judged], np.float64)
    return Cases("image", "reader", patient, np.array(truth, np.intp), score, None, {})


def pointing(name: str, targets: Sequence[Target], resampling: Resampling) -> list[Pointing]:
    """The pointing game on the images that have a target, as drawn and widened; none: no row."""
    kept = [(j, boxes, circles) for j, boxes, circles in targets if len(boxes) or len(circles)]
    kept = [target for target in kept if target[0].breast.any()]
    if not kept:
        return []
    widened = [
        (j, widened_boxes(boxes, j.cell_px), widened_circles(circles, j.cell_px))
        for j, boxes, circles in kept
    ]
    return [
        _pointing(name, kept, resampling),
        _pointing(f"{name}, widened by half a map cell", widened, resampling),
    ]


def _pointing(name: str, targets: Sequence[Target], resampling: Resampling) -> Pointing:
    hits, chance, centroid, off = [], [], [], 0
    for judged, boxes, circles in targets:
        breast = source_mask(judged)
        rows, columns = np.nonzero(breast)
        hits.append(hits_target(judged.peak_px, boxes, circles))
        chance.append(chance_level(breast, boxes, circles))
        middle = (columns.mean() + 0.5, rows.mean() + 0.5)
        centroid.append(hits_target(middle, boxes, circles))
        x, y = judged.peak_px
        off += not breast[int(y), int(x)]  # the map covers no more than the image
    flags = np.array(hits)
    images = cases([judged for judged, _, _ in targets], [0] * len(targets))
    hit = images.having(hit=flags)
    women = resampling.measure(hit, {name: lambda c: float(c.values["hit"].mean())}, cancer=False)[
        0
    ]
    rate = hit_rate(flags)
    # Resampling all misses (or all hits) gives them again: an interval of no width is none.
    by_woman = (None, None) if flags.all() or not flags.any() else (women.low, women.high)
    return Pointing(
        name=name,
        images=rate.n,
        women=women.patients,
        hits=rate.hits,
        rate=rate.value,
        wilson=(rate.low, rate.high),
        by_woman=by_woman,
        chance=float(np.mean(chance)),
        centroid=float(np.mean(centroid)),
        off_breast=off,
    )

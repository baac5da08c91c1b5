"""Whether what lies in a marked region of a mammogram looks benign or malignant.

One crop alone gives an answer that changes when it is moved by a few pixels. So `moved_crops`
cuts the region out nine times, slightly moved and each turned or mirrored another way, and the
answer is the mean of what the network says of them: the same step wherever regions are judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import ConfigError
from mammoscope.geometry import Box, Geometry
from mammoscope.infer.classifier import Classifier, Judged
from mammoscope.preprocess import PreprocessParams, prepare
from mammoscope.types import Exam, ExamReport, ImageReport, Mammogram, Pixels, RegionReport

Judge = Callable[[Sequence[Mammogram]], Judged]

LEAST_SIDE_PX = 16
"""Smaller regions hold too few pixels to say anything."""
LEAST_VARIATION = 0.02
"""Of the image's own range of grey: what varies less holds no tissue to judge."""
MOVES = (-0.06, 0.0, 0.06)
"""Crops are moved by these shares of their side, across and down."""
DETAIL_PX = 128
"""Larger crops are reduced to this side: that of the crops that the network learned from, to which
finer detail would be new."""


def judge_region(
    mammogram: Mammogram,
    box_px: Box,
    classifier: Classifier,
    params: PreprocessParams | None = None,
) -> RegionReport:
    """Judge one region.

    The region is widened to a square about its centre, since the network learned from square
    crops with the mass in the middle.

    Args:
        mammogram: the image.
        box_px: (x1, y1, x2, y2) in source pixels.
        classifier: of the purpose "region".
        params: how crops are prepared, if not as the network learned to see them: to find out
            what sharpening or contrast do to the answer.

    Raises:
        ConfigError: the region is reversed, empty, tiny or reaches outside the image.
    """
    check_region(mammogram, box_px)
    logs = looks(mammogram, box_px, partial(classifier.judge, params=params))
    each = classifier.malignancy(logs)
    geometry = Geometry.identity(mammogram.shape, mammogram.spacing_mm)
    return RegionReport(
        box_px,
        classifier.report(pooled(logs)),
        (float(each.min()), float(each.max())),
        geometry.box_to_mm(box_px),
    )


def looks(mammogram: Mammogram, box_px: Box, judge: Judge) -> NDArray[np.float64]:
    """What a network says of each of the `moved_crops` of a region.

    Args:
        mammogram: the image.
        box_px: (x1, y1, x2, y2) inside it, in source pixels.
        judge: shows the network pictures, such as `Classifier.judge`.

    Returns:
        (looks, k) log_shares, in the order of `moved_crops`.
    """
    crops = [replace(mammogram, pixels=pixels) for pixels in moved_crops(mammogram.pixels, box_px)]
    return judge(crops).log_shares


def pooled(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The answer (..., k) to regions of which each look gave log_shares (..., looks, k)."""
    return np.asarray(logs.mean(axis=-2))


def region_as_seen(
    mammogram: Mammogram, box_px: Box, params: PreprocessParams
) -> NDArray[np.uint8]:
    """The crop at the region's own place as the network sees it: (height, width) uint8."""
    crops = moved_crops(mammogram.pixels, box_px)
    return prepare(replace(mammogram, pixels=crops[len(crops) // 2]), params).pixels


def check_region(mammogram: Mammogram, box_px: Box) -> None:
    """Raise ConfigError, naming region and image, unless the region can be judged."""
    height, width = mammogram.shape
    x1, y1, x2, y2 = box_px
    fault = ""
    if not np.isfinite(box_px).all():
        fault = "is not a number: give pixels"
    elif x1 > x2 or y1 > y2:
        fault = "is reversed: give x1 below x2 and y1 below y2"
    elif x1 == x2 or y1 == y2:
        fault = "is empty: give x1 below x2 and y1 below y2"
    elif x1 < 0 or y1 < 0 or x2 > width or y2 > height:
        fault = f"reaches outside it: give x within 0 to {width} and y within 0 to {height}"
    elif min(x2 - x1, y2 - y1) < LEAST_SIDE_PX:
        fault = f"is too small: give at least {LEAST_SIDE_PX} pixels a side"
    elif _is_even(mammogram.pixels, box_px):
        fault = "shows one even grey, such as air: mark tissue"
    if fault:
        raise ConfigError(
            f"{mammogram.path}: the image is {width} pixels wide and {height} high, and region "
            f"{','.join(f'{value:g}' for value in box_px)} {fault}."
        )


def _is_even(pixels: Pixels, box_px: Box) -> bool:
    """Whether a region varies next to nothing, measured by how the whole image does."""
    x1, y1, x2, y2 = (round(edge) for edge in box_px)
    within, whole = (
        float(np.subtract(*np.percentile(part, (99, 1)))) for part in (pixels[y1:y2, x1:x2], pixels)
    )
    return within <= LEAST_VARIATION * whole


def moved_crops(pixels: Pixels, box_px: Box) -> list[Pixels]:
    """The square around a region, cut out at its place and moved by MOVES of its side.

    Each is turned or mirrored another way, since a mass has no upright.

    Args:
        pixels: (height, width) of the whole image; what lies outside it is filled with its mirror
            image.
        box_px: (x1, y1, x2, y2) inside the image.

    Returns:
        Square crops of one size, at most DETAIL_PX a side, in the order of MOVES down and, within
        that, across; the one at the region's own place is as it lies.
    """
    x1, y1, x2, y2 = box_px
    side = round(max(x2 - x1, y2 - y1))
    margin = round(max(MOVES) * side)
    left, top = round((x1 + x2 - side) / 2) - margin, round((y1 + y2 - side) / 2) - margin
    area = _cut(pixels, left, top, side + 2 * margin)
    if side > DETAIL_PX:
        side, margin = DETAIL_PX, round(max(MOVES) * DETAIL_PX)
        whole = (side + 2 * margin,) * 2
        area = cast("Pixels", cv2.resize(area, whole, interpolation=cv2.INTER_AREA))
    steps = [margin + round(move * side) for move in MOVES]
    places = [area[y : y + side, x : x + side] for y in steps for x in steps]
    middle = len(places) // 2
    return [_turned(crop, 3 * (number - middle)) for number, crop in enumerate(places)]


def _turned(crop: Pixels, way: int) -> Pixels:
    """One of the eight ways to turn and mirror a square; 0 leaves it."""
    turned = np.rot90(crop, way % 4)
    return cast("Pixels", np.ascontiguousarray(turned[:, ::-1] if way // 4 % 2 else turned))


def with_regions(
    report: ExamReport, exam: Exam, boxes_px: Sequence[Box], classifier: Classifier
) -> ExamReport:
    """Add what the classifier says of each region to the report of an exam of one mammogram.

    Raises:
        ConfigError: a region cannot be judged; see `check_region`.
    """
    of_path = {mammogram.path: mammogram for mammogram in exam.images}

    def answered(image: ImageReport) -> ImageReport:
        mammogram = of_path.get(image.path)
        if mammogram is None:
            return image
        found = tuple(judge_region(mammogram, box, classifier) for box in boxes_px)
        return replace(image, regions=found)

    return replace(report, images=tuple(map(answered, report.images)))


def _cut(pixels: Pixels, x: int, y: int, side: int) -> Pixels:
    height, width = pixels.shape
    top, left = max(0, -y), max(0, -x)
    bottom, right = max(0, y + side - height), max(0, x + side - width)
    inside = pixels[max(0, y) : y + side, max(0, x) : x + side]
    edge = cv2.BORDER_REFLECT_101
    return cast("Pixels", cv2.copyMakeBorder(inside, top, bottom, left, right, edge))

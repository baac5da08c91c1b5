"""What a mammogram's picture itself says: polarity, breast, pectoral muscle, chest wall.

Everything here looks at a reduced copy, so it costs a few milliseconds on a full-size image.
"""

from __future__ import annotations

from typing import Any, Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.geometry import box_of
from mammoscope.types import Pixels

Mask = NDArray[np.bool_]

WORKING_SIDE = 512
"""The breast is outlined on a copy whose longest side is this many pixels."""
THUMBNAIL_SIDE = 256
_GLOW = 0.12
"""Light around the breast, as a fraction of the tissue above air; chosen on 33 DDSM films."""
_CLEAN_AIR = 0.78
"""Air is digital, not film, if more than this part of it is one grey level, give or take one."""
_EXTREME = 0.06
"""Grey levels within this fraction of black or white can be air."""
_LINE_LEAST = 0.05
"""Least mean fall of grey along the muscle's edge, in tissue spreads."""
_SURE = 0.1
"""White air must exceed black air by this part of the picture: films may have neither."""


def thumbnail(pixels: Pixels, side: int = THUMBNAIL_SIDE) -> NDArray[np.float32]:
    """Reduce `pixels` (h, w) so that the longest side is at most `side`; values in [0, 1]."""
    small = reduced_grey(pixels, side)
    return small.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def reduced_grey(pixels: Pixels, side: int = WORKING_SIDE) -> Pixels:
    """Reduce `pixels` (h, w) so that the longest side is at most `side`; the dtype stays.

    All that looks at a reduced copy gives the same from this one, and saves reading the whole
    picture again: `breast_mask` exactly, `thumbnail` but for a second rounding.
    """
    scale = min(1.0, side / max(pixels.shape))
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    # The mean of four pixels is what OpenCV is fastest at, by far.
    while not any(n % 2 for n in pixels.shape) and max(pixels.shape) >= 2 * side:
        half = (pixels.shape[1] // 2, pixels.shape[0] // 2)
        pixels = cast("Pixels", cv2.resize(pixels, half, interpolation=cv2.INTER_AREA))
    return cast("Pixels", cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def invert(pixels: Pixels) -> Pixels:
    """Turn black into white and back; the dtype stays."""
    return np.bitwise_not(pixels)


def white_background(pixels: Pixels) -> bool:
    """Whether the picture is a negative: its air is white (MONOCHROME1 shown unturned).

    Air is the largest region of nearly one extreme grey level that touches the picture's
    border. Saturated tissue, an implant or a label is white too, yet smaller than the air or
    away from the border.
    """
    small = thumbnail(pixels)
    low, high = np.percentile(small, (0.5, 99.5))
    margin = _EXTREME * max(float(high - low), 1e-6)
    return _air_fraction(small > high - margin) - _air_fraction(small < low + margin) > _SURE


def _air_fraction(mask: Mask) -> float:
    """Area of the largest part of `mask` that touches the border, as a fraction of the image."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    areas = stats[border[border > 0], cv2.CC_STAT_AREA]
    return float(areas.max() / mask.size) if areas.size else 0.0


def side_of_mask(mask: Mask) -> Literal["L", "R"] | None:
    """The side of the picture the chest wall is on: image left "L" or image right "R".

    The breast is attached to the chest along a whole side and ends in air on the other, so the
    chest's half holds more tissue along the picture's edge.

    Args:
        mask: (h, w), from `breast_mask`.

    Returns:
        None if neither side stands out (no breast, or one cut off on all sides).
    """
    columns = np.flatnonzero(mask.any(axis=0))
    if columns.size < 4:
        return None
    first, last = int(columns[0]), int(columns[-1]) + 1
    band = max(1, (last - first) // 10)
    left = float(mask[:, first : first + band].mean())
    right = float(mask[:, last - band : last].mean())
    if abs(left - right) < 0.05 * max(left, right):
        return None
    return "L" if left > right else "R"


def to_uint8(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale uint16 pixels to uint8, rounding to nearest; uint8 stays as it is."""
    if pixels.dtype == np.uint8:
        return pixels
    return np.asarray(cv2.convertScaleAbs(pixels, alpha=255 / 65535), np.uint8)


def reduced(pixels: Pixels, side: int) -> NDArray[np.uint8]:
    """A whole picture as 8 bit, its longest side at most `side` pixels."""
    return to_uint8(reduced_grey(pixels, side))


def breast_mask(pixels: Pixels) -> Mask:
    """Outline the breast, pectoral muscle included, on a reduced copy.

    The air's grey level is the lowest mode of the picture; what is clearly brighter, connected
    after an opening (which cuts labels and tape off), and largest, is the breast. Plain Otsu
    would put its threshold inside the tissue and cut off fat and skin.

    Args:
        pixels: (h, w) with black air (turn negatives over first).

    Returns:
        bool mask whose longest side is at most WORKING_SIDE; all False if nothing stands out.
    """
    small = reduced(pixels, WORKING_SIDE)
    smooth = np.asarray(cv2.GaussianBlur(small, (0, 0), 1.5), np.uint8)
    bright = (smooth > _air_threshold(smooth)).astype(np.uint8)
    return _largest_part(_drop_borders(bright))


def _air_threshold(smooth: NDArray[np.uint8]) -> float:
    """Grey level that separates air from skin.

    It lies above the noise of the air. On film it also lies above the glow that scatter leaves
    around the skin, a fraction of the tissue's own brightness; digital air is one clean level
    without glow. It is never above Otsu's.
    """
    otsu, _ = cv2.threshold(smooth, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    air, tissue = smooth[smooth <= otsu], smooth[smooth > otsu]
    if air.size == 0 or tissue.size == 0:
        return float(otsu)
    mode = int(np.argmax(np.bincount(air)))
    spread = max(1.0, float(np.sqrt(np.mean((mode - air[air <= mode].astype(float)) ** 2))))
    clean = np.mean(np.abs(air.astype(int) - mode) <= 1) > _CLEAN_AIR
    glow = 0.0 if clean else _GLOW * (float(np.median(tissue)) - mode)
    return min(mode + max(4.0 * spread + 2.0, glow), float(otsu))


def _drop_borders(bright: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut labels, tape edges and thin bright frames off the breast by an opening."""
    radius = max(2, round(0.012 * max(bright.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    padded = cv2.copyMakeBorder(bright, radius, radius, radius, radius, cv2.BORDER_CONSTANT)
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, kernel)
    return np.asarray(opened[radius:-radius, radius:-radius], np.uint8)


def _largest_part(bright: NDArray[np.uint8]) -> Mask:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(bright)
    if count < 2:
        return np.zeros(bright.shape, bool)
    best = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    part = (labels == best).astype(np.uint8)
    contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(part), contours, -1, 1, cv2.FILLED)
    return np.asarray(filled, bool)


def pectoral_mask(pixels: Pixels, breast: Mask) -> Mask:
    """Outline the pectoral muscle of an MLO view, on the same reduced copy as `breast_mask`.

    The muscle is the bright triangle in the upper corner at the chest wall. Its edge is searched
    first as the straight line (the classical assumption of Karssemeijer, Phys Med Biol 1998) with
    the strongest fall of grey from the corner's side to the breast's, then row by row near that
    line, by dynamic programming that lets the edge bend but not jump.

    Args:
        pixels: (h, w) with black air, an MLO view.
        breast: its `breast_mask`.

    Returns:
        bool mask of `breast`'s shape, inside `breast`; all False if no edge stands out.
    """
    size = (breast.shape[1], breast.shape[0])
    small = to_uint8(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)).astype(np.float32)
    mirrored = side_of_mask(breast) == "R"
    if mirrored:
        small, breast = small[:, ::-1], breast[:, ::-1]
    muscle = _muscle_left(small, breast)
    return muscle[:, ::-1] if mirrored else muscle


def pectoral_line(
    small: NDArray[np.float32], breast: Mask, steps: int = 45
) -> tuple[float, float] | None:
    """The straight line that the muscle's border lies on, for a chest wall on the left.

    Args:
        small: (h, w) grey levels of an MLO view with black air.
        breast: its outline, of the same shape.
        steps: how finely the line's two ends are searched.

    Returns:
        Where it leaves the breast's bounding box: columns along its top and rows down its left
        side, both from the upper left corner; None if no edge stands out.
    """
    box = box_of(breast)
    if box is None or not _large_enough(box):
        return None
    fall = _fall_to_the_right(small, breast)[box[1] :, box[0] :]
    return _best_line(fall, box[2] - box[0], steps)


def _large_enough(box: tuple[int, int, int, int]) -> bool:
    """Whether a breast's bounding box has the pixels to look for a muscle in."""
    return box[3] - box[1] >= 32 and box[2] - box[0] >= 16


def _muscle_left(small: NDArray[np.float32], breast: Mask) -> Mask:
    """As `pectoral_mask` for a chest wall on the left."""
    muscle = np.zeros(breast.shape, bool)
    box = box_of(breast)
    if box is None or not _large_enough(box):
        return muscle
    left, top = box[:2]
    fall = _fall_to_the_right(small, breast)[top:, left:]
    ends = _best_line(fall, box[2] - left, 45)
    if ends is None:
        return muscle
    reach, depth = ends
    edge = _bend(fall, reach * (1 - np.arange(int(depth)) / depth))
    inside = np.arange(breast.shape[1] - left)[None, :] < edge[:, None]
    muscle[top : top + len(edge), left:] = inside
    return muscle & breast


def _fall_to_the_right(small: NDArray[np.float32], breast: Mask) -> NDArray[np.float32]:
    """How much darker it gets to the right and downwards, in units of the tissue's spread."""
    smooth = cv2.GaussianBlur(small, (0, 0), 3)
    across = -cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3)
    down = -cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3)
    fall = (0.9 * across + 0.45 * down) / max(float(smooth[breast].std()), 1.0)
    inner = cv2.erode(
        np.pad(breast.astype(np.uint8), ((0, 0), (8, 0)), mode="edge"), np.ones((13, 13), np.uint8)
    )[:, 8:]
    fall[inner == 0] = 0  # the skin line is a stronger edge than the muscle's
    return np.asarray(fall, np.float32)


def _best_line(fall: NDArray[np.float32], width: int, steps: int) -> tuple[float, float] | None:
    """Columns at the top and rows at the chest wall of the line along which it falls most."""
    rows = np.arange(fall.shape[0])
    reaches = np.linspace(0.12, 1.0, steps) * width
    best, best_score = None, _LINE_LEAST
    for depth in np.linspace(0.12, 1.0, steps) * fall.shape[0]:
        length = rows[: int(depth)]
        lines = reaches[:, None] * (1 - length / depth)
        values = fall[length, np.minimum(lines.astype(int), fall.shape[1] - 1)]
        scores = values.mean(axis=1) * np.sqrt(len(length) / fall.shape[0])
        found = int(scores.argmax())
        if scores[found] > best_score:
            best, best_score = (float(reaches[found]), float(depth)), float(scores[found])
    return best


def _bend(fall: NDArray[np.float32], line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Follow the strongest fall within a band around `line`; neighbours differ by 2 at most."""
    band = max(4, int(0.10 * line[0]))
    offsets = np.arange(-band, band + 1)
    columns = np.clip(np.rint(line)[:, None] + offsets, 0, fall.shape[1] - 1).astype(int)
    gain = fall[np.arange(len(line))[:, None], columns] - 0.02 * np.abs(offsets) / band
    total, came = gain.copy(), np.zeros(gain.shape, int)
    for row in range(1, len(line)):
        reach = np.stack([np.roll(total[row - 1], shift) for shift in (-2, -1, 0, 1, 2)])
        reach[0, -2:] = reach[1, -1:] = reach[3, :1] = reach[4, :2] = -np.inf
        best = reach.argmax(axis=0)
        came[row] = np.arange(len(offsets)) - (best - 2)
        total[row] = gain[row] + reach.max(axis=0)
    index = int(total[-1].argmax())
    path = np.empty(len(line))
    for row in range(len(line) - 1, -1, -1):
        path[row] = columns[row, index]
        index = int(came[row, index])
    return path

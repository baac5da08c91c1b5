"""Pictures of the try-it page: the image with a region marked, and its pixels for a screen."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.geometry import Box
from mammoscope.outputs.overlay import box_on_preview
from mammoscope.types import ImageReport, Pixels, Point

Rgb = NDArray[np.uint8]
CROP_SIDE_PX = 224
_MARK_RGB = (255, 196, 61)


def on_source(image: ImageReport, point: Sequence[float]) -> Point:
    """A point of the preview in source pixels, inside the image."""
    if image.preview is None or image.shape_px is None:
        return point[0], point[1]
    height, width = image.preview.shape[:2]
    x, y = point[0] * image.shape_px[1] / width, point[1] * image.shape_px[0] / height
    return min(max(x, 0.0), image.shape_px[1]), min(max(y, 0.0), image.shape_px[0])


def marked(image: ImageReport, box_px: Box | None) -> Rgb | None:
    """The preview with a box, or a cross where the box is a point."""
    if image.preview is None:
        return None
    canvas = np.repeat(image.preview[:, :, None], 3, axis=2)
    if box_px is None:
        return canvas
    x1, y1, x2, y2 = (round(edge) for edge in box_on_preview(image, box_px))
    if (x1, y1) == (x2, y2):
        cv2.drawMarker(canvas, (x1, y1), _MARK_RGB, cv2.MARKER_CROSS, 40, 3)
    else:
        cv2.rectangle(canvas, (x1, y1), (x2, y2), _MARK_RGB, 3)
    return canvas


def magnified(pixels: Pixels) -> Rgb:
    """A square as 8 bits, large enough to be seen: CROP_SIDE_PX a side."""
    most = np.iinfo(pixels.dtype).max
    small = np.asarray(np.rint(pixels * (255 / most)), np.uint8)
    side = (CROP_SIDE_PX, CROP_SIDE_PX)
    return np.asarray(cv2.resize(small, side, interpolation=cv2.INTER_CUBIC), np.uint8)

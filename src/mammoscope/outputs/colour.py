"""The lesion map as colour: laid over the picture and made translucent where it says little."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscope.types import LesionMap

# Below this probability nothing is painted, so that healthy tissue stays as it was. A third of
# the images that the probabilities are calibrated on hold a cancer: less than that says nothing.
SILENT_BELOW = 1 / 3
_MOST_ALPHA = 0.95
# Part of the inferno scale in use: its darkest end would read as shadow on a mammogram.
_DARKEST, _BRIGHTEST = 0.4, 0.97


def map_on(lesion_map: LesionMap, shape: tuple[int, int]) -> NDArray[np.float32]:
    """The lesion map over the whole source image, drawn at `shape` (height, width).

    Returns:
        shape float32 in [0, 1], bilinear between map cells; 0 outside the part of the
        image that the model saw.
    """
    geometry, cells = lesion_map.geometry, lesion_map.values
    height, width = geometry.source_shape
    xs = (np.arange(shape[1]) + 0.5) * (width / shape[1]) * geometry.scale[0] + geometry.offset[0]
    ys = (np.arange(shape[0]) + 0.5) * (height / shape[0]) * geometry.scale[1] + geometry.offset[1]
    seen_x, seen_y = _inside(xs, cells.shape[1]), _inside(ys, cells.shape[0])
    # OpenCV counts from pixel centres, the program's frame from their corners.
    grid_x, grid_y = np.meshgrid((xs - 0.5).astype(np.float32), (ys - 0.5).astype(np.float32))
    values = np.nan_to_num(cells.astype(np.float32), nan=0.0)
    drawn = cv2.remap(values, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    seen = seen_y[:, None] & seen_x[None, :]
    return np.where(seen, np.clip(drawn, 0, 1), np.float32(0)).astype(np.float32)


def paint(probability: ArrayLike) -> NDArray[np.uint8]:
    """Colour and alpha of probabilities in [0, 1].

    The scale is absolute, the same on every picture: inferno (lightness grows evenly with the
    value), with an alpha of 0 up to `SILENT_BELOW` growing towards 1.

    Returns:
        (..., 4) uint8, red, green, blue, alpha (not premultiplied).
    """
    p = np.clip(np.asarray(probability, np.float64), 0, 1)
    strength = np.clip((p - SILENT_BELOW) / (1 - SILENT_BELOW), 0, 1)
    index = np.rint(255 * (_DARKEST + (_BRIGHTEST - _DARKEST) * strength)).astype(np.intp)
    alpha = np.rint(255 * _MOST_ALPHA * strength**0.45).astype(np.uint8)
    return np.concatenate([_inferno()[index], alpha[..., None]], axis=-1)


def _inferno() -> NDArray[np.uint8]:
    steps = np.arange(256, dtype=np.uint8)[:, None]
    bgr = cv2.applyColorMap(steps, cv2.COLORMAP_INFERNO)[:, 0]
    return np.ascontiguousarray(bgr[:, ::-1], np.uint8)


def _inside(positions: NDArray[np.floating], size: int) -> NDArray[np.bool_]:
    return np.asarray((positions >= 0) & (positions <= size))

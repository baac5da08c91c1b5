"""Invertible maps between model pixels, source pixels and millimetres.

Coordinate frame, everywhere in this program: continuous image coordinates, x to the right
and y down, origin at the outer corner of the first pixel, so that pixel (row r, column c)
covers x in [c, c + 1) and y in [r, r + 1). In this frame a resize is a pure scaling and a
flip of an image of width W is x -> W - x; no half-pixel terms appear. Boxes are
(x1, y1, x2, y2) in the same frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Geometry:
    """An axis-aligned affine map from source pixels to model pixels, and back.

    Attributes:
        scale: (sx, sy), model pixels per source pixel; negative where an axis is flipped.
        offset: (ox, oy) in model pixels: model = source * scale + offset.
        source_shape: (height, width) of the source image.
        model_shape: (height, width) of the model image.
        spacing_mm: (row, column) distance of source pixel centres in mm, or None if unknown.
    """

    scale: tuple[float, float]
    offset: tuple[float, float]
    source_shape: tuple[int, int]
    model_shape: tuple[int, int]
    spacing_mm: tuple[float, float] | None = None

    @classmethod
    def identity(
        cls, shape: tuple[int, int], spacing_mm: tuple[float, float] | None = None
    ) -> Self:
        """The map of an image of `shape` (height, width) onto itself."""
        return cls((1.0, 1.0), (0.0, 0.0), shape, shape, spacing_mm)

    def crop(self, box: tuple[int, int, int, int]) -> Geometry:
        """Follow a crop of the model image to `box` (x1, y1, x2, y2), whole model pixels."""
        x1, y1, x2, y2 = box
        ox, oy = self.offset
        return self._with(self.scale, (ox - x1, oy - y1), (y2 - y1, x2 - x1))

    def flip_x(self) -> Geometry:
        """Follow a left-right mirror of the model image."""
        (sx, sy), (ox, oy) = self.scale, self.offset
        return self._with((-sx, sy), (self.model_shape[1] - ox, oy), self.model_shape)

    def resize(self, shape: tuple[int, int]) -> Geometry:
        """Follow a resize of the model image to `shape` (height, width)."""
        fy, fx = shape[0] / self.model_shape[0], shape[1] / self.model_shape[1]
        (sx, sy), (ox, oy) = self.scale, self.offset
        return self._with((sx * fx, sy * fy), (ox * fx, oy * fy), shape)

    def to_model(self, points_px: ArrayLike) -> NDArray[np.float64]:
        """Map (..., 2) source points (x, y) to model points."""
        return np.asarray(points_px, np.float64) * self.scale + self.offset

    def to_source(self, points: ArrayLike) -> NDArray[np.float64]:
        """Map (..., 2) model points (x, y) to source points; the inverse of `to_model`."""
        return (np.asarray(points, np.float64) - self.offset) / self.scale

    def box_to_source(self, box: Box) -> Box:
        """Map a model box to a source box, clipped to the source image."""
        return _clip(self.to_source([box[:2], box[2:]]), self.source_shape)

    def box_to_model(self, box_px: Box) -> Box:
        """Map a source box to a model box, clipped to the model image."""
        return _clip(self.to_model([box_px[:2], box_px[2:]]), self.model_shape)

    def to_mm(self, points_px: ArrayLike) -> NDArray[np.float64] | None:
        """Map (..., 2) source points to mm from the image's corner; None if spacing is unknown."""
        if self.spacing_mm is None:
            return None
        return np.asarray(points_px, np.float64) * self.spacing_mm[::-1]

    def box_to_mm(self, box_px: Box) -> Box | None:
        """Map a source box to mm from the image's corner; None if spacing is unknown."""
        mm = self.to_mm([box_px[:2], box_px[2:]])
        return None if mm is None else _box(mm)

    def _with(
        self, scale: tuple[float, float], offset: tuple[float, float], shape: tuple[int, int]
    ) -> Geometry:
        return Geometry(scale, offset, self.source_shape, shape, self.spacing_mm)


def _clip(corners: NDArray[np.float64], shape: tuple[int, int]) -> Box:
    return _box(np.clip(corners, 0, (shape[1], shape[0])))


def _box(corners: NDArray[np.float64]) -> Box:
    low, high = corners.min(axis=0), corners.max(axis=0)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Box (x1, y1, x2, y2) around what is True in a mask (height, width); None if nothing is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1

"""The sheet a lesion is drawn on, and what comes off it.

Frame of a lesion: mm from its centre, axes a (to the nipple), b (outwards or inwards, up in the
picture of a CC view) and c (to the head). The x-ray beam of a view lies in the plane of b and c;
`angle_deg` turns it about a: 0 is CC (beam along c), 90 a true lateral, about 45 an MLO. In the
picture x is a, to the right, and y runs down: y = -(b cos + c sin); the depth along the beam is
-b sin + c cos.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Mask = NDArray[np.bool_]
Spacing = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Drawing:
    """A lesion in one view at one pixel spacing; arrays (height, width), both odd.

    Attributes:
        thickness_mm: float32, extra thickness of tissue along the beam in mm of gland in the place
            of fat; averaged over each pixel.
        mask: bool, what a reader would outline: the core of a mass, the whole of a cluster.
        warp_mm: (height, width, 2) float32, for every pixel how far away (x, y) the background that
            is seen there has its origin; None if the lesion does not pull on its surroundings.
        spacing_mm: (row, column) pixel spacing.
    """

    thickness_mm: F32
    mask: Mask
    warp_mm: F32 | None
    spacing_mm: Spacing

    @property
    def centre(self) -> tuple[int, int]:
        """(row, column) of the pixel in whose middle the lesion's centre lies."""
        return self.mask.shape[0] // 2, self.mask.shape[1] // 2

    def windows(
        self, shape: tuple[int, ...], centre_px: tuple[float, float]
    ) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Where it lies in a picture of that shape, around (x, y), and which part of it that is."""
        spans = []
        places = (int(centre_px[1]), int(centre_px[0]))
        for place, half, size, length in zip(
            places, self.centre, self.mask.shape, shape, strict=True
        ):
            first = place - half
            low, high = max(0, first), min(length, first + size)
            spans.append((slice(low, high), slice(low - first, high - first)))
        return (spans[0][0], spans[1][0]), (spans[0][1], spans[1][1])


class Layers(NamedTuple):
    """What a kind of lesion draws on a sheet: as in Drawing, the mask as coverage 0 to 1."""

    thickness_mm: F32
    cover: F32
    warp_mm: F32 | None = None


@dataclass(frozen=True, eq=False)
class Sheet:
    """Where the samples of a drawing lie, mm from the lesion's centre; arrays (rows, columns).

    Attributes:
        x, y: to the right and down.
        step: (row, column) distance of samples.
        shape, spacing: of the picture that the samples will be brought to.
    """

    x: F32
    y: F32
    step: Spacing
    shape: tuple[int, int]
    spacing: Spacing

    def window(self, x: float, y: float, reach: float) -> tuple[slice, slice]:
        """Rows and columns within `reach` mm of a point; may be empty."""
        rows = _span(self.y[:, 0], y, reach)
        return rows, _span(self.x[0], x, reach)

    def finish(self, layers: Layers) -> Drawing:
        """Bring the layers to the picture's pixels: averaged down, or interpolated up."""
        return Drawing(
            np.maximum(self._fit(layers.thickness_mm), 0),
            self._fit(layers.cover) >= 0.5,
            None if layers.warp_mm is None else self._fit(layers.warp_mm),
            self.spacing,
        )

    def _fit(self, layer: F32) -> F32:
        if layer.shape[:2] == self.shape:
            return layer
        smaller = self.step[0] < self.spacing[0]
        way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(layer, self.shape[::-1], interpolation=way), np.float32)


def _span(axis: F32, middle: float, reach: float) -> slice:
    first = int(np.searchsorted(axis, middle - reach))
    return slice(first, max(first, int(np.searchsorted(axis, middle + reach))))


def sheet(reach_mm: float, spacing_mm: Spacing, detail_mm: float, samples: int) -> Sheet:
    """A sheet for a drawing that reaches `reach_mm` from its centre on every side.

    Args:
        reach_mm: half the side.
        spacing_mm: (row, column) spacing of the wanted picture.
        detail_mm: samples lie at least this close, so that what is smaller than a pixel counts.
        samples: at most so many from the centre to the edge, which bounds the time.
    """
    shape = tuple(2 * int(np.ceil(reach_mm / s)) + 1 for s in spacing_mm)
    sides = [n * s for n, s in zip(shape, spacing_mm, strict=True)]
    least = reach_mm / samples
    counts = [
        n if least <= s <= detail_mm else int(np.ceil(side / max(detail_mm, least)))
        for n, s, side in zip(shape, spacing_mm, sides, strict=True)
    ]
    step = (sides[0] / counts[0], sides[1] / counts[1])
    y, x = (((np.arange(n) + 0.5) * s - n * s / 2) for n, s in zip(counts, step, strict=True))
    xx, yy = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    return Sheet(xx, yy, step, (shape[0], shape[1]), spacing_mm)


def beam(angle_deg: float) -> F64:
    """(3, 3) matrix from the lesion's (a, b, c) to (x, y, depth) in a view."""
    cos, sin = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    return np.array([[1, 0, 0], [0, -cos, -sin], [0, -sin, cos]], np.float64)

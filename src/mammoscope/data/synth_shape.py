"""Shapes of a synthetic breast: outlines for CC and MLO, pectoral muscle, nipple, lesion place.

Coordinate frame: the canonical frame has the chest wall at u = 0 (the picture's left edge, as
in a left-breast picture), u to the right and v down, both in picture heights, so nothing
here knows a resolution. One picture height stands for 266.24 mm (4096 rows of 0.065 mm).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mammoscope.types import Laterality

View = Literal["CC", "MLO"]
F64 = NDArray[np.float64]
Point = tuple[float, float]

HEIGHT_MM = 4096 * 0.065
ASPECT = 3328 / 4096
VIEWS: tuple[View, ...] = ("CC", "MLO")


def stream(seed: int, *labels: str) -> np.random.Generator:
    """The random stream of one purpose: the same seed and labels give the same numbers."""
    return np.random.default_rng([seed, *(zlib.crc32(label.encode()) for label in labels)])


@dataclass(frozen=True)
class Outline:
    """The outline of one breast in one view, canonical frame, lengths in picture heights.

    Attributes:
        view: "CC" or "MLO".
        depth: distance of the nipple's base from the chest-wall edge.
        nipple_v: height of the nipple in the picture.
        above, below: extent of the breast above and below the nipple.
        bend: power of the outline's arc; 0.5 is an ellipse, 1 a parabola, more pointed.
        top: width of tissue at the upper edge of an MLO picture (the axilla); 0 in CC.
        fold: width of the body wall below the inframammary fold of an MLO picture; 0 in CC.
        muscle: (width, length) of the pectoral triangle; (0, 0) in CC.
    """

    view: View
    depth: float
    nipple_v: float
    above: float
    below: float
    bend: float
    top: float = 0.0
    fold: float = 0.0
    muscle: tuple[float, float] = (0.0, 0.0)

    @property
    def nipple(self) -> Point:
        """(u, v) of the nipple's tip."""
        return float(self.edge(np.array([self.nipple_v]))[0]), self.nipple_v

    def edge(self, v: F64) -> F64:
        """Distance u of the skin from the chest wall at every height in `v`."""
        down = np.clip((v - self.nipple_v) / self.below, 0, 1)
        wall = self.fold * np.clip(0.3 + (v - self.nipple_v - self.below) / 0.1, 0.3, 1.2)
        lower = np.hypot(self.depth * _arc(down, self.bend), wall)
        up = np.clip((self.nipple_v - v) / self.above, 0, 1)
        if self.view == "CC":
            upper = self.depth * _arc(up, self.bend)
        else:
            upper = self.top + (self.depth - self.top) * (1 + np.cos(np.pi * up**1.15)) / 2
        nipple = 0.013 * np.exp(-(np.abs((v - self.nipple_v) / 0.021) ** 3))
        return np.asarray(np.where(v < self.nipple_v, upper, lower) + nipple, np.float64)

    def muscle_edge(self, v: F64) -> F64:
        """Distance u of the pectoral muscle's border from the chest wall; 0 where there is none."""
        width, length = self.muscle
        if width == 0:
            return np.zeros_like(v)
        return width * np.clip(1 - (v / length) ** 1.25, 0, 1)

    def clearance(self, points: F64) -> F64:
        """Distance of (..., 2) points to skin, muscle and chest-wall edge; negative outside."""
        v = np.linspace(0, 1, 257)
        skin = _distance(points, np.stack([self.edge(v), v], axis=-1))
        outside = points[..., 0] > self.edge(points[..., 1])
        room = np.minimum(np.where(outside, -skin, skin), points[..., 0])
        if self.view == "CC":
            return room
        border = np.stack([self.muscle_edge(v), v], axis=-1)[v < self.muscle[1]]
        beneath = points[..., 0] < self.muscle_edge(points[..., 1])
        muscle = _distance(points, border)
        return np.minimum(room, np.where(beneath, -muscle, muscle))


def _arc(x: F64, bend: float) -> F64:
    """From 1 at x = 0 to 0 at x = 1."""
    return np.asarray((1 - x**2) ** bend, np.float64)


def _distance(points: F64, line: F64) -> F64:
    """Distance of (..., 2) points to the nearest of the (n, 2) points of a line."""
    gaps = np.linalg.norm(points[..., None, :] - line, axis=-1)
    return np.asarray(gaps.min(axis=-1), np.float64)


def outline(seed: int, laterality: Laterality, view: View) -> Outline:
    """The outline of one breast of the woman `seed`: both breasts alike, not identical."""
    woman = stream(seed, "woman")
    breast = stream(seed, "breast", laterality)
    size = woman.uniform(0.72, 1.18) * breast.normal(1, 0.02)
    bend = woman.uniform(0.5, 0.72)
    depth = 0.40 * size * breast.normal(1, 0.015)
    place = stream(seed, "placing", laterality, view)
    if view == "CC":
        up, down = woman.uniform(0.38, 0.43) * size, woman.uniform(0.37, 0.42) * size
        return Outline("CC", depth, place.uniform(0.47, 0.53), up, down, bend)
    depth *= 1.05
    nipple_v = 0.62 + place.uniform(-0.03, 0.03)
    top = min(depth * 0.8, woman.uniform(0.20, 0.33) * size)
    muscle = (top * place.uniform(0.60, 0.75), nipple_v * place.uniform(0.70, 1.0))
    below = min(0.31 * size, 0.97 - nipple_v)
    fold = woman.uniform(0.02, 0.05)
    return Outline("MLO", depth, nipple_v, nipple_v, below, bend, top, fold, muscle)

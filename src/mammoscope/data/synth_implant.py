"""Breast implants: a smooth body before or behind the pectoral muscle, the tissue pushed forward.

An implant has one size and one distance from the nipple, so that CC and MLO show the same body,
as they show the same lesion. The picture cuts off what lies behind its chest-wall edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.data.synth_shape import HEIGHT_MM, Outline, Point, outline, stream
from mammoscope.data.synth_tissue import F32, F64, Grid
from mammoscope.errors import ConfigError
from mammoscope.types import Laterality

Fill = Literal["silicone", "saline"]
Position = Literal["subglandular", "subpectoral"]
FILLS: tuple[Fill, ...] = get_args(Fill)
POSITIONS: tuple[Position, ...] = get_args(Position)

_POWER = 2.2
_LOST, _FAT = 0.85, 0.2
"""How much of the tissue is crowded away where an implant is thickest, and the light of fat."""
_DRAPE_MM = 6.0
_VALVE_MM = 7.0


@dataclass(frozen=True)
class Implant:
    """An implant of one breast.

    Attributes:
        laterality: the breast it is in.
        fill: silicone is white; saline lets tissue, valve and folds shine through.
        position: in front of the pectoral muscle (subglandular) or behind it (subpectoral).
        nipple_mm: distance of its front from the nipple, the same in CC and MLO.
        radius_mm: half of its extent along the chest wall.
        depth_mm: half of its extent away from the chest wall; the picture shows not all of it.
        seed: names its folds and the place of its valve.
    """

    laterality: Laterality
    fill: Fill = "silicone"
    position: Position = "subglandular"
    nipple_mm: float = 50.0
    radius_mm: float = 55.0
    depth_mm: float = 30.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.laterality not in ("L", "R"):
            raise ConfigError(f"Implant laterality is {self.laterality!r}; give 'L' or 'R'.")
        if self.fill not in FILLS:
            raise ConfigError(f"Implant fill is {self.fill!r}; give {' or '.join(FILLS)}.")
        if self.position not in POSITIONS:
            raise ConfigError(
                f"Implant position is {self.position!r}; give {' or '.join(POSITIONS)}."
            )
        for name in ("nipple_mm", "radius_mm", "depth_mm"):
            if not 10 <= getattr(self, name) <= 120:
                raise ConfigError(
                    f"Implant {name} is {getattr(self, name):.0f}; give 10 to 120 mm."
                )


def random_implant(
    seed: int, laterality: Laterality, fill: Fill | None = None, position: Position | None = None
) -> Implant:
    """An implant that fits the breast of the woman `seed`; what is None is drawn from the seed."""
    woman = stream(seed, "implant")
    breast = outline(seed, laterality, "CC")
    share = woman.uniform(0.44, 0.54)
    girth = min(breast.above, breast.below) * woman.uniform(0.54, 0.62)
    silicone, under_muscle = woman.random(2)
    return Implant(
        laterality,
        fill or ("silicone" if silicone < 0.6 else "saline"),
        position or ("subpectoral" if under_muscle < 0.5 else "subglandular"),
        nipple_mm=(1 - share) * breast.depth * HEIGHT_MM,
        radius_mm=girth * HEIGHT_MM,
        depth_mm=woman.uniform(0.80, 0.92) * share * breast.depth * HEIGHT_MM,
        seed=seed,
    )


@dataclass(frozen=True)
class Silhouette:
    """An implant in one view: a rounded ellipse, canonical frame, lengths in picture heights.

    Attributes:
        implant: what is seen.
        centre: (u, v) of the ellipse.
        tilt: angle by which its upper end leans forward, radians.
        drape: thickness of the muscle that runs over its front.
    """

    implant: Implant
    centre: Point
    tilt: float
    drape: float = 0.0

    def radius(self, u: F64, v: F64) -> F64:
        """0 at the centre, 1 on the outline, above outside, at every (u, v)."""
        x, y = self._own(u, v)
        deep, long = self._half
        q = np.abs(x / deep) ** _POWER + np.abs(y / long) ** _POWER
        return np.asarray(q ** (1 / _POWER), np.float64)

    def clearance(self, points: F64) -> F64:
        """Distance of (..., 2) points to the outline and muscle on it; negative inside."""
        angle = np.linspace(0, 2 * np.pi, 181)
        ray = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        deep, long = self._half
        reach = (np.abs(ray[:, 0] / deep) ** _POWER + np.abs(ray[:, 1] / long) ** _POWER) ** (
            -1 / _POWER
        )
        x, y = (ray * reach[:, None]).T
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        line = np.stack([x * cos - y * sin, x * sin + y * cos], axis=-1) + self.centre
        gaps = np.linalg.norm(points[..., None, :] - line, axis=-1).min(axis=-1)
        inside = self.radius(points[..., 0], points[..., 1]) < 1
        return np.asarray(np.where(inside, -gaps, gaps) - self.drape, np.float64)

    def front(self, grid: Grid) -> F64:
        """How far it reaches from the chest wall in every row of a picture; 0 beside it."""
        inside = self.radius(grid.u.astype(np.float64), grid.v.astype(np.float64)) < 1
        return np.asarray(np.where(inside, grid.u, 0).max(axis=1), np.float64)

    @property
    def _half(self) -> tuple[float, float]:
        return self.implant.depth_mm / HEIGHT_MM, self.implant.radius_mm / HEIGHT_MM

    def _own(self, u: F64, v: F64) -> tuple[F64, F64]:
        du, dv = u - self.centre[0], v - self.centre[1]
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        return du * cos + dv * sin, dv * cos - du * sin


def silhouette(implant: Implant, shape: Outline) -> Silhouette:
    """Where an implant lies in a view of its breast."""
    nipple_u, nipple_v = shape.nipple
    deep = implant.depth_mm / HEIGHT_MM
    centre_u = nipple_u - (implant.nipple_mm / HEIGHT_MM + deep)
    if shape.view == "CC":
        return Silhouette(implant, (centre_u, nipple_v), 0.0)
    width, length = shape.muscle
    slope = 0.6 * width / length
    # The muscle takes the upper end forward with it; a little of that is in front of the nipple.
    drape = _DRAPE_MM / HEIGHT_MM if implant.position == "subpectoral" else 0.0
    return Silhouette(implant, (centre_u, nipple_v - 0.035), float(np.arctan(slope)), drape)


def pushed(tissue: F32, grid: Grid, body: Silhouette) -> F32:
    """Tissue (rows, columns) crowded into what an implant leaves of the breast."""
    rows = tissue.shape[0]
    front = cv2.GaussianBlur(body.front(grid)[:, None], (1, 0), sigmaX=1, sigmaY=0.02 * rows)
    edge = np.maximum(grid.shape.edge(grid.v[:, :1].astype(np.float64)), front + 0.02)
    left = np.clip((edge - grid.u) / (edge - front), 0, None)
    source = (grid.u - front * np.minimum(left, 1.5) ** 1.3) * rows - 0.5
    down = np.broadcast_to(np.arange(rows, dtype=np.float32)[:, None], tissue.shape)
    moved = cv2.remap(
        tissue,
        source.astype(np.float32),
        np.ascontiguousarray(down),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(moved, np.float32)


def thinned(light: F32, grid: Grid, body: Silhouette) -> F32:
    """Light (rows, columns) with a thin sheet of tissue left before and behind an implant."""
    u, v = grid.u.astype(np.float64), grid.v.astype(np.float64)
    # The sheet thickens towards the implant's rounded rim.
    thin = _LOST * np.sqrt(np.clip(1.02 - body.radius(u, v) ** 2, 0, 1))
    return np.asarray(light + thin * (_FAT - light), np.float32)


def draped(edge: F64, v: F64, front: F64, body: Silhouette) -> F64:
    """The muscle's border (rows,) where it runs over a subpectoral implant's upper front."""
    long = body.implant.radius_mm / HEIGHT_MM
    reach = np.clip((body.centre[1] + 0.45 * long - v) / (0.9 * long), 0, 1)
    over = np.where(front > 0, front + body.drape, 0) * (reach > 0) * reach**0.15
    ridge = cv2.GaussianBlur(np.maximum(edge, over)[:, None], (1, 0), sigmaX=1, sigmaY=len(v) / 60)
    return np.asarray(np.maximum(edge, ridge[:, 0]), np.float64)


def cover_of(body: Silhouette, grid: Grid) -> F32:
    """How much of the way to white an implant takes the grey level of each pixel, 0 to 1."""
    u, v = grid.u.astype(np.float64), grid.v.astype(np.float64)
    radius = body.radius(u, v)
    du, dv = u - body.centre[0], v - body.centre[1]
    # Radial distance to the outline, positive inside, in mm.
    inward = np.hypot(du, dv) * (1 / np.maximum(radius, 1e-3) - 1) * HEIGHT_MM
    chord = np.sqrt(np.clip(1 - radius**2, 0, 1))
    if body.implant.fill == "silicone":
        filled = 1 - np.exp(-8.0 * chord)
        cover = 0.97 * filled
    else:
        shell = np.exp(-((inward - 0.8) ** 2) / (2 * 0.5**2))
        cover = 0.64 * (1 - np.exp(-3.2 * chord)) + 0.20 * shell + _folds(body, grid, radius)
        cover += _valve(body, grid)
    pixel_mm = HEIGHT_MM / grid.u.shape[0]
    soft = np.clip(0.5 + inward / max(0.5, pixel_mm), 0, 1)
    return np.asarray(np.clip(cover, 0, 0.985) * soft, np.float32)


def _folds(body: Silhouette, grid: Grid, radius: NDArray[np.float64]) -> F64:
    """Wrinkles of a saline implant's shell: faint bright lines, mostly near its rim."""
    rng = stream(body.implant.seed, "folds", body.implant.laterality, grid.shape.view)
    total = np.zeros(grid.u.shape)
    x, y = body._own(grid.u.astype(np.float64), grid.v.astype(np.float64))
    deep, long = body._half
    for _ in range(int(rng.integers(3, 7))):
        angle, bow = rng.normal(0, 1.0), rng.uniform(0.3, 1.6)
        along = x / deep * np.sin(angle) + y / long * np.cos(angle)
        across = x / deep * np.cos(angle) - y / long * np.sin(angle)
        gap = (across - rng.uniform(0.45, 0.9) + 0.5 * bow * along**2) * deep * HEIGHT_MM
        middle, reach = rng.uniform(-0.5, 0.5), rng.uniform(0.2, 0.4)
        seen = np.exp(-(((along - middle) / reach) ** 2))
        total += rng.uniform(0.06, 0.13) * seen * np.exp(-((gap / rng.uniform(0.8, 1.8)) ** 2))
    return np.asarray(total * (radius < 1), np.float64)


def _valve(body: Silhouette, grid: Grid) -> F64:
    """The ring of the valve, on the implant's front, seen at a slant."""
    rng = stream(body.implant.seed, "valve", body.implant.laterality)
    across, slant = rng.uniform(-0.25, 0.25), rng.uniform(0.55, 0.85)
    x, y = body._own(grid.u.astype(np.float64), grid.v.astype(np.float64))
    deep, long = body._half
    far = np.hypot((x - 0.45 * deep) / slant, y - across * long) * HEIGHT_MM
    ring = np.exp(-(((far - _VALVE_MM) / 0.7) ** 2))
    hub = np.exp(-((far / 2.0) ** 4))
    return np.asarray(0.22 * ring + 0.12 * hub + 0.05 * (far < _VALVE_MM), np.float64)

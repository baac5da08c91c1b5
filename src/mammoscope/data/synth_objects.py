"""What is in or on a breast and is no tissue: markers on the skin, clips, pacemaker and port.

Each is a few strokes of metal in three dimensions, in mm (forward to the nipple, outward, up),
projected for each view as its lesions are. None of it is a finding; detectors stumble over it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.data.synth_implant import Implant, silhouette
from mammoscope.data.synth_place import spot
from mammoscope.data.synth_shape import HEIGHT_MM, VIEWS, Outline, Point, View, outline, stream
from mammoscope.data.synth_tissue import F32, F64
from mammoscope.errors import ConfigError
from mammoscope.types import Laterality

ObjectKind = Literal[
    "nipple marker",
    "mole marker",
    "scar marker",
    "biopsy clip",
    "surgical clips",
    "pacemaker",
    "port",
]
OBJECT_KINDS: tuple[ObjectKind, ...] = get_args(ObjectKind)

_ON_SKIN = frozenset({"nipple marker", "mole marker", "scar marker"})
_IN_AXILLA = frozenset({"pacemaker", "port"})
_ROOM_MM = {"mole marker": 9.0, "scar marker": 16.0, "biopsy clip": 6.0, "surgical clips": 12.0}
_FORWARD = np.array([1.0, 0.0, 0.0])
_SIDEWAYS = np.array([0.0, 0.924, 0.383])
"""Along the skin and across the beams' mean direction: seen equally in CC and MLO."""
_FINEST_MM = 0.04


@dataclass(frozen=True)
class ForeignObject:
    """An object in or on a breast, placed like a lesion.

    Attributes:
        kind: one of OBJECT_KINDS.
        laterality: the breast.
        nipple_mm, cc_degrees, mlo_degrees: as those of `Placed`; a nipple marker lies on the
            nipple, pacemaker and port in the axilla, where MLO alone shows a part of them.
        seed: names its form.
    """

    kind: ObjectKind
    laterality: Laterality
    nipple_mm: float = 45.0
    cc_degrees: float = 20.0
    mlo_degrees: float = 30.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in OBJECT_KINDS:
            raise ConfigError(f"Object kind is {self.kind!r}; give {', '.join(OBJECT_KINDS)}.")
        if self.laterality not in ("L", "R"):
            raise ConfigError(f"Object laterality is {self.laterality!r}; give 'L' or 'R'.")

    @property
    def on_skin(self) -> bool:
        """Whether it lies on the skin."""
        return self.kind in _ON_SKIN

    def place(self, shape: Outline, implant: Implant | None = None) -> Point | None:
        """(u, v) of its centre in a view, picture heights; None where that view does not show it.

        Raises:
            ConfigError: the breast has no room for it at that distance from the nipple.
        """
        if self.kind in _IN_AXILLA:
            return _axilla(self, shape) if shape.view == "MLO" else None
        found = self._place(shape, implant)
        if found is None:
            raise ConfigError(
                f"Object nipple_mm is {self.nipple_mm:.0f}: the {shape.view} view has no room for "
                f"a {self.kind} there; give another distance."
            )
        return found

    def fitted(self, seed: int, implant: Implant | None = None) -> ForeignObject:
        """The same object of the woman `seed`, as near to the nipple as it must be to have room.

        Raises:
            ConfigError: there is no room at any distance.
        """
        if self.kind == "nipple marker" or self.kind in _IN_AXILLA:
            return self
        shapes = [outline(seed, self.laterality, view) for view in VIEWS]
        for nipple_mm in np.arange(self.nipple_mm, 12, -2.5):
            moved = replace(self, nipple_mm=float(nipple_mm))
            if all(moved._place(shape, implant) is not None for shape in shapes):
                return moved
        raise ConfigError(f"seed {seed}: the breast has no room for a {self.kind}; choose another.")

    def _place(self, shape: Outline, implant: Implant | None) -> Point | None:
        if self.kind == "nipple marker":
            return shape.nipple[0] - 0.4 / HEIGHT_MM, shape.nipple[1]
        wanted = self.cc_degrees if shape.view == "CC" else self.mlo_degrees
        body = None if implant is None or self.on_skin else silhouette(implant, shape)
        return spot(shape, self.nipple_mm, wanted, _ROOM_MM[self.kind], body)


def random_object(seed: int, kind: ObjectKind, laterality: Laterality) -> ForeignObject:
    """An object of the woman `seed`, at a place drawn from the seed; see `fitted`."""
    rng = stream(seed, "object", kind, laterality)
    distance, cc, mlo = rng.uniform((35, -35, -10), (70, 40, 45))
    return ForeignObject(kind, laterality, float(distance), float(cc), float(mlo), seed)


class Stroke(NamedTuple):
    """A line of metal, or with `filled` a plate, in space or (axilla) in the picture's plane.

    Attributes:
        points: (n, 3) mm forward, outward, up; or (n, 2) mm to the right and down.
        width_mm: of the line.
        cover: how much of the way to white it takes a pixel that it fills, 0 to 1.
        filled: whether the outline's inside belongs to it.
    """

    points: F64
    width_mm: float
    cover: float
    filled: bool = False


class Ink(NamedTuple):
    """One visible thing: its cover (rows, columns) of a window of the picture."""

    cover: F32
    window: tuple[slice, slice]


def drawn(thing: ForeignObject, view: View, centre: Point, shape: tuple[int, int]) -> list[Ink]:
    """The parts of an object in one view, canonical frame; a group of clips has several.

    Args:
        thing: what to draw.
        view: the view.
        centre: (u, v) from `place`.
        shape: (rows, columns) of the picture.
    """
    inks = [_ink(part, view, centre, shape) for part in _parts(thing)]
    return [ink for ink in inks if ink is not None]


def _parts(thing: ForeignObject) -> list[list[Stroke]]:
    rng = stream(thing.seed, "form", thing.kind, thing.laterality)
    if thing.kind == "nipple marker":
        return [[Stroke(np.zeros((1, 3)), float(rng.uniform(1.5, 2.0)), 0.97)]]
    if thing.kind == "mole marker":
        return [[_ring(float(rng.uniform(4.5, 6.5)))]]
    if thing.kind == "scar marker":
        return [[_wire(rng)]]
    if thing.kind == "biopsy clip":
        return [_biopsy_clip(rng)]
    if thing.kind == "surgical clips":
        return list(_surgical_clips(rng))
    return [_pacemaker(rng) if thing.kind == "pacemaker" else _port(rng)]


def _ring(radius_mm: float) -> Stroke:
    angle = np.linspace(0, 2 * np.pi, 73)[:, None]
    around = radius_mm * (np.cos(angle) * _FORWARD + np.sin(angle) * _SIDEWAYS)
    return Stroke(around, 0.6, 0.9)


def _wire(rng: np.random.Generator) -> Stroke:
    """A lead wire along a scar: 25 to 45 mm, slightly bowed."""
    along = np.linspace(-0.5, 0.5, 25)[:, None] * rng.uniform(25, 45)
    heading = rng.uniform(0, np.pi)
    ahead = np.cos(heading) * _FORWARD + np.sin(heading) * _SIDEWAYS
    across = np.cos(heading) * _SIDEWAYS - np.sin(heading) * _FORWARD
    bow = rng.uniform(-0.006, 0.006) * along**2 + 0.3 * np.sin(0.25 * along + rng.uniform(0, 6))
    return Stroke(along * ahead + bow * across, 0.5, 0.93)


def _biopsy_clip(rng: np.random.Generator) -> list[Stroke]:
    """A marker left after a biopsy: a coil, a ribbon or a horseshoe of 2 to 3 mm."""
    turn = _rotation(rng)
    form = rng.choice(["coil", "ribbon", "horseshoe"])
    t = np.linspace(0, 1, 60)
    if form == "coil":
        turns = 2 * np.pi * 3.5 * t
        points = np.stack([3.0 * (t - 0.5), 0.65 * np.cos(turns), 0.65 * np.sin(turns)], axis=-1)
    elif form == "ribbon":
        way = np.pi * (1.5 * t - 0.25)
        points = np.stack([1.6 * np.sin(way), 1.1 * np.sin(2 * way), 0.2 * np.cos(way)], axis=-1)
    else:
        way = np.pi * (1.55 * t - 0.275)
        points = np.stack([1.3 * np.cos(way), 1.3 * np.sin(way), 0 * way], axis=-1)
    return [Stroke(points @ turn.T, 0.35, 0.97)]


def _surgical_clips(rng: np.random.Generator) -> Iterator[list[Stroke]]:
    """Three to five U-shaped clips, 2 to 3 mm long, around the place of an operation."""
    for _ in range(int(rng.integers(3, 6))):
        long, gap = rng.uniform(2.0, 3.0), rng.uniform(0.35, 0.55)
        bend = np.linspace(-np.pi / 2, np.pi / 2, 12)
        x = np.concatenate([[-long], gap * np.cos(bend), [-long]]) + long / 2
        y = np.concatenate([[-gap], gap * np.sin(bend), [gap]])
        leg = np.stack([x, y, 0 * x], axis=-1) @ _rotation(rng).T
        yield [Stroke(leg + rng.uniform(-9, 9, 3), 0.4, 0.97)]


def _rotation(rng: np.random.Generator) -> F64:
    """A random rotation (3, 3)."""
    q, r = np.linalg.qr(rng.standard_normal((3, 3)))
    return np.asarray(q * np.sign(np.diag(r)), np.float64)


def _pacemaker(rng: np.random.Generator) -> list[Stroke]:
    """Can, battery, header and leads of a pacemaker; (right, down) mm."""
    tilt = rng.uniform(-0.4, 0.4)
    can = _rounded(23.0, 21.0, tilt)
    battery = _rounded(15.0, 10.0, tilt) + _turned(np.array([[-2.0, 7.0]]), tilt)
    header = _rounded(13.0, 4.5, tilt) + _turned(np.array([[5.0, -23.0]]), tilt)
    lead = np.linspace(0, 1, 40)
    strokes = [Stroke(can, 0.6, 0.90, True), Stroke(battery, 0.3, 0.75, True)]
    strokes.append(Stroke(header, 0.4, 0.45, True))
    for start in (-3.0, 4.0):
        x = 16 + 14 * np.sin(np.pi * lead) - start * lead
        y = -22 + start + 50 * lead - 95 * lead**2.2
        strokes.append(Stroke(_turned(np.stack([x, y], axis=-1), tilt), 1.7, 0.72))
    return strokes


def _port(rng: np.random.Generator) -> list[Stroke]:
    """Chamber, septum and catheter of a port; (right, down) mm."""
    tilt = rng.uniform(-0.4, 0.4)
    way = np.linspace(0, 1, 40)
    tube = np.stack([-6 - 14 * np.sin(2.5 * way), -9 - 60 * way], axis=-1)
    return [
        Stroke(_rounded(13.0, 11.5, tilt, 0.85), 0.5, 0.72, True),
        Stroke(_rounded(7.0, 7.0, tilt, 1.0), 1.0, 0.85),
        Stroke(_rounded(5.3, 5.3, tilt, 1.0), 0.3, 0.5, True),
        Stroke(tube, 2.4, 0.55),
    ]


def _rounded(half_x: float, half_y: float, tilt: float, power: float = 0.6) -> F64:
    """Outline (n, 2) of a rectangle with wide corners; with power 1 of an ellipse."""
    angle = np.linspace(0, 2 * np.pi, 97)
    cos, sin = np.cos(angle), np.sin(angle)
    x = half_x * np.sign(cos) * np.abs(cos) ** power
    y = half_y * np.sign(sin) * np.abs(sin) ** power
    return _turned(np.stack([x, y], axis=-1), tilt)


def _turned(points: F64, angle: float) -> F64:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(points @ np.array([[cos, sin], [-sin, cos]]), np.float64)


def _axilla(thing: ForeignObject, shape: Outline) -> Point:
    """Over the muscle at the upper edge of MLO, which cuts a part off."""
    rng = stream(thing.seed, "axilla", thing.kind, thing.laterality)
    return float(0.5 * shape.muscle[0]), float(rng.uniform(0.03, 0.09))


def _flat(points: F64, view: View) -> F64:
    """Points as this view shows them, (n, 2) mm to the right and down."""
    if points.shape[1] == 2:
        return points
    forward, outward, up = points.T
    down = -outward if view == "CC" else -(outward + up) / np.sqrt(2)
    return np.stack([forward, down], axis=-1)


def _ink(strokes: list[Stroke], view: View, centre: Point, shape: tuple[int, int]) -> Ink | None:
    """Strokes drawn finer than pixels and averaged over them; None outside the picture."""
    rows, columns = shape
    pixel_mm = HEIGHT_MM / rows
    middle = np.asarray(centre) * rows
    lines = [_flat(stroke.points, view) / pixel_mm + middle for stroke in strokes]
    margin = max(stroke.width_mm for stroke in strokes) / pixel_mm + 2
    low = np.floor(np.min([line.min(axis=0) for line in lines], axis=0) - margin).astype(int)
    high = np.ceil(np.max([line.max(axis=0) for line in lines], axis=0) + margin).astype(int)
    low, high = np.maximum(low, (0, 0)), np.minimum(high, (columns, rows))
    if (high <= low).any():
        return None
    fine = int(np.clip(np.ceil(pixel_mm / _FINEST_MM), 2, 12))
    size = (high - low) * fine
    clear = np.ones((size[1], size[0]), np.float32)
    for stroke, line in zip(strokes, lines, strict=True):
        clear *= 1 - _stroke(stroke, (line - low) * fine, fine / pixel_mm, clear.shape)
    small = cv2.resize(1 - clear, tuple((high - low).tolist()), interpolation=cv2.INTER_AREA)
    cover = np.asarray(small, np.float32)
    return Ink(cover, (slice(low[1], high[1]), slice(low[0], high[0]))) if cover.any() else None


def _stroke(stroke: Stroke, line: F64, per_mm: float, shape: tuple[int, ...]) -> F32:
    canvas = np.zeros((shape[0], shape[1]), np.uint8)
    width = max(1, round(stroke.width_mm * per_mm))
    corners: NDArray[np.int32] = np.round((line - 0.5) * 16).astype(np.int32)
    if stroke.filled:
        cv2.fillPoly(canvas, [corners], 255, cv2.LINE_AA, 4)
    if len(line) == 1:
        cv2.circle(canvas, corners[0].tolist(), round(width * 8), 255, -1, cv2.LINE_AA, 4)
    else:
        cv2.polylines(canvas, [corners], False, 255, width, cv2.LINE_AA, 4)
    return canvas * np.float32(stroke.cover / 255)

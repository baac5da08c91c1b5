"""Calcifications: what each grain is like (morphology) and where they lie (distribution).

Sizes of grains follow the BI-RADS atlas: punctate below 0.5 mm, round to 1 mm, coarse "popcorn"
beyond 2 to 3 mm, fine pleomorphic and fine linear below 0.5 mm, amorphous too small for a shape.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from mammoscope.data.distance import distance_within
from mammoscope.data.lesions.description import Lesion
from mammoscope.data.lesions.drawing import F32, F64, Layers, Mask, Sheet
from mammoscope.data.lesions.grains import Grains, grains, joined, project
from mammoscope.data.lesions.texture import clouds
from mammoscope.data.synth_shape import stream

CALCIUM = 26.0
"""mm of gland in the place of fat that 1 mm of calcification is worth at about 20 keV. Pure
hydroxyapatite is worth more; real calcifications attenuate less (Warren et al., Phys. Med. Biol.
58, 2013, N103)."""
_GROUP_MM = 3.0
"""Grains that are closer than twice this belong together in a reader's outline."""
_OUTLINE_MM = 0.4

Maker = Callable[[np.random.Generator, F64, F64], Grains]
"""From places and directions (n, 3) to grains."""


def reach_mm(lesion: Lesion) -> float:
    """Everything drawn lies within this distance of the centre."""
    return 0.5 * lesion.size_mm + 3.0


def draw_calcifications(lesion: Lesion, sheet: Sheet, angle_deg: float) -> Layers:
    """Draw a cluster, or a single large calcification."""
    calcium = project(make_grains(lesion), sheet, angle_deg)
    if lesion.morphology in ("popcorn", "rim"):
        rng = stream(lesion.seed, "lumps", f"{angle_deg:.0f}")
        calcium = calcium * np.clip(1 + 0.35 * clouds(rng, sheet, 5.0, 0.3, 3.0), 0.2, 2.0)
    thickness = np.asarray(calcium * np.float32(CALCIUM), np.float32)
    if lesion.pathology == "malignant":
        thickness += _haze(lesion, sheet, angle_deg, calcium)
    return Layers(thickness, _outline(calcium > 0.01, sheet))


def make_grains(lesion: Lesion) -> Grains:
    """All its grains; the longest distance from edge to edge is about `size_mm`."""
    rng = stream(lesion.seed, "calcifications")
    single = {"popcorn": _popcorn, "rim": _rim, "vascular": _vascular}.get(lesion.morphology)
    if single is not None:
        return single(rng, lesion.size_mm)
    places, along = _LAYOUTS[lesion.distribution](rng, lesion.size_mm)
    return _MAKERS[lesion.morphology](rng, _spread(places, lesion.size_mm - 0.4), along)


def _haze(lesion: Lesion, sheet: Sheet, angle_deg: float, calcium: F32) -> F32:
    """A little gland around malignant grains: the duct that they fill."""
    near = cv2.GaussianBlur((calcium > 0.02).astype(np.float32), (0, 0), 0.9 / max(sheet.step))
    rng = stream(lesion.seed, "haze", f"{angle_deg:.0f}")
    rough = clouds(rng, sheet, max(6.0, lesion.size_mm / 2), 0.8)
    return np.asarray(1.6 * np.clip(4 * near, 0, 1) * np.clip(1 + 0.5 * rough, 0, 2), np.float32)


def _outline(calcium: Mask, sheet: Sheet) -> F32:
    """The cluster as a reader would outline it: gaps between neighbours closed, a narrow margin."""
    step = float(np.sqrt(sheet.step[0] * sheet.step[1]))
    pad = round(_GROUP_MM / step) + 2
    near = _far(np.pad(calcium, pad), step) <= _GROUP_MM
    closed = _far(~near, step) > _GROUP_MM - _OUTLINE_MM
    return closed[pad:-pad, pad:-pad].astype(np.float32)


def _far(seen: Mask, step: float) -> F32:
    """Distance in mm to the nearest sample that is True."""
    return np.asarray(distance_within(~seen) * step, np.float32)


def _spread(places: F64, size: float) -> F64:
    """Centre the places and scale them so that the two farthest are `size` apart."""
    gaps = np.linalg.norm(places[:, None] - places[None], axis=-1)
    middle = places.min(axis=0) / 2 + places.max(axis=0) / 2
    return np.asarray(
        (places - middle) * (max(size, 0.5) / max(float(gaps.max()), 1e-6)), np.float64
    )


def _grouped(rng: np.random.Generator, size: float) -> tuple[F64, F64]:
    n = int(np.clip(rng.poisson(6 + 1.2 * size), 5, 60))
    places = rng.standard_normal((n, 3)) * [1, rng.uniform(0.5, 1), rng.uniform(0.4, 0.8)]
    return places, _units(rng, n)


def _regional(rng: np.random.Generator, size: float) -> tuple[F64, F64]:
    n = int(np.clip(rng.poisson(8 + 0.9 * size), 8, 90))
    return rng.uniform(-1, 1, (n, 3)) * [1, 0.8, 0.5], _units(rng, n)


def _linear(rng: np.random.Generator, size: float) -> tuple[F64, F64]:
    """Along one duct that runs to the nipple and branches once."""
    return _duct_tree(rng, int(np.clip(rng.poisson(8 + 1.2 * size), 8, 60)), 2, 0.25)


def _segmental(rng: np.random.Generator, size: float) -> tuple[F64, F64]:
    """In the fan of ducts of one lobe, its point towards the nipple."""
    return _duct_tree(rng, int(np.clip(rng.poisson(12 + 1.4 * size), 15, 110)), 8, 0.45)


def _duct_tree(rng: np.random.Generator, n: int, branches: int, opening: float) -> tuple[F64, F64]:
    """Places along ducts that fan out from a point ahead, and the ducts' directions there."""
    angles = rng.normal(0, opening, (branches, 2))
    first = np.column_stack([-np.ones(branches), np.tan(np.clip(angles, -0.9, 0.9))])
    curve = rng.normal(0, 0.18, (branches, 3))
    which, t = rng.integers(0, branches, n), rng.beta(1.3, 1.0, n)
    places = first[which] * t[:, None] + curve[which] * t[:, None] ** 2
    along = first[which] + 2 * curve[which] * t[:, None]
    along += rng.normal(0, 0.2, along.shape)
    places += rng.normal(0, 0.012, places.shape)
    return places, along / np.linalg.norm(along, axis=1, keepdims=True)


def _units(rng: np.random.Generator, n: int) -> F64:
    v = rng.standard_normal((n, 3))
    return np.asarray(v / np.linalg.norm(v, axis=1, keepdims=True), np.float64)


def _frames(along: F64, half: F64) -> F64:
    """Axes of ellipsoids: first axis along a direction, half-axes (n, 3) mm."""
    helper = np.where(np.abs(along[:, :1]) < 0.8, [[1.0, 0, 0]], [[0, 1.0, 0]])
    second = np.cross(along, helper)
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    third = np.cross(along, second)
    return np.stack([along, second, third], axis=-1) * half[:, None, :]


def _dots(rng: np.random.Generator, places: F64, along: F64, low: float, high: float) -> Grains:
    radius = rng.uniform(low, high, len(places))[:, None] / 2
    return grains(places, _frames(along, radius * rng.uniform(0.8, 1.2, (len(places), 3))))


def _punctate(rng: np.random.Generator, places: F64, along: F64) -> Grains:
    return _dots(rng, places, along, 0.25, 0.5)


def _round(rng: np.random.Generator, places: F64, along: F64) -> Grains:
    return _dots(rng, places, along, 0.5, 1.0)


def _amorphous(rng: np.random.Generator, places: F64, _along: F64) -> Grains:
    """Powder: several tiny grains in the place of each."""
    many = np.repeat(places, 5, axis=0) + rng.normal(0, 0.35, (5 * len(places), 3))
    return _dots(rng, many, _units(rng, len(many)), 0.09, 0.2)


def _fine_pleomorphic(rng: np.random.Generator, places: F64, _along: F64) -> Grains:
    """Broken stones: two to three ellipsoids of unlike size for each, none alike."""
    size = np.repeat(np.exp(rng.normal(np.log(0.26), 0.35, len(places))), 3)
    many = np.repeat(places, 3, axis=0) + rng.normal(0, 0.5, (3 * len(places), 3)) * size[:, None]
    half = size[:, None] * rng.uniform(0.18, 0.55, (len(many), 3))
    return grains(many, _frames(_units(rng, len(many)), half))


def _fine_linear(rng: np.random.Generator, places: F64, along: F64) -> Grains:
    """Rods along their duct, some with a side branch."""
    length = np.exp(rng.normal(np.log(0.55), 0.4, len(places)))
    half = np.column_stack([length, *rng.uniform(0.08, 0.17, (2, len(places)))])
    rods = grains(places, _frames(along, half))
    fork = rng.random(len(places)) < 0.25
    side = along[fork] + 0.8 * _units(rng, int(fork.sum()))
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    shift = side * half[fork, :1] * 0.8
    return joined([rods, grains(places[fork] + shift, _frames(side, half[fork] * [0.7, 1, 1]))])


def _milk(rng: np.random.Generator, places: F64, _along: F64) -> Grains:
    """Fluid calcium at the bottom of small cysts: smudges in CC, crescents from the side."""
    radius = rng.uniform(0.4, 1.2, len(places))
    axes = np.eye(3)[None] * radius[:, None, None]
    parts = [
        grains(places[i : i + 1], axes[i : i + 1], 0.25, -0.45 * radius[i])
        for i in range(len(places))
    ]
    return joined(parts)


def _popcorn(rng: np.random.Generator, size: float) -> Grains:
    """A calcifying fibroadenoma: coarse overlapping lumps of unlike calcium."""
    n = int(np.clip(4 + 1.5 * size, 6, 26))
    radius = size * rng.uniform(0.08, 0.17, n)
    places = _units(rng, n) * (size / 2 - radius)[:, None] * rng.uniform(0.2, 1, (n, 1)) ** 0.6
    half = radius[:, None] * rng.uniform(0.75, 1.25, (n, 3))
    return grains(places, _frames(_units(rng, n), half), 0.35 * rng.uniform(0.4, 1.0, n))


def _rim(rng: np.random.Generator, size: float) -> Grains:
    """An eggshell: a thin sphere of calcium, thicker on one side."""
    outer = size / 2 * rng.uniform(0.88, 1.0, 3)
    shell = rng.uniform(0.25, 0.6)
    axes = np.stack([np.diag(outer), np.diag(np.maximum(outer - shell, 0.1))])
    centres = np.stack([np.zeros(3), rng.normal(0, 0.3 * shell, 3) / np.sqrt(3)])
    return grains(centres, axes, 0.22 * np.array([1.0, -1.0]))


def _vascular(rng: np.random.Generator, size: float) -> Grains:
    """Plaques in the wall of a winding artery, which a view shows as two parallel tracks."""
    n = int(120 + 26 * size)
    t = rng.uniform(-0.5, 0.5, n)
    wave = rng.uniform(2, 5, 2), rng.uniform(0, 6.3, 2), rng.normal(0, 0.05, 2)
    line, along = _artery(t, *wave)
    line, bore = line * size, rng.uniform(0.5, 1.1)
    aside = np.cross(along, [0, 0, 1.0])
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    over, turn = np.cross(along, aside), rng.uniform(0, 2 * np.pi, n)
    wall = aside * np.cos(turn)[:, None] + over * np.sin(turn)[:, None]
    kept = np.sin(17 * t + wave[1][0]) + 0.8 * np.sin(41 * t + turn) > -0.5  # gaps in the tracks
    half = np.column_stack([rng.uniform(0.12, 0.4, n), *rng.uniform(0.05, 0.12, (2, n))])
    return grains((line + bore * wall)[kept], _frames(along, half)[kept], 0.55)


def _artery(t: F64, frequency: F64, phase: F64, height: F64) -> tuple[F64, F64]:
    """Places and directions along a curve of about unit length."""
    angle = 2 * np.pi * frequency * t[:, None] / 2 + phase
    line = np.column_stack([t, height * np.sin(angle)])
    slope = height * np.pi * frequency * np.cos(angle)
    along = np.column_stack([np.ones_like(t), slope])
    return line, along / np.linalg.norm(along, axis=1, keepdims=True)


_LAYOUTS: dict[str, Callable[[np.random.Generator, float], tuple[F64, F64]]] = {
    "grouped": _grouped,
    "regional": _regional,
    "linear": _linear,
    "segmental": _segmental,
}
_MAKERS: dict[str, Maker] = {
    "punctate": _punctate,
    "round": _round,
    "amorphous": _amorphous,
    "fine_pleomorphic": _fine_pleomorphic,
    "fine_linear": _fine_linear,
    "milk_of_calcium": _milk,
}

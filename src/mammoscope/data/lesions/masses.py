"""Masses: a body whose surface is given by bumps on a sphere, and spicules for the spiculated.

The body is star-shaped: its surface lies at R(direction) from the centre. What a view shows is the
length of the beam inside it, so a projection knows nothing of an outline; round, lobulated and
irregular shapes in two views are those of one body.
"""

from __future__ import annotations

import cv2
import numpy as np

from mammoscope.data.lesions.description import Lesion
from mammoscope.data.lesions.drawing import F32, F64, Layers, Sheet, beam
from mammoscope.data.lesions.spicules import pull, spicules
from mammoscope.data.lesions.texture import clouds
from mammoscope.data.synth_shape import stream

_CELLS, _DEPTHS, _SPAN = 72, 40, 1.25
_MAP = (64, 128)
_GLAND = {
    ("benign", "low"): 0.55,
    ("benign", "equal"): 0.80,
    ("benign", "high"): 1.1,
    ("malignant", "low"): 0.8,
    ("malignant", "equal"): 1.1,
    ("malignant", "high"): 1.7,
}
"""Glandular equivalent of 1 mm of a mass. Cancers attenuate about a tenth more than normal breast
tissue and two thirds more than fat (Carroll et al., Invest. Radiol. 29, 1994, 266), which makes
1 mm of cancer worth about 1.3 mm of gland in the place of fat; benign masses are worth less."""
_BUMPS = {
    "round": (4, 0.05, 3.0),
    "oval": (5, 0.07, 3.0),
    "lobulated": (7, 0.50, 8.0),
    "irregular": (14, 0.55, 9.0),
}
"""Number of bumps, every third a dent, their height against the radius, and their narrowness."""
_SOFT = {
    "circumscribed": 0.06,
    "obscured": 0.10,
    "microlobulated": 0.10,
    "indistinct": 0.55,
    "spiculated": 0.40,
}
"""Width of the border in radii."""


def reach_mm(lesion: Lesion) -> float:
    """Everything drawn lies within this distance of the centre."""
    factor = 2.4 if lesion.margin == "spiculated" else 0.85
    return factor * lesion.size_mm + 4


def draw_mass(lesion: Lesion, sheet: Sheet, angle_deg: float) -> Layers:
    """Draw a mass of any shape and margin."""
    surface = _surface(lesion)
    chord, depth_inside = _project(surface, _SOFT[lesion.margin], angle_deg)
    radius = lesion.size_mm / 2
    body = _at(chord, sheet, radius)
    inside = _at(depth_inside, sheet, radius)
    rng = stream(lesion.seed, "mass", "texture", f"{angle_deg:.0f}")
    grain = clouds(rng, sheet, lesion.size_mm, 0.06 * lesion.size_mm, 3.6)
    body *= np.clip(1 + 0.2 * grain, 0.3, 1.8)
    if lesion.margin == "obscured":
        body *= _covered(rng, sheet, lesion.size_mm)
    gland = _GLAND[lesion.pathology, lesion.density]
    thickness = body * np.float32(0.8 * radius * gland)  # compression flattens by about a fifth
    warp = None
    if lesion.margin == "spiculated":
        thickness += spicules(lesion, sheet, angle_deg, 0.85 * radius)
        warp = pull(sheet, 0.35, 0.75 * lesion.size_mm)
    cover = np.asarray(np.clip(inside * radius / max(sheet.step) + 0.5, 0, 1), np.float32)
    return Layers(np.asarray(thickness, np.float32), cover, warp)


def _covered(rng: np.random.Generator, sheet: Sheet, size: float) -> F32:
    """Part of a border that other tissue hides: it fades on one side."""
    angle = rng.uniform(0, 2 * np.pi)
    side = (np.cos(angle) * sheet.x + np.sin(angle) * sheet.y) / size
    wavy = side + 0.12 * clouds(rng, sheet, size, 0.2 * size)
    return np.asarray(1 / (1 + np.exp(-(0.22 - wavy) / 0.08)), np.float32)


def _surface(lesion: Lesion) -> F32:
    """R by direction, (polar, azimuth) map of the sphere; the longest diameter is 2."""
    rng = stream(lesion.seed, "mass", "surface")
    directions = _directions()
    axes = np.array([1, rng.uniform(0.7, 0.85), rng.uniform(0.7, 0.85)])
    if lesion.shape in ("round", "irregular"):
        axes = np.array([1, rng.uniform(0.88, 1), rng.uniform(0.88, 1)])
    local = directions @ _rotation(rng)
    surface = 1 / np.sqrt(((local / axes) ** 2).sum(axis=-1))
    count, height, narrow = _BUMPS[lesion.shape]
    surface = surface * (1 + _bumps(rng, directions, count, height, narrow))
    if lesion.margin in ("microlobulated", "spiculated"):
        surface = surface * (1 + _bumps(rng, directions, 45, 0.16, 60.0))
    surface = np.clip(surface, 0.25, None)
    return np.asarray(
        surface / _half_length((directions * surface[..., None])[::2, ::2]), np.float32
    )


def _directions() -> F64:
    """Unit vectors (a, b, c) at the cells of the map, (polar, azimuth, 3)."""
    polar = (np.arange(_MAP[0]) + 0.5) / _MAP[0] * np.pi
    azimuth = (np.arange(_MAP[1]) + 0.5) / _MAP[1] * 2 * np.pi
    p, q = np.meshgrid(polar, azimuth, indexing="ij")
    return np.stack([np.sin(p) * np.cos(q), np.sin(p) * np.sin(q), np.cos(p)], axis=-1)


def _rotation(rng: np.random.Generator) -> F64:
    """A random rotation: the orthogonal part of a Gaussian matrix."""
    q, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    return np.asarray(q, np.float64)


def _bumps(
    rng: np.random.Generator, directions: F64, count: int, height: float, narrow: float
) -> F64:
    centres = rng.standard_normal((count, 3))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    heights = height * rng.uniform(0.4, 1.0, count) * np.where(np.arange(count) % 3 == 2, -0.6, 1)
    return np.asarray(np.exp(narrow * (directions @ centres.T - 1)) @ heights, np.float64)


def _half_length(points: F64) -> float:
    """Half the longest diameter of a cloud of points, over 200 directions."""
    lines = np.random.default_rng(0).standard_normal((200, 3))
    lines /= np.linalg.norm(lines, axis=1, keepdims=True)
    along = points.reshape(-1, 3) @ lines.T
    return float(np.ptp(along, axis=0).max() / 2)


def _project(surface: F32, soft: float, angle_deg: float) -> tuple[F32, F32]:
    """Length of the beam in the body, and how deep it dips below the surface, both in radii.

    Both are (cells, cells) over the square from -_SPAN to _SPAN in x and y.
    """
    across = (np.arange(_CELLS) + 0.5) / _CELLS * 2 * _SPAN - _SPAN
    along = (np.arange(_DEPTHS) + 0.5) / _DEPTHS * 2 * _SPAN - _SPAN
    w, y, x = np.meshgrid(along, across, across, indexing="ij")
    a, b, c = np.tensordot(beam(angle_deg).T, np.stack([x, y, w]), axes=1)
    r = np.sqrt(a**2 + b**2 + c**2) + 1e-9
    row = np.arccos(np.clip(c / r, -1, 1)) / np.pi * _MAP[0] - 0.5
    column = (np.arctan2(b, a) % (2 * np.pi)) / (2 * np.pi) * _MAP[1] - 0.5
    flat = (r.shape[0] * r.shape[1], r.shape[2])
    wrapped = np.concatenate([surface[:, -2:], surface, surface[:, :2]], axis=1)
    limit = cv2.remap(
        wrapped,
        (column + 2).reshape(flat).astype(np.float32),
        row.reshape(flat).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).reshape(r.shape)
    below = limit - r
    inside = np.clip(below / soft + 0.5, 0, 1)
    inside *= inside * (3 - 2 * inside)
    chord = inside.sum(axis=0) * (2 * _SPAN / _DEPTHS)
    return chord.astype(np.float32), below.max(axis=0).astype(np.float32)


def _at(field: F32, sheet: Sheet, radius: float) -> F32:
    """Values of a projected field at the samples of a sheet."""
    column = (sheet.x / radius + _SPAN) / (2 * _SPAN) * _CELLS - 0.5
    row = (sheet.y / radius + _SPAN) / (2 * _SPAN) * _CELLS - 0.5
    outside = float(field[0].min())
    shown = cv2.remap(
        field, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=outside
    )
    return np.asarray(shown, np.float32)

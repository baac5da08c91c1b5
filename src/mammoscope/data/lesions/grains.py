"""Grains of calcium: ellipsoids in three dimensions, projected exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mammoscope.data.lesions.drawing import F32, F64, Sheet, beam

NO_LEVEL = np.inf


@dataclass(frozen=True, eq=False)
class Grains:
    """Ellipsoids, mm, in the lesion's frame.

    Attributes:
        centres: (n, 3).
        axes: (n, 3, 3), the columns of each its three half-axes.
        weight: (n,) calcium per volume against a solid grain; negative hollows out another.
        level: (n,) height over the centre up to which it is filled (milk of calcium lies at the
            bottom of its cyst); NO_LEVEL if it is full.
    """

    centres: F64
    axes: F64
    weight: F64
    level: F64


def grains(centres: F64, axes: F64, weight: float | F64 = 1.0, level: float = NO_LEVEL) -> Grains:
    """Grains of equal weight and level, or of a weight each."""
    n = len(centres)
    return Grains(centres, axes, np.broadcast_to(weight, n).astype(float), np.full(n, level))


def joined(parts: list[Grains]) -> Grains:
    """All grains of several."""
    return Grains(
        np.concatenate([p.centres for p in parts]),
        np.concatenate([p.axes for p in parts]),
        np.concatenate([p.weight for p in parts]),
        np.concatenate([p.level for p in parts]),
    )


def project(grains: Grains, sheet: Sheet, angle_deg: float) -> F32:
    """Thickness of calcium along the beam, mm, (rows, columns)."""
    turn = beam(angle_deg)
    total = np.zeros_like(sheet.x)
    for centre, axes, weight, level in zip(
        grains.centres @ turn.T, turn @ grains.axes, grains.weight, grains.level, strict=True
    ):
        reach = np.sqrt((axes[:2] ** 2).sum(axis=1))  # half-widths of the projected ellipse
        window = sheet.window(centre[0], centre[1], float(reach.max()) + max(sheet.step))
        x, y = sheet.x[window] - centre[0], sheet.y[window] - centre[1]
        near, far = _chord(np.linalg.inv(axes @ axes.T), x, y)
        if np.isfinite(level):
            near, far = _filled(near, far, y, level, turn)
        total[window] += (weight * np.clip(far - near, 0, None)).astype(np.float32)
    return np.maximum(total, 0)


def _chord(form: F64, x: F32, y: F32) -> tuple[F64, F64]:
    """Where the beam enters and leaves the ellipsoid p' form p = 1; both equal if it misses."""
    linear = form[2, 0] * x + form[2, 1] * y
    rest = form[0, 0] * x**2 + 2 * form[0, 1] * x * y + form[1, 1] * y**2 - 1
    half = np.sqrt(np.maximum(linear**2 - form[2, 2] * rest, 0)) / form[2, 2]
    middle = -linear / form[2, 2]
    return middle - half, middle + half


def _filled(near: F64, far: F64, y: F32, level: float, turn: F64) -> tuple[F64, F64]:
    """Cut the chord to where the height c = turn[1, 2] y + turn[2, 2] depth is below `level`."""
    slope = turn[2, 2] if abs(turn[2, 2]) > 1e-3 else 1e-3
    surface = (level - turn[1, 2] * y) / slope
    return (near, np.minimum(far, surface)) if slope > 0 else (np.maximum(near, surface), far)

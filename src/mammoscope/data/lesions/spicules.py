"""Strands that radiate from a cancer or a scar, and how it pulls its surroundings in."""

from __future__ import annotations

import numpy as np

from mammoscope.data.lesions.description import Lesion
from mammoscope.data.lesions.drawing import F32, Layers, Sheet, beam
from mammoscope.data.lesions.texture import clouds
from mammoscope.data.synth_shape import stream


def spicules(lesion: Lesion, sheet: Sheet, angle_deg: float, start_mm: float) -> F32:
    """Thin tapering strands from a centre, mm of gland; their directions are three-dimensional.

    Args:
        lesion: whose they are; they end within 2.3 of its sizes.
        sheet: where to draw.
        angle_deg: the view.
        start_mm: where they are thickest: at the border of the core, or near the centre.
    """
    rng = stream(lesion.seed, "spicules")
    total = np.zeros_like(sheet.x)
    turn = beam(angle_deg)
    for _ in range(int(rng.integers(22, 40))):
        direction = rng.standard_normal(3)
        direction /= np.linalg.norm(direction)
        length = start_mm + lesion.size_mm * rng.gamma(2.2, 0.20)
        strength, width = rng.uniform(0.6, 2.4), rng.uniform(0.25, 0.9)
        bow = rng.normal(0, 0.15, 2)
        seen = turn @ (direction * min(length, 2.2 * lesion.size_mm))
        _strand(total, sheet, (float(seen[0]), float(seen[1])), start_mm, strength, width, bow)
    return total


def _strand(
    total: F32,
    sheet: Sheet,
    tip: tuple[float, float],
    start: float,
    strength: float,
    width: float,
    bow: np.ndarray,
) -> None:
    """Add one strand from the centre to its tip to `total`."""
    length = float(np.hypot(*tip))
    if length < 0.5:
        return
    window = sheet.window(tip[0] / 2, tip[1] / 2, length / 2 + 2)
    x, y = sheet.x[window], sheet.y[window]
    cos, sin = tip[0] / length, tip[1] / length
    along, across = cos * x + sin * y, cos * y - sin * x
    part = along / length
    across = across - length * (bow[0] * part**2 + 0.6 * bow[1] * part**3)
    shown = np.maximum(width * (1.3 - part), 0.6 * max(sheet.step))
    fade = np.clip(1 - part, 0, 1) ** 0.8 * np.clip(along / max(0.6 * start, 0.5), 0, 1)
    line = np.exp(-((across / shown) ** 2)) * width / shown
    total[window] += np.asarray(strength * fade * line, np.float32)


def pull(sheet: Sheet, strength: float, reach_mm: float) -> F32:
    """Retraction: around the centre one sees tissue that belongs further out.

    Args:
        sheet: where.
        strength: at the centre, tissue from 1 + strength times the distance is seen.
        reach_mm: where the pull has fallen to 1/e; it never folds for strengths below 2.

    Returns:
        (rows, columns, 2) float32 warp in mm, see `Drawing.warp_mm`.
    """
    r = np.hypot(sheet.x, sheet.y)
    fall = strength * np.exp(-((r / reach_mm) ** 2)) * _ending(sheet, r)
    return np.stack([sheet.x * fall, sheet.y * fall], axis=-1).astype(np.float32)


def _ending(sheet: Sheet, r: F32) -> F32:
    """1 in the middle, falling to 0 at the sheet's edge."""
    edge = min(float(sheet.x.max()), float(sheet.y.max()))
    return np.asarray(np.clip((edge - r) / (0.25 * edge), 0, 1), np.float32)


def draw_distortion(lesion: Lesion, sheet: Sheet, angle_deg: float) -> Layers:
    """Architectural distortion: strands and surroundings drawn to a point, without a mass.

    The pull differs from side to side, and a little more or less gland than before lies at the
    centre, which is often lucent.
    """
    rng = stream(lesion.seed, "distortion")
    size = lesion.size_mm
    r, angle = np.hypot(sheet.x, sheet.y), np.arctan2(sheet.y, sheet.x)
    uneven = (
        1
        + 0.35 * np.cos(2 * angle + rng.uniform(0, 6.3))
        + 0.2 * np.cos(3 * angle + rng.uniform(0, 6.3))
    )
    warp = pull(sheet, rng.uniform(0.3, 0.6), 0.42 * size) * uneven[..., None]
    strands = 0.6 * spicules(lesion, sheet, angle_deg, 0.12 * size)
    haze = np.exp(-((r / (0.22 * size)) ** 2)) * rng.uniform(0.0, 0.11) * size
    rough = clouds(stream(lesion.seed, "distortion", f"{angle_deg:.0f}"), sheet, size, 0.08 * size)
    thickness = strands * np.clip(1 + 0.4 * rough, 0, 2) + haze * np.clip(1 + 0.6 * rough, 0, 2.5)
    cover = np.clip((size / 2 - r) / max(sheet.step) + 0.5, 0, 1)
    return Layers(
        np.asarray(thickness, np.float32),
        np.asarray(cover, np.float32),
        np.asarray(warp, np.float32),
    )

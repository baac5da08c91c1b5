"""Focal asymmetry: gland where the other breast has none, without the borders of a mass."""

from __future__ import annotations

import numpy as np

from mammoscope.data.lesions.description import Lesion
from mammoscope.data.lesions.drawing import Layers, Sheet, beam
from mammoscope.data.lesions.texture import clouds
from mammoscope.data.synth_shape import stream

_GLAND = {"low": 0.20, "equal": 0.30, "high": 0.42}
"""Greatest thickness against the size: gland there is flat and holds fat."""


def draw_asymmetry(lesion: Lesion, sheet: Sheet, angle_deg: float) -> Layers:
    """Overlapping soft ellipsoids with fat between them; concave, ragged outlines."""
    rng = stream(lesion.seed, "asymmetry")
    places = rng.normal(0, 0.2, (9, 3)) * lesion.size_mm
    places -= places.mean(axis=0)
    widths = lesion.size_mm * rng.uniform(0.12, 0.24, 9)
    seen = places @ beam(angle_deg).T
    soft = np.zeros_like(sheet.x)
    for (x, y, _), width in zip(seen, widths, strict=True):
        soft += np.exp(-(((sheet.x - x) ** 2 + (sheet.y - y) ** 2) / (2 * width**2)))
    view = stream(lesion.seed, "asymmetry", f"{angle_deg:.0f}")
    lobes = clouds(view, sheet, lesion.size_mm, 0.05 * lesion.size_mm, 3.4)
    r = np.hypot(sheet.x, sheet.y) / (0.5 * lesion.size_mm)
    edge = np.clip((1.35 - r) / 0.6, 0, 1)
    held = soft / (soft + 1.2) * edge * edge * (3 - 2 * edge)
    thickness = held * np.clip(0.8 + 0.4 * lobes, 0.05, 2) * _GLAND[lesion.density]
    cover = np.clip((1 - r) * lesion.size_mm / 2 / max(sheet.step) + 0.5, 0, 1)
    return Layers(np.asarray(thickness * lesion.size_mm, np.float32), np.asarray(cover, np.float32))

"""What a maker's processing, or a film, shows of the same tissue: from light to pixels.

A For Presentation image is not what the detector counted: makers lift fine detail, even out the
breast's thickness and choose a curve, each in their own way. Films do none of that, have a base
fog and grain, and saturate at both ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.data.synth_shape import HEIGHT_MM, stream
from mammoscope.data.synth_tissue import F32, Grid, as_detected, smoothed

_DARKEST = 0.006
_NOISE, _NOISE_BLUR_MM = 0.055, 0.033
"""Standard deviation of quantum noise at 4096 rows, of full scale, at full exposure, and of its
blur in the detector: with both the power at 0.1 to 0.5 cycles per pixel is that of real exams."""


@dataclass(frozen=True)
class Look:
    """How tissue becomes grey.

    Attributes:
        detail: (mm, gain) pairs: what differs from its surroundings of that size is lifted.
        middle: grey level that the tissue's 35th percentile is brought to, of full scale.
        contrast: gain around that level.
        skin: brightness of the skin line.
        falloff_mm: distance from the skin over which the breast thins out.
        blur_mm: standard deviation of the detector's or the film's blur.
        grain: of a film, of full scale.
        fog: grey level of the air, of full scale.
    """

    detail: tuple[tuple[float, float], ...] = ()
    middle: float = 0.26
    contrast: float = 1.0
    skin: float = 0.5
    falloff_mm: float = 1.2
    blur_mm: float = 0.1
    grain: float = 0.0
    fog: float = 0.0


LOOKS = MappingProxyType(
    {
        "sharp": Look(((0.6, 0.9), (1.5, 0.5), (4.0, 0.4), (14.0, 0.3)), middle=0.17, contrast=0.9),
        "soft": Look(((0.8, 0.9), (3.0, 0.4), (14.0, 0.3)), middle=0.24, contrast=0.9, skin=0.35),
        "bright": Look(((0.6, 0.6), (1.5, 0.4), (6.0, 0.4)), middle=0.30, contrast=0.9, skin=0.62),
        "flat": Look(
            ((0.6, 0.7), (3.0, 0.3)), middle=0.55, contrast=0.45, skin=0.05, falloff_mm=3.5
        ),
        "film": Look(
            middle=0.33, contrast=1.0, skin=0.0, falloff_mm=6.0, blur_mm=0.36, grain=0.012, fog=0.02
        ),
    }
)
"""Made after what four makers' digital images and digitised films look like."""

DIGITAL = ("sharp", "soft", "bright", "flat")
_SHARES = (0.5, 0.2, 0.2, 0.1)


def look_of(seed: int) -> str:
    """The digital look of the woman `seed`, unless one is asked for."""
    return str(stream(seed, "look").choice(DIGITAL, p=_SHARES))


def develop(light: F32, grid: Grid, look: Look) -> F32:
    """Grey levels (rows, columns) from 0 to 1 of the tissue's light, falling off to the skin.

    A compressed breast thins out within its last centimetres; a maker's processing evens out all
    but the last millimetres of that.
    """
    inside = grid.skin > 0
    lifted = _lifted(light, inside, look)
    tissue = lifted[inside & ~grid.muscle]
    grey = look.middle + look.contrast * (lifted - np.float32(np.quantile(tissue, 0.35)))
    toe = 0.08 * np.exp((grey - 0.08) / 0.08)
    grey = np.where(grey < 0.08, toe, grey)
    d: F32 = np.asarray(cv2.GaussianBlur(grid.skin, (0, 0), 0.8), np.float32)
    thick = 1 - np.exp(-d / (look.falloff_mm / HEIGHT_MM))
    lit = thick * (grey + _skin_line(grid, d, look))
    lit = np.where(lit > 0.6, 0.6 + 0.35 * np.tanh((lit - 0.6) / 0.35), lit)
    shown = np.where(inside, lit, 0)
    return as_detected(np.asarray(shown, np.float32), look.blur_mm)


def _lifted(light: F32, inside: NDArray[np.bool_], look: Look) -> F32:
    """Detail of each size raised, without a rim where the breast ends."""
    weight, result = inside.astype(np.float32), light.copy()
    for mm, gain in look.detail:
        sigma = mm / HEIGHT_MM * light.shape[0]
        share = np.maximum(smoothed(weight, sigma), 0.05)
        result += gain * (light - smoothed(light * weight, sigma) / share)
    return result


def _skin_line(grid: Grid, d: F32, look: Look) -> F32:
    tip_u, tip_v = grid.shape.nipple
    nipple = np.exp(-((np.hypot(grid.u - tip_u, grid.v - tip_v) / 0.022) ** 2))
    line = (look.skin + 0.12 * nipple) * np.exp(-(((d - 0.0050) / 0.0030) ** 2))
    return np.asarray(line + 0.10 * nipple, np.float32)


def expose(
    light: F32, breast: NDArray[np.bool_], look: Look, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """Add quantum noise, finer and weaker per pixel the larger the pixels, and digitise."""
    noise = as_detected(rng.standard_normal(light.shape, np.float32), _NOISE_BLUR_MM)
    noise *= _NOISE * light.shape[0] / 4096 * np.sqrt(np.clip(1.1 - light, 0.2, 1))
    if look.grain:
        clumps = cv2.GaussianBlur(rng.standard_normal(light.shape, np.float32), (0, 0), 0.7)
        noise += np.float32(look.grain) * clumps
    lit = np.where(breast, np.clip(light + noise, _DARKEST, 1), 0)
    if look.fog:
        lit = np.clip(np.maximum(lit, look.fog) + 0.3 * noise, 0, 1)
    return (lit * np.float32(65535)).astype(np.uint16)


def stamp(pixels: NDArray[np.uint16], laterality: str, view: str) -> None:
    """The lead marker in the air, upper corner away from the chest wall; changes `pixels`."""
    rows, columns = pixels.shape
    text, scale = f"{laterality}{view}", rows / 1280
    font, thick = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(2 * scale))
    (wide, high), _ = cv2.getTextSize(text, font, 0.8 * scale, thick)
    ink = np.zeros((rows, columns), np.uint8)
    x = round(0.95 * columns) - wide if laterality == "L" else round(0.05 * columns)
    y = round(0.05 * rows) + high
    cv2.putText(ink, text, (x, y), font, 0.8 * scale, 235, thick, cv2.LINE_AA)
    room = round(9 * scale)
    top, bottom, arm = y - high - room, y + room, round(12 * scale)
    for corner, inward in ((x - room, 1), (x + wide + room, -1)):
        for level in (top, bottom):
            cv2.line(ink, (corner, level), (corner + inward * arm, level), 235, thick)
        cv2.line(ink, (corner, top), (corner, bottom), 235, thick)
    np.maximum(pixels, np.where(pixels == 0, ink, 0).astype(np.uint16) * 257, out=pixels)

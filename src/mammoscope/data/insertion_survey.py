"""What an image says of itself before a lesion goes in: room, tissue, grey scale, blur and noise.

All of it is measured once per image, on reduced copies where possible.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.anatomy import Mask, breast_mask, pectoral_mask, white_background
from mammoscope.data.distance import distance_within
from mammoscope.data.synth_tissue import smoothed
from mammoscope.errors import ConfigError
from mammoscope.types import Pixels

F32 = NDArray[np.float32]
Spacing = tuple[float, float]

TYPICAL_BREAST_MM = 120.0
"""Square root of the area of a breast without muscle: the median of 60 mini-MIAS films, whose
spacing is known (0.2 mm), is 117 mm."""
_FIELD_MM = (150.0, 310.0)
"""Heights that the field of a mammogram, or a crop around one breast, can have."""
_WHITE_MM = 25.0
"""Thickness of gland, in the place of fat, that takes fat 63 % of the way to white."""
_LEAST_BREAST = 0.04
BAND_MM = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Standard deviations of the Gaussians whose differences are the bands of detail."""
_CRISPEST = 2.5
_CRISP_PART = 0.35
"""Part of the excess of fine detail that is put down to sharpening; noise is in the excess too."""


@dataclass(frozen=True, eq=False)
class Survey:
    """Facts of one image; reduced maps are (h, w) with `scale` = reduced / source (x, y).

    Attributes:
        shape: (height, width) of the image.
        spacing_mm: (row, column), as given or estimated.
        scale: (x, y) reduced pixels per source pixel.
        breast: reduced bool, the breast without the pectoral muscle.
        clearance_mm: reduced, distance to the nearest skin, muscle or picture edge; 0 outside.
        gland: reduced, 0 for the fattiest to 1 for the densest tissue of this image.
        fat, white: grey levels of fatty tissue and of the brightest tissue that can be shown.
        saturation_mm: thickness of gland that takes fat 63 % of the way to white.
        liveliness: reduced, local standard deviation of grey over about a centimetre, against its
            median in this image.
        noise: standard deviation of grey of the finest grain in flat tissue.
        noise_levels: (2, n) grey levels and the standard deviation of the grain at each.
        blur_px: standard deviation of the image's own blur, pixels.
        crispness: by how much the image's processing lifts detail of BAND_MM over coarser ones;
            1 for film, which does not.
    """

    shape: tuple[int, int]
    spacing_mm: Spacing
    scale: tuple[float, float]
    breast: Mask
    clearance_mm: F32
    gland: F32
    fat: float
    white: float
    saturation_mm: float
    liveliness: F32
    noise: float
    noise_levels: F32
    blur_px: float
    crispness: tuple[float, ...]

    def noise_at(self, grey: F32) -> F32:
        """Standard deviation of the grain of tissue of these grey levels."""
        usual = np.interp(grey, self.noise_levels[0], self.noise_levels[1])
        return np.asarray(usual, np.float32)

    def clearance_at(self, centre_px: tuple[float, float]) -> float:
        """Clearance in mm at a source point (x, y); 0 outside the picture."""
        column, row = (int(c * s) for c, s in zip(centre_px, self.scale, strict=True))
        rows, columns = self.clearance_mm.shape
        inside = 0 <= row < rows and 0 <= column < columns
        return float(self.clearance_mm[row, column]) if inside else 0.0


def survey(
    pixels: Pixels,
    view: str | None = None,
    spacing_mm: Spacing | None = None,
    field_aspect: float | None = None,
) -> Survey:
    """Measure an image.

    Args:
        pixels: (h, w) uint8 or uint16, black air; all bits need not be in use.
        view: view code; in MLO and other oblique views the pectoral muscle is left out.
        spacing_mm: (row, column); None to estimate it, see `estimate_spacing`.
        field_aspect: width / height of the true field, for images squashed to another aspect.

    Raises:
        ConfigError: no breast stands out, or its air is white.
    """
    wide = _filled(pixels)
    if white_background(wide):
        raise ConfigError("The image is a negative (white air); turn it over with anatomy.invert.")
    outline = breast_mask(wide)
    if outline.mean() < _LEAST_BREAST:
        raise ConfigError("No breast stands out in the image; lesions go into mammograms only.")
    breast = outline & ~_muscle(wide, outline, view)
    spacing = spacing_mm or estimate_spacing(breast, pixels.shape, field_aspect)
    scale = (breast.shape[1] / pixels.shape[1], breast.shape[0] / pixels.shape[0])
    clearance = _clearance(breast, (spacing[0] / scale[1], spacing[1] / scale[0]))
    small = cv2.resize(pixels, breast.shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    inner = clearance > min(8.0, 0.4 * float(clearance.max()))
    fat, dense = (float(v) for v in np.percentile(small[inner], (8, 99)))
    white = max(float(np.percentile(small[breast], 99.8)), dense) + 0.12 * (dense - fat) + 1
    white = min(white, float(np.iinfo(pixels.dtype).max))
    noise, levels, blur = _grain(pixels, inner, scale)
    return Survey(
        shape=(pixels.shape[0], pixels.shape[1]),
        spacing_mm=spacing,
        scale=scale,
        breast=breast,
        clearance_mm=clearance,
        gland=_gland(small, inner, breast),
        fat=fat,
        white=white,
        saturation_mm=_WHITE_MM,
        liveliness=_liveliness(small, inner, (spacing[0] / scale[1], spacing[1] / scale[0])),
        noise=noise,
        noise_levels=levels,
        blur_px=blur,
        crispness=_crispness(pixels, inner, spacing),
    )


def estimate_spacing(
    breast: Mask, shape: tuple[int, ...], field_aspect: float | None = None
) -> Spacing:
    """Spacing of an image that does not tell, from the size of the breast in it.

    Breasts differ by about a fifth in the square root of their area, and so may the estimate: the
    area is taken for the typical one, and the field's height is held to what fields can be.

    Args:
        breast: reduced mask of the breast without muscle.
        shape: (height, width) of the image.
        field_aspect: width / height of the true field if the image was squashed; None if its
            pixels are square.

    Returns:
        (row, column) spacing in mm.
    """
    height, width = shape[0], shape[1]
    across = 1.0 if field_aspect is None else field_aspect * height / width
    area_px = float(breast.mean()) * height * width * across
    row = TYPICAL_BREAST_MM / max(np.sqrt(area_px), 1.0)
    row = float(np.clip(row, _FIELD_MM[0] / height, _FIELD_MM[1] / height))
    return row, row * across


def _filled(pixels: Pixels) -> Pixels:
    """Pixels of 10 or 12 bits kept in 16, moved up so that they fill the type."""
    spare = np.iinfo(pixels.dtype).bits - int(pixels.max()).bit_length()
    return np.left_shift(pixels, spare) if spare > 0 and pixels.any() else pixels


def _muscle(pixels: Pixels, outline: Mask, view: str | None) -> Mask:
    if view is None or not view.startswith(("MLO", "LMO", "SIO")):
        return np.zeros_like(outline)
    return pectoral_mask(pixels, outline)


def _clearance(breast: Mask, spacing: Spacing) -> F32:
    """Distance in mm to the nearest pixel that is not breast, the picture's edge included."""
    # a distance transform knows square cells only, so the mask is brought to square ones
    height = max(1, round(breast.shape[0] * spacing[0] / spacing[1]))
    square = cv2.resize(
        breast.astype(np.uint8), (breast.shape[1], height), interpolation=cv2.INTER_NEAREST
    )
    far = distance_within(np.pad(square > 0, 1))[1:-1, 1:-1]
    back = cv2.resize(far * spacing[1], breast.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.where(breast, back, 0), np.float32)


def _gland(small: F32, inner: Mask, breast: Mask) -> F32:
    smooth = cv2.GaussianBlur(small, (0, 0), 0.012 * max(small.shape))
    low, high = np.percentile(smooth[inner], (5, 95))
    part = np.clip((smooth - low) / max(float(high - low), 1e-6), 0, 1)
    return np.asarray(np.where(breast, part, 0), np.float32)


def _liveliness(small: F32, inner: Mask, spacing: Spacing) -> F32:
    sigma = 5.0 / float(np.sqrt(spacing[0] * spacing[1]))
    rest = small - smoothed(small, sigma)
    spread = np.sqrt(np.maximum(smoothed(rest**2, sigma), 0))
    return np.asarray(spread / max(float(np.median(spread[inner])), 1e-3), np.float32)


def _grain(pixels: Pixels, inner: Mask, scale: tuple[float, float]) -> tuple[float, F32, float]:
    """Noise, noise by grey level and blur, from what is left when all that is smooth is taken off.

    White noise that went through a Gaussian blur of standard deviation s has an autocorrelation
    of exp(-d^2 / (4 s^2)) at distance d; the flattest fifth of the tissue shows it best.
    """
    rows, columns = np.flatnonzero(inner.any(axis=1)), np.flatnonzero(inner.any(axis=0))
    y = slice(int(rows[0] / scale[1]), int(rows[-1] / scale[1]) + 1)
    x = slice(int(columns[0] / scale[0]), int(columns[-1] / scale[0]) + 1)
    grey = pixels[y, x].astype(np.float32)
    whole = cv2.resize(inner.astype(np.uint8), pixels.shape[::-1], interpolation=cv2.INTER_NEAREST)
    seen = np.asarray(whole[y, x] > 0, np.bool_)
    smooth = np.asarray(cv2.GaussianBlur(grey, (0, 0), 2.0), np.float32)
    rest = np.asarray(grey - smooth, np.float32)
    spread = np.asarray(cv2.GaussianBlur(rest**2, (0, 0), 4.0), np.float32)
    flat = seen & (spread <= np.quantile(spread[seen], 0.2))
    variance = float(np.mean(rest[flat] ** 2))
    pairs = flat[:, :-1] & flat[:, 1:]
    beside = float(np.mean((rest[:, :-1] * rest[:, 1:])[pairs])) if pairs.any() else 0.0
    alike = float(np.clip(beside / max(variance, 1e-9), 0.05, 0.9))
    blur = float(np.clip(np.sqrt(-0.25 / np.log(alike)), 0.4, 1.5))
    return float(np.sqrt(variance)), _by_level(smooth[seen], spread[seen]), blur


def _crispness(pixels: Pixels, inner: Mask, spacing: Spacing) -> tuple[float, ...]:
    """Gains of the bands of detail, from those of the image's own tissue.

    Tissue with a spectrum of 1/f^3 has bands whose deviations grow with the root of their
    wavelength; what fine bands have beyond that is processing, or noise.
    """
    # a reduced copy at about 0.25 mm shows all these bands
    factor = min(1.0, float(np.sqrt(spacing[0] * spacing[1])) / 0.25)
    size = (round(pixels.shape[1] * factor), round(pixels.shape[0] * factor))
    grey = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    seen = cv2.resize(inner.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    step = float(np.sqrt(spacing[0] * spacing[1])) / factor
    layers = [smoothed(grey, max(mm / step, 0.3)) for mm in BAND_MM]
    spreads = [float(np.median(np.abs(fine - coarse)[seen])) for fine, coarse in pairwise(layers)]
    natural = [np.sqrt(mm / BAND_MM[-2]) for mm in BAND_MM[:-1]]
    gains = [s / max(spreads[-1], 1e-3) / n for s, n in zip(spreads, natural, strict=True)]
    return tuple(1 + _CRISP_PART * float(np.clip(g, 1, _CRISPEST) - 1) for g in gains[:-1])


def _by_level(grey: F32, spread: F32) -> F32:
    """The usual grain at eight grey levels, each between two octiles of the tissue."""
    edges = np.unique(np.quantile(grey, np.linspace(0, 1, 9)))
    bins = np.digitize(grey, edges[1:-1])
    filled = [b for b in range(len(edges) - 1) if np.any(bins == b)] or [0]
    levels = [float(np.median(grey[bins == b])) for b in filled]
    deviations = [max(float(np.sqrt(np.median(spread[bins == b]))), 1e-3) for b in filled]
    return np.array([levels, deviations], np.float32)

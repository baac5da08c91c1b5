"""Random fields over a lesion, the same at every spacing."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import fft

from mammoscope.data.lesions.drawing import F32, Sheet

_CELLS = 128


def clouds(
    rng: np.random.Generator,
    sheet: Sheet,
    longest_mm: float,
    finest_mm: float,
    exponent: float = 3.0,
) -> F32:
    """A Gaussian field with power spectrum 1/f^exponent between two wavelengths.

    Breast tissue has about 1/f^3 (Burgess, Jacobson and Judy, Med. Phys. 28, 2001, 419).

    Args:
        rng: its random stream.
        sheet: where it is wanted.
        longest_mm: waves longer than this are left out; the field repeats after twice that.
        finest_mm: so are waves shorter than this.
        exponent: of the spectrum.

    Returns:
        (rows, columns) float32, mean 0, standard deviation 1.
    """
    period = max(2 * longest_mm, float(np.ptp(sheet.x)) + 1, float(np.ptp(sheet.y)) + 1)
    f = np.hypot(fft.fftfreq(_CELLS)[:, None], fft.rfftfreq(_CELLS)[None]) * _CELLS / period
    band = (f >= 1 / longest_mm) & (f <= 1 / finest_mm)
    gain = np.where(band, np.maximum(f, 1e-6) ** (-exponent / 2), 0)
    noise = fft.rfft2(rng.standard_normal((_CELLS, _CELLS)))
    field = fft.irfft2(noise * gain, s=(_CELLS, _CELLS))
    field = np.asarray(field / max(float(field.std()), 1e-9), np.float32)
    columns = (sheet.x / period + 0.5) * _CELLS - 0.5
    rows = (sheet.y / period + 0.5) * _CELLS - 0.5
    shown = cv2.remap(field, columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP)
    return np.asarray(shown, np.float32)

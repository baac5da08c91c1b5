"""For Processing images (raw detector data) to something a reader can look at.

The rule, which is not any vendor's processing:

1. exposure: the stored value after the modality LUT, turned over where Pixel Intensity
   Relationship Sign (0028,1041) says that larger values mean fewer X-rays (where the tag is
   missing: MONOCHROME1 means larger values are more X-rays, MONOCHROME2 fewer);
2. attenuation: the logarithm of the highest exposure over each exposure, or their difference
   where Pixel Intensity Relationship (0028,1040) is LOG, as by then the logarithm was taken;
3. window: Otsu's threshold on the attenuation's histogram parts air from breast; black is the
   air's median, white the breast's percentile WHITE_PERCENTILE.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mammoscope.io.dicom_grey import Values, apply_table, stored_values, stretch
from mammoscope.io.dicom_header import Header
from mammoscope.io.dicom_pixels import Frame
from mammoscope.types import Pixels

WHITE_PERCENTILE = 99.5
_BINS = 512
_PROCESSING_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.1.1.1",
    "1.2.840.10008.5.1.4.1.1.1.2.1",
)


def is_for_processing(header: Header) -> bool:
    """Whether Presentation Intent Type, or else the SOP class, says raw detector data."""
    if intent := header.text("PresentationIntentType"):
        return intent == "FOR PROCESSING"
    return header.text("SOPClassUID") in _PROCESSING_CLASSES


def from_processing(header: Header, frame: Frame) -> tuple[Pixels, dict[str, str]]:
    """Convert a For Processing frame by the rule of this module.

    Returns:
        Pixels of the container's dtype over its full range, brighter where more is absorbed;
        and the provenance.

    Raises:
        CorruptError: a rescale value or lookup table is nonsense.
    """
    provenance: dict[str, str] = {}
    stored = stored_values(header, frame.layout, frame.raw.dtype, provenance)
    counts = np.bincount(frame.raw.ravel(), minlength=stored.values.size)
    counts = np.where(stored.padded, 0, counts)
    attenuation = _attenuation(header, frame, stored.modality, counts > 0)
    black, white = _limits(attenuation, counts)
    provenance["voi"] = f"For Processing: attenuation {black:.4g} black to {white:.4g} white"
    provenance["polarity"] = frame.layout.photometric
    header.warn(
        "This is a For Processing image, converted by a general rule:"
        " it does not look as the maker's own processing would show it."
    )
    return apply_table(frame, stretch(attenuation, black, white), stored.padded), provenance


def _attenuation(header: Header, frame: Frame, values: Values, used: NDArray[np.bool_]) -> Values:
    if not used.any():
        return np.zeros_like(values)
    low, high = float(values[used].min()), float(values[used].max())
    sign = header.number("PixelIntensityRelationshipSign", 0.0)
    more_rays_is_larger = sign > 0 if sign else frame.layout.photometric == "MONOCHROME1"
    exposure = values if more_rays_is_larger else high + low - values
    exposure = np.clip(exposure, low, high)
    if header.text("PixelIntensityRelationship") == "LOG":
        return high - exposure
    # Readings of 0 or below are noise around no signal; 1 is the least that has a logarithm.
    attenuation: Values = np.log(max(high, 1.0)) - np.log(np.maximum(exposure, 1.0))
    return attenuation


def _limits(attenuation: Values, counts: NDArray[np.int64]) -> tuple[float, float]:
    """Median of the air and WHITE_PERCENTILE of the breast, on a histogram of pixels."""
    if not counts.any():
        return 0.0, 0.0
    order = np.argsort(attenuation, kind="stable")
    values, weights = attenuation[order], counts[order]
    air = values <= _otsu(values, weights)
    black = _percentile(values[air], weights[air], 50.0)
    if not weights[~air].any():
        return black, black
    return black, _percentile(values[~air], weights[~air], WHITE_PERCENTILE)


def _percentile(values: Values, weights: NDArray[np.int64], percent: float) -> float:
    total = np.cumsum(weights)
    return float(values[int(np.searchsorted(total, total[-1] * percent / 100.0))])


def _otsu(values: Values, weights: NDArray[np.int64]) -> float:
    """Otsu's threshold (IEEE Trans. SMC 9, 1979): the largest variance between two classes."""
    heights, edges = np.histogram(values, _BINS, weights=weights)
    middles = (edges[:-1] + edges[1:]) / 2
    below, total = np.cumsum(heights), heights.sum()
    sums = np.cumsum(heights * middles)
    above = total - below
    parts = (below > 0) & (above > 0)
    gap = sums * total - sums[-1] * below
    between = np.divide(gap**2, below * above, out=np.zeros_like(sums), where=parts)
    return float(edges[int(np.argmax(between)) + 1])

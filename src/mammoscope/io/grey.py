"""Decoded samples of any depth and channel count to one grey channel over the full range.

The rule for depth, for files that do not state it (PNG, TIFF, NumPy): a 16-bit image is taken to
have the smallest of 8, 10, 12, 14 or 16 bits (the depths that detectors and digitisers
deliver) that holds its highest value, and is scaled so that the highest value of that depth is
white. Without it a 12-bit image in a 16-bit file would be shown black. A PGM states its own
highest value, which is used instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammoscope.types import Pixels

DEPTHS = (8, 10, 12, 14, 16)
COLOUR_STEP = 32 / 255
COLOUR_SHARE = 0.02
"""A picture is in colour if in more than this share of its pixels two of the channels differ by
more than COLOUR_STEP of full range: more than JPEG rounding or a coloured label does."""

Samples = NDArray[Any]


def to_uint(samples: Samples) -> tuple[Samples, int | None, str | None]:
    """Bring any number type to uint8 or uint16.

    uint8 and uint16 stay as they are. Integers that fit 16 bits after a shift by their lowest
    negative value keep their steps. Floats in [0, 1] are fractions of white; floats in
    [0, 65535] are grey levels, rounded; whatever else is stretched between its extremes.

    Args:
        samples: array of booleans, integers or finite floats.

    Returns:
        The samples; the value of white where it is known (see `full_range`); and what the user
        should know, in one clause, if something had to be assumed.
    """
    if samples.dtype in (np.uint8, np.uint16):
        return samples.astype(samples.dtype.newbyteorder("="), copy=False), None, None
    low, high = float(samples.min()), float(samples.max())
    if samples.dtype.kind == "f" and low >= 0 and high <= 1:
        return np.rint(samples * 65535.0).astype(np.uint16), 65535, None
    if low >= 0 and high <= 65535:
        return np.rint(samples).astype(np.uint16), None, None
    if samples.dtype.kind in "iu" and low < 0 and high - low <= 65535:
        shifted = samples.astype(np.int64) - int(low)
        told = f"values start at {low:g} and were shifted to start at 0"
        return shifted.astype(np.uint16), None, told
    stretched = (samples.astype(np.float64) - low) * (65535.0 / (high - low))
    told = f"values from {low:g} to {high:g} were stretched to the range from black to white"
    return np.rint(stretched).astype(np.uint16), 65535, told


def full_range(grey: Samples, maximum: int | None = None) -> tuple[Pixels, str]:
    """Scale grey levels so that white is the dtype's maximum; see the module for the rule.

    Args:
        grey: (height, width) uint8 or uint16.
        maximum: the value of white, where the file states it.

    Returns:
        The pixels, and in words which range was taken, for the provenance.
    """
    limit = 255 if grey.dtype == np.uint8 else 65535
    if maximum is None:
        maximum = 255 if limit == 255 else 2 ** stored_bits(int(grey.max(initial=0))) - 1
    if maximum == limit:
        return grey, f"0 to {limit}"
    scaled = (grey.astype(np.uint32) * limit + maximum // 2) // maximum
    return np.minimum(scaled, limit).astype(grey.dtype), f"0 to {maximum}, scaled to {limit}"


def stored_bits(highest: int) -> int:
    """The smallest usual depth that holds `highest`."""
    return next(bits for bits in DEPTHS if highest < 2**bits)


def is_colour(samples: Samples) -> bool:
    """Whether the first three channels of (height, width, >= 3) samples make a colour picture."""
    first, second, third = (samples[..., channel] for channel in range(3))
    if np.array_equal(first, second) and np.array_equal(second, third):
        return False
    spread = np.ptp(samples[..., :3].astype(np.int32), axis=2)
    step = COLOUR_STEP * np.iinfo(samples.dtype).max
    return float(np.mean(spread > step)) > COLOUR_SHARE


def one_channel(samples: Samples) -> Samples:
    """Grey from (height, width[, 1 to 4]) samples; what is transparent becomes black, as air is.

    Of three equal channels the first is taken as it is; of unequal ones the mean, since they
    differ by rounding or by a coloured label alone (see `is_colour`).
    """
    if samples.ndim == 2:
        return samples
    channels = samples.shape[2]
    colours = 3 if channels >= 3 else 1
    grey = samples[..., 0]
    if colours == 3 and not np.array_equal(samples[..., 0], samples[..., 1]):
        mean = samples[..., :3].sum(axis=2, dtype=np.uint32) / 3
        grey = np.rint(mean).astype(samples.dtype)
    if channels == colours:
        return np.ascontiguousarray(grey)
    return _over_black(grey, samples[..., colours])


def _over_black(grey: Samples, alpha: Samples) -> Samples:
    limit = np.iinfo(alpha.dtype).max
    if int(alpha.min()) == limit:
        return np.ascontiguousarray(grey)
    blended = grey.astype(np.uint64) * alpha.astype(np.uint64) + limit // 2
    return (blended // limit).astype(grey.dtype)


def oriented(grey: Samples, orientation: int) -> Samples:
    """Turn and mirror as TIFF/EXIF orientation 1 to 8 asks; other values change nothing."""
    if orientation in (5, 6, 7, 8):
        grey = grey.T
    if orientation in (2, 3, 6, 7):
        grey = grey[:, ::-1]
    if orientation in (3, 4, 7, 8):
        grey = grey[::-1]
    return np.ascontiguousarray(grey)

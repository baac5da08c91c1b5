"""Colour images that are grey in truth: secondary captures whose three channels say the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import RefusedError
from mammoscope.io.dicom_header import Header

# A pixel whose channels differ by more than 1/16 of the range is coloured to the eye; JPEG's own
# errors stay below that. Coloured pixels up to the share below are a marker or a stamp.
_COLOUR_SPREAD = 1 / 16
_COLOUR_SHARE = 0.001


def grey_channel(pixels: NDArray[Any], photometric: str, header: Header) -> NDArray[Any]:
    """One channel of an image whose channels say the same; colours are refused.

    Args:
        pixels: (rows, columns, 3) RGB, or luma and two chromas around half of the range.
        photometric: "RGB", or the name of a YBR space.
        header: for the path; gains a warning if there are a few coloured pixels.

    Raises:
        RefusedError: more than one pixel in a thousand is coloured.
    """
    top = int(np.iinfo(pixels.dtype).max)
    first, second, third = (pixels[..., i].astype(np.int32) for i in range(3))
    if photometric == "RGB":
        spread = np.maximum(np.abs(first - second), np.abs(second - third))
        grey = pixels[..., 1]
    else:
        middle = top // 2 + 1
        spread = np.maximum(np.abs(second - middle), np.abs(third - middle))
        grey = pixels[..., 0]
    share = float(np.mean(spread > top * _COLOUR_SPREAD))
    if share > _COLOUR_SHARE:
        raise RefusedError(
            header.path,
            f"the image is coloured ({share:.1%} of its pixels), and mammograms are grey",
            "give the original grey image",
        )
    if share > 0:
        header.warn("A few pixels are coloured: a mark is burned into the image.")
    return np.ascontiguousarray(grey)

"""Distances within a mask, the same to the last bit on every run."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.anatomy import Mask


def distance_within(mask: Mask) -> NDArray[np.float32]:
    """Distance in pixels from each pixel of a mask to the nearest pixel outside of it.

    OpenCV's differs in its last bit from run to run and with the number of threads. Squares of
    distances between pixels are whole numbers, and rounding to them takes that away.

    Args:
        mask: (h, w); the picture's edge is not outside. Distances up to 2,000 pixels are exact.

    Returns:
        (h, w), 0 outside of the mask.
    """
    raw = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.sqrt(np.rint(np.square(raw, dtype=np.float64))).astype(np.float32)

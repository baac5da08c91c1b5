"""How large and how small an image may be, checked before memory is taken for it."""

from __future__ import annotations

from pathlib import Path

from mammoscope.errors import LimitError

MAX_PIXELS = 120_000_000
"""Four times the largest mammogram in use (film at 43 micrometres: about 28 million pixels)."""

MIN_SIDE = 32
"""Fewer pixels than this along a side show no breast."""


def check_size(path: str | Path, height: int, width: int) -> None:
    """Refuse an image of `height` x `width` pixels that is outside the reader's limits.

    Raises:
        LimitError: a side is shorter than MIN_SIDE, or there are more than MAX_PIXELS pixels.
    """
    found = f"the image is {width} x {height} pixels"
    if min(height, width) < MIN_SIDE:
        raise LimitError(
            path,
            f"{found}, and a mammogram has at least {MIN_SIDE} along each side",
            "give the original image",
        )
    if height * width > MAX_PIXELS:
        raise LimitError(
            path,
            f"{found}, more than the limit of {MAX_PIXELS // 1_000_000} million",
            "give the original mammogram, or one scaled down",
        )

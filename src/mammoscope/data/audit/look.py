"""What the auditor takes from one file: everything it needs of the pixels, in a few kilobytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.anatomy import (
    breast_mask,
    invert,
    side_of_mask,
    thumbnail,
    white_background,
)
from mammoscope.errors import ReadError, RefusedError
from mammoscope.io import read_picture
from mammoscope.io.image import read_bytes
from mammoscope.io.screen import BLANK_SPAN, refusal
from mammoscope.types import Pixels

Grey = NDArray[np.uint8]

VERSION = 1
"""Raised when a look measures something else, so that remembered ones are taken anew."""
THUMB_SIDE = 32
MASK_SIDE = 64
_DARK, _BRIGHT = 0.1, 0.9


def _no_thumb() -> Grey:
    return np.zeros((THUMB_SIDE, THUMB_SIDE), np.uint8)


@dataclass(frozen=True, eq=False)
class Look:
    """One image file as the auditor remembers it.

    Attributes:
        error: why it could not be read, one sentence without the path; "" if it could.
        colour: whether it could not because it is in colour.
        file_sha256: of the file; "" if it is not there.
        pixel_sha256: of shape, type and pixels; "" without pixels.
        height: pixels; 0 without.
        width: pixels; 0 without.
        blank: "black", "white" or "one grey" where the picture shows nothing, else "".
        white_background: whether its air is white; what follows is of the picture turned over.
        refusal: why it cannot be a mammogram, one clause; "" if nothing speaks against it.
        chest: side of the picture the chest wall is on, "L" or "R"; "" if neither stands out.
        frame: (32, 32) the whole picture, grey levels stretched.
        mask_bits: `mask`, eight pixels a byte; b"" without a picture.
    """

    error: str = ""
    colour: bool = False
    file_sha256: str = ""
    pixel_sha256: str = ""
    height: int = 0
    width: int = 0
    blank: str = ""
    white_background: bool = False
    refusal: str = ""
    chest: str = ""
    frame: Grey = field(default_factory=_no_thumb)
    mask_bits: bytes = b""

    @property
    def seen(self) -> bool:
        """Whether it was read and shows something."""
        return not self.error and not self.blank

    @property
    def breast_seen(self) -> bool:
        """Whether it looks like a mammogram with a chest wall on one side."""
        return self.seen and not self.refusal and self.chest != ""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(64, 64), the breast within the whole picture."""
        if not self.mask_bits:
            return np.zeros((MASK_SIDE, MASK_SIDE), np.bool_)
        bits = np.unpackbits(np.frombuffer(self.mask_bits, np.uint8))
        return bits.reshape(MASK_SIDE, MASK_SIDE).astype(bool)


@dataclass(frozen=True)
class MaskLook:
    """One mask file.

    Attributes:
        error: why it could not be read; "" if it could.
        height: pixels.
        width: pixels.
        marked: number of pixels that are not 0.
    """

    error: str = ""
    height: int = 0
    width: int = 0
    marked: int = 0


def read_pixels(path: Path) -> Pixels:
    """Pixels of one file, DICOM or image, of any modality, with the polarity it is stored in.

    Raises:
        ReadError: it cannot be read.
    """
    return read_picture(path).pixels


def look_at(path: Path) -> Look:
    """Read one image file and remember what the auditor needs of it."""
    digest = ""
    try:
        digest = hashlib.sha256(read_bytes(path)).hexdigest()
        pixels = read_pixels(path)
    except RefusedError as error:
        return Look(_reason(error), colour="colour" in error.reason, file_sha256=digest)
    except ReadError as error:
        return Look(_reason(error), file_sha256=digest)
    return _measured(pixels, digest)


def look_at_mask(path: Path) -> MaskLook:
    """Read one mask file, as for `look_at`."""
    try:
        pixels = read_pixels(path)
    except ReadError as error:
        return MaskLook(_reason(error))
    height, width = pixels.shape
    return MaskLook("", height, width, int(np.count_nonzero(pixels)))


def _reason(error: ReadError) -> str:
    return f"{error.reason}; {error.remedy}."


def _measured(pixels: Pixels, digest: str) -> Look:
    height, width = pixels.shape
    blank = blankness(pixels)
    negative = not blank and white_background(pixels)
    upright = invert(pixels) if negative else pixels
    mask = breast_mask(upright)
    return Look(
        file_sha256=digest,
        pixel_sha256=_pixel_digest(pixels),
        height=height,
        width=width,
        blank=blank,
        white_background=negative,
        refusal=refusal(upright) or "",
        chest=side_of_mask(mask) or "",
        frame=_thumb(upright),
        mask_bits=_bits(mask),
    )


def _bits(mask: NDArray[np.bool_]) -> bytes:
    size = (MASK_SIDE, MASK_SIDE)
    small = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    return np.packbits(small).tobytes()


def _pixel_digest(pixels: Pixels) -> str:
    digest = hashlib.sha256(f"{pixels.shape} {pixels.dtype}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def blankness(pixels: Pixels) -> str:
    """Say what a picture that shows nothing is: "black", "white" or "one grey"; else ""."""
    low, high = (float(level) for level in np.percentile(thumbnail(pixels), (0.5, 99.5)))
    if high - low >= BLANK_SPAN:
        return ""
    return "black" if high < _DARK else "white" if low > _BRIGHT else "one grey"


def _thumb(pixels: Pixels) -> Grey:
    """(32, 32) uint8, grey levels stretched between the 0.5th and 99.5th percentile."""
    # In two steps, so that the percentiles do not depend on the file's resolution.
    middle = cv2.resize(pixels, (4 * THUMB_SIDE,) * 2, interpolation=cv2.INTER_AREA)
    low, high = np.percentile(middle, (0.5, 99.5))
    stretched = np.clip((middle.astype(np.float32) - low) / max(float(high - low), 1.0), 0, 1)
    small = cv2.resize(stretched, (THUMB_SIDE,) * 2, interpolation=cv2.INTER_AREA)
    return np.asarray(np.rint(small * 255), np.uint8)

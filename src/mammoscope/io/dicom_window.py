"""The values of a DICOM image before its window, for viewers: PS3.3 C.11.1 without C.11.2."""

from __future__ import annotations

import numpy as np

from mammoscope.io.dicom_grey import stored_values, turned_over, windows
from mammoscope.io.dicom_header import Header
from mammoscope.io.dicom_pixels import Frame
from mammoscope.io.display import Display, Window
from mammoscope.types import Pixels

_MOST = 65535
# fmt: off
_EXPLANATIONS = frozenset((
    "BRIGHT", "CONTRAST", "DARK", "DEFAULT", "DENSE", "FATTY", "HARDER", "HIGH", "IMPLANT",
    "LINEAR", "LOW", "MEDIUM", "NARROW", "NORMAL", "SKIN", "SOFTER", "USER", "WIDE",
))
# fmt: on
"""Free text is not shown: what people write into it may be a name."""


def windowed(header: Header, frame: Frame) -> Display | None:
    """Values after the modality LUT, and the file's linear windows.

    Returns:
        None if the file has no linear window, is shown through a VOI LUT (which clips nothing that
        its grey levels do not show), or has values that 16 bits do not hold.
    """
    asked = windows(header)
    if not asked or header.items("VOILUTSequence") or asked[0][2] == "SIGMOID":
        return None
    stored = stored_values(header, frame.layout, frame.raw.dtype, {})
    whole, slope = stored.modality, 1.0
    if not np.array_equal(np.rint(whole), whole):
        whole, slope = stored.values.astype(np.float64), header.number("RescaleSlope", 1.0)
    low, low_is_white = float(whole.min()), turned_over(header, frame.layout, {})
    black = float(whole.max()) + 1 - low if low_is_white and stored.padded.any() else 0.0
    if max(float(whole.max()) - low, black) > _MOST or slope <= 0:
        return None
    intercept = float(stored.modality[int(whole.argmin())])
    table = (whole - low).astype(np.uint16)
    table[stored.padded] = black
    return Display(
        _looked_up(table, frame.raw), _named(header, asked), slope, intercept, low_is_white
    )


def _looked_up(table: Pixels, raw: Pixels) -> Pixels:
    narrow = table.astype(np.uint8) if int(table.max()) < 256 else table
    return narrow[raw]


def _named(header: Header, asked: list[tuple[float, float, str]]) -> tuple[Window, ...]:
    """The linear ones, named by Window Center & Width Explanation (0028,1055) where it is known."""
    words = [str(word).strip().upper() for word in header.values("WindowCenterWidthExplanation")]
    found = []
    for number, (center, width, function) in enumerate(asked, 1):
        if function == "SIGMOID":
            continue
        said = words[number - 1] if number <= len(words) else ""
        name = said.lower() if said in _EXPLANATIONS else ""
        name = name or ("as in the file" if number == 1 else f"window {number} of the file")
        # LINEAR reaches over width - 1 about center - 0.5, LINEAR_EXACT over its width.
        more = function == "LINEAR_EXACT"
        found.append(Window(name, center + 0.5 * more, width + more))
    return tuple(found)

"""Breast ultrasound among files that are no mammograms: recognised, and read."""

from __future__ import annotations

from pathlib import Path

from mammoscope.errors import ReadError
from mammoscope.io.dicom import is_dicom
from mammoscope.io.dicom_grey import for_presentation
from mammoscope.io.dicom_header import opened, read_header
from mammoscope.io.dicom_layout import read_layout
from mammoscope.io.dicom_pixels import read_frame
from mammoscope.io.dicom_scope import is_breast
from mammoscope.io.image import read_bytes, read_image
from mammoscope.io.mammogram import HEAD_BYTES
from mammoscope.io.screen import Refusal, refusal
from mammoscope.types import Mammogram

MODALITY = "US"


def read_ultrasound(path: str | Path) -> Mammogram | None:
    """Read a file if it is a breast ultrasound picture.

    A DICOM file is one if its Modality is US and its body part, where given, is the breast; of
    several frames the middle one is read. An image file is one if it shows what
    `mammoscope.io.screen` takes for ultrasound.

    Args:
        path: a file that `read_mammogram` refused.

    Returns:
        Its pixels (height, width) as stored, without laterality or view; None if it is something
        else, in colour, or cannot be read.
    """
    try:
        if is_dicom(read_bytes(path, HEAD_BYTES)):
            return _from_dicom(path)
        picture = read_image(path)
    except ReadError:
        return None
    return picture if refusal(picture.pixels) is Refusal.LAYERS else None


def _from_dicom(path: str | Path) -> Mammogram | None:
    with opened(path) as file:
        header = read_header(path, file)
        if header.text("Modality") != MODALITY or not is_breast(header):
            return None
        layout = read_layout(header)
        index = layout.frames // 2
        header = header.for_frame(index)
        frame = read_frame(header, layout, file, index)
    if layout.frames > 1:
        header.warn(f"Of {layout.frames} frames only number {index + 1}, the middle one, was read.")
    pixels, grey = for_presentation(header, frame)
    return Mammogram(
        pixels,
        str(path),
        provenance={"modality": MODALITY, "transfer_syntax": frame.syntax} | grey,
        warnings=tuple(header.warnings),
    )

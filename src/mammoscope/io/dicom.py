"""DICOM files to Mammogram: the one entrance; parsing, decoding and greys are in dicom_*.py."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mammoscope.io.dicom_grey import for_presentation
from mammoscope.io.dicom_header import Header, corrupt_as, is_dicom, opened, read_header
from mammoscope.io.dicom_layout import read_layout
from mammoscope.io.dicom_pixels import Frame, read_frame
from mammoscope.io.dicom_processing import from_processing, is_for_processing
from mammoscope.io.dicom_scope import check_scope
from mammoscope.io.dicom_tags import find_implant, find_laterality, find_spacing, find_view
from mammoscope.io.dicom_window import windowed
from mammoscope.io.display import Display
from mammoscope.types import Mammogram, Presentation

__all__ = [
    "dicom_exam_key",
    "dicom_patient_name",
    "is_dicom",
    "read_dicom",
    "read_dicom_shown",
]

_KEY_TAGS = ["PatientID", "StudyInstanceUID"]


def read_dicom(path: str | Path) -> Mammogram:
    """Read a mammogram with all grey-level transformations of the file applied.

    Of a multi-frame file (tomosynthesis) only the middle frame is read. For Processing images
    are converted as `mammoscope.io.dicom_processing` says. Grey levels are rounded to nearest.

    Args:
        path: the file.

    Returns:
        uint16 pixels over 0..65535 (uint8 over 0..255 where the file stores 8 bits), 0 black.

    Raises:
        CorruptError: the file cannot be read or contradicts itself.
        UnsupportedError: not DICOM, or its transfer syntax or pixel layout is not read.
        LimitError: the image is too large or too small.
        RefusedError: the file is no mammogram.
    """
    return _mammogram(path, *_open(path))


def read_dicom_shown(path: str | Path) -> tuple[Mammogram, Display | None]:
    """The same, and its values before the file's window, for a viewer that windows itself.

    Args:
        path: the file.

    Returns:
        The Mammogram; and its values, or None where it is not shown by a linear window alone: its
        grey levels then hold all there is.

    Raises:
        ReadError: as `read_dicom`.
    """
    header, frame, provenance = _open(path)
    values = None if is_for_processing(header) else windowed(header, frame)
    return _mammogram(path, header, frame, provenance), values


def _open(path: str | Path) -> tuple[Header, Frame, dict[str, str]]:
    """Header and stored pixels of the only or middle frame, and what led to them."""
    with opened(path) as file:
        header = read_header(path, file)
        provenance = check_scope(header)
        layout = read_layout(header)
        index = layout.frames // 2
        header = header.for_frame(index)
        frame = read_frame(header, layout, file, index)
    if layout.frames > 1:
        provenance["frame"] = f"{index + 1} of {layout.frames} (the middle one)"
        header.warn(f"Of {layout.frames} frames only number {index + 1}, the middle one, was read.")
    return header, frame, provenance


def _mammogram(
    path: str | Path, header: Header, frame: Frame, provenance: dict[str, str]
) -> Mammogram:
    processing = is_for_processing(header)
    pixels, grey = (from_processing if processing else for_presentation)(header, frame)
    laterality, laterality_source = find_laterality(header)
    view, modifiers, view_source = find_view(header)
    implant, implant_source = find_implant(header, modifiers)
    spacing, spacing_source = find_spacing(header)
    presentation, presentation_source = _presentation(header, processing)
    sources = {
        "transfer_syntax": frame.syntax,
        "laterality": laterality_source,
        "view": view_source,
        "implant": implant_source,
        "spacing": spacing_source,
        "presentation": presentation_source,
    }
    return Mammogram(
        pixels=pixels,
        path=str(path),
        laterality=laterality,
        view=view,
        view_modifiers=modifiers,
        spacing_mm=spacing,
        presentation=presentation,
        implant=implant,
        exam_key=_exam_key(header),
        provenance=provenance | grey | sources,
        warnings=tuple(header.warnings),
    )


def _presentation(header: Header, processing: bool) -> tuple[Presentation | None, str]:
    if processing:
        return "processing", "PresentationIntentType or SOPClassUID"
    if header.text("PresentationIntentType") == "FOR PRESENTATION":
        return "presentation", "PresentationIntentType"
    return None, "not in the file"


def dicom_exam_key(path: str | Path) -> str | None:
    """What the files of one patient and study share: 16 hex digits, or None if the tags are empty.

    Reads the header only. The key is the start of a SHA-256 of Patient ID and Study Instance
    UID, neither of which can be read from it.

    Raises:
        ReadError: the file cannot be opened, or is not DICOM.
    """
    with opened(path) as file:
        return _exam_key(read_header(path, file, _KEY_TAGS))


def dicom_patient_name(path: str | Path) -> str | None:
    """Patient's Name (0010,0010) as "FAMILY, Given", to be shown and never to be kept.

    Raises:
        ReadError: the file cannot be opened, or is not DICOM.
    """
    with opened(path) as file:
        header = read_header(path, file, ["PatientName"])
    with corrupt_as(header.path, "Patient's Name"):
        name = str(header.root.get("PatientName") or "").split("=")[0]
    return ", ".join(part.strip() for part in name.split("^")[:2] if part.strip()) or None


def _exam_key(header: Header) -> str | None:
    # Not by header.text: capitals and blanks inside count in an identifier.
    with corrupt_as(header.path, "Patient ID or Study Instance UID"):
        parts = [str(header.root.get(tag) or "").strip() for tag in _KEY_TAGS]
    if not any(parts):
        return None
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

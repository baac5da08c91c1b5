"""Which DICOM objects are mammograms at all, told from the header before pixels are decoded."""

from __future__ import annotations

import re

from mammoscope.errors import RefusedError
from mammoscope.io.dicom_header import Header, describe

_OTHER_XRAY = ("CR", "DX", "RG", "OT", "SC", "PX", "")
_DOCUMENTS = ("SR", "PR", "KO", "DOC", "SEG", "AU", "ECG", "RTPLAN", "RTSTRUCT", "RTDOSE", "REG")
_BREAST = ("BREAST", "MAMM", "MAMA", "BRUST", "SEIN", "SENO", "AXILLA")
_BODY_VIEWS = ("PA", "AP", "LL", "RL", "LLD", "RLD", "LLO", "RLO", "LATERAL", "LAT")


def check_scope(header: Header) -> dict[str, str]:
    """Refuse what is no mammogram; note what only may be one.

    Returns:
        Provenance under "modality".

    Raises:
        RefusedError: the modality, body part or view is another one; the tag is named.
    """
    modality = header.text("Modality")
    if modality in _DOCUMENTS:
        raise _refused(header, "Modality", modality, "a DICOM object without an image")
    if modality != "MG" and modality not in _OTHER_XRAY:
        raise _refused(header, "Modality", modality, "another kind of examination")
    if not is_breast(header):
        part = header.text("BodyPartExamined")
        raise _refused(header, "BodyPartExamined", part, "another part of the body")
    view = header.text("ViewPosition")
    if modality != "MG" and view in _BODY_VIEWS:
        raise _refused(header, "ViewPosition", view, "a view of another part of the body")
    if modality == "MG":
        return {"modality": "MG"}
    header.warn(
        f"{describe('Modality')} is {modality or 'missing'}, not MG:"
        " the image was taken for a mammogram."
    )
    return {"modality": f"{modality or 'missing'}, taken for a mammogram"}


def is_breast(header: Header) -> bool:
    """Whether the body part is the breast, or not given."""
    part = header.text("BodyPartExamined")
    return not part or any(word in part for word in _BREAST)


def _refused(header: Header, keyword: str, value: str, meaning: str) -> RefusedError:
    # Only code-like values are shown, so that no stray text of a patient's gets out.
    shown = value if re.fullmatch(r"[A-Z _-]{1,16}", value) else "not a known code"
    return RefusedError(
        header.path,
        f"{describe(keyword)} is {shown}, {meaning}",
        "give a mammogram, or correct the tag if it is one",
    )

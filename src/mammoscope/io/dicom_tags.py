"""Breast, view, implant and pixel spacing from every place in which makers put them.

Each function returns what it found together with the name of the place, looks at the places in a
fixed order of trust, and warns where two of them contradict each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import cast

from mammoscope.errors import CorruptError, RefusedError
from mammoscope.io.dicom_header import Header, describe
from mammoscope.io.dicom_views import (
    BREAST_CODES,
    MODIFIER_CODES,
    SPECIMEN_CODES,
    VIEW_CODES,
    parse_side,
    parse_view,
)
from mammoscope.types import Laterality

Spacing = tuple[float, float]
_DESCRIPTIONS = ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription")
# Where the columns of a mammogram run to, and whose breast it then is.
_COLUMNS_TO: dict[str, Laterality] = {
    "L": "R",
    "FL": "R",
    "HR": "R",
    "R": "L",
    "FR": "L",
    "HL": "L",
}


def find_laterality(header: Header) -> tuple[Laterality | None, str]:
    """The breast and the tag that tells it, e.g. ("L", "ImageLaterality").

    Order: Frame Laterality, Image Laterality, Laterality, the codes of Anatomic Region, View
    Position with a side in it, Patient Orientation, descriptions such as "R CC".
    """
    found = list(_lateralities(header))
    sides = {side for side, source in found if source not in _DESCRIPTIONS}
    if len(sides) > 1:
        header.warn(
            "The tags contradict each other on which breast this is: "
            + ", ".join(f"{source} says {side}" for side, source in found)
            + f"; {found[0][1]} was followed."
        )
    return found[0] if found else (None, "not in the file")


def _lateralities(header: Header) -> Iterator[tuple[Laterality, str]]:
    for keyword in ("FrameLaterality", "ImageLaterality", "Laterality"):
        if side := parse_side(header.text(keyword)):
            yield side, keyword
    for region in header.items("AnatomicRegionSequence"):
        for item in (region, *region.items("AnatomicRegionModifierSequence")):
            if item.text("CodeValue") in BREAST_CODES:
                yield BREAST_CODES[item.text("CodeValue")], "AnatomicRegionSequence"
    if (side := parse_view(header.text("ViewPosition"))[0]) is not None:
        yield side, "ViewPosition"
    if (side := _side_from_orientation(header)) is not None:
        yield side, "PatientOrientation"
    for keyword in _DESCRIPTIONS:
        side, view, _ = parse_view(header.text(keyword))
        if side and view:
            yield side, keyword


def _side_from_orientation(header: Header) -> Laterality | None:
    """The breast as the direction of the columns tells it.

    Mammograms are stored with the axilla at the top: the columns of a right breast then run
    towards the patient's left. The row direction is not used, as some makers mirror images.
    """
    try:
        values = [str(value).strip().upper() for value in header.values("PatientOrientation")]
    except CorruptError:
        return None
    return _COLUMNS_TO.get(values[1]) if len(values) == 2 else None


def find_view(header: Header) -> tuple[str | None, tuple[str, ...], str]:
    """View, view modifiers and the tag that tells the view, e.g. ("CC", (), "ViewCodeSequence").

    Order: View Code Sequence with its modifiers, View Position, descriptions.

    Raises:
        RefusedError: the view code says that this is a specimen.
    """
    found: list[tuple[str, str]] = []
    modifiers: list[str] = []
    codes = header.items("ViewCodeSequence")
    for code in codes:
        if code.text("CodeValue") in SPECIMEN_CODES:
            raise RefusedError(
                header.path,
                f"{describe('ViewCodeSequence')} says tissue specimen",
                "give a mammogram of a whole breast",
            )
        if view := VIEW_CODES.get(code.text("CodeValue")) or _view_from_meaning(code):
            found.append((view, "ViewCodeSequence"))
    for holder in (*codes, header):
        modifiers += _modifiers(holder)
    for keyword in ("ViewPosition", *_DESCRIPTIONS):
        _, text_view, text_modifiers = parse_view(header.text(keyword))
        if text_view and (keyword == "ViewPosition" or not found):
            found.append((text_view, keyword))
            modifiers += text_modifiers
    if len({view for view, _ in found}) > 1:
        header.warn(
            "The tags contradict each other on the view: "
            + ", ".join(f"{source} says {view}" for view, source in found)
            + f"; {found[0][1]} was followed."
        )
    view_found, source = found[0] if found else (None, "not in the file")
    return view_found, tuple(dict.fromkeys(modifiers)), source


def _view_from_meaning(code: Header) -> str | None:
    """Private codes often come with a standard meaning ("cranio-caudal")."""
    meaning = "".join(filter(str.isalpha, code.text("CodeMeaning")))
    return {
        "CRANIOCAUDAL": "CC",
        "MEDIOLATERALOBLIQUE": "MLO",
        "MEDIOLATERAL": "ML",
        "LATEROMEDIAL": "LM",
        "LATEROMEDIALOBLIQUE": "LMO",
    }.get(meaning)


def _modifiers(holder: Header) -> list[str]:
    codes = [item.text("CodeValue") for item in holder.items("ViewModifierCodeSequence")]
    return [MODIFIER_CODES[code] for code in codes if code in MODIFIER_CODES]


def find_implant(header: Header, modifiers: tuple[str, ...]) -> tuple[bool | None, str]:
    """Whether an implant is present and the tag that tells it; None if nothing does."""
    said = header.text("BreastImplantPresent")
    if said in ("YES", "NO") and not (said == "NO" and "implant displaced" in modifiers):
        return said == "YES", "BreastImplantPresent"
    if "implant displaced" in modifiers:
        if said == "NO":
            header.warn("Breast Implant Present says NO, but the view is implant displaced.")
        return True, "implant displaced view"
    return None, "not in the file"


def find_spacing(header: Header) -> tuple[Spacing | None, str]:
    """(row, column) spacing in the plane of the breast in mm, and where it comes from.

    Imager Pixel Spacing is measured at the detector, which lies behind the breast: dividing it
    by Estimated Radiographic Magnification Factor gives the plane of the breast (PS3.3 C.8.11.7,
    C.10.7.1.3). Pixel Spacing beside it, where it differs, has been corrected already and is
    taken as it is; where it is equal it is the detector's.
    """
    pixel, imager = _pair(header, "PixelSpacing"), _pair(header, "ImagerPixelSpacing")
    if imager and (pixel is None or pixel == imager):
        factor = _magnification(header)
        spacing = (imager[0] / factor, imager[1] / factor)
        return spacing, f"ImagerPixelSpacing divided by magnification {factor:g}"
    if pixel:
        return pixel, "PixelSpacing"
    scanned = _pair(header, "NominalScannedPixelSpacing")
    return scanned, "NominalScannedPixelSpacing" if scanned else "not in the file"


def _pair(header: Header, keyword: str) -> Spacing | None:
    numbers = header.lenient_numbers(keyword)
    if not numbers:
        return None
    if len(numbers) == 2 and all(0 < number < math.inf for number in numbers):
        return cast("Spacing", tuple(numbers))
    header.ignore(keyword, "it should be two numbers above 0")
    return None


def _magnification(header: Header) -> float:
    numbers = header.lenient_numbers("EstimatedRadiographicMagnificationFactor")
    if not numbers:
        return 1.0
    if numbers[0] >= 1.0:
        return numbers[0]
    header.ignore("EstimatedRadiographicMagnificationFactor", "it is below 1")
    return 1.0

"""The DICOM modules that mammograms and tomosyntheses share: who, when, which breast, contrast.

The patient is fictitious, dates are fixed and UIDs follow from the content, so that the same
input gives the same bytes.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.valuerep import format_number_as_ds

from mammoscope.data.dicom_encoding import SYNTAXES
from mammoscope.data.dicom_levels import DicomKind, voi_lut, windows
from mammoscope.errors import ConfigError
from mammoscope.types import Laterality

DATE, TIME = "20000103", "120000"
"""Of everything: dates are made up, so that they are the same on every run."""

Code = tuple[str, str]

VIEWS: Mapping[str, Code] = {
    "CC": ("399162004", "cranio-caudal"),
    "MLO": ("399368009", "medio-lateral oblique"),
    "ML": ("399260004", "medio-lateral"),
    "LM": ("399352003", "latero-medial"),
    "LMO": ("399099002", "latero-medial oblique"),
    "FB": ("399196006", "caudo-cranial (from below)"),
    "XCC": ("399265009", "cranio-caudal exaggerated"),
    "XCCL": ("399192008", "cranio-caudal exaggerated laterally"),
    "XCCM": ("399101009", "cranio-caudal exaggerated medially"),
}
"""SNOMED CT codes of views, PS3.16 CID 4014."""

MODIFIERS: Mapping[str, Code] = {
    "cleavage": ("399161006", "Cleavage"),
    "axillary tail": ("399011000", "Axillary Tail"),
    "rolled lateral": ("399197002", "Rolled Lateral"),
    "rolled medial": ("399226006", "Rolled Medial"),
    "implant displaced": ("399209000", "Implant Displaced"),
    "magnification": ("399163009", "Magnification"),
    "spot": ("399055006", "Spot Compression"),
    "tangential": ("399110001", "Tangential"),
}
"""SNOMED CT codes of view modifiers, PS3.16 CID 4015."""

_BREAST: Code = ("76752008", "Breast")
_ANGLES = {"MLO": 45.0, "LMO": -135.0, "ML": 90.0, "LM": -90.0, "FB": 180.0}

_PATIENT_AND_STUDY = {
    "PatientBirthDate": "19450103",
    "PatientSex": "F",
    "PatientAge": "055Y",
    "PatientComments": "This woman does not exist: the image is synthetic.",
    "StudyDate": DATE,
    "StudyTime": TIME,
    "StudyDescription": "Synthetic mammography",
    "ReferringPhysicianName": None,
    "AccessionNumber": None,
}
_SERIES_AND_EQUIPMENT = {
    "Modality": "MG",
    "SeriesDate": DATE,
    "SeriesTime": TIME,
    "BodyPartExamined": "BREAST",
    "Manufacturer": "Mammoscope",
    "ManufacturerModelName": "Synthetic mammograms",
    "DeviceSerialNumber": "0",
    "SoftwareVersions": "1",
    "InstitutionName": "SYNTHETIC",
}


class View(Protocol):
    """What is needed of a view; `SyntheticView` has it.

    Attributes:
        pixels: (height, width) uint16 over the full range, For Presentation sense, air 0.
        laterality: the chest wall is at the picture's left edge for L, right for R.
        view: a key of VIEWS.
        spacing_mm: (row, column) spacing in the plane of the breast, mm.
    """

    @property
    def pixels(self) -> NDArray[np.uint16]: ...  # noqa: D102
    @property
    def laterality(self) -> Laterality: ...  # noqa: D102
    @property
    def view(self) -> str: ...  # noqa: D102
    @property
    def spacing_mm(self) -> tuple[float, float]: ...  # noqa: D102


def subject(view: View, kind: DicomKind, seed: int, number: int) -> Dataset:
    """Patient, study, series and equipment, and what tells breast and view."""
    if view.view not in VIEWS:
        raise ConfigError(f"View {view.view!r} is unknown; give {', '.join(VIEWS)}.")
    content = hashlib.sha256(view.pixels.tobytes()).hexdigest()
    labels = (str(seed), str(kind), view.laterality, view.view, str(view.spacing_mm), content)
    dataset = Dataset()
    put(dataset, _PATIENT_AND_STUDY | _SERIES_AND_EQUIPMENT)
    put(
        dataset,
        {
            "PatientName": f"SYNTHETIC^WOMAN {seed}",
            "PatientID": f"SYNTHETIC-{seed}",
            "StudyID": str(seed)[:16],
            "StudyInstanceUID": uid("study", str(seed)),
            "SeriesInstanceUID": uid("series", str(seed), str(kind)),
            "SOPInstanceUID": uid("image", *labels),
            "SeriesNumber": 1,
            "InstanceNumber": number,
            "BreastImplantPresent": "YES" if kind.implant else "NO",
            "ViewCodeSequence": [_view_code(view.view, kind.modifiers)],
        },
    )
    return dataset


def uid(*labels: str) -> str:
    """A UID that follows from labels: 2.25 and a UUID of version 5 (PS3.5 B.2)."""
    name = "\0".join(("mammoscope", *labels))
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, name).int}"


def put(dataset: Dataset, elements: Mapping[str, Any]) -> Dataset:
    """Set elements by keyword; lists of data sets become sequences."""
    for keyword, value in elements.items():
        is_sequence = keyword.endswith("Sequence")
        setattr(dataset, keyword, Sequence(value) if is_sequence else value)
    return dataset


def code(value: Code) -> Dataset:
    """An item of a code sequence, SNOMED CT."""
    item = Dataset()
    item.CodeValue, item.CodeMeaning = value
    item.CodingSchemeDesignator = "SCT"
    return item


def breast_code() -> Dataset:
    """The anatomic region."""
    return code(_BREAST)


def _view_code(view: str, modifiers: tuple[str, ...]) -> Dataset:
    unknown = [modifier for modifier in modifiers if modifier not in MODIFIERS]
    if unknown:
        raise ConfigError(f"View modifier {unknown[0]!r} is unknown; give {', '.join(MODIFIERS)}.")
    item = code(VIEWS[view])
    item.ViewModifierCodeSequence = Sequence(code(MODIFIERS[name]) for name in modifiers)
    return item


def primary_angle(view: View) -> float:
    """Angle of the beam, degrees: 0 from above, to opposite sides for the two breasts."""
    angle = _ANGLES.get(view.view, 0.0)
    return angle if view.laterality == "R" else -angle or 0.0


def columns_tilt(view: View) -> float:
    """How far the columns point down, degrees: 0 in CC (from lateral to medial), 90 in ML."""
    return abs(_ANGLES.get(view.view, 0.0)) % 180 if view.view != "LMO" else 45.0


def voi(kind: DicomKind) -> dict[str, Any]:
    """Windows and VOI LUT of a kind as elements."""
    elements: dict[str, Any] = {}
    found = windows(kind)
    if found:
        elements["WindowCenter"] = [format_number_as_ds(float(w.center)) for w in found]
        elements["WindowWidth"] = [format_number_as_ds(float(w.width)) for w in found]
        elements["VOILUTFunction"] = found[0].function
    if len(found) > 1:
        elements["WindowCenterWidthExplanation"] = ["NORMAL", "HARDER", "SOFTER"]
    if (lut := voi_lut(kind)) is not None:
        order = ">" if SYNTAXES[kind.syntax].big_endian else "<"
        item = Dataset()
        item.add_new("LUTDescriptor", "US", [len(lut) % 65536, 0, 16])
        item.LUTExplanation = "NORMAL"
        item.add_new("LUTData", "OW", lut.astype(f"{order}u2").tobytes())
        elements["VOILUTSequence"] = [item]
    return elements

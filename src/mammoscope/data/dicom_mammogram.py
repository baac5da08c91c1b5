"""One synthetic mammogram as a DICOM object: Digital Mammography X-Ray Image (PS3.3 A.27).

Tomosynthesis is in `dicom_tomosynthesis`, and writing to files in `dicom_study`.

    >>> from mammoscope.data.synth import synthetic_view
    >>> view = synthetic_view(7, "L", "MLO", height=128)
    >>> dataset = mammogram_dataset(view, DicomKind(syntax="JPEG-LS", photometric="MONOCHROME1"), 7)
    >>> dataset.ViewPosition, dataset.PresentationLUTShape
    ('MLO', 'INVERSE')
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.valuerep import format_number_as_ds

from mammoscope.data.dicom_encoding import set_pixels
from mammoscope.data.dicom_levels import DicomKind, stored_values
from mammoscope.data.dicom_modules import (
    DATE,
    TIME,
    View,
    breast_code,
    columns_tilt,
    primary_angle,
    put,
    subject,
    voi,
)
from mammoscope.errors import ConfigError

__all__ = ["DicomKind", "View", "mammogram_dataset"]

_CLASSES = {
    "presentation": "1.2.840.10008.5.1.4.1.1.1.2",
    "processing": "1.2.840.10008.5.1.4.1.1.1.2.1",
}
_SOURCE_TO_DETECTOR_MM = 660.0
_IMAGE = {
    "ImageType": ["ORIGINAL", "PRIMARY", ""],
    "ContentDate": DATE,
    "ContentTime": TIME,
    "AcquisitionDate": DATE,
    "AcquisitionTime": TIME,
    "BurnedInAnnotation": "NO",
    "RescaleIntercept": "0",
    "RescaleSlope": "1",
    "RescaleType": "US",
    "AcquisitionContextSequence": [],
    "OrganExposed": "BREAST",
    "PartialView": "NO",
}
_DETECTOR = {
    "DetectorType": "DIRECT",
    "DetectorConfiguration": "AREA",
    "DetectorDescription": "Synthetic detector",
    "DetectorID": "SYNTHETIC",
    "DateOfLastDetectorCalibration": DATE,
    "DetectorConditionsNominalFlag": "YES",
    "DetectorActiveShape": "RECTANGLE",
    "FieldOfViewShape": "RECTANGLE",
    "FieldOfViewOrigin": [0, 0],
    "FieldOfViewRotation": "0",
    "FieldOfViewHorizontalFlip": "NO",
}
_BEAM = {
    "KVP": "29",
    "ExposureTime": 1000,
    "XRayTubeCurrent": 100,
    "Exposure": 100,
    "ExposureInuAs": 100000,
    "AnodeTargetMaterial": "TUNGSTEN",
    "FilterMaterial": "RHODIUM",
    "FocalSpots": "0.3",
    "ExposureControlMode": "AUTOMATIC",
    "BodyPartThickness": "55",
    "CompressionForce": "100",
    "RelativeXRayExposure": 100,
    "EntranceDoseInmGy": "6",
    "OrganDose": "0.015",
    "PositionerType": "MAMMOGRAPHIC",
}


def mammogram_dataset(view: View, kind: DicomKind, seed: int, number: int = 1) -> Dataset:
    """A Digital Mammography X-Ray Image, For Presentation or For Processing.

    Args:
        view: what to show.
        kind: how; without slices.
        seed: names the woman; patient, study and all UIDs follow from it.
        number: Instance Number.

    Raises:
        ConfigError: the view is not in VIEWS, a modifier not in MODIFIERS, or slices are wanted.
    """
    if kind.slices:
        raise ConfigError(
            f"slices is {kind.slices} and a mammogram has none; use tomosynthesis_dataset."
        )
    dataset = subject(view, kind, seed, number)
    dataset.SOPClassUID = _CLASSES[kind.presentation]
    dataset.PresentationIntentType = f"FOR {kind.presentation.upper()}"
    put(dataset, _IMAGE | _DETECTOR | _BEAM | _grey_scale(kind) | _projection(view, kind))
    if not kind.processing:
        put(dataset, voi(kind))
    stored = stored_values(view.pixels, kind)
    if kind.padded:
        dataset.add_new(
            "PixelPaddingValue", "US", int(stored_values(np.zeros(1, np.uint16), kind)[0])
        )
    set_pixels(dataset, stored, kind.bits, kind.syntax)
    return dataset


def _grey_scale(kind: DicomKind) -> dict[str, Any]:
    """Polarity and physics: MONOCHROME1 goes with INVERSE here (PS3.3 C.8.11.3.1.2)."""
    return {
        "PhotometricInterpretation": kind.photometric,
        "PresentationLUTShape": "INVERSE" if kind.negative else "IDENTITY",
        "PixelIntensityRelationship": kind.relationship if kind.processing else "LOG",
        "PixelIntensityRelationshipSign": 1 if kind.negative else -1,
    }


def _projection(view: View, kind: DicomKind) -> dict[str, Any]:
    """Which breast, from where, and how large."""
    factor = kind.magnification
    spacing = [format_number_as_ds(mm * factor) for mm in view.spacing_mm]
    extent = [round(n * float(mm)) for n, mm in zip(view.pixels.shape, spacing, strict=True)]
    return {
        "ImageLaterality": view.laterality,
        "ViewPosition": view.view,
        "AnatomicRegionSequence": [breast_code()],
        "PatientOrientation": _orientation(view),
        "ImagerPixelSpacing": spacing,
        "DetectorElementSpacing": spacing,
        "DetectorElementPhysicalSize": spacing,
        "DetectorActiveDimensions": extent,
        "FieldOfViewDimensions": extent,
        "DistanceSourceToDetector": format_number_as_ds(_SOURCE_TO_DETECTOR_MM),
        "DistanceSourceToPatient": format_number_as_ds(_SOURCE_TO_DETECTOR_MM / factor),
        "EstimatedRadiographicMagnificationFactor": format_number_as_ds(float(factor)),
        "PositionerPrimaryAngle": format_number_as_ds(primary_angle(view)),
    }


def _orientation(view: View) -> list[str]:
    """Patient Orientation: rows run to or from the nipple, columns from the axilla downwards."""
    inward = "L" if view.laterality == "R" else "R"
    columns = {0.0: inward, 90.0: "F"}.get(columns_tilt(view), f"F{inward}")
    return ["P" if view.laterality == "R" else "A", columns]

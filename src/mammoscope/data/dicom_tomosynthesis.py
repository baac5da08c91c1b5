"""A synthetic view as a Breast Tomosynthesis Image (PS3.3 A.55), a multi-frame enhanced object.

The slices are no simulated reconstruction: they are copies of one projection, smeared along the
sweep of the tube and shifted, the more the farther a slice lies from the middle of the breast.
The middle slice, number `slices // 2` from 0, is the view itself. That gives a reader's
multi-frame paths something true to read, and is not fit for teaching anything about depth.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
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
    put,
    subject,
    uid,
    voi,
)
from mammoscope.errors import ConfigError

__all__ = ["slice_pictures", "tomosynthesis_dataset"]

_CLASS = "1.2.840.10008.5.1.4.1.1.13.1.3"
_THICKNESS_MM = 50.0
_SMEAR, _SHIFT = 0.10, 0.04
"""Standard deviation of the smear, and the shift, in mm per mm of distance from the middle."""

_IMAGE = {
    "ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "NONE"],
    "PhotometricInterpretation": "MONOCHROME2",
    "PresentationLUTShape": "IDENTITY",
    "PixelPresentation": "MONOCHROME",
    "VolumetricProperties": "VOLUME",
    "VolumeBasedCalculationTechnique": "NONE",
    "ContentQualification": "RESEARCH",
    "BurnedInAnnotation": "NO",
    "RecognizableVisualFeatures": "NO",
    "AcquisitionContextSequence": [],
    "ContentDate": DATE,
    "ContentTime": TIME,
    "PartialView": "NO",
}
_FRAME_TYPE = {
    "FrameType": _IMAGE["ImageType"],
    "PixelPresentation": "MONOCHROME",
    "VolumetricProperties": "VOLUME",
    "VolumeBasedCalculationTechnique": "NONE",
}


def slice_pictures(view: View, slices: int) -> list[NDArray[np.uint16]]:
    """The slices from one side of the breast to the other, each of the view's shape.

    Number `slices // 2` is `view.pixels` itself.
    """
    return [_slice(view, _depth_mm(i, slices)) for i in range(slices)]


def _depth_mm(index: int, slices: int) -> float:
    return (index - slices // 2) * _THICKNESS_MM / slices


def _slice(view: View, depth_mm: float) -> NDArray[np.uint16]:
    if depth_mm == 0:
        return view.pixels
    per_row = abs(depth_mm) / view.spacing_mm[0]
    smeared = cv2.GaussianBlur(
        view.pixels, (0, 0), sigmaX=0.3 * _SMEAR * per_row + 0.1, sigmaY=_SMEAR * per_row + 0.1
    )
    height = len(smeared)
    shift = round(_SHIFT * depth_mm / view.spacing_mm[0])
    return np.asarray(smeared[np.clip(np.arange(height) - shift, 0, height - 1)], np.uint16)


def tomosynthesis_dataset(view: View, kind: DicomKind, seed: int, number: int = 1) -> Dataset:
    """A Breast Tomosynthesis Image of `kind.slices` slices; see this module for what they are.

    Args:
        view: what to show.
        kind: how; with slices, For Presentation and MONOCHROME2.
        seed: names the woman; patient, study and all UIDs follow from it.
        number: Instance Number.

    Raises:
        ConfigError: `kind` wants no slices; view and modifiers as in `mammogram_dataset`.
    """
    if not kind.slices:
        raise ConfigError("slices is 0, and a tomosynthesis has some; use mammogram_dataset.")
    dataset = subject(view, kind, seed, number)
    dataset.SOPClassUID = _CLASS
    organization = uid("dimensions", dataset.SOPInstanceUID)
    put(
        dataset,
        _IMAGE
        | {
            "FrameOfReferenceUID": uid("frame of reference", str(seed), view.laterality, view.view),
            "PositionReferenceIndicator": None,
            "DimensionOrganizationSequence": [_item(DimensionOrganizationUID=organization)],
            "DimensionIndexSequence": _dimensions(organization),
            "SharedFunctionalGroupsSequence": [_shared(view, kind)],
            "PerFrameFunctionalGroupsSequence": [
                _of_frame(view, index, kind.slices) for index in range(kind.slices)
            ],
        },
    )
    pictures = np.stack(slice_pictures(view, kind.slices))
    set_pixels(dataset, stored_values(pictures, kind), kind.bits, kind.syntax)
    return dataset


def _item(**elements: Any) -> Dataset:
    return put(Dataset(), elements)


def _dimensions(organization: str) -> list[Dataset]:
    """One dimension: the place in the stack."""
    return [
        _item(
            DimensionOrganizationUID=organization,
            DimensionIndexPointer=pointer,
            FunctionalGroupPointer=0x00209111,
        )
        for pointer in (0x00209056, 0x00209057)
    ]


def _shared(view: View, kind: DicomKind) -> Dataset:
    """The functional groups that hold for all frames."""
    gap = format_number_as_ds(_THICKNESS_MM / kind.slices)
    rows, columns, _ = _axes(view)
    anatomy = _item(FrameLaterality=view.laterality, AnatomicRegionSequence=[breast_code()])
    measures = _item(
        PixelSpacing=[format_number_as_ds(float(mm)) for mm in view.spacing_mm],
        SliceThickness=gap,
        SpacingBetweenSlices=gap,
    )
    direction = [format_number_as_ds(round(float(x), 6)) for x in (*rows, *columns)]
    values = _item(RescaleIntercept="0", RescaleSlope="1", RescaleType="US")
    return _item(
        FrameAnatomySequence=[anatomy],
        PixelMeasuresSequence=[measures],
        PlaneOrientationSequence=[_item(ImageOrientationPatient=direction)],
        FrameVOILUTSequence=[put(Dataset(), voi(kind))],
        PixelValueTransformationSequence=[values],
    )


def _of_frame(view: View, index: int, slices: int) -> Dataset:
    """Number and place of one frame."""
    content = _item(
        StackID="1", InStackPositionNumber=index + 1, DimensionIndexValues=[1, index + 1]
    )
    corner = _axes(view)[2] * _depth_mm(index, slices)
    place = [format_number_as_ds(round(float(x), 6)) for x in corner]
    return _item(
        FrameContentSequence=[content],
        PlanePositionSequence=[_item(ImagePositionPatient=place)],
        XRay3DFrameTypeSequence=[_item(**_FRAME_TYPE)],
    )


def _axes(view: View) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors along rows, along columns and from slice to slice.

    Patient coordinates of PS3.3 C.7.6.2.1.1: x to the left, y to the back, z to the head.
    """
    outward = 1.0 if view.laterality == "L" else -1.0
    tilt = np.deg2rad(columns_tilt(view))
    rows = np.array([0.0, -outward, 0.0])
    columns = np.array([-outward * np.cos(tilt), 0.0, -np.sin(tilt)])
    return rows, columns, np.cross(rows, columns)

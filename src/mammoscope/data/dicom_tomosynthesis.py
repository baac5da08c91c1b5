"""A synthetic view as a Breast Tomosynthesis Image (PS3.3 A.55), a multi-frame enhanced object.

The slices are shift-and-add reconstructions of nine projections of the breast's layers, see
`mammoscope.data.synth_slices`; they fill the compressed breast, the one nearest to the tube first.
The planes lie in patient coordinates whose origin is in the middle of the breast.
"""

from __future__ import annotations

from typing import Any, Protocol

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
    primary_angle,
    put,
    subject,
    uid,
    voi,
)
from mammoscope.data.synth_slices import ANGLES_DEG, slice_depths
from mammoscope.errors import ConfigError

__all__ = ["SlicedView", "slice_pictures", "tomosynthesis_dataset"]

_CLASS = "1.2.840.10008.5.1.4.1.1.13.1.3"

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
    "ReconstructionIndex": 1,
    "FrameType": _IMAGE["ImageType"],
    "PixelPresentation": "MONOCHROME",
    "VolumetricProperties": "VOLUME",
    "VolumeBasedCalculationTechnique": "NONE",
}


_EXPOSURE = {
    "FieldOfViewShape": "RECTANGLE",
    "XRayReceptorType": "DIGITAL_DETECTOR",
    "FieldOfViewOrigin": [0, 0],
    "KVP": "29",
    "DistanceSourceToDetector": "660",
    "DistanceSourceToPatient": "660",
    "EstimatedRadiographicMagnificationFactor": "1",
    "AnodeTargetMaterial": "TUNGSTEN",
    "FilterType": "FLAT",
    "FilterMaterial": "RHODIUM",
    "HalfValueLayer": "0.55",
    "FocalSpots": "0.3",
    "DetectorTemperature": "30",
    "ExposureControlMode": "AUTOMATIC",
    "ExposureControlModeDescription": "None, the image is synthetic",
    "CompressionForce": "100",
    "PaddleDescription": "Synthetic",
}
_PROJECTION = {
    "ExposureInmAs": 11.0,
    "XRayTubeCurrentInmA": 110.0,
    "ExposureTimeInms": 100.0,
    "RelativeXRayExposure": 11,
}
_RECONSTRUCTION = {
    "ApplicationName": "Mammoscope",
    "ApplicationVersion": "1",
    "ApplicationManufacturer": "Mammoscope",
    "AlgorithmType": "FILTER_BACK_PROJ",
    "AlgorithmDescription": "Shift and add of parallel projections, no filter",
    "AcquisitionIndex": 1,
}


class SlicedView(View, Protocol):
    """What is needed of a view to make slices of it; `SyntheticView` has it.

    Attributes:
        thickness_mm: of the compressed breast.
        implant: anything but None if the breast has one.
    """

    @property
    def thickness_mm(self) -> float: ...  # noqa: D102
    @property
    def implant(self) -> object | None: ...  # noqa: D102
    def slices(self, count: int) -> list[NDArray[np.uint16]]: ...  # noqa: D102


def slice_pictures(view: SlicedView, slices: int) -> list[NDArray[np.uint16]]:
    """The slices from the tube's side of the breast to the detector's, each of the view's shape."""
    return view.slices(slices)


def tomosynthesis_dataset(view: SlicedView, kind: DicomKind, seed: int, number: int = 1) -> Dataset:
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
            "XRay3DAcquisitionSequence": [_acquisition(view)],
            "XRay3DReconstructionSequence": [_item(**_RECONSTRUCTION)],
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


def _shared(view: SlicedView, kind: DicomKind) -> Dataset:
    """The functional groups that hold for all frames."""
    gap = format_number_as_ds(view.thickness_mm / kind.slices)
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


def _acquisition(view: SlicedView) -> Dataset:
    """How the projections were taken: the arc of the tube (PS3.3 C.8.21.3.4)."""
    arc = ANGLES_DEG[-1] - ANGLES_DEG[0]
    return _item(
        **_EXPOSURE,
        PrimaryPositionerScanArc=arc,
        PrimaryPositionerScanStartAngle=primary_angle(view) + ANGLES_DEG[0],
        PrimaryPositionerIncrement=arc / (len(ANGLES_DEG) - 1),
        PerProjectionAcquisitionSequence=[_projection(view, angle) for angle in ANGLES_DEG],
        BodyPartThickness=format_number_as_ds(view.thickness_mm),
    )


def _projection(view: SlicedView, angle: float) -> Dataset:
    """One of the projections, from that angle to the middle one."""
    return _item(
        **_PROJECTION, PositionerPrimaryAngle=format_number_as_ds(primary_angle(view) + angle)
    )


def _of_frame(view: SlicedView, index: int, slices: int) -> Dataset:
    """Number and place of one frame."""
    content = _item(
        StackID="1", InStackPositionNumber=index + 1, DimensionIndexValues=[1, index + 1]
    )
    corner = _axes(view)[2] * slice_depths(view.thickness_mm, slices)[index]
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

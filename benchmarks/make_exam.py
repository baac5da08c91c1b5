"""Write a synthetic four-view exam as full-size mammography DICOM files, for benchmarks.

    python benchmarks/make_exam.py OUT [--seed 7] [--height 4096]

Each file is a Digital Mammography X-Ray Image, For Presentation (PS3.3 A.27), 12 bits stored,
MONOCHROME2, JPEG Lossless first-order prediction (process 14, selection value 1), which is how
most mammography units send their pictures. UIDs follow from the arguments, so two
runs write the same files.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    JPEGLosslessSV1,
    generate_uid,
)

from mammoscope.data.synth import SyntheticExam, SyntheticView, synthetic_exam

VIEW_CODES = {
    "CC": ("399162004", "cranio-caudal"),
    "MLO": ("399368009", "medio-lateral oblique"),
}
DATE, TIME = "20260101", "120000"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--height", type=int, default=4096, help="rows; columns are 3328/4096")
    given = parser.parse_args()
    for path in write_dicom_exam(synthetic_exam(given.seed, given.height), given.out):
        print(path)


def write_dicom_exam(exam: SyntheticExam, folder: Path) -> list[Path]:
    """Write the views of `exam` as RCC.dcm, LCC.dcm, RMLO.dcm, LMLO.dcm; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, view in enumerate(exam.images, start=1):
        path = folder / f"{view.laterality}{view.view}.dcm"
        draft = path.with_suffix(".part")
        dataset(exam, view, number).save_as(draft, enforce_file_format=True)
        paths.append(draft.replace(path))
    return paths


def dataset(exam: SyntheticExam, view: SyntheticView, number: int) -> Dataset:
    """One view as a complete data set, its pixels compressed."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    story = f"{exam.seed} {exam.height} {exam.density}"
    _add_identity(ds, story, number)
    _add_study(ds, story, number)
    _add_view(ds, view)
    _add_acquisition(ds, view)
    _add_presentation(ds)
    _add_pixels(ds, (view.pixels >> 4).astype(np.uint16))
    return ds


def _uid(*entropy: str) -> str:
    return generate_uid(entropy_srcs=["mammoscope synthetic exam", *entropy])


def _add_identity(ds: Dataset, story: str, number: int) -> None:
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    ds.SOPInstanceUID = _uid("image", story, str(number))
    ds.PatientName, ds.PatientID = "SYNTHETIC^EXAM", "SYNTH"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "", "F", "055Y"
    ds.Manufacturer, ds.ManufacturerModelName = "Mammoscope", "synthetic"
    ds.DeviceSerialNumber, ds.SoftwareVersions = "0", "1"


def _add_study(ds: Dataset, story: str, number: int) -> None:
    ds.StudyInstanceUID, ds.SeriesInstanceUID = _uid("study", story), _uid("series", story)
    ds.StudyID, ds.AccessionNumber, ds.ReferringPhysicianName = "1", "", ""
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = DATE
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = TIME
    ds.Modality, ds.SeriesNumber = "MG", "1"
    ds.InstanceNumber = ds.AcquisitionNumber = str(number)
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.ImagesInAcquisition = "1"


def _add_view(ds: Dataset, view: SyntheticView) -> None:
    ds.ImageType = ["ORIGINAL", "PRIMARY", ""]
    ds.ImageLaterality, ds.ViewPosition = view.laterality, view.view
    ds.BodyPartExamined, ds.OrganExposed = "BREAST", "BREAST"
    ds.BreastImplantPresent, ds.PartialView = "NO", "NO"
    ds.AnatomicRegionSequence = Sequence([_code("76752008", "Breast")])
    code = _code(*VIEW_CODES[view.view])
    code.ViewModifierCodeSequence = Sequence([])
    ds.ViewCodeSequence = Sequence([code])
    ds.AcquisitionContextSequence = Sequence([])
    ds.PatientOrientation = _orientation(view)


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def _orientation(view: SyntheticView) -> list[str]:
    """Directions of rows and columns (PS3.3 C.7.6.1.1.1): rows run away from a left chest wall."""
    along = "A" if view.laterality == "L" else "P"
    if view.view == "CC":
        # The upper edge of a CC picture is the outer side of either breast.
        return [along, "R" if view.laterality == "L" else "L"]
    return [along, "FR" if view.laterality == "L" else "FL"]


def _add_acquisition(ds: Dataset, view: SyntheticView) -> None:
    spacing = [f"{mm:.6g}" for mm in view.spacing_mm]
    ds.ImagerPixelSpacing = spacing
    ds.DetectorType, ds.DetectorConfiguration = "DIRECT", "AREA"
    ds.DetectorID, ds.DetectorTemperature = "0", "25"
    ds.DetectorElementPhysicalSize = ds.DetectorElementSpacing = spacing
    ds.DetectorActiveShape, ds.FieldOfViewShape = "RECTANGLE", "RECTANGLE"
    ds.FieldOfViewOrigin, ds.FieldOfViewRotation = ["0", "0"], "0"
    ds.FieldOfViewHorizontalFlip = "NO"
    ds.PositionerType = "MAMMOGRAPHIC"
    ds.EstimatedRadiographicMagnificationFactor = "1"
    ds.DistanceSourceToDetector, ds.DistanceSourceToPatient = "660", "660"
    ds.KVP, ds.ExposureTime, ds.XRayTubeCurrent, ds.Exposure = "29", 1000, 100, 100
    ds.AnodeTargetMaterial, ds.FilterMaterial = "TUNGSTEN", "RHODIUM"
    ds.FilterType, ds.Grid, ds.FocalSpots = "STRIP", "NONE", "0.3"
    ds.BodyPartThickness, ds.CompressionForce = "55", "90"


def _add_presentation(ds: Dataset) -> None:
    ds.BurnedInAnnotation = "NO"
    ds.LossyImageCompression = "00"
    ds.PixelIntensityRelationship, ds.PixelIntensityRelationshipSign = "LOG", -1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.PresentationLUTShape = "IDENTITY"
    ds.WindowCenter, ds.WindowWidth = "2048", "4096"
    ds.WindowCenterWidthExplanation, ds.VOILUTFunction = "NORMAL", "LINEAR"


def _add_pixels(ds: Dataset, pixels: np.ndarray) -> None:
    ds.Rows, ds.Columns = pixels.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    # Not ljpeg_encode: that one writes selection value 6, which is another transfer syntax.
    stream = imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=1, bitspersample=12)
    ds.PixelData = encapsulate([stream])
    ds["PixelData"].VR = "OB"


if __name__ == "__main__":
    main()

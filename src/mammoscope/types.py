"""The currencies of the program: Mammogram, Exam, and the one result type ExamReport."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from mammoscope.geometry import Box, Geometry

Laterality = Literal["L", "R"]
Presentation = Literal["presentation", "processing"]
Pixels = NDArray[np.uint8] | NDArray[np.uint16]
Point = tuple[float, float]
Range = tuple[float, float]
Depth = Literal["anterior", "middle", "posterior"]

DENSITY_GRADES = ("A", "B", "C", "D")
DEPTHS: tuple[Depth, ...] = ("anterior", "middle", "posterior")


@dataclass(frozen=True, eq=False)
class Mammogram:
    """One mammographic image as a reader would see it.

    Attributes:
        pixels: (height, width) uint8 or uint16, For Presentation sense: the brighter, the more
            tissue; 0 is black and the dtype's maximum is white. All of the file's grey-level
            transformations (modality LUT, VOI LUT or window, MONOCHROME1, presentation LUT
            shape, padding) have been applied.
        path: the file it came from, as the user named it.
        laterality: the breast, "L" or "R"; None if neither file nor name nor picture tells.
        view: view code (DICOM CID 4014 abbreviations: CC, MLO, ML, LM, XCCL ...), None if unknown.
        view_modifiers: e.g. ("spot", "magnification", "implant displaced"); often empty.
        spacing_mm: (row, column) spacing in the plane of the breast, mm; None if unknown.
        presentation: the DICOM Presentation Intent Type in lower case without "for".
        implant: True if the file says an implant is present; None if it says nothing.
        exam_key: what files of one patient and study share, free of names; None if unknown.
        provenance: how each of the above was found, e.g. {"laterality": "ImageLaterality"}.
        warnings: sentences a user should see.
        outline: `mammoscope.anatomy.breast_mask` of `pixels` where it is known already (see
            `outlined`). A copy made by `dataclasses.replace` has none: its pixels may be others.
    """

    pixels: Pixels
    path: str
    laterality: Laterality | None = None
    view: str | None = None
    view_modifiers: tuple[str, ...] = ()
    spacing_mm: tuple[float, float] | None = None
    presentation: Presentation | None = None
    implant: bool | None = None
    exam_key: str | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    outline: NDArray[np.bool_] | None = field(default=None, init=False, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def outlined(self, mask: NDArray[np.bool_]) -> Self:
        """The same with its breast's outline, which costs a tenth of reading and is used twice."""
        made = copy(self)
        object.__setattr__(made, "outline", mask)
        return made


@dataclass(frozen=True)
class Unreadable:
    """A file that gave no Mammogram, and why.

    Attributes:
        path: the file, as the user named it.
        reason: one sentence with the reason and the remedy.
        refused: True if its pixels were read but are nothing the model can judge.
    """

    path: str
    reason: str
    refused: bool = False


@dataclass(frozen=True, eq=False)
class Exam:
    """The mammograms of one patient at one time: any number of views from one upwards.

    Attributes:
        id: names the exam in results; holds no patient name.
        images: its mammograms, in hanging order (R CC, L CC, R MLO, L MLO, then the others).
        unreadable: files that belong here, or were given with it, and could not be used.
        warnings: sentences a user should see, e.g. what could not be placed.
    """

    id: str
    images: tuple[Mammogram, ...]
    unreadable: tuple[Unreadable, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Nipple:
    """Where the nipple of a CC, MLO, ML or LM view was found.

    Attributes:
        point_px: (x, y) of its tip, source pixels.
        error_px: radius around it, source pixels, within which it should lie nine times in ten.
        wall_px: (x, y) where the line from it at right angles to the chest wall, in a view from
            the side to the pectoral muscle, meets that (the posterior nipple line).
    """

    point_px: Point
    error_px: float
    wall_px: Point


@dataclass(frozen=True)
class Position:
    """Where a finding lies in the breast, as far as the views tell; None where they do not.

    Attributes:
        nipple_mm: distance of its centre from the nipple.
        depth: third of the breast from the nipple to the muscle or chest wall.
        quadrant: "upper outer" and the like where two views show it; "upper", "lower", "inner"
            or "outer" where one does, or where it lies on the border of two quadrants; "central"
            behind the nipple.
        clock: hour on the breast seen from the front, 12 at the top.
        match: numbers, from 0, of image and finding of the same report that show it in the
            breast's other view.
    """

    nipple_mm: float | None = None
    depth: Depth | None = None
    quadrant: str | None = None
    clock: int | None = None
    match: tuple[int, int] | None = None


@dataclass(frozen=True)
class Finding:
    """A suspicious place.

    Attributes:
        box_px: (x1, y1, x2, y2) in source pixels (frame: see mammoscope.geometry).
        score: in [0, 1], the highest value of the lesion map inside the box (see LesionMap).
        label: what it is taken for; "suspicious" where the kind is not known.
        box_mm: the box in mm from the image's corner; None if the spacing is unknown.
        position: where in the breast; None if no nipple was looked for or found.
    """

    box_px: Box
    score: float
    label: str = "suspicious"
    box_mm: Box | None = None
    position: Position | None = None


@dataclass(frozen=True)
class Density:
    """BI-RADS breast density as probabilities of the grades A, B, C, D (they sum to 1)."""

    A: float
    B: float
    C: float
    D: float

    @property
    def probabilities(self) -> tuple[float, float, float, float]:
        """In the order A, B, C, D."""
        return self.A, self.B, self.C, self.D

    @property
    def grade(self) -> str:
        """The median grade: the first at which the cumulative probability reaches one half.

        The median respects the order of the grades, which the most probable grade does not.
        """
        cumulative = np.cumsum(self.probabilities)
        return DENSITY_GRADES[min(int(np.searchsorted(cumulative, 0.5)), 3)]


@dataclass(frozen=True, eq=False)
class LesionMap:
    """Where the malignancy of an image comes from.

    Attributes:
        values: (height, width) float32 in [0, 1]: the calibrated probability of cancer in an image
            whose most suspicious place looks as this cell does; 0 over air.
        geometry: maps source pixels to map cells and back (its model frame is `values`).
    """

    values: NDArray[np.float32]
    geometry: Geometry


@dataclass(frozen=True)
class OperatingPoint:
    """A named threshold on malignancy.

    Attributes:
        name: e.g. "bcsc_sensitivity".
        threshold: malignancy at or above which a breast or exam is flagged.
        sensitivity, specificity: as measured out of fold, per breast; see the model card. None
            where nobody measured them.
        description: one plain sentence.
    """

    name: str
    threshold: float
    sensitivity: float | None
    specificity: float | None
    description: str = ""


@dataclass(frozen=True)
class NotSure:
    """The band of malignancy in which neither cancer nor its absence can be excluded.

    Attributes:
        low: at most `alpha` of the breasts with cancer score below it.
        high: at most `alpha` of the breasts without cancer score above it. There is no band if
            it is not above `low`.
        alpha: the error allowed to each of the two.
    """

    low: float
    high: float
    alpha: float

    def sure(self, malignancy: float) -> bool:
        """Whether a breast's malignancy lies outside the band."""
        return not (self.low < self.high and self.low <= malignancy <= self.high)


@dataclass(frozen=True)
class ModelInfo:
    """Which weights spoke, and through which runtime.

    Attributes:
        name: name of the weights.
        sha256: of the network file.
        runtime: e.g. "OpenVINO 2026.4.1, f32, Intel Xeon".
        card: the model card, as loaded from card.json.
    """

    name: str
    sha256: str
    runtime: str = ""
    card: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ClassReport:
    """What a classifier says of one picture or region.

    Attributes:
        probabilities: of each class, in the order of the network's; they sum to 1.
        malignancy: calibrated probability of cancer: the sum of the classes that count as one.
        operating_point: the threshold that decides `flag`, one of the classifier's own.
        model: who spoke; not the weights that read the exam.
    """

    probabilities: Mapping[str, float]
    malignancy: float
    operating_point: OperatingPoint
    model: ModelInfo

    @property
    def flag(self) -> bool:
        """Whether malignancy reaches the operating point."""
        return self.malignancy >= self.operating_point.threshold

    @property
    def likeliest(self) -> str:
        """The class with the highest probability."""
        return max(self.probabilities, key=lambda name: self.probabilities[name])


@dataclass(frozen=True)
class RegionReport:
    """Whether what lies in a region that somebody marked looks benign or malignant.

    Attributes:
        box_px: (x1, y1, x2, y2) in source pixels, as asked for.
        answer: of the region.
        malignancy_range: lowest and highest malignancy among the slightly moved crops that the
            answer is the mean of (see mammoscope.infer.region): how firm it is.
        box_mm: the box in mm from the image's corner; None if the spacing is unknown.
    """

    box_px: Box
    answer: ClassReport
    malignancy_range: tuple[float, float]
    box_mm: Box | None = None


@dataclass(frozen=True, eq=False)
class ImageReport:
    """What the program says of one image.

    Attributes:
        path, laterality, view, view_modifiers: as in Mammogram.
        malignancy: calibrated probability of cancer in [0, 1]; None if refused. Of an ultrasound
            picture it is the ultrasound weights', and no part of the exam's malignancy.
        density: None if refused or not known.
        findings: suspicious places, the highest score first.
        warnings: sentences a user should see.
        refused: why the image was not judged, one sentence; None if it was.
        shape_px: (height, width) of the source image; None if it was never read.
        preview: (h, w) uint8 picture of the whole source image, its longest side at most
            1280 px, for reports; None if it was never read.
        lesion_map: None if refused. Of an ultrasound picture it speaks of lesions, benign or
            malignant, where that of a mammogram speaks of cancer.
        breast_px: box around the segmented breast, source pixels; None if refused.
        regions: what was asked about parts of the image, in the order asked.
        ultrasound: what the ultrasound weights say; None if this is no ultrasound picture.
        nipple: None where it was not looked for or not found.
        finding_map: where findings of any kind lie, malignant or not, as plain probabilities that
            no calibration went over; None from weights that do not look for them.
        malignancy_interval: see BreastReport.
    """

    path: str
    laterality: Laterality | None = None
    view: str | None = None
    view_modifiers: tuple[str, ...] = ()
    malignancy: float | None = None
    density: Density | None = None
    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
    refused: str | None = None
    shape_px: tuple[int, int] | None = None
    preview: NDArray[np.uint8] | None = None
    lesion_map: LesionMap | None = None
    breast_px: Box | None = None
    regions: tuple[RegionReport, ...] = ()
    ultrasound: ClassReport | None = None
    nipple: Nipple | None = None
    finding_map: LesionMap | None = None
    malignancy_interval: Range | None = None


@dataclass(frozen=True)
class BreastReport:
    """What the program says of one breast; None where nothing could be judged.

    Attributes:
        malignancy: calibrated probability of cancer.
        density: as in ImageReport.
        malignancy_interval: (low, high), 95 %, of the share with cancer among breasts that score
            like this one in data as those of the calibration. It tells how well that share is
            known, and nothing of this woman's tissue. None if the weights do not tell it.
        sure: False if both cancer and its absence remain possible (see NotSure); None if the
            weights have no such band.
    """

    malignancy: float | None = None
    density: Density | None = None
    malignancy_interval: Range | None = None
    sure: bool | None = None


@dataclass(frozen=True, eq=False)
class ExamReport:
    """The one result type: everything the outputs show.

    Attributes:
        id: the exam's.
        model: who spoke.
        malignancy: of the exam (the higher of its breasts); None if no image could be judged.
        density: of the exam; None if unknown.
        operating_point: the threshold that decides `flag`.
        flag: malignancy >= operating_point.threshold; None if malignancy is None.
        breasts: keys "L" and "R"; a breast without a judged image is absent.
        images: one entry per file given, unreadable and refused ones included, hanging order.
        operating_points: all those of the model.
        warnings: sentences about the exam as a whole.
        malignancy_interval, sure: those of the higher breast.
        not_sure: the band that decides `sure`; None if the weights have none.
    """

    id: str
    model: ModelInfo
    malignancy: float | None
    density: Density | None
    operating_point: OperatingPoint
    flag: bool | None
    breasts: Mapping[str, BreastReport]
    images: tuple[ImageReport, ...]
    operating_points: tuple[OperatingPoint, ...] = ()
    warnings: tuple[str, ...] = ()
    malignancy_interval: Range | None = None
    sure: bool | None = None
    not_sure: NotSure | None = None

"""A made-up exam report of the real thing's shape, for tests of whatever shows reports."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.geometry import Box, Geometry
from mammoscope.types import (
    BreastReport,
    ClassReport,
    Density,
    ExamReport,
    Finding,
    ImageReport,
    Laterality,
    LesionMap,
    ModelInfo,
    Nipple,
    NotSure,
    OperatingPoint,
    Position,
    RegionReport,
)

SOURCE = (2000, 1600)
PREVIEW = (640, 512)
LESION: Box = (470.0, 690.0, 690.0, 910.0)

POINTS = (
    OperatingPoint("worklist_top_10_percent", 0.62, 0.41, 0.95, "The tenth read first."),
    OperatingPoint("bcsc_sensitivity", 0.18, 0.87, 0.52, "As many cancers as readers find."),
    OperatingPoint("bcsc_specificity", 0.47, 0.55, 0.89, "As few recalls as readers make."),
)

BAND = NotSure(0.2, 0.7, 0.1)

CARD = {
    "name": "example-lite0",
    "training_data": {
        "set": "RSNA 2022 (part)",
        "images": 2710,
        "women": 763,
        "cancers": 0.34,
        "terms": "Non-commercial research.",
    },
    "metrics": [
        {"what": "breast AUC", "value": 0.78, "interval_95": [0.74, 0.82]},
        {"what": "breast AUC within machines", "value": 0.76, "interval_95": [0.71, 0.8]},
    ],
    "calibration": {
        "method": "logistic, out of fold",
        "ece": 0.021,
        "note": "Calibrated on data in which about a third of the images held a cancer; "
        "not a screening probability.",
    },
    "limits": ["no implants", "no tomosynthesis", "no film"],
    "external_test": None,
}


def breast(laterality: Laterality, view: str = "CC") -> NDArray[np.uint8]:
    """A preview with a half ellipse of tissue at the chest wall; MLO gets a muscle."""
    height, width = PREVIEW
    y, x = np.mgrid[:height, :width]
    out = np.hypot(x / (0.72 * width), (y - 0.52 * height) / (0.42 * height))
    noise = np.random.default_rng(7).normal(0, 1, (height // 10, width // 10))
    cloud = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    tissue = 70 + 80 * np.exp(-((out / 0.6) ** 4)) + 12 * cloud
    tissue += 70 * np.exp(-((np.hypot(x - 186, y - 256) / 24) ** 4)) * (laterality == "L")
    if view == "MLO":
        tissue = np.where(x * 1.6 + y < 250, 170 + 8 * cloud, tissue)
    picture = np.where((out < 1) | ((view == "MLO") & (x * 1.6 + y < 250)), tissue, 0)
    shown = np.clip(picture, 0, 255).astype(np.uint8)
    return shown if laterality == "L" else np.ascontiguousarray(shown[:, ::-1])


def image_report(
    laterality: Laterality, view: str, malignancy: float = 0.07, peak: float = 0.06
) -> ImageReport:
    """One judged view; its map rises to `peak` at the lesion of the left breast's frame."""
    x1, y1, x2, y2 = LESION if laterality == "L" else _mirror(LESION)
    geometry = Geometry.identity(SOURCE, (0.1, 0.1)).resize((50, 40))
    rows, columns = np.mgrid[:50, :40] * 40.0 + 20.0
    distance = np.hypot(columns - (x1 + x2) / 2, rows - (y1 + y2) / 2)
    values = (0.03 + (peak - 0.03) * np.exp(-((distance / 150) ** 2))).astype(np.float32)
    box = (x1, y1, x2, y2)
    found = (Finding(box, peak, box_mm=geometry.box_to_mm(box)),) if peak > 0.2 else ()
    edge = (0.0, 200.0, 1150.0, 1880.0)
    return ImageReport(
        path=f"study/{laterality}_{view}.dcm",
        laterality=laterality,
        view=view,
        malignancy=malignancy,
        malignancy_interval=spread(malignancy),
        density=Density(0.05, 0.27, 0.6, 0.08),
        findings=found,
        shape_px=SOURCE,
        preview=breast(laterality, view),
        lesion_map=LesionMap(values, geometry),
        breast_px=edge if laterality == "L" else _mirror(edge),
    )


def placed_pair() -> tuple[ImageReport, ImageReport]:
    """CC and MLO of the left breast with the lesion placed in both."""
    nipple = Nipple((1150.0, 1000.0), 40.0, (0.0, 1000.0))
    place = Position(60.5, "middle", "upper outer", 2)
    images = image_report("L", "CC", 0.64, 0.71), image_report("L", "MLO", 0.49, 0.45)
    cc, mlo = (
        replace(
            image,
            nipple=nipple,
            findings=(replace(image.findings[0], position=replace(place, match=(1 - n, 0))),),
        )
        for n, image in enumerate(images)
    )
    return cc, mlo


ECHO_MODEL = ModelInfo("echo-lite0", "1e" * 32, "OpenVINO", {"calibration": {"note": "Echo."}})
CROP_MODEL = ModelInfo("crop-lite0", "2c" * 32)


def answer(model: ModelInfo, **shares: float) -> ClassReport:
    """A classifier's answer, flagged from 30 % malignant."""
    return ClassReport(shares, shares["malignant"], OperatingPoint("best", 0.3, 0.9, 0.7), model)


def ultrasound_image() -> ImageReport:
    """An ultrasound picture with a lesion."""
    geometry = Geometry.identity((240, 320)).resize((6, 8))
    values = np.zeros((6, 8), np.float32)
    values[2:4, 3:6] = 0.9
    return ImageReport(
        path="study/echo <1>.png",
        malignancy=0.62,
        findings=(Finding((120.0, 80.0, 240.0, 160.0), 0.9, "lesion"),),
        shape_px=(240, 320),
        preview=np.full((240, 320), 60, np.uint8),
        lesion_map=LesionMap(values, geometry),
        ultrasound=answer(ECHO_MODEL, normal=0.08, benign=0.3, malignant=0.62),
    )


def marked_image() -> ImageReport:
    """A mammogram of which somebody asked about two regions."""
    places: tuple[Box, ...] = (LESION, (10.0, 20.0, 110.0, 120.0))
    regions = [
        RegionReport(box, answer(CROP_MODEL, benign=0.8, malignant=0.2), (0.1, 0.4), box)
        for box in places
    ]
    return replace(image_report("R", "CC"), regions=tuple(regions))


def spot_view() -> ImageReport:
    """A further view, with a warning."""
    spot = image_report("L", "CC", 0.58, 0.66)
    return replace(
        spot,
        path="study/spot.dcm",
        view_modifiers=("spot", "magnification"),
        warnings=("The file names no side; it was taken from the picture.",),
    )


def refused_image() -> ImageReport:
    """A file that was read, shown and not judged."""
    return ImageReport(
        path='study/<page> "two".png',
        refused="This is a page of text, not a mammogram; leave it out of the exam.",
        shape_px=(400, 300),
        preview=np.full((400, 300), 200, np.uint8),
    )


def unread_file() -> ImageReport:
    """A file that gave no picture."""
    reason = "study/cut.dcm: the file ends in the middle of its pixels; copy it again."
    return ImageReport(path="study/cut.dcm", refused=reason)


def exam_report(*images: ImageReport) -> ExamReport:
    """A flagged exam: four views and, without arguments, a spot, a refusal and a broken file."""
    if not images:
        images = (
            image_report("R", "CC"),
            image_report("L", "CC", 0.64, 0.71),
            image_report("R", "MLO"),
            image_report("L", "MLO", 0.49, 0.45),
            spot_view(),
            refused_image(),
            unread_file(),
        )
    breasts = {side: found for side in ("R", "L") if (found := _breast(images, side))}
    malignancy = max((b.malignancy for b in breasts.values() if b.malignancy), default=None)
    point = POINTS[1]
    return ExamReport(
        id="exam-7f3a",
        model=ModelInfo("example-lite0", "9f" * 32, "OpenVINO 2026.4.1, f32, Xeon", CARD),
        malignancy=malignancy,
        density=Density(0.05, 0.27, 0.6, 0.08) if breasts else None,
        operating_point=point,
        flag=None if malignancy is None else malignancy >= point.threshold,
        breasts=breasts,
        images=images,
        operating_points=POINTS,
        warnings=("Two files bear the name L CC; the one without a spot view was hung.",),
        malignancy_interval=None if malignancy is None else spread(malignancy),
        sure=None if malignancy is None else BAND.sure(malignancy),
        not_sure=BAND,
    )


def spread(malignancy: float) -> tuple[float, float]:
    """An interval around a probability."""
    return 0.8 * malignancy, 1 - 0.8 * (1 - malignancy)


def _breast(images: tuple[ImageReport, ...], side: str) -> BreastReport | None:
    judged = [i for i in images if i.laterality == side and i.malignancy is not None]
    scores = [image.malignancy for image in judged if image.malignancy is not None]
    if not scores:
        return None
    mean = float(np.mean(scores))
    return BreastReport(mean, judged[0].density, spread(mean), BAND.sure(mean))


def _mirror(box: Box) -> Box:
    return (SOURCE[1] - box[2], box[1], SOURCE[1] - box[0], box[3])

"""ExamReport to JSON: what other programs read. Its form is stated in report.schema.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from mammoscope.files import write_atomic
from mammoscope.types import (
    DENSITY_GRADES,
    BreastReport,
    ClassReport,
    Density,
    ExamReport,
    Finding,
    ImageReport,
    ModelInfo,
    Nipple,
    NotSure,
    OperatingPoint,
    Position,
    Range,
    RegionReport,
)

SCHEMA_VERSION = "1.3"
_PROBABILITY_DIGITS, _COORDINATE_DIGITS = 6, 2


def to_dict(report: ExamReport) -> dict[str, Any]:
    """The report as plain JSON values.

    Probabilities are in [0, 1]; boxes are [x1, y1, x2, y2] in the frame of
    mammoscope.geometry, source pixels or mm. What is absent is None, never a guess, and both
    breasts are always there.
    """
    breasts = {side: _breast(report.breasts.get(side, BreastReport())) for side in ("L", "R")}
    return {
        "schema_version": SCHEMA_VERSION,
        "model": _model(report.model),
        "exam": _exam(report),
        "breasts": breasts,
        "images": [image_dict(image) for image in report.images],
    }


def write_json(report: ExamReport, path: str | Path) -> Path:
    """Write `to_dict(report)` as UTF-8 JSON, whole or not at all.

    Raises:
        ConfigError: the file cannot be written.
        ValueError: a probability is NaN or infinite, which JSON cannot hold.
    """
    text = json.dumps(to_dict(report), indent=2, ensure_ascii=False, allow_nan=False)
    return write_atomic(path, (text + "\n").encode("utf-8", "backslashreplace"))


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every `to_dict` satisfies."""
    file = resources.files("mammoscope.outputs") / "report.schema.json"
    loaded: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return loaded


def _model(model: ModelInfo) -> dict[str, Any]:
    return {"name": model.name, "sha256": model.sha256, "runtime": model.runtime or None}


def _exam(report: ExamReport) -> dict[str, Any]:
    return {
        "id": report.id,
        "malignancy": _probability(report.malignancy),
        "malignancy_interval": _interval(report.malignancy_interval),
        "sure": report.sure,
        "not_sure": None if report.not_sure is None else _band(report.not_sure),
        "density": _density(report.density),
        "flag": None if report.flag is None else bool(report.flag),
        "operating_point": _operating_point(report.operating_point),
        "warnings": list(report.warnings),
    }


def _operating_point(point: OperatingPoint) -> dict[str, Any]:
    return {
        "name": point.name,
        "threshold": _probability(point.threshold),
        "sensitivity": _probability(point.sensitivity),
        "specificity": _probability(point.specificity),
    }


def _breast(breast: BreastReport) -> dict[str, Any]:
    return {
        "malignancy": _probability(breast.malignancy),
        "malignancy_interval": _interval(breast.malignancy_interval),
        "sure": breast.sure,
        "density": _density(breast.density),
    }


def _band(band: NotSure) -> dict[str, Any]:
    return {
        "low": _probability(band.low),
        "high": _probability(band.high),
        "alpha": _probability(band.alpha),
    }


def image_dict(image: ImageReport) -> dict[str, Any]:
    """One image of `to_dict`."""
    return {
        "path": image.path,
        "laterality": image.laterality,
        "view": image.view,
        "malignancy": _probability(image.malignancy),
        "malignancy_interval": _interval(image.malignancy_interval),
        "density": _density(image.density),
        "findings": [_finding(finding) for finding in image.findings],
        "warnings": list(image.warnings),
        "refused": image.refused,
        "regions": [region_dict(region) for region in image.regions],
        "ultrasound": None if image.ultrasound is None else _classes(image.ultrasound),
        "nipple": None if image.nipple is None else _nipple(image.nipple),
    }


def region_dict(region: RegionReport) -> dict[str, Any]:
    """One region of `to_dict`."""
    return {
        "box_px": _numbers(region.box_px),
        "box_mm": None if region.box_mm is None else _numbers(region.box_mm),
        "malignancy_range": [_probability(value) for value in region.malignancy_range],
        **_classes(region.answer),
    }


def _classes(answer: ClassReport) -> dict[str, Any]:
    shares = answer.probabilities.items()
    return {
        "malignancy": _probability(answer.malignancy),
        "classes": [{"name": name, "probability": _probability(p)} for name, p in shares],
        "flag": bool(answer.flag),
        "operating_point": _operating_point(answer.operating_point),
        "model": _model(answer.model),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "box_px": _numbers(finding.box_px),
        "box_mm": None if finding.box_mm is None else _numbers(finding.box_mm),
        "label": finding.label,
        "score": _probability(finding.score),
        "position": None if finding.position is None else _position(finding.position),
    }


def _nipple(nipple: Nipple) -> dict[str, Any]:
    return {
        "point_px": _numbers(nipple.point_px),
        "error_px": round(nipple.error_px, _COORDINATE_DIGITS),
        "wall_px": _numbers(nipple.wall_px),
    }


def _position(position: Position) -> dict[str, Any]:
    mm, match = position.nipple_mm, position.match
    return {
        "nipple_mm": None if mm is None else round(mm, 1),
        "depth": position.depth,
        "quadrant": position.quadrant,
        "clock": position.clock,
        "match": None if match is None else {"image": match[0], "finding": match[1]},
    }


def _density(density: Density | None) -> dict[str, float | None] | None:
    if density is None:
        return None
    pairs = zip(DENSITY_GRADES, density.probabilities, strict=True)
    return {grade: _probability(p) for grade, p in pairs}


def _probability(value: float | None) -> float | None:
    return None if value is None else round(float(value), _PROBABILITY_DIGITS)


def _interval(ends: Range | None) -> list[float | None] | None:
    return None if ends is None else [_probability(value) for value in ends]


def _numbers(box: Sequence[float]) -> list[float]:
    return [round(float(value), _COORDINATE_DIGITS) for value in box]

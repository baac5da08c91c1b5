"""The one table of a batch: a row an image, with what is said of its breasts and exam beside it.

Values are those of `mammoscope predict --json`, rounded as there. A file that gave no result has
a row as well, with its status and reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pyarrow as pa

from mammoscope.batch.pipeline import Judged
from mammoscope.batch.worker import Lost
from mammoscope.outputs.json_report import to_dict
from mammoscope.types import DENSITY_GRADES

Status = Literal["judged", "refused", "unreadable", "failed"]
STATUSES: tuple[Status, ...] = ("judged", "refused", "unreadable", "failed")
"""Refused is nothing a mammogram shows; unreadable is one file; failed is the whole exam."""
AGAIN: tuple[Status, ...] = ("unreadable", "failed")
"""What another try may mend."""
SIDES = ("L", "R")

_FIGURES = ("malignancy", "malignancy_low", "malignancy_high")
_BOX = ("x1_px", "y1_px", "x2_px", "y2_px")
_BOX_MM = ("x1_mm", "y1_mm", "x2_mm", "y2_mm")
FINDING = pa.struct(
    [
        *((name, pa.float64()) for name in _BOX),
        ("score", pa.float64()),
        ("label", pa.string()),
        *((name, pa.float64()) for name in (*_BOX_MM, "nipple_mm")),
        ("depth", pa.string()),
        ("quadrant", pa.string()),
        ("clock", pa.int32()),
        ("match_image_path", pa.string()),
        ("match_finding", pa.int32()),
    ]
)
_NIPPLE = ("nipple_x_px", "nipple_y_px", "nipple_error_px", "wall_x_px", "wall_y_px")


def _said_of(whole: str) -> list[tuple[str, pa.DataType]]:
    """Columns of an image (no prefix), a breast or an exam."""
    density = [f"{whole}density_{grade}" for grade in DENSITY_GRADES]
    return [(f"{whole}{name}", pa.float64()) for name in _FIGURES] + [
        (name, pa.float64()) for name in density
    ]


SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("attempt", pa.int32()),
        ("exam_id", pa.string()),
        ("image_path", pa.string()),
        ("status", pa.string()),
        ("refused", pa.string()),
        ("laterality", pa.string()),
        ("view", pa.string()),
        ("height_px", pa.int32()),
        ("width_px", pa.int32()),
        *_said_of(""),
        *((name, pa.float64()) for name in _NIPPLE),
        ("warnings", pa.list_(pa.string())),
        ("findings", pa.list_(FINDING)),
        *_said_of("exam_"),
        ("exam_sure", pa.bool_()),
        ("exam_flag", pa.bool_()),
        ("exam_warnings", pa.list_(pa.string())),
        *(column for side in SIDES for column in _said_of(f"{side}_")),
        *((f"{side}_sure", pa.bool_()) for side in SIDES),
    ]
)
EXAM_COLUMNS = tuple(
    name for name in SCHEMA.names if name.startswith(("exam_", *(f"{side}_" for side in SIDES)))
)

Row = dict[str, Any]


def rows_of(found: Judged | Lost, attempt: int) -> list[Row]:
    """Rows of SCHEMA for every file of an exam; absent columns are null.

    Args:
        found: the exam.
        attempt: 0 for its first time, one more each time it is done again.
    """
    item = found.item
    shared: Row = {"key": item.key, "exam_id": item.exam_id, "attempt": attempt}
    if isinstance(found, Lost):
        row = {**shared, "status": "failed", "refused": found.reason}
        return [{**row, "image_path": path} for path in item.paths]
    said = to_dict(found.report)
    shared |= _exam(said)
    paths = [image["path"] for image in said["images"]]
    refused = {file.path for file in found.ready.exam.unreadable if file.refused}
    rows = [{**shared, **_image(image, paths, refused)} for image in said["images"]]
    for row, report in zip(rows, found.report.images, strict=True):
        row["height_px"], row["width_px"] = report.shape_px or (None, None)
    return rows


def _exam(said: Mapping[str, Any]) -> Row:
    exam = said["exam"]
    row = _figures(exam, "exam_") | {
        "exam_sure": exam["sure"],
        "exam_flag": exam["flag"],
        "exam_warnings": exam["warnings"],
    }
    for side in SIDES:
        breast = said["breasts"][side]
        row |= _figures(breast, f"{side}_") | {f"{side}_sure": breast["sure"]}
    return row


def _image(image: Mapping[str, Any], paths: list[str], refused: set[str]) -> Row:
    judged = "judged" if image["refused"] is None else "unreadable"
    return {
        "image_path": image["path"],
        "status": "refused" if image["path"] in refused else judged,
        "refused": image["refused"],
        "laterality": image["laterality"],
        "view": image["view"],
        **_figures(image, ""),
        **_nipple(image["nipple"]),
        "warnings": image["warnings"],
        "findings": [_finding(finding, paths) for finding in image["findings"]],
    }


def _figures(said: Mapping[str, Any], prefix: str) -> Row:
    low, high = said["malignancy_interval"] or (None, None)
    density = said["density"] or dict.fromkeys(DENSITY_GRADES)
    figures = dict(zip(_FIGURES, (said["malignancy"], low, high), strict=True))
    figures |= {f"density_{grade}": density[grade] for grade in DENSITY_GRADES}
    return {f"{prefix}{name}": value for name, value in figures.items()}


def _nipple(nipple: Mapping[str, Any] | None) -> Row:
    if nipple is None:
        return {}
    values = (*nipple["point_px"], nipple["error_px"], *nipple["wall_px"])
    return dict(zip(_NIPPLE, values, strict=True))


def _finding(finding: Mapping[str, Any], paths: list[str]) -> Row:
    row = dict(zip(_BOX, finding["box_px"], strict=True))
    row |= {"score": finding["score"], "label": finding["label"]}
    if finding["box_mm"] is not None:
        row |= dict(zip(_BOX_MM, finding["box_mm"], strict=True))
    position = finding["position"]
    if position is None:
        return row
    row |= {name: position[name] for name in ("nipple_mm", "depth", "quadrant", "clock")}
    if (match := position["match"]) is not None:
        row |= {"match_image_path": paths[match["image"]], "match_finding": match["finding"]}
    return row

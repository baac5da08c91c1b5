"""Boxes and masks against the picture they mark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.data.audit.issue import Issue
from mammoscope.data.audit.kinds import make_issue
from mammoscope.data.audit.look import MASK_SIDE, Look, MaskLook

BOX = ["x1_px", "y1_px", "x2_px", "y2_px"]
_BOXED = ("box", "circle", "polygon")
_INSIDE = 0.5
_OVER_PX, _OVER = 2.0, 0.98
_ON_BREAST = 0.1
_SMALLEST_BREAST = 0.03


def boxes_px(findings: pd.DataFrame) -> NDArray[np.float64]:
    """(n, 4) enclosing boxes x1, y1, x2, y2 in source pixels; NaN where unknown."""
    return np.asarray(findings[BOX].apply(pd.to_numeric, errors="coerce"), float)


def box_issues(
    images: pd.DataFrame, findings: pd.DataFrame, looks: Sequence[Look]
) -> Iterator[Issue]:
    """Boxes without extent, outside the picture, over its edge, or beside the breast."""
    look_of = dict(zip(images["image_path"], looks, strict=True))
    modality_of = dict(zip(images["image_path"], images["modality"], strict=True))
    boxes = boxes_px(findings)
    for row, (path, outline) in enumerate(
        zip(findings["image_path"], findings["outline"], strict=True)
    ):
        problem = None
        if outline in _BOXED or not np.isnan(boxes[row]).all():
            problem = _box_problem(boxes[row], look_of[path], modality_of[path])
        if problem is not None:
            yield make_issue(problem[0], [path], problem[1], [row])


def _box_problem(box: NDArray[np.float64], look: Look, modality: str) -> tuple[str, str] | None:
    """Kind and sentence, or None."""
    x1, y1, x2, y2 = box
    if np.isnan(box).any():
        return "box_empty", "The place is marked, and an edge of its box is missing."
    if x2 <= x1 or y2 <= y1:
        return "box_empty", f"The box is {round(x2 - x1, 1):g} x {round(y2 - y1, 1):g} pixels."
    if look.height == 0:
        return None
    inner = np.clip(box, 0, [look.width, look.height, look.width, look.height])
    share = (inner[2] - inner[0]) * (inner[3] - inner[1]) / ((x2 - x1) * (y2 - y1))
    if share < _INSIDE:
        told = f"{share:.0%} of the box is in the picture of {look.width} x {look.height} pixels."
        return "box_outside_image", told
    if share < _OVER and np.abs(box - inner).max() > _OVER_PX:
        return "box_over_edge", f"{1 - share:.0%} of the box is outside the picture."
    if modality == "mammography" and look.seen and _on_breast(inner, look) < _ON_BREAST:
        return "box_off_breast", f"{_on_breast(inner, look):.0%} of the box shows breast."
    return None


def _on_breast(box: NDArray[np.float64], look: Look) -> float:
    """Share of a box that the breast's mask covers; 1 if there is no mask to speak of."""
    if look.mask.mean() < _SMALLEST_BREAST:
        return 1.0
    x1, y1, x2, y2 = box * MASK_SIDE / [look.width, look.height, look.width, look.height]
    part = look.mask[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))]
    return float(part.mean()) if part.size else 1.0


def mask_issues(
    images: pd.DataFrame,
    findings: pd.DataFrame,
    looks: Sequence[Look],
    masks: Mapping[str, MaskLook],
) -> Iterator[Issue]:
    """Masks that cannot be read, do not fit their picture, or mark nothing."""
    look_of = dict(zip(images["image_path"], looks, strict=True))
    for row, (path, mask_path) in enumerate(
        zip(findings["image_path"], findings["mask_path"], strict=True)
    ):
        if not mask_path:
            continue
        look, mask = look_of[path], masks[mask_path]
        if mask.error:
            yield make_issue("mask_unreadable", [path], mask.error, [row])
        elif look.height and (mask.height, mask.width) != (look.height, look.width):
            told = (
                f"The mask has {mask.width} x {mask.height} pixels, "
                f"the picture {look.width} x {look.height}."
            )
            yield make_issue("mask_wrong_size", [path], told, [row])
        elif mask.marked == 0:
            yield make_issue("mask_empty", [path], "All pixels of the mask are 0.", [row])

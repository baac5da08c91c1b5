"""The hit rule: when a candidate touches a lesion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscope.errors import ConfigError
from mammoscope.metrics.marks import Candidates, Lesions, box_iou

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class HitRule:
    """When a candidate touches a lesion; its `str` is what a table or a figure prints.

    Attributes:
        kind: "centre": the candidate's centre lies in the lesion's mask if it has one, else in
            its circle, else in its box, edges included. "iou": the intersection over union of the
            two boxes is at least `limit`. "distance": the candidate's centre is at most `limit`
            away from the centre of the lesion's circle, else of its box.
        limit: an intersection over union in (0, 1], or a distance; unused by "centre".
        unit: of a distance; "mm" needs the images' spacing.

    Raises:
        ConfigError: on creation, if the kind or unit is unknown or the limit senseless.
    """

    kind: Literal["centre", "iou", "distance"] = "centre"
    limit: float = 0.0
    unit: Literal["px", "mm"] = "px"

    def __post_init__(self) -> None:
        if self.kind not in ("centre", "iou", "distance") or self.unit not in ("px", "mm"):
            raise ConfigError(
                f"The hit rule is {self.kind!r} in {self.unit!r}; "
                "use 'centre', 'iou' or 'distance', and 'px' or 'mm'."
            )
        if self.kind == "iou" and not 0 < self.limit <= 1:
            raise ConfigError(f"The hit rule's IoU is {self.limit}; give one in (0, 1].")
        if self.kind == "distance" and not 0 <= self.limit < np.inf:
            raise ConfigError(
                f"The hit rule's distance is {self.limit}; give 0 {self.unit} or more."
            )

    def __str__(self) -> str:
        match self.kind:
            case "iou":
                return f"IoU >= {self.limit:g}"
            case "distance":
                return f"centre within {self.limit:g} {self.unit} of the lesion's centre"
        return "centre in the lesion"


def touching(
    candidates: Candidates,
    lesions: Lesions,
    mark: Rows,
    target: Rows,
    rule: HitRule,
    spacing_mm: ArrayLike | None,
) -> tuple[Bools, Floats]:
    """Which pairs of a candidate and a lesion touch, and how well they fit.

    Args:
        candidates: c marks.
        lesions: m lesions.
        mark: (p,) rows of candidates.
        target: (p,) rows of lesions on the same image.
        rule: when they touch.
        spacing_mm: as in `mammoscope.metrics.matching.match`.

    Returns:
        (p,) touches, and (p,) fit: the boxes' IoU, or minus the centres' distance.

    Raises:
        ConfigError: points are compared by IoU, or the spacing is missing.
    """
    if rule.kind == "iou":
        if candidates.place.shape[1] == 2:
            raise ConfigError(f"Candidates are points, which have no IoU; '{rule}' needs boxes.")
        fit = box_iou(candidates.place[mark], lesions.box[target])
        return fit >= rule.limit, fit
    centre = candidates.centre[mark]
    offset = centre - lesions.centre[target]
    if rule.kind == "distance" and rule.unit == "mm":
        offset = offset * _scale(spacing_mm, candidates.image[mark], rule)
    distance = np.hypot(offset[:, 0], offset[:, 1])
    inside = _inside(centre, lesions, target) if rule.kind == "centre" else distance <= rule.limit
    return inside, -distance


def _scale(spacing_mm: ArrayLike | None, image: Rows, rule: HitRule) -> Floats:
    """(p, 2) mm per pixel in x and y, for the image of each pair."""
    if spacing_mm is None:
        raise ConfigError(f"'{rule}' needs the images' spacing; give spacing_mm or a limit in px.")
    spacing = np.asarray(spacing_mm, np.float64)
    used = spacing[image] if spacing.ndim == 2 else np.broadcast_to(spacing, (len(image), 2))
    if not (np.isfinite(used) & (used > 0)).all():
        raise ConfigError(f"'{rule}' needs a spacing above 0 mm for every image with a lesion.")
    return used[:, ::-1]


def _inside(points: Floats, lesions: Lesions, target: Rows) -> Bools:
    """Which points lie in the lesion they are paired with: in its mask, else circle, else box."""
    box = lesions.box[target]
    inside = np.asarray(((points >= box[:, :2]) & (points <= box[:, 2:])).all(axis=1), np.bool_)
    if lesions.circle is not None:
        ring = lesions.circle[target]
        near = np.linalg.norm(points - ring[:, :2], axis=1) <= ring[:, 2]
        inside = np.where(np.isnan(ring).any(axis=1), inside, near)
    if lesions.mask is not None:
        corner = np.floor(box[:, :2])
        cell = (np.floor(points) - corner).astype(np.intp)
        for pair, row in enumerate(target):
            outline = lesions.mask[row]
            if outline is not None:
                inside[pair] = _covers(outline, *cell[pair])
    return inside


def _covers(mask: Bools, x: int, y: int) -> bool:
    height, width = mask.shape
    return 0 <= x < width and 0 <= y < height and bool(mask[y, x])

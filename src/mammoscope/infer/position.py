"""Findings placed in the breast as a report does, and those of two views that are one.

Conventions, with their sources:

- distance: from the nipple to the finding's centre, in the picture (BI-RADS Atlas, 5th ed.);
- depth: thirds of the posterior nipple line, from the nipple at right angles to the pectoral
  muscle, or to the chest wall where there is none (BI-RADS Atlas);
- sides: in CC the picture's upper half is the outer one, in a view from the side the upper one,
  counted from the nipple's level. MLO looks along a slant: what lies outwards falls, what lies
  inwards rises on the way to a true side view (Sickles; Park and Franken, Curr Probl Diagn
  Radiol 2008). Both views together give the height, for an MLO of 45 degrees:
  height = sqrt(2) * level in MLO - distance outwards in CC;
- clock: seen from the front, whole hours; outwards is 3 in the left breast and 9 in the right;
- matching: a lesion lies as far from the nipple in CC as in MLO (van Engeland et al., Med Phys
  2006). Tanner et al. (MICCAI workshop on breast image analysis 2011) found mean differences of
  5 to 7 mm in such distances on 50 pairs, at most 19.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mammoscope.geometry import Box
from mammoscope.infer.nipple import SIDE_VIEWS
from mammoscope.types import DEPTHS, Depth, ImageReport, Laterality, Nipple, Position

TOLERANCE = 15.0
"""Findings of two views are one if their distances from the nipple differ by less, in mm; in
hundredths of the nipple line where the spacing is unknown, since that is about 100 mm long."""
LATERALITIES: tuple[Laterality, ...] = ("R", "L")
_BORDER = 10.0
"""Nearer to the nipple's level than this, or than the nipple is sure, there is no side."""


@dataclass(frozen=True)
class Place:
    """A finding's centre as seen from the nipple; lengths in hundredths of the nipple line.

    Attributes:
        away: distance from the nipple.
        up: how far above the nipple in the picture; negative below.
        behind: how far back along the nipple line; 0 at the nipple and 100 at its end.
        unsure: the nipple's error.
        unit_mm: a hundredth of the nipple line in mm; None if the spacing is unknown.
    """

    away: float
    up: float
    behind: float
    unsure: float
    unit_mm: float | None

    @property
    def depth(self) -> Depth:
        """The third of the breast it lies in; what lies on the muscle is posterior."""
        return DEPTHS[int(np.clip(self.behind * 3 / 100, 0, 2))]

    def in_mm(self) -> Place:
        """The same with lengths in mm, which must be known; `behind` stays."""
        unit = self.unit_mm or 1.0
        return replace(self, away=self.away * unit, up=self.up * unit, unsure=self.unsure * unit)


def place_of(box_px: Box, nipple: Nipple, spacing_mm: tuple[float, float] | None) -> Place:
    """Where the centre of a box (x1, y1, x2, y2) in source pixels lies.

    Args:
        box_px: the box.
        nipple: of the same image.
        spacing_mm: (row, column); if None, pixels are taken to be square.
    """
    scale = np.array(spacing_mm[::-1] if spacing_mm else (1.0, 1.0))
    tip = np.array(nipple.point_px) * scale
    line = np.array(nipple.wall_px) * scale - tip
    offset = np.array([(box_px[0] + box_px[2]) / 2, (box_px[1] + box_px[3]) / 2]) * scale - tip
    unit = float(np.hypot(*line)) / 100
    return Place(
        away=float(np.hypot(*offset)) / unit,
        up=-float(offset[1]) / unit,
        behind=float(offset @ line) / (100 * unit**2),
        unsure=nipple.error_px * float(scale.mean()) / unit,
        unit_mm=unit if spacing_mm else None,
    )


def with_positions(images: Sequence[ImageReport]) -> list[ImageReport]:
    """Give every finding of an image with a nipple its position; nothing else changes.

    Findings are matched between the first CC and the first view from the side of a breast.
    """
    placed = [_places(image) for image in images]
    positions = {
        (number, finding): _alone(image, place)
        for number, (image, places) in enumerate(zip(images, placed, strict=True))
        for finding, place in enumerate(places)
    }
    for cc, other in (pair for side in LATERALITIES for pair in _pairs(images, side)):
        for first, second in matches(placed[cc], placed[other]):
            seen = (images[cc], placed[cc][first]), (images[other], placed[other][second])
            quadrant, clock = _together(*seen)
            one, two = (cc, first), (other, second)
            for own, match in ((one, two), (two, one)):
                positions[own] = replace(
                    positions[own], quadrant=quadrant, clock=clock, match=match
                )
    return [
        replace(
            image,
            findings=tuple(
                replace(finding, position=positions.get((number, place)))
                for place, finding in enumerate(image.findings)
            ),
        )
        for number, image in enumerate(images)
    ]


def _places(image: ImageReport) -> list[Place]:
    """Of the image's findings; none if no nipple was found."""
    if image.nipple is None or image.lesion_map is None:
        return []
    spacing = image.lesion_map.geometry.spacing_mm
    return [place_of(finding.box_px, image.nipple, spacing) for finding in image.findings]


def _pairs(images: Sequence[ImageReport], side: Laterality) -> list[tuple[int, int]]:
    """Numbers of the breast's first CC and of its first view from the side, if it has both."""
    seen = [n for n, image in enumerate(images) if image.laterality == side and image.nipple]
    cc = [n for n in seen if images[n].view == "CC"]
    others = [n for n in seen if images[n].view in SIDE_VIEWS]
    return list(zip(cc, others, strict=False))[:1]


def matches(first: Sequence[Place], second: Sequence[Place]) -> list[tuple[int, int]]:
    """Pair the findings of two views, each at most once, the most alike in distance first.

    Returns:
        Numbers of those of `first` with those of `second`.
    """
    gaps = sorted(
        (abs(a.away - b.away), i, j)
        for i, one in enumerate(first)
        for j, two in enumerate(second)
        for a, b in (_alike(one, two),)
    )
    pairs: list[tuple[int, int]] = []
    for gap, i, j in gaps:
        if gap <= TOLERANCE and all(i != k and j != m for k, m in pairs):
            pairs.append((i, j))
    return pairs


def _alike(one: Place, two: Place) -> tuple[Place, Place]:
    """Both in mm if the spacing of both is known."""
    if one.unit_mm is None or two.unit_mm is None:
        return one, two
    return one.in_mm(), two.in_mm()


def _alone(image: ImageReport, place: Place) -> Position:
    """What one view says."""
    known = place.in_mm() if place.unit_mm is not None else place
    if image.view in SIDE_VIEWS:
        quadrant = _side(known.up, known.unsure, "upper", "lower")
    else:
        out = _outwards(image, known)
        quadrant = "" if out is None else _side(out, known.unsure, "outer", "inner")
    return Position(
        nipple_mm=known.away if place.unit_mm is not None else None,
        depth=place.depth,
        quadrant=quadrant or None,
    )


def _together(
    from_above: tuple[ImageReport, Place], from_side: tuple[ImageReport, Place]
) -> tuple[str | None, int | None]:
    """Quadrant and hour of what a CC view and one from the side show."""
    (above, cc), (beside, other) = from_above, from_side
    cc, other = _alike(cc, other)
    out = _outwards(above, cc)
    if out is None or above.laterality is None:
        return _side(other.up, other.unsure, "upper", "lower") or None, None
    height, unsure = other.up, other.unsure
    if beside.view == "MLO":
        height = np.sqrt(2) * other.up - out
        unsure = float(np.hypot(np.sqrt(2) * other.unsure, cc.unsure))
    vertical = _side(height, unsure, "upper", "lower")
    horizontal = _side(out, cc.unsure, "outer", "inner")
    words = " ".join(filter(None, (vertical, horizontal)))
    return (words, _hour(out, height, above.laterality)) if words else ("central", None)


def _outwards(image: ImageReport, place: Place) -> float | None:
    """How far outwards a finding of a CC view lies; None if the picture may be upside down.

    A picture whose chest wall is on the other side than usual was mirrored, which leaves the
    outer half above, or turned round, which does not.
    """
    if image.nipple is None or image.laterality is None:
        return None
    wall_left = image.nipple.wall_px[0] < image.nipple.point_px[0]
    return place.up if wall_left == (image.laterality == "L") else None


def _side(offset: float, unsure: float, positive: str, negative: str) -> str:
    if abs(offset) < max(_BORDER, unsure):
        return ""
    return positive if offset > 0 else negative


def _hour(out: float, height: float, laterality: Laterality) -> int:
    """1 to 12."""
    right = out if laterality == "L" else -out
    return round(float(np.degrees(np.arctan2(right, height))) / 30) % 12 or 12

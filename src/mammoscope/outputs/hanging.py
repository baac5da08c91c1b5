"""Which picture hangs where, and which way round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mammoscope.types import ImageReport, Laterality

SLOTS: tuple[tuple[Laterality, str], ...] = (("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO"))
# A standard view stays one when an implant is pushed back; a spot or rolled view does not.
_STILL_STANDARD = {"implant displaced"}
# Gaps (fractions of the width) nearer to each other than this do not tell the chest wall.
_TELLING_GAP = 0.02

Side = Literal["left", "right"]


@dataclass(frozen=True, eq=False)
class Hanging:
    """The images of an exam as a reader hangs them.

    Attributes:
        standard: one entry per slot of `SLOTS`; None where the exam has no such view.
        others: further views and repeats that have a picture, in the order given.
        unread: files that gave no picture and belong to no slot.
    """

    standard: tuple[ImageReport | None, ...]
    others: tuple[ImageReport, ...]
    unread: tuple[ImageReport, ...]


def hang(images: Sequence[ImageReport]) -> Hanging:
    """Give each slot its best image: one with a picture, judged, without modifiers, first."""
    standard = tuple(_best(images, laterality, view) for laterality, view in SLOTS)
    left = [image for image in images if image not in standard]
    return Hanging(
        standard,
        tuple(image for image in left if image.preview is not None),
        tuple(image for image in left if image.preview is None),
    )


def chest_wall(image: ImageReport) -> Side | None:
    """The side of the picture on which the chest wall lies, from its content.

    The breast's box touches the edge at the chest wall; where it reaches both edges alike, the
    half with more bright tissue is the chest wall's. None if neither tells.
    """
    if image.breast_px is not None and image.shape_px is not None:
        width = image.shape_px[1]
        lean = (width - image.breast_px[2] - image.breast_px[0]) / width
        if abs(lean) > _TELLING_GAP:
            return "left" if lean > 0 else "right"
    if image.preview is None or image.breast_px is None:
        return None
    half = image.preview.shape[1] // 2
    first, last = float(image.preview[:, :half].sum()), float(image.preview[:, -half:].sum())
    if abs(first - last) <= _TELLING_GAP * max(first, last):
        return None
    return "left" if first > last else "right"


def is_mirrored(image: ImageReport) -> bool:
    """Whether the picture must be mirrored to hang with its chest wall in the middle."""
    expected = {"R": "right", "L": "left", None: None}[image.laterality]
    found = chest_wall(image)
    return None not in (expected, found) and expected != found


def _best(images: Sequence[ImageReport], laterality: Laterality, view: str) -> ImageReport | None:
    fitting = [
        image
        for image in images
        if (image.laterality, image.view) == (laterality, view)
        and _STILL_STANDARD.issuperset(image.view_modifiers)
    ]
    return min(fitting, key=_rank, default=None)


def _rank(image: ImageReport) -> tuple[bool, bool, int]:
    return image.preview is None, image.refused is not None, len(image.view_modifiers)

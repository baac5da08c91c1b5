"""Refusing pictures that are no mammogram, and doubting unusual ones, by content.

A mammogram judged without need by a doctor costs a glance; one refused without need costs a
woman her reading. So every rule below asks for a clear sign of something else, and a picture
without one passes: this keeps out the usual mistakes, it does not certify a mammogram.
What the rules measure, on a copy of at most 256 px with grey levels stretched to [0, 1]:

- air: share of the picture that is dark and flat;
- the body: the largest part that is not dark; how much of its bounding box's left, right and
  top edge it fills. The breast hangs from one side and rounds off towards the other;
- mirror: mean difference between the picture and its mirror image, relative to its mean. A
  body seen from the front, as in a chest film or a slice, is nearly symmetric;
- layers: vertical over horizontal gradients inside the body. Ultrasound shows skin, fat, gland
  and muscle as horizontal layers under a flat upper edge;
- texture: mean absolute fine detail inside the body. Letters, noise and cells have more than
  tissue at this size;
- sharp: share of the body in which grey levels jump. Things before each other have outlines;
  tissue overlaps without, but for a label, an implant or the edge of the muscle;
- holes and parts: how much of the body is dark, how much of what is bright lies outside of it;
- liveliness: whether anything inside the body varies at all.

Most photographs look like nothing that can be told from a cut-out of a breast by such measures:
they pass with the doubt that no air is in view. benchmarks/out_of_distribution.py prints what all
rules do to the public sets. The thresholds were set looking at those same sets, so that it refuses
none of their mammograms says little more than that: other archives hold other pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.anatomy import thumbnail
from mammoscope.types import Pixels

Grey = NDArray[np.float32]

BLANK_SPAN = 0.02
"""A picture whose grey levels span less than this share of the range shows nothing."""
_BLUR = 1.5
_DARK = 0.1
_STEP = 0.08
_OPEN = np.ones((5, 5), np.uint8)
_RIM = np.ones((9, 9), np.uint8)


class Refusal(StrEnum):
    """Why a picture cannot be a mammogram, each in one clause."""

    BLANK = "the picture is blank"
    GRADIENT = "the picture shows a plain gradient"
    SCREEN = "the picture has large areas of one even grey, like a screenshot or a drawing"
    GRAIN = "the picture is finely grained all over, like text, noise or a tissue section"
    LAYERS = "the picture shows horizontal layers under a flat upper edge, as ultrasound does"
    MIRROR = "the two halves mirror each other, as in a chest film or a slice through the body"
    TINY = "the picture is dark but for a small spot, such as a marker"
    EVEN = "the picture shows one even area without any structure, like a test object"
    SHARP = "the picture is full of sharp outlines, like a photograph"
    PARTS = "the picture is in several parts, or more outline than area, like a photograph"


class Doubt(StrEnum):
    """What is unusual about a picture that may be a mammogram, each in one sentence."""

    AIRLESS = (
        "No air is in view: this is part of a breast at most, and nothing in the picture itself "
        "says that it is one."
    )
    CUT = (
        "The tissue runs on beyond the picture where it should end: part of the breast is cut off."
    )
    TURNED = "The tissue hangs from the upper or lower edge: the picture seems to be turned."
    ROUND = "The tissue hangs from no edge of the picture, which is unusual for a breast."
    FILM = (
        "The picture looks like digitised film: weights that learned from digital mammograms "
        "alone are less sure of it than they say."
    )


@dataclass(frozen=True)
class Look:
    """What the rules look at; see the module. All are ratios without unit.

    Attributes:
        air: [0, 1].
        air_spread: standard deviation of the grey levels of all that is dark outside the body.
        left, right, top, bottom: [0, 1], how much of that edge of its bounding box the body
            fills.
        met: (left, right, top, bottom), each [0, 1]: how much of that edge of the picture it
            touches.
        area: [0, 1], share of the picture that the body takes.
        holes: [0, 1], share of the body that is dark.
        largest: [0, 1], share of the body in all that is bright.
        mirror: 0 for a symmetric picture, up to 2.
        layers: 1 where gradients have no direction, above where they are vertical.
        texture: of the stretched grey levels.
        sharp: [0, 1], share of the body where grey rises by over 0.08 of its range per pixel.
        lively: the slope that a tenth of the body exceeds, range per pixel.
        bright_flat: [0, 1], share of the picture that is neither dark nor varies at all.
        ramp: [0, 1], what a plane through the grey levels leaves unexplained.
    """

    air: float
    air_spread: float
    left: float
    right: float
    top: float
    bottom: float
    met: tuple[float, float, float, float]
    area: float
    holes: float
    largest: float
    mirror: float
    layers: float
    texture: float
    sharp: float
    lively: float
    bright_flat: float
    ramp: float

    @property
    def one_sided(self) -> bool:
        """Whether it has the outline of a breast: air, and tissue hanging from one side."""
        return self.airy and self.mirror >= 0.4 and abs(self.left - self.right) >= 0.3

    @property
    def airy(self) -> bool:
        """Whether air is in view, as around nearly every whole breast."""
        return self.air >= 0.1

    @property
    def turned(self) -> bool:
        """Whether it has that outline but hangs from the upper or lower edge."""
        return self.airy and abs(self.top - self.bottom) - abs(self.left - self.right) > 0.4


def refusal(pixels: Pixels) -> Refusal | None:
    """Say why a picture cannot be a mammogram, or None if nothing speaks against it.

    Args:
        pixels: (height, width) uint8 or uint16 with dark air (turn negatives over first).

    Returns:
        The reason; its text is one clause.
    """
    return screened(pixels)[0]


def screened(pixels: Pixels) -> tuple[Refusal | None, tuple[Doubt, ...]]:
    """As `refusal`, and what is unusual about a picture that is not refused."""
    look = examine(pixels)
    if look is None:
        return Refusal.BLANK, ()
    reason = _refusal(look)
    return reason, () if reason else tuple(_doubts(look))


def _refusal(look: Look) -> Refusal | None:
    if look.ramp < 0.12:
        return Refusal.GRADIENT
    if look.area < 0.035 * look.largest:
        return Refusal.TINY
    if not look.one_sided and look.bright_flat > 0.35:
        return Refusal.SCREEN
    if look.texture > 0.11 or (look.air < 0.08 and look.texture > 0.08):
        return Refusal.GRAIN
    if _is_layered(look):
        return Refusal.LAYERS
    if _is_mirrored(look):
        return Refusal.MIRROR
    if look.lively < 0.0045:
        return Refusal.EVEN
    if look.sharp > _sharpest(look):
        return Refusal.SHARP
    if look.airy and (look.holes > 0.15 or look.largest < 0.6):
        return Refusal.PARTS
    return None


def _doubts(look: Look) -> Iterator[Doubt]:
    left, right, top, bottom = look.met
    if not look.airy:
        yield Doubt.AIRLESS
        return
    if min(left, right) > 0.3 or min(top, bottom) > 0.3:
        yield Doubt.CUT
    elif look.turned:
        yield Doubt.TURNED
    elif top > 0.7 or bottom > 0.6:
        yield Doubt.CUT
    elif max(look.met) < 0.05 and max(look.left, look.right, look.top) < 0.3:
        yield Doubt.ROUND
    if look.one_sided and look.air_spread > 0.012 and look.texture < 0.018:
        yield Doubt.FILM


def _sharpest(look: Look) -> float:
    """The more it looks like a breast, the more outlines it may have, of labels and implants."""
    if not look.airy:
        return 0.09
    return 0.24 if look.one_sided else 0.2


def _is_layered(look: Look) -> bool:
    """The clearer the layers are, the less else is asked for.

    Without air in view only very clear ones count: a picture of tissue alone, squashed
    vertically, reaches 1.6.
    """
    if look.layers > 1.65 and look.top > 0.8:
        return True
    if look.air < 0.1:
        return False
    if look.layers > 1.4 and look.top > 0.9:
        return True
    return not look.one_sided and look.layers > 1.25 and look.top > 0.6


def _is_mirrored(look: Look) -> bool:
    """With much air around it, a breast is far from symmetric; a cut-out of one may be less so.

    A turned breast may be symmetric, and is none the less one.
    """
    if look.turned:
        return False
    return (look.mirror < 0.15 and look.air >= 0.02) or (look.mirror < 0.33 and look.air >= 0.3)


def examine(pixels: Pixels) -> Look | None:
    """Measure a picture; None if it is blank.

    Args:
        pixels: (height, width) uint8 or uint16.
    """
    # Rounded to 8 bits, so that the same picture measures the same at either depth.
    small = np.rint(thumbnail(pixels) * 255) / np.float32(255)
    low, high = (float(level) for level in np.percentile(small, (0.5, 99.5)))
    if high - low < BLANK_SPAN:
        return None
    grey = np.clip((small - low) / (high - low), 0, 1).astype(np.float32)
    smooth: Grey = cv2.GaussianBlur(grey, (0, 0), _BLUR).astype(np.float32)
    body = _body(smooth)
    if body is None:
        return None
    left, right, top, bottom = _edges_filled(body)
    inside, slope_x, slope_y = _inside(body), *_slopes(smooth)
    steps = np.hypot(slope_x, slope_y)
    dark, within = smooth < _DARK, body > 0
    return Look(
        air=float(np.mean((steps < 0.01) & (smooth < 0.15))),
        air_spread=float(smooth[dark & ~within].std()) if (dark & ~within).any() else 0.0,
        left=left,
        right=right,
        top=top,
        bottom=bottom,
        met=_edges_met(within),
        area=float(within.mean()),
        holes=float((dark & within).sum() / within.sum()),
        largest=float(within.sum() / (within | ~dark).sum()),
        mirror=float(np.abs(smooth - smooth[:, ::-1]).mean() / (smooth.mean() + 0.01)),
        layers=float(np.abs(slope_y[inside]).mean() / (np.abs(slope_x[inside]).mean() + 1e-7)),
        texture=float(np.abs(grey - smooth)[inside].mean()),
        sharp=float((steps[inside] > _STEP).mean()),
        lively=float(np.percentile(steps[inside], 90)),
        bright_flat=_bright_flat(grey),
        ramp=_ramp(grey),
    )


def _slopes(smooth: Grey) -> tuple[Grey, Grey]:
    """Gradient along x and along y, per pixel."""
    along_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8)
    along_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8)
    return along_x.astype(np.float32), along_y.astype(np.float32)


def _body(smooth: Grey) -> NDArray[np.uint8] | None:
    """The largest part that is not dark, holes filled; None if there is none."""
    bright = cv2.morphologyEx((smooth >= _DARK).astype(np.uint8), cv2.MORPH_OPEN, _OPEN)
    contours, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    outline = max(contours, key=cv2.contourArea)
    return cv2.drawContours(np.zeros_like(bright), [outline], -1, 1, cv2.FILLED).astype(np.uint8)


def _edges_filled(body: NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """How much of thin bands along its bounding box's left, right, top and bottom it fills."""
    x, y, width, height = cv2.boundingRect(body)
    box = body[y : y + height, x : x + width]
    band = max(1, width // 50)
    bands = box[:, : band + 1], box[:, -band - 1 :], box[:band], box[-band:]
    left, right, top, bottom = (float(part.mean()) for part in bands)
    return left, right, top, bottom


def _edges_met(within: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """How much of the picture's left, right, top and bottom edge it touches, give or take one."""
    columns = within[:, :2], within[:, -2:]
    rows = within[:2], within[-2:]
    left, right = (float(part.any(axis=1).mean()) for part in columns)
    top, bottom = (float(part.any(axis=0).mean()) for part in rows)
    return left, right, top, bottom


def _inside(body: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The body without its outline, which would outweigh what is inside; all of it if thin."""
    inside = cv2.erode(body, _RIM) > 0
    return np.asarray(inside if inside.any() else body > 0, np.bool_)


def _bright_flat(grey: Grey) -> float:
    here = grey[1:, 1:]
    same = (here == grey[:-1, 1:]) & (here == grey[1:, :-1])
    return float(np.count_nonzero(same & (here > 0.15)) / grey.size)


def _ramp(grey: Grey) -> float:
    """Standard deviation left by the best plane through the grey levels, as a share of it all.

    On a full grid the plane's two slopes are independent: each explains its own variance.
    """
    explained = 0.0
    for profile in (grey.mean(axis=0), grey.mean(axis=1)):
        place = np.linspace(-1, 1, profile.size)
        square = float((place**2).sum())
        explained += float(profile @ place) ** 2 / square / profile.size
    return float(np.sqrt(max(0.0, 1 - explained / (float(grey.var()) + 1e-12))))

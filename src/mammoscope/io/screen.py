"""Refusing pictures that are no mammogram, by content.

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
  tissue at this size.

Thresholds were set on half of the public sets' images (split by a checksum of the name) and
confirmed on the other half; benchmarks/read_everything.py prints what they do.
"""

from __future__ import annotations

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
_OPEN = np.ones((5, 5), np.uint8)
_INSIDE = np.ones((9, 9), np.uint8)


class Refusal(StrEnum):
    """Why a picture cannot be a mammogram, each in one clause."""

    BLANK = "the picture is blank"
    GRADIENT = "the picture shows a plain gradient"
    SCREEN = "the picture has large areas of one even grey, like a screenshot or a drawing"
    GRAIN = "the picture is finely grained all over, like text, noise or a tissue section"
    LAYERS = "the picture shows horizontal layers under a flat upper edge, as ultrasound does"
    MIRROR = "the two halves mirror each other, as in a chest film or a slice through the body"


@dataclass(frozen=True)
class Look:
    """What the rules look at; see the module. All are ratios without unit.

    Attributes:
        air: [0, 1].
        left, right, top: [0, 1], how much of that edge of its bounding box the body fills.
        mirror: 0 for a symmetric picture, up to 2.
        layers: 1 where gradients have no direction, above where they are vertical.
        texture: of the stretched grey levels.
        bright_flat: [0, 1], share of the picture that is neither dark nor varies at all.
        ramp: [0, 1], what a plane through the grey levels leaves unexplained.
    """

    air: float
    left: float
    right: float
    top: float
    mirror: float
    layers: float
    texture: float
    bright_flat: float
    ramp: float

    @property
    def one_sided(self) -> bool:
        """Whether it has the outline of a breast: air, and tissue hanging from one side."""
        return self.air >= 0.1 and self.mirror >= 0.4 and abs(self.left - self.right) >= 0.3


def refusal(pixels: Pixels) -> Refusal | None:
    """Say why a picture cannot be a mammogram, or None if nothing speaks against it.

    Args:
        pixels: (height, width) uint8 or uint16 with dark air (turn negatives over first).

    Returns:
        The reason; its text is one clause.
    """
    look = examine(pixels)
    if look is None:
        return Refusal.BLANK
    if look.ramp < 0.12:
        return Refusal.GRADIENT
    if not look.one_sided and look.bright_flat > 0.35:
        return Refusal.SCREEN
    if look.texture > 0.11 or (look.air < 0.08 and look.texture > 0.08):
        return Refusal.GRAIN
    if _is_layered(look):
        return Refusal.LAYERS
    if _is_mirrored(look):
        return Refusal.MIRROR
    return None


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
    """With much air around it, a breast is far from symmetric; a cut-out of one may be less so."""
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
    left, right, top = _edges_filled(body)
    layers, texture = _inner_texture(grey, smooth, body)
    return Look(
        air=_air(smooth),
        left=left,
        right=right,
        top=top,
        mirror=float(np.abs(smooth - smooth[:, ::-1]).mean() / (smooth.mean() + 0.01)),
        layers=layers,
        texture=texture,
        bright_flat=_bright_flat(grey),
        ramp=_ramp(grey),
    )


def _slopes(smooth: Grey) -> tuple[Grey, Grey]:
    """Gradient along x and along y, per pixel."""
    along_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8)
    along_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8)
    return along_x.astype(np.float32), along_y.astype(np.float32)


def _air(smooth: Grey) -> float:
    flat = np.hypot(*_slopes(smooth)) < 0.01
    return float(np.mean(flat & (smooth < 0.15)))


def _body(smooth: Grey) -> NDArray[np.uint8] | None:
    """The largest part that is not dark, holes filled; None if there is none."""
    bright = cv2.morphologyEx((smooth >= 0.1).astype(np.uint8), cv2.MORPH_OPEN, _OPEN)
    contours, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    outline = max(contours, key=cv2.contourArea)
    return cv2.drawContours(np.zeros_like(bright), [outline], -1, 1, cv2.FILLED).astype(np.uint8)


def _edges_filled(body: NDArray[np.uint8]) -> tuple[float, float, float]:
    """How much of a thin band along the left, right and top of its bounding box it fills."""
    x, y, width, height = cv2.boundingRect(body)
    box = body[y : y + height, x : x + width]
    band = max(1, width // 50)
    left, right = box[:, : band + 1], box[:, -band - 1 :]
    return float(left.mean()), float(right.mean()), float(box[:band].mean())


def _inner_texture(grey: Grey, smooth: Grey, body: NDArray[np.uint8]) -> tuple[float, float]:
    """(layers, texture) away from the body's outline, which would outweigh what is inside."""
    inside = cv2.erode(body, _INSIDE) > 0
    if not inside.any():
        inside = body > 0
    along_x, along_y = _slopes(smooth)
    layers = np.abs(along_y[inside]).mean() / (np.abs(along_x[inside]).mean() + 1e-7)
    return float(layers), float(np.abs(grey - smooth)[inside].mean())


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

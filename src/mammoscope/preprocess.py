"""From a Mammogram to what the network sees, with the geometry that leads back.

Steps, in order: find the breast, crop to it, mirror so that the chest wall is on the left,
optionally sharpen and enhance contrast, resize. Training and the product both come through
`prepare`; its parameters travel with the weights (card.json, field "preprocess").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.anatomy import Mask, breast_mask, side_of_mask, to_uint8
from mammoscope.errors import ConfigError
from mammoscope.geometry import Geometry, box_of
from mammoscope.types import Mammogram


@dataclass(frozen=True)
class PreprocessParams:
    """Everything that decides what the network sees.

    Attributes:
        height, width: of the network's input, pixels.
        margin: added around the breast on each side, as a fraction of the crop's side.
        sharpen: amount of the unsharp mask (0 is off; 1 adds the whole difference).
        sharpen_sigma: its Gaussian, in pixels of the network's input.
        clahe_clip: clip limit of contrast-limited adaptive histogram equalisation (0 is off).

    Raises:
        ConfigError: a value is out of its range.
    """

    height: int = 448
    width: int = 256
    margin: float = 0.02
    sharpen: float = 0.0
    sharpen_sigma: float = 2.0
    clahe_clip: float = 0.0

    def __post_init__(self) -> None:
        if self.height < 32 or self.width < 32:
            raise ConfigError(
                f"preprocess height and width are {self.height} x {self.width}; "
                "give at least 32 x 32."
            )
        for name in ("margin", "sharpen", "clahe_clip"):
            if getattr(self, name) < 0:
                raise ConfigError(f"preprocess {name} is {getattr(self, name)}; give 0 or more.")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from a card's or recipe's table; an unknown name raises ConfigError."""
        unknown = set(values) - set(cls.__dataclass_fields__)
        if unknown:
            raise ConfigError(
                f"preprocess has no parameter {sorted(unknown)[0]!r}; "
                f"it has {', '.join(cls.__dataclass_fields__)}."
            )
        return cls(**values)

    def to_mapping(self) -> dict[str, Any]:
        """The inverse of `from_mapping`."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Prepared:
    """What the network sees, and the way back.

    Attributes:
        pixels: (height, width) uint8, chest wall on the left, bright = dense.
        geometry: source pixels <-> model pixels.
        breast_px: box around the breast in source pixels (x1, y1, x2, y2), whole pixels.
        chest_side: side of the *source* picture the chest wall is on; None if undecided.
        tissue: (height, width) uint8, 255 where the network saw breast and 0 where it saw air.
    """

    pixels: NDArray[np.uint8]
    geometry: Geometry
    breast_px: tuple[int, int, int, int]
    chest_side: Literal["L", "R"] | None
    tissue: NDArray[np.uint8]


def prepare(mammogram: Mammogram, params: PreprocessParams) -> Prepared:
    """Crop, orient, enhance and resize one mammogram.

    A picture in which no breast is found is used whole.
    """
    mask = breast_mask(mammogram.pixels)
    side = side_of_mask(mask) or mammogram.laterality
    box = _crop_box(mask, mammogram.shape, params.margin)
    x1, y1, x2, y2 = box
    geometry = Geometry.identity(mammogram.shape, mammogram.spacing_mm).crop(box)
    crop = cv2.resize(
        mammogram.pixels[y1:y2, x1:x2],
        (params.width, params.height),
        interpolation=_interpolation((y2 - y1, x2 - x1), params),
    )
    geometry = geometry.resize((params.height, params.width))
    tissue = _tissue(mask, box, mammogram.shape, params)
    if side == "R":
        crop, tissue = np.ascontiguousarray(crop[:, ::-1]), np.ascontiguousarray(tissue[:, ::-1])
        geometry = geometry.flip_x()
    return Prepared(_enhance(to_uint8(crop), params), geometry, box, side, tissue)


def _tissue(
    mask: Mask,
    box: tuple[int, int, int, int],
    shape: tuple[int, int],
    params: PreprocessParams,
) -> NDArray[np.uint8]:
    """The breast mask as the network's input shows it; all 255 if no breast was found."""
    if not mask.any():
        return np.full((params.height, params.width), 255, np.uint8)
    fy, fx = mask.shape[0] / shape[0], mask.shape[1] / shape[1]
    x1, y1 = int(box[0] * fx), int(box[1] * fy)
    x2, y2 = int(np.ceil(box[2] * fx)), int(np.ceil(box[3] * fy))
    part = mask[y1:y2, x1:x2].astype(np.uint8) * np.uint8(255)
    size = (params.width, params.height)
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def _interpolation(shape: tuple[int, int], params: PreprocessParams) -> int:
    """Area averaging where it shrinks; where both sides grow, linear (area would give blocks)."""
    grows = shape[0] <= params.height and shape[1] <= params.width
    return cv2.INTER_LINEAR if grows else cv2.INTER_AREA


def _enhance(pixels: NDArray[np.uint8], params: PreprocessParams) -> NDArray[np.uint8]:
    if params.sharpen:
        blurred = cv2.GaussianBlur(pixels, (0, 0), params.sharpen_sigma)
        sharper = cv2.addWeighted(pixels, 1 + params.sharpen, blurred, -params.sharpen, 0)
        pixels = np.asarray(sharper, np.uint8)
    if params.clahe_clip:
        pixels = np.asarray(cv2.createCLAHE(params.clahe_clip, (8, 8)).apply(pixels), np.uint8)
    return pixels


def _crop_box(mask: Mask, shape: tuple[int, int], margin: float) -> tuple[int, int, int, int]:
    """Box around `mask` (reduced) in source pixels, widened by `margin`, clipped to `shape`."""
    box = box_of(mask)
    if box is None:
        return 0, 0, shape[1], shape[0]
    fy, fx = shape[0] / mask.shape[0], shape[1] / mask.shape[1]
    x1, y1, x2, y2 = box[0] * fx, box[1] * fy, box[2] * fx, box[3] * fy
    dy, dx = (y2 - y1) * margin, (x2 - x1) * margin
    return (
        max(0, int(np.floor(x1 - dx))),
        max(0, int(np.floor(y1 - dy))),
        min(shape[1], int(np.ceil(x2 + dx))),
        min(shape[0], int(np.ceil(y2 + dy))),
    )

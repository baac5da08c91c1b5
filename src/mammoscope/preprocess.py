"""From a Mammogram to what the network sees, with the geometry that leads back.

Steps for a mammogram, in order: find the breast, crop to it, mirror so that the chest wall is on
the left, resize, optionally sharpen and enhance contrast. Any other picture (ultrasound, a crop
around a lesion) is used whole: white padding at its edges is filled, then it is resized. Training
and the product both come through `prepare`; its parameters travel with the weights (card.json,
field "preprocess").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.anatomy import Mask, breast_mask, side_of_mask, to_uint8
from mammoscope.errors import ConfigError
from mammoscope.geometry import Geometry, box_of
from mammoscope.types import Mammogram, Pixels

_WHITE, _BRIGHT, _MOSTLY = 0.98, 0.9, 0.95
_EDGES = (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1])
_BLUR_PX = 4
"""Rows or columns beside white padding that resizing and the film's edge have brightened."""


@dataclass(frozen=True)
class PreprocessParams:
    """Everything that decides what the network sees.

    Attributes:
        height, width: of the network's input, pixels.
        margin: added around the breast on each side, as a fraction of the crop's side.
        sharpen: amount of the unsharp mask (0 is off; 1 adds the whole difference).
        sharpen_sigma: its Gaussian, in pixels of the network's input.
        clahe_clip: clip limit of contrast-limited adaptive histogram equalisation (0 is off).
        kind: "mammogram", or "picture" for what has no breast to crop to: used whole.
        letterbox: a picture keeps its proportions and the rest is black; else it is squashed.

    Raises:
        ConfigError: a value is out of its range.
    """

    height: int = 448
    width: int = 256
    margin: float = 0.02
    sharpen: float = 0.0
    sharpen_sigma: float = 2.0
    clahe_clip: float = 0.0
    kind: Literal["mammogram", "picture"] = "mammogram"
    letterbox: bool = True

    def __post_init__(self) -> None:
        if self.height < 32 or self.width < 32:
            raise ConfigError(
                f"preprocess height and width are {self.height} x {self.width}; "
                "give at least 32 x 32."
            )
        for name in ("margin", "sharpen", "clahe_clip"):
            if getattr(self, name) < 0:
                raise ConfigError(f"preprocess {name} is {getattr(self, name)}; give 0 or more.")
        if self.kind not in ("mammogram", "picture"):
            raise ConfigError(f"preprocess kind is {self.kind!r}; give mammogram or picture.")

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
    """Make the network's input of one mammogram, or of another picture if `params` say so.

    A mammogram in which no breast is found is used whole.
    """
    if params.kind == "picture":
        return _prepare_picture(mammogram, params)
    mask = breast_mask(mammogram.pixels) if mammogram.outline is None else mammogram.outline
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


def _prepare_picture(picture: Mammogram, params: PreprocessParams) -> Prepared:
    """Use a picture whole: no breast is looked for and nothing is mirrored."""
    height, width = picture.shape
    top, bottom, left, right = _letterbox(picture.shape, params) if params.letterbox else (0,) * 4
    inner = (params.height - top - bottom, params.width - left - right)
    pixels = cv2.resize(
        without_padding(picture.pixels),
        inner[::-1],
        interpolation=_interpolation((height, width), params),
    )
    geometry = Geometry.identity(picture.shape, picture.spacing_mm).resize(inner)
    geometry = geometry.crop((-left, -top, inner[1] + right, inner[0] + bottom))
    edges = (top, bottom, left, right, cv2.BORDER_CONSTANT)
    seen = (_enhance(to_uint8(pixels), params), np.full(inner, 255, np.uint8))
    framed, tissue = (
        np.asarray(cv2.copyMakeBorder(plane, *edges, value=0), np.uint8) for plane in seen
    )
    return Prepared(framed, geometry, (0, 0, width, height), None, tissue)


def _letterbox(shape: tuple[int, int], params: PreprocessParams) -> tuple[int, int, int, int]:
    """Black rows above and below and columns left and right, in the network's input."""
    scale = min(params.height / shape[0], params.width / shape[1])
    rows = params.height - max(1, round(shape[0] * scale))
    columns = params.width - max(1, round(shape[1] * scale))
    return rows // 2, rows - rows // 2, columns // 2, columns - columns // 2


def without_padding(pixels: Pixels) -> Pixels:
    """Fill white rows and columns at the edges of a picture with its mirror image.

    A crop that reaches beyond the film is padded with white, and by how much depends on where
    the lesion lies, which is not for a network to learn.

    Args:
        pixels: (height, width); left alone unless up to a quarter of a side is white.
    """
    white = _WHITE * np.iinfo(pixels.dtype).max
    if all((pixels[edge] < white).mean() > 1 - _MOSTLY for edge in _EDGES):
        return pixels
    level = pixels / np.iinfo(pixels.dtype).max
    rows, columns = (np.quantile(level, 1 - _MOSTLY, axis=axis) for axis in (1, 0))
    runs = [_run(edge) for edge in (rows, rows[::-1], columns, columns[::-1])]
    height, width = pixels.shape
    if not any(runs) or max(*runs[:2]) > height // 4 or max(*runs[2:]) > width // 4:
        return pixels
    top, bottom, left, right = (run + _BLUR_PX if run else 0 for run in runs)
    inner = pixels[top : height - bottom, left : width - right]
    filled = cv2.copyMakeBorder(inner, top, bottom, left, right, cv2.BORDER_REFLECT_101)
    return cast("Pixels", filled)


def _run(level: NDArray[np.float64]) -> int:
    """How many lines of these grey levels are bright, if the outermost is white."""
    if level[0] < _WHITE:
        return 0
    return int(np.argmin(np.append(level >= _BRIGHT, np.False_)))


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

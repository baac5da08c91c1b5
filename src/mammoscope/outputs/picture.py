"""One image made ready for the page: preview, lesion map and boxes, turned as it hangs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.geometry import Box
from mammoscope.outputs.colour import map_on, paint
from mammoscope.outputs.hanging import is_mirrored
from mammoscope.outputs.overlay import box_on_preview
from mammoscope.outputs.wording import percent, view_name
from mammoscope.types import Finding, ImageReport, Point, RegionReport

_JPEG_QUALITY = 92
# The map is smooth: half the preview's resolution shows all there is of it.
_MAP_SIDE = 640


@dataclass(frozen=True)
class DrawnBox:
    """A finding or region on the hung picture: position in preview pixels, and its score."""

    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, eq=False)
class Picture:
    """What the page shows of one image.

    Attributes:
        image: the report's entry.
        name: "R CC" and the like.
        file: the file's own name, without its folders.
        width, height: of the preview, pixels; 0 without one.
        preview: data URI (JPEG), "" without one.
        lesion_map: data URI (transparent PNG), "" without one.
        boxes: the lowest score first, so that the highest is drawn on top.
        regions: those that were asked about, in order.
        mirrored: True if all of the above is mirrored against the file.
        nipple: (x, y) in preview pixels where there is a finding to measure from it.
    """

    image: ImageReport
    name: str
    file: str
    width: int = 0
    height: int = 0
    preview: str = ""
    lesion_map: str = ""
    boxes: tuple[DrawnBox, ...] = ()
    regions: tuple[DrawnBox, ...] = ()
    mirrored: bool = False
    nipple: Point | None = None

    @property
    def alt(self) -> str:
        """The picture in words, for those who do not see it."""
        if self.image.refused is not None:
            return f"{self.name}, not judged"
        said = f"{self.name}, malignancy {percent(self.image.malignancy)}"
        return f"{said}, boxes: {len(self.boxes)}"


def picture(image: ImageReport) -> Picture:
    """Make an image ready for the page; one without a preview keeps its words alone."""
    name, file = view_name(image), PurePath(image.path).name or image.path
    if image.preview is None:
        return Picture(image, name, file)
    height, width = image.preview.shape[:2]
    mirrored = is_mirrored(image)
    return Picture(
        image,
        name,
        file,
        width,
        height,
        _uri(_turned(image.preview, mirrored), "jpeg", (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY)),
        _map_uri(image, mirrored),
        tuple(
            _box(image, finding.box_px, _score(finding), mirrored)
            for finding in reversed(image.findings)
        ),
        tuple(_box(image, one.box_px, _answer(one), mirrored) for one in image.regions),
        mirrored,
        _nipple(image, mirrored),
    )


def _nipple(image: ImageReport, mirrored: bool) -> Point | None:
    if image.nipple is None or not image.findings:
        return None
    drawn = _box(image, (*image.nipple.point_px, *image.nipple.point_px), "", mirrored)
    return drawn.x, drawn.y


def _map_uri(image: ImageReport, mirrored: bool) -> str:
    if image.lesion_map is None or image.preview is None:
        return ""
    height, width = image.preview.shape[:2]
    smaller = min(1.0, _MAP_SIDE / max(height, width))
    shape = max(1, round(height * smaller)), max(1, round(width * smaller))
    rgba = paint(map_on(image.lesion_map, shape))
    return _uri(_turned(rgba[:, :, [2, 1, 0, 3]], mirrored), "png", ())


def _box(image: ImageReport, box_px: Box, text: str, mirrored: bool) -> DrawnBox:
    x1, y1, x2, y2 = box_on_preview(image, box_px)
    if mirrored and image.preview is not None:
        x1, x2 = image.preview.shape[1] - x2, image.preview.shape[1] - x1
    return DrawnBox(x1, y1, x2 - x1, y2 - y1, text)


def _score(finding: Finding) -> str:
    kind = "" if finding.label == "suspicious" else f"{finding.label} "
    return kind + percent(finding.score)


def _answer(region: RegionReport) -> str:
    return f"{region.answer.likeliest} {percent(max(region.answer.probabilities.values()))}"


def _turned(pixels: NDArray[np.uint8], mirrored: bool) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pixels[:, ::-1] if mirrored else pixels)


def _uri(pixels: NDArray[np.uint8], kind: str, options: Sequence[int]) -> str:
    _, encoded = cv2.imencode(f".{kind}", pixels, options)
    return f"data:image/{kind};base64,{base64.b64encode(encoded.tobytes()).decode('ascii')}"

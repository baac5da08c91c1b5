"""Overlay pictures: the mammogram, its lesion map and the boxes around findings."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import MammoscopeError
from mammoscope.files import write_atomic
from mammoscope.geometry import Box
from mammoscope.outputs.colour import map_on, paint
from mammoscope.outputs.wording import percent
from mammoscope.types import ExamReport, ImageReport

_MAP_OPACITY = 0.7
_BOX_RGB, _REGION_RGB = (90, 209, 230), (255, 255, 255)


def overlay(image: ImageReport) -> NDArray[np.uint8]:
    """The preview with its lesion map, boxes and regions, as the file has it (never mirrored).

    Returns:
        (h, w, 3) uint8 RGB of the preview's size.

    Raises:
        MammoscopeError: the image was never read and has no preview.
    """
    if image.preview is None:
        raise MammoscopeError(f"{image.path}: there is no picture to draw on: {image.refused}")
    canvas = np.repeat(image.preview[:, :, None], 3, axis=2)
    if image.lesion_map is not None:
        canvas = _blend(canvas, paint(map_on(image.lesion_map, image.preview.shape[:2])))
    for finding in reversed(image.findings):  # the highest score is drawn last, on top
        # OpenCV's letters are ASCII alone.
        text = percent(finding.score).replace("\u00a0", " ")
        _draw(canvas, box_on_preview(image, finding.box_px), text, _BOX_RGB)
    for region in image.regions:
        text = f"malignant {percent(region.answer.malignancy)}".replace("\u00a0", " ")
        _draw(canvas, box_on_preview(image, region.box_px), text, _REGION_RGB)
    return canvas


def write_overlays(report: ExamReport, folder: str | Path) -> list[Path]:
    """Write one PNG per image with a preview, named by laterality, view and a counter.

    Returns:
        The paths, in the report's order. Files never bear the source file's name.

    Raises:
        ConfigError: the folder cannot be written.
    """
    seen: Counter[str] = Counter()
    paths = []
    for image in report.images:
        if image.preview is None:
            continue
        place = _place(image)
        seen[place] += 1
        name = f"{place}_{seen[place]}.png"
        paths.append(write_atomic(Path(folder) / name, _png(overlay(image))))
    return paths


def box_on_preview(image: ImageReport, box_px: Box) -> Box:
    """A box (x1, y1, x2, y2) in source pixels as one in those of the preview, clipped to it."""
    if image.preview is None:
        raise MammoscopeError(f"{image.path}: there is no picture to place a box on.")
    height, width = image.preview.shape[:2]
    source_height, source_width = image.shape_px or (height, width)
    fx, fy = width / source_width, height / source_height
    corners = np.multiply(box_px, (fx, fy, fx, fy))
    x1, y1, x2, y2 = np.clip(corners, 0, (width, height, width, height)).tolist()
    return (x1, y1, x2, y2)


def _place(image: ImageReport) -> str:
    parts = [image.laterality or "", *(image.view or "").split()]
    letters = ["".join(c for c in part if c.isascii() and c.isalnum()) for part in parts]
    return "-".join(filter(None, letters)) or "unplaced"


def _blend(canvas: NDArray[np.uint8], colour: NDArray[np.uint8]) -> NDArray[np.uint8]:
    alpha = colour[:, :, 3:].astype(np.float32) * (_MAP_OPACITY / 255)
    mixed = canvas * (1 - alpha) + colour[:, :, :3] * alpha
    return np.asarray(np.rint(mixed), np.uint8)


def _draw(canvas: NDArray[np.uint8], box: Box, text: str, rgb: tuple[int, int, int]) -> None:
    height, width = canvas.shape[:2]
    unit = max(height, width) / 1280
    thick = max(1, round(2 * unit))
    x1, y1, x2, y2 = (round(value) for value in box)
    cv2.rectangle(canvas, (x1, y1), (min(x2, width - 1), min(y2, height - 1)), rgb, thick)
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, max(0.35, 0.9 * unit)
    (text_width, text_height), below = cv2.getTextSize(text, font, scale, thick)
    left = max(0, min(x1, width - text_width))
    base = y1 - below if y1 - below - text_height >= 0 else min(y2 + text_height + below, height)
    cv2.putText(canvas, text, (left, base), font, scale, (0, 0, 0), 3 * thick, cv2.LINE_AA)
    cv2.putText(canvas, text, (left, base), font, scale, rgb, thick, cv2.LINE_AA)


def _png(rgb: NDArray[np.uint8]) -> bytes:
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(rgb[:, :, ::-1]))
    return encoded.tobytes()

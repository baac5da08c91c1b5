"""Where findings lie, as the share of each cell of a grid over the network's input."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.errors import ReadError
from mammoscope.geometry import Geometry
from mammoscope.io import read_picture

_EDGES = ("x1_px", "y1_px", "x2_px", "y2_px")


def marked(
    findings: pd.DataFrame, shape: tuple[int, int], folder: Path
) -> NDArray[np.bool_] | None:
    """What the findings of one image cover.

    Args:
        findings: rows of the findings table, text columns; none is an image without findings.
        shape: (height, width) of the image.
        folder: what mask_path starts from.

    Returns:
        (height, width) in source pixels; None if the place of any finding is not known: an image
        with a lesion that nobody drew teaches a map nothing.
    """
    covered = np.zeros(shape, np.bool_)
    for finding in findings.to_dict("records"):
        part = _place({str(name): str(value) for name, value in finding.items()}, shape, folder)
        if part is None:
            return None
        covered |= part
    return covered


def _place(
    finding: dict[str, str], shape: tuple[int, int], folder: Path
) -> NDArray[np.bool_] | None:
    outline = finding.get("outline", "")
    if outline == "mask":
        return _mask(folder / finding["mask_path"], shape)
    if outline == "polygon" and finding.get("polygon_px"):
        return _polygon(finding["polygon_px"], shape)
    edges = [finding.get(name, "") for name in _EDGES]
    if outline not in ("box", "circle", "polygon") or not all(edges):
        return None
    x1, y1, x2, y2 = map(float, edges)
    y, x = np.ogrid[: shape[0], : shape[1]]
    across = np.abs(x + 0.5 - (x1 + x2) / 2) / max((x2 - x1) / 2, 0.5)
    down = np.abs(y + 0.5 - (y1 + y2) / 2) / max((y2 - y1) / 2, 0.5)
    inside = across**2 + down**2 <= 1 if outline == "circle" else np.maximum(across, down) <= 1
    return np.asarray(inside, np.bool_)


def _mask(path: Path, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    try:
        pixels = read_picture(path).pixels
    except ReadError:
        return None
    return pixels > np.iinfo(pixels.dtype).max // 2 if pixels.shape == shape else None


def _polygon(corners_px: str, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Corners are in the frame of `geometry`, OpenCV's at the centres of pixels."""
    corners = [[float(value) for value in pair.split(",")] for pair in corners_px.split()]
    drawn = np.zeros(shape, np.uint8)
    cv2.fillPoly(drawn, [np.floor(np.array(corners)).astype(np.int32)], 1)
    return drawn.astype(np.bool_)


def coverage(
    covered: NDArray[np.bool_], geometry: Geometry, grid: tuple[int, int]
) -> NDArray[np.float32]:
    """Share of each cell of a grid over the model image that is covered.

    Exact for any crop, scale and mirroring: sums over cells come from the summed-area table
    (Crow, SIGGRAPH 1984;18:207-212), read between pixels by interpolation.

    Args:
        covered: (height, width) in source pixels.
        geometry: source pixels to model pixels.
        grid: (rows, columns) of cells that divide the model image evenly.

    Returns:
        (rows, columns) in [0, 1]; what lies outside the source counts as not covered.
    """
    table = np.asarray(cv2.integral(covered.astype(np.uint8), sdepth=cv2.CV_64F), np.float64)
    height, width = geometry.model_shape
    edges_y = np.linspace(0, height, grid[0] + 1)
    edges_x = np.linspace(0, width, grid[1] + 1)
    x = geometry.to_source(np.stack([edges_x, np.zeros_like(edges_x)], -1))[:, 0]
    y = geometry.to_source(np.stack([np.zeros_like(edges_y), edges_y], -1))[:, 1]
    cell = np.abs(np.outer(np.diff(y), np.diff(x)))
    sums = np.diff(np.diff(_between(_between(table, y).T, x).T, axis=0), axis=1)
    return np.asarray(np.clip(np.abs(sums) / cell, 0, 1), np.float32)


def _between(table: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of `table` at places `at`, linear between rows, the outermost beyond them."""
    place = np.clip(at, 0, len(table) - 1)
    low = np.minimum(place.astype(np.intp), len(table) - 2)
    share = (place - low)[:, None]
    return np.asarray(table[low] * (1 - share) + table[low + 1] * share)

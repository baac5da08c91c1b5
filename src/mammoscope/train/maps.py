"""Where findings lie, as codes on a grid over the network's input."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.errors import ReadError
from mammoscope.geometry import Geometry
from mammoscope.io import read_picture

MARK_PX = 4
"""Side of a cell of the marks in pixels of the network's input."""
NOTHING, BENIGN, MALIGNANT, FINDING = 0, 1, 2, 3
"""Codes of a cell of the marks: no finding; one of that pathology; one of unknown pathology."""
UNMARKED = 255
"""The code where it is not known what there is."""
REGION = 0.4
"""A box over so much of the breast marks where something is rather than what."""
_CODES = {"benign": BENIGN, "malignant": MALIGNANT}
_EDGES = ("x1_px", "y1_px", "x2_px", "y2_px")


def mark(
    findings: pd.DataFrame, shape: tuple[int, int], folder: Path, geometry: Geometry
) -> NDArray[np.uint8]:
    """Codes of what lies where in one image.

    Where findings overlap, a malignant one is what counts. A finding smaller than a cell keeps the
    cell that it covers most of. A box over REGION of the breast or more leaves its cells
    UNMARKED.

    Args:
        findings: as `marked`.
        shape: (height, width) of the image.
        folder: what mask_path starts from.
        geometry: source pixels to model pixels.

    Returns:
        (height / MARK_PX, width / MARK_PX) of the model image; UNMARKED everywhere if the place of
        any finding is not known.
    """
    grid = (geometry.model_shape[0] // MARK_PX, geometry.model_shape[1] // MARK_PX)
    codes = np.full(grid, NOTHING, np.uint8)
    for code, some in _by_code(findings):
        covered = marked(some, shape, folder)
        if covered is None:
            return np.full(grid, UNMARKED, np.uint8)
        share = coverage(covered, geometry, grid)
        codes[(share > 0) & (share >= min(0.5, share.max()))] = code
    return codes


def _by_code(findings: pd.DataFrame) -> list[tuple[int, pd.DataFrame]]:
    """Findings apart by code, in the order in which they are drawn over each other."""
    if not len(findings):
        return []
    told = findings["pathology"] if "pathology" in findings else pd.Series("", findings.index)
    codes = told.map(_CODES).fillna(FINDING)
    if "box_frac_of_breast" in findings:
        part = pd.to_numeric(findings["box_frac_of_breast"], errors="coerce")
        codes = codes.mask(part >= REGION, UNMARKED)
    order = (UNMARKED, FINDING, BENIGN, MALIGNANT)
    return [(code, findings[codes == code]) for code in order if (codes == code).any()]


def shares(codes: NDArray[np.uint8], grid: tuple[int, int]) -> NDArray[np.float32]:
    """What shares of the cells of a coarser grid findings cover.

    Args:
        codes: (h, w) as `mark` gives them, at any resolution.
        grid: (rows, columns).

    Returns:
        (2, rows, columns) in [0, 1]: covered by any finding, and by a malignant one; -1 where the
        cell holds something that is not known.
    """
    found = _mean(np.isin(codes, (BENIGN, MALIGNANT, FINDING)), grid)
    malignant = _mean(codes == MALIGNANT, grid)
    unknown = _mean(codes == UNMARKED, grid) > 0
    untold = unknown | (_mean(codes == FINDING, grid) > 0)
    return np.stack([np.where(unknown, -1, found), np.where(untold, -1, malignant)])


def _mean(cells: NDArray[np.bool_], grid: tuple[int, int]) -> NDArray[np.float32]:
    plane = cells.astype(np.float32)
    return np.asarray(cv2.resize(plane, grid[::-1], interpolation=cv2.INTER_AREA), np.float32)


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

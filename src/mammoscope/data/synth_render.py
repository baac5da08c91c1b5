"""From the shape and tissue of a synthetic breast to the pixels of one mammogram.

Large pictures are drawn at up to 2048 rows, twice the detail that tissue here has, and enlarged;
quantum noise is always drawn per pixel of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.data import synth_tissue as tissue
from mammoscope.data.lesions import draw
from mammoscope.data.story import Placed
from mammoscope.data.synth_look import LOOKS, Look, develop, expose, look_of, stamp
from mammoscope.data.synth_shape import (
    ASPECT,
    HEIGHT_MM,
    Outline,
    Point,
    View,
    outline,
    stream,
)
from mammoscope.data.synth_tissue import F32, Grid
from mammoscope.errors import ConfigError
from mammoscope.geometry import Box, box_of
from mammoscope.types import Laterality

Mask = NDArray[np.bool_]

_DRAWN_ROWS = 2048
_GLAND_ROWS = 512
_WHITE, _SATURATION_MM = 0.8, 25.0
"""What a lesion adds shrinks the gap to white: by a factor e for so much gland in place of fat."""
ANGLES: dict[View, float] = {"CC": 0.0, "MLO": 45.0}
_DARKEST = 0.006
_NOISE = 0.045
"""Standard deviation of quantum noise at 4096 rows, of full scale, at full exposure."""


@dataclass(frozen=True, eq=False)
class SeenLesion:
    """One lesion in one view.

    Attributes:
        placed: what it is and where.
        mask: (height, width) bool, what a reader would outline.
        box_px: (x1, y1, x2, y2) around it, frame of mammoscope.geometry.
        centre_px: (x, y) of its centre.
    """

    placed: Placed
    mask: Mask
    box_px: Box
    centre_px: tuple[float, float]


@dataclass(frozen=True, eq=False)
class SyntheticView:
    """One synthetic mammogram and the truth about it; all arrays (height, width).

    Attributes:
        pixels: uint16 over the full range, For Presentation, air 0.
        laterality: "L" or "R"; the chest wall is at the picture's left edge for L, right for R.
        view: "CC" or "MLO".
        spacing_mm: (row, column) spacing, mm.
        breast_mask: the breast with what is seen of the axilla and the muscle.
        pectoral_mask: the pectoral muscle; empty in CC.
        findings: the lesions of this breast, as this view shows them.
        dense_fraction: part of the breast's area (muscle left out) that is fibroglandular.
        nipple_px: (x, y) of the nipple's tip.
    """

    pixels: NDArray[np.uint16]
    laterality: Laterality
    view: View
    spacing_mm: tuple[float, float]
    breast_mask: Mask
    pectoral_mask: Mask
    findings: tuple[SeenLesion, ...]
    dense_fraction: float
    nipple_px: tuple[float, float]


def render(
    seed: int,
    laterality: Laterality,
    view: View,
    height: int,
    density: str,
    lesions: Sequence[Placed],
    look: str | None = None,
) -> SyntheticView:
    """Draw one view of one breast with the lesions of it among `lesions`.

    Raises:
        ConfigError: if the breast has no room for a lesion.
    """
    shape = outline(seed, laterality, view)
    coarse = make_grid(shape, min(height, _GLAND_ROWS))
    gland = tissue.gland(coarse, seed, laterality, density)
    kept = (coarse.skin > 0) & ~coarse.muscle
    drawn = _draw(
        seed,
        laterality,
        make_grid(shape, min(height, _DRAWN_ROWS)),
        height,
        gland,
        [placed for placed in lesions if placed.laterality == laterality],
        LOOKS[look or look_of(seed)],
    )
    drawn = replace(drawn, dense_fraction=float(np.mean(gland[kept] > 0.5)))
    result = drawn if laterality == "L" else _mirrored(drawn)
    stamp(result.pixels, laterality, view)
    return result


def _draw(
    seed: int,
    side: Laterality,
    grid: Grid,
    height: int,
    gland: F32,
    lesions: Sequence[Placed],
    look: Look,
) -> SyntheticView:
    """The view in the canonical frame, without its marker."""
    view, drawn = grid.shape.view, (grid.u.shape[1], grid.u.shape[0])
    size = (round(height * ASPECT), height)
    dense = np.asarray(cv2.resize(gland, drawn, interpolation=cv2.INTER_CUBIC), np.float32)
    light = _light(grid, seed, side, dense)
    light, seen = _with_lesions(light, grid, lesions)
    breast, muscle = (_enlarge_mask(m, size) for m in (grid.skin > 0, grid.muscle))
    shown = cv2.resize(develop(light, grid, look), size, interpolation=cv2.INTER_CUBIC)
    noise = stream(seed, "noise", side, view)
    pixels = expose(np.asarray(shown, np.float32), breast, look, noise)
    return SyntheticView(
        pixels=pixels,
        laterality=side,
        view=view,
        spacing_mm=(HEIGHT_MM / height, HEIGHT_MM / height),
        breast_mask=breast,
        pectoral_mask=muscle & breast,
        findings=tuple(
            _as_seen(placed, mask & (grid.skin > 0), place, size) for placed, mask, place in seen
        ),
        dense_fraction=0.0,
        nipple_px=_scaled(grid.shape.nipple, height),
    )


def _scaled(point: Point, height: int) -> Point:
    return point[0] * height, point[1] * height


def _mirrored(view: SyntheticView) -> SyntheticView:
    """The left-right mirror image, as a right breast is seen."""
    width = view.pixels.shape[1]
    return replace(
        view,
        pixels=np.ascontiguousarray(view.pixels[:, ::-1]),
        breast_mask=np.ascontiguousarray(view.breast_mask[:, ::-1]),
        pectoral_mask=np.ascontiguousarray(view.pectoral_mask[:, ::-1]),
        findings=tuple(_mirrored_lesion(finding) for finding in view.findings),
        nipple_px=(width - view.nipple_px[0], view.nipple_px[1]),
    )


def _mirrored_lesion(seen: SeenLesion) -> SeenLesion:
    mask = np.ascontiguousarray(seen.mask[:, ::-1])
    x, y = seen.centre_px
    return SeenLesion(seen.placed, mask, _box(mask), (mask.shape[1] - x, y))


def _with_lesions(
    light: F32, grid: Grid, lesions: Sequence[Placed]
) -> tuple[F32, list[tuple[Placed, Mask, Point]]]:
    """Tissue with lesions in it; of each its mask (rows, columns) and centre, picture heights."""
    seen = []
    for placed in lesions:
        centre = placed.place(grid.shape)
        drawing = draw(placed.lesion, HEIGHT_MM / light.shape[0], ANGLES[grid.shape.view])
        window, part = drawing.windows(
            light.shape, (centre[0] * len(light), centre[1] * len(light))
        )
        if drawing.warp_mm is not None:
            light[window] = _pulled(light[window], drawing.warp_mm[part], drawing.spacing_mm)
        gap = np.maximum(_WHITE - light[window], 0)
        light[window] += gap * (1 - np.exp(-drawing.thickness_mm[part] / _SATURATION_MM))
        mask = np.zeros(light.shape, np.bool_)
        mask[window] = drawing.mask[part]
        seen.append((placed, mask & (grid.skin > 0), centre))
    return light, seen


def _pulled(light: F32, warp_mm: F32, spacing_mm: tuple[float, float]) -> F32:
    """The background drawn towards a distortion."""
    rows, columns = np.indices(light.shape, np.float32)
    x = columns + warp_mm[..., 0] / np.float32(spacing_mm[1])
    y = rows + warp_mm[..., 1] / np.float32(spacing_mm[0])
    moved = cv2.remap(light, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, np.float32)


def _as_seen(placed: Placed, mask: Mask, centre: Point, size: tuple[int, int]) -> SeenLesion:
    whole = _enlarge_mask(mask, size)
    return SeenLesion(placed, whole, _box(whole), _scaled(centre, size[1]))


def make_grid(shape: Outline, rows: int) -> Grid:
    """Coordinates, skin distance and muscle of a picture of `rows` rows."""
    columns = round(rows * ASPECT)
    v = (np.arange(rows) + 0.5) / rows
    u = (np.arange(columns) + 0.5) / rows
    inside = u[None] < shape.edge(v)[:, None]
    skin = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    uu, vv = np.meshgrid(u.astype(np.float32), v.astype(np.float32))
    muscle = uu < shape.muscle_edge(v)[:, None]
    return Grid(uu, vv, np.asarray(skin / rows, np.float32), muscle, shape)


def _light(grid: Grid, seed: int, side: str, dense: F32) -> F32:
    """Brightness of the tissue before the skin's falloff, about 0 to 1, (rows, columns)."""
    view, rows, columns = grid.shape.view, grid.u.shape[0], grid.u.shape[1]
    fine = tissue.power_law_field((seed, "fine", side, view), rows, 2.2, 7.0)[:, :columns]
    patches = tissue.smooth_field((seed, "patches", side, view), (rows, columns), 2.0, 6.0)
    fat = 0.09 + 0.11 * (1 - np.exp(-grid.skin / 0.06)) + 0.012 * patches
    light = fat + dense * (0.27 + 0.06 * patches) + (0.02 + 0.015 * dense) * fine
    light += (0.04 + 0.05 * dense) * tissue.web(grid, (seed, "web", side, view))
    amount = float(stream(seed, "fibrous").uniform(0.6, 1.3))
    net = tissue.fibres(grid, (seed, "fibres", side, view))
    near_skin = 0.7 + 0.5 * np.exp(-grid.skin / 0.08)
    light += amount * near_skin * (0.12 - 0.02 * dense) * net
    light += 0.09 * tissue.vessels(grid, seed, side)
    return _with_muscle(light, grid, fine)


def _with_muscle(light: F32, grid: Grid, fine: F32) -> F32:
    """Lay the pectoral muscle behind the tissue: brighter, brightest at the chest wall."""
    if not grid.muscle.any():
        return light
    rows = grid.u.shape[0]
    soft = cv2.GaussianBlur(grid.muscle.astype(np.float32), (0, 0), 0.004 * rows)
    depth = np.clip(grid.shape.muscle_edge(grid.v[:, :1].astype(np.float64)) - grid.u, 0, None)
    muscle = 0.36 + 0.6 * depth + 0.012 * fine
    mixed = light + soft * (muscle - 0.65 * light)
    return np.asarray(mixed, np.float32)


def _enlarge_mask(mask: Mask, size: tuple[int, int]) -> Mask:
    grown = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown >= 0.5, np.bool_)


def _box(mask: Mask) -> Box:
    box = box_of(mask)
    if box is None:
        raise ConfigError("The lesion is smaller than a pixel of the picture; give more rows.")
    return box

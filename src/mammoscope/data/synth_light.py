"""The light of a synthetic breast's tissue, before any maker's processing: grid, tissue, lesions.

Light is about 0 to 1, (rows, columns) float32, brighter where more gland lies in the beam.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.data import synth_tissue as tissue
from mammoscope.data.distance import distance_within
from mammoscope.data.lesions import draw
from mammoscope.data.story import Placed
from mammoscope.data.synth_implant import Implant, Silhouette, draped, pushed, thinned
from mammoscope.data.synth_shape import ASPECT, HEIGHT_MM, Outline, Point, View, stream
from mammoscope.data.synth_slices import Layer, layer_depths, shares, split_lesion
from mammoscope.data.synth_tissue import F32, F64, Grid

Mask = NDArray[np.bool_]

_LOBE_MM = 3.5
ANGLES: dict[View, float] = {"CC": 0.0, "MLO": 45.0}
_WHITE, _SATURATION_MM = 0.8, 25.0
"""What a lesion adds shrinks the gap to white: by a factor e for so much gland in place of fat."""


class Tissue(NamedTuple):
    """A breast without lesions; arrays (rows, columns).

    Attributes:
        grid: where pixels lie; its muscle is draped over a subpectoral implant.
        light: of all tissue.
        strands: what scales each sheet of fibres in the light.
        body: the implant, if there is one.
        seed, side: of the woman.
    """

    grid: Grid
    light: F32
    strands: F32
    body: Silhouette | None
    seed: int
    side: str


def make_grid(shape: Outline, rows: int, body: Silhouette | None = None) -> Grid:
    """Coordinates, skin distance and muscle of a picture of `rows` rows."""
    columns = round(rows * ASPECT)
    v = (np.arange(rows) + 0.5) / rows
    u = (np.arange(columns) + 0.5) / rows
    inside = u[None] < shape.edge(v)[:, None]
    skin = distance_within(inside)
    # OpenCV's root differs in its last bit from run to run; its square is a whole number.
    skin = np.sqrt(np.rint(np.square(skin)))
    uu, vv = np.meshgrid(u.astype(np.float32), v.astype(np.float32))
    muscle = uu < shape.muscle_edge(v)[:, None]
    grid = Grid(uu, vv, np.asarray(skin / rows, np.float32), muscle, shape)
    if body is None:
        return grid
    return grid._replace(muscle=uu < _muscle_edge(grid, body)[:, None])


def _muscle_edge(grid: Grid, body: Silhouette | None) -> F64:
    """The muscle's border (rows,), over the implant if it lies behind the muscle."""
    v = grid.v[:, 0].astype(np.float64)
    edge = grid.shape.muscle_edge(v)
    if body is None or body.implant.position != "subpectoral" or grid.shape.view == "CC":
        return edge
    return draped(edge, v, body.front(grid), body)


def make_tissue(
    shape: Outline, rows: int, gland: F32, seed: int, side: str, body: Silhouette | None
) -> Tissue:
    """The tissue of one view; `gland` of any resolution, as `synth_tissue.gland` gives it."""
    plain = make_grid(shape, rows)
    size = (plain.u.shape[1], plain.u.shape[0])
    dense = np.asarray(cv2.resize(gland, size, interpolation=cv2.INTER_CUBIC), np.float32)
    light, strands, fine = _light(plain, seed, side, dense)
    if body is not None:
        light, strands = pushed(light, plain, body), pushed(strands, plain, body)
    grid = make_grid(shape, rows, body)
    light = _with_muscle(light, grid, fine, body)
    if body is not None:
        light = thinned(light, grid, body)
    return Tissue(grid, light, strands, body, seed, side)


def _light(grid: Grid, seed: int, side: str, dense: F32) -> tuple[F32, F32, F32]:
    """Brightness before the skin's falloff, the scale of the strands in it, the finest grain."""
    view, rows, columns = grid.shape.view, grid.u.shape[0], grid.u.shape[1]
    fine = tissue.power_law_field((seed, "fine", side, view), rows, 2.2, 7.0)[:, :columns]
    patches = tissue.smooth_field((seed, "patches", side, view), (rows, columns), 2.0, 6.0)
    fat = 0.09 + 0.11 * (1 - np.exp(-grid.skin / 0.06)) + 0.012 * patches
    light = fat + dense * (0.27 + 0.06 * patches) + (0.02 + 0.015 * dense) * fine
    light += (0.04 + 0.05 * dense) * tissue.web(grid, (seed, "web", side, view))
    amount = float(stream(seed, "fibrous").uniform(0.6, 1.3))
    near_skin = 0.7 + 0.5 * np.exp(-grid.skin / 0.08)
    strands = amount * near_skin * (0.12 - 0.02 * dense)
    light += strands * tissue.fibres(grid, (seed, "fibres", side, view))
    light += 0.09 * tissue.vessels(grid, seed, side)
    return light, strands, fine


def _with_muscle(light: F32, grid: Grid, fine: F32, body: Silhouette | None) -> F32:
    """Lay the pectoral muscle behind the tissue: brighter, brightest at the chest wall."""
    if not grid.muscle.any():
        return light
    soft = _muscle_cover(grid)
    edge = _muscle_edge(grid, body)[:, None]
    muscle = 0.36 + 0.6 * np.clip(edge - grid.u, 0, None) + 0.012 * fine
    mixed = light + soft * (muscle - 0.65 * light)
    return np.asarray(mixed, np.float32)


def _muscle_cover(grid: Grid) -> F32:
    soft = cv2.GaussianBlur(grid.muscle.astype(np.float32), (0, 0), 0.004 * grid.u.shape[0])
    return np.asarray(soft, np.float32)


def tissue_layers(made: Tissue, thickness_mm: float) -> list[Layer]:
    """The tissue taken apart into layers that add up to its light.

    Sheets of strands lie in two neighbouring layers each. Of the rest, detail belongs to the layer
    of its patch; what is larger than lobes of gland reaches through half of the breast's thickness.
    """
    depths = layer_depths(thickness_mm)
    label = (made.seed, "depth", made.side, made.grid.shape.view)
    rows, columns = made.light.shape
    sheets = [np.zeros((rows, columns), np.float32) for _ in depths]
    for number, sheet in enumerate(_sheets(made)):
        for k, share in enumerate(shares((*label, "sheet", str(number)), (rows, columns), 2)):
            sheets[(2 * number + k) % len(depths)] += sheet * share
    rest = made.light - np.sum(sheets, axis=0, dtype=np.float32)
    large = tissue.smoothed(rest, _LOBE_MM / HEIGHT_MM * rows)
    even = np.float32(0.65 / len(depths)) * large
    own = rest - np.float32(0.65) * large
    parts = shares((*label, "rest"), (rows, columns), len(depths))
    return [
        Layer(np.asarray(sheet + own * part + even, np.float32), float(depth))
        for sheet, part, depth in zip(sheets, parts, depths, strict=True)
    ]


def _sheets(made: Tissue) -> list[F32]:
    """What each sheet of strands adds to the light."""
    grid = make_grid(made.grid.shape, made.light.shape[0])
    behind = 1 - 0.65 * _muscle_cover(made.grid)
    key = (made.seed, "fibres", made.side, grid.shape.view)
    sheets = [tissue.as_detected(layer) for layer in tissue.fibre_layers(grid, key)]
    if made.body is not None:
        sheets = [pushed(sheet, grid, made.body) for sheet in sheets]
    return [np.asarray(behind * made.strands * sheet, np.float32) for sheet in sheets]


def with_lesions(
    light: F32, grid: Grid, lesions: Sequence[Placed], implant: Implant | None = None
) -> tuple[F32, list[tuple[Placed, Mask, Point]]]:
    """Tissue with lesions in it; of each its mask (rows, columns) and centre, picture heights.

    Changes `light`, or gives it back changed.

    Raises:
        ConfigError: the breast has no room for a lesion.
    """
    seen = []
    for placed in lesions:
        centre = placed.place(grid.shape, implant)
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


def lesion_layers(
    made: Tissue, lesions: Sequence[tuple[Placed, float]], implant: Implant | None
) -> list[Layer]:
    """What each of some lesions, given with its depth in mm, adds to the tissue, in layers."""
    light, layers = made.light.copy(), []
    for number, (placed, depth_mm) in enumerate(lesions):
        before = light.copy()
        light, _ = with_lesions(light, made.grid, [placed], implant)
        key = (made.seed, "depth", made.side, made.grid.shape.view, "lesion", str(number))
        layers += split_lesion(light - before, placed.lesion.size_mm, depth_mm, key)
    return layers


def _pulled(light: F32, warp_mm: F32, spacing_mm: tuple[float, float]) -> F32:
    """The background drawn towards a distortion."""
    rows, columns = np.indices(light.shape, np.float32)
    x = columns + warp_mm[..., 0] / np.float32(spacing_mm[1])
    y = rows + warp_mm[..., 1] / np.float32(spacing_mm[0])
    moved = cv2.remap(light, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, np.float32)

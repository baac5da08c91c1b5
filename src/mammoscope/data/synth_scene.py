"""What a view and the slices of one breast have in common: its tissue, its metal and its depths.

Large pictures are drawn at up to 2048 rows, twice the detail that tissue here has, and enlarged;
quantum noise is always drawn per pixel of the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.data import synth_tissue as tissue
from mammoscope.data.story import Placed
from mammoscope.data.synth_implant import Implant, Silhouette, cover_of, pushed, silhouette
from mammoscope.data.synth_light import Mask, Tissue, make_grid, make_tissue
from mammoscope.data.synth_look import LOOKS, Look, develop, expose, stamp
from mammoscope.data.synth_objects import ForeignObject, Ink, drawn
from mammoscope.data.synth_shape import ASPECT, Outline, Point, View, outline
from mammoscope.data.synth_slices import Layer, depth_in, slice_depths, thickness_mm
from mammoscope.data.synth_tissue import F32, as_detected
from mammoscope.types import Laterality

_DRAWN_ROWS = 2048
_GLAND_ROWS = 512
_METAL = 0.97
_IMPLANT_LAYERS = 5
_AXILLA_DEPTH = -0.25


@dataclass(frozen=True)
class Plan:
    """All that one view is drawn from.

    Attributes:
        seed, laterality, view, height, density: as for `synth.synthetic_view`.
        lesions, objects, implant: of this breast.
        look: a key of LOOKS.
    """

    seed: int
    laterality: Laterality
    view: View
    height: int
    density: str
    lesions: tuple[Placed, ...]
    look: str
    implant: Implant | None = None
    objects: tuple[ForeignObject, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the picture."""
        return round(self.height * ASPECT), self.height


class Scene:
    """What view and slices of a plan have in common: tissue, metal and depths."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.shape = outline(plan.seed, plan.laterality, plan.view)
        self.body = None if plan.implant is None else silhouette(plan.implant, self.shape)
        self.look: Look = LOOKS[plan.look]
        wanted = tissue.DENSE_AREA[plan.density]
        self.gland = self._gland(wanted)
        if self.body is not None:
            # Pushed tissue covers another share of what is left; a second draw makes up for that.
            self.gland = self._gland(float(np.clip(2 * wanted - self.dense_fraction(), 0.02, 0.9)))
        rows = min(plan.height, _DRAWN_ROWS)
        self.tissue: Tissue = make_tissue(
            self.shape, rows, self.gland, plan.seed, plan.laterality, self.body
        )
        self.grid = self.tissue.grid
        self.thickness_mm = thickness_mm(self.shape)

    def _gland(self, area: float) -> F32:
        """Gland as it is without an implant."""
        grid = make_grid(self.shape, min(self.plan.height, _GLAND_ROWS))
        return tissue.gland(grid, self.plan.seed, self.plan.laterality, area)

    def dense_fraction(self) -> float:
        """What the view will have of gland, implant and muscle left out."""
        grid = make_grid(self.shape, self.gland.shape[0], self.body)
        kept = (grid.skin > 0) & ~grid.muscle
        gland = self.gland
        if self.body is not None:
            kept &= ~_inside(self.body, grid.u, grid.v)
            gland = pushed(gland, grid, self.body)
        return float(np.mean(gland[kept] > 0.5))

    def implant_mask(self) -> Mask:
        """(rows, columns), in the breast."""
        if self.body is None:
            return np.zeros(self.grid.u.shape, np.bool_)
        return _inside(self.body, self.grid.u, self.grid.v) & (self.grid.skin > 0)

    def depth_mm(self, thing: Placed | ForeignObject) -> float:
        """From the middle of the compressed breast, away from the tube."""
        if isinstance(thing, ForeignObject) and thing.kind in ("pacemaker", "port"):
            return _AXILLA_DEPTH * self.thickness_mm
        cc, mlo = (self._placed_in(thing, view) for view in ("CC", "MLO"))
        depth = depth_in(self.plan.view, cc, mlo)
        if isinstance(thing, ForeignObject) and thing.on_skin:
            at_nipple = thing.kind == "nipple marker"
            return 0.0 if at_nipple else float(np.copysign(self.thickness_mm / 2, depth))
        return depth

    def _placed_in(self, thing: Placed | ForeignObject, view: View) -> tuple[Outline, Point]:
        shape = outline(self.plan.seed, self.plan.laterality, view)
        place = thing.place(shape, self.plan.implant)
        return shape, shape.nipple if place is None else place

    def inks(self) -> Iterator[tuple[ForeignObject, Ink]]:
        """Every visible part of every object, in the drawn picture."""
        rows, columns = self.grid.u.shape
        for thing in self.plan.objects:
            place = thing.place(self.shape, self.plan.implant)
            if place is not None:
                for ink in drawn(thing, self.plan.view, place, (rows, columns)):
                    yield thing, ink

    def metal(self) -> list[Layer]:
        """Implant and objects as layers of optical thickness, which add up along the beam."""
        layers = []
        if self.body is not None:
            inside = np.where(self.grid.skin > 0, cover_of(self.body, self.grid), 0)
            share = _opacity(np.asarray(inside, np.float32)) / np.float32(_IMPLANT_LAYERS)
            reach = 0.6 * self.thickness_mm
            layers += [Layer(share, float(d)) for d in slice_depths(reach, _IMPLANT_LAYERS)]
        for thing, ink in self.inks():
            whole = np.zeros(self.grid.u.shape, np.float32)
            whole[ink.window] = _opacity(ink.cover)
            layers.append(Layer(whole, self.depth_mm(thing)))
        return layers

    def picture(
        self, light: F32, opacity: F32 | None, noise: np.random.Generator
    ) -> NDArray[np.uint16]:
        """Pixels of tissue with metal before it, as read from this side; with the side's marker."""
        plan, inside = self.plan, self.grid.skin > 0
        # The implant, like the muscle, has no say in the grey level of tissue.
        hidden = self.grid._replace(muscle=self.grid.muscle | self.implant_mask())
        shown = develop(light, hidden, self.look)
        if opacity is not None:
            cover = as_detected(1 - np.exp(-np.maximum(opacity, 0)), self.look.blur_mm)
            shown = shown + cover * (np.float32(_METAL) - shown)
            inside = inside | (cover > 0.03)
        large = cv2.resize(shown, plan.size, interpolation=cv2.INTER_CUBIC)
        breast = enlarge_mask(inside, plan.size)
        pixels = expose(np.asarray(large, np.float32), breast, self.look, noise)
        if plan.laterality == "R":
            pixels = np.ascontiguousarray(pixels[:, ::-1])
        stamp(pixels, plan.laterality, plan.view)
        return pixels


def _inside(body: Silhouette, u: F32, v: F32) -> Mask:
    radius = body.radius(u.astype(np.float64), v.astype(np.float64))
    return np.asarray(radius < 1, np.bool_)


def _opacity(cover: F32) -> F32:
    return np.asarray(-np.log1p(-np.minimum(cover, 0.985)), np.float32)


def enlarge_mask(mask: Mask, size: tuple[int, int]) -> Mask:
    """A mask (rows, columns) at the (width, height) of the picture."""
    grown = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown >= 0.5, np.bool_)

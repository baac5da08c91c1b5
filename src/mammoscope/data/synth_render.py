"""Mammograms and tomosynthesis slices of a synthetic breast, with the truth about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mammoscope.data.story import Placed, implant_of
from mammoscope.data.synth_implant import Implant
from mammoscope.data.synth_light import Mask, lesion_layers, tissue_layers, with_lesions
from mammoscope.data.synth_look import look_of
from mammoscope.data.synth_objects import ForeignObject, Ink
from mammoscope.data.synth_scene import Plan, Scene, enlarge_mask
from mammoscope.data.synth_shape import HEIGHT_MM, Point, View, stream
from mammoscope.data.synth_slices import Stack, slice_depths
from mammoscope.errors import ConfigError
from mammoscope.geometry import Box, box_of
from mammoscope.types import Laterality


@dataclass(frozen=True, eq=False)
class SeenLesion:
    """One lesion in one view.

    Attributes:
        placed: what it is and where.
        mask: (height, width) bool, what a reader would outline.
        box_px: (x1, y1, x2, y2) around it, frame of mammoscope.geometry.
        centre_px: (x, y) of its centre.
        depth_mm: of its centre from the middle of the compressed breast, away from the tube.
    """

    placed: Placed
    mask: Mask
    box_px: Box
    centre_px: tuple[float, float]
    depth_mm: float = 0.0


@dataclass(frozen=True)
class SeenObject:
    """A marker, clip or device in one view; no finding.

    Attributes:
        name: its kind, such as "nipple marker"; several clips have one entry each.
        box_px: (x1, y1, x2, y2) around what is seen of it.
        depth_mm: from the middle of the compressed breast, away from the tube.
    """

    name: str
    box_px: Box
    depth_mm: float


@dataclass(frozen=True, eq=False)
class SyntheticView:
    """One synthetic mammogram and the truth about it; all arrays (height, width).

    Attributes:
        pixels: uint16 over the full range, For Presentation, air 0.
        laterality: "L" or "R"; the chest wall is at the picture's left edge for L, right for R.
        view: "CC" or "MLO".
        spacing_mm: (row, column) spacing, mm.
        breast_mask: the breast with what is seen of the axilla and the muscle.
        pectoral_mask: the pectoral muscle; empty in CC. It may lie over or under an implant.
        findings: the lesions of this breast, as this view shows them.
        dense_fraction: part of the breast's area (muscle and implant left out) that is
            fibroglandular.
        nipple_px: (x, y) of the nipple's tip.
        thickness_mm: of the compressed breast.
        implant: the implant of this breast, None if it has none.
        implant_mask: where it is seen; empty without.
        objects: markers, clips and devices that this view shows.
        plan: what it was drawn from.
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
    thickness_mm: float
    implant: Implant | None
    implant_mask: Mask
    objects: tuple[SeenObject, ...]
    plan: Plan

    def slices(self, count: int) -> list[NDArray[np.uint16]]:
        """The slices that a tomosynthesis of this breast shows, each of the shape of `pixels`.

        They are evenly spaced through the breast, the one nearest to the tube first, and follow
        from `plan` alone. See `mammoscope.data.synth_slices` for how they are made.

        Raises:
            ConfigError: `count` is below 1.
        """
        if count < 1:
            raise ConfigError(f"slices is {count}; give 1 or more.")
        return list(_slices(self.plan, count))


def render(
    seed: int,
    laterality: Laterality,
    view: View,
    height: int,
    density: str,
    lesions: Sequence[Placed],
    look: str | None = None,
    *,
    implants: Sequence[Implant] = (),
    objects: Sequence[ForeignObject] = (),
) -> SyntheticView:
    """Draw one view of one breast with what lies in it of lesions, implants and objects.

    Raises:
        ConfigError: if the breast has no room for a lesion or an object.
    """
    plan = Plan(
        seed,
        laterality,
        view,
        height,
        density,
        tuple(placed for placed in lesions if placed.laterality == laterality),
        look or look_of(seed),
        implant_of(implants, laterality),
        tuple(thing for thing in objects if thing.laterality == laterality),
    )
    return _view(Scene(plan))


def _view(scene: Scene) -> SyntheticView:
    plan, inside = scene.plan, scene.grid.skin > 0
    light, seen = with_lesions(scene.tissue.light, scene.grid, plan.lesions, plan.implant)
    metal = scene.metal()
    opacity = np.asarray(sum(layer.light for layer in metal), np.float32) if metal else None
    noise = stream(plan.seed, "noise", plan.laterality, plan.view)
    breast, muscle, implant = (
        enlarge_mask(mask, plan.size) for mask in (inside, scene.grid.muscle, scene.implant_mask())
    )
    canonical = SyntheticView(
        pixels=scene.picture(light, opacity, noise),
        laterality=plan.laterality,
        view=plan.view,
        spacing_mm=(HEIGHT_MM / plan.height, HEIGHT_MM / plan.height),
        breast_mask=breast,
        pectoral_mask=muscle & breast,
        findings=tuple(
            _as_seen(placed, mask & inside, place, plan.size, scene.depth_mm(placed))
            for placed, mask, place in seen
        ),
        dense_fraction=scene.dense_fraction(),
        nipple_px=_scaled(scene.shape.nipple, plan.height),
        thickness_mm=scene.thickness_mm,
        implant=plan.implant,
        implant_mask=implant,
        objects=tuple(_as_object(scene, thing, ink) for thing, ink in scene.inks()),
        plan=plan,
    )
    return canonical if plan.laterality == "L" else _mirrored(canonical)


def _slices(plan: Plan, count: int) -> Iterator[NDArray[np.uint16]]:
    scene = Scene(plan)
    lesions = [(placed, scene.depth_mm(placed)) for placed in plan.lesions]
    layers = tissue_layers(scene.tissue, scene.thickness_mm)
    layers += lesion_layers(scene.tissue, lesions, plan.implant)
    depths = slice_depths(scene.thickness_mm, count)
    lights = Stack(layers, scene.thickness_mm).slices(depths)
    metal = scene.metal()
    bright = Stack(metal, scene.thickness_mm).slices(depths) if metal else [None] * count
    for number, (light, opacity) in enumerate(zip(lights, bright, strict=True)):
        noise = stream(plan.seed, "noise", plan.laterality, plan.view, "slice", str(number))
        yield scene.picture(light, opacity, noise)


def _scaled(point: Point, height: int) -> Point:
    return point[0] * height, point[1] * height


def _mirrored(view: SyntheticView) -> SyntheticView:
    """The truth left-right mirrored, as a right breast is seen; pixels are that already."""
    width = view.pixels.shape[1]
    return replace(
        view,
        breast_mask=np.ascontiguousarray(view.breast_mask[:, ::-1]),
        pectoral_mask=np.ascontiguousarray(view.pectoral_mask[:, ::-1]),
        implant_mask=np.ascontiguousarray(view.implant_mask[:, ::-1]),
        findings=tuple(_mirrored_lesion(finding) for finding in view.findings),
        objects=tuple(
            replace(thing, box_px=_mirrored_box(thing.box_px, width)) for thing in view.objects
        ),
        nipple_px=(width - view.nipple_px[0], view.nipple_px[1]),
    )


def _mirrored_lesion(seen: SeenLesion) -> SeenLesion:
    mask = np.ascontiguousarray(seen.mask[:, ::-1])
    x, y = seen.centre_px
    centre = (mask.shape[1] - x, y)
    return replace(seen, mask=mask, box_px=_box(mask), centre_px=centre)


def _mirrored_box(box: Box, width: int) -> Box:
    return width - box[2], box[1], width - box[0], box[3]


def _as_seen(
    placed: Placed, mask: Mask, centre: Point, size: tuple[int, int], depth_mm: float
) -> SeenLesion:
    whole = enlarge_mask(mask, size)
    return SeenLesion(placed, whole, _box(whole), _scaled(centre, size[1]), depth_mm)


def _as_object(scene: Scene, thing: ForeignObject, ink: Ink) -> SeenObject:
    """Around the pixels that it takes at least a third as far to white as its brightest one."""
    found = box_of(ink.cover > ink.cover.max() / 3)
    x1, y1, x2, y2 = found if found is not None else (0.0, 0.0, 0.0, 0.0)
    left, top = ink.window[1].start, ink.window[0].start
    scale = scene.plan.height / scene.grid.u.shape[0]
    box = tuple(float(n * scale) for n in (left + x1, top + y1, left + x2, top + y2))
    return SeenObject(thing.kind, (box[0], box[1], box[2], box[3]), scene.depth_mm(thing))


def _box(mask: Mask) -> Box:
    box = box_of(mask)
    if box is None:
        raise ConfigError("The lesion is smaller than a pixel of the picture; give more rows.")
    return box

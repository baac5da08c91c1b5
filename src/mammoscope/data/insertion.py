"""Put a lesion of `mammoscope.data.lesions` into a real normal mammogram, so that nothing shows it.

A lesion adds tissue in the beam, so the exposure behind it falls by a factor that its thickness
gives; film and display curves turn that into grey that approaches the image's white exponentially.
A lesion thus stands out in fat and drowns in dense tissue. It takes the place of other tissue,
whose texture fades by as much; it is as blurred as the image; what it pulls in is resampled beneath
the image's own grain.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mammoscope.anatomy import Mask
from mammoscope.data.insertion_survey import BAND_MM, F32, Spacing, Survey, survey
from mammoscope.data.lesions import Drawing, Lesion, draw
from mammoscope.data.synth_shape import stream
from mammoscope.data.synth_tissue import smoothed
from mammoscope.errors import ConfigError
from mammoscope.geometry import Box, box_of
from mammoscope.types import Pixels

__all__ = ["Inserted", "Survey", "insert", "random_place", "survey"]

Point = tuple[float, float]
Window = tuple[slice, slice]

_BREAST_MM = 50.0
"""Thickness of a compressed breast; 59 mm, SD 16, in 2,640 women (Yaffe et al., Med. Phys. 36,
2009, 5437), 44 to 48 mm in older series."""
_TAKEN = 0.6
"""Part of its thickness at which a lesion takes tissue's place; the rest pushes it aside."""
_MARGIN_MM = 2.0
"""The core of a lesion stays this far from skin, muscle and the picture's edge."""
_FATTY_CHANCE = 0.12
"""Chance of a place in the fattiest tissue against one in the densest."""
_RIM_MM = 1.0
"""Nothing changes nearer to skin, muscle and the picture's edge than this."""
_ANCHORED_MM = 9.0
"""Tissue nearer to skin and muscle than this is pulled the less the nearer it is."""
_HALO = 0.4
"""How much of the dark halo of sharpening is kept: processing holds it back."""
_FINEST_PX = 0.4
"""Least blur that a survey finds."""
_LIFTED = 1.15
"""Most by which fine detail left after resampling is lifted; what then lacks is new grain."""
_MATCHED_PX = 8.0
"""Fine detail after resampling is matched to the original's under a window this wide."""


@dataclass(frozen=True, eq=False)
class Inserted:
    """An image with a lesion, and the truth about it.

    Attributes:
        pixels: (h, w), dtype as the original.
        mask: (h, w) bool, what a reader would outline.
        box_px: box around the mask, frame of mammoscope.geometry.
        changed_px: box outside which every pixel is the original's.
        centre_px: (x, y).
        lesion: what was inserted.
        spacing_mm: (row, column) at which it was drawn.
    """

    pixels: Pixels
    mask: Mask
    box_px: Box
    changed_px: Box
    centre_px: Point
    lesion: Lesion
    spacing_mm: Spacing


def insert(
    pixels: Pixels,
    lesion: Lesion,
    centre_px: Point,
    spacing_mm: Spacing | None = None,
    seed: int = 0,
    *,
    view: str | None = None,
    facts: Survey | None = None,
) -> Inserted:
    """Insert one lesion; the same arguments give the same bytes.

    Args:
        pixels: (h, w) uint8 or uint16, black air, the more tissue the brighter; not changed.
        lesion: what to insert.
        centre_px: (x, y), the pixel in whose middle its centre will lie.
        spacing_mm: (row, column); None to estimate it from the breast's size.
        seed: of the grain only; the lesion has its own.
        view: view code: decides the projection (CC 0, ML and LM 90, else 45 degrees) and
            whether there is a pectoral muscle to keep off.
        facts: the image's `survey`, to save measuring again; it then also gives the spacing.

    Raises:
        ConfigError: there is no room for the lesion at that place, no breast, or `facts` are of
            another image.
    """
    facts = facts or survey(pixels, view, spacing_mm)
    if facts.shape != pixels.shape:
        raise ConfigError(f"facts are of a {facts.shape} image, not {pixels.shape}; survey it.")
    _refuse(facts, lesion, centre_px)
    drawing = draw(lesion, facts.spacing_mm, _angle(view))
    window, part = drawing.windows(facts.shape, centre_px)
    before = pixels[window].astype(np.float32)
    after = _blend(before, drawing, part, facts, window, stream(seed, "insertion"))
    result = pixels.copy()
    result[window] = np.clip(np.rint(after), 0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)
    mask = np.zeros(facts.shape, np.bool_)
    mask[window] = drawing.mask[part]
    box = box_of(mask)
    if box is None:
        raise ConfigError("The lesion is smaller than a pixel of the image; give a larger one.")
    rows, columns = window
    changed = (float(columns.start), float(rows.start), float(columns.stop), float(rows.stop))
    return Inserted(result, mask, box, changed, centre_px, lesion, facts.spacing_mm)


def random_place(facts: Survey, lesion: Lesion, seed: int) -> Point:
    """A centre (x, y) in source pixels where the lesion has room, more often in gland than in fat.

    Raises:
        ConfigError: the breast has no room for it.
    """
    room = _room_mm(lesion)
    chance = np.where(
        facts.clearance_mm >= room, _FATTY_CHANCE + (1 - _FATTY_CHANCE) * facts.gland, 0
    ).astype(np.float64)
    total = float(chance.sum())
    if total <= 0:
        raise ConfigError(
            f"Lesion size_mm is {lesion.size_mm:.0f}: the breast has no room for it; give a "
            "smaller lesion or a larger breast."
        )
    rng = stream(seed, "place")
    cell = int(np.searchsorted(np.cumsum(chance.ravel()), rng.random() * total, side="right"))
    row, column = divmod(min(cell, chance.size - 1), chance.shape[1])
    return (column + 0.5) / facts.scale[0], (row + 0.5) / facts.scale[1]


def _angle(view: str | None) -> float:
    if view is None or view.startswith("MLO"):
        return 45.0
    return 90.0 if view.startswith(("ML", "LM")) else 0.0


def _room_mm(lesion: Lesion) -> float:
    """Clearance that a lesion needs: bodies lie a little off their centre."""
    return 0.55 * lesion.size_mm + _MARGIN_MM


def _refuse(facts: Survey, lesion: Lesion, centre_px: Point) -> None:
    room, needed = facts.clearance_at(centre_px), _room_mm(lesion)
    if room < needed:
        x, y = centre_px
        raise ConfigError(
            f"centre_px is ({x:.0f}, {y:.0f}): {room:.0f} mm from skin, muscle or edge, and the "
            f"lesion needs {needed:.0f} mm; choose a place with random_place."
        )


def _blend(
    grey: F32,
    drawing: Drawing,
    part: Window,
    facts: Survey,
    window: Window,
    rng: np.random.Generator,
) -> F32:
    """The new grey of a window; equal to the old one where nothing is drawn."""
    clearance = _sampled(facts.clearance_mm, facts, window)
    inside = _fade(clearance, 3.5)
    blurred = cv2.GaussianBlur(drawing.thickness_mm, (0, 0), facts.blur_px)
    thickness = _as_crisp(np.asarray(blurred, np.float32), facts)[part] * inside
    shown = grey
    if drawing.warp_mm is not None:
        shown = _pulled(grey, drawing.warp_mm[part], _fade(clearance, _ANCHORED_MM), facts, rng)
    lively = np.clip(_sampled(facts.liveliness, facts, window) ** 0.4, 0.7, 1.4)
    result = _exposed(shown, thickness, np.asarray(lively, np.float32), facts, drawing.mask)
    return np.asarray(np.where(inside > 0, result, grey), np.float32)


def _as_crisp(thickness: F32, facts: Survey) -> F32:
    """Lift the lesion's detail as the image's processing has lifted that of the tissue."""
    spacing = float(np.sqrt(facts.spacing_mm[0] * facts.spacing_mm[1]))
    room = round(3 * BAND_MM[-2] / spacing)
    padded = np.pad(thickness, room)
    layers = [smoothed(padded, mm / spacing) for mm in BAND_MM[:-1]]
    lift = np.zeros_like(thickness)
    for gain, fine, coarse in zip(facts.crispness, layers, layers[1:], strict=False):
        lift += (gain - 1) * (fine - coarse)[room:-room, room:-room]
    crisp = thickness + lift * _ramp(thickness.shape, 2.0 / spacing)
    return np.asarray(np.where(crisp < 0, _HALO * crisp, crisp), np.float32)


def _ramp(shape: tuple[int, ...], width_px: float) -> F32:
    """0 at the edges of a drawing, 1 from `width_px` inside on."""
    rows, columns = (np.minimum(np.arange(n), np.arange(n)[::-1]) / width_px for n in shape)
    return np.asarray(np.minimum(np.minimum(rows[:, None], columns[None]), 1), np.float32)


def _exposed(grey: F32, thickness: F32, lively: F32, facts: Survey, mask: Mask) -> F32:
    """Grey behind more tissue: the gap to white shrinks by a factor per millimetre.

    Texture is flattened half as much, and fades where the lesion takes the tissue's place; grain
    becomes as strong as it is in tissue of the new grey. Tissue darker than fat is the thin rim
    of the breast, where display curves are flatter too.
    """
    fine, smooth = _fine(grey, facts)
    slow = smoothed(smooth, 0.2 * float(np.sqrt(mask.sum())) + 2)
    room = np.clip(facts.white - (smooth + slow) / 2, 0, facts.white - facts.fat)
    added = room * (1 - np.exp(-thickness * lively / facts.saturation_mm))
    taken = np.clip(_TAKEN * thickness / _BREAST_MM, 0, 0.6)
    bright = np.asarray(smooth + added - taken * (smooth - slow), np.float32)
    gain = np.clip((facts.noise_at(bright) / facts.noise_at(smooth)) ** 0.7, 0.7, 1.5)
    return np.asarray(bright + fine * gain, np.float32)


def _sampled(reduced: F32, facts: Survey, window: Window) -> F32:
    """A reduced map at the pixels of a window."""
    rows, columns = window
    x = (np.arange(columns.start, columns.stop) + 0.5) * facts.scale[0] - 0.5
    y = (np.arange(rows.start, rows.stop) + 0.5) * facts.scale[1] - 0.5
    xx, yy = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    shown = cv2.remap(reduced, xx, yy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(shown, np.float32)


def _fade(clearance_mm: F32, whole_mm: float) -> F32:
    """1 from `whole_mm` inside the breast on, 0 on its rim and beyond, smooth between."""
    part = np.clip((clearance_mm - _RIM_MM) / (whole_mm - _RIM_MM), 0, 1)
    return np.asarray(part * part * (3 - 2 * part), np.float32)


def _pulled(grey: F32, warp_mm: F32, inside: F32, facts: Survey, rng: np.random.Generator) -> F32:
    """The background drawn towards the lesion; grain stays, as it is the detector's.

    What resampling takes of the finest detail is given back as grain.
    """
    rows, columns = grey.shape
    xx, yy = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    moved_x = warp_mm[..., 0] / np.float32(facts.spacing_mm[1])
    moved_y = warp_mm[..., 1] / np.float32(facts.spacing_mm[0])
    held = _held(inside, xx + moved_x, yy + moved_y)
    moved_x, moved_y = moved_x * held, moved_y * held
    x, y = xx + moved_x, yy + moved_y
    stays = _noise_of(grey, facts)
    far = cv2.remap(grey - stays, x, y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101)
    shown = np.asarray(far + stays, np.float32)
    moved = np.clip(np.hypot(moved_x, moved_y) / 0.5, 0, 1)
    return np.asarray(grey + moved * (_as_fine(shown, grey, facts, rng) - grey), np.float32)


def _noise_of(grey: F32, facts: Survey) -> F32:
    """The part of the finest detail that is no stronger than grain is at that grey.

    Grain finer than a pixel, as of scanned film, passes through resampling unharmed: it is left in.
    """
    fine, smooth = _fine(grey, facts)
    coarse = min((facts.blur_px - _FINEST_PX) / 0.25, 1.0)
    most = 2 * coarse * facts.noise_at(smooth)
    return np.asarray(np.clip(fine, -most, most), np.float32)


def _as_fine(shown: F32, like: F32, facts: Survey, rng: np.random.Generator) -> F32:
    """Give resampled grey the fine detail, in strength, that the original has around there."""
    fine, smooth = _fine(shown, facts)
    wanted = smoothed(_fine(like, facts)[0] ** 2, _MATCHED_PX)
    there = smoothed(fine**2, _MATCHED_PX)
    gain = np.sqrt(np.clip(wanted / np.maximum(there, 1e-6), 0, _LIFTED**2))
    missing = np.sqrt(np.maximum(wanted - gain**2 * there, 0))
    return np.asarray(smooth + fine * gain + missing * _grain(shown.shape, facts, rng), np.float32)


def _fine(grey: F32, facts: Survey) -> tuple[F32, F32]:
    """Detail finer than a few pixels, and the rest."""
    blurred = cv2.GaussianBlur(grey, (0, 0), max(1.0, 1.5 * facts.blur_px))
    smooth = np.asarray(blurred, np.float32)
    return grey - smooth, smooth


def _held(inside: F32, x: F32, y: F32) -> F32:
    """How far a warp may go: not at all where it would fetch what is not breast."""
    fetched = cv2.remap(inside, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    outside = np.minimum(inside, fetched) ** 2
    eroded = np.asarray(cv2.erode(outside, np.ones((5, 5), np.uint8)), np.float32)
    return smoothed(eroded, 3.0) * inside


def _grain(shape: tuple[int, ...], facts: Survey, rng: np.random.Generator) -> F32:
    """Noise of the image's own fineness, standard deviation 1."""
    white = rng.standard_normal(shape, np.float32)
    soft = cv2.GaussianBlur(white, (0, 0), facts.blur_px)
    return np.asarray(soft / max(float(soft.std()), 1e-6), np.float32)

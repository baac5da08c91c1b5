"""The one door to drawing: which kind is drawn how, and on how fine a sheet."""

from __future__ import annotations

from mammoscope.data.lesions import calcifications, masses
from mammoscope.data.lesions.asymmetry import draw_asymmetry
from mammoscope.data.lesions.description import Lesion
from mammoscope.data.lesions.drawing import Drawing, Layers, Sheet, sheet
from mammoscope.data.lesions.spicules import draw_distortion
from mammoscope.errors import ConfigError

_COARSEST_MM = 3.0


def draw(
    lesion: Lesion, spacing_mm: float | tuple[float, float], angle_deg: float = 0.0
) -> Drawing:
    """Project a lesion in one view.

    Args:
        lesion: what to draw.
        spacing_mm: pixel spacing, or (row, column) spacings.
        angle_deg: of the view, see `mammoscope.data.lesions.drawing`; 0 is CC, 45 an MLO.

    Raises:
        ConfigError: the spacing is not one a mammogram can have.
    """
    spacing = spacing_mm if isinstance(spacing_mm, tuple) else (spacing_mm, spacing_mm)
    if not all(0 < s <= _COARSEST_MM for s in spacing):
        raise ConfigError(
            f"spacing_mm is {spacing_mm}; give mm per pixel above 0 and at most {_COARSEST_MM}."
        )
    paper = _sheet(lesion, spacing)
    return paper.finish(_layers(lesion, paper, angle_deg))


def _sheet(lesion: Lesion, spacing: tuple[float, float]) -> Sheet:
    size = lesion.size_mm
    if lesion.kind == "mass":
        return sheet(masses.reach_mm(lesion), spacing, max(0.03 * size, 0.15), 320)
    if lesion.kind == "calcification":
        return sheet(calcifications.reach_mm(lesion), spacing, 0.07, 700)
    if lesion.kind == "distortion":
        return sheet(1.5 * size, spacing, 0.25, 320)
    return sheet(0.75 * size, spacing, 0.03 * size, 320)


def _layers(lesion: Lesion, paper: Sheet, angle_deg: float) -> Layers:
    if lesion.kind == "mass":
        return masses.draw_mass(lesion, paper, angle_deg)
    if lesion.kind == "calcification":
        return calcifications.draw_calcifications(lesion, paper, angle_deg)
    if lesion.kind == "distortion":
        return draw_distortion(lesion, paper, angle_deg)
    return draw_asymmetry(lesion, paper, angle_deg)

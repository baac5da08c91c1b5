"""Where the nipple is: the most forward place of the outline, or a bump of it nearby.

The outline alone gives the classical answer, the point farthest from the chest wall. A nipple
in profile stands out of the outline, and the tissue under the areola is brighter than beside it
(Chandrasekhar and Attikiouzel, IEEE Trans Med Imaging 1997; Zhou et al., Med Phys 2004). The
three are weighed against each other, row by row of the outline; how sharply the best row wins
gives the error. Constants were chosen on 44 real images marked by eye; docs/positions.md has
what came of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.anatomy import pectoral_line
from mammoscope.preprocess import Prepared
from mammoscope.types import Nipple, Point

F64 = NDArray[np.float64]

SIDE_VIEWS = ("MLO", "ML", "LM")
"""Views from the side, in which upwards in the picture is upwards in the breast."""
VIEWS = ("CC", *SIDE_VIEWS)
"""Views in which the nipple is looked for."""

_BACK, _BUMP, _BRIGHT = 0.03, 0.01, 0.5
"""What outweighs what: so far back from the most forward place and so far out of the smooth
outline, in heights of the breast; so much brighter than beside it, in spreads of the tissue."""
_BUMP_UPTO = 0.02
"""A bump higher than this is a fold or an arm, and no better than this."""
_TILT = 0.5
"""Forward in a view from the side is half-way between level and at right angles to the muscle."""
_DOUBT = 0.3
"""Chances of the rows are exp(score / doubt); chosen so that the error holds nine times in ten."""
_INNER = slice(12, 95)
"""Per cent of the breast's rows in which the nipple can be."""
_LEAST_SPREAD = 10.0
"""Grey levels; a flatter picture is one without tissue to compare."""
_MUSCLE_ROWS, _MUSCLE_STEPS = 128, 24
_LEAST_ROWS, _LEAST_REACH = 48, 0.1
"""No breast is lower than this, in rows, or flatter, in its heights."""


@dataclass(frozen=True, eq=False)
class _Outline:
    """The skin, row by row, for a chest wall on the left; lengths in rows of the network's input.

    Attributes:
        top, left: of the breast in the network's input, pixels.
        stretch: columns of the network's input a row's length.
        reach: (n,) distance of the skin from the breast's left side.
        cut: (n,) whether the picture ends there before the skin.
    """

    top: int
    left: int
    stretch: float
    reach: F64
    cut: NDArray[np.bool_]

    def column(self, reach: F64) -> F64:
        """Distances from the breast's left side as columns of the network's input."""
        return self.left + reach * self.stretch


def find_nipple(prepared: Prepared, view: str | None) -> Nipple | None:
    """Find the nipple in what the network saw of a mammogram.

    Args:
        prepared: of a mammogram whose chest wall was found and is on the left.
        view: one of VIEWS, without modifiers such as spot.

    Returns:
        None in other views, and where no outline of a breast is seen.
    """
    if view not in VIEWS or prepared.chest_side is None:
        return None
    outline = _outline(prepared)
    if outline is None:
        return None
    muscle = _muscle(prepared, outline) if view in SIDE_VIEWS else None
    reach = _smooth(outline.reach, 0.006)
    scores = _scores(prepared, outline, reach, muscle)
    row = int(scores.argmax())
    tip = (float(reach[row]), row + 0.5)
    if tip[0] < _LEAST_REACH * len(reach):
        return None
    return Nipple(
        _source(prepared, outline, tip),
        _error(scores, reach, row) / abs(prepared.geometry.scale[1]),
        _source(prepared, outline, _wall(tip, muscle)),
    )


def _outline(prepared: Prepared) -> _Outline | None:
    breast = prepared.tissue > 127
    rows = np.flatnonzero(breast.any(axis=1))
    if rows.size < _LEAST_ROWS or breast.all():
        return None
    top, left = int(rows[0]), int(np.flatnonzero(breast.any(axis=0))[0])
    right = breast.shape[1] - breast[top : rows[-1] + 1, ::-1].argmax(axis=1)
    sx, sy = prepared.geometry.scale
    stretch = abs(sx / sy)
    return _Outline(top, left, stretch, (right - left) / stretch, right >= breast.shape[1])


def _muscle(prepared: Prepared, outline: _Outline) -> tuple[float, float] | None:
    """Where the muscle's border leaves the breast at the top and at the chest wall, in rows."""
    height, width = prepared.pixels.shape
    scale = _MUSCLE_ROWS / height
    size = (max(1, round(width / outline.stretch * scale)), _MUSCLE_ROWS)
    small = cv2.resize(prepared.pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    breast = cv2.resize(prepared.tissue, size, interpolation=cv2.INTER_NEAREST) > 127
    ends = pectoral_line(small, np.asarray(breast), _MUSCLE_STEPS)
    return None if ends is None else (ends[0] / scale, ends[1] / scale)


def _scores(
    prepared: Prepared, outline: _Outline, reach: F64, muscle: tuple[float, float] | None
) -> F64:
    """How much every row of the outline looks like the nipple's."""
    height = len(reach)
    forward = _forward(muscle, _TILT)
    ahead = forward[0] * reach + forward[1] * np.arange(height)
    back = (ahead.max() - ahead) / height
    slope = np.gradient(_smooth(outline.reach, 0.03))
    bump = (reach - _without_bumps(reach)) / np.hypot(1, slope) / height
    bright = _brightness(prepared, outline, reach)
    scores = -back / _BACK + np.minimum(bump, _BUMP_UPTO) / _BUMP
    scores += np.clip(bright, -1, 1) / _BRIGHT
    scores[outline.cut] -= 5
    inner = np.arange(height) * 100 // height
    scores[(inner < _INNER.start) | (inner >= _INNER.stop)] = -np.inf
    return np.asarray(scores, np.float64)


def _forward(muscle: tuple[float, float] | None, tilt: float) -> Point:
    """Unit vector (right, down) away from the chest wall, by `tilt` turned to the muscle's."""
    if muscle is None:
        return 1.0, 0.0
    angle = tilt * np.arctan2(*muscle)
    return float(np.cos(angle)), float(np.sin(angle))


def _without_bumps(reach: F64) -> F64:
    """The outline as parabolas over a fifth of the breast's height show it."""
    half = max(3, int(0.11 * len(reach)))
    return np.convolve(np.pad(reach, half, mode="edge"), _parabola(half), "valid")


@cache
def _parabola(half: int) -> F64:
    """Weights of the values around a place, `half` on each side, in their parabola's value there.

    Savitzky and Golay, Anal Chem 1964.
    """
    place = np.arange(-half, half + 1) / half
    fit = np.linalg.pinv(np.stack([np.ones_like(place), place, place**2], axis=1))
    return np.asarray(fit[0], np.float64)


def _brightness(prepared: Prepared, outline: _Outline, reach: F64) -> F64:
    """How much brighter it is just inside a row's skin than above and below, in spreads."""
    height = len(reach)
    depths = np.linspace(0.01, 0.06, 8)[:, None] * height
    columns = outline.column(reach - depths).astype(int)
    columns = np.clip(columns, 0, prepared.pixels.shape[1] - 1)
    under = prepared.pixels[outline.top + np.arange(height), columns].mean(axis=0)
    _, spread = cv2.meanStdDev(prepared.pixels, mask=prepared.tissue)
    fine = _smooth(under, 0.012)
    return (fine - _smooth(fine, 0.08)) / max(float(spread.item()), _LEAST_SPREAD)


def _smooth(values: F64, share: float) -> F64:
    """Gaussian whose standard deviation is `share` of the length; the ends are repeated."""
    sigma = share * len(values)
    size = (1, 2 * int(np.ceil(4 * sigma)) + 1)
    column = np.ascontiguousarray(values[:, None], np.float64)
    smooth = cv2.GaussianBlur(column, size, 1, sigmaY=sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smooth, np.float64).ravel()


def _error(scores: F64, reach: F64, row: int) -> float:
    """Radius around the best row that holds nine tenths of the rows' chances."""
    chances = np.exp((scores - scores[row]) / _DOUBT)
    away = np.hypot(reach - reach[row], np.arange(len(reach)) - row)
    order = np.argsort(away)
    share = np.cumsum(chances[order]) / chances.sum()
    return float(away[order][np.searchsorted(share, 0.9)])


def _wall(tip: Point, muscle: tuple[float, float] | None) -> Point:
    """Where the line back from the tip meets the muscle, or the breast's left side before it."""
    forward = _forward(muscle, 1.0)
    length = tip[0] / forward[0]
    if muscle is not None:
        # In units of the muscle's ends, its border is where the two coordinates add up to 1.
        beyond = tip[0] / muscle[0] + tip[1] / muscle[1] - 1
        if beyond > 0:
            length = min(length, beyond / (forward[0] / muscle[0] + forward[1] / muscle[1]))
    return tip[0] - length * forward[0], tip[1] - length * forward[1]


def _source(prepared: Prepared, outline: _Outline, point: Point) -> Point:
    """A point (right of the breast's left side, down from its top) in source pixels."""
    column = float(outline.column(np.array(point[0])))
    x, y = prepared.geometry.to_source((column, outline.top + point[1]))
    return float(x), float(y)

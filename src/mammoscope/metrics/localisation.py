"""Does a lesion map point at the lesion: the pointing game and the energy in the mask.

The map's highest point either falls into one of an image's targets or not (Zhang et al., IJCV
2018;126:1084-1102, without their tolerance); or the share of all of the map that lies within them
is measured. Both are set against chance. Coordinate frame: as in `mammoscope.geometry`; any one
frame will do as long as points and shapes share it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscope.errors import ConfigError
from mammoscope.metrics.proportions import Proportion, wilson

Bools = NDArray[np.bool_]


def in_boxes(points: ArrayLike, boxes: ArrayLike) -> Bools:
    """Which points lie in which boxes; the edge belongs to the box.

    Args:
        points: (..., 2) x, y.
        boxes: (m, 4) x1, y1, x2, y2; m may be 0.

    Returns:
        (..., m).
    """
    xy, corners = _points(points), _shapes(boxes, 4, "box (x1, y1, x2, y2)")
    inside = (xy >= corners[:, :2]) & (xy <= corners[:, 2:])
    return np.asarray(inside.all(axis=-1), np.bool_)


def in_circles(points: ArrayLike, circles: ArrayLike) -> Bools:
    """Which points lie in which circles; the rim belongs to the circle.

    Args:
        points: (..., 2) x, y.
        circles: (m, 3) x, y of the centre, radius; m may be 0.

    Returns:
        (..., m).
    """
    xy, rings = _points(points), _shapes(circles, 3, "circle (x, y, radius)")
    distance = np.linalg.norm(xy - rings[:, :2], axis=-1)
    return np.asarray(distance <= rings[:, 2], np.bool_)


def hits_target(point: ArrayLike, boxes: ArrayLike = (), circles: ArrayLike = ()) -> bool:
    """True if one point (x, y), a map's highest, lies in any of an image's shapes."""
    return bool(in_boxes(point, boxes).any() or in_circles(point, circles).any())


def chance_level(region: ArrayLike, boxes: ArrayLike = (), circles: ArrayLike = ()) -> float:
    """The chance that a point drawn evenly from a region hits one image's targets.

    The mean of this over images is the hit rate to be expected of a map that knows nothing but
    the region. Overlapping shapes count once; a pixel counts if its centre is inside.

    Args:
        region: (h, w) booleans, the breast (or all that the map covers), in the shapes' frame.
        boxes: (m, 4) x1, y1, x2, y2.
        circles: (m, 3) x, y, radius.

    Returns:
        Fraction of the region's pixels within the union of the shapes, in [0, 1].

    Raises:
        ConfigError: the region is empty or not two-dimensional, or a shape is malformed.
    """
    inside = np.asarray(region, np.bool_)
    if inside.ndim != 2 or not inside.any():
        raise ConfigError("The region is empty or no image; give the mask of the breast (h, w).")
    rows, columns = np.nonzero(inside)
    centres = np.stack([columns + 0.5, rows + 0.5], axis=1)
    hit = np.zeros(len(centres), np.bool_)
    # One shape at a time: a breast of a megapixel against 20 shapes would fill memory.
    for box in _shapes(boxes, 4, "box (x1, y1, x2, y2)"):
        hit |= in_boxes(centres, box[None])[:, 0]
    for circle in _shapes(circles, 3, "circle (x, y, radius)"):
        hit |= in_circles(centres, circle[None])[:, 0]
    return float(hit.mean())


def hit_rate(hits: ArrayLike, level: float = 0.95) -> Proportion:
    """Fraction of images (or lesions) hit, with Wilson interval.

    Args:
        hits: (n,) booleans, one for each image; they should come from different patients, or the
            interval is too narrow (see `mammoscope.metrics.resample`).
        level: coverage aimed at.
    """
    flags = np.asarray(hits, np.bool_)
    k, n = int(flags.sum()), int(flags.size)
    low, high = wilson(k, n, level)  # refuses n = 0 before it is divided by
    return Proportion(k / n, low, high, k, n)


def energy_in_mask(values: ArrayLike, masks: ArrayLike) -> float:
    """Share of a map's mass inside an image's lesions: the energy-based pointing game.

    Wang et al., CVPR Workshops 2020:111-119 (Score-CAM). Chance, an even map, is the share of the
    map's area that the lesions cover; a map that is 0 outside the breast starts from its share of
    the breast, which is `chance_level` of a box or circle.

    Args:
        values: (h, w) the map, any unit, not negative; a map with negative values must be cut at 0
            or shifted first, and which of both should be said.
        masks: (h, w) or (m, h, w) booleans, the lesions in the map's cells; overlap counts once.

    Returns:
        In [0, 1]; 0 where the lesions cover nothing.

    Raises:
        ConfigError: shapes differ, a value is negative or not finite, or the map is 0 everywhere.
    """
    mass, inside = np.asarray(values, np.float64), np.asarray(masks, np.bool_)
    if mass.ndim != 2 or inside.ndim not in (2, 3) or inside.shape[-2:] != mass.shape:
        raise ConfigError(
            f"The map has shape {mass.shape} and the masks {inside.shape}; "
            "give a map (h, w) and masks (h, w) or (m, h, w) of its size."
        )
    if not np.isfinite(mass).all() or (mass < 0).any():
        raise ConfigError("The map holds negative, infinite or NaN values; cut it at 0 first.")
    if mass.sum() == 0:
        raise ConfigError("The map is 0 everywhere, so no share of it is defined; leave it out.")
    covered = inside if inside.ndim == 2 else inside.any(axis=0)
    return float(mass[covered].sum() / mass.sum())


def _points(points: ArrayLike) -> NDArray[np.float64]:
    xy = np.asarray(points, np.float64)
    if xy.ndim == 0 or xy.shape[-1] != 2 or not np.isfinite(xy).all():
        raise ConfigError(f"Points have shape {xy.shape}; give finite x, y in the last axis.")
    return xy[..., None, :]


def _shapes(shapes: ArrayLike, width: int, form: str) -> NDArray[np.float64]:
    rows = np.asarray(shapes, np.float64)
    rows = rows.reshape(0, width) if rows.size == 0 else rows
    if rows.ndim != 2 or rows.shape[1] != width or not np.isfinite(rows).all():
        raise ConfigError(
            f"Shapes have shape {rows.shape}; give one {form} of numbers in each row."
        )
    return rows

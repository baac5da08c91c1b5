"""Places in a breast as a report gives them: distance and direction from the nipple.

The same distance from the nipple in CC and MLO makes two places one thing.
"""

from __future__ import annotations

import numpy as np

from mammoscope.data.synth_implant import Silhouette
from mammoscope.data.synth_shape import HEIGHT_MM, Outline, Point


def spot(
    shape: Outline, nipple_mm: float, degrees: float, room_mm: float, body: Silhouette | None = None
) -> Point | None:
    """(u, v) in picture heights, or None where there is no room at that distance.

    Args:
        shape: the view's outline.
        nipple_mm: distance from the nipple.
        degrees: direction, 0 straight to the chest wall, positive upwards in the picture; the
            nearest direction with room is taken.
        room_mm: what must be free around it, to skin, muscle and chest-wall edge; three quarters
            of that to an implant, on which tissue lies closely.
        body: the implant, if there is one.
    """
    tried = np.arange(-75, 76, 1.0)
    tried = tried[np.argsort(np.abs(tried - degrees), kind="stable")]
    angle, far = np.deg2rad(tried), nipple_mm / HEIGHT_MM
    offsets = np.stack([np.cos(angle), np.sin(angle)], axis=-1) * far
    points = np.asarray(shape.nipple) - offsets
    clear = shape.clearance(points)
    if body is not None:
        clear = np.minimum(clear, body.clearance(points) / 0.75)
    roomy = np.flatnonzero(clear > room_mm / HEIGHT_MM)
    if not len(roomy):
        return None
    u, v = points[roomy[0]]
    return float(u), float(v)

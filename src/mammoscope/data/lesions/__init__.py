"""Lesions of every kind, as seeded descriptions in millimetres that draw themselves at any spacing.

A description (`Lesion`) says in BI-RADS words what a radiologist would: kind, size, shape and
margin of a mass, morphology and distribution of calcifications, pathology. `draw` projects its
three-dimensional form in one view; two views of one description are two projections of one thing.

    >>> lesion = random_lesion(seed=4, kind="mass", pathology="malignant")
    >>> drawing = draw(lesion, spacing_mm=0.2, angle_deg=45)
    >>> drawing.thickness_mm.shape == drawing.mask.shape
    True
"""

from mammoscope.data.lesions.chance import random_lesion
from mammoscope.data.lesions.description import KINDS, Lesion
from mammoscope.data.lesions.drawing import Drawing
from mammoscope.data.lesions.kinds import draw

__all__ = ["KINDS", "Drawing", "Lesion", "draw", "random_lesion"]

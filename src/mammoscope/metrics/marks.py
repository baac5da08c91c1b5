"""What was marked in images and what is there: the two sides of every localisation figure.

Images are rows 0, 1, 2 ... of the caller's table. Places are pixels of each image, in the frame of
`mammoscope.geometry`. Lists and arrays are taken alike and kept as arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscope.errors import ConfigError

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Candidates:
    """What a reader or a program marked, one entry for each mark.

    Attributes:
        image: (c,) row of the image.
        place: (c, 4) boxes x1, y1, x2, y2, or (c, 2) points x, y. A box without area is a point
            and overlaps nothing.
        score: (c,) any unit, finite, growing with suspicion.
        kind: (c,) labels such as "mass", or None; average precision alone looks at it.

    Raises:
        ConfigError: on creation, if lengths differ, a number is not finite or a box is reversed.
    """

    image: Rows
    place: Floats
    score: Floats
    kind: NDArray[np.str_] | None = None

    def __post_init__(self) -> None:
        place = _table(self.place, (4, 2), "Candidate")
        score = np.asarray(self.score, np.float64)
        if score.shape != place.shape[:1]:
            raise ConfigError(f"{len(place)} candidates have {score.size} scores; give one each.")
        _refuse(~np.isfinite(score), "Candidate", score, "give a finite score")
        _keep(self, place=place, score=score)
        _keep(self, **_labels(self.image, self.kind, len(place), "candidates"))

    @property
    def centre(self) -> Floats:
        """(c, 2) x, y."""
        return self.place if self.place.shape[1] == 2 else _middle(self.place)


@dataclass(frozen=True, eq=False)
class Lesions:
    """The truth, one entry for each lesion in each image.

    Attributes:
        image: (m,) row of the image.
        box: (m, 4) x1, y1, x2, y2, with an area.
        circle: (m, 3) x, y of the centre and radius, NaN where a lesion has none; or None.
        mask: m boolean arrays (h, w), None where a lesion has none; or None. A mask is the whole
            image's, cut to the lesion: its first pixel is the one that the corner x1, y1 is in.
        kind: (m,) labels such as "mass" and "calcification", or None.

    Raises:
        ConfigError: on creation, if lengths differ or a box is not finite or has no area. A lesion
            whose place nobody recorded cannot be judged by place: leave it out and say so.
    """

    image: Rows
    box: Floats
    circle: Floats | None = None
    mask: Sequence[Bools | None] | None = None
    kind: NDArray[np.str_] | None = None

    def __post_init__(self) -> None:
        box = _table(self.box, (4,), "Lesion")
        _refuse((box[:, :2] == box[:, 2:]).any(axis=1), "Lesion", box, "give a box with an area")
        if self.circle is not None:
            _keep(self, circle=np.asarray(self.circle, np.float64).reshape(-1, 3))
        for shapes, name in ((self.circle, "circles"), (self.mask, "masks")):
            if shapes is not None and len(shapes) != len(box):
                raise ConfigError(f"{len(box)} lesions have {len(shapes)} {name}; give one each.")
        _keep(self, box=box)
        _keep(self, **_labels(self.image, self.kind, len(box), "lesions"))

    @property
    def centre(self) -> Floats:
        """(m, 2) x, y of the circle's centre, else of the box's."""
        middle = _middle(self.box)
        if self.circle is None:
            return middle
        return np.where(np.isnan(self.circle[:, :2]), middle, self.circle[:, :2])


def box_iou(a: ArrayLike, b: ArrayLike) -> Floats:
    """Intersection over union of boxes, row by row.

    Args:
        a: (..., 4) x1, y1, x2, y2, continuous: a width is x2 - x1, without the 1 of older code.
        b: (..., 4) likewise; both are broadcast against one another.

    Returns:
        (...) in [0, 1]; 0 where neither box has an area.
    """
    one, two = np.asarray(a, np.float64), np.asarray(b, np.float64)
    low, high = np.maximum(one, two), np.minimum(one, two)
    common = _area(np.concatenate([low[..., :2], high[..., 2:]], axis=-1))
    union = _area(one) + _area(two) - common
    return np.divide(common, union, out=np.zeros_like(union), where=union > 0)


def _area(boxes: Floats) -> Floats:
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return np.asarray(sides[..., 0] * sides[..., 1])


def _middle(boxes: Floats) -> Floats:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _table(places: ArrayLike, widths: tuple[int, ...], what: str) -> Floats:
    rows = np.asarray(places, np.float64)
    rows = rows.reshape(0, widths[0]) if rows.size == 0 else rows
    if rows.ndim != 2 or rows.shape[1] not in widths:
        raise ConfigError(
            f"{what}s' places have shape {rows.shape}; give a row of {widths[0]} numbers for each."
        )
    _refuse(~np.isfinite(rows).all(axis=1), what, rows, "leave it out or give finite numbers")
    if rows.shape[1] == 4:
        reversed_ = (rows[:, :2] > rows[:, 2:]).any(axis=1)
        _refuse(reversed_, what, rows, "give x1 <= x2 and y1 <= y2")
    return rows


def _labels(image: ArrayLike, kind: ArrayLike | None, n: int, what: str) -> dict[str, object]:
    rows = np.asarray(image)
    rows = rows.astype(np.intp) if rows.size == 0 else rows
    kinds = None if kind is None else np.asarray(kind)
    for labels in (rows, kinds):
        if labels is not None and labels.shape != (n,):
            raise ConfigError(f"{n} {what} have labels of shape {labels.shape}; give one each.")
    if not np.issubdtype(rows.dtype, np.integer) or (rows < 0).any():
        raise ConfigError(
            f"Images of {what} are {rows.dtype} from {rows.min()} up; "
            "give whole row numbers from 0 up."
        )
    return {"image": rows.astype(np.intp), "kind": kinds}


def _refuse(wrong: ArrayLike, what: str, values: Floats, remedy: str) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        row = int(rows[0])
        raise ConfigError(f"{what} {row} holds {values[row].tolist()}; {remedy}.")


def _keep(mark: object, **arrays: object) -> None:
    for name, value in arrays.items():
        object.__setattr__(mark, name, value)  # the dataclass is frozen for everybody else

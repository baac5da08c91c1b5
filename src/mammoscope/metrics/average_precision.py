"""Average precision of boxes as the COCO benchmark defines it, kind by kind.

Differences from the rest of this package, all COCO's. A second candidate on a lesion already taken
is a false positive. Candidates meet lesions of their own kind alone. A candidate takes the free
lesion it overlaps most, if the IoU of their boxes reaches the threshold. Precision is read off at
101 recalls, 0, 0.01 ... 1, each time the highest reached at that recall or beyond, and 0 beyond
the last recall reached. The area under the empirical precision-recall curve (scikit-learn's
`average_precision_score`) instead adds each threshold's own precision times its gain in recall:
that is lower wherever precision rises again, and knows no lesions that were never marked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscope.errors import ConfigError
from mammoscope.metrics.marks import Candidates, Lesions, box_iou
from mammoscope.metrics.matching import pairs

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

COCO_IOU = tuple(float(t) for t in np.linspace(0.5, 0.95, 10))
_RECALLS = np.linspace(0, 1, 101)
_MOST_PER_IMAGE = 100


@dataclass(frozen=True, eq=False)
class Ranking:
    """Candidates of one kind in falling order, matched at several IoU thresholds.

    Attributes:
        iou: (t,) the thresholds.
        image: (c,) row of each candidate's image.
        hit: (t, c) whether it takes a lesion; otherwise it is a false positive.
        lesion_image: (m,) row of each lesion's image.
    """

    iou: Floats
    image: Rows
    hit: Bools
    lesion_image: Rows


def average_precision(
    candidates: Candidates, lesions: Lesions, iou: ArrayLike = COCO_IOU
) -> dict[str, Floats]:
    """AP of each kind of lesion (Lin et al., ECCV 2014, LNCS 8693:740-755; pycocotools' COCOeval).

    Args:
        candidates: boxes, scores and kinds; without kinds all are of one, called "lesion".
        lesions: likewise. Their boxes are compared; circles and masks are not looked at.
        iou: (t,) thresholds in (0, 1]; COCO's ten from 0.5 to 0.95. One of them or their mean is
            usually reported; say which.

    Returns:
        A (t,) array in [0, 1] for each kind among the lesions: 0 where nothing was marked.

    Raises:
        ConfigError: no lesion, points instead of boxes, kinds on one side alone, a candidate kind
            that no lesion has, or a threshold outside (0, 1].
    """
    ours, theirs = _kinds(candidates, lesions)
    found = {}
    for kind in np.unique(theirs):
        ranking = _rank(candidates, ours == kind, lesions, theirs == kind, _thresholds(iou))
        found[str(kind)] = interpolated_precision(ranking)
    return found


def rank(candidates: Candidates, lesions: Lesions, iou: ArrayLike = COCO_IOU) -> Ranking:
    """Match once, all kinds taken as one; then `interpolated_precision` of each resample.

    Arguments and errors as in `average_precision`.
    """
    mine, targets = (np.ones(len(side.image), np.bool_) for side in (candidates, lesions))
    return _rank(candidates, mine, lesions, targets, _thresholds(iou))


def interpolated_precision(ranking: Ranking, image_weight: ArrayLike | None = None) -> Floats:
    """Mean precision at 101 recalls.

    Args:
        ranking: from `rank`.
        image_weight: (n_images,) how often each image was drawn in a resample; None: once.

    Returns:
        (t,) in [0, 1], one for each IoU threshold.

    Raises:
        ConfigError: no lesion, or none drawn, or weights that are too few or not numbers from 0 up.
    """
    n_images = 1 + max(ranking.image.max(initial=0), ranking.lesion_image.max(initial=0))
    weight = np.ones(n_images) if image_weight is None else np.asarray(image_weight, np.float64)
    if weight.ndim != 1 or len(weight) < n_images or not (weight >= 0).all():
        raise ConfigError(
            f"image_weight has shape {weight.shape}; give a number of at least 0 for each image, "
            f"{n_images} or more."
        )
    total = float(weight[ranking.lesion_image].sum())
    if total == 0:
        raise ConfigError(
            "There is no lesion (or none drawn), so precision at a recall is unknown."
        )
    cost = weight[ranking.image]
    return np.asarray([_area(np.cumsum(cost * hit), np.cumsum(cost), total) for hit in ranking.hit])


def _area(found: Floats, called: Floats, total: float) -> float:
    drawn = called > 0
    found, called = found[drawn], called[drawn]
    # As in COCO a recall is reached when the computed fraction is not below it.
    envelope = np.maximum.accumulate((found / called)[::-1])[::-1]
    first = np.searchsorted(found / total, _RECALLS, "left")
    return float(np.append(envelope, 0.0)[first].mean())


def _rank(
    candidates: Candidates, mine: Bools, lesions: Lesions, targets: Bools, iou: Floats
) -> Ranking:
    if candidates.place.shape[1] != 4:
        raise ConfigError("Candidates are points, which have no IoU; give boxes.")
    rows, kept = _falling(candidates, np.flatnonzero(mine)), np.flatnonzero(targets)
    image, lesion_image = candidates.image[rows], lesions.image[kept]
    mark, target = pairs(image, lesion_image)
    overlap = box_iou(candidates.place[rows][mark], lesions.box[kept][target])
    order = np.lexsort((-target, -overlap, mark))  # of equal overlaps COCO takes the last lesion
    mark, target, overlap = mark[order], target[order], overlap[order]
    hit = np.zeros((len(iou), len(rows)), np.bool_)
    for row, limit in enumerate(iou):
        near = overlap >= min(limit, 1 - 1e-10)  # COCO's rounding, for a threshold of 1
        hit[row] = _take(mark[near].tolist(), target[near].tolist(), len(rows))
    return Ranking(iou, image, hit, lesion_image)


def _falling(candidates: Candidates, rows: Rows) -> Rows:
    """The 100 highest candidates of each image, by falling score; of equals the first image's."""
    order = rows[np.lexsort((-candidates.score[rows], candidates.image[rows]))]
    image = candidates.image[order]
    order = order[np.arange(len(order)) - np.searchsorted(image, image) < _MOST_PER_IMAGE]
    return order[np.argsort(-candidates.score[order], kind="stable")]


def _take(mark: Iterable[int], target: Iterable[int], n: int) -> Bools:
    hit, taken = np.zeros(n, np.bool_), set[int]()
    for candidate, lesion in zip(mark, target, strict=True):
        if not hit[candidate] and lesion not in taken:
            hit[candidate] = True
            taken.add(lesion)
    return hit


def _kinds(candidates: Candidates, lesions: Lesions) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    ours, theirs = candidates.kind, lesions.kind
    if (ours is None) != (theirs is None):
        raise ConfigError("Kinds are given for candidates or for lesions alone; give both or none.")
    if not len(lesions.image):
        raise ConfigError("There is no lesion, so precision at a recall is unknown.")
    if ours is None or theirs is None:
        return np.full(len(candidates.image), "lesion"), np.full(len(lesions.image), "lesion")
    strange = np.setdiff1d(ours, theirs)
    if len(strange):
        raise ConfigError(
            f"Candidates of kind {str(strange[0])!r} have no lesion of that kind to find; "
            "rename or leave them out."
        )
    return ours, theirs


def _thresholds(iou: ArrayLike) -> Floats:
    limits = np.atleast_1d(np.asarray(iou, np.float64))
    if not ((limits > 0) & (limits <= 1)).all():
        raise ConfigError(f"IoU thresholds are {limits.tolist()}; give numbers in (0, 1].")
    return limits

"""CC or MLO against the picture.

The outlines tell: an MLO view reaches the upper edge with the chest muscle, a CC view is round.
How clearly depends on how a set was cut and scaled, so a small model is fitted to the set itself,
on other women than those it then judges: first to all, then again to those that the first fit
did not doubt (confident learning: Northcutt, Jiang and Chuang, JAIR 70, 2021). Of 25 views swapped
in 800 images of rsna2022 it found 20, with 6 others that have implants, folds or an odd crop.
Images with an implant are not judged: it looks like the muscle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from mammoscope.data.audit.issue import Issue
from mammoscope.data.audit.kinds import make_issue
from mammoscope.data.audit.look import Look

F32 = NDArray[np.float32]

FEWEST = 30
"""Images of each of the two views, and women, below which nothing is judged."""
_SIDE = 16
_FOLDS = 5
_MOST = 5000
_DOUBT = 0.02
_DUBIOUS = 0.3
"""Images whose stated view gets less than this from the first fit are left out of the second."""
_FIRST_RIDGE, _SECOND_RIDGE = 0.1, 0.5
"""Inverse strengths; small, so that a few wrong labels are not learned by heart."""


def view_issues(images: pd.DataFrame, looks: Sequence[Look], notes: list[str]) -> Iterator[Issue]:
    """Views that the picture contradicts; appends to `notes` where it cannot be judged."""
    for dataset, rows in _judged(images, looks):
        is_mlo = (images["view"].iloc[rows] == "MLO").to_numpy()
        women = images["patient_id"].iloc[rows].to_numpy()
        if min(is_mlo.sum(), (~is_mlo).sum(), len(set(women))) < FEWEST:
            notes.append(
                f"The views of {dataset} were not compared with the pictures: that takes "
                f"{FEWEST} CC and {FEWEST} MLO views of {FEWEST} women."
            )
            continue
        chance = chance_of_mlo(_outlines([looks[row] for row in rows]), is_mlo, women)
        doubt = np.where(is_mlo, chance, 1 - chance) < _DOUBT
        for row in rows[doubt]:
            stated = images["view"].iloc[row]
            other = "CC" if stated == "MLO" else "MLO"
            sentence = f"View is {stated}, and the outline is that of a {other} view."
            yield make_issue(
                "view_mismatch", [images["image_path"].iloc[row]], sentence, column="view"
            )


def _judged(images: pd.DataFrame, looks: Sequence[Look]) -> Iterator[tuple[str, NDArray[np.intp]]]:
    known = images["view"].isin(["CC", "MLO"]) & (images["modality"] == "mammography")
    known &= images["implant"] != "1"
    seen = np.array([look.breast_seen for look in looks], bool)
    places = np.flatnonzero(known.to_numpy() & seen)
    for dataset, rows in images.iloc[places].groupby("dataset", sort=True).indices.items():
        yield dataset, places[rows]


def _outlines(looks: Sequence[Look]) -> F32:
    """(n, 512): grey levels and breast mask at 16 x 16, the chest wall on the left."""
    result = np.empty((len(looks), 2, _SIDE, _SIDE), np.float32)
    for index, look in enumerate(looks):
        frame: F32 = look.frame.astype(np.float32) / np.float32(255)
        mask: F32 = look.mask.astype(np.float32)
        for part, grid in enumerate((frame, mask)):
            upright = grid[:, ::-1] if look.chest == "R" else grid
            result[index, part] = cv2.resize(
                np.ascontiguousarray(upright), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA
            )
    return result.reshape(len(looks), -1)


def chance_of_mlo(
    outlines: F32, is_mlo: NDArray[np.bool_], women: NDArray[np.object_]
) -> NDArray[np.float64]:
    """Out-of-fold chance (n,) that each picture is an MLO view, by a ridge logistic model."""
    everything = np.ones(len(outlines), bool)
    first = _out_of_fold(outlines, is_mlo, women, everything, _FIRST_RIDGE)
    sure = np.where(is_mlo, first, 1 - first) > _DUBIOUS
    return _out_of_fold(outlines, is_mlo, women, sure, _SECOND_RIDGE)


def _out_of_fold(
    outlines: F32,
    is_mlo: NDArray[np.bool_],
    women: NDArray[np.object_],
    learn: NDArray[np.bool_],
    ridge: float,
) -> NDArray[np.float64]:
    chance = np.full(len(outlines), 0.5)
    draw = np.random.default_rng(0)
    for train, test in GroupKFold(_FOLDS).split(outlines, is_mlo, women):
        part = draw.permutation(train[learn[train]])[:_MOST]
        if len(np.unique(is_mlo[part])) < 2:
            continue
        model = LogisticRegression(C=ridge, class_weight="balanced", max_iter=500)
        model.fit(outlines[part], is_mlo[part])
        chance[test] = model.predict_proba(outlines[test])[:, 1]
    return chance

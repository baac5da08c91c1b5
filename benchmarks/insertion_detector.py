"""How well simple texture tells two groups of patches apart: cross-validated AUC by patient.

A part of `insertion.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from insertion_patches import PATCH, Place
from mammoscope.metrics.roc import auc

F32 = NDArray[np.float32]

_BANDS = (0.7, 1.4, 2.8, 5.6, 11.2)
_FINE = 2


def features(patch: F32, grain_only: bool = False) -> list[float]:
    """Texture of a patch, its middle against its border.

    Args:
        patch: (PATCH, PATCH) grey.
        grain_only: leave out all but the two finest bands, where an artefact of insertion
            (other noise, other blur, a seam) would show and a lesion would not.
    """
    y, x = np.mgrid[:PATCH, :PATCH] - (PATCH - 1) / 2
    r = np.hypot(x, y) / (PATCH / 2)
    zones = (r < 0.35, (r >= 0.35) & (r < 0.65), (r >= 0.65) & (r < 1))
    values: list[float] = []
    smooth = patch
    for i, sigma in enumerate(_BANDS[:_FINE] if grain_only else _BANDS):
        softer = cv2.GaussianBlur(patch, (0, 0), sigma)
        band, smooth = smooth - softer, softer
        spreads = [float(band[z].std()) for z in zones]
        values += [s / max(spreads[2], 1e-3) for s in spreads[:2]] + [spreads[2]]
        if i < _FINE:
            values += [_neighbours(band, z) for z in zones[:2]]
            values += [
                float(np.mean(np.abs(band[z]) ** 4) ** 0.25) / (band[z].std() + 1e-3)
                for z in zones[:2]
            ]
    if grain_only:
        return values
    spread = float(patch[zones[2]].std()) + 1e-3
    means = [float(patch[z].mean()) for z in zones]
    values += [(means[0] - means[2]) / spread, (means[1] - means[2]) / spread, means[2], spread]
    return values + _radial(patch, x, y, zones)


def _neighbours(band: F32, zone: NDArray[np.bool_]) -> float:
    pairs = zone[:, :-1] & zone[:, 1:]
    return float(np.mean((band[:, :-1] * band[:, 1:])[pairs]) / (np.var(band[zone]) + 1e-6))


def _radial(
    patch: F32, x: NDArray[np.float64], y: NDArray[np.float64], zones: Sequence[NDArray[np.bool_]]
) -> list[float]:
    """How far the gradient points to the centre, and how far lines run to it."""
    smooth = cv2.GaussianBlur(patch, (0, 0), 1.5)
    gx, gy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    r, size = np.hypot(x, y) + 1e-6, np.hypot(gx, gy) + 1e-6
    inward = -(gx * x + gy * y) / (r * size)
    return [float(np.mean(f[z])) for z in zones for f in (inward, np.abs(inward))]


def separability(
    first: Sequence[Place], second: Sequence[Place], grain_only: bool = False
) -> float:
    """AUC of telling `second` from `first`; patients stay in one fold."""
    both = [*first, *second]
    table = np.array([features(p.patch, grain_only) for p in both])
    truth = np.array([0] * len(first) + [1] * len(second))
    patients = np.unique([p.patient for p in both], return_inverse=True)[1]
    model = HistGradientBoostingClassifier(
        max_iter=80, learning_rate=0.06, max_leaf_nodes=8, min_samples_leaf=10, random_state=0
    )
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    score = cross_val_predict(
        model, table, truth, groups=patients, cv=folds, method="predict_proba"
    )
    return float(auc(truth, score[:, 1]))

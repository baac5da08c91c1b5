"""The targets of a map: which lesions of which images, and the figures of one map against them.

A part of `map_truth.py` and `map_sanity.py`. Masks are (height, width) in source pixels; they come
from the same code that draws what a lesion map is trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.anatomy import Mask
from mammoscope.data.manifest import read_manifest
from mammoscope.errors import ConfigError
from mammoscope.metrics.localisation import energy_in_mask
from mammoscope.train.maps import marked
from mammoscope.train.run import FOLDS
from mammoscope.types import LesionMap
from pointing_game import LARGEST_BOX, cell_px, peak_px

KINDS = ("malignant", "benign")
ALL = "all lesions"


@dataclass(frozen=True, eq=False)
class Marked:
    """An image in which lesions are marked.

    Attributes:
        path: the file.
        folder: what mask_path starts from.
        patient: label of the woman.
        fold: the one that held it out.
        findings: its rows of the findings table that are targets, one at least.
    """

    path: Path
    folder: Path
    patient: str
    fold: int
    findings: pd.DataFrame

    def lesions(self, shape: tuple[int, int]) -> dict[str, Mask]:
        """What the lesions of all kinds, and of each one, cover: (height, width) by name."""
        told = self.findings["pathology"]
        some = {ALL: self.findings} | {k: self.findings[told == k] for k in KINDS if k in set(told)}
        masks = {name: marked(rows, shape, self.folder) for name, rows in some.items()}
        return {name: mask for name, mask in masks.items() if mask is not None and mask.any()}


def marked_images(
    folder: Path, folds: Mapping[tuple[str, str], int], most: int | None = None, seed: int = 0
) -> list[Marked]:
    """The images of a set that have a target, in the order of the folds.

    Args:
        folder: with the set's manifest; its name is that of the set.
        folds: as `folds_of` gives them; images that are not in it were not trained on.
        most: so many of them, drawn with `seed`; None is all.
        seed: of the draw.

    Raises:
        ConfigError: there is none.
    """
    manifest = read_manifest(folder)
    targets = manifest.findings[_is_target(manifest.findings)]
    of_image = dict(list(targets.groupby("image_path")))
    found = [
        Marked(manifest.path(path), folder, patient, folds[folder.name, path], of_image[path])
        for path, patient in manifest.images[["image_path", "patient_id"]].itertuples(index=False)
        if path in of_image and (folder.name, path) in folds
    ]
    if not found:
        raise ConfigError(
            f"{folder}: none of its images has both a marked lesion and a fold in {FOLDS}; "
            "give the data that the run was trained on."
        )
    drawn = np.random.default_rng(seed).permutation(len(found))[:most]
    return sorted((found[i] for i in sorted(drawn)), key=lambda image: image.fold)


def _is_target(findings: pd.DataFrame) -> pd.Series:
    placed = findings["x1_px"] != ""
    if "box_frac_of_breast" not in findings:
        return placed
    part = pd.to_numeric(findings["box_frac_of_breast"], errors="coerce")
    return placed & ~(part >= LARGEST_BOX)


def in_source(lesion_map: LesionMap) -> NDArray[np.float32]:
    """The map at the size of the source, each pixel with the value of its cell, 0 beyond it."""
    geometry, values = lesion_map.geometry, np.pad(lesion_map.values, 1)
    side = np.arange(max(geometry.source_shape)) + 0.5
    x, y = np.floor(geometry.to_model(np.stack([side, side], axis=1))).astype(int).T + 1
    rows = y[: geometry.source_shape[0]].clip(0, values.shape[0] - 1)
    columns = x[: geometry.source_shape[1]].clip(0, values.shape[1] - 1)
    return np.asarray(values[np.ix_(rows, columns)])


def widened(lesion: Mask, cell: tuple[float, float]) -> Mask:
    """A mask grown by half a cell (width, height) on every side."""
    size = tuple(2 * round(side / 2) + 1 for side in cell)
    grown = cv2.dilate(lesion.astype(np.uint8), np.ones(size[::-1], np.uint8))
    return np.asarray(grown > 0)


def hit(lesion_map: LesionMap, lesion: Mask) -> bool:
    """Whether the map's highest point lies in a lesion."""
    x, y = peak_px(lesion_map)
    return bool(lesion[int(y), int(x)])


def measured(lesion_map: LesionMap, lesion: Mask, breast: Mask) -> dict[str, float]:
    """The figures of one map and one target; masks (height, width) in source pixels."""
    wide = widened(lesion, cell_px(lesion_map))
    y, x = np.argwhere(breast).mean(axis=0)
    return {
        "hit": float(hit(lesion_map, lesion)),
        "chance": float(lesion[breast].mean()),
        "centroid": float(lesion[round(y), round(x)]),
        "wide_hit": float(hit(lesion_map, wide)),
        "wide_chance": float(wide[breast].mean()),
        "energy": energy_in_mask(np.where(breast, in_source(lesion_map), 0), lesion),
    }

"""Training images: read and prepared once by the product's own code, augmented every time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import v2

from mammoscope.errors import ConfigError, ReadError
from mammoscope.files import drafted
from mammoscope.io import read_mammogram
from mammoscope.preprocess import PreprocessParams, prepare
from mammoscope.train.config import Stage
from mammoscope.types import DENSITY_GRADES

UNKNOWN = -1
"""Density of an image whose density nobody recorded; its loss is masked."""


@dataclass(frozen=True)
class TrainingSet:
    """Prepared images and their truth, row by row.

    Attributes:
        pixels: (n, height, width) uint8 as the network sees them.
        rows: n rows of the manifest: image_path, patient_id, cancer, density, machine_id ...
        excluded: image_path and reason of every manifest row that is not in it.
    """

    pixels: NDArray[np.uint8]
    rows: pd.DataFrame
    excluded: pd.DataFrame

    @property
    def cancer(self) -> NDArray[np.float32]:
        """(n,) 0 or 1."""
        return np.asarray(self.rows["cancer"], np.float32)

    @property
    def density(self) -> NDArray[np.int64]:
        """(n,) 0 to 3 for A to D, or UNKNOWN."""
        grades = {grade: index for index, grade in enumerate(DENSITY_GRADES)}
        return np.asarray(self.rows["density"].map(grades).fillna(UNKNOWN), np.int64)


def load_training_set(data: Path, params: PreprocessParams, cache: Path) -> TrainingSet:
    """Read `data`/manifest.csv and every image it names; the second time from `cache`.

    Raises:
        ConfigError: the manifest is missing or lacks a column.
    """
    manifest = data / "manifest.csv"
    if not manifest.is_file():
        raise ConfigError(f"{manifest}: no such file; give the folder that holds manifest.csv.")
    rows = pd.read_csv(manifest, dtype={"patient_id": str, "machine_id": str, "site_id": str})
    missing = {"image_path", "patient_id", "cancer", "density", "machine_id"} - set(rows.columns)
    if missing:
        raise ConfigError(f"{manifest}: column {min(missing)!r} is missing; add it.")
    strange = rows.loc[~rows["cancer"].isin([0, 1]), "cancer"]
    if len(strange):
        raise ConfigError(
            f"{manifest}: column 'cancer' holds {strange.iloc[0]!r} in row {strange.index[0] + 2}; "
            "give 0 or 1 in every row."
        )
    key = hashlib.sha256(manifest.read_bytes() + repr(params).encode()).hexdigest()[:16]
    stored = cache / f"prepared-{key}.npz"
    if not stored.is_file():
        _store(stored, data, rows, params)
    with np.load(stored) as arrays:
        pixels, kept, reasons = arrays["pixels"], arrays["kept"], arrays["reasons"]
    excluded = rows.loc[~kept, ["image_path"]].assign(reason=reasons)
    return TrainingSet(pixels, rows[kept].reset_index(drop=True), excluded)


def _store(stored: Path, data: Path, rows: pd.DataFrame, params: PreprocessParams) -> None:
    pixels, kept, reasons = [], np.ones(len(rows), bool), []
    for index, name in enumerate(track(rows["image_path"], "preparing images")):
        try:
            pixels.append(prepare(read_mammogram(data / name), params).pixels)
        except ReadError as error:
            kept[index] = False
            reasons.append(error.reason)
    if not pixels:
        found = reasons[0] if reasons else "it has no rows"
        raise ConfigError(
            f"{data / 'manifest.csv'}: none of its images can be used ({found}); "
            "give the folder that image_path starts from."
        )
    stored.parent.mkdir(parents=True, exist_ok=True)
    with drafted(stored) as draft, draft.open("wb") as file:
        np.savez(file, pixels=np.stack(pixels), kept=kept, reasons=np.array(reasons, str))


def balanced_weights(rows: pd.DataFrame) -> NDArray[np.float32]:
    """Weights (n,) with which both classes weigh the same within every machine.

    Limited to [0.5, 3], so that a rare class of a rare machine does not rule a batch; a machine
    that has one class only tells nothing and weighs half. Images of which the machine is not
    known count as those of one more machine. The mean is 1.
    """
    counts = rows.groupby(["machine_id", "cancer"], dropna=False)["cancer"].transform("size")
    machine = rows.groupby("machine_id", dropna=False)["cancer"].transform("size")
    weights = np.asarray((0.5 * machine / counts).clip(0.5, 3.0), np.float32)
    return np.asarray(weights / weights.mean())


class Batch(NamedTuple):
    """pixels (n, 1, h, w) in [0, 1]; cancer (n,); density (n,) with UNKNOWN; weight (n,)."""

    pixels: Tensor
    cancer: Tensor
    density: Tensor
    weight: Tensor


class Images(Dataset[Batch]):
    """One stage's view of a TrainingSet: resized to its input size, augmented if training."""

    def __init__(
        self,
        data: TrainingSet,
        index: NDArray[np.int64],
        stage: Stage,
        *,
        augment: bool,
        balance: bool = True,
    ) -> None:
        self.data, self.index, self.stage = data, index, stage
        self.transform = augmentation() if augment else None
        self.cancer, self.density = data.cancer, data.density
        self.weight = (
            balanced_weights(data.rows) if balance else np.ones(len(data.rows), np.float32)
        )

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, item: int) -> Batch:
        row = self.index[item]
        picture = self.data.pixels[row]
        size = (self.stage.width, self.stage.height)
        if picture.shape[::-1] != size:
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        pixels = torch.from_numpy(picture)[None]
        pixels = (
            self.transform(pixels)
            if self.transform
            else v2.functional.to_dtype(pixels, torch.float32, scale=True)
        )
        return Batch(
            pixels,
            torch.tensor(self.cancer[row]),
            torch.tensor(self.density[row]),
            torch.tensor(self.weight[row]),
        )


def augmentation() -> v2.Compose:
    """What may differ between two mammograms of the same woman on two machines.

    Geometry: position, size, compression (shear), up against down. Grey levels: exposure,
    contrast, the vendor's curve (gamma). Left against right is not among them:
    every image arrives with its chest wall on the left.
    """
    return v2.Compose(
        [
            v2.RandomVerticalFlip(0.5),
            v2.RandomAffine(
                degrees=10,
                translate=(0.03, 0.03),
                scale=(0.92, 1.1),
                shear=(-4, 4, -4, 4),
                interpolation=v2.InterpolationMode.BILINEAR,
            ),
            v2.ToDtype(torch.float32, scale=True),
            v2.Lambda(_random_gamma),
            v2.ColorJitter(brightness=0.1, contrast=0.2),
        ]
    )


def _random_gamma(pixels: Tensor) -> Tensor:
    gamma = float(torch.empty(1).uniform_(-0.25, 0.25).exp())
    return pixels.clamp(0, 1) ** gamma

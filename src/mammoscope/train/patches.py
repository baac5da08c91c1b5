"""Crops around lesions, benign or malignant: a school for the network before whole images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from torchvision.transforms import v2

from mammoscope.anatomy import to_uint8
from mammoscope.errors import ConfigError
from mammoscope.io import read_image
from mammoscope.train.dataset import TrainingSet, random_gamma


def load_patches(data: Path, height: int, width: int) -> TrainingSet:
    """Read `data`/manifest.csv (image_path, patient_id, label) and every crop it names.

    Args:
        data: the folder of the manifest, from which image_path starts.
        height: of a crop as the network sees it, pixels.
        width: likewise.

    Returns:
        Crops whose "cancer" is 1 where the label is "malignant".

    Raises:
        ConfigError: the manifest is missing, lacks a column or holds another label.
        ReadError: a crop cannot be read.
    """
    manifest = data / "manifest.csv"
    if not manifest.is_file():
        raise ConfigError(f"{manifest}: no such file; give the folder that holds manifest.csv.")
    rows = pd.read_csv(manifest, dtype={"patient_id": str})
    missing = {"image_path", "patient_id", "label"} - set(rows.columns)
    if missing:
        raise ConfigError(f"{manifest}: column {min(missing)!r} is missing; add it.")
    strange = rows.loc[~rows["label"].isin(["benign", "malignant"]), "label"]
    if len(strange):
        raise ConfigError(
            f"{manifest}: column 'label' holds {strange.iloc[0]!r} in row {strange.index[0] + 2}; "
            "give benign or malignant in every row."
        )
    pixels = [
        cv2.resize(
            to_uint8(read_image(data / name).pixels), (width, height), interpolation=cv2.INTER_AREA
        )
        for name in rows["image_path"]
    ]
    rows["cancer"] = (rows["label"] == "malignant").astype(int)
    rows = rows.assign(density=None, machine_id="unknown")
    return TrainingSet(
        np.stack(pixels), rows, rows.iloc[:0], patch_augmentation(max(height, width))
    )


def patch_augmentation(side: int) -> v2.Compose:
    """Any orientation, a range of sizes, exposures and contrasts; edges are mirrored."""
    edge = side // 2
    return v2.Compose(
        [
            v2.Pad(edge, padding_mode="reflect"),
            v2.RandomHorizontalFlip(0.5),
            v2.RandomAffine(
                degrees=180,
                translate=(0.03, 0.03),
                scale=(0.75, 1.25),
                shear=(-8, 8, -8, 8),
                interpolation=v2.InterpolationMode.BILINEAR,
            ),
            v2.CenterCrop(side),
            v2.ToDtype(torch.float32, scale=True),
            v2.Lambda(random_gamma),
            v2.ColorJitter(brightness=0.15, contrast=0.25),
        ]
    )

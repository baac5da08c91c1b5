"""A small data set of pictures and a recipe that learns it in a second."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

RECIPE = """
name = "tiny"
network = "test_efficientnet"
weights = "none"
folds = 2
[task]
target = "pathology"
classes = ["normal", "benign", "malignant"]
positive = ["malignant"]
[input]
kind = "picture"
height = 64
width = 64
[head]
pooling = "average"
[optimiser]
epochs = 2
batch_size = 4
"""
CLASSES = ("normal", "benign", "malignant")


def pictures(folder: Path, groups: int = 12) -> Path:
    """Two pictures of each group, brighter with the class; every second without a density."""
    generator = np.random.default_rng(0)
    lines = ["image_path,patient_id,pathology,density,machine_id"]
    for group in range(groups):
        for side in "ab":
            grey = 40 + 60 * (group % 3)
            pixels = generator.normal(grey, 25, (64, 64)).clip(0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / f"{group}{side}.png"), pixels)
            grade = "ABCD"[group % 4] if side == "a" else ""
            lines.append(f"{group}{side}.png,{group},{CLASSES[group % 3]},{grade},1")
    (folder / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def recipe_file(folder: Path, text: str = RECIPE) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path

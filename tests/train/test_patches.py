from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("pandas")
pytest.importorskip("torchvision")

from mammoscope.errors import ConfigError  # noqa: E402
from mammoscope.train.patches import load_patches  # noqa: E402


def folder_with(tmp_path: Path, *labels: str) -> Path:
    lines = ["image_path,patient_id,label"]
    for number, label in enumerate(labels):
        picture = np.random.default_rng(number).integers(0, 256, (128, 128), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
        lines.append(f"{number}.png,{number},{label}")
    (tmp_path / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_malignant_is_cancer_and_density_is_unknown(tmp_path: Path) -> None:
    loaded = load_patches(folder_with(tmp_path, "benign", "malignant"), 96, 96)
    assert loaded.pixels.shape == (2, 96, 96)
    assert loaded.cancer.tolist() == [0, 1]
    assert loaded.density.tolist() == [-1, -1]


def test_augmented_crops_keep_their_size(tmp_path: Path) -> None:
    loaded = load_patches(folder_with(tmp_path, "benign"), 96, 96)
    crop = loaded.augment(torch.from_numpy(loaded.pixels[0])[None])
    assert crop.shape == (1, 96, 96)
    assert torch.isfinite(crop).all()


def test_another_label_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'label' holds 'normal' in row 3"):
        load_patches(folder_with(tmp_path, "benign", "normal"), 96, 96)

"""Two tiny cases, written once: what every framework is given."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

CLASSES = ("normal", "benign", "malignant")


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve smooth pictures of 112 x 112 pixels and their manifest."""
    folder = tmp_path_factory.mktemp("small_data")
    generator = np.random.default_rng(0)
    lines = ["image_path,patient_id,pathology"]
    for number in range(12):
        rough = generator.uniform(0, 255, (112, 112)).astype(np.float32)
        smooth = cv2.GaussianBlur(rough, (0, 0), 2 + 3 * (number % 3))
        scaled = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), scaled)
        lines.append(f"{number}.png,{number},{CLASSES[number % 3]}")
    (folder / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder

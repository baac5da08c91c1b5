"""What the tests of the data sources share."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest

pytest.importorskip("pandas")

from mammoscope.data.manifest import Manifest, make_manifest
from mammoscope.data.source import Tables, load_source


def tables_of(name: str, folder: Path, **options: str) -> Tables:
    return load_source(name).read(folder, options)


def manifest_of(name: str, folder: Path, **options: str) -> Manifest:
    """The source's tables, checked against the schema."""
    tables = tables_of(name, folder, **options)
    images = tables.images.assign(dataset=name)
    if "modality" not in images:
        images["modality"] = load_source(name).modality
    return make_manifest(folder, images, tables.findings)


def real(data_dir: Path, name: str) -> Path:
    """The folder of a real data set; skips where it is absent."""
    folder = data_dir / name
    if not folder.is_dir():
        pytest.skip(f"no {name} in {data_dir}")
    return folder


def picture(path: Path, width: int = 100, height: int = 80, box=(), value: int = 255) -> Path:
    """A PNG, black but for a box (x1, y1, x2, y2)."""
    pixels = np.zeros((height, width), np.uint8)
    if box:
        x1, y1, x2, y2 = box
        pixels[y1:y2, x1:x2] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(imagecodecs.png_encode(pixels))
    return path


def told(notes: tuple[str, ...], part: str) -> bool:
    return any(part in note for note in notes)

"""Synthetic against real at the finest: contrast of lesions, and tissue at full resolution.

A part of `synthetic_vs_real.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from insertion_patches import LARGEST_PART, contrast
from mammoscope.anatomy import breast_mask
from mammoscope.data.manifest import Manifest, read_manifest
from mammoscope.data.synth import synthetic_view
from mammoscope.data.synth_shape import VIEWS
from mammoscope.data.training_stream import StreamOptions, training_samples
from mammoscope.evaluate.markdown import grid
from mammoscope.geometry import Box, box_of
from mammoscope.io import read_mammogram
from mammoscope.types import Pixels

Floats = NDArray[np.float64]

ROWS = 640
FULL_ROWS = 4096
SIDE = 512
BANDS = ((0.01, 0.1), (0.1, 0.4))
"""Cycles per pixel: anatomy (0.14 to 1.4 per mm at 0.07 mm), and fine detail with noise."""
SOFT = ("mass", "asymmetry", "distortion", "")
"""Real finds that are compared with masses; where the kind is not told, most are masses."""


def deep_patch(picture: Pixels, depth: NDArray[np.float32], side: int) -> Floats | None:
    """(side, side) around the deepest place of the breast, windowed; None if it is too shallow."""
    inner, half = depth.copy(), side // 2
    inner[:half], inner[-half:], inner[:, :half], inner[:, -half:] = 0, 0, 0, 0
    row, column = np.unravel_index(int(inner.argmax()), inner.shape)
    if inner[row, column] < half:
        return None
    part = picture[row - half : row + half, column - half : column + half].astype(float)
    return np.asarray((part - part.mean()) * np.outer(np.hanning(side), np.hanning(side)))


def radial(patch: Floats) -> tuple[Floats, Floats]:
    """Frequencies in cycles per pixel and mean power at each."""
    side = len(patch)
    power = np.abs(np.fft.fft2(patch)) ** 2 + 1e-9
    ring = np.rint(np.hypot(*np.meshgrid(*[np.fft.fftfreq(side) * side] * 2))).astype(int)
    sums = np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())
    rings = np.arange(1, side // 2)
    return rings / side, sums[rings]


def exponent(frequency: Floats, power: Floats, band: tuple[float, float]) -> float:
    """Of the power law that fits the band, positive."""
    inside = (frequency >= band[0]) & (frequency <= band[1])
    slope = np.polyfit(np.log(frequency[inside]), np.log(power[inside]), 1)[0]
    return -float(slope)


def contrast_table(folders: Sequence[Path], count: int, seed: int) -> str:
    """Contrast (see `insertion_patches.contrast`) of real soft lesions and of synthetic masses."""
    rows = []
    for folder in folders:
        manifest = read_manifest(folder)
        real = _finite(_real_contrasts(manifest))
        films = manifest.images["dataset"].iloc[0] == "mini_mias"
        made = _finite(_made_contrasts(count, seed, films))
        distance = ks_2samp(real, made).statistic
        counts = f"{len(real)}, {len(made)}"
        rows.append([folder.name, counts, _spread(real), _spread(made), f"{distance:.2f}"])
    head = ["lesions", "n real, synthetic", "contrast in local SD, real", "synthetic", "KS"]
    return grid(head, rows)


def _real_contrasts(manifest: Manifest) -> Iterator[float]:
    table = manifest.findings[manifest.findings["x1_px"] != ""]
    for path, rows in table[table["kind"].isin(SOFT)].groupby("image_path"):
        grey = read_mammogram(manifest.path(str(path))).pixels.astype(np.float32)
        for row in rows.to_dict("records"):
            if float(row.get("box_frac_of_breast") or 0) < LARGEST_PART:
                yield contrast(grey, _box(row))


def _box(row: dict[str, str]) -> Box:
    return float(row["x1_px"]), float(row["y1_px"]), float(row["x2_px"]), float(row["y2_px"])


def _made_contrasts(count: int, seed: int, films: bool) -> Iterator[float]:
    options = StreamOptions(seed, ROWS, healthy=0, film=float(films), kinds=("mass",))
    for sample in training_samples(range(count), options):
        grey = sample.mammogram.pixels.astype(np.float32)
        yield from (contrast(grey, finding.box_px) for finding in sample.findings)


def _finite(values: Iterator[float]) -> Floats:
    found = np.array(list(values))
    return np.asarray(found[np.isfinite(found)])


class Fine(NamedTuple):
    """Of one picture at full resolution.

    Attributes:
        coarse, fine: exponents of the power spectrum in the two bands.
        filled: share of its own box that the breast fills; cropping does not change it.
        aspect: height over width of that box.
    """

    coarse: float
    fine: float
    filled: float
    aspect: float


def full_resolution_table(folder: Path, count: int, seed: int) -> str:
    """The images of a folder, and synthetic pictures of 4,096 rows."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    real = [seen for path in files if (seen := _fine(read_mammogram(path).pixels))]
    made = [seen for pixels in _full(count, seed) if (seen := _fine(pixels))]
    rows = [
        [name, str(len(part)), *(_spread(np.array(values)) for values in zip(*part, strict=True))]
        for name, part in ((folder.name, real), (f"synthetic, {FULL_ROWS} rows", made))
    ]
    bands = [f"exponent, {low:g} to {high:g} per pixel" for low, high in BANDS]
    return grid(["at full resolution", "n", *bands, "breast in its box", "aspect"], rows)


def _full(count: int, seed: int) -> Iterator[Pixels]:
    for number in range(count):
        view = VIEWS[number % len(VIEWS)]
        grade = "BC"[number // 2 % 2]
        yield synthetic_view(1000 * seed + number, "L", view, FULL_ROWS, grade, ()).pixels


def _fine(pixels: Pixels) -> Fine | None:
    height, width = pixels.shape
    small = breast_mask(pixels).astype(np.uint8)
    mask = cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)
    box = box_of(mask > 0)
    patch = deep_patch(pixels, cv2.distanceTransform(mask, cv2.DIST_L2, 5), SIDE)
    if patch is None or box is None:
        return None
    x1, y1, x2, y2 = box
    spectrum = radial(patch)
    coarse, fine = (exponent(*spectrum, band) for band in BANDS)
    filled = float(mask[y1:y2, x1:x2].mean())
    return Fine(coarse, fine, filled, (y2 - y1) / (x2 - x1))


def _spread(values: Floats) -> str:
    low, middle, high = np.percentile(values, (10, 50, 90))
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"

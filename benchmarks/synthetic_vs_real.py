r"""How far synthetic mammograms are from real ones, and a sheet of both side by side.

    python benchmarks/synthetic_vs_real.py DATA [--images 500] [--sheet sheet.png] [--seed 0] \
        [--samples FOLDER]

DATA holds manifests (as `mammoscope data prepare` makes them) in folders named rsna2022,
mini_mias, ddsm_tissue and cdd_cesm; FOLDER holds digital mammograms at full resolution. Each
picture is measured as the reader sees it: negatives turned over, in its own breast's outline, at
640 rows. rsna2022 is squashed to a square, so the synthetic pictures are squashed before they are
compared with it; shapes are compared with films alone. Lesions are measured where they are marked,
in units of the tissue around them, and tissue again at full resolution.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from scipy.stats import wasserstein_distance
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold, cross_val_predict

from mammoscope.anatomy import breast_mask, side_of_mask, to_uint8
from mammoscope.data.manifest import read_manifest
from mammoscope.data.synth import synthetic_view
from mammoscope.data.synth_tissue import DENSE_AREA
from mammoscope.errors import MammoscopeError
from mammoscope.evaluate.markdown import grid
from mammoscope.io import read_mammogram
from mammoscope.metrics.resample import patient_bootstrap
from mammoscope.metrics.roc import auc
from synthetic_detail import (
    contrast_table,
    deep_patch,
    exponent,
    full_resolution_table,
    radial,
)

Grey = NDArray[np.uint8]

ROWS = 640
PATCH = 128
BINS = 32
FULL = 24
"""Synthetic pictures at full resolution."""
_BAND = (0.03, 0.3)
"""Cycles per pixel at ROWS rows: above the outline's share, below the noise and the JPEG's cut."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What is measured of one picture.

    Attributes:
        group: the woman, for folds that do not part her.
        exponent: of the radial power spectrum inside the breast, positive.
        histogram: (BINS,) of grey levels in the breast, sum 1.
        spectrum: (12,) log power in octave thirds, relative to the mean.
        edge: (8,) mean grey level at growing depths under the skin, relative to the breast's.
        area: share of the picture that is breast.
        aspect: height over width of the breast's box.
        thumb: the picture at 240 rows, for the sheet.
    """

    group: str
    exponent: float
    histogram: NDArray[np.float64]
    spectrum: NDArray[np.float64]
    edge: NDArray[np.float64]
    area: float
    aspect: float
    thumb: Grey

    @property
    def features(self) -> NDArray[np.float64]:
        """All but the shape, which squashing changes."""
        return np.concatenate([[self.exponent], self.histogram, self.spectrum, self.edge])


def measure(pixels: NDArray[np.uint8 | np.uint16], group: str, squash: bool) -> Seen | None:
    """Measure one picture; None where the breast is too small to hold a patch."""
    height, width = pixels.shape
    columns = ROWS if squash else round(ROWS * width / height)
    picture = to_uint8(cv2.resize(pixels, (columns, ROWS), interpolation=cv2.INTER_AREA))
    outline = breast_mask(picture).astype(np.uint8)
    mask = cv2.resize(outline, picture.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    patch = deep_patch(picture, depth, PATCH)
    if patch is None:
        return None
    frequency, power = radial(patch)
    inside = picture[mask] / 255
    levels = (inside - np.percentile(inside, 1)) / max(
        float(np.ptp(np.percentile(inside, (1, 99)))), 0.01
    )
    histogram = np.histogram(np.clip(levels, 0, 1), BINS, (0, 1))[0] / len(inside)
    rows, cols = np.nonzero(mask)
    upright = picture[:, ::-1] if side_of_mask(mask) == "R" else picture
    return Seen(
        group,
        exponent(frequency, power, _BAND),
        histogram,
        _octaves(frequency, power),
        _under_skin(picture, depth),
        float(mask.mean()),
        float(np.ptp(rows) / max(np.ptp(cols), 1)),
        cv2.resize(
            np.ascontiguousarray(upright),
            (round(240 * columns / ROWS), 240),
            interpolation=cv2.INTER_AREA,
        ),
    )


def _octaves(frequency: NDArray[np.float64], power: NDArray[np.float64]) -> NDArray[np.float64]:
    edges = np.geomspace(frequency[0], frequency[-1] * 1.001, 13)
    place = np.clip(np.searchsorted(edges, frequency, side="right") - 1, 0, 11)
    known = np.bincount(place, minlength=12) > 0
    level = np.bincount(place, np.log(power), 12)[known] / np.bincount(place, minlength=12)[known]
    full = np.interp(np.arange(12), np.flatnonzero(known), level)
    return np.asarray(full - full.mean())


def _under_skin(picture: Grey, depth: NDArray[np.float32]) -> NDArray[np.float64]:
    middle = max(float(picture[depth > 0].mean()), 1.0)
    steps = [0, 2, 4, 8, 16, 32, 64, 128, 1e9]
    levels = [picture[(depth > low) & (depth <= high)] for low, high in pairwise(steps)]
    return np.array([part.mean() / middle if part.size else 1.0 for part in levels])


def real(folder: Path, count: int, seed: int, squash: bool) -> list[Seen]:
    """Measure that many pictures of a manifest, drawn at random, those without cancer first."""
    manifest = read_manifest(folder)
    images = manifest.images[manifest.images["cancer"] != "1"]
    images = images.sample(min(count, len(images)), random_state=seed)
    return [
        seen
        for row in _shown(images.itertuples(), len(images), folder.name)
        if (seen := _of_file(manifest.path(row.image_path), row.patient_id, squash))
    ]


def _of_file(path: Path, patient: str, squash: bool) -> Seen | None:
    try:
        return measure(read_mammogram(path).pixels, patient, squash)
    except MammoscopeError:
        return None


def synthetic(count: int, seed: int, squash: bool, films: bool = False) -> list[Seen]:
    """As many synthetic pictures: all sides, views (MLO alone for films) and densities."""
    found = []
    for number in _shown(range(count), count, "synthetic"):
        density = "ABCD"[
            int(np.random.default_rng([seed, number]).choice(4, p=(0.1, 0.4, 0.4, 0.1)))
        ]
        view = "MLO" if films or number % 2 else "CC"
        side = "L" if number // 2 % 2 else "R"
        look = "film" if films else None
        picture = synthetic_view(1000 * seed + number, side, view, ROWS, density, (), look)
        seen = measure(picture.pixels, f"synthetic {number}", squash)
        found += [seen] if seen else []
    return found


def _shown(items: Iterable[Any], total: int, name: str) -> Iterable[Any]:
    return track(items, name, total=total, console=Console(stderr=True))


def compared(name: str, others: list[Seen], made: list[Seen], seed: int) -> list[str]:
    """One row of the table."""
    exponents = [np.array([seen.exponent for seen in part]) for part in (others, made)]
    means = [np.mean([seen.histogram for seen in part], axis=0) for part in (others, made)]
    levels = np.arange(BINS) / BINS
    distance = wasserstein_distance(levels, levels, means[0], means[1])
    shapes = [
        [f"{np.median([getattr(seen, what) for seen in part]):.2f}" for part in (others, made)]
        for what in ("area", "aspect")
    ]
    return [
        name,
        f"{len(others)}, {len(made)}",
        *(_spread(part) for part in exponents),
        f"{distance:.3f}",
        *(f"{one} / {two}" for one, two in shapes),
        told_apart(others, made, seed),
    ]


def _spread(values: NDArray[np.float64]) -> str:
    low, middle, high = np.percentile(values, (10, 50, 90))
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def told_apart(others: list[Seen], made: list[Seen], seed: int) -> str:
    """Cross-validated AUC of real against synthetic, with its interval by woman."""
    features = np.stack([seen.features for seen in [*others, *made]])
    truth = np.array([0] * len(others) + [1] * len(made), bool)
    women = np.array([seen.group for seen in [*others, *made]])
    trees = HistGradientBoostingClassifier(max_depth=3, max_iter=100, random_state=seed)
    score = cross_val_predict(
        trees, features, truth, groups=women, cv=GroupKFold(5), method="predict_proba"
    )[:, 1]
    interval = patient_bootstrap(lambda index: auc(truth[index], score[index]), women, 500)
    return f"**{auc(truth, score):.3f}** ({interval.low:.3f} to {interval.high:.3f})"


def density_table(folder: Path, count: int) -> str:
    """Share of dense tissue: wanted and drawn for each grade, and that of real films."""
    rows = []
    for grade, wanted in DENSE_AREA.items():
        views = [synthetic_view(9000 + n, "R", "MLO", 256, grade) for n in range(count)]
        part = [view.dense_fraction for view in views]
        rows.append([grade, f"{wanted:.2f}", f"{np.mean(part):.2f} (SD {np.std(part):.2f})"])
    films = read_manifest(folder).images
    if "percent_density" in films:
        known = films["percent_density"].astype(float) / 100
        told = ", ".join(f"{value:.2f}" for value in np.percentile(known, (10, 50, 90)))
        rows.append(["ddsm_tissue, all grades", "", f"10th, 50th, 90th percentile {told}"])
    return grid(["grade", "wanted", "drawn"], rows)


def sheet(real_ones: list[Seen], made: list[Seen]) -> Grey:
    """Rows of real pictures above rows of synthetic ones."""
    rows = []
    for part in (real_ones[:8], real_ones[8:16], made[:8], made[8:16]):
        cells = [
            cv2.copyMakeBorder(
                cv2.resize(seen.thumb, (240, 240)), 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=90
            )
            for seen in part
        ]
        rows.append(np.hstack(cells))
    return np.vstack(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--samples", type=Path, help="folder of full-resolution mammograms")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    digital = real(options.data / "rsna2022", options.images, options.seed, squash=True)
    squashed = synthetic(options.images, options.seed, squash=True)
    film = real(options.data / "mini_mias", options.images, options.seed, squash=False)
    upright = synthetic(len(film), options.seed + 1, squash=False, films=True)
    head = [
        "real",
        "n real, synthetic",
        "exponent, real",
        "exponent, synthetic",
        "grey-level distance",
        "area, real / synthetic",
        "aspect, real / synthetic",
        "told apart, AUC",
    ]
    print(
        grid(
            head,
            [
                compared("rsna2022, squashed", digital, squashed, options.seed),
                compared("mini_mias (film, MLO)", film, upright, options.seed),
            ],
        )
    )
    print()
    print(density_table(options.data / "ddsm_tissue", 20))
    print()
    folders = [options.data / name for name in ("mini_mias", "cdd_cesm")]
    print(contrast_table(folders, options.images // 2, options.seed))
    if options.samples:
        print()
        print(full_resolution_table(options.samples, FULL, options.seed))
    if options.sheet:
        cv2.imwrite(str(options.sheet), sheet(digital, squashed))


if __name__ == "__main__":
    main()

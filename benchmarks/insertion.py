"""Inserted lesions against real ones: a sheet to look at, distributions, and a detector.

    python benchmarks/insertion.py FOLDER... --sheet sheet.png

Every FOLDER holds a manifest (`mammoscope data prepare`); of use are mini_mias, cdd_cesm,
rsna2022 and cbis_patches. Printed, per data set:

- contrast (see `insertion_patches.contrast`) and size of masses, real and inserted: quartiles and
  the Kolmogorov-Smirnov distance, 0 for equal distributions;
- AUC by patient of texture features and gradient boosting: lesion-free against inserted, per
  kind, with all features and with those of the grain alone (an artefact would show there);
  lesion-free against real, for reference, since real lesions show too; real against inserted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from insertion_detector import separability
from insertion_patches import LOOK, Place, contrast, crops, places
from mammoscope.data.lesions import KINDS
from mammoscope.data.manifest import read_manifest

_LEAST = 25
_SOFT_KINDS = ("mass", "asymmetry", "distortion", "")
"""Real finds that are compared with masses; where the kind is not told, most are masses."""


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--sheet", type=Path, help="PNG of inserted and real lesions")
    parser.add_argument("--limit", type=int, default=80, help="images of each sort and set")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    start, found = time.perf_counter(), list[Place]()
    for folder in options.folders:
        manifest = read_manifest(folder)
        crop_set = manifest.images["dataset"].iloc[0] == "cbis_patches"
        found += (crops if crop_set else places)(manifest, options.limit, options.seed)
    for name in dict.fromkeys(p.dataset for p in found):
        report(name, [p for p in found if p.dataset == name], found)
    if options.sheet:
        cv2.imwrite(str(options.sheet), sheet(found))
    print(f"{len(found)} places, {time.perf_counter() - start:.0f} s")


def report(name: str, own: list[Place], found: list[Place]) -> None:
    count = {what: sum(p.what == what for p in own) for what in ("real", "inserted", "free")}
    print(f"\n{name}: places {count}")
    real = [p for p in own if p.what == "real" and p.kind in _SOFT_KINDS]
    # crops of films are compared with what is inserted into films
    like = found if name == "cbis_patches" else own
    dataset = "mini_mias" if name == "cbis_patches" else name
    masses = [p for p in like if (p.dataset, p.what, p.kind) == (dataset, "inserted", "mass")]
    if name == "cbis_patches":
        _compare("contrast of crops", [_middle(p) for p in real], [_middle(p) for p in masses])
        return
    _compare("contrast", [p.contrast for p in real], [p.contrast for p in masses])
    _compare("size mm", [p.size_mm for p in real], [p.size_mm for p in masses])
    for kind in KINDS:
        free, there = (
            [p for p in own if p.what == w and p.kind == kind] for w in ("free", "inserted")
        )
        _auc(f"free against inserted {kind}", free, there)
    hosts = [p for p in own if p.host == "marked" and p.kind == "mass"]
    _auc("free against real, same images", [p for p in hosts if p.what == "free"], real)
    inserted = [p for p in hosts if p.what == "inserted"]
    _auc("real against inserted mass, same images", real, inserted)


def _middle(place: Place) -> float:
    """Contrast of the middle of the picture around a lesion, where no outline is known."""
    quarter = LOOK / 4
    box = (quarter, quarter, 3 * quarter, 3 * quarter)
    return contrast(place.look.astype(np.float32), box)


def _compare(what: str, real: list[float], made: list[float]) -> None:
    a, b = (np.array(v)[np.isfinite(v)] for v in (real, made))
    if min(len(a), len(b)) < _LEAST:
        return
    quartiles = [np.percentile(v, (10, 25, 50, 75, 90)).round(2).tolist() for v in (a, b)]
    distance = ks_2samp(a, b).statistic
    print(f"  {what}: real {quartiles[0]}, inserted {quartiles[1]} (10 to 90 %), KS {distance:.2f}")


def _auc(what: str, first: list[Place], second: list[Place]) -> None:
    if min(len(first), len(second)) < _LEAST:
        return
    both, grain = (separability(first, second, grain_only=g) for g in (False, True))
    print(f"  AUC {what}: {both:.2f}, grain alone {grain:.2f} ({len(first)} and {len(second)})")


def sheet(found: list[Place]) -> NDArray[np.uint8]:
    """Rows of lesions, a row of real ones above a row of inserted ones, set by set."""
    rows = []
    for name in dict.fromkeys(p.dataset for p in found):
        own = [p for p in found if p.dataset == name]
        for what, kinds in [("real", _SOFT_KINDS), *(("inserted", (k,)) for k in KINDS)]:
            chosen = [p for p in own if p.what == what and p.kind in kinds]
            rows += _rows(chosen, 2 if what == "real" or "mass" in kinds else 1)
        rows += _rows([p for p in own if p.what == "real" and p.kind == "calcification"], 1)
    return np.vstack(rows)


def _rows(chosen: list[Place], count: int, wide: int = 10) -> list[NDArray[np.uint8]]:
    tiles = [_tile(p) for p in chosen[: count * wide]]
    empty = np.zeros((LOOK + 2, LOOK + 2), np.uint8)
    tiles += [empty] * (-len(tiles) % wide)
    return [np.hstack(tiles[i : i + wide]) for i in range(0, len(tiles), wide)]


def _tile(place: Place) -> NDArray[np.uint8]:
    tile = place.look.copy()
    text = f"{place.what[:4]} {place.kind[:8]} {place.size_mm:.0f} {place.contrast:.1f}"
    cv2.putText(tile, text, (2, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.36, 255, 1, cv2.LINE_AA)
    return np.pad(tile, 1)


if __name__ == "__main__":
    main()

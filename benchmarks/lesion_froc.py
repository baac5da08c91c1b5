"""FROC of lesion maps on real lesions: how many are marked, at how many false marks an image.

    python benchmarks/lesion_froc.py MANIFEST_FOLDER... --weights weights/ --out froc/
    python benchmarks/lesion_froc.py MANIFEST_FOLDER... --run runs/reader --out froc/

With --run every image is judged by the network of the fold that held its patient out:
RUN/folds.csv, and RUN/0/weights to RUN/4/weights, as `mammoscope.train.committee` writes them.

Each MANIFEST_FOLDER (as `mammoscope data prepare` makes them, such as mini_mias and cdd_cesm) has
marked findings. The candidates of an image are the local maxima of its lesion map, at most 10,
written to DIR/SET-NETWORK.csv; the weights that ship are always judged too. A candidate hits a
lesion if it lies in its circle or box; chance is as many points drawn evenly from each breast,
with random scores. Images with a finding whose place is unknown are left out. Boxes that mark a
large part of the breast are no target, and candidates in them count for nothing. Intervals are
95 %, by patient bootstrap.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from fold_networks import Networks, of_run, of_weights
from mammoscope.anatomy import breast_mask
from mammoscope.data.manifest import Manifest, read_manifest
from mammoscope.evaluate.markdown import grid
from mammoscope.files import write_atomic
from mammoscope.io import read_mammogram
from mammoscope.metrics.froc import FPPI, sensitivity_at
from mammoscope.metrics.hit_rule import HitRule
from mammoscope.metrics.localisation import in_boxes
from mammoscope.metrics.marks import Candidates, Lesions
from mammoscope.metrics.matching import Matches, match
from mammoscope.metrics.resample import patient_resamples
from mammoscope.types import LesionMap
from pointing_game import LARGEST_BOX

MOST = 10
CHANCES = 20
RESAMPLES = 1000


class Mark(NamedTuple):
    """A candidate: the row of its image, source pixels, and its score."""

    image: int
    x: float
    y: float
    score: float


@dataclass(frozen=True, eq=False)
class Truth:
    """What is marked in the images of a set.

    Attributes:
        name: of the set.
        paths: (n,) of the images, as the manifest has them.
        patients: (n,).
        lesions: with their pathology as kind.
        regions: boxes that are no targets, (m, 4), by row of the image.
    """

    name: str
    paths: list[str]
    patients: NDArray[np.str_]
    lesions: Lesions
    regions: dict[int, NDArray[np.float64]]


def read_truth(manifest: Manifest) -> Truth:
    """The images of which all findings have a place."""
    found = manifest.findings
    placeless = set(found[found["x1_px"] == ""]["image_path"])
    told = manifest.images["finding"].eq("1")
    placeless |= set(manifest.images[told]["image_path"]) - set(found["image_path"])
    images = manifest.images[~manifest.images["image_path"].isin(placeless)]
    row_of = {path: row for row, path in enumerate(images["image_path"])}
    rows = [row for row in found.to_dict("records") if row["image_path"] in row_of]
    targets = [row for row in rows if not _region(row)]
    regions: dict[int, list[list[float]]] = {}
    for row in rows:
        if _region(row):
            regions.setdefault(row_of[row["image_path"]], []).append(_box(row))
    return Truth(
        str(images["dataset"].iloc[0]),
        list(row_of),
        images["patient_id"].to_numpy(np.str_),
        Lesions(
            np.array([row_of[row["image_path"]] for row in targets]),
            np.array([_box(row) for row in targets]),
            np.array([_circle(row) for row in targets]),
            kind=np.array([row["pathology"] for row in targets]),
        ),
        {row: np.array(boxes) for row, boxes in regions.items()},
    )


def _region(row: dict[str, str]) -> bool:
    return float(row.get("box_frac_of_breast") or 0) >= LARGEST_BOX


def _box(row: dict[str, str]) -> list[float]:
    return [float(row[name]) for name in ("x1_px", "y1_px", "x2_px", "y2_px")]


def _circle(row: dict[str, str]) -> list[float]:
    """Of films, whose circles the publisher gives; elsewhere boxes are meant by all outlines."""
    if row["outline"] != "circle" or row.get("box_frac_of_breast"):
        return [np.nan] * 3
    x1, y1, x2, y2 = _box(row)
    return [(x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / 2]


def candidates(lesion_map: LesionMap, image: int, most: int = MOST) -> list[Mark]:
    """The local maxima of a map, highest first; of neighbours as high as each other one."""
    values = lesion_map.values
    top = (values == cv2.dilate(values, np.ones((3, 3), np.uint8))) & (values > 0)
    cells = sorted(np.argwhere(top).tolist(), key=lambda cell: -values[*cell])
    kept: list[list[int]] = []
    for cell in cells:
        if all(max(abs(cell[0] - r), abs(cell[1] - c)) > 1 for r, c in kept):
            kept.append(cell)
    points = [lesion_map.geometry.to_source((c + 0.5, r + 0.5)) for r, c in kept[:most]]
    scores = [float(values[r, c]) for r, c in kept[:most]]
    return [
        Mark(image, float(x), float(y), score) for (x, y), score in zip(points, scores, strict=True)
    ]


def marks_of(networks: Networks, manifest: Manifest, truth: Truth) -> dict[str, list[Mark]]:
    """Candidates of the map of malignant places, and of that of findings where there is one."""
    found: dict[str, list[Mark]] = {}
    told = f"{truth.name}, {networks.name}"
    for row, path in enumerate(track(truth.paths, told, console=Console(stderr=True))):
        predictor = networks.of(truth.name, path)
        report = predictor.judge([read_mammogram(manifest.path(path))])[0]
        maps = {"": report.lesion_map, ", findings": report.finding_map}
        for kind, one in maps.items():
            if one is not None:
                found.setdefault(f"{networks.name}{kind}", []).extend(candidates(one, row))
    return found


def chance_marks(manifest: Manifest, truth: Truth, seed: int) -> list[list[Mark]]:
    """Points drawn evenly from each breast, with random scores, several times over."""
    rng = np.random.default_rng(seed)
    found: list[list[Mark]] = [[] for _ in range(CHANCES)]
    for row, path in enumerate(truth.paths):
        pixels = read_mammogram(manifest.path(path)).pixels
        mask = breast_mask(pixels)
        cells = np.argwhere(mask if mask.any() else ~mask)
        scale = np.array(pixels.shape) / mask.shape
        for marks in found:
            drawn = cells[rng.integers(len(cells), size=MOST)] + rng.random((MOST, 2))
            points = (drawn * scale)[:, ::-1].tolist()
            marks += [Mark(row, x, y, float(rng.random())) for x, y in points]
    return found


def matched(truth: Truth, marks: Sequence[Mark]) -> Matches:
    """Marks in regions that are no targets, and in no target, are taken away first."""
    kept = [mark for mark in marks if not _nothing(truth, mark)]
    return match(
        Candidates(
            np.array([mark.image for mark in kept], np.intp),
            np.array([(mark.x, mark.y) for mark in kept]).reshape(-1, 2),
            np.array([mark.score for mark in kept]),
        ),
        truth.lesions,
        len(truth.paths),
        HitRule(),
    )


def _nothing(truth: Truth, mark: Mark) -> bool:
    regions = truth.regions.get(mark.image)
    if regions is None or not in_boxes((mark.x, mark.y), regions).any():
        return False
    own = truth.lesions.box[truth.lesions.image == mark.image]
    return not in_boxes((mark.x, mark.y), own).any()


def rows_of(
    truth: Truth, name: str, networks: dict[str, Matches], chance: list[Matches], seed: int
) -> list[list[str]]:
    """A row of the table for every network, and one for chance."""
    rows = []
    for network, matches in networks.items():
        middle = sensitivity_at(matches)
        low, high = _interval(truth, matches, seed)
        counts = f"{len(matches.lesion_image)} in {matches.n_images}"
        # Resampling all misses gives them again: an interval of no width is none.
        cells = [
            f"**{m:.2f}**" + (f" ({a:.2f} to {b:.2f})" if m else "")
            for m, a, b in zip(middle, low, high, strict=True)
        ]
        marks = len(matches.image) / matches.n_images
        rows.append([name, counts, network, f"{marks:.1f}", *cells])
    usual = np.mean([sensitivity_at(matches) for matches in chance], axis=0)
    marks = len(chance[0].image) / chance[0].n_images
    rows.append([name, "", "chance", f"{marks:.1f}", *(f"{value:.2f}" for value in usual)])
    return rows


def _interval(truth: Truth, matches: Matches, seed: int) -> NDArray[np.float64]:
    """(2, rates) ends; resamples in which no lesion was drawn are left out."""
    size = len(truth.paths)
    drawn = patient_resamples(truth.patients, RESAMPLES, seed)
    weights = [np.bincount(rows, minlength=size) for rows in drawn]
    values = [
        sensitivity_at(matches, image_weight=weight)
        for weight in weights
        if weight[matches.lesion_image].any()
    ]
    return np.asarray(np.quantile(values, (0.025, 0.975), axis=0))


def report(
    tests: Sequence[Path],
    weights: Sequence[str | Path | None],
    out: Path,
    seed: int = 0,
    runs: Sequence[Path] = (),
) -> str:
    """Judge the sets with every network, write the candidates to `out`, return the table."""
    judges = [*map(of_run, runs), *map(of_weights, weights)]
    rows = []
    for folder in tests:
        manifest = read_manifest(folder)
        truth = read_truth(manifest)
        networks = {}
        for judge in judges:
            for name, marks in marks_of(judge, manifest, truth).items():
                write_marks(out / f"{truth.name}-{name.replace(', ', '-')}.csv", truth, marks)
                networks[name] = matched(truth, marks)
        chance = [matched(truth, marks) for marks in chance_marks(manifest, truth, seed)]
        rows += rows_of(truth, f"{truth.name}, all", networks, chance, seed)
        for kind in sorted({"benign", "malignant"} & set(np.asarray(truth.lesions.kind).tolist())):
            rows += _rows_of_kind(truth, kind, networks, chance, seed)
    return grid(["targets", "lesions in images", "network", "marks", *_heads()], rows)


def _rows_of_kind(
    truth: Truth, kind: str, networks: dict[str, Matches], chance: list[Matches], seed: int
) -> list[list[str]]:
    """As `rows_of`; lesions of the other kind count neither as hit nor as false positive."""
    chosen: Any = truth.lesions.kind == kind
    only = {network: matches.only(chosen) for network, matches in networks.items()}
    name = f"{truth.name}, {kind}"
    return rows_of(truth, name, only, [matches.only(chosen) for matches in chance], seed)


def _heads() -> list[str]:
    return [f"at {rate:g}" for rate in FPPI]


def write_marks(path: Path, truth: Truth, marks: Sequence[Mark]) -> None:
    """image_path, x, y (source pixels), score."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["image_path", "x", "y", "score"])
    for mark in marks:
        table.writerow(
            [truth.paths[mark.image], f"{mark.x:.2f}", f"{mark.y:.2f}", repr(mark.score)]
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, text.getvalue().encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tests", nargs="+", type=Path, metavar="MANIFEST_FOLDER")
    parser.add_argument("--weights", nargs="*", default=[], help="names or folders")
    parser.add_argument("--run", nargs="*", type=Path, default=[], help="folders of finished runs")
    parser.add_argument("--out", type=Path, required=True, help="folder for the candidates")
    parser.add_argument("--seed", type=int, default=0, help="of chance and of the intervals")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    weights = [*options.weights, None]
    text = report(options.tests, weights, options.out, options.seed, options.run)
    write_atomic(options.out / "froc.md", f"{text}\n".encode())
    print(text)


if __name__ == "__main__":
    main()

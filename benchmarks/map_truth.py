"""The lesion maps against truth: do they point at lesions, and how much of them lies in lesions.

    python benchmarks/map_truth.py RUN --data DATA --out map_truth.md
        [--sets mini_mias inserted cdd_cesm] [--most N]

RUN is a finished run of several sources, with the weights of every fold in RUN/FOLD/weights
(`python -m mammoscope.train.export ... --part FOLD --out RUN/FOLD/weights`); each image is judged
by the network of the fold that held its woman out (RUN/folds.csv). DATA holds the sets that were
trained on. The pointing game asks whether the centre of a map's highest cell lies in a lesion; the
energy is the share of the map's mass within the breast that lies in lesions. All figures by image
go to a .csv beside OUT. Intervals are 95 %, by patient bootstrap.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from fold_networks import fold_networks, folds_of
from mammoscope.anatomy import breast_mask
from mammoscope.errors import ReadError
from mammoscope.evaluate.estimates import FEWEST_WOMEN
from mammoscope.evaluate.markdown import grid
from mammoscope.files import write_atomic
from mammoscope.infer import Predictor
from mammoscope.io import read_mammogram
from mammoscope.metrics.resample import patient_resamples
from mammoscope.types import ImageReport, LesionMap
from map_targets import Marked, marked_images, measured
from pointing_game import LARGEST_BOX
from segmentation import enlarged

SETS = ("mini_mias", "inserted", "cdd_cesm")
RESAMPLES = 2000

NOTES = (
    "Chance is a map that is even over the breast. Lesions lie more often in the middle of the "
    "breast, so a map must also beat 'centroid', a reader that always points at the breast's.",
    "'Widened' lesions have grown by half a map cell on every side, and so has their chance: the "
    "centre of the right cell can lie outside of a small lesion.",
    "A hit says that one lesion of the image was pointed at, not that all of them were. For one "
    "kind of lesion only those of that kind count: pointing at another is a miss.",
    "The energy counts the probabilities as the program gives them. Those of the malignant map are "
    "calibrated to the share of cancers and stay well above 0 where nothing is; those of the "
    "finding map are not: compare each with chance, not one with the other.",
    f"Lesions without a place, and boxes over {LARGEST_BOX} of the breast or more (cdd_cesm), are "
    "no targets; images without any target are left out.",
    "Of cdd_cesm all images are of women with cancer, and no shape says of what kind it is.",
    "The lesions of inserted are drawn, in real normal images: a figure on them says how well the "
    "network finds what it was taught to find, in women that it has not seen.",
)


def maps_of(report: ImageReport) -> dict[str, LesionMap]:
    """The maps that a network gives, by name."""
    maps = {"malignant": report.lesion_map, "finding": report.finding_map}
    return {name: one for name, one in maps.items() if one is not None}


def judged(predictor: Predictor, image: Marked) -> list[dict[str, object]]:
    """A row for each map and kind of target; ReadError where the image is refused."""
    mammogram = read_mammogram(image.path)
    report = predictor.judge([mammogram])[0]
    breast = enlarged(breast_mask(mammogram.pixels), mammogram.shape)
    if report.refused is not None or not breast.any():
        reason = report.refused or "no breast was outlined in it"
        raise ReadError(image.path, reason, "look at the image")
    told: dict[str, object] = {"image": image.path.name, "patient": image.patient}
    told |= {"fold": image.fold}
    return [
        told | {"target": kind, "map": name} | measured(one, lesion, breast)
        for kind, lesion in image.lesions(mammogram.shape).items()
        for name, one in maps_of(report).items()
    ]


def judged_set(
    run: Path, name: str, images: Sequence[Marked]
) -> tuple[list[dict[str, object]], list[str]]:
    """The rows of a set, and why images were left out."""
    predictor = fold_networks(run)
    rows: list[dict[str, object]] = []
    refused = []
    for image in track(images, name, console=Console(stderr=True)):
        try:
            rows += [{"set": name} | row for row in judged(predictor(image.fold), image)]
        except ReadError as error:
            refused.append(f"{name}/{image.path.name}: {error.reason}")
    return rows, refused


class Figures:
    """Means over images, with intervals that draw women.

    Args:
        rows: one an image, with its patient and the figures.
        resamples: of the bootstrap.
        seed: of the same.
    """

    def __init__(self, rows: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0) -> None:
        self.rows, self.women = rows, rows["patient"].nunique()
        self.drawn: list[NDArray[np.intp]] = []
        if self.women >= FEWEST_WOMEN:
            self.drawn = list(patient_resamples(rows["patient"].to_numpy(str), resamples, seed))

    def mean(self, column: str) -> str:
        """Of a column."""
        return f"{self.rows[column].mean():.3f}"

    def estimate(self, column: str, over: str | None = None) -> str:
        """Mean of a column, or its ratio to that of another, with its interval."""
        values = self.rows[column].to_numpy(float)
        under = np.ones_like(values) if over is None else self.rows[over].to_numpy(float)
        value = f"**{values.mean() / under.mean():.3f}**"
        # Resampling all misses (or all hits) gives them again: an interval of no width is none.
        if not self.drawn or np.ptp(values) == 0:
            return value
        means = [values[drawn].mean() / under[drawn].mean() for drawn in self.drawn]
        low, high = np.quantile(means, (0.025, 0.975))
        return f"{value} ({low:.3f} to {high:.3f})"


def tables(rows: pd.DataFrame, resamples: int = RESAMPLES) -> str:
    """Pointing game and energy of every set, target and map."""
    pointing, energy = [], []
    for names, some in rows.groupby(["set", "target", "map"], sort=False):
        figures = Figures(some, resamples)
        counts = [*map(str, names), str(len(some)), str(figures.women)]
        pointing.append(
            [*counts, figures.estimate("hit"), *map(figures.mean, ("chance", "centroid")),
             figures.estimate("wide_hit"), figures.mean("wide_chance")]
        )  # fmt: skip
        energy.append(
            [*counts, figures.estimate("energy"), figures.mean("chance"),
             figures.estimate("energy", over="chance")]
        )  # fmt: skip
    head = ["set", "targets", "map", "images", "women"]
    aim = ["points into one", "chance", "centroid", "into a widened one", "its chance"]
    share = ["energy in lesions", "chance", "times chance"]
    return "\n\n".join([
        "## Pointing game", grid([*head, *aim], pointing),
        "## Energy in the lesions", grid([*head, *share], energy),
    ])  # fmt: skip


def page(run: Path, rows: pd.DataFrame, refused: Sequence[str], most: int | None) -> str:
    """All results as one Markdown page."""
    trial = [] if most is None else [f"**A trial: at most {most} images of each set.**"]
    folds = ", ".join(map(str, sorted(rows["fold"].unique())))
    return "\n\n".join([
        "# The lesion maps against truth",
        f"Run {run.name}; every image by the network of the fold that held it out ({folds}).",
        *trial,
        tables(rows),
        "## How to read this",
        "\n".join(f"- {note}" for note in NOTES),
        *(["## Left out", "\n".join(f"- {line}" for line in refused)] if refused else []),
    ]) + "\n"  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the sets")
    parser.add_argument("--out", type=Path, required=True, help="the page, .md")
    parser.add_argument("--sets", nargs="+", default=list(SETS), help="names of folders of DATA")
    parser.add_argument("--most", type=int, help="judge so many images of each set")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    folds = folds_of(options.run)
    rows: list[dict[str, object]] = []
    refused: list[str] = []
    for name in options.sets:
        images = marked_images(options.data / name, folds, options.most)
        some, without = judged_set(options.run, name, images)
        rows, refused = rows + some, refused + without
    table = pd.DataFrame(rows)
    write_atomic(options.out.with_suffix(".csv"), table.to_csv(index=False).encode())
    text = page(options.run, table, refused, options.most)
    write_atomic(options.out, text.encode())
    print(text)


if __name__ == "__main__":
    main()

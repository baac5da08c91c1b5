"""Compare the breast and muscle outlines with those drawn by hand on DDSM films.

    python benchmarks/segmentation.py DATA_FOLDER [--sheet OUT.png]

Dice of our masks, scaled to the film's pixels, against `ddsm_tissue`: the breast (muscle
included) on every film, the pectoral muscle on the films that show one. The films of odd row in
the manifest (counted from 0) were used to choose the threshold of the breast, so the even ones
are the figure to quote. `--sheet` draws the eight worst of each, truth green and ours red.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from mammoscope.anatomy import Mask, breast_mask, pectoral_mask, to_uint8
from mammoscope.errors import ReadError
from mammoscope.evaluate.markdown import grid
from mammoscope.io import read_mammogram

# Grey levels of the tissue masks: 64 background, 128 fat, 192 fibroglandular, 255 muscle.
_BACKGROUND_UPTO = 100
_MUSCLE = 255
_WORST = 8
_NAMED = 3
_TILE = (240, 480)


@dataclass(frozen=True, eq=False)
class Outlined:
    """Truth and our mask of one film, both (h, w) in the film's pixels.

    Attributes:
        name: file name.
        row: its row in the manifest, from 0.
        pixels: (h, w) uint8, for the sheet.
        dice: overlap of the two in [0, 1].
    """

    name: str
    row: int
    pixels: NDArray[np.uint8]
    truth: Mask
    found: Mask
    dice: float


def dice(a: Mask, b: Mask) -> float:
    """Twice the common area over the sum of both areas (Dice 1945); two empty masks agree: 1."""
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else 1.0


def enlarged(mask: Mask, shape: tuple[int, int]) -> Mask:
    """A reduced mask at `shape` (h, w), nearest neighbour."""
    size = (shape[1], shape[0])
    return np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0)


def outline_film(folder: Path, index: int, row: dict[str, str]) -> tuple[Outlined, Outlined]:
    """The breast and the muscle of one film; raises ReadError where the film is refused."""
    path = folder / row["image_path"]
    image = read_mammogram(path)
    content = np.fromfile(folder / row["tissue_mask_path"], np.uint8)
    tissue = np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE))
    breast = breast_mask(image.pixels)
    muscle = pectoral_mask(image.pixels, breast)
    both = []
    for truth, mask in ((tissue > _BACKGROUND_UPTO, breast), (tissue == _MUSCLE, muscle)):
        found = enlarged(mask, image.shape)
        both.append(
            Outlined(path.name, index, to_uint8(image.pixels), truth, found, dice(truth, found))
        )
    return both[0], both[1]


def table(name: str, films: Sequence[Outlined]) -> list[list[str]]:
    """Rows for the half that chose the threshold, the other half, and all."""
    halves = {
        "even rows (not used to choose)": [f for f in films if f.row % 2 == 0],
        "odd rows (chose the breast threshold)": [f for f in films if f.row % 2 == 1],
        "all": list(films),
    }
    return [_line(name, half, chosen) for half, chosen in halves.items() if chosen]


def _line(name: str, half: str, films: Sequence[Outlined]) -> list[str]:
    low, middle, high = np.percentile([f.dice for f in films], (25, 50, 75))
    worst = ", ".join(f"{f.name} {f.dice:.3f}" for f in by_dice(films)[:_NAMED])
    quartiles = f"{low:.4f} to {high:.4f}"
    return [name, half, str(len(films)), f"**{middle:.4f}**", quartiles, worst]


def by_dice(films: Sequence[Outlined]) -> list[Outlined]:
    """The worst first."""
    return sorted(films, key=lambda film: film.dice)


def tile(film: Outlined) -> NDArray[np.uint8]:
    """A film with both outlines and its Dice, (480, 240, 3)."""
    scale = max(1, film.pixels.shape[0] // _TILE[1])
    picture = cv2.cvtColor(film.pixels, cv2.COLOR_GRAY2BGR)
    for mask, colour in ((film.truth, (0, 255, 0)), (film.found, (0, 0, 255))):
        lines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, lines, -1, colour, 2 * scale)
    small = cv2.resize(picture, _TILE, interpolation=cv2.INTER_AREA)
    for text, y in ((film.name.split(".")[0], 450), (f"{film.dice:.3f}", 470)):
        cv2.putText(small, text, (100, y), 0, 0.5, (255, 255, 0), 1, cv2.LINE_AA)
    return np.asarray(small, np.uint8)


def sheet(*rows: Sequence[Outlined]) -> NDArray[np.uint8]:
    """One row of the eight worst for each group of films."""
    lines = [np.hstack([tile(film) for film in by_dice(films)[:_WORST]]) for films in rows if films]
    width = max(line.shape[1] for line in lines)
    padded = [np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0))) for line in lines]
    return np.vstack(padded)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds ddsm_tissue")
    parser.add_argument("--sheet", type=Path, help="write a picture of the worst films")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    folder = options.data / "ddsm_tissue"
    with (folder / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    breasts, muscles, refused = [], [], []
    for index, row in track(list(enumerate(rows)), "films", console=Console(stderr=True)):
        try:
            breast, muscle = outline_film(folder, index, row)
        except ReadError as error:
            refused.append(f"{Path(row['image_path']).name}: {error.reason}")
            continue
        breasts.append(breast)
        muscles.append(muscle)
    report(breasts, muscles, refused)
    if options.sheet:
        shown = [f for f in muscles if f.truth.any()]
        _, png = cv2.imencode(".png", sheet(breasts, shown))
        options.sheet.write_bytes(png.tobytes())
        print(f"{options.sheet}: the worst breasts above, muscles below", file=sys.stderr)


def report(breasts: list[Outlined], muscles: list[Outlined], refused: list[str]) -> None:
    shown = [f for f in muscles if f.truth.any()]
    absent = [f for f in muscles if not f.truth.any()]
    head = ["outline", "films", "n", "median Dice", "quartiles", "worst three"]
    lines = table("breast", breasts) + table("pectoral muscle", shown)
    print(grid(head, lines))
    invented = sum(bool(f.found.any()) for f in absent)
    missed = sum(not f.found.any() for f in shown)
    print(f"\nMuscle in the truth and none found: {missed} of {len(shown)} films;")
    print(f"no muscle in the truth and one found: {invented} of {len(absent)} films.")
    print(f"Refused: {len(refused)} of {len(refused) + len(breasts)} films.")
    for line in refused:
        print(f"- {line}")


if __name__ == "__main__":
    main()

"""What is refused, what only warned of: real mammograms, unusual ones, and what is none.

    python benchmarks/out_of_distribution.py DATA [--pictures FOLDER] [--every N] [--sheets DIR]

Every picture goes through the checks that each file read goes through. Real mammograms: any
refusal is false. Mammograms that were turned, cut or inverted, and those with an implant, should
be warned of (a negative is turned over, so it should read as the original does). The last kinds
are no mammograms and should be refused; each folder in FOLDER adds a kind. The thresholds in
`mammoscope.io.screen` were set looking at these same sets.
`--every` takes one woman or picture in N. `--sheets` draws what was refused of the real ones and
what passed of the others.
"""

from __future__ import annotations

import argparse
import csv
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from foreign_pictures import Grey, Named, foreign_kinds, half_cut, pictures_in
from mammoscope.errors import ReadError, RefusedError
from mammoscope.evaluate.markdown import grid
from mammoscope.io import read_picture
from mammoscope.io.mammogram import as_mammogram
from mammoscope.io.screen import Doubt
from mammoscope.types import Mammogram, Pixels

SETS = ("samples", "rsna2022", "mini_mias", "ddsm_tissue", "cdd_cesm")
CHANGES: dict[str, Callable[[Grey], Grey]] = {
    "inverted": lambda pixels: 255 - pixels,
    "turned by 90 degrees": lambda pixels: np.ascontiguousarray(np.rot90(pixels)),
    **{
        f"{side} half cut away": lambda pixels, side=side: half_cut(pixels, side)
        for side in ("left", "right", "top", "bottom")
    },
}
_TILE, _COLUMNS, _MOST = 128, 10, 60


@dataclass
class Tally:
    """What came of one kind of picture."""

    name: str
    images: int = 0
    refused: int = 0
    warned: int = 0
    tiles: list[Grey] = field(default_factory=list)

    def add(self, key: str, pixels: Pixels, show: Callable[[bool], bool]) -> None:
        """Check a picture; keep a tile of it if `show`, told whether it was refused, says so."""
        self.images += 1
        refused = False
        try:
            read = as_mammogram(Mammogram(pixels, key))
            self.warned += any(doubt in read.warnings for doubt in Doubt)
        except RefusedError:
            refused = True
            self.refused += 1
        if show(refused) and len(self.tiles) < _MOST:
            self.tiles.append(tile(pixels, key))

    def row(self) -> list[str]:
        """One line of the table."""
        counts = (self.refused, self.warned, self.images - self.refused - self.warned)
        shares = [f"{n} ({100 * n / max(1, self.images):.1f} %)" for n in counts]
        return [self.name, str(self.images), *shares]


def real_images(folder: Path, every: int) -> Iterator[tuple[str, dict[str, str], Pixels]]:
    """(woman, manifest row, pixels) of each image of one woman in `every`."""
    for path, row in rows_of(folder):
        woman = row.get("patient_id", path.name)
        if zlib.crc32(woman.encode()[::-1]) % every:
            continue
        try:
            yield woman, row, read_picture(path).pixels
        except ReadError as error:
            print(f"{folder.name}: left out, {error.reason}")


def rows_of(folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Each image once; with an empty row where there is no manifest."""
    manifest = folder / "manifest.csv"
    if not manifest.exists():
        yield from ((path, {}) for path in sorted(folder.rglob("*.*")))
        return
    with manifest.open(newline="") as file:
        rows = {row["image_path"]: row for row in csv.DictReader(file)}
    yield from ((folder / name, row) for name, row in rows.items())


def tally_real(folder: Path, every: int) -> list[Tally]:
    """Real mammograms of one set; those with an implant by themselves."""
    plain, implants = Tally(folder.name), Tally(f"{folder.name}, implants")
    for woman, row, pixels in real_images(folder, every):
        if row.get("black") != "True":
            tally = implants if row.get("implant") in ("1", "True") else plain
            tally.add(woman, pixels, lambda refused: refused)
    return [tally for tally in (plain, implants) if tally.images]


def tally_changed(folder: Path, every: int) -> list[Tally]:
    """The first image of each woman, changed in each way."""
    tallies = [Tally(f"{folder.name}, {name}") for name in CHANGES]
    met = set()
    for woman, row, pixels in real_images(folder, every):
        if woman in met or row.get("black") == "True":
            continue
        met.add(woman)
        for tally, change in zip(tallies, CHANGES.values(), strict=True):
            upside = tally.name.endswith("inverted")
            tally.add(woman, change(pixels), lambda refused, upside=upside: refused == upside)
    return tallies


def tally_foreign(name: str, pictures: Named) -> Tally:
    """Pictures that are no mammogram."""
    tally = Tally(name)
    for key, pixels in pictures:
        tally.add(key, pixels, lambda refused: not refused)
    return tally


def tile(pixels: Pixels, key: str) -> Grey:
    """A small copy with its name."""
    scale = _TILE / max(pixels.shape)
    size = tuple(max(1, round(side * scale)) for side in pixels.shape[::-1])
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    small = small if small.dtype == np.uint8 else (small >> 8).astype(np.uint8)
    framed = np.full((_TILE + 12, _TILE), 60, np.uint8)
    framed[: size[1], : size[0]] = small
    cv2.putText(framed, key[:20], (0, _TILE + 9), 0, 0.3, 255)
    return framed


def write_sheet(tally: Tally, folder: Path) -> None:
    """The kept tiles as one picture; none if nothing was kept."""
    if not tally.tiles:
        return
    blank = np.zeros_like(tally.tiles[0])
    tiles = tally.tiles + [blank] * (-len(tally.tiles) % _COLUMNS)
    rows = [np.hstack(tiles[at : at + _COLUMNS]) for at in range(0, len(tiles), _COLUMNS)]
    _, png = cv2.imencode(".png", np.vstack(rows))
    (folder / f"{tally.name.replace(' ', '_')}.png").write_bytes(png.tobytes())


def tallies(options: argparse.Namespace) -> Iterator[Tally]:
    """Every kind, one after the other."""
    for name in SETS:
        yield from tally_real(options.data / name, options.every)
    yield from tally_real(options.data / "cbis_patches", options.every)
    yield from tally_changed(options.data / "rsna2022", options.every)
    yield tally_foreign("busi, ultrasound", pictures_in(options.data / "busi", options.every))
    for name, pictures in foreign_kinds(options.pictures, options.every):
        yield tally_foreign(name, pictures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--pictures", type=Path, help="folder with a folder for each further kind")
    parser.add_argument("--every", type=int, default=1, help="one woman or picture in this many")
    parser.add_argument("--sheets", type=Path, help="draw what was wrongly refused or passed here")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rows = []
    for tally in tallies(options):
        rows.append(tally.row())
        if options.sheets:
            options.sheets.mkdir(parents=True, exist_ok=True)
            write_sheet(tally, options.sheets)
    print(grid(["pictures", "n", "refused", "warned", "neither"], rows))


if __name__ == "__main__":
    main()

"""Are the DICOM files the program makes valid, and does everybody see the same pixels in them?

    python benchmarks/dicom_validity.py [--height 192] [--seed 7] [--keep FOLDER]

Writes one file of every kind (`mammoscope.data.dicom_study.every_kind`), the four views of one
woman in turn, and counts for each group of kinds:

- errors, warnings: lines of dciodvfy (Debian's dicom3tools). Files that it cannot parse are shown
  to it otherwise: deflated ones inflated, HTJ2K ones named JPEG 2000, which is the same layout.
  View Position is left out of the warnings: CC and MLO are no defined terms of it, and every
  maker writes them.
- reader: pixels that the project's reader gives back otherwise than they were stored, all frames
  counted; for lossy syntaxes the largest difference in stored values instead.
- other: pixels that another decoder gives otherwise than the project's reader: dcmtk's dcmconv,
  dcmdjpeg, dcmdjpls and dcmdrle, and OpenJPEG's opj_decompress for JPEG 2000 and HTJ2K.
- seen: largest difference, in grey levels of 65,536, between what the reader shows and what
  dcmtk's dcm2pnm shows of the uncompressed file (For Presentation mammograms). dcmtk 3.6.7 takes
  LINEAR_EXACT for LINEAR and ignores padding, so those kinds are left out; of 8-bit files the
  difference in grey levels of 256 is counted.

The table goes to standard output in Markdown. Needs dciodvfy, dcmtk and opj_decompress.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.encaps import generate_frames

from mammoscope.data.dicom_encoding import SYNTAXES
from mammoscope.data.dicom_levels import DicomKind, stored_values
from mammoscope.data.dicom_study import every_kind, write_view
from mammoscope.data.dicom_tomosynthesis import slice_pictures
from mammoscope.data.synth import SyntheticView, synthetic_exam
from mammoscope.io.dicom import read_dicom
from mammoscope.io.dicom_header import opened, read_header
from mammoscope.io.dicom_layout import read_layout
from mammoscope.io.dicom_pixels import read_frame

TOOLS = ("dciodvfy", "dcmconv", "dcmdjpeg", "dcmdjpls", "dcmdrle", "dcm2pnm", "opj_decompress")
SHOWN_AS = {
    "deflated": "explicit",
    "HTJ2K lossless": "JPEG 2000 lossless",
    "HTJ2K lossless RPCL": "JPEG 2000 lossless",
    "HTJ2K": "JPEG 2000",
}
Grey = NDArray[np.int64]


@dataclass
class Tally:
    """What came of a group of kinds; pixels of all its files and frames."""

    files: int = 0
    errors: int = 0
    warnings: int = 0
    pixels: int = 0
    reader: int = 0
    reader_most: int = 0
    other: int = 0
    other_files: int = 0
    seen: int = 0
    seen_files: int = 0


def ran(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


def check(path: Path, kind: DicomKind, tally: Tally) -> list[str]:
    """Count dciodvfy's lines, and give them back."""
    if kind.syntax in SHOWN_AS:
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(SYNTAXES[SHOWN_AS[kind.syntax]].uid)
        path = path.with_suffix(".shown")
        dataset.save_as(path)
    run = ran("dciodvfy", "-new", path)
    lines = (run.stdout + run.stderr).splitlines()
    if not any("MammographyImage" in line or "BreastTomosynthesis" in line for line in lines):
        lines.append("Error - dciodvfy does not say which object this is")
    found = [line for line in lines if line.startswith("Error")]
    tally.errors += len(found)
    warned = [x for x in lines if x.startswith("Warning") and "ViewPosition" not in x]
    tally.warnings += len(warned)
    return found + warned


def read_frames(path: Path, frames: int) -> Iterator[Grey]:
    """The stored values of every frame, as the project's reader decodes them."""
    for index in range(frames):
        with opened(path) as file:
            header = read_header(path, file)
            yield read_frame(header, read_layout(header), file, index).raw.astype(np.int64)


def native(path: Path, kind: DicomKind) -> Path | None:
    """The file as dcmtk writes it uncompressed; None if dcmtk does not know its syntax."""
    if "2" in kind.syntax:
        return None
    tool = {"JPEG-LS": "dcmdjpls", "JPEG-LS near": "dcmdjpls", "RLE": "dcmdrle"}.get(
        kind.syntax, "dcmdjpeg" if SYNTAXES[kind.syntax].compressed else "dcmconv"
    )
    target = path.with_suffix(".native")
    run = ran(tool, "+te", path, target)
    if run.returncode:
        sys.exit(f"{tool} cannot read {kind.name}: {run.stderr.strip()}")
    return target


def other_frames(path: Path, kind: DicomKind, plain: Path | None) -> Iterator[Grey]:
    """The stored values of every frame, as another program decodes them."""
    frames = max(1, kind.slices)
    if plain is not None:
        dataset = pydicom.dcmread(plain)
        wide = dataset.BitsAllocated == 16
        values = np.frombuffer(dataset.PixelData, "<u2" if wide else np.uint8)
        size = dataset.Rows * dataset.Columns
        for index in range(frames):
            part = values[index * size : (index + 1) * size]
            yield part.reshape(dataset.Rows, dataset.Columns).astype(np.int64)
        return
    data = pydicom.dcmread(path).PixelData
    for frame in generate_frames(data, number_of_frames=frames):
        stream, picture = path.with_suffix(".j2k"), path.with_suffix(".pgm")
        stream.write_bytes(frame)
        ran("opj_decompress", "-i", stream, "-o", picture)
        yield np.asarray(cv2.imread(str(picture), cv2.IMREAD_UNCHANGED), np.int64)


def compare(path: Path, kind: DicomKind, view: SyntheticView, tally: Tally) -> None:
    """Stored pixels: truth, project's reader, another decoder."""
    pictures = slice_pictures(view, kind.slices) if kind.slices else [view.pixels]
    plain = native(path, kind)
    tally.other_files += 1
    ours = list(read_frames(path, len(pictures)))
    for picture, mine, its in zip(pictures, ours, other_frames(path, kind, plain), strict=True):
        gap = np.abs(mine - stored_values(picture, kind))
        tally.pixels += gap.size
        tally.reader += int(np.count_nonzero(gap))
        tally.reader_most = max(tally.reader_most, int(gap.max()))
        tally.other += int(np.count_nonzero(mine != its))
    if plain is not None:
        compare_seen(path, kind, plain, tally)


def compare_seen(path: Path, kind: DicomKind, plain: Path, tally: Tally) -> None:
    """What the reader and dcm2pnm show of a For Presentation mammogram."""
    if kind.processing or kind.slices or kind.padded or kind.voi == "linear_exact":
        return
    picture = path.with_suffix(".seen.pgm")
    choice = "+Wl" if kind.voi.startswith("lut") else "+Wi"
    ran("dcm2pnm", choice, "1", "+opw", plain, picture)
    theirs = np.asarray(cv2.imread(str(picture), cv2.IMREAD_UNCHANGED), np.int64)
    mine = read_dicom(path).pixels
    if mine.dtype == np.uint8:
        theirs = np.rint(theirs / 257).astype(np.int64)
    tally.seen = max(tally.seen, int(np.abs(mine.astype(np.int64) - theirs).max()))
    tally.seen_files += 1


def groups(kind: DicomKind) -> Iterator[str]:
    """The rows of the table to which a kind counts."""
    yield f"all: {kind.syntax}"
    if kind.slices:
        yield f"tomosynthesis, {kind.voi}"
    elif kind.processing:
        yield f"For Processing, {kind.photometric}, {kind.relationship}"
    else:
        yield f"For Presentation, {kind.photometric}, {kind.voi}"
    yield f"{kind.bits} bits"
    yield "total"


def table(tallies: dict[str, Tally], lossy: set[str]) -> str:
    rows = [
        "| kind | files | errors | warnings | pixels | reader differs | at most | other differs"
        " | seen differs at most |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    order = ("all: ", "For P", "tomo", "8 bits", "1", "total")
    for name in sorted(tallies, key=lambda n: [n.startswith(start) for start in order].index(True)):
        t = tallies[name]
        note = " (lossy)" if name.removeprefix("all: ") in lossy else ""
        seen = f"{t.seen} ({t.seen_files} files)" if t.seen_files else "-"
        rows.append(
            f"| {name.removeprefix('all: ')}{note} | {t.files} | {t.errors} | {t.warnings}"
            f" | {t.pixels} | {t.reader} | {t.reader_most} | {t.other} | {seen} |"
        )
    return "\n".join(rows)


def measure(height: int, seed: int, folder: Path, tell: Callable[[str], None]) -> dict[str, Tally]:
    exam = synthetic_exam(seed, height)
    tallies: dict[str, Tally] = {}
    for number, kind in enumerate(every_kind()):
        view = exam.images[number % len(exam.images)]
        path = write_view(folder / f"{number:03}.dcm", view, kind, seed)
        one = Tally(files=1)
        for line in check(path, kind, one):
            tell(f"{kind.name}: {line}")
        compare(path, kind, view, one)
        if one.other or (one.reader and not SYNTAXES[kind.syntax].lossy) or one.seen > 1:
            tell(f"{kind.name}: reader {one.reader}, other {one.other}, seen {one.seen}")
        for group in groups(kind):
            add(tallies.setdefault(group, Tally()), one)
    return tallies


def add(total: Tally, one: Tally) -> None:
    for field, value in vars(one).items():
        most = field in ("reader_most", "seen")
        held = getattr(total, field)
        setattr(total, field, max(held, value) if most else held + value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--height", type=int, default=192, help="rows of each picture")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="folder to keep the files in")
    given = parser.parse_args()
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        sys.exit(f"{', '.join(missing)} not found; install dicom3tools, dcmtk, libopenjp2-tools.")
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        tallies = measure(
            given.height, given.seed, folder, lambda line: print(line, file=sys.stderr)
        )
    print(table(tallies, {name for name, syntax in SYNTAXES.items() if syntax.lossy}))


if __name__ == "__main__":
    main()

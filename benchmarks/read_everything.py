"""Read every image of the public sets, and count what is refused, turned over and misplaced.

    python benchmarks/read_everything.py DATA_FOLDER [--list]

For each set: images, how many became a Mammogram and how many were refused, with the reasons;
for sets whose manifest tells: negatives (white background) found, and the laterality that the
picture alone gives, against the manifest; as some women are stored mirrored as a whole, also how
many images agree with what most of the woman's images say. `--list` names each refused or wrong
file.
The last sets are no mammograms, and all of their images should be refused.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from mammoscope.anatomy import breast_mask, side_of_mask
from mammoscope.errors import ReadError
from mammoscope.io import read_mammogram
from mammoscope.io.screen import refusal
from mammoscope.types import Mammogram

SETS = ("samples", "rsna2022", "mini_mias", "ddsm_tissue", "cdd_cesm")
SUFFIXES = {".png", ".jpg", ".dcm"}


@dataclass
class Tally:
    """What came of one set; the lists hold file names."""

    name: str
    images: int = 0
    read: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    turned: int = 0
    turned_wrongly: list[str] = field(default_factory=list)
    sides: int = 0
    sides_wrong: list[str] = field(default_factory=list)
    by_woman: dict[str, list[bool]] = field(default_factory=dict)
    seconds: float = 0.0


def truth_rows(folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Each image once with its manifest row; an empty row where there is no manifest."""
    manifest = folder / "manifest.csv"
    if not manifest.exists():
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in SUFFIXES:
                yield path, {}
        return
    with manifest.open(newline="") as file:
        rows = {row["image_path"]: row for row in csv.DictReader(file)}
    for name, row in rows.items():
        yield folder / name, row


def tally_set(folder: Path) -> Tally:
    tally = Tally(folder.name)
    start = time.perf_counter()
    for path, row in truth_rows(folder):
        tally.images += 1
        try:
            image = read_mammogram(path)
        except ReadError as error:
            tally.reasons[error.reason] += 1
            tally.refused.append(path.name)
            continue
        tally.read += 1
        compare(tally, image, row)
    tally.seconds = time.perf_counter() - start
    return tally


def compare(tally: Tally, image: Mammogram, row: dict[str, str]) -> None:
    name = Path(image.path).name
    turned = image.provenance.get("polarity", "").startswith("picture")
    tally.turned += turned
    # Only rsna2022 holds negatives; every other set is known to be stored with dark air.
    if turned != (row.get("white_background") == "True"):
        tally.turned_wrongly.append(name)
    if row.get("laterality"):
        tally.sides += 1
        seen = side_of_mask(breast_mask(image.pixels))
        tally.by_woman.setdefault(row["patient_id"], []).append(seen == row["laterality"])
        if seen != row["laterality"]:
            tally.sides_wrong.append(f"{name} ({row['laterality']}, seen {seen})")


def tally_pixels(name: str, pictures: dict[str, np.ndarray]) -> Tally:
    tally = Tally(name, images=len(pictures))
    for title, pixels in pictures.items():
        reason = refusal(pixels)
        if reason is None:
            tally.read += 1
            tally.sides_wrong.append(title)
        else:
            tally.reasons[reason] += 1
    return tally


def ultrasound(folder: Path) -> dict[str, np.ndarray]:
    files = sorted(p for p in folder.rglob("*.png") if "_mask" not in p.name)
    return {p.name: cv2.imdecode(np.fromfile(p, np.uint8), cv2.IMREAD_GRAYSCALE) for p in files}


def photographs() -> dict[str, np.ndarray]:
    """scikit-learn's two sample photographs, whole and their quarters, in grey."""
    from sklearn.datasets import load_sample_images

    pictures = {}
    for number, picture in enumerate(load_sample_images().images):
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        half_h, half_w = grey.shape[0] // 2, grey.shape[1] // 2
        pictures[f"photograph {number}"] = grey
        for y in (0, half_h):
            for x in (0, half_w):
                quarter = np.ascontiguousarray(grey[y : y + half_h, x : x + half_w])
                pictures[f"photograph {number} at {x},{y}"] = quarter
    return pictures


def text_pages(count: int = 20) -> dict[str, np.ndarray]:
    """White pages of random letters, turned over as `read_mammogram` turns white backgrounds."""
    rng = np.random.default_rng(0)
    pages = {}
    for number in range(count):
        page = np.full((1400, 1000), 255, np.uint8)
        size = rng.uniform(0.6, 1.6)
        for y in range(80, 1320, int(40 * size)):
            line = "".join(rng.choice(list("abdefg  hlmnoprst"), int(rng.integers(20, 60 / size))))
            cv2.putText(page, line, (60, y), 0, size, 0, 2, cv2.LINE_AA)
        pages[f"page {number}"] = 255 - page
    return pages


def show(tally: Tally, names: bool) -> None:
    share = 100 * tally.read / max(1, tally.images)
    print(f"{tally.name}: {tally.images} images, {tally.read} read ({share:.1f} %)", end="")
    print(f", {tally.seconds:.0f} s" if tally.seconds else "")
    for reason, count in tally.reasons.most_common():
        print(f"    refused {count}: {reason}")
    if tally.turned or tally.turned_wrongly:
        wrong = len(tally.turned_wrongly)
        print(f"    white background: {tally.turned} turned over, {wrong} against the manifest")
    if tally.sides:
        right = tally.sides - len(tally.sides_wrong)
        share = 100 * right / tally.sides
        print(f"    laterality by content: {right}/{tally.sides} ({share:.2f} %)")
        show_by_woman(tally)
    if names:
        for name in (*tally.refused, *tally.turned_wrongly, *tally.sides_wrong):
            print(f"        {name}")


def show_by_woman(tally: Tally) -> None:
    """Whole women are stored mirrored; there the side found is right, and the convention is not."""
    women = tally.by_woman.values()
    mirrored = sum(2 * sum(fits) < len(fits) for fits in women)
    agreeing = sum(max(sum(fits), len(fits) - sum(fits)) for fits in women)
    share = 100 * agreeing / tally.sides
    print(f"        {mirrored} of {len(women)} women are stored mirrored; images that agree with")
    print(f"        most of the woman's others: {agreeing}/{tally.sides} ({share:.2f} %)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--list", action="store_true", help="name each refused or wrong file")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    for name in SETS:
        show(tally_set(options.data / name), options.list)
    print("No mammograms (read means missed):")
    show(tally_pixels("busi, ultrasound", ultrasound(options.data / "busi")), options.list)
    show(tally_pixels("text pages", text_pages()), options.list)
    show(tally_pixels("grey photographs", photographs()), options.list)


if __name__ == "__main__":
    main()

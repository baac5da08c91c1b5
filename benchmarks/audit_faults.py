"""Planting faults of every kind the auditor knows, with a record of what was planted where."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.anatomy import breast_mask, to_uint8
from mammoscope.data.audit.look import read_pixels
from mammoscope.data.manifest import Manifest, make_manifest
from mammoscope.data.synth import synthetic_exam

Grey = NDArray[np.uint8]
Change = Callable[[Grey], Grey]
_JPEG = 50


@dataclass(eq=False)
class Bed:
    """A manifest in the making, and the truth about what was planted in it.

    Attributes:
        folder: where the pictures lie.
        images: rows of the images table.
        findings: rows of the findings table.
        planted: kind to the images it was planted in; a copy may carry a finer name after ":".
        draw: source of all choices.
        used: images that a family of faults has already taken.
        copied: copies, and what they were copied from.
        base: images to plant in: those of the original table that were found in order.
    """

    folder: Path
    images: pd.DataFrame
    draw: np.random.Generator
    findings: list[dict[str, object]] = field(default_factory=list)
    planted: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    copied: dict[str, str] = field(default_factory=dict)
    base: list[str] = field(default_factory=list)
    used: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def take(self, family: str, count: int) -> list[str]:
        """Images without a fault of this family, of the pixels, or copies; one of each exam."""
        taken = self.used[family] | self.used["pixels"] | self.used["copies"]
        free = [path for path in self.base if path not in taken]
        if family == "exam":  # these faults touch the whole exam
            order = self.draw.permutation(len(free))
            free = list({self.get(free[place], "exam_id"): free[place] for place in order}.values())
        if len(free) < count:
            raise SystemExit(f"{family}: {len(free)} images left for {count} faults; take more.")
        chosen = [str(path) for path in self.draw.choice(free, count, replace=False)]
        for path in chosen:
            self.used[family] |= set(self.of_same(path, "exam_id") if family == "exam" else [path])
        return chosen

    def leave_out(self, paths: Iterable[str]) -> None:
        """Plant nothing in images where something was found already."""
        gone = set(paths)
        self.base = [path for path in self.base if path not in gone]

    def set(self, path: str, column: str, value: str) -> None:
        """Change one value of one image."""
        self.images.loc[self.images["image_path"] == path, column] = value

    def get(self, path: str, column: str) -> str:
        """One value of one image."""
        return str(self.images.loc[self.images["image_path"] == path, column].iloc[0])

    def of_same(self, path: str, column: str) -> list[str]:
        """All images with the same value in a column."""
        same = self.images[column] == self.get(path, column)
        return list(self.images.loc[same, "image_path"])

    def __post_init__(self) -> None:
        self.base = list(self.images["image_path"])

    def manifest(self) -> Manifest:
        """The tables as they are now."""
        return make_manifest(self.folder, self.images, pd.DataFrame(self.findings))


def synthetic_bed(folder: Path, women: int, height: int, seed: int) -> Bed:
    """Four views of each of some women who do not exist."""
    rows = []
    for woman in range(women):
        for view in synthetic_exam(seed + woman, height, lesions=()).images:
            name = f"{woman:04d}_{view.laterality}{view.view}.png"
            write(folder / name, to_uint8(view.pixels))
            rows.append(
                {
                    "image_path": name,
                    "patient_id": f"w{woman}",
                    "exam_id": f"e{woman}",
                    "laterality": view.laterality,
                    "view": view.view,
                    "split": "test" if woman % 5 == 0 else "train",
                }
            )
    return _bed(folder, pd.DataFrame(rows), seed)


def real_bed(folder: Path, source: Manifest, images: int, seed: int) -> Bed:
    """Copies of some women's images from a manifest of mammograms."""
    draw = np.random.default_rng(seed)
    table = source.images[source.images["modality"] == "mammography"]
    women = draw.permutation(table["patient_id"].unique())
    order = {woman: place for place, woman in enumerate(women)}
    table = table.sort_values("patient_id", key=lambda ids: ids.map(order), kind="stable")[:images]
    rows = []
    for number, row in enumerate(table.to_dict("records")):
        name = f"{number:05d}{Path(str(row['image_path'])).suffix}"
        shutil.copy(source.path(str(row["image_path"])), folder / name)
        split = "test" if order[row["patient_id"]] % 5 == 0 else "train"
        rows.append({**row, "image_path": name, "exam_id": row["patient_id"], "split": split})
    known = ["image_path", "patient_id", "exam_id", "laterality", "view", "split", "machine_id"]
    return _bed(folder, pd.DataFrame(rows)[known], seed)


def _bed(folder: Path, images: pd.DataFrame, seed: int) -> Bed:
    draw = np.random.default_rng(seed)
    images = images.assign(dataset="planted", modality="mammography", cancer="0", age="55")
    return Bed(folder, images.assign(pathology="", birads="", density="B", sha256=""), draw)


def write(path: Path, pixels: NDArray[Any], quality: int = 95) -> None:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if path.suffix == ".jpg" else []
    _, data = cv2.imencode(path.suffix, pixels, options)
    path.write_bytes(data.tobytes())


def plant(bed: Bed, each: int) -> None:
    """Plant `each` of every fault; copies before tables, so that copies carry no other fault."""
    for kind, spoil in _PIXELS.items():
        for number, path in enumerate(bed.take("pixels", each)):
            spoil(bed, path, number)
            bed.planted[kind].add(path)
    for name, (change, value) in _COPIES.items():
        for number, path in enumerate(bed.take("copies", each)):
            _copy(bed, path, name, number, change, value)
    for kind, (family, fault) in _TABLE.items():
        for number, path in enumerate(bed.take(family, each)):
            fault(bed, path, number)
            bed.planted[kind].add(path)


# Pixels and files.


def _break(bed: Bed, path: str, number: int) -> None:
    file = bed.folder / path
    content = file.read_bytes()
    ways = (b"", content[: len(content) // 2], content[:40], b"<html>404</html>", content[:-400])
    if number % 6 == 5:
        file.unlink()
    else:
        file.write_bytes(ways[number % 6])


def _blank(bed: Bed, path: str, number: int) -> None:
    height, width = read_pixels(bed.folder / path).shape
    picture = np.full((height, width), (0, 255, 120, 0)[number % 4], np.uint8)
    if number % 4 == 3:
        picture[2 : 2 + height // 30, 2 : 2 + width // 30] = 255  # a label and nothing else
    write(bed.folder / path, picture)


def _resize(bed: Bed, path: str, number: int) -> None:
    pixels = to_uint8(read_pixels(bed.folder / path))
    fx, fy = ((0.5, 0.5), (1.0, 0.45), (2.1, 2.0), (0.55, 0.35))[number % 4]
    step = 1 + 0.01 * number
    height, width = pixels.shape
    size = (max(33, round(width * fx * step)), max(33, round(height * fy * step)))
    write(bed.folder / path, cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def _invert(bed: Bed, path: str, _: int) -> None:
    write(bed.folder / path, ~to_uint8(read_pixels(bed.folder / path)))


def _colour(bed: Bed, path: str, _: int) -> None:
    pixels = to_uint8(read_pixels(bed.folder / path))
    write(bed.folder / path, cv2.applyColorMap(pixels, cv2.COLORMAP_JET))


def _grain(bed: Bed, path: str, _: int) -> None:
    shape = read_pixels(bed.folder / path).shape
    write(bed.folder / path, bed.draw.integers(0, 256, shape, dtype=np.uint8))


def _wrong_hash(bed: Bed, path: str, number: int) -> None:
    bed.set(path, "sha256", f"{number:064x}")


_PIXELS: dict[str, Callable[[Bed, str, int], None]] = {
    "unreadable": _break,
    "blank": _blank,
    "unusual_size": _resize,
    "white_background": _invert,
    "colour": _colour,
    "not_a_mammogram": _grain,
}

# Tables.


def _other_side_of_split(bed: Bed, path: str, _: int) -> None:
    bed.set(path, "split", "train" if bed.get(path, "split") == "test" else "test")
    for kind, column in (("patient", "patient_id"), ("exam", "exam_id")):
        bed.planted[f"{kind}_across_splits"] |= set(bed.of_same(path, column))


def _other_patient(bed: Bed, path: str, number: int) -> None:
    bed.set(path, "patient_id", f"stranger{number}")
    bed.planted["exam_of_several_patients"] |= set(bed.of_same(path, "exam_id"))


def _age(bed: Bed, path: str, number: int) -> None:
    bed.set(path, "age", ("0", "119", "5", "110")[number % 4])
    bed.planted["exam_disagrees"] |= set(bed.of_same(path, "exam_id"))


def _density(bed: Bed, path: str, _: int) -> None:
    bed.set(path, "density", "D")
    bed.planted["exam_disagrees"] |= set(bed.of_same(path, "exam_id"))


def _labels(bed: Bed, path: str, number: int) -> None:
    cancer, pathology = (("0", "malignant"), ("1", "normal"), ("1", "benign"))[number % 3]
    bed.set(path, "cancer", cancer)
    bed.set(path, "pathology", pathology)


def _birads(bed: Bed, path: str, number: int) -> None:
    cancer, birads = (("1", "1"), ("1", "2"), ("0", "6"))[number % 3]
    bed.set(path, "cancer", cancer)
    bed.set(path, "birads", birads)


def _swap(column: str, values: dict[str, str], bed: Bed, path: str, _: int) -> None:
    bed.set(path, column, values[bed.get(path, column)])


def _box(place: str, bed: Bed, path: str, number: int) -> None:
    """A box of a twelfth of the picture: right, then moved to where it must not be."""
    pixels = read_pixels(bed.folder / path)
    height, width = pixels.shape
    side = height / 12
    x, y = _centre(pixels)
    if place == "outside":
        x, y = (x, y + 2 * height) if number % 2 else (x + 1.2 * width, y)
    elif place == "edge":
        y = height - side * 0.2
    elif place == "air":
        x, y = _air(pixels, side)
    wide = 0.0 if place == "flat" else side
    box = (x - wide / 2, y - side / 2, x + wide / 2, y + side / 2)
    row: dict[str, object] = {"image_path": path, "kind": "mass", "outline": "box"}
    row |= dict(zip(("x1_px", "y1_px", "x2_px", "y2_px"), map(float, box), strict=True))
    if place == "none":
        row["x2_px"] = np.nan
    bed.findings.append(row)


def _centre(pixels: NDArray[np.generic]) -> tuple[float, float]:
    mask = breast_mask(np.asarray(pixels))
    rows, columns = np.nonzero(mask)
    scale = pixels.shape[0] / mask.shape[0]
    return float(columns.mean() * scale), float(rows.mean() * scale)


def _air(pixels: NDArray[np.generic], side: float) -> tuple[float, float]:
    """The place farthest from the breast."""
    mask = breast_mask(np.asarray(pixels))
    scale = pixels.shape[0] / mask.shape[0]
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    row, column = np.unravel_index(int(away.argmax()), away.shape)
    x, y = np.array((column, row)) * scale
    x = np.clip(x, side / 2, pixels.shape[1] - side / 2)
    return float(x), float(np.clip(y, side / 2, pixels.shape[0] - side / 2))


def _mask(fault: str, bed: Bed, path: str, number: int) -> None:
    height, width = read_pixels(bed.folder / path).shape
    mask = np.zeros((height, width), np.uint8)
    mask[height // 3 : height // 2, width // 3 : width // 2] = 0 if fault == "empty" else 255
    if fault == "size":
        mask = mask[: height // 2] if number % 2 else np.ascontiguousarray(mask[:, : width // 2])
    name = f"{Path(path).stem}_{fault}_mask.png"
    write(bed.folder / name, mask)
    if fault == "broken":
        (bed.folder / name).write_bytes((bed.folder / name).read_bytes()[:50])
    bed.findings.append({"image_path": path, "outline": "mask", "mask_path": name})


_TABLE: dict[str, tuple[str, Callable[[Bed, str, int], None]]] = {
    "changed_file": ("sha256", _wrong_hash),
    "patient_across_splits": ("exam", _other_side_of_split),
    "exam_of_several_patients": ("exam", _other_patient),
    "implausible_age": ("exam", _age),
    "exam_disagrees": ("exam", _density),
    "label_contradiction": ("labels", _labels),
    "birads_contradiction": ("labels", _birads),
    "side_mismatch": ("side", partial(_swap, "laterality", {"L": "R", "R": "L"})),
    "view_mismatch": ("side", partial(_swap, "view", {"CC": "MLO", "MLO": "CC"})),
    "box_outside_image": ("boxes", partial(_box, "outside")),
    "box_over_edge": ("boxes", partial(_box, "edge")),
    "box_off_breast": ("boxes", partial(_box, "air")),
    "box_empty": ("boxes", lambda bed, path, n: _box("flat" if n % 2 else "none", bed, path, n)),
    "mask_wrong_size": ("masks", partial(_mask, "size")),
    "mask_empty": ("masks", partial(_mask, "empty")),
    "mask_unreadable": ("masks", partial(_mask, "broken")),
}

# Copies.


def _smaller(pixels: Grey) -> Grey:
    return np.asarray(cv2.resize(pixels, None, fx=0.77, fy=0.77, interpolation=cv2.INTER_AREA))


_COPIES: dict[str, tuple[Change, dict[str, str]]] = {
    "exact_duplicate": (lambda pixels: pixels, {}),
    "near_duplicate: encoded again": (lambda pixels: pixels, {}),
    "near_duplicate: resized": (_smaller, {}),
    "near_duplicate: mirrored": (lambda pixels: np.ascontiguousarray(pixels[:, ::-1]), {}),
    "near_duplicate: inverted": (lambda pixels: ~pixels, {}),
    "near_duplicate: all at once": (lambda pixels: _smaller(~pixels[:, ::-1]), {}),
    "contradictory_duplicate": (lambda pixels: pixels, {"cancer": "1"}),
    "duplicate_across_splits": (_smaller, {"split": "other"}),
}


def _copy(
    bed: Bed, path: str, name: str, number: int, change: Change, values: dict[str, str]
) -> None:
    """A changed copy that belongs to a woman of its own."""
    lossy = name.startswith("near") or name == "duplicate_across_splits"
    copy = f"copy_{name.replace(' ', '_').replace(':', '')}_{number}.{'jpg' if lossy else 'png'}"
    write(bed.folder / copy, change(to_uint8(read_pixels(bed.folder / path))), _JPEG)
    row = bed.images[bed.images["image_path"] == path].iloc[0].to_dict()
    owner = {"patient_id": f"copy {name} {number}", "exam_id": "", "sha256": "", "age": ""}
    row |= {"image_path": copy, **owner, **values}
    if values.get("split") == "other":
        row["split"] = "train" if bed.get(path, "split") == "test" else "test"
        bed.planted["near_duplicate: across splits"] |= {path, copy}
    if values.get("cancer"):
        bed.set(path, "cancer", "0")
        bed.set(path, "pathology", "")
        row |= {"pathology": "", "birads": ""}
    if "mirrored" in name or "all at once" in name:
        row["laterality"] = ""  # a mirrored copy is also on the wrong side
    if "inverted" in name or "all at once" in name:
        bed.planted["white_background"].add(copy)
    bed.images = pd.concat([bed.images, pd.DataFrame([row])], ignore_index=True)
    bed.planted[name] |= {path, copy}
    bed.copied[copy] = path

"""Places in mammograms with a real lesion, with an inserted one, and with none.

A part of `insertion.py`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.anatomy import white_background
from mammoscope.data.insertion import Survey, insert, random_place, survey
from mammoscope.data.lesions import KINDS, random_lesion
from mammoscope.data.lesions.description import Kind
from mammoscope.data.manifest import Manifest
from mammoscope.errors import ConfigError
from mammoscope.geometry import Box
from mammoscope.io import read_mammogram
from mammoscope.types import Pixels

U8 = NDArray[np.uint8]

SPACING = {"mini_mias": (0.2, 0.2)}
"""mm; the publisher's. The others are estimated from the breast's size."""
FIELD_ASPECT = {"rsna2022": 3328 / 4096}
"""Width over height of the usual detector, for images squashed to a square."""
LARGEST_PART = 0.15
"""Boxes of `cdd_cesm` from this part of the breast on mark regions, not lesions."""
PATCH = 96
LOOK = 160
_DEEP_MM = 7.0
"""Real lesions nearer to skin or muscle are left out: none is inserted there."""


@dataclass(frozen=True, eq=False)
class Place:
    """A place in an image.

    Attributes:
        dataset, patient: of its image.
        what: "real", "inserted" or "free".
        host: "marked" if the image holds a real lesion somewhere, else "normal".
        kind: of the lesion, as far as known.
        size_mm: longest side of its box.
        contrast: see `contrast`.
        patch: (PATCH, PATCH) float32, native pixels around the centre.
        look: (LOOK, LOOK) picture of the lesion and as much around it.
    """

    dataset: str
    patient: str
    what: str
    host: str
    kind: str
    size_mm: float
    contrast: float
    patch: NDArray[np.float32]
    look: U8


def places(manifest: Manifest, limit: int, seed: int) -> Iterator[Place]:
    """Places of up to `limit` normal images and as many with marked lesions of one manifest."""
    name = manifest.images["dataset"].iloc[0]
    marked = _boxes(manifest)
    normal = manifest.images[manifest.images["cancer"].eq("0")]
    if "pathology" in normal and (normal["pathology"] == "normal").any():
        normal = normal[normal["pathology"] == "normal"]
    order = np.random.default_rng(seed)
    for path in order.permutation(sorted(p for p in marked if marked[p]))[:limit]:
        yield from _around(manifest, str(path), marked[path], name, seed)
    normal = normal[normal["implant"] != "1"]
    for path in order.permutation(sorted(set(normal["image_path"]) - set(marked)))[:limit]:
        yield from _around(manifest, str(path), [], name, seed)


def _boxes(manifest: Manifest) -> dict[str, list[tuple[Box, str]]]:
    """Boxes and kinds by image."""
    found: dict[str, list[tuple[Box, str]]] = {}
    table = manifest.findings[manifest.findings["x1_px"] != ""]
    for row in table.to_dict("records"):
        if float(row.get("box_frac_of_breast") or 0) < LARGEST_PART:
            x1, y1, x2, y2 = (float(row[c]) for c in ("x1_px", "y1_px", "x2_px", "y2_px"))
            found.setdefault(row["image_path"], []).append(((x1, y1, x2, y2), row["kind"]))
    return found


def _opened(manifest: Manifest, path: str, name: str) -> tuple[Pixels, Survey, str, str] | None:
    row = manifest.images[manifest.images["image_path"] == path].iloc[0]
    pixels = read_mammogram(manifest.path(path)).pixels
    if white_background(pixels):
        return None
    try:
        facts = survey(pixels, row["view"], SPACING.get(name), FIELD_ASPECT.get(name))
    except ConfigError:
        return None
    return pixels, facts, row["patient_id"], row["view"]


def _around(
    manifest: Manifest, path: str, marks: list[tuple[Box, str]], name: str, seed: int
) -> Iterator[Place]:
    """An image's real lesions, and places elsewhere in it: one with each kind and one without."""
    opened = _opened(manifest, path, name)
    if opened is None:
        return
    pixels, facts, patient, view = opened
    host = "marked" if marks else "normal"
    for box, kind in marks:
        centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        if _size(box, facts) >= 4 and facts.clearance_at(centre) >= _DEEP_MM:
            yield _place(pixels, box, facts, (name, patient, "real", host, kind))
    number = zlib.crc32(f"{path} {seed}".encode())
    for i, kind in enumerate(KINDS):
        for free in (False, True):
            made = _insertion(pixels, facts, view, kind, number + 50 * (2 * i + free), marks)
            if made is not None:
                box, changed = made
                words = (name, patient, "free" if free else "inserted", host, kind)
                yield _place(pixels if free else changed, box, facts, words)


def _insertion(
    pixels: Pixels, facts: Survey, view: str, kind: Kind, seed: int, marks: list[tuple[Box, str]]
) -> tuple[Box, Pixels] | None:
    """The box of a lesion and the image with it; tried again where it lies on a marked one."""
    for again in range(seed, seed + 12):
        lesion = random_lesion(again, kind)
        try:
            centre = random_place(facts, lesion, again)
            made = insert(pixels, lesion, centre, seed=again, view=view, facts=facts)
        except ConfigError:
            continue
        if not any(_meet(made.box_px, box) for box, _ in marks):
            return made.box_px, made.pixels
    return None


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _size(box: Box, facts: Survey) -> float:
    row, column = facts.spacing_mm
    return max((box[2] - box[0]) * column, (box[3] - box[1]) * row)


def _place(pixels: Pixels, box: Box, facts: Survey, words: tuple[str, str, str, str, str]) -> Place:
    centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    grey = pixels.astype(np.float32)
    size = _size(box, facts)
    half = max(1.05 * size, 6.0)
    return Place(
        *words,
        size_mm=size,
        contrast=contrast(grey, box),
        patch=_patch(grey, centre),
        look=_look(grey, centre, (half / facts.spacing_mm[1], half / facts.spacing_mm[0])),
    )


def _patch(grey: NDArray[np.float32], centre: tuple[float, float]) -> NDArray[np.float32]:
    """Whole pixels: interpolation between them would blur, and tell one sort from another."""
    half = PATCH // 2
    padded = np.pad(grey, half, mode="edge")
    row, column = int(centre[1]), int(centre[0])
    return padded[row : row + PATCH, column : column + PATCH].copy()


def contrast(grey: NDArray[np.float32], box: Box) -> float:
    """Mean inside the box's ellipse less the mean of a ring around, in units of the ring's SD.

    The ring lies from 1.25 to 1.75 of the ellipse; air does not count.
    """
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    a, b = max((box[2] - box[0]) / 2, 3.0), max((box[3] - box[1]) / 2, 3.0)
    rows = np.arange(max(0, int(y - 1.8 * b)), min(grey.shape[0], int(y + 1.8 * b) + 1))
    columns = np.arange(max(0, int(x - 1.8 * a)), min(grey.shape[1], int(x + 1.8 * a) + 1))
    far = np.hypot((columns[None] + 0.5 - x) / a, (rows[:, None] + 0.5 - y) / b)
    part = grey[np.ix_(rows, columns)]
    tissue = part > 0.25 * float(np.median(part[far < 1]))
    ring = part[(far > 1.25) & (far < 1.75) & tissue]
    inside = part[(far < 0.85) & tissue]
    if ring.size < 8 or inside.size < 4:
        return float("nan")
    return float((inside.mean() - ring.mean()) / max(float(ring.std()), 1e-3))


def _look(grey: NDArray[np.float32], centre: tuple[float, float], half: tuple[float, float]) -> U8:
    sx, sy = LOOK / (2 * half[0]), LOOK / (2 * half[1])
    move = np.array([[sx, 0, LOOK / 2 - centre[0] * sx], [0, sy, LOOK / 2 - centre[1] * sy]])
    shown = cv2.warpAffine(grey, move, (LOOK, LOOK), flags=cv2.INTER_CUBIC)
    scale = 255 / 65535 if grey.max() > 255 else 1.0
    return np.clip(shown * scale, 0, 255).astype(np.uint8)


def crops(manifest: Manifest, limit: int, seed: int) -> Iterator[Place]:
    """The crops of `cbis_patches`, each a mass about half as wide as its crop."""
    order = np.random.default_rng(seed)
    rows = manifest.images.iloc[order.permutation(len(manifest.images))[:limit]]
    for row in rows.to_dict("records"):
        grey = read_mammogram(manifest.path(row["image_path"])).pixels.astype(np.float32)
        if np.mean(grey > 250) > 0.02 or np.mean(grey < 5) > 0.02:
            continue  # padding at the film's edge, or air
        h, w = grey.shape
        box = (0.25 * w, 0.25 * h, 0.75 * w, 0.75 * h)
        patch = _patch(grey, (w / 2, h / 2))
        look = _look(grey, (w / 2, h / 2), (w / 2, h / 2))
        words = ("cbis_patches", row["patient_id"], "real", "marked", "mass")
        yield Place(*words, float("nan"), contrast(grey, box), patch, look)

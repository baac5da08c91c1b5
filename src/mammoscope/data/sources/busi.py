"""BUSI: breast ultrasound with masks of the lesions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from mammoscope.data.picture_files import image_size
from mammoscope.data.source import Source, Tables, read_table
from mammoscope.errors import ConfigError, ReadError
from mammoscope.geometry import box_of
from mammoscope.io.image import read_image

NAME = re.compile(r"((?:benign|malignant|normal) \(\d+\))(_mask(?:_\d+)?)?")
MANIFEST = "manifest.csv"
COLUMNS = {"source_name": "name", "dup_group": "group", "label_conflict": "label_conflict"}
PATIENT_NOTE = (
    "The women are not known (about 600 had 780 images taken): patient_id is the group of "
    "duplicates where one is known, else the image, so one woman's images may be parted."
)


@dataclass
class _Image:
    path: Path | None = None
    masks: list[Path] = field(default_factory=list)


def read(folder: Path, options: Mapping[str, str]) -> Tables:  # noqa: ARG001 (it has none)
    """Read benign/, malignant/ and normal/, wherever they lie, and manifest.csv if there is one.

    The masks are decoded, as a finding's box is its mask's.
    """
    found, lone = _pictures(folder)
    if not found:
        raise ConfigError(
            f"{folder}: no picture named as 'benign (1).png' there; give the folder that holds "
            "benign, malignant and normal."
        )
    known, notes = _manifest(folder, found)
    images = _images(folder, found, known)
    counts = dict.fromkeys(("empty", "broken", "other size"), 0)
    findings = [row for image in found.values() for row in _findings(folder, image, counts)]
    if lone:
        notes.append(f"{lone} masks have no image.")
    return Tables(images, pd.DataFrame(findings), (PATIENT_NOTE, *notes, *_mask_notes(counts)))


def _pictures(folder: Path) -> tuple[dict[str, _Image], int]:
    """Images by their name without suffix, and how many masks have none."""
    pictures: dict[str, _Image] = {}
    for path in sorted(folder.rglob("*.png")):
        match = NAME.fullmatch(path.stem)
        if match is None:
            continue
        image = pictures.setdefault(match[1], _Image())
        if match[2]:
            image.masks.append(path)
        else:
            image.path = path
    found = {name: image for name, image in pictures.items() if image.path is not None}
    lone = sum(len(image.masks) for name, image in pictures.items() if name not in found)
    return found, lone


def _manifest(folder: Path, found: Mapping[str, _Image]) -> tuple[pd.DataFrame, list[str]]:
    """Duplicate group and conflict of each image name; empty without a manifest."""
    if not (folder / MANIFEST).is_file():
        return pd.DataFrame(columns=["group", "label_conflict"]), []
    table = read_table(folder / MANIFEST, COLUMNS)
    table["name"] = table["name"].map(lambda name: Path(name).stem)
    table["group"] = table["group"].map(lambda name: Path(name).stem)
    table = table.drop_duplicates("name").set_index("name")
    here = table[table.index.isin(list(found))]
    groups = here["group"].value_counts()
    shared = groups[groups > 1]
    conflicts = here.loc[here["label_conflict"] == "True", "group"]
    told = {
        f"{int(shared.sum())} images are in {len(shared)} groups of near duplicates.": len(shared),
        f"{len(conflicts)} images in {conflicts.nunique()} groups have contradictory labels "
        "(label_conflict = 1); leave them out.": len(conflicts),
        f"{len(table) - len(here)} images of {MANIFEST} are not in the folder.": len(table)
        - len(here),
        f"{len(found) - len(here)} images are not in {MANIFEST}.": len(found) - len(here),
    }
    return table, [note for note, count in told.items() if count]


def _images(folder: Path, found: Mapping[str, _Image], known: pd.DataFrame) -> pd.DataFrame:
    names = pd.Series(list(found), dtype=object)
    paths = [image.path.relative_to(folder).as_posix() for image in found.values() if image.path]
    groups = known["group"].to_dict()
    group = names.map(lambda name: groups.get(name, name))
    pathology = names.str.split(" ").str[0]
    table = pd.DataFrame(
        {
            "image_path": paths,
            "patient_id": group,
            "cancer": (pathology == "malignant").astype(int),
            "pathology": pathology,
            "finding": (pathology != "normal").astype(int),
            "duplicate_group": group.where(group.duplicated(keep=False), ""),
        }
    )
    if len(known):
        conflicts = {"True": "1", "False": "0"}
        said = known["label_conflict"].map(lambda word: conflicts.get(word, "")).to_dict()
        table["label_conflict"] = names.map(lambda name: said.get(name, ""))
    return table


def _findings(folder: Path, image: _Image, counts: dict[str, int]) -> list[dict[str, object]]:
    if image.path is None:
        return []
    size = image_size(image.path)
    rows: list[dict[str, object]] = []
    for mask in image.masks:
        box, fault = _box(mask, size)
        if fault:
            counts[fault] += fault != "empty" or not mask.name.startswith("normal")
            continue
        rows.append(
            {
                "image_path": image.path.relative_to(folder).as_posix(),
                "finding_id": f"{image.path.stem}-{len(rows) + 1}",
                "kind": "mass",
                "outline": "mask",
                **dict(zip(("x1_px", "y1_px", "x2_px", "y2_px"), box, strict=True)),
                "mask_path": mask.relative_to(folder).as_posix(),
                "pathology": image.path.stem.split(" ")[0],
            }
        )
    return rows


def _box(mask: Path, size: tuple[int, int] | None) -> tuple[tuple[int, int, int, int], str]:
    """The mask's box in pixels, or the name of its fault."""
    none = (0, 0, 0, 0)
    try:
        pixels = read_image(mask).pixels
    except ReadError:
        return none, "broken"
    if size is not None and pixels.shape != size[::-1]:
        return none, "other size"
    box = box_of(pixels > np.iinfo(pixels.dtype).max // 2)
    return (none, "empty") if box is None else (box, "")


def _mask_notes(counts: Mapping[str, int]) -> list[str]:
    told = {
        f"{counts['empty']} masks of lesions are empty and were left out.": counts["empty"],
        f"{counts['broken']} masks cannot be read and were left out.": counts["broken"],
        f"{counts['other size']} masks are not of their image's size and were left out.": counts[
            "other size"
        ],
    }
    return [note for note, count in told.items() if count]


SOURCE = Source(
    name="busi",
    title="BUSI, breast ultrasound images",
    modality="ultrasound",
    where="https://scholar.cu.edu.eg/?q=afahmy/pages/dataset",
    terms="CC BY 4.0",
    citation="Al-Dhabyani et al., Dataset of breast ultrasound images, Data in Brief 28 (2020) "
    "104863",
    holds="780 images of about 600 women: 133 normal, 437 benign, 210 malignant",
    read=read,
)

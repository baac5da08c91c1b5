"""A folder of class subfolders, with or without train, valid and test above them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mammoscope.data.class_words import meaning, renames
from mammoscope.data.marked import OPTIONS, SPLIT_RULE, image_table
from mammoscope.data.picture_files import (
    PARTS,
    copy_groups,
    image_files,
    original_name,
    part_of,
    patient_ids,
)
from mammoscope.data.source import Source, Tables
from mammoscope.errors import ConfigError

MASK = re.compile(r"(.+?)[ _-]mask(?:[ _-]?\d+)?", re.IGNORECASE)


def read(folder: Path, options: Mapping[str, str]) -> Tables:
    """Read the class of each picture from the folders it lies in."""
    paths, masks = _without_masks([path.relative_to(folder) for path in image_files(folder)])
    labels = [_label(path) for path in paths]
    if not any(labels):
        raise ConfigError(f"{folder}: no pictures in subfolders there; give the folder of them.")
    names = renames(options.get("classes", ""))
    said = [meaning(names.get(label, label)) for label in labels]
    # Two classes may each count their pictures from 1, so the class is part of the name; the
    # part of a split is not, lest a picture that lies in two parts seem to be two.
    originals = [
        f"{label}/{original_name(path)}" for label, path in zip(labels, paths, strict=True)
    ]
    parts = [part_of(path) for path in paths]
    patients, note = patient_ids(paths, originals, options.get("patient", ""))
    groups, notes = copy_groups(paths, originals, parts)
    table = image_table(paths, patients, said, options)
    table["finding"] = [_finding(one.pathology) for one in said]
    table["label_text"], table["duplicate_group"], table["split"] = labels, groups, parts
    table["split_rule"] = [SPLIT_RULE if part else "" for part in parts]
    if masks:
        notes.append(f"{masks} masks, named as an image and _mask, are no images and left out.")
    return Tables(table, notes=(note, *notes, *_notes(labels, names)))


def _without_masks(paths: list[Path]) -> tuple[list[Path], int]:
    """Masks beside their images would pass for images of the class that give it away."""
    images = {path.with_suffix("") for path in paths}
    kept = []
    for path in paths:
        match = MASK.fullmatch(path.stem)
        if match is None or path.with_name(match[1]) not in images:
            kept.append(path)
    return kept, len(paths) - len(kept)


def _label(path: Path) -> str:
    """The folders below the part of the split, joined by a blank."""
    return " ".join(part for part in path.parts[:-1] if part.lower() not in PARTS)


def _finding(pathology: str) -> str:
    return {"normal": "0", "benign": "1", "malignant": "1"}.get(pathology, "")


def _notes(labels: list[str], names: Mapping[str, str]) -> list[str]:
    notes = ["Labels are what the folders' names say; nothing proves them."]
    outside = labels.count("")
    if outside:
        notes.append(f"{outside} images lie in no class folder; their label is unknown.")
    different = set(labels) - {""}
    dumb = sum(not meaning(names.get(label, label)).cancer for label in different)
    if dumb:
        # Counted and not named: a folder may be a woman's.
        notes.append(
            f"{dumb} of {len(different)} folders do not say whether it is a cancer; label_text "
            "has their names, and the option classes can give them others."
        )
    return notes


SOURCE = Source(
    name="class_folders",
    title="A folder of class subfolders",
    modality="mammography",
    where="your own folder: benign/, malignant/ ..., or train/benign/, test/benign/ ...",
    terms="those of the data",
    citation="that of the data",
    holds="what the folder holds",
    read=read,
    options=OPTIONS,
)

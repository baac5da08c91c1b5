"""Boxes and polygons in YOLO's format: one text file a picture, coordinates as fractions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import yaml  # type: ignore[import-untyped]

from mammoscope.data.marked import NORMALISED, OPTIONS, Mark, MarkedImage, Points, marked_tables
from mammoscope.data.picture_files import image_files
from mammoscope.data.source import Source, Tables
from mammoscope.errors import ConfigError


def read(folder: Path, options: Mapping[str, str]) -> Tables:
    """Read the labels beside each picture, or in labels/ where the picture is in images/."""
    names, notes = _class_names(folder)
    images, wrong, labelled = [], 0, 0
    for path in image_files(folder):
        relative = path.relative_to(folder)
        file = folder / _label_file(relative)
        if not file.is_file():
            images.append(MarkedImage(relative, marks=None))
            continue
        lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        marks = [_mark(line.split(), names) for line in lines if line.strip()]
        good = tuple(mark for mark in marks if mark is not None)
        labelled += 1
        wrong += len(marks) - len(good)
        unknown = bool(marks) and not good
        images.append(MarkedImage(relative, None if unknown else good, NORMALISED))
    if not labelled:
        raise ConfigError(
            f"{folder}: no picture there has a label file; give the folder that holds data.yaml, "
            "or images and labels."
        )
    if wrong:
        notes.append(
            f"{wrong} lines of label files are neither a box (class and 4 numbers) nor a polygon "
            "and were left out."
        )
    return marked_tables(folder, images, options, notes)


def _label_file(picture: Path) -> Path:
    """The last folder named images becomes labels; without one the file lies beside."""
    parts = list(picture.parts)
    places = [at for at, part in enumerate(parts[:-1]) if part.lower() == "images"]
    if places:
        parts[places[-1]] = "labels"
    return Path(*parts).with_suffix(".txt")


def _class_names(folder: Path) -> tuple[dict[int, str], list[str]]:
    """From data.yaml, or classes.txt with a name a line; and a note if there is neither."""
    for file in (folder / "data.yaml", folder / "data.yml"):
        if file.is_file():
            return _yaml_names(file), []
    listed = folder / "classes.txt"
    if listed.is_file():
        lines = listed.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        return {number: line.strip() for number, line in enumerate(lines)}, []
    return {}, ["There is no data.yaml or classes.txt: the classes have numbers for names."]


def _yaml_names(file: Path) -> dict[int, str]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"{file}: cannot be read as YAML ({reason}).") from error
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, list):
        return {number: str(name) for number, name in enumerate(names)}
    if isinstance(names, dict) and all(str(number).isdigit() for number in names):
        return {int(number): str(name) for number, name in names.items()}
    raise ConfigError(f"{file}: 'names' is not a list of class names; write them there.")


def _mark(words: list[str], names: Mapping[int, str]) -> Mark | None:
    """A line of class and numbers; None if it is malformed."""
    try:
        number, values = int(float(words[0])), np.array([float(word) for word in words[1:]])
    except (ValueError, OverflowError):
        return None
    corners = _corners(values)
    return None if corners is None else Mark(names.get(number, f"class {number}"), corners)


def _corners(values: Points) -> Points | None:
    """Four numbers are a box's centre, width and height; six and more are x, y of corners."""
    if not np.isfinite(values).all():
        return None
    if len(values) == 4:
        centre, half = values[:2], np.maximum(values[2:], 0) / 2
        return np.array([centre - half, centre + half])
    if len(values) >= 6 and len(values) % 2 == 0:
        return values.reshape(-1, 2)
    return None


SOURCE = Source(
    name="yolo",
    title="Boxes and polygons in YOLO's format",
    modality="mammography",
    where="your own folder: data.yaml with train/images and train/labels, and so on",
    terms="those of the data",
    citation="Redmon et al., You Only Look Once, CVPR 2016 (the format)",
    holds="what the folder holds",
    read=read,
    options=OPTIONS,
)

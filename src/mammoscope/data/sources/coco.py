"""Boxes and polygons in COCO's format, as Roboflow and most annotation tools export them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mammoscope.data.marked import NOWHERE, OPTIONS, Mark, MarkedImage, Points, marked_tables
from mammoscope.data.picture_files import image_files
from mammoscope.data.source import Source, Tables
from mammoscope.errors import ConfigError

FILE = "_annotations.coco.json"


def read(folder: Path, options: Mapping[str, str]) -> Tables:
    """Read every _annotations.coco.json below the folder, or else every JSON in COCO's form."""
    pictures = image_files(folder)
    by_name: defaultdict[str, list[Path]] = defaultdict(list)
    for picture in pictures:
        by_name[picture.name].append(picture)
    found: dict[Path, MarkedImage] = {}
    absent = 0
    for file, content in _contents(folder):
        marks = _marks(file, content)
        for entry in content["images"]:
            path = _picture(file, entry, by_name)
            if path is None:
                absent += 1
                continue
            image = _image(path.relative_to(folder), entry, marks.get(str(entry.get("id")), ()))
            found[path] = _joined(found.get(path), image)
    images = [
        found.get(path, MarkedImage(path.relative_to(folder), marks=None)) for path in pictures
    ]
    note = f"{absent} images of the annotation files are not in the folder."
    return marked_tables(folder, images, options, [note] if absent else [])


def _contents(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    named = sorted(folder.rglob(FILE))
    files = named or sorted(folder.rglob("*.json"))
    count = 0
    for file in files:
        try:
            content = json.loads(file.read_text(encoding="utf-8-sig"))
        except ValueError as error:
            raise ConfigError(f"{file}: cannot be read as JSON ({error}).") from error
        if _is_coco(content):
            count += 1
            yield file, content
        elif named:
            raise ConfigError(f"{file}: it has no images, annotations and categories as in COCO.")
    if not count:
        raise ConfigError(
            f"{folder}: no COCO file there; give the folder that holds {FILE}, or the one that "
            "holds train, valid and test."
        )


def _is_coco(content: object) -> bool:
    """Whether it has COCO's three lists of objects."""
    if not isinstance(content, dict):
        return False
    lists = [content.get(name) for name in ("images", "annotations", "categories")]
    return all(
        isinstance(one, list) and all(isinstance(entry, dict) for entry in one) for one in lists
    )


def _picture(
    file: Path, entry: Mapping[str, Any], by_name: Mapping[str, list[Path]]
) -> Path | None:
    """Beside the annotation file, or anywhere below the folder if only one has that name."""
    name = entry.get("file_name")
    if not isinstance(name, str) or not name:
        raise ConfigError(f"{file}: an entry of 'images' has no file_name; export it again.")
    candidates = by_name.get(Path(name).name, [])
    beside = file.parent / name
    if beside in candidates:
        return beside
    return candidates[0] if len(candidates) == 1 else None


def _image(path: Path, entry: Mapping[str, Any], marks: tuple[Mark, ...]) -> MarkedImage:
    size = _numbers([entry.get("width"), entry.get("height")])
    frame = None if size is None or (size <= 0).any() else (float(size[0]), float(size[1]))
    return MarkedImage(path, tuple(marks), frame)


def _joined(known: MarkedImage | None, image: MarkedImage) -> MarkedImage:
    """One picture may stand in several files, such as one for boxes and one for polygons."""
    if known is None or known.marks is None:
        return image
    return MarkedImage(image.path, known.marks + (image.marks or ()), image.frame)


def _marks(file: Path, content: Mapping[str, Any]) -> dict[str, tuple[Mark, ...]]:
    """The marks of each image; ids are compared as text, as some tools write '1' for 1."""
    try:
        labels = {str(one["id"]): str(one["name"]) for one in content["categories"]}
    except KeyError:
        raise ConfigError(f"{file}: an entry of 'categories' has no id or name.") from None
    marks: defaultdict[str, tuple[Mark, ...]] = defaultdict(tuple)
    for one in content["annotations"]:
        corners = _polygon(one.get("segmentation"))
        corners = _box(one.get("bbox")) if corners is None else corners
        category = str(one.get("category_id"))
        mark = Mark(labels.get(category, f"class {category}"), corners)
        marks[str(one.get("image_id"))] += (mark,)
    return marks


def _box(values: object) -> Points:
    """COCO's box is x, y, width, height in pixels."""
    numbers = _numbers(values)
    if numbers is None or len(numbers) != 4 or (numbers[2:] <= 0).any():
        return NOWHERE
    return np.array([numbers[:2], numbers[:2] + numbers[2:]])


def _polygon(values: object) -> Points | None:
    """Of a finding in one piece; several pieces and run lengths are left to the box."""
    if not isinstance(values, list) or len(values) != 1:
        return None
    numbers = _numbers(values[0])
    if numbers is None or len(numbers) < 6 or len(numbers) % 2:
        return None
    return numbers.reshape(-1, 2)


def _numbers(values: object) -> Points | None:
    if not isinstance(values, list):
        return None
    if not all(isinstance(value, int | float) and value == value for value in values):
        return None
    return np.array(values, float)


SOURCE = Source(
    name="coco",
    title="Boxes and polygons in COCO's format",
    modality="mammography",
    where="your own folder: pictures with _annotations.coco.json, or train, valid and test of them",
    terms="those of the data",
    citation="Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014 (the format)",
    holds="what the folder holds",
    read=read,
    options=OPTIONS,
)

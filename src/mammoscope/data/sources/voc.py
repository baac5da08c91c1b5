"""Boxes in Pascal VOC's format: one XML file a picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from mammoscope.data.marked import NOWHERE, OPTIONS, Mark, MarkedImage, Points, marked_tables
from mammoscope.data.picture_files import image_files
from mammoscope.data.source import Source, Tables
from mammoscope.errors import ConfigError

FIRST_PIXEL = (
    "what the first pixel is called: 0 (as if not given; annotation tools and Roboflow), or 1 "
    "(the original Pascal VOC), where a box from 1 to 1 is one pixel"
)


def read(folder: Path, options: Mapping[str, str]) -> Tables:
    """Read the XML beside each picture, or in a folder of its own such as Annotations/."""
    first = options.get("first_pixel", "0")
    if first not in ("0", "1"):
        raise ConfigError(f"option first_pixel={first!r}: it is 0 or 1.")
    pictures = image_files(folder)
    by_stem: defaultdict[str, list[Path]] = defaultdict(list)
    for picture in pictures:
        by_stem[picture.stem].append(picture)
    found: dict[Path, MarkedImage] = {}
    counts = dict.fromkeys(("files", "broken", "absent"), 0)
    for file in sorted(folder.rglob("*.xml")):
        root = _root(file, counts)
        if root is None:
            continue
        path = _picture(file, root, by_stem)
        if path is None:
            counts["absent"] += 1
        else:
            found[path] = _image(path.relative_to(folder), root, int(first))
    if not counts["files"]:
        raise ConfigError(
            f"{folder}: no Pascal VOC file there; give the folder that holds pictures with an "
            "XML file each, or its train, valid and test."
        )
    images = [
        found.get(path, MarkedImage(path.relative_to(folder), marks=None)) for path in pictures
    ]
    return marked_tables(folder, images, options, _notes(counts))


def _notes(counts: Mapping[str, int]) -> list[str]:
    told = {
        f"{counts['broken']} XML files cannot be read and were left out.": counts["broken"],
        f"{counts['absent']} XML files have no image in the folder.": counts["absent"],
    }
    return [note for note, count in told.items() if count]


def _root(file: Path, counts: dict[str, int]) -> ElementTree.Element | None:
    try:
        root = ElementTree.parse(file).getroot()
    except ElementTree.ParseError:
        counts["broken"] += 1
        return None
    if root.tag != "annotation":
        return None
    counts["files"] += 1
    return root


def _picture(
    file: Path, root: ElementTree.Element, by_stem: Mapping[str, list[Path]]
) -> Path | None:
    """Of the XML's own name, else of the one it states: tools that rename files leave that."""
    for stem in (file.stem, Path(root.findtext("filename", "").strip()).stem):
        candidates = by_stem.get(stem, [])
        beside = [path for path in candidates if path.parent == file.parent]
        if len(beside) == 1 or len(candidates) == 1:
            return (beside or candidates)[0]
    return None


def _image(path: Path, root: ElementTree.Element, first: int) -> MarkedImage:
    marks = tuple(
        Mark(one.findtext("name", "").strip(), _corners(one, first))
        for one in root.findall("object")
    )
    width, height = _number(root, "size/width"), _number(root, "size/height")
    frame = (width, height) if width and height and width > 0 and height > 0 else None
    return MarkedImage(path, marks, frame)


def _corners(one: ElementTree.Element, first: int) -> Points:
    """Of the polygon, if there is one (x1, y1, x2 ...), else of the box."""
    polygon = _polygon(one)
    if polygon is not None:
        return polygon - first
    values = [_number(one, f"bndbox/{name}") for name in ("xmin", "ymin", "xmax", "ymax")]
    if any(value is None for value in values):
        return NOWHERE
    corners = np.array(values, float).reshape(2, 2)
    # Counted from 1, the last pixel belongs to the box, so its far edge is the same number.
    return corners - [[first, first], [0, 0]]


def _polygon(one: ElementTree.Element) -> Points | None:
    points = []
    number = 1
    while one.find(f"polygon/x{number}") is not None:
        points.append([_number(one, f"polygon/{axis}{number}") for axis in "xy"])
        number += 1
    if len(points) < 3 or any(value is None for point in points for value in point):
        return None
    return np.array(points, float)


def _number(element: ElementTree.Element, path: str) -> float | None:
    try:
        value = float(element.findtext(path, ""))
    except ValueError:
        return None
    return value if np.isfinite(value) else None


SOURCE = Source(
    name="voc",
    title="Boxes in Pascal VOC's format",
    modality="mammography",
    where="your own folder: pictures with an XML file each, or train, valid and test of them",
    terms="those of the data",
    citation="Everingham et al., The Pascal Visual Object Classes Challenge, IJCV 88 (2010) 303 "
    "(the format)",
    holds="what the folder holds",
    read=read,
    options={**OPTIONS, "first_pixel": FIRST_PIXEL},
)

"""A reader's marks as training data: COCO, and the two tables of a manifest.

A mark is what a reader thinks, and no pathology report stands behind it: "malignant" here is a
reader's word. "suspicious" and "missed" (a lesion that the program did not find) say nothing of
what it turned out to be, and leave the pathology empty.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from mammoscope.data.class_words import meaning
from mammoscope.data.columns import FINDINGS, IMAGES, Column
from mammoscope.errors import ConfigError
from mammoscope.geometry import Box
from mammoscope.types import Laterality

LABELS = ("benign", "malignant", "suspicious", "missed")
DATASET = "reading-room"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class MarkedPicture:
    """An image that a reader may have marked.

    Attributes:
        file_name: neutral, unique among those exported together; what a copy of the image must
            be called, from the folder that the files are put into.
        width, height: in pixels.
        study: id of its study, which stands for the woman: whether two studies are of the same
            one is not known.
        laterality, view: as in Mammogram.
        modality: as in a manifest.
    """

    file_name: str
    width: int
    height: int
    study: str
    laterality: Laterality | None = None
    view: str | None = None
    modality: str = "mammography"


@dataclass(frozen=True)
class ReaderMark:
    """One mark.

    Attributes:
        file_name: of the image it is in.
        box_px: (x1, y1, x2, y2) in source pixels, inside the image.
        label: one of LABELS.
        note: the reader's own words.
        created: time, ISO 8601.
    """

    file_name: str
    box_px: Box
    label: str
    note: str = ""
    created: str = ""


def coco(images: Sequence[MarkedPicture], marks: Sequence[ReaderMark]) -> dict[str, Any]:
    """The marks in COCO's detection format.

    Only images with a mark are in it: COCO reads an image without annotations as one where there
    is nothing, which a reader who marked nothing has not said.

    Returns:
        "info", "licenses", "images", "annotations" and "categories"; boxes are [x, y, width,
        height] in source pixels.

    Raises:
        ConfigError: two images of one name; a mark of no such image, of no known label, or
            outside its image.
    """
    known = _checked(images, marks)
    marked = {mark.file_name for mark in marks}
    number = {name: at for at, name in enumerate((n for n in known if n in marked), start=1)}
    return {
        "info": {"description": "A reader's marks, exported from Mammoscope", "version": "1"},
        "licenses": [],
        "images": [_coco_image(number[name], known[name]) for name in number],
        "annotations": [
            _coco_mark(at, number[mark.file_name], mark) for at, mark in enumerate(marks, start=1)
        ],
        "categories": [
            {"id": at, "name": label, "supercategory": "finding"}
            for at, label in enumerate(LABELS, start=1)
        ],
    }


def images_csv(images: Sequence[MarkedPicture], marks: Sequence[ReaderMark]) -> str:
    """The images as a manifest's manifest.csv (see docs/manifest.md).

    Raises:
        ConfigError: as in `coco`.
    """
    known = _checked(images, marks)
    labels: dict[str, list[str]] = {name: [] for name in known}
    for mark in marks:
        labels[mark.file_name].append(mark.label)
    return _csv(IMAGES, (), (_image_row(known[name], labels[name]) for name in known))


def findings_csv(images: Sequence[MarkedPicture], marks: Sequence[ReaderMark]) -> str:
    """The marks as a manifest's findings.csv, with "note" and "created" as further columns.

    Raises:
        ConfigError: as in `coco`.
    """
    _checked(images, marks)
    counts: dict[str, int] = {}
    rows = []
    for mark in marks:
        counts[mark.file_name] = counts.get(mark.file_name, 0) + 1
        rows.append(_finding_row(mark, counts[mark.file_name]))
    return _csv(FINDINGS, ("note", "created"), rows)


def _checked(
    images: Sequence[MarkedPicture], marks: Sequence[ReaderMark]
) -> dict[str, MarkedPicture]:
    known = {image.file_name: image for image in images}
    if len(known) < len(images):
        raise ConfigError("two images have the same file name; number them.")
    for mark in marks:
        fault = _fault(mark, known.get(mark.file_name))
        if fault:
            raise ConfigError(f"mark in {mark.file_name}: {fault}.")
    return known


def _fault(mark: ReaderMark, image: MarkedPicture | None) -> str:
    if image is None:
        return "there is no such image; export it together with its image"
    if mark.label not in LABELS:
        return f"label {mark.label!r} is not known; give one of {', '.join(LABELS)}"
    x1, y1, x2, y2 = mark.box_px
    if not (0 <= x1 < x2 <= image.width and 0 <= y1 < y2 <= image.height):
        found = ", ".join(f"{value:g}" for value in mark.box_px)
        return f"box {found} is empty or leaves the image of {image.width} x {image.height} pixels"
    return ""


def _coco_image(number: int, image: MarkedPicture) -> dict[str, Any]:
    return {
        "id": number,
        "file_name": image.file_name,
        "width": image.width,
        "height": image.height,
        "laterality": image.laterality,
        "view": image.view,
        "study": image.study,
    }


def _coco_mark(number: int, image: int, mark: ReaderMark) -> dict[str, Any]:
    x1, y1, x2, y2 = mark.box_px
    return {
        "id": number,
        "image_id": image,
        "category_id": LABELS.index(mark.label) + 1,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": (x2 - x1) * (y2 - y1),
        "iscrowd": 0,
        "segmentation": [],
        "note": mark.note,
        "created": mark.created,
    }


def _image_row(image: MarkedPicture, labels: Sequence[str]) -> dict[str, object]:
    return {
        "image_path": image.file_name,
        "dataset": DATASET,
        "patient_id": image.study,
        "exam_id": image.study,
        "laterality": image.laterality or "",
        "view": image.view or "",
        "modality": image.modality,
        "finding": "1" if labels else "",
        "label_text": ", ".join(sorted(set(labels))),
    }


def _finding_row(mark: ReaderMark, number: int) -> dict[str, object]:
    x1, y1, x2, y2 = mark.box_px
    return {
        "image_path": mark.file_name,
        "finding_id": f"{mark.file_name}-{number}",
        "outline": "box",
        "x1_px": x1,
        "y1_px": y1,
        "x2_px": x2,
        "y2_px": y2,
        "pathology": meaning(mark.label).pathology,
        "label_text": mark.label,
        "note": _harmless(mark.note),
        "created": mark.created,
    }


def _harmless(text: str) -> str:
    """One kind of line end, and an apostrophe before what a spreadsheet would run as a formula."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(
    columns: Sequence[Column], further: Sequence[str], rows: Iterable[Mapping[str, object]]
) -> str:
    text = StringIO()
    names = [*(column.name for column in columns), *further]
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()

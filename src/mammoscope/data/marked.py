"""Pictures with boxes or polygons around findings, as annotation tools write them, to Tables.

The formats (COCO, YOLO, Pascal VOC) differ in how they are read; what is done with their marks
is here, once: scaled to the picture's own pixels, held to the picture, and read for what the
class names say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.data.class_words import OPTION, Meaning, meaning, renames, together
from mammoscope.data.picture_files import (
    MODALITY_OPTION,
    PATIENT_OPTION,
    copy_groups,
    image_size,
    original_name,
    part_of,
    patient_ids,
)
from mammoscope.data.source import Tables
from mammoscope.io.naming import parse_name

OPTIONS = {"patient": PATIENT_OPTION, "classes": OPTION, "modality": MODALITY_OPTION}
"""Options that `marked_tables` knows, for `Source.options`."""
NORMALISED = (1.0, 1.0)
"""The frame of coordinates given as fractions of the picture."""
SPLIT_RULE = "the publisher's folders"
_ROUNDING_PX = 1.0
_SHOWN = 10

Points = NDArray[np.float64]
NOWHERE: Points = np.full((2, 2), np.nan)


@dataclass(frozen=True, eq=False)
class Mark:
    """One annotation.

    Attributes:
        label: its class.
        corners: (n, 2) x, y; two opposite corners of a box, or three and more of a polygon;
            NOWHERE if its place cannot be read.
    """

    label: str
    corners: Points


@dataclass(frozen=True, eq=False)
class MarkedImage:
    """One picture and its annotations.

    Attributes:
        path: relative to the data set's folder.
        marks: its annotations; None if the annotation files do not speak of the picture.
        frame: (width, height) of the frame that corners are in, NORMALISED if those are
            fractions; None if it is not stated and is taken for the picture's own.
    """

    path: Path
    marks: tuple[Mark, ...] | None
    frame: tuple[float, float] | None = None


def marked_tables(
    folder: Path, images: Sequence[MarkedImage], options: Mapping[str, str], notes: Sequence[str]
) -> Tables:
    """The tables of a data set of pictures with marks.

    Args:
        folder: the data set's.
        images: its pictures.
        options: of OPTIONS.
        notes: what the reader of the format has to say; notes made here follow.

    Raises:
        ConfigError: an option makes no sense.
    """
    names = renames(options.get("classes", ""))
    counts = dict.fromkeys(("broken", "other size", "clipped", "lost"), 0)
    findings = []
    for image in images:
        findings += _findings(folder, image, names, counts)
    told = [*notes, *_count_notes(images, counts), *_class_notes(images, names)]
    table, more = _images(images, options, names)
    return Tables(table, pd.DataFrame(findings), (*told, *more))


def held(corners: Points, size: tuple[int, int]) -> tuple[Points, bool] | None:
    """Corners clipped to their picture.

    Args:
        corners: (n, 2) x, y in source pixels.
        size: (width, height) of the picture.

    Returns:
        The corners and whether any lay more than a pixel outside; None if nothing is left, or if
        they enclose no area to begin with.
    """
    if not np.isfinite(corners).all():
        return None
    inside = np.clip(corners, 0, np.asarray(size, float))
    if not (np.ptp(inside, axis=0) > 0).all():
        return None
    return inside, bool(np.abs(inside - corners).max() > _ROUNDING_PX)


def place(corners: Points) -> dict[str, object]:
    """The columns of the findings table that say where: two corners a box, more a polygon."""
    (x1, y1), (x2, y2) = corners.min(axis=0), corners.max(axis=0)
    polygon = len(corners) > 2
    text = " ".join(f"{round(x, 2):.10g},{round(y, 2):.10g}" for x, y in corners.tolist())
    return {
        "outline": "polygon" if polygon else "box",
        "x1_px": round(x1, 2),
        "y1_px": round(y1, 2),
        "x2_px": round(x2, 2),
        "y2_px": round(y2, 2),
        "polygon_px": text if polygon else "",
    }


def _findings(
    folder: Path, image: MarkedImage, names: Mapping[str, str], counts: dict[str, int]
) -> list[dict[str, object]]:
    size = image_size(folder / image.path)
    counts["broken"] += size is None
    counts["other size"] += size is not None and image.frame not in (None, NORMALISED, size)
    rows: list[dict[str, object]] = []
    for mark in image.marks or ():
        placed = _placed(mark.corners, image.frame, size)
        if placed is None:
            counts["lost"] += 1
            continue
        counts["clipped"] += placed[1]
        said = meaning(names.get(mark.label, mark.label))
        rows.append(
            {
                "image_path": image.path.as_posix(),
                "finding_id": f"{image.path.stem}-{len(rows) + 1}",
                "kind": said.kind,
                **place(placed[0]),
                "pathology": said.pathology,
                "birads": said.birads,
                "label_text": mark.label,
            }
        )
    return rows


def _placed(
    corners: Points, frame: tuple[float, float] | None, size: tuple[int, int] | None
) -> tuple[Points, bool] | None:
    """In source pixels and held to the picture; of a broken picture as they are stated."""
    if not np.isfinite(corners).all():
        return None
    if size is None:
        return None if frame == NORMALISED else (corners, False)
    scaled = corners if frame is None else corners * (np.asarray(size) / np.asarray(frame))
    return held(scaled, size)


def _count_notes(images: Sequence[MarkedImage], counts: Mapping[str, int]) -> list[str]:
    silent = sum(image.marks is None for image in images)
    told = {
        f"{silent} images have no annotation; whether they hold a finding is unknown.": silent,
        f"{counts['broken']} images cannot be read; their size is not known.": counts["broken"],
        f"{counts['other size']} images are not of the size their annotation states; boxes were "
        "scaled.": counts["other size"],
        f"{counts['clipped']} boxes reached beyond their image and were clipped.": counts[
            "clipped"
        ],
        f"{counts['lost']} boxes have no place, no size or lie outside their image and were left "
        "out.": counts["lost"],
    }
    return [note for note, count in told.items() if count]


def _class_notes(images: Sequence[MarkedImage], names: Mapping[str, str]) -> list[str]:
    labels = sorted({mark.label for image in images for mark in image.marks or ()})
    dumb = [label for label in labels if not meaning(names.get(label, label)).cancer]
    notes = []
    if len(dumb) < len(labels):
        notes.append("Cancer and pathology are what the class names say; nothing proves them.")
    if dumb:
        more = ", ..." if len(dumb) > _SHOWN else ""
        notes.append(
            f"Classes that do not say whether it is a cancer: {', '.join(dumb[:_SHOWN])}{more}."
        )
    return notes


def _images(
    images: Sequence[MarkedImage], options: Mapping[str, str], names: Mapping[str, str]
) -> tuple[pd.DataFrame, list[str]]:
    paths = [image.path for image in images]
    originals, parts = [original_name(path) for path in paths], [part_of(path) for path in paths]
    patients, note = patient_ids(paths, originals, options.get("patient", ""))
    groups, notes = copy_groups(paths, originals, parts)
    said = [
        together([meaning(names.get(mark.label, mark.label)) for mark in image.marks or ()])
        for image in images
    ]
    table = image_table(paths, patients, said, options)
    table["finding"] = ["" if i.marks is None else str(int(bool(i.marks))) for i in images]
    table["label_text"] = [", ".join(sorted({m.label for m in i.marks or ()})) for i in images]
    table["duplicate_group"], table["split"] = groups, parts
    table["split_rule"] = [SPLIT_RULE if part else "" for part in parts]
    return table, [note, *notes]


def image_table(
    paths: Sequence[Path],
    patients: Sequence[str],
    said: Sequence[Meaning],
    options: Mapping[str, str],
) -> pd.DataFrame:
    """Images of which a name says all there is: side and view of the file's, labels of a class's.

    Args:
        paths: relative to the data set's folder.
        patients: the women.
        said: what the classes say.
        options: `modality` is looked at.
    """
    files = [parse_name(original_name(path)) for path in paths]
    table = pd.DataFrame(
        {
            "image_path": [path.as_posix() for path in paths],
            "patient_id": list(patients),
            "laterality": [name.laterality or "" for name in files],
            "view": [name.view or "" for name in files],
            "cancer": [one.cancer for one in said],
            "pathology": [one.pathology for one in said],
            "birads": [one.birads for one in said],
            "density": [one.density for one in said],
        },
        dtype=object,
    )
    if options.get("modality"):
        table["modality"] = options["modality"]
    return table

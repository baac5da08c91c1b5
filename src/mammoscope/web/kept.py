"""What stays of a study once its files are gone: values, pictures, report; no given name.

A study's folder holds study.json (what the page shows), report.json and report.html as the
command line writes them, and for image number i: i.values (the display's values, little-endian,
zstd), i.table (the grey level of each value, npy), i.map.png, i.thumbnail.jpg, i.overlay.png.
From values and table comes the very Mammogram that was judged, so that regions and other weights
can be asked later.
"""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache, partial
from itertools import count
from pathlib import Path
from typing import Any, cast

import cv2
import imagecodecs
import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import MammoscopeError
from mammoscope.files import write_atomic
from mammoscope.io.display import Display, as_shown, grey_table
from mammoscope.io.ultrasound import read_ultrasound
from mammoscope.outputs import wording
from mammoscope.outputs.colour import map_on, paint
from mammoscope.outputs.hanging import hang, is_mirrored
from mammoscope.outputs.html import write_html
from mammoscope.outputs.json_report import to_dict, write_json
from mammoscope.outputs.overlay import overlay
from mammoscope.types import ExamReport, ImageReport, LesionMap, Mammogram, Pixels
from mammoscope.web.reader import Read

STUDY_FILE, REPORT_JSON, REPORT_HTML = "study.json", "report.json", "report.html"
VALUES, TABLE, MAP, THUMBNAIL, OVERLAY = (
    "values",
    "table",
    "map.png",
    "thumbnail.jpg",
    "overlay.png",
)
_THUMBNAIL_SIDE, _MAP_SIDE, _JPEG_QUALITY = 200, 640, 85
_ZSTD_LEVEL = 1
_MAMMOGRAMS_IN_MEMORY = 4
_Picture = tuple[Mammogram, Display]


GONE = "There is no such study, or it has expired; see the worklist."
_OWN = re.compile(r"[0-9a-f]{32}|\.[0-9a-f]{32}\.part")


class NotThereError(MammoscopeError):
    """A study, image, mark or job that is not there, or not any more."""


class Kept:
    """The folders of studies below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.mammogram = lru_cache(_MAMMOGRAMS_IN_MEMORY)(self._mammogram)

    def write(self, identifier: str, read: Read) -> dict[str, Any]:
        """Write what it takes to show an exam whose files are still there, and to ask of it.

        Args:
            identifier: of the study; names its folder.
            read: the exam as it was read, the report with paths that may be kept.

        Returns:
            The content of study.json.
        """
        target, draft = self.folder / identifier, self.folder / f".{identifier}.part"
        draft.mkdir(mode=0o700)
        try:
            study = _write(draft, identifier, read)
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return study

    def write_pages(self, identifier: str, report: ExamReport) -> None:
        """Write what is not needed to show the study: its report and the overlay pictures."""
        folder = self.folder / identifier
        write_html(report, folder / REPORT_HTML)
        with ThreadPoolExecutor() as pool:
            list(pool.map(partial(_write_overlay, folder), count(), report.images))

    def study(self, identifier: str) -> dict[str, Any]:
        """What `write` returned.

        Raises:
            NotThereError: the folder is gone.
        """
        try:
            text = self.file(identifier, STUDY_FILE).read_text("utf-8")
        except FileNotFoundError:
            raise NotThereError(GONE) from None
        return cast("dict[str, Any]", json.loads(text))

    def file(self, identifier: str, name: str) -> Path:
        """Where a file of a study lies; it may not exist."""
        return self.folder / identifier / name

    def remove(self, identifier: str) -> None:
        """Delete the folder of a study."""
        shutil.rmtree(self.folder / identifier, ignore_errors=True)
        self.mammogram.cache_clear()

    def remove_others(self, known: set[str]) -> None:
        """Delete every folder that belongs to no known study: what a crash left."""
        for path in self.folder.iterdir():
            if path.name not in known and _OWN.fullmatch(path.name):
                shutil.rmtree(path, ignore_errors=True)

    def _mammogram(self, identifier: str, image: int) -> Mammogram:
        """The image as it was judged, or NotThereError."""
        images = self.study(identifier)["images"]
        if image >= len(images) or VALUES not in images[image]["files"]:
            raise NotThereError(f"The study has no picture number {image}.")
        entry = images[image]
        try:
            zstd = self.file(identifier, f"{image}.{VALUES}").read_bytes()
            table = np.load(self.file(identifier, f"{image}.{TABLE}"))
        except FileNotFoundError:
            raise NotThereError(GONE) from None
        shape = entry["height"], entry["width"]
        values = np.frombuffer(imagecodecs.zstd_decode(zstd), entry["dtype"]).reshape(shape)
        spacing = entry["spacing_mm"]
        return Mammogram(
            table[values],
            entry["name"],
            entry["laterality"],
            entry["view"],
            spacing_mm=None if spacing is None else tuple(spacing),
        )


def without_folder(report: ExamReport, folder: Path, names: Mapping[str, str]) -> ExamReport:
    """The report with other names for its files, in paths and in sentences.

    Args:
        report: of files in `folder`.
        folder: where they lay.
        names: what to call each, by its path in `folder`; those not in it keep that path.
    """
    # The longest first: one path may begin with another.
    longest = sorted(names.items(), key=lambda item: -len(item[0]))
    calls = {f"{folder}/{path}": name for path, name in longest}

    def told(text: str) -> str:
        for path, name in calls.items():
            text = text.replace(path, name)
        return text.replace(f"{folder}/", "")

    def renamed(image: ImageReport) -> ImageReport:
        refused = None if image.refused is None else told(image.refused)
        warnings = tuple(map(told, image.warnings))
        return replace(image, path=told(image.path), refused=refused, warnings=warnings)

    return replace(
        report,
        images=tuple(map(renamed, report.images)),
        warnings=tuple(map(told, report.warnings)),
    )


def summary(report: ExamReport) -> dict[str, Any]:
    """The figures of a study that the worklist shows, besides its malignancy."""
    found = to_dict(report)
    exam, ultrasound = found["exam"], _ultrasound(report)
    return {
        "malignancy_interval": exam["malignancy_interval"],
        "flag": exam["flag"] if ultrasound is None else ultrasound.flag,
        "sure": exam["sure"],
        "density": None if report.density is None else report.density.grade,
        "breasts": {side: found["breasts"][side]["malignancy"] for side in ("L", "R")},
        "images": len(report.images),
        "judged": sum(image.malignancy is not None for image in report.images),
        "ultrasound": ultrasound is not None,
        "thumbnails": [n for n, image in enumerate(report.images) if image.preview is not None][:4],
    }


def malignancy(report: ExamReport) -> float | None:
    """What the worklist is sorted by: the exam's, or that of its ultrasound pictures alone."""
    answer = _ultrasound(report)
    return report.malignancy if answer is None else answer.malignancy


def _ultrasound(report: ExamReport) -> Any:
    """The most suspicious answer of a study that is ultrasound alone; None if it is not."""
    answers = [image.ultrasound for image in report.images if image.ultrasound is not None]
    if report.malignancy is not None or not answers:
        return None
    return max(answers, key=lambda answer: answer.malignancy)


def map_png(lesion_map: LesionMap, shape: tuple[int, int]) -> bytes:
    """The map over the whole image of `shape` (height, width), as a transparent PNG."""
    smaller = min(1.0, _MAP_SIDE / max(shape))
    size = max(1, round(shape[0] * smaller)), max(1, round(shape[1] * smaller))
    return encoded(paint(map_on(lesion_map, size))[:, :, [2, 1, 0, 3]], ".png")


def encoded(pixels: Pixels, suffix: str) -> bytes:
    """A picture (BGR or grey) as the bytes of a file."""
    options = (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY) if suffix == ".jpg" else ()
    _, data = cv2.imencode(suffix, pixels, options)
    return data.tobytes()


def _write(folder: Path, identifier: str, read: Read) -> dict[str, Any]:
    report, pictures = read.report, list(_pictures(read))
    write_json(report, folder / REPORT_JSON)
    places = {id(image): slot for slot, image in enumerate(hang(report.images).standard)}
    found = to_dict(report)
    with ThreadPoolExecutor() as pool:  # the codecs let go of the interpreter lock
        shown = pool.map(partial(_write_image, folder), count(), report.images, pictures)
        images = [
            {"index": index, **_hung(image, places.get(id(image))), **files}
            | {name: said[name] for name in _FROM_REPORT}
            for index, (image, files, said) in enumerate(
                zip(report.images, shown, found["images"], strict=True)
            )
        ]
    study = {"id": identifier, "images": images, "report": found} | _said(report)
    write_atomic(folder / STUDY_FILE, json.dumps(study, ensure_ascii=False).encode())
    return study


_FROM_REPORT = (
    "laterality", "view", "malignancy", "malignancy_interval", "density", "findings", "warnings",
    "refused", "regions", "ultrasound", "nipple",
)  # fmt: skip


def _said(report: ExamReport) -> dict[str, Any]:
    points = sorted(report.operating_points, key=lambda point: point.threshold)
    sides = [report.sure, *(breast.sure for breast in report.breasts.values())]
    band = report.not_sure if False in sides else None
    return {
        "points": [
            {
                "name": wording.point_name(point),
                "threshold": point.threshold,
                "sensitivity": point.sensitivity,
                "specificity": point.specificity,
                "description": point.description,
                "chosen": point.name == report.operating_point.name,
            }
            for point in points
        ],
        "words": {
            "verdict": wording.verdict(report),
            "verdict_detail": wording.verdict_detail(report),
            "not_sure": None if band is None else wording.not_sure_detail(band),
            "interval": wording.INTERVAL_SENTENCE,
            "calibration": wording.calibration_note(report.model.card),
            "research": wording.RESEARCH_SENTENCE,
            "density": dict(wording.DENSITY_WORDS),
            "places": [
                [wording.place(finding, report) for finding in image.findings]
                for image in report.images
            ],
        },
        "model": {
            "name": report.model.name,
            "sha256": report.model.sha256,
            "runtime": report.model.runtime,
        },
    }


def _hung(image: ImageReport, slot: int | None) -> dict[str, Any]:
    name = wording.view_name(image) if image.preview is not None else "Unreadable file"
    breast = None if image.breast_px is None else list(image.breast_px)
    return {"name": name, "slot": slot, "mirrored": is_mirrored(image), "breast_px": breast}


def _pictures(read: Read) -> Iterator[_Picture | None]:
    """What is shown of each image of the report, in its order; None where nothing is."""
    at = iter(read.exam.images)
    unread = iter(read.exam.unreadable)
    for number, image in enumerate(read.report.images):
        if number < len(read.exam.images):
            mammogram = next(at)
            yield mammogram, read.displays[mammogram.path]
        else:
            file = next(unread)
            picture = None if image.ultrasound is None else read_ultrasound(file.path)
            yield None if picture is None else (picture, as_shown(picture))


def _write_image(
    folder: Path, index: int, image: ImageReport, picture: _Picture | None
) -> dict[str, Any]:
    """Write the files of one image; returns what the viewer must know to show it."""
    if picture is None or image.preview is None:
        return dict.fromkeys(_SHOWN) | {"files": [], "windows": []}
    mammogram = picture[0]
    display, table = _shown(*picture)
    values = np.ascontiguousarray(display.values)
    zstd = imagecodecs.zstd_encode(values.tobytes(), level=_ZSTD_LEVEL)
    files = {VALUES: bytes(zstd), TABLE: _npy(table), THUMBNAIL: _thumbnail(image.preview)}
    if image.lesion_map is not None:
        files[MAP] = map_png(image.lesion_map, mammogram.shape)
    for name, content in files.items():
        write_atomic(folder / f"{index}.{name}", content)
    spacing = mammogram.spacing_mm
    return {
        "width": mammogram.shape[1],
        "height": mammogram.shape[0],
        "dtype": values.dtype.name,
        "slope": display.slope,
        "intercept": display.intercept,
        "low_is_white": display.low_is_white,
        "windows": [vars(window) for window in display.windows],
        "spacing_mm": None if spacing is None else list(spacing),
        "files": sorted(files),
    }


def _write_overlay(folder: Path, index: int, image: ImageReport) -> None:
    if image.preview is not None:
        write_atomic(folder / f"{index}.{OVERLAY}", encoded(overlay(image)[:, :, ::-1], ".png"))


_SHOWN = ("width", "height", "dtype", "slope", "intercept", "low_is_white", "spacing_mm")


def _shown(mammogram: Mammogram, display: Display) -> tuple[Display, Pixels]:
    """Values to be windowed, and the grey level of each as it was judged."""
    table = grey_table(display.values, mammogram.pixels)
    if table is None:
        display, dtype = as_shown(mammogram), mammogram.pixels.dtype
        table = cast("Pixels", np.arange(np.iinfo(dtype).max + 1, dtype=dtype))
    # Which way round it was judged says the table: a negative was turned over.
    low, high = int(display.values.min()), int(display.values.max())
    return replace(display, low_is_white=bool(table[high] < table[low])), table


def _npy(table: Pixels) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, table)
    return buffer.getvalue()


def _thumbnail(preview: NDArray[np.uint8]) -> bytes:
    smaller = _THUMBNAIL_SIDE / max(preview.shape)
    size = max(1, round(preview.shape[1] * smaller)), max(1, round(preview.shape[0] * smaller))
    return encoded(cast("Any", cv2.resize(preview, size, interpolation=cv2.INTER_AREA)), ".jpg")

"""What is asked of studies that are kept: the worklist, one study, its pictures, its marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.exc import IntegrityError

from mammoscope.errors import ConfigError
from mammoscope.types import ExamReport, Mammogram
from mammoscope.web.annotations import MarkedPicture, ReaderMark
from mammoscope.web.kept import (
    GONE,
    MAP,
    OVERLAY,
    THUMBNAIL,
    VALUES,
    Kept,
    NotThereError,
    malignancy,
    summary,
)
from mammoscope.web.reader import Read
from mammoscope.web.schemas import MarkRequest
from mammoscope.web.store import MarkRow, Order, Store, StudyRow, iso

API = "/api/v1"


@dataclass(frozen=True)
class _Given:
    """What a study was called by who sent it."""

    session: str
    name: str


class Studies:
    """The studies in one folder: what they show lies in files, the rest in a database.

    Args:
        folder: of the server's data.
        keep_days: after which a study is deleted.
    """

    def __init__(self, folder: Path, keep_days: float) -> None:
        self.kept = Kept(folder / "studies")
        self.store = Store(f"sqlite:///{folder / 'studies.sqlite'}", keep_days)
        self._given: dict[str, _Given] = {}
        self.tidy()
        self.kept.remove_others(self.store.known())

    def tidy(self) -> None:
        """Delete what has expired."""
        for identifier in self.store.expire():
            self._forget(identifier)

    def add(self, identifier: str, read: Read, session: str, given: str) -> None:
        """Keep an exam whose files are still there; `given` is told to `session` alone."""
        self.kept.write(identifier, read)
        self.store.add(identifier, malignancy(read.report), summary(read.report))
        self._given[identifier] = _Given(session, given)

    def add_pages(self, identifier: str, report: ExamReport) -> None:
        """Write what is not needed to show the study; it may have been deleted meanwhile."""
        self.kept.write_pages(identifier, report)
        if identifier not in self.store.known():
            self._forget(identifier)

    def rows(self, session: str, order: Order) -> list[dict[str, Any]]:
        """The worklist."""
        return [self.row(row, session) for row in self.store.studies(order)]

    def row(self, row: StudyRow, session: str) -> dict[str, Any]:
        """A study's line in the worklist."""
        given = self._given.get(row.id)
        base = f"{API}/studies/{row.id}/images"
        return {
            **row.summary,
            "id": row.id,
            "created": iso(row.created),
            "expires": iso(row.expires),
            "label": f"Exam {row.number}",
            "name": given.name if given is not None and given.session == session else None,
            "malignancy": row.malignancy,
            "verdict": row.verdict,
            "note": row.note,
            "marks": len(row.marks),
            "thumbnails": [f"{base}/{n}/{THUMBNAIL}" for n in row.summary["thumbnails"]],
        }

    def study(self, identifier: str, session: str) -> dict[str, Any]:
        """All that the page shows of a study."""
        row = self.found(identifier)
        kept = self.kept.study(identifier)
        images = [_with_urls(identifier, image) for image in kept["images"]]
        marks = [mark_dict(mark) for mark in row.marks]
        return {**self.row(row, session), **kept, "images": images, "marks": marks}

    def found(self, identifier: str) -> StudyRow:
        """A study's row, or NotThereError."""
        row = self.store.study(identifier)
        if row is None:
            raise NotThereError(GONE)
        return row

    def mammogram(self, identifier: str, image: int) -> Mammogram:
        """An image of a study as it was judged, or NotThereError."""
        self.found(identifier)
        return self.kept.mammogram(identifier, image)

    def remove(self, identifier: str) -> None:
        """Delete a study and all that was kept of it."""
        self.found(identifier)
        self.store.remove(identifier)
        self._forget(identifier)

    def values(self, identifier: str, image: int) -> Path:
        """The file of an image's values, zstd-compressed, or NotThereError."""
        self.found(identifier)
        path = self.kept.file(identifier, f"{image}.{VALUES}")
        if not path.is_file():
            raise NotThereError(f"The study has no picture number {image}.")
        return path

    def mark(self, identifier: str, asked: MarkRequest) -> dict[str, Any]:
        """Keep a reader's box, or raise ConfigError where it is not in its image."""
        shape = self.mammogram(identifier, asked.image).shape
        x1, y1, x2, y2 = asked.box_px
        if not (0 <= x1 < x2 <= shape[1] and 0 <= y1 < y2 <= shape[0]):
            raise ConfigError(
                f"box_px {x1:g},{y1:g},{x2:g},{y2:g} is no box in an image {shape[1]} pixels wide "
                f"and {shape[0]} high; give x1 below x2 and y1 below y2, inside it."
            )
        try:
            row = self.store.mark(identifier, asked.image, asked.box_px, asked.label, asked.note)
        except IntegrityError:  # deleted since it was looked up
            raise NotThereError(GONE) from None
        return mark_dict(row)

    def unmark(self, identifier: str, mark: str) -> None:
        """Delete a reader's box, or raise NotThereError."""
        if not self.store.unmark(identifier, mark):
            raise NotThereError("There is no such mark; it may have been deleted already.")

    def annotated(self, study: str | None) -> tuple[list[MarkedPicture], list[ReaderMark]]:
        """Images that carry marks, and the marks, of one study or of all."""
        rows = [self.found(study)] if study else list(self.store.studies("created"))
        images: list[MarkedPicture] = []
        marks: list[ReaderMark] = []
        for row in (row for row in rows if row.marks):
            try:
                entries = self.kept.study(row.id)["images"]
            except NotThereError:
                if study:
                    raise
                continue  # one that is being deleted is no reason to refuse the others
            images += [_picture(row.id, entries[n]) for n in sorted({m.image for m in row.marks})]
            marks += [_reader_mark(row.id, mark) for mark in row.marks]
        return images, marks

    def _forget(self, identifier: str) -> None:
        self.kept.remove(identifier)
        self._given.pop(identifier, None)


def mark_dict(mark: MarkRow) -> dict[str, Any]:
    """A mark as the API tells it."""
    return {
        "id": mark.id,
        "image": mark.image,
        "box_px": mark.box_px,
        "label": mark.label,
        "note": mark.note,
        "created": iso(mark.created),
    }


def _with_urls(identifier: str, image: Mapping[str, Any]) -> dict[str, Any]:
    base = f"{API}/studies/{identifier}/images/{image['index']}"
    urls = {
        "values_url": VALUES,
        "map_url": MAP,
        "thumbnail_url": THUMBNAIL,
        "overlay_url": OVERLAY,
    }
    found = {
        field: f"{base}/{name}" if name in image["files"] else None for field, name in urls.items()
    }
    return {name: value for name, value in image.items() if name != "files"} | found


def _picture(study: str, image: Mapping[str, Any]) -> MarkedPicture:
    return MarkedPicture(
        _file_name(study, image["index"]),
        image["width"],
        image["height"],
        study,
        image["laterality"],
        image["view"],
        "ultrasound" if image["ultrasound"] else "mammography",
    )


def _reader_mark(study: str, mark: MarkRow) -> ReaderMark:
    x1, y1, x2, y2 = mark.box_px
    name = _file_name(study, mark.image)
    return ReaderMark(name, (x1, y1, x2, y2), mark.label, mark.note, iso(mark.created))


def _file_name(study: str, image: int) -> str:
    return f"{study}_{image}.png"

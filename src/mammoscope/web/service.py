"""What the server does, without HTTP: from received files to studies, and what is asked of them."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mammoscope.data.demo_exam import demo_folder
from mammoscope.errors import ConfigError, MammoscopeError, ReadError
from mammoscope.io.dicom import dicom_patient_name
from mammoscope.outputs.json_report import to_dict
from mammoscope.types import ExamReport, Mammogram
from mammoscope.web.annotations import MarkedPicture, ReaderMark
from mammoscope.web.evaluations import evaluate_files
from mammoscope.web.jobs import FileState, Job, Jobs
from mammoscope.web.kept import (
    MAP,
    OVERLAY,
    THUMBNAIL,
    VALUES,
    Kept,
    malignancy,
    summary,
    without_folder,
)
from mammoscope.web.reader import Read, Reader
from mammoscope.web.schemas import MarkRequest
from mammoscope.web.settings import Settings
from mammoscope.web.store import MarkRow, Order, Store, StudyRow, iso
from mammoscope.web.uploads import Received

API = "/api/v1"
_DAY_S = 86_400


class NotThereError(MammoscopeError):
    """A study, image, mark or job that is not there, or not any more."""


@dataclass(frozen=True)
class _Given:
    """What a study was called by who sent it."""

    session: str
    name: str


class Service:
    """All that requests share.

    Args:
        settings: of the server.
        reader: the networks; loaded here if None.
    """

    def __init__(self, settings: Settings, reader: Reader | None = None) -> None:
        self.settings = settings
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.uploads = settings.data / "uploads"
        shutil.rmtree(self.uploads, ignore_errors=True)  # what a crash left
        self.uploads.mkdir(mode=0o700)
        self.reader = reader or Reader(settings.weights)
        self.jobs = Jobs(settings.waiting)
        self.kept = Kept(settings.data / "studies")
        self.evaluations = settings.data / "evaluations"
        self.evaluations.mkdir(exist_ok=True, mode=0o700)
        self.store = Store(f"sqlite:///{settings.data / 'studies.sqlite'}", settings.keep_days)
        self._given: dict[str, _Given] = {}
        self.tidy()
        self.kept.remove_others(self.store.known())

    def close(self) -> None:
        """Finish what runs and let go of everything."""
        self.jobs.close()
        self.store.close()
        shutil.rmtree(self.uploads, ignore_errors=True)

    def tidy(self) -> None:
        """Delete what has expired."""
        for identifier in self.store.expire():
            self._forget(identifier)
        oldest = time.time() - self.settings.keep_days * _DAY_S
        for folder in self.evaluations.iterdir():
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)

    def new_upload(self) -> Path:
        """A folder for the files of one request, not made yet."""
        return self.uploads / secrets.token_hex(16)

    # Judging

    def start(self, received: Received, session: str) -> Job:
        """Begin a job that makes studies of received files, and then deletes these."""
        files = [FileState(name) for name in received.names.values()]
        refused = [FileState(name, "refused", reason) for name, reason in received.refused]
        job = Job(session, files=[*files, *refused], total=len(files))
        self._submit(job, partial(self._read, received), received.folder)
        return job

    def start_demo(self, session: str) -> Job:
        """Begin a job on the synthetic exam that ships."""
        folder = self.new_upload()
        folder.mkdir(mode=0o700)
        names = {}
        for path in sorted(demo_folder().glob("*.png")):
            shutil.copyfile(path, folder / path.name)
            names[path.name] = path.name
        return self.start(Received(folder, names, ()), session)

    async def predict_in_turn(self, received: Received) -> dict[str, Any]:
        """As `predict`, in its turn among the jobs.

        Raises:
            QueueFullError: too many wait already.
        """
        said: dict[str, Any] = {}

        def work(_job: Job) -> None:
            said.update(self.predict(received))

        job = Job("")
        await asyncio.wrap_future(self._submit(job, work, received.folder))
        if job.error is not None:
            raise RuntimeError(job.error) if job.unexpected else ConfigError(job.error)
        return said

    def predict(self, received: Received) -> dict[str, Any]:
        """Judge received files at once and keep nothing: what the command line prints as JSON."""
        folder, names = received.folder, dict(received.names)
        failed = [{"file": name, "reason": reason} for name, reason in received.refused]
        exams = []
        try:
            for read in self.reader.judge(self.reader.find([folder] if names else [])):
                report = without_folder(read.report, folder, names)
                exams.append(to_dict(report))
                failed += [
                    {"file": image.path, "reason": image.refused}
                    for image in report.images
                    if image.refused is not None
                ]
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return {"exams": exams, "failed": failed}

    def _read(self, received: Received, job: Job) -> None:
        folder = received.folder
        states = _by_path(job, received)
        try:
            exams = self.reader.find([folder]) if received.names else []
            for files in exams:
                for path in files.paths:
                    states[path].state = "reading"
                for read in self.reader.judge([files]):
                    self._keep(job, read, received, states)
                job.done += len(files.paths)
            _conclude(job)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _keep(
        self, job: Job, read: Read, received: Received, states: Mapping[str, FileState]
    ) -> None:
        """Keep what was read, and tell how each file fared by the name it was given."""
        own = without_folder(read.report, received.folder, received.names)
        for image, called in zip(read.report.images, own.images, strict=True):
            state = states[image.path]
            state.state = "read" if called.refused is None else "refused"
            state.reason = called.refused
        if all(image.preview is None for image in read.report.images):
            return
        identifier = secrets.token_hex(16)
        neutral = without_folder(read.report, received.folder, {})
        self.kept.write(identifier, Read(read.exam, neutral))
        self._given[identifier] = _Given(job.session, _called(read, own))
        self.store.add(identifier, malignancy(neutral), summary(neutral))
        job.studies.append(identifier)
        self.kept.write_pages(identifier, neutral)

    # Asking

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
            raise NotThereError("There is no such study, or it has expired; see the worklist.")
        return row

    def mammogram(self, identifier: str, image: int) -> Mammogram:
        """An image of a study as it was judged, or NotThereError."""
        self.found(identifier)
        images = self.kept.study(identifier)["images"]
        if image >= len(images) or VALUES not in images[image]["files"]:
            raise NotThereError(f"The study has no picture number {image}.")
        return self.kept.mammogram(identifier, image)

    def remove(self, identifier: str) -> None:
        """Delete a study and all that was kept of it."""
        self.found(identifier)
        self.store.remove(identifier)
        self._forget(identifier)

    def mark(self, identifier: str, asked: MarkRequest) -> dict[str, Any]:
        """Keep a reader's box, or raise ConfigError where it is not in its image."""
        shape = self.mammogram(identifier, asked.image).shape
        x1, y1, x2, y2 = asked.box_px
        if not (0 <= x1 < x2 <= shape[1] and 0 <= y1 < y2 <= shape[0]):
            raise ConfigError(
                f"box_px {x1:g},{y1:g},{x2:g},{y2:g} is no box in an image {shape[1]} pixels wide "
                f"and {shape[0]} high; give x1 below x2 and y1 below y2, inside it."
            )
        return mark_dict(
            self.store.mark(identifier, asked.image, asked.box_px, asked.label, asked.note)
        )

    def unmark(self, identifier: str, mark: str) -> None:
        """Delete a reader's box, or raise NotThereError."""
        if not self.store.unmark(identifier, mark):
            raise NotThereError("There is no such mark; it may have been deleted already.")

    def annotated(self, study: str | None) -> tuple[list[MarkedPicture], list[ReaderMark]]:
        """Images that carry marks, and the marks, of one study or of all."""
        rows = [self.found(study)] if study else list(self.store.studies("created"))
        images: list[MarkedPicture] = []
        marks: list[ReaderMark] = []
        for row in rows:
            entries = self.kept.study(row.id)["images"] if row.marks else []
            for number in sorted({mark.image for mark in row.marks}):
                images.append(_picture(row.id, entries[number]))
            marks += [_reader_mark(row.id, mark) for mark in row.marks]
        return images, marks

    # Evaluating

    def start_evaluation(
        self, predictions: Sequence[Path], truth: Path, folder: Path, session: str
    ) -> Job:
        """Begin a job that evaluates tables in `folder`, and then deletes these."""
        job = Job(session, total=1)
        identifier = secrets.token_hex(16)

        def work(job: Job) -> None:
            try:
                evaluate_files(
                    predictions, truth, self.evaluations / identifier, partial(setattr, job, "step")
                )
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            job.done, job.step = 1, None
            job.evaluations.append(identifier)

        self._submit(job, work, folder)
        return job

    def evaluation(self, identifier: str) -> Path:
        """The report of an evaluation, or NotThereError."""
        report = self.evaluations / identifier / "report.html"
        if not report.is_file():
            raise NotThereError("There is no such evaluation, or it has expired.")
        return report

    def _submit(self, job: Job, work: Callable[[Job], None], folder: Path) -> Future[None]:
        try:
            return self.jobs.submit(job, work)
        except MammoscopeError:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def values(self, identifier: str, image: int) -> bytes:
        """An image's values, zstd-compressed, or NotThereError."""
        self.found(identifier)
        try:
            return self.kept.values(identifier, image)
        except FileNotFoundError:
            raise NotThereError(f"The study has no picture number {image}.") from None

    def models(self) -> list[dict[str, Any]]:
        """The weights that can be asked; the default of each purpose is the one that ships."""
        seen: set[str] = set()
        found = []
        for weights in self.reader.models:
            found.append(
                {
                    "name": weights.name,
                    "purpose": weights.purpose,
                    "description": str(weights.card.get("description", "")),
                    "sha256": weights.card["sha256"],
                    "default": weights.purpose not in seen,
                }
            )
            seen.add(weights.purpose)
        return found

    def card(self, name: str) -> Mapping[str, Any]:
        """The card of a set of weights, or NotThereError."""
        for weights in self.reader.models:
            if weights.name == name:
                return weights.card
        names = ", ".join(weights.name for weights in self.reader.models)
        raise NotThereError(f"There are no weights of that name; there are {names}.")

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


def _by_path(job: Job, received: Received) -> dict[str, FileState]:
    paths = [str(received.folder / name) for name in received.names]
    return dict(zip(paths, job.files, strict=False))


def _conclude(job: Job) -> None:
    """A file that no exam took up, such as one with no image in it, was still waiting."""
    for file in job.files:
        if file.state in ("waiting", "reading"):
            file.state, file.reason = (
                "failed",
                f"{file.name}: the file holds no image that is read.",
            )
    if not job.studies:
        job.error = "No image could be judged; the reason stands with each file."


def _called(read: Read, own: ExamReport) -> str:
    """The patient's name in the first DICOM file, else the first file's given name."""
    for image in read.exam.images:
        try:
            name = dicom_patient_name(image.path)
        except ReadError:
            continue
        if name:
            return name
    return Path(own.images[0].path).name


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

"""What the server does, without HTTP: from received files to studies and evaluations."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path, PurePath
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread

from mammoscope.data.demo_exam import demo_folder
from mammoscope.errors import ConfigError, MammoscopeError, ReadError
from mammoscope.io import ExamFiles
from mammoscope.io.dicom import dicom_patient_name
from mammoscope.outputs.json_report import to_dict
from mammoscope.types import ExamReport
from mammoscope.web.evaluations import evaluate_apart
from mammoscope.web.jobs import FileState, Job, Jobs, QueueFullError, debugging, log
from mammoscope.web.kept import NotThereError, without_folder
from mammoscope.web.reader import Read, Reader
from mammoscope.web.settings import Settings
from mammoscope.web.studies import Studies
from mammoscope.web.uploads import Received

_DAY_S = 86_400
_ASKING = 2
Answer = TypeVar("Answer")


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
        self.evaluations = settings.data / "evaluations"
        self.evaluations.mkdir(exist_ok=True, mode=0o700)
        self.reader = reader or Reader(settings.weights)
        self.jobs = Jobs(settings.waiting)
        self._asking = CapacityLimiter(_ASKING)
        self.studies = Studies(settings.data, settings.keep_days)

    def close(self) -> None:
        """Finish what runs and let go of everything."""
        self.jobs.close()
        self.studies.store.close()
        shutil.rmtree(self.uploads, ignore_errors=True)

    def tidy(self) -> None:
        """Delete what has expired."""
        self.studies.tidy()
        oldest = time.time() - self.settings.keep_days * _DAY_S
        for folder in self.evaluations.iterdir():
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)

    def new_upload(self) -> Path:
        """A folder for the files of one request, not made yet."""
        return self.uploads / secrets.token_hex(16)

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
            names[path.name] = f"Demo exam/{path.name}"
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

    async def in_turn(self, work: Callable[[], Answer]) -> Answer:
        """Answer a short question; few at a time, so that pages and health wait for none.

        Raises:
            QueueFullError: too many wait already.
        """
        if self._asking.statistics().tasks_waiting >= self.settings.waiting:
            raise QueueFullError("Too many questions are waiting; try again in a moment.")
        return await to_thread.run_sync(work, limiter=self._asking)

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
                if self.jobs.stopping.is_set():
                    raise MammoscopeError("The server is stopping; send the files again.")
                of_exam = [states[path] for path in files.paths]
                self._read_exam(job, files, received, of_exam)
                job.done += len(of_exam)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if not job.studies:
            job.error = "No image could be judged; the reason stands with each file."

    def _read_exam(
        self, job: Job, files: ExamFiles, received: Received, states: Sequence[FileState]
    ) -> None:
        """Judge and keep one exam; what goes wrong with it is no reason to leave out the others."""
        for state in states:
            state.state = "reading"
        try:
            for read in self.reader.judge([files]):
                self._keep(job, read, received, dict(zip(files.paths, states, strict=True)))
        except Exception as error:  # noqa: BLE001 - one exam of many
            kind = type(error).__name__
            log.error("job %s: unexpected %s in one exam", job.id, kind, exc_info=debugging())
            for state in states:
                state.state, state.reason = "failed", f"{state.name}: unexpected {kind}."

    def _keep(
        self, job: Job, read: Read, received: Received, states: Mapping[str, FileState]
    ) -> None:
        """Keep what was read, then tell how each file fared by the name it was given."""
        folder = received.folder
        own = without_folder(read.report, folder, received.names)
        shown = any(image.preview is not None for image in read.report.images)
        identifier = secrets.token_hex(16)
        neutral = without_folder(read.report, folder, _numbered(received))
        if shown:
            self.studies.add(
                identifier, read._replace(report=neutral), job.session, _called(read, own)
            )
            job.studies.append(identifier)
        for image, told in zip(read.report.images, own.images, strict=True):
            state = states[image.path]
            state.state = "read" if told.refused is None else "refused"
            state.reason = told.refused
        if shown:
            self.studies.add_pages(identifier, neutral)

    def start_evaluation(
        self, predictions: Sequence[Path], truth: Path, folder: Path, session: str
    ) -> Job:
        """Begin a job that evaluates tables in `folder`, and then deletes these."""
        job = Job(session, total=1)

        def work(job: Job) -> None:
            identifier = secrets.token_hex(16)
            out = self.evaluations / identifier
            try:
                evaluate_apart(
                    predictions, truth, out, partial(setattr, job, "step"), self.jobs.stopping
                )
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            job.done, job.step = 1, None
            job.evaluations.append(identifier)

        self._submit(job, work, folder, long=True)
        return job

    def evaluation(self, identifier: str) -> Path:
        """The report of an evaluation, or NotThereError."""
        report = self.evaluations / identifier / "report.html"
        if not report.is_file():
            raise NotThereError("There is no such evaluation, or it has expired.")
        return report

    def _submit(
        self, job: Job, work: Callable[[Job], None], folder: Path, *, long: bool = False
    ) -> Future[None]:
        try:
            return self.jobs.submit(job, work, long=long)
        except MammoscopeError:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def _by_path(job: Job, received: Received) -> dict[str, FileState]:
    paths = [str(received.folder / name) for name in received.names]
    return dict(zip(paths, job.files, strict=False))


def _numbered(received: Received) -> dict[str, str]:
    """What a file is called in what is kept."""
    return {path: f"file {number}" for number, path in enumerate(received.names, 1)}


def _called(read: Read, own: ExamReport) -> str:
    """The patient's name in a DICOM file, else the folder or file that was given."""
    for image in read.exam.images:
        try:
            name = dicom_patient_name(image.path)
        except ReadError:
            continue
        if name:
            return name
    given = PurePath(own.images[0].path)
    return given.parent.name or given.name

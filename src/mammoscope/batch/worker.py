"""What a reading process does: from the files of one exam to what the network needs of them.

Full pixels never leave it. Of each image go back the network's input and tissue (uint8, the
network's size), the geometry and what the file says; the preview of a report is not made.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import traceback
import warnings
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

import cv2

from mammoscope.batch.items import Item
from mammoscope.batch.remote import local_file
from mammoscope.errors import ReadError
from mammoscope.io import ExamFiles, load_exam, read_mammogram
from mammoscope.preprocess import Prepared, PreprocessParams, prepare
from mammoscope.types import Exam, Mammogram


@dataclass(frozen=True, eq=False)
class Ready:
    """An exam that the network can see.

    Attributes:
        item: what it was made from.
        exam: paths start from the work's root; of every image one pixel is left.
        prepared: of the exam's images, in their order.
    """

    item: Item
    exam: Exam
    prepared: tuple[Prepared, ...]


@dataclass(frozen=True)
class Lost:
    """An exam that gave nothing, and why."""

    item: Item
    reason: str


def work(connection: Connection, root: str, params: PreprocessParams) -> None:
    """Read what comes through `connection` until it closes; the first word is a greeting, None."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and closes the connection
    cv2.setNumThreads(1)
    if not _debug():
        warnings.simplefilter("ignore")  # libraries' own chatter may quote what files hold
        logging.disable(logging.CRITICAL)
    try:
        connection.send(None)
        while True:
            connection.send(read_or_lose(connection.recv(), root, params))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def read_or_lose(item: Item, root: str, params: PreprocessParams) -> Ready | Lost:
    """As `read_item`, whatever goes wrong."""
    try:
        return read_item(item, root, params)
    except Exception as error:  # noqa: BLE001 - one exam of many
        return Lost(item, unforeseen(error))


def unforeseen(error: Exception) -> str:
    """Only the kind of an unforeseen error: its text may quote what a file holds."""
    if _debug():
        traceback.print_exception(error)
    return f"unexpected {type(error).__name__}; --debug shows where it happened"


def read_item(item: Item, root: str, params: PreprocessParams) -> Ready:
    """Read and prepare the images of one exam, one at a time.

    Args:
        item: the exam.
        root: folder or URL that its paths start from.
        params: how the network wants its images.
    """
    prepared: dict[str, Prepared] = {}
    below = {os.path.join(root, path): path for path in item.paths}  # noqa: PTH118 - or a URL
    one_at_a_time = threading.Lock()  # `load_exam` reads in threads; the processes are enough

    def read(whole: str) -> Mammogram:
        path = below[whole]
        with one_at_a_time, local_file(root, path) as file:
            mammogram = _read_as(path, file)
            prepared[path] = prepare(mammogram, params)
        return replace(mammogram, path=path, pixels=mammogram.pixels[:1, :1].copy())

    exam = load_exam(ExamFiles(item.exam_id, tuple(below)), read)
    unreadable = tuple(
        replace(
            file, path=below[file.path], reason=file.reason.replace(file.path, below[file.path])
        )
        for file in exam.unreadable
    )
    images = tuple(prepared[image.path] for image in exam.images)
    return Ready(item, replace(exam, unreadable=unreadable), images)


def _read_as(path: str, file: str) -> Mammogram:
    """Read `file`; what is wrong with it is said of `path`."""
    try:
        return read_mammogram(file)
    except ReadError as error:
        raise type(error)(path, error.reason, error.remedy) from error


def _debug() -> bool:
    return os.environ.get("MAMMOSCOPE_DEBUG", "0") not in ("", "0")

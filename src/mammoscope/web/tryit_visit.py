"""What a visit to the try-it page holds: files under names of our own, until they are read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np

from mammoscope.errors import ConfigError
from mammoscope.types import Exam, ExamReport, Mammogram
from mammoscope.web.neutral import neutral_names


class Case(NamedTuple):
    """One exam of an upload; the pixels of its images are mapped from files."""

    exam: Exam
    report: ExamReport


@dataclass(frozen=True, eq=False)
class Held:
    """What one visitor's last upload left behind.

    Attributes:
        folder: of its files; goes when it does.
        cases: the exams.
        names: what the visitor calls each file, by the name it had here.
    """

    folder: Path
    cases: tuple[Case, ...]
    names: Mapping[str, str]


def empty(folder: Path) -> None:
    """Delete what an earlier run left behind, and make the folder anew.

    Raises:
        ConfigError: it cannot be written to.
    """
    shutil.rmtree(folder, ignore_errors=True)
    try:
        (folder / "held").mkdir(parents=True)
        (folder / "gradio").mkdir()
    except OSError as error:
        raise ConfigError(
            f"{folder}: {error.strerror}; give a data folder that can be written to."
        ) from error


def forget(before: Held | None) -> None:
    """Delete what an earlier upload left behind."""
    if before is not None:
        shutil.rmtree(before.folder, ignore_errors=True)


def take(files: Sequence[str], folder: Path) -> list[Path]:
    """Move files to neutral names below `folder`; see `mammoscope.web.neutral`."""
    paths = [folder / name for name in neutral_names([PurePath(file).name for file in files])]
    for file, path in zip(files, paths, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, path)
    return paths


def hold(judged: Sequence[tuple[Exam, ExamReport]], folder: Path, names: Mapping[str, str]) -> Held:
    """Keep exams for the region tool, their pixels in files below `folder`.

    Raises:
        ConfigError: there is no exam.
    """
    if not judged:
        raise ConfigError("nothing in these files could be judged; give mammograms.")
    folder.mkdir(parents=True, exist_ok=True)
    cases = [
        Case(replace(exam, images=tuple(_mapped(exam.images, folder, at))), report)
        for at, (exam, report) in enumerate(judged)
    ]
    return Held(folder, tuple(cases), names)


def _mapped(images: Sequence[Mammogram], folder: Path, exam: int) -> Iterator[Mammogram]:
    """The images with their pixels in files, so that a visit holds no memory."""
    for at, image in enumerate(images):
        file = folder / f"{exam}-{at}.npy"
        np.save(file, image.pixels)
        yield replace(image, pixels=np.asarray(np.load(file, mmap_mode="r")))

"""Files and folders to exams.

Grouping reads no pixels. DICOM files belong together by their tags. Image files of one folder
belong together when their names, without side and view, agree (`mammoscope.io.naming`); or when
they are four whose names differ but which are one each of R CC, L CC, R MLO and L MLO. An image
whose name gives neither side nor view is an exam of its own: putting two women into one
exam is worse than splitting an exam in two.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mammoscope.errors import CorruptError, ReadError, RefusedError
from mammoscope.io.dicom import dicom_exam_key, is_dicom
from mammoscope.io.image import is_image, read_bytes
from mammoscope.io.mammogram import HEAD_BYTES, read_mammogram
from mammoscope.io.naming import parse_name
from mammoscope.types import Exam, Laterality, Mammogram, Unreadable

# fmt: off
NOT_IMAGES = (
    ".bak", ".csv", ".db", ".doc", ".docx", ".gz", ".htm", ".html", ".ini", ".ipynb", ".json",
    ".log", ".md", ".onnx", ".parquet", ".pdf", ".pt", ".py", ".safetensors", ".sha256", ".sqlite",
    ".tar", ".toml", ".tsv", ".txt", ".xls", ".xlsx", ".xml", ".yaml", ".yml", ".zip",
)
# fmt: on
NOT_IMAGE_NAMES = frozenset({"dicomdir", "thumbs.db", "license", "licence", "readme", "makefile"})
STANDARD_VIEWS: tuple[tuple[Laterality, str], ...] = (
    ("R", "CC"),
    ("L", "CC"),
    ("R", "MLO"),
    ("L", "MLO"),
)

_Group = tuple[str, list[str]]
Read = Callable[[str], Mammogram]


@dataclass(frozen=True)
class ExamFiles:
    """The files of one exam, not read yet.

    Attributes:
        id: short, from the DICOM key, the names' common stem or the folder; unique in one scan.
        paths: at least one.
    """

    id: str
    paths: tuple[str, ...]


def scan(paths: Sequence[str | Path]) -> list[ExamFiles]:
    """Find the exams in files and folders; nothing is raised, `load_exam` tells what is wrong.

    Folders are searched through, in sorted order; inside them hidden files, DICOMDIR and files
    with the suffixes of tables and texts are passed over. A path given by itself is always kept,
    also one that does not exist.

    Args:
        paths: files and folders.

    Returns:
        The exams in the order in which their first file was met.
    """
    keyed: dict[str, list[str]] = {}
    by_folder: dict[str, list[str]] = {}
    order = list(_files(paths))
    for path in order:
        key, image = _kind(path)
        if key is not None:
            keyed.setdefault(key, []).append(path)
        else:
            by_folder.setdefault(str(Path(path).parent) if image else "", []).append(path)
    strays = by_folder.pop("", [])
    groups: list[_Group] = list(keyed.items())
    for folder, images in by_folder.items():
        groups += _image_groups(Path(folder), images)
    groups += _place_strays(groups, strays)
    at = {path: position for position, path in enumerate(order)}
    groups.sort(key=lambda group: at[group[1][0]])
    return [
        ExamFiles(identifier, tuple(sorted(files, key=at.__getitem__)))
        for identifier, (_, files) in zip(_unique(g[0] for g in groups), groups, strict=True)
    ]


def load_exam(files: ExamFiles, read: Read = read_mammogram) -> Exam:
    """Read the files of one exam; what cannot be read is named in it, the others are still there.

    Args:
        files: from `scan`.
        read: what reads one of them; called from several threads.

    Returns:
        The Exam, its images in hanging order; without images if none of its files can be read.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoders let go of the interpreter lock
        found = list(pool.map(partial(_read_or_reason, read), files.paths))
    images = sorted((f for f in found if isinstance(f, Mammogram)), key=_hanging_order)
    unreadable = tuple(f for f in found if isinstance(f, Unreadable))
    return Exam(files.id, tuple(images), unreadable, tuple(_warnings(images)))


def read_exam(paths: str | Path | Sequence[str | Path]) -> Exam:
    """Read everything given as one exam, whatever names and tags say.

    Args:
        paths: a file, a folder, or several.

    Returns:
        The Exam, its images in hanging order.

    Raises:
        ReadError: not one of the files could be read; the first one's error.
        ValueError: `paths` is empty.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    if not given:
        raise ValueError("paths is empty; give at least one file or folder")
    exams = scan(given)
    files = tuple(dict.fromkeys(path for exam in exams for path in exam.paths))
    exam = load_exam(ExamFiles(exams[0].id, files))
    if not exam.images:
        _read(files[0])
    return exam


def _read_or_reason(read: Read, path: str) -> Mammogram | Unreadable:
    try:
        return _read(path, read)
    except ReadError as error:
        return Unreadable(path, str(error), isinstance(error, RefusedError))


def _read(path: str, read: Read = read_mammogram) -> Mammogram:
    if Path(path).is_dir():
        remedy = "give a folder with DICOM or image files"
        raise CorruptError(path, "the folder holds no image files", remedy)
    return read(path)


def _files(paths: Sequence[str | Path]) -> Iterator[str]:
    """Each file once, as the user named it; a folder without images stands for itself."""
    met: set[str] = set()
    for given in paths:
        folder = os.path.isdir(given)  # noqa: PTH112 - Path.is_dir raises on some bad names
        inside = _inside(Path(given)) if folder else []
        for path in inside or [str(given)]:
            real = os.path.realpath(path)
            if real not in met:
                met.add(real)
                yield path


def _inside(folder: Path) -> list[str]:
    found: list[str] = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [str(Path(root, name)) for name in sorted(names) if not _is_other(name)]
    return found


def _is_other(name: str) -> bool:
    lower = name.lower()
    return name.startswith(".") or lower in NOT_IMAGE_NAMES or lower.endswith(NOT_IMAGES)


def _kind(path: str) -> tuple[str | None, bool]:
    """(DICOM exam key or None, whether the file's names can place it)."""
    try:
        head = read_bytes(path, HEAD_BYTES)
        if is_dicom(head):
            return dicom_exam_key(Path(path)), True
        return None, is_image(head)
    except ReadError:
        return None, False


def _image_groups(folder: Path, images: list[str]) -> list[_Group]:
    names = {path: parse_name(path) for path in images}
    placed = {path: name for path, name in names.items() if name.laterality or name.view}
    alone = [(name.stem or "image", [path]) for path, name in names.items() if path not in placed]
    groups: dict[str, list[str]] = {}
    for path, name in placed.items():
        groups.setdefault(name.stem.lower(), []).append(path)
    views = sorted((str(name.laterality), str(name.view)) for name in placed.values())
    if len(groups) > 1 and views == sorted(STANDARD_VIEWS):
        return [(_folder_id(folder), list(placed)), *alone]
    named = [(names[paths[0]].stem or _folder_id(folder), paths) for paths in groups.values()]
    return named + alone


def _folder_id(folder: Path) -> str:
    return folder.resolve().name or "exam"


def _place_strays(groups: list[_Group], strays: list[str]) -> list[_Group]:
    """Put a file of unknown kind to the only exam (two files or more) of its folder, else alone."""
    homes: dict[str, list[list[str]]] = {}
    for files in (files for _, files in groups if len(files) > 1):
        for folder in {str(Path(path).parent) for path in files}:
            homes.setdefault(folder, []).append(files)
    alone: list[_Group] = []
    for path in strays:
        home = homes.get(str(Path(path).parent), [])
        if len(home) == 1:
            home[0].append(path)
        else:
            alone.append((parse_name(path).stem or "file", [path]))
    return alone


def _unique(ids: Iterable[str]) -> list[str]:
    """Number those that occur more than once: exam, exam-2, exam-3."""
    taken: set[str] = set()
    unique: list[str] = []
    for identifier in ids:
        free, count = identifier, 1
        while free in taken:
            count += 1
            free = f"{identifier}-{count}"
        taken.add(free)
        unique.append(free)
    return unique


def _hanging_order(image: Mammogram) -> tuple[int, str, str]:
    place = (image.laterality, image.view)
    standard = [at for at, standard in enumerate(STANDARD_VIEWS) if standard == place]
    return standard[0] if standard else len(STANDARD_VIEWS), image.view or "~", image.path


def _warnings(images: list[Mammogram]) -> Iterator[str]:
    """What could not be placed, and views that occur more than once."""
    for image in images:
        lacks = [field for field in ("laterality", "view") if getattr(image, field) is None]
        if lacks:
            yield f"{image.path}: {' and '.join(lacks)} unknown; the image hangs last."
    places = Counter((image.laterality, image.view) for image in images)
    for (side, view), count in places.items():
        if count > 1 and side is not None and view is not None:
            yield f"The exam holds {count} images of {side} {view}."

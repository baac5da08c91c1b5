"""What a batch has to do: exams in a fixed order, each with a key that any machine gives it."""

from __future__ import annotations

import glob
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mammoscope.batch.remote import is_url, remote_files
from mammoscope.errors import ConfigError
from mammoscope.io import scan

TABLES = (".csv", ".parquet")
_WILD = "*?["
_KEY_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Item:
    """One exam to be judged.

    Attributes:
        key: 16 hex digits, the start of a SHA-256 over `paths`; what a resumed run goes by.
        exam_id: as `mammoscope predict` or the manifest names it.
        paths: of its files, from the root of the work, with forward slashes.
    """

    key: str
    exam_id: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Work:
    """All that is to be done.

    Attributes:
        root: folder or URL that the items' paths start from.
        items: in the order in which they are begun.
    """

    root: str
    items: tuple[Item, ...]

    def shard(self, number: int, count: int) -> Work:
        """The part `number` (from 1) of `count`; together the parts are all, and no two overlap."""
        chosen = (item for item in self.items if int(item.key, 16) % count == number - 1)
        return Work(self.root, tuple(chosen))


def find_work(inputs: Sequence[str], leave_out: Callable[[Path], bool] | None = None) -> Work:
    """Find the exams in folders, files and patterns, in a manifest, or below a URL.

    Folders and files are grouped as `mammoscope predict` groups them; a manifest groups by data
    set, patient and exam_id, and an image without exam_id is an exam of its own. Below a URL a
    folder is an exam, since headers are not fetched before their turn.

    Args:
        inputs: one manifest, one URL, or any number of folders, files and patterns.
        leave_out: files that are not to be read, unless they are named themselves.

    Raises:
        ConfigError: nothing was given, something is not there, or kinds are mixed.
    """
    if not inputs:
        raise ConfigError("batch: nothing was given to read; name a folder, manifest or pattern.")
    alone = [one for one in inputs if is_url(one) or _is_table(one)]
    if alone and len(inputs) > 1:
        raise ConfigError(f"{alone[0]}: a manifest or URL must be the only input; give it alone.")
    if not alone:
        return _scanned(_expanded(inputs), leave_out)
    return _remote_work(inputs[0]) if is_url(inputs[0]) else _manifest_work(inputs[0])


def _is_table(given: str) -> bool:
    return given.lower().endswith(TABLES)


def _expanded(inputs: Sequence[str]) -> list[str]:
    """Patterns replaced by what they match, in sorted order."""
    found: list[str] = []
    for given in inputs:
        if os.path.lexists(given):
            found.append(given)
            continue
        matches = sorted(glob.glob(given, recursive=True)) if set(given) & set(_WILD) else []  # noqa: PTH207 - a pattern with its own root
        if not matches:
            raise ConfigError(f"{given}: no such file or folder; check the spelling.")
        found += matches
    return found


def _scanned(paths: Sequence[str], leave_out: Callable[[Path], bool] | None) -> Work:
    root = paths[0] if len(paths) == 1 and Path(paths[0]).is_dir() else _parent(paths)
    named = set(paths)
    groups = []
    for exam in scan(paths):
        kept = [p for p in exam.paths if p in named or not (leave_out and leave_out(Path(p)))]
        if kept:
            groups.append((exam.id, [_below(root, path) for path in kept]))
    return Work(root, _items(groups))


def _parent(paths: Sequence[str]) -> str:
    return os.path.commonpath([Path(path).absolute().parent for path in paths])


def _below(root: str, path: str) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def _manifest_work(given: str) -> Work:
    from mammoscope.data.manifest import read_manifest

    manifest = read_manifest(given)
    groups: dict[tuple[str, ...], tuple[str, list[str]]] = {}
    columns = ("dataset", "patient_id", "exam_id", "image_path")
    for dataset, patient, exam, path in zip(*(manifest.images[c] for c in columns), strict=True):
        occasion = (dataset, patient, exam) if exam else (path,)
        name = exam or str(PurePosixPath(path).with_suffix(""))
        groups.setdefault(occasion, (name, []))[1].append(path)
    return Work(str(manifest.folder), _items(groups.values()))


def _remote_work(url: str) -> Work:
    if _is_table(url):
        raise ConfigError(f"{url}: a manifest must be a file here; copy it, and give its folder.")
    groups: dict[str, list[str]] = {}
    for path in remote_files(url):
        groups.setdefault(str(PurePosixPath(path).parent), []).append(path)
    names = ((PurePosixPath(url).name if folder == "." else folder, folder) for folder in groups)
    return Work(url, _items((name, groups[folder]) for name, folder in names))


def _items(groups: Iterable[tuple[str, Sequence[str]]]) -> tuple[Item, ...]:
    """With keys; exams of one name that the input does not tell apart carry part of their key."""
    items = [Item(_key(paths), name, tuple(paths)) for name, paths in groups]
    names = Counter(item.exam_id for item in items)
    return tuple(
        item
        if names[item.exam_id] == 1
        else Item(item.key, f"{item.exam_id}~{item.key[:6]}", item.paths)
        for item in items
    )


def _key(paths: Sequence[str]) -> str:
    text = "\n".join(paths).encode("utf-8", "surrogateescape")
    return hashlib.sha256(text).hexdigest()[:_KEY_DIGITS]

"""What a browser or client sends, written under neutral names into a private folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from mammoscope.errors import LimitError, ReadError
from mammoscope.io.mammogram import HEAD_BYTES
from mammoscope.web.archive import CHUNK, WHAT, Archive, Member, is_zip
from mammoscope.web.neutral import is_passed_over, neutral_names, shown

_MB = 1_000_000
NO_IMAGES = "The archive or folder holds no file that could be an image; give DICOM or image files."


@dataclass(frozen=True)
class Limits:
    """What one request may bring.

    Attributes:
        max_file_mb: of one file, once it is out of its archive; 1 MB is 10^6 bytes.
        max_total_mb: of all files, out of their archives.
        max_files: files, those in archives included.
        max_ratio: bytes that one byte of an archive may unpack to.
    """

    max_file_mb: float = 1024
    max_total_mb: float = 4096
    max_files: int = 500
    max_ratio: float = 200


@dataclass(frozen=True)
class Received:
    """What was kept of an upload.

    Attributes:
        folder: private folder of the files; whoever asked for it deletes it.
        names: neutral path below `folder` -> name as given, fit to be shown.
        refused: (name as given, one sentence) of each file that was not kept.
    """

    folder: Path
    names: Mapping[str, str]
    refused: tuple[tuple[str, str], ...]


async def keep(files: Sequence[UploadFile], folder: Path, limits: Limits) -> Received:
    """Write what was uploaded into `folder`, archives unpacked; nothing decides a path but us.

    Of a folder or archive, hidden files, tables and texts are passed over. What cannot be kept is
    named with its reason, and the others go on.

    Args:
        files: parts of a form; their names may be relative paths.
        folder: made here, private (0700), its files 0600; must not exist yet.
        limits: what is too much.

    Raises:
        OSError: the folder exists or the disk is full; nothing is left behind.
    """
    named = [(file.filename or "file", file.file) for file in files]
    return await run_in_threadpool(keep_files, named, folder, limits)


def keep_files(files: Sequence[tuple[str, IO[bytes]]], folder: Path, limits: Limits) -> Received:
    """As `keep`, of (given name, opened file)."""
    folder.mkdir(mode=0o700, parents=True)
    try:
        with ExitStack() as opened:
            return _keep(list(_found(files, limits, opened)), folder, limits)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@dataclass(frozen=True)
class _Found:
    """One file to be kept, or why it cannot be."""

    name: str
    file: IO[bytes] | None = None
    archive: Archive | None = None
    member: Member | None = None
    refused: str | None = None

    def chunks(self) -> Iterator[bytes]:
        if self.archive is not None and self.member is not None:
            yield from self.archive.chunks(self.member)
        elif self.file is not None:
            self.file.seek(0)
            while chunk := self.file.read(CHUNK):
                yield chunk


@dataclass
class _Room:
    """Bytes written, and bytes read for it, which those of refused files count among."""

    limits: Limits
    written: int = 0
    read: int = 0

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Hand chunks on until one file, or all together, are too large."""
        of_file = 0
        limits = self.limits
        for chunk in chunks:
            of_file += len(chunk)
            self.written += len(chunk)
            self.read += len(chunk)
            if of_file > limits.max_file_mb * _MB:
                raise _too_large("the file is", limits.max_file_mb)
            if max(self.written, self.read / 2) > limits.max_total_mb * _MB:
                raise _too_large("the files together are", limits.max_total_mb)
            yield chunk


def _too_large(what: str, limit: float) -> LimitError:
    reason = f"{what} larger than the limit of {limit:g} MB"
    return LimitError(WHAT, reason, "send fewer or smaller files")


def _found(
    files: Sequence[tuple[str, IO[bytes]]], limits: Limits, opened: ExitStack
) -> Iterator[_Found]:
    """Every file that was sent, archives opened; tables and texts of a folder passed over."""
    count = 0
    for name, file in files:
        if "/" in name and is_passed_over(name):
            continue
        count += 1
        if not is_zip(_head(file)):
            yield _Found(name, file)
            continue
        try:
            left = max(limits.max_files - count, 0)
            archive = opened.enter_context(Archive(file, left, limits.max_ratio))
        except ReadError as error:
            yield _Found(name, refused=_sentence(error))
            continue
        count += len(archive.members)
        yield from _members(name, archive)
    if files and not count:
        yield _Found(files[0][0], refused=NO_IMAGES)


def _members(name: str, archive: Archive) -> Iterator[_Found]:
    for member in archive.members:
        refused = _sentence(member.refused) if member.refused else None
        yield _Found(f"{name}/{member.name}", archive=archive, member=member, refused=refused)
    if not archive.members:
        yield _Found(name, refused=NO_IMAGES)


def _keep(found: list[_Found], folder: Path, limits: Limits) -> Received:
    names: dict[str, str] = {}
    refused: list[tuple[str, str]] = []
    room = _Room(limits)
    paths = neutral_names([one.name for one in found])
    for at, (one, path) in enumerate(zip(found, paths, strict=True)):
        given = shown(one.name)
        if at >= limits.max_files:
            many = f"More than {limits.max_files} files were sent; send fewer at a time."
            refused.append((given, many))
        elif one.refused is not None:
            refused.append((given, one.refused))
        else:
            try:
                _write(folder / path, room.counted(one.chunks()), room)
                names[path] = given
            except ReadError as error:
                refused.append((given, _sentence(error)))
    return Received(folder, names, tuple(refused))


def _write(path: Path, chunks: Iterable[bytes], room: _Room) -> None:
    """Write a new file that only we may read; none is left if it is not whole."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    before = room.written
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
    except BaseException:
        path.unlink()
        room.written = before
        raise


def _head(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(HEAD_BYTES)


def _sentence(error: ReadError) -> str:
    reason = error.reason[:1].upper() + error.reason[1:]
    return f"{reason}; {error.remedy}."

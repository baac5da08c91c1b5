"""Zip archives from strangers, read member by member; what they say of themselves is not trusted.

Sizes are counted while the bytes come. Only stored and deflated members are read: the other
compressions are rare, and LZMA may ask for gigabytes before its first byte. Members that share
bytes (D. Fifield, A better zip bomb, WOOT 2019) refuse the archive as a whole.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Self

from mammoscope.errors import CorruptError, LimitError, ReadError, UnsupportedError
from mammoscope.io.dicom import is_dicom
from mammoscope.web.neutral import is_passed_over

CHUNK = 1 << 20
_DIRECTORY = 4 * CHUNK
_LOCAL_HEADER = 30
_FREE = 8 * CHUNK
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_LIES = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)
WHAT = "the archive"
REPACK = "make the archive again"


def is_zip(head: bytes) -> bool:
    """Whether a file that begins with these bytes is to be opened as an archive.

    A DICOM file may begin with any 128 bytes, those of a zip among them; it stays a DICOM file.
    """
    return head.startswith(_MAGIC) and not is_dicom(head)


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Attributes:
        name: as the archive gives it.
        info: where and how it is stored.
        refused: why it will not be read, or None.
    """

    name: str
    info: zipfile.ZipInfo
    refused: ReadError | None = None


class Archive:
    """An opened zip archive: its members, and each one's bytes.

    Args:
        file: the archive, which can be sought in; it is not closed.
        max_files: members that may be read; an archive with more is refused.
        max_ratio: bytes that one byte may unpack to, once a member is larger than 8 MiB.

    Raises:
        CorruptError: it is no archive, damaged, or its members share bytes.
        LimitError: it has too many members.
    """

    def __init__(self, file: IO[bytes], max_files: int, max_ratio: float) -> None:
        self.max_ratio = max_ratio
        try:
            self._zip = zipfile.ZipFile(_ShortReads(file))
        except _LIES:
            raise CorruptError(WHAT, "it is damaged or no zip archive", REPACK) from None
        files = [info for info in self._zip.infolist() if not info.is_dir()]
        _check_apart(self._zip.infolist(), self._zip.start_dir)
        kept = [info for info in files if not is_passed_over(info.filename)]
        if len(kept) > max_files:
            reason = f"it holds {len(kept)} files, and no more than {max_files} may be added"
            raise LimitError(WHAT, reason, "send fewer at a time")
        self.members = tuple(Member(info.filename, info, _refusal(info)) for info in kept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def chunks(self, member: Member) -> Iterator[bytes]:
        """The member's bytes in pieces of at most 1 MiB.

        Raises:
            CorruptError: it is damaged or not of the size or checksum that the archive states.
            LimitError: it unpacks to more than `max_ratio` times its bytes.
            UnsupportedError: it is an archive itself.
        """
        come = 0
        try:
            with self._zip.open(member.info) as stream:
                while chunk := stream.read(CHUNK):
                    if not come:
                        _check_flat(chunk)
                    come += len(chunk)
                    if come > max(_FREE, self.max_ratio * member.info.compress_size):
                        reason = f"it unpacks to more than {self.max_ratio:g} times its size"
                        raise LimitError(WHAT, reason, "send the file itself")
                    yield chunk
        except _LIES:
            reason = "the archive is damaged here, or states a wrong size or checksum"
            raise CorruptError(WHAT, reason, REPACK) from None
        if come != member.info.file_size:
            raise CorruptError(WHAT, "the archive states a wrong size for it", REPACK)


class _ShortReads:
    """Hands on to a file, and refuses to read a list of contents that would fill the memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size > _DIRECTORY:
            reason = f"its list of contents is longer than {_DIRECTORY >> 20} MiB"
            raise LimitError(WHAT, reason, "send fewer files at a time")
        return self._file.read(size if size >= 0 else _DIRECTORY)


def _check_apart(infos: list[zipfile.ZipInfo], contents: int) -> None:
    """Refuse an archive whose members lie over one another or over its list of contents."""
    ends = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < ends:
            raise CorruptError(WHAT, "its members lie over one another", REPACK)
        ends = info.header_offset + _LOCAL_HEADER + info.compress_size
    if ends > contents:
        raise CorruptError(WHAT, "its members are larger than the archive", REPACK)


def _refusal(info: zipfile.ZipInfo) -> ReadError | None:
    """Why a member will not be opened, from what the list of contents says of it."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return UnsupportedError(WHAT, "it is a link or device, not a file", "send the file itself")
    if info.flag_bits & _ENCRYPTED:
        return UnsupportedError(WHAT, "it is encrypted", "make the archive without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        reason = f"it is compressed in a way that is not read here (method {info.compress_type})"
        return UnsupportedError(WHAT, reason, "make an ordinary zip archive")
    if _leads_out(info.filename):
        return CorruptError(WHAT, "its name leads out of the archive", REPACK)
    return None


def _leads_out(name: str) -> bool:
    path = name.replace("\\", "/")
    return path.startswith("/") or ".." in path.split("/") or path[1:2] == ":"


def _check_flat(head: bytes) -> None:
    if is_zip(head):
        raise UnsupportedError(WHAT, "it is an archive inside an archive", "send its files")

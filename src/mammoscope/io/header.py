"""What an image file says of itself before a pixel is decoded: format, size, orientation.

Reading the size first is what keeps a file of a few kilobytes from filling the memory. All
parsers take the whole file's bytes and raise HeaderError where those contradict the format.
"""

from __future__ import annotations

import ast
import re
import struct
from dataclasses import dataclass
from typing import Literal

Format = Literal["PNG", "JPEG", "TIFF", "PGM", "NumPy"]

_SIGNATURES: tuple[tuple[bytes, Format], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"P2", "PGM"),
    (b"P5", "PGM"),
    (b"\x93NUMPY", "NumPy"),
)
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cjP", "JPEG 2000"),
    (b"II+\0", "BigTIFF"),
    (b"MM\0+", "BigTIFF"),
    (b"RIFF", "WebP"),
)
_EXIF = b"Exif\0\0"
_SOF = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_STANDALONE = {0x01, *range(0xD0, 0xD8)}
_WHITE_IS_ZERO = 0


class HeaderError(ValueError):
    """The bytes do not hold together; the text says where, in one clause."""


@dataclass(frozen=True)
class Header:
    """What the file says of itself.

    Attributes:
        format: decided by the bytes, never by the suffix.
        height, width: in pixels as stored, before the orientation is applied.
        channels: samples per pixel as stored.
        orientation: TIFF/EXIF orientation 1-8 (TIFF 6.0, tag 274); 1 is as stored.
        maximum: the value of full white where the file states it (PGM), else None.
        white_is_zero: TIFF PhotometricInterpretation 0.
    """

    format: Format
    height: int
    width: int
    channels: int = 1
    orientation: int = 1
    maximum: int | None = None
    white_is_zero: bool = False


def sniff(head: bytes) -> Format | None:
    """The image format that the first bytes of a file announce; None if none that is read."""
    return next((name for magic, name in _SIGNATURES if head.startswith(magic)), None)


def foreign_format(head: bytes) -> str | None:
    """The name of a format that is known but not read; None if unknown."""
    return next((name for magic, name in _FOREIGN if head.startswith(magic)), None)


def parse_header(data: bytes, kind: Format) -> Header:
    """Read size and orientation of a whole file of the given format.

    Raises:
        HeaderError: the header is cut short or contradicts the format.
    """
    parsers = {"PNG": _png, "JPEG": _jpeg, "TIFF": _tiff, "PGM": _pgm, "NumPy": _numpy}
    try:
        return parsers[kind](data)
    except (struct.error, IndexError):
        raise HeaderError(f"the {kind} header is cut short") from None


def _png(data: bytes) -> Header:
    """PNG 1.2: IHDR first, then chunks of (length, type, data, checksum) up to IEND."""
    if data[12:16] != b"IHDR":
        raise HeaderError("the PNG does not begin with its IHDR chunk")
    width, height, _, colour = struct.unpack_from(">IIBB", data, 16)
    at, orientation = 8, 1
    while data[at + 4 : at + 8] != b"IEND":
        (length,) = struct.unpack_from(">I", data, at)
        if data[at + 4 : at + 8] == b"eXIf":
            orientation = _orientation(data[at + 8 : at + 8 + length])
        at += length + 12
        if at >= len(data):
            raise HeaderError("the PNG ends before its IEND chunk")
    if len(data) < at + 12:
        raise HeaderError("the PNG ends inside its IEND chunk")
    return Header("PNG", height, width, {2: 3, 3: 3, 4: 2, 6: 4}.get(colour, 1), orientation)


def _jpeg(data: bytes) -> Header:
    """ITU-T T.81 annex B: marker segments up to the first scan; the end marker must follow."""
    at, orientation, size = 2, 1, None
    while True:
        if data[at] != 0xFF:
            raise HeaderError(f"the JPEG has no marker at byte {at}")
        code = data[at + 1]
        if code == 0xFF or code in _STANDALONE:
            at += 1 if code == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if code == 0xE1 and data[at + 4 : at + 10] == _EXIF:
            orientation = _orientation(data[at + 10 : at + 2 + length])
        elif code in _SOF:
            size = struct.unpack_from(">HHB", data, at + 5)
        at += 2 + length
        if code == 0xDA:
            break
    # Decoders fill what is missing with grey and say nothing, so the end is looked for here.
    if data.find(b"\xff\xd9", at) < 0:
        raise HeaderError("the JPEG ends before its end-of-image marker")
    if size is None:
        raise HeaderError("the JPEG has no frame header")
    return Header("JPEG", size[0], size[1], size[2], orientation)


def _tiff(data: bytes) -> Header:
    """TIFF 6.0: the first directory's tags."""
    tags = _tiff_tags(data)
    if 256 not in tags or 257 not in tags:
        raise HeaderError("the TIFF states no width or height")
    return Header(
        "TIFF",
        tags[257],
        tags[256],
        3 if tags.get(262) == 3 else tags.get(277, 1),
        tags.get(274, 1),
        white_is_zero=tags.get(262) == _WHITE_IS_ZERO,
    )


def _orientation(tiff: bytes) -> int:
    """Orientation from an EXIF block; a damaged block is no reason not to show the picture."""
    try:
        return _tiff_tags(tiff).get(274, 1)
    except (HeaderError, struct.error):
        return 1


def _tiff_tags(data: bytes) -> dict[int, int]:
    """The first value of each SHORT or LONG tag of the first directory."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        raise HeaderError("the TIFF states no byte order")
    (at,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, at)
    tags: dict[int, int] = {}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, _ = struct.unpack_from(order + "HHI", data, entry)
        if kind in (3, 4):
            (tags[tag],) = struct.unpack_from(order + " HI"[kind - 2], data, entry + 8)
    return tags


_PGM_HEADER = re.compile(
    rb"P[25](?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)"
)


def _pgm(data: bytes) -> Header:
    """Netpbm PGM: magic, width, height, maxval, with comments between them."""
    match = _PGM_HEADER.match(data)
    if match is None:
        raise HeaderError("the PGM header does not state width, height and highest value")
    width, height, maximum = (int(field[:12]) for field in match.groups())
    if not 0 < maximum < 65536:
        raise HeaderError(f"the PGM states a highest value of {maximum}, outside 1 to 65535")
    return Header("PGM", height, width, maximum=maximum)


def pgm_data_start(data: bytes) -> int:
    """Byte at which the header of a PGM ends (its single separating blank not included)."""
    match = _PGM_HEADER.match(data)
    return len(data) if match is None else match.end()


def _numpy(data: bytes) -> Header:
    """NumPy's NPY format, versions 1 to 3: a literal dictionary after magic and length."""
    wide = data[6] >= 2
    (length,) = struct.unpack_from("<I" if wide else "<H", data, 8)
    start = 12 if wide else 10
    try:
        fields = ast.literal_eval(data[start : start + min(length, 10_000)].decode())
        shape = tuple(int(n) for n in fields["shape"])
    except (ValueError, SyntaxError, KeyError, TypeError):
        raise HeaderError("the NumPy header cannot be understood") from None
    if len(shape) == 3 and shape[0] == 1:
        shape = (*shape[1:], 1)
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 3, 4)):
        raise HeaderError(f"the array has shape {shape}, not (height, width)")
    return Header("NumPy", shape[0], shape[1], shape[2] if len(shape) == 3 else 1)

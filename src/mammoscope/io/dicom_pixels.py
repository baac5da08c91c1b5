"""Stored pixels of one frame, straight from the file: nothing else is read or decoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
import pydicom
from pydicom.encaps import get_frame, parse_basic_offsets
from pydicom.uid import UID

from mammoscope.errors import CorruptError, UnsupportedError
from mammoscope.io.dicom_codecs import COMPRESSED, RLE, Codestream, Raw, decode, decode_rle, inspect
from mammoscope.io.dicom_colour import grey_channel
from mammoscope.io.dicom_header import Header, corrupt_as
from mammoscope.io.dicom_layout import Layout, check_photometric

NATIVE = frozenset(
    {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"}
)
ENCAPSULATED_NATIVE = "1.2.840.10008.1.2.1.98"
_UNDEFINED = 0xFFFFFFFF
_EXPORT = "export or copy the file again"


@dataclass(frozen=True)
class Frame:
    """Stored pixels as they lie in their containers, and how to read them.

    Attributes:
        raw: (rows, columns) uint8 or uint16.
        layout: bits stored, high bit and sign as they hold for `raw`.
        syntax: UID and name of the transfer syntax, with a note if it was guessed.
    """

    raw: Raw
    layout: Layout
    syntax: str


@dataclass(frozen=True)
class _Element:
    """Where the pixel data element's value lies."""

    offset: int
    length: int
    vr: bytes
    order: str


def read_frame(header: Header, layout: Layout, file: BinaryIO, index: int) -> Frame:
    """Read and decode frame `index` (from 0) alone.

    Args:
        header: of the file; gains warnings.
        layout: from `read_layout`.
        file: positioned at the pixel data element, as `read_header` leaves it.
        index: which frame.

    Raises:
        CorruptError: there are no pixels, too few, or they cannot be decoded.
        UnsupportedError: the transfer syntax or photometric interpretation is not read.
        RefusedError: the image is coloured.
    """
    check_photometric(header, layout)
    with corrupt_as(header.path, "the pixel data"):
        element = _locate(header, file)
        syntax = _transfer_syntax(header)
        if element.length != _UNDEFINED:
            return _native(header, layout, file, element, index, syntax)
        data = _encapsulated(header, layout, file, index)
    return _compressed(header, layout, data, syntax)


def _locate(header: Header, file: BinaryIO) -> _Element:
    """Read the element header at the file's position, whatever the encoding (PS3.5 7.1)."""
    start = file.read(12)
    order = ">" if start[:2] == b"\x7f\xe0" else "<"
    number = 0 if len(start) < 8 else int.from_bytes(_forward(start[2:4], order))
    if number in (8, 9):
        raise UnsupportedError(
            header.path, "its pixels are floating-point numbers", "give the original image"
        )
    if number != 0x10 or _forward(start[:2], order) != b"\x7f\xe0":
        raise CorruptError(
            header.path, "it holds no pixel data (7FE0,0010), or ends before it", _EXPORT
        )
    explicit = start[4:6] in (b"OB", b"OW", b"UN")
    size = start[8:12] if explicit else start[4:8]
    if not explicit:
        file.seek(-4, 1)
    return _Element(
        file.tell(), int.from_bytes(_forward(size, order)), start[4:6] if explicit else b"OW", order
    )


def _forward(data: bytes, order: str) -> bytes:
    return data if order == ">" else data[::-1]


def _transfer_syntax(header: Header) -> str:
    meta = getattr(header.root, "file_meta", None)
    return str(meta.get("TransferSyntaxUID") or "") if meta else ""


def _named(syntax: str) -> str:
    """A transfer syntax UID with its name, if it has one; stray characters are left out."""
    uid = UID("".join(c for c in syntax if c in "0123456789."), pydicom.config.IGNORE)
    return str(uid) if uid.name == uid else f"{uid} ({uid.name})"


def _unsupported(header: Header, syntax: str) -> UnsupportedError:
    return UnsupportedError(
        header.path,
        f"transfer syntax {_named(syntax)} is not one this program decodes",
        "convert the file to Explicit VR Little Endian, 1.2.840.10008.1.2.1 (dcmconv, gdcmconv)",
    )


def _native(
    header: Header, layout: Layout, file: BinaryIO, element: _Element, index: int, syntax: str
) -> Frame:
    if syntax in COMPRESSED:
        header.warn(f"The header names {_named(syntax)}, but the pixels are not compressed.")
    elif syntax and syntax not in NATIVE:
        raise _unsupported(header, syntax)
    expected = layout.frame_bytes * layout.frames
    file.seek(layout.frame_bytes * index, 1)
    data = file.read(layout.frame_bytes + layout.frame_bytes % 2)
    end = file.seek(0, 2) - element.offset
    found = min(element.length, end)
    if found < expected or len(data) < layout.frame_bytes:
        raise CorruptError(
            header.path, f"pixel data should have {expected} bytes and has {found}", _EXPORT
        )
    if element.length > expected + expected % 2:
        header.warn(f"Pixel data has {element.length} bytes where {expected} are needed.")
    swap = element.order == ">" and element.vr == b"OW" and layout.allocated == 8
    raw = _arrange(_unpack(data, layout, element.order, swap), layout, header)
    guessed = "guessed: uncompressed, no transfer syntax in the file"
    return Frame(raw, layout, _named(syntax) if syntax else guessed)


def _unpack(data: bytes, layout: Layout, order: str, swap_bytes: bool) -> Raw:
    """Bytes to a flat array of samples in the machine's own order.

    8-bit pixels in a big-endian OW element lie swapped within 16-bit words (PS3.5 8.1.1).
    """
    if layout.allocated == 16:
        return np.frombuffer(data, f"{order}u2", layout.frame_bytes // 2).astype(
            np.uint16, copy=False
        )
    raw = np.frombuffer(data, np.uint8)
    if swap_bytes and raw.size % 2 == 0:
        raw = raw.reshape(-1, 2)[:, ::-1].ravel()
    return raw[: layout.frame_bytes]


def _arrange(flat: Raw, layout: Layout, header: Header) -> Raw:
    rows, columns = layout.rows, layout.columns
    if layout.samples == 1:
        return flat.reshape(rows, columns)
    if layout.subsampled:
        quads = flat.reshape(rows, columns // 2, 4)
        luma = quads[:, :, :2].reshape(rows, columns)
        blue, red = (quads[:, :, i].repeat(2, axis=1) for i in (2, 3))
        return grey_channel(np.stack([luma, blue, red], axis=-1), layout.photometric, header)
    if layout.planar:
        pixels = flat.reshape(3, rows, columns).transpose(1, 2, 0)
    else:
        pixels = flat.reshape(rows, columns, 3)
    return grey_channel(pixels, layout.photometric, header)


def _encapsulated(header: Header, layout: Layout, file: BinaryIO, index: int) -> bytes:
    """The whole codestream of one frame (PS3.5 A.4)."""
    if layout.frames == 1:
        # Offset tables of single frames are wrong in many files, and not needed.
        parse_basic_offsets(file)
        return b"".join(_fragments(header, file))
    tables = [header.values(key) for key in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")]
    extended = (tables[0][0], tables[1][0]) if all(tables) else None
    return get_frame(file, index, extended_offsets=extended, number_of_frames=layout.frames)


def _fragments(header: Header, file: BinaryIO) -> Iterator[bytes]:
    while (tag := file.read(8))[:4] == b"\xfe\xff\x00\xe0":
        length = int.from_bytes(tag[4:], "little")
        data = file.read(length)
        if len(data) < length:
            raise CorruptError(
                header.path,
                f"a fragment of the compressed pixels should have {length} bytes and has"
                f" {len(data)}",
                _EXPORT,
            )
        yield data


def _compressed(header: Header, layout: Layout, data: bytes, syntax: str) -> Frame:
    name = _named(syntax)
    stream = inspect(data)
    if syntax in NATIVE or not syntax:
        found = stream.syntax if stream else RLE
        name = f"guessed from the compressed pixels: {_named(found)}"
        header.warn(f"The file does not name its compression; taken for {_named(found)}.")
        syntax = found
    if syntax == ENCAPSULATED_NATIVE:
        if len(data) < layout.frame_bytes:
            raise CorruptError(
                header.path,
                f"pixel data should have {layout.frame_bytes} bytes and has {len(data)}",
                _EXPORT,
            )
        return Frame(_arrange(_unpack(data, layout, "<", False), layout, header), layout, name)
    if syntax not in COMPRESSED:
        raise _unsupported(header, syntax)
    if syntax == RLE:
        return Frame(_rle(header, layout, data), layout, name)
    _check_stream(header, layout, data, stream)
    raw = _decoded(header, layout, data, syntax)
    if stream is not None:
        layout = _codestream_bits(header, layout, stream, raw)
    return Frame(raw, layout, name)


def _rle(header: Header, layout: Layout, data: bytes) -> Raw:
    try:
        planes = decode_rle(data, layout.rows, layout.columns, layout.samples, layout.allocated)
    except (RuntimeError, ValueError) as error:
        raise _undecodable(header, error) from None
    if layout.samples == 1:
        plane: Raw = planes[0]
        return plane
    return grey_channel(planes.transpose(1, 2, 0), layout.photometric, header)


def _check_stream(header: Header, layout: Layout, data: bytes, stream: Codestream | None) -> None:
    """Catch, before memory is taken, a codestream that is damaged or of another size."""
    if stream is None:
        raise CorruptError(header.path, "the compressed pixels have no readable start", _EXPORT)
    expected = (layout.rows, layout.columns, layout.samples)
    found = (stream.height, stream.width, stream.samples)
    if found != expected:
        raise CorruptError(
            header.path,
            f"the header says rows, columns, samples = {expected}, its compressed pixels {found}",
            _EXPORT,
        )
    if b"\xff\xd9" not in data[-64:]:
        raise CorruptError(
            header.path,
            f"the compressed pixels end after {len(data)} bytes without their end marker",
            _EXPORT,
        )


def _decoded(header: Header, layout: Layout, data: bytes, syntax: str) -> Raw:
    rgb = layout.photometric == "RGB" and b"JFIF" not in data[:32]
    try:
        image = decode(data, syntax, rgb=rgb)
    except (RuntimeError, ValueError, TypeError, MemoryError) as error:
        raise _undecodable(header, error) from None
    if image.shape[:2] != (layout.rows, layout.columns):
        raise CorruptError(
            header.path, f"the compressed pixels decode to the shape {image.shape}", _EXPORT
        )
    if image.ndim == 2:
        return image
    # JPEG and JPEG 2000 decoders hand back RGB; JPEG-LS knows no colour spaces (PS3.5 8.2).
    kept = layout.photometric if syntax.endswith((".80", ".81")) else "RGB"
    return grey_channel(image, kept, header)


def _codestream_bits(header: Header, layout: Layout, stream: Codestream, raw: Raw) -> Layout:
    """The codestream knows its own precision better than the header; the header knows the sign.

    Where the codestream holds whole containers (its precision is Bits Allocated), the header
    says which bits count, unless the values need more.
    """
    bits = stream.precision
    if stream.signed != layout.signed and layout.samples == 1 and stream.signed:
        header.warn("The compressed pixels are signed, the header says unsigned; header followed.")
    whole = bits == layout.allocated and bits > layout.stored
    if whole and (layout.signed or int(raw.max()) >> (layout.high + 1) == 0):
        return layout
    if whole and _has_overlays(header):
        return layout
    if bits != layout.stored:
        header.warn(
            f"Bits Stored is {layout.stored}, the compressed pixels have {bits}; these were used."
        )
    return replace(layout, stored=bits, high=bits - 1)


def _undecodable(header: Header, error: Exception) -> CorruptError:
    return CorruptError(
        header.path,
        f"the compressed pixels cannot be decoded ({type(error).__name__})",
        _EXPORT,
    )


def _has_overlays(header: Header) -> bool:
    """Whether there are overlay groups (60xx), whose planes can lie in the unused bits."""
    first, last = pydicom.tag.Tag(0x60000000), pydicom.tag.Tag(0x60FFFFFF)
    return len(header.root[first:last]) > 0

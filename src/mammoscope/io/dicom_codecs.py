"""One compressed frame to an array, by the fastest permissive decoder for its syntax.

Measured decoders (4096 x 3328, 12 bits): see benchmarks. The codestream's own header is read
first, so that nothing is decoded whose size disagrees with the DICOM header.
"""

from __future__ import annotations

import struct
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

_HOOK_LOCK = threading.Lock()

Raw = NDArray[np.uint8] | NDArray[np.uint16]

RLE = "1.2.840.10008.1.2.5"
_JPEG_LS_SOF, _J2K_START = 0xF7, b"\xff\x4f\xff\x51"
_JPEG_SOFS = {0xC0, 0xC1, 0xC2, 0xC3, _JPEG_LS_SOF}


@dataclass(frozen=True)
class Codestream:
    """What a compressed frame says of itself.

    Attributes:
        syntax: the transfer syntax UID that fits it best.
        height, width: pixels.
        samples: components per pixel.
        precision: bits per sample.
        signed: whether its samples are signed (JPEG 2000 only).
    """

    syntax: str
    height: int
    width: int
    samples: int
    precision: int
    signed: bool = False


def inspect(frame: bytes) -> Codestream | None:
    """Read a codestream's own header; None if it is no JPEG, JPEG-LS or JPEG 2000 codestream."""
    start = frame.find(_J2K_START, 0, 4096)
    if start >= 0 and not frame.startswith(b"\xff\xd8"):
        return _inspect_jpeg2000(frame, start)
    return _inspect_jpeg(frame) if frame.startswith(b"\xff\xd8") else None


def _inspect_jpeg2000(frame: bytes, start: int) -> Codestream | None:
    """The SIZ segment of ISO/IEC 15444-1 A.5.1."""
    if len(frame) < start + 43:
        return None
    x1, y1, x0, y0 = struct.unpack_from(">4I", frame, start + 8)
    samples, depth = struct.unpack_from(">HB", frame, start + 40)
    high_throughput = frame[start + 6 : start + 7] >= b"\x40"  # bit 14 of Rsiz: Part 15
    syntax = "1.2.840.10008.1.2.4.203" if high_throughput else "1.2.840.10008.1.2.4.91"
    return Codestream(syntax, y1 - y0, x1 - x0, samples, (depth & 0x7F) + 1, depth > 0x7F)


def _inspect_jpeg(frame: bytes) -> Codestream | None:
    """The frame header of ISO/IEC 10918-1 B.2.2 or, for JPEG-LS, ISO/IEC 14495-1 C.2.2."""
    position = 2
    while position + 10 <= len(frame) and frame[position] == 0xFF:
        marker, length = frame[position + 1], int.from_bytes(frame[position + 2 : position + 4])
        if marker in _JPEG_SOFS:
            precision, height, width, samples = struct.unpack_from(">BHHB", frame, position + 4)
            syntax = {0xF7: "80", 0xC3: "57", 0xC0: "50"}.get(marker, "51")
            return Codestream(f"1.2.840.10008.1.2.4.{syntax}", height, width, samples, precision)
        position += 1 if marker == 0xFF else 2 + length
    return None


def _jpeg(frame: bytes, rgb: bool) -> NDArray[Any]:
    if rgb:
        return imagecodecs.jpeg8_decode(frame, colorspace="RGB", outcolorspace="RGB")
    return imagecodecs.jpeg8_decode(frame)


def _jpeg_lossless(frame: bytes, rgb: bool) -> NDArray[Any]:
    try:
        return _jpeg(frame, rgb)
    except imagecodecs.Jpeg8Error:
        # Some devices write lossless JPEG with tables that libjpeg refuses.
        return np.ascontiguousarray(imagecodecs.jpegsof3_decode(frame))


def _jpeg_ls(frame: bytes, rgb: bool) -> NDArray[Any]:  # noqa: ARG001 (one signature for all)
    return imagecodecs.jpegls_decode(frame)


def _jpeg2000(frame: bytes, rgb: bool) -> NDArray[Any]:  # noqa: ARG001
    return imagecodecs.jpeg2k_decode(frame, numthreads=2)


def _htj2k(frame: bytes, rgb: bool) -> NDArray[Any]:  # noqa: ARG001
    with _swallowed_errors() as errors:
        image = imagecodecs.htj2k_decode(frame)
    if errors:
        raise RuntimeError("the codestream is damaged")
    return image


@contextmanager
def _swallowed_errors() -> Iterator[list[BaseException | None]]:
    """Collect what the HTJ2K decoder prints instead of raising, when a code block is damaged.

    The decoder would otherwise hand back half an image without a word. The hook is the
    process's, so one such decoding runs at a time.
    """
    found: list[BaseException | None] = []
    with _HOOK_LOCK:
        previous = sys.unraisablehook

        def collect(report: sys.UnraisableHookArgs) -> None:
            if isinstance(report.exc_value, RuntimeError) and "htj2k" in str(report.object):
                found.append(report.exc_value)
            else:
                previous(report)

        sys.unraisablehook = collect
        try:
            yield found
        finally:
            sys.unraisablehook = previous


_DECODERS: Mapping[str, Callable[[bytes, bool], NDArray[Any]]] = {
    "1.2.840.10008.1.2.4.50": _jpeg,
    "1.2.840.10008.1.2.4.51": _jpeg,
    "1.2.840.10008.1.2.4.57": _jpeg_lossless,
    "1.2.840.10008.1.2.4.70": _jpeg_lossless,
    "1.2.840.10008.1.2.4.80": _jpeg_ls,
    "1.2.840.10008.1.2.4.81": _jpeg_ls,
    "1.2.840.10008.1.2.4.90": _jpeg2000,
    "1.2.840.10008.1.2.4.91": _jpeg2000,
    "1.2.840.10008.1.2.4.201": _htj2k,
    "1.2.840.10008.1.2.4.202": _htj2k,
    # White that a lossy code overshoots wraps to black in the faster HTJ2K decoder.
    "1.2.840.10008.1.2.4.203": _jpeg2000,
}
COMPRESSED = frozenset(_DECODERS) | {RLE}


def decode(frame: bytes, syntax: str, *, rgb: bool = False) -> Raw:
    """Decode a codestream (all syntaxes of COMPRESSED but RLE).

    Args:
        frame: one whole frame.
        syntax: its transfer syntax UID.
        rgb: samples of a JPEG without colour markers are RGB, not YCbCr.

    Returns:
        (height, width) or (height, width, samples) uint8 or uint16; signed samples in two's
        complement.

    Raises:
        RuntimeError: the codestream is damaged (every codec's error derives from it).
        ValueError: the decoder gives samples of neither 8 nor 16 bits.
    """
    image = _DECODERS[syntax](frame, rgb)
    if image.dtype.itemsize == 1:
        return image.view(np.uint8)
    if image.dtype.itemsize == 2:
        return image.view(np.uint16)
    raise ValueError("samples of more than 16 bits")


def decode_rle(frame: bytes, rows: int, columns: int, samples: int, bits: int) -> Raw:
    """Decode one RLE frame (PS3.5 Annex G) to (samples, rows, columns) of `bits` (8 or 16).

    Each byte of each sample has a segment of its own, the most significant first, coded as
    PackBits.

    Raises:
        RuntimeError: a segment is damaged.
        ValueError: the frame has another number of segments, or one of another length.
    """
    size, planes = rows * columns, samples * bits // 8
    count, *offsets = struct.unpack_from("<16I", frame.ljust(64, b"\0"))
    if count != planes or offsets[0] != 64:
        raise ValueError("another number of RLE segments than the header needs")
    ends = [*offsets[1:planes], len(frame)]
    decoded = np.empty((samples, bits // 8, size), np.uint8)
    for plane, (start, end) in enumerate(zip(offsets, ends, strict=False)):
        data = imagecodecs.packbits_decode(frame[start:end])
        if len(data) < size:
            raise ValueError("an RLE segment ends early")
        decoded[plane * 8 // bits, plane % (bits // 8)] = np.frombuffer(data, np.uint8, size)
    if bits == 8:
        return decoded.reshape(samples, rows, columns)
    wide = decoded[:, 0].astype(np.uint16)
    wide <<= 8
    wide |= decoded[:, 1]
    return wide.reshape(samples, rows, columns)

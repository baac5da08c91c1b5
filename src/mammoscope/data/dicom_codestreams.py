"""One frame of stored pixels to a codestream, for every compressed transfer syntax.

Every codestream states Bits Stored as its precision, but for JPEG-LS, whose encoder here knows
8 and 16 bits only.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

import imagecodecs
import numpy as np
from numpy.typing import NDArray

Stored = NDArray[np.uint8] | NDArray[np.uint16]

NEAR = 2
"""Largest error of the near-lossless JPEG-LS here, stored values."""


def encode_frame(frame: Stored, bits: int, syntax: str) -> bytes:
    """One frame as a codestream.

    Args:
        frame: (rows, columns), uint8 for 8 bits, else uint16.
        bits: Bits Stored.
        syntax: the name of a compressed one, see `dicom_encoding.SYNTAXES`.

    Returns:
        The codestream, not padded to an even length.
    """
    whole = frame if frame.flags.c_contiguous else frame.copy()
    return _ENCODERS[syntax](whole, bits)


def _jpeg(frame: Stored, bits: int) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(frame, level=95, bitspersample=bits))


def _jpeg_lossless(predictor: int) -> Callable[[Stored, int], bytes]:
    def encode(frame: Stored, bits: int) -> bytes:
        return bytes(
            imagecodecs.jpeg8_encode(frame, lossless=True, predictor=predictor, bitspersample=bits)
        )

    return encode


def _jpeg_ls(frame: Stored, bits: int) -> bytes:  # noqa: ARG001 (one signature for all)
    return bytes(imagecodecs.jpegls_encode(frame, level=0))


def _jpeg_ls_near(frame: Stored, bits: int) -> bytes:
    # Of 10 to 14 bits in a codestream of 16, a value could come back above its own bits.
    highest = (1 << bits) - 1 - (NEAR if bits not in (8, 16) else 0)
    held = np.minimum(frame, np.array(highest, frame.dtype))
    return bytes(imagecodecs.jpegls_encode(held, level=NEAR))


def _jpeg2000(frame: Stored, bits: int) -> bytes:
    return bytes(
        imagecodecs.jpeg2k_encode(
            frame, level=0, reversible=True, codecformat="j2k", bitspersample=bits, numthreads=1
        )
    )


def _jpeg2000_lossy(frame: Stored, bits: int) -> bytes:
    level = 52 + 6 * (bits - 8)  # peak signal-to-noise ratio, dB: about the same error in values
    return bytes(
        imagecodecs.jpeg2k_encode(
            frame,
            level=level,
            reversible=False,
            codecformat="j2k",
            bitspersample=bits,
            numthreads=1,
        )
    )


def _htj2k(frame: Stored, bits: int) -> bytes:
    stream = imagecodecs.htj2k_encode(_centred(frame, bits), reversible=True, tlm=True)
    return _at_precision(bytes(stream), bits) if frame.dtype.itemsize == 2 else bytes(stream)


def _htj2k_lossy(frame: Stored, bits: int) -> bytes:
    step = 4.0 / (1 << (8 * frame.dtype.itemsize))  # of full scale: four stored values
    stream = imagecodecs.htj2k_encode(_centred(frame, bits), level=step, reversible=False, tlm=True)
    return _at_precision(bytes(stream), bits) if frame.dtype.itemsize == 2 else bytes(stream)


def _centred(frame: Stored, bits: int) -> Stored:
    """Shift 10 to 14 bits to the middle of 16, where the encoder's level shift expects them."""
    if frame.dtype.itemsize == 1:
        return frame
    return frame + np.uint16((1 << 15) - (1 << (bits - 1)))


def _at_precision(stream: bytes, bits: int) -> bytes:
    """A codestream that was encoded from 16 bits, restated as one of fewer bits.

    The encoder knows 8 and 16 bits only, while PS3.5 8.2.4 wants a component's bit depth (in
    SIZ) to be Bits Stored. With centred values the coefficients are those of the smaller depth.
    Reversible: nothing else depends on the depth. Irreversible: quantiser steps are relative to
    it (ISO/IEC 15444-1 E.1.1), so each exponent in QCD falls by the bits taken away, and the
    guard bits rise by as many, which leaves the number of bit planes as it was coded.
    """
    fewer = 16 - bits
    edited = bytearray(stream)
    edited[stream.index(b"\xff\x51") + 40] = bits - 1
    start = stream.index(b"\xff\x5c")
    length, style = struct.unpack_from(">HB", stream, start + 2)
    if style & 0x1F == 2:
        edited[start + 4] = style + (fewer << 5)
        for place in range(start + 5, start + 2 + length, 2):
            edited[place] -= fewer << 3
    return bytes(edited)


def _rle(frame: Stored, bits: int) -> bytes:  # noqa: ARG001
    """An RLE frame (PS3.5 Annex G): a segment for each byte of a word, the highest first."""
    planes = frame.astype(frame.dtype.newbyteorder(">")).view(np.uint8)
    planes = planes.reshape(*frame.shape, -1)
    segments = [
        b"".join(imagecodecs.packbits_encode(row) for row in np.ascontiguousarray(planes[..., i]))
        for i in range(planes.shape[-1])
    ]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    offsets = 64 + np.cumsum([0, *map(len, segments)])[:-1]
    header = np.zeros(16, "<u4")
    header[: len(segments) + 1] = [len(segments), *offsets]
    return header.tobytes() + b"".join(segments)


_ENCODERS: Mapping[str, Callable[[Stored, int], bytes]] = {
    "RLE": _rle,
    "JPEG baseline": _jpeg,
    "JPEG extended": _jpeg,
    "JPEG lossless": _jpeg_lossless(6),
    "JPEG lossless SV1": _jpeg_lossless(1),
    "JPEG-LS": _jpeg_ls,
    "JPEG-LS near": _jpeg_ls_near,
    "JPEG 2000 lossless": _jpeg2000,
    "JPEG 2000": _jpeg2000_lossy,
    "HTJ2K lossless": _htj2k,
    "HTJ2K lossless RPCL": _htj2k,
    "HTJ2K": _htj2k_lossy,
}

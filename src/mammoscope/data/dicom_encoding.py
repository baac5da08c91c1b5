"""Stored pixels into a DICOM data set, in any transfer syntax that the reader knows.

The same pixels give the same bytes wherever the same codecs are installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID

from mammoscope.data.dicom_codestreams import Stored, encode_frame
from mammoscope.errors import ConfigError
from mammoscope.files import drafted

_ALL_BITS = (8, 10, 12, 14, 16)
_IMPLEMENTATION = "2.25.12852059104766360080730035459297422157"
_NATIVE_ROOT, _JPEG_ROOT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.4"


@dataclass(frozen=True)
class Syntax:
    """A transfer syntax to write.

    Attributes:
        uid: its UID.
        bits: the Bits Stored it can hold.
        lossy: Lossy Image Compression Method; "" where every value comes back.
    """

    uid: str
    bits: tuple[int, ...] = _ALL_BITS
    lossy: str = ""

    @property
    def big_endian(self) -> bool:
        """Whether words are stored with their high byte first."""
        return self.uid == f"{_NATIVE_ROOT}.2"

    @property
    def compressed(self) -> bool:
        """Whether each frame is a codestream of its own."""
        return self.uid.startswith((_JPEG_ROOT, f"{_NATIVE_ROOT}.5"))


SYNTAXES: Mapping[str, Syntax] = {
    "implicit": Syntax(_NATIVE_ROOT),
    "explicit": Syntax(f"{_NATIVE_ROOT}.1"),
    "big endian": Syntax(f"{_NATIVE_ROOT}.2"),
    "deflated": Syntax(f"{_NATIVE_ROOT}.1.99"),
    "RLE": Syntax(f"{_NATIVE_ROOT}.5"),
    "JPEG baseline": Syntax(f"{_JPEG_ROOT}.50", (8,), "ISO_10918_1"),
    "JPEG extended": Syntax(f"{_JPEG_ROOT}.51", (12,), "ISO_10918_1"),
    "JPEG lossless": Syntax(f"{_JPEG_ROOT}.57"),
    "JPEG lossless SV1": Syntax(f"{_JPEG_ROOT}.70"),
    "JPEG-LS": Syntax(f"{_JPEG_ROOT}.80"),
    "JPEG-LS near": Syntax(f"{_JPEG_ROOT}.81", lossy="ISO_14495_1"),
    "JPEG 2000 lossless": Syntax(f"{_JPEG_ROOT}.90"),
    "JPEG 2000": Syntax(f"{_JPEG_ROOT}.91", lossy="ISO_15444_1"),
    "HTJ2K lossless": Syntax(f"{_JPEG_ROOT}.201"),
    "HTJ2K lossless RPCL": Syntax(f"{_JPEG_ROOT}.202"),
    "HTJ2K": Syntax(f"{_JPEG_ROOT}.203", lossy="ISO_15444_15"),
}


def set_pixels(dataset: Dataset, stored: Stored, bits: int, syntax: str) -> None:
    """Add the pixels to `dataset`, with what must be said of them and of their loss.

    Sets Rows, Columns, Number of Frames (if there is a frame axis), the bit fields, Pixel Data,
    Lossy Image Compression (and ratio and method), and the transfer syntax.

    Args:
        dataset: changed.
        stored: (rows, columns) or (frames, rows, columns), uint8 for 8 bits, else uint16.
        bits: Bits Stored.
        syntax: a key of SYNTAXES.

    Raises:
        ConfigError: the pixels do not fit the bits, or the bits do not fit the syntax.
    """
    chosen = _checked(stored, bits, syntax)
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    if stored.ndim == 3:
        dataset.NumberOfFrames = len(stored)
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.BitsAllocated = 8 * stored.dtype.itemsize
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    if chosen.compressed:
        frames: tuple[Stored, ...] = tuple(stored) if stored.ndim == 3 else (stored,)
        coded = [encode_frame(frame, bits, syntax) for frame in frames]
        data, vr = encapsulate(coded), "OB"
        _tell_loss(dataset, chosen, stored.nbytes / sum(map(len, coded)))
    else:
        data = stored.astype(stored.dtype.newbyteorder(">" if chosen.big_endian else "<")).tobytes()
        data += b"\0" * (len(data) % 2)
        vr = "OB" if stored.dtype.itemsize == 1 and syntax != "implicit" else "OW"
        _tell_loss(dataset, chosen, 1.0)
    dataset.add_new("PixelData", vr, data)
    dataset["PixelData"].is_undefined_length = chosen.compressed
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(chosen.uid)


def _checked(stored: Stored, bits: int, syntax: str) -> Syntax:
    if syntax not in SYNTAXES:
        raise ConfigError(f"syntax is {syntax!r}; give {', '.join(SYNTAXES)}.")
    chosen = SYNTAXES[syntax]
    if bits not in chosen.bits:
        raise ConfigError(
            f"{syntax} cannot hold {bits} bits; give {', '.join(map(str, chosen.bits))}."
        )
    if stored.dtype.itemsize != (1 if bits == 8 else 2) or int(stored.max()) >> bits:
        raise ConfigError(
            f"Pixels of {stored.dtype} up to {stored.max()} do not fit {bits} bits; give uint8"
            " for 8 bits, uint16 for more, and no value beyond the bits."
        )
    return chosen


def _tell_loss(dataset: Dataset, syntax: Syntax, ratio: float) -> None:
    """Lossy Image Compression of PS3.3 C.7.6.1.1.5."""
    dataset.LossyImageCompression = "01" if syntax.lossy else "00"
    if syntax.lossy:
        dataset.LossyImageCompressionRatio = f"{ratio:.2f}"
        dataset.LossyImageCompressionMethod = syntax.lossy


def save(dataset: Dataset, path: str | Path) -> Path:
    """Write a data set with its preamble and file meta information, whole or not at all.

    Args:
        dataset: with pixels from `set_pixels`, SOP Class and Instance UID.
        path: the file; its folder is made if absent.

    Raises:
        ConfigError: the file cannot be written.
    """
    meta = dataset.file_meta
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.ImplementationClassUID = UID(_IMPLEMENTATION)
    meta.ImplementationVersionName = "MAMMOSCOPE"
    with drafted(path) as draft:
        dcmwrite(draft, dataset, enforce_file_format=True)
    return Path(path)

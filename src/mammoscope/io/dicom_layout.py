"""How a DICOM header says its pixels are stored: the Image Pixel module, checked."""

from __future__ import annotations

from dataclasses import dataclass

from mammoscope.errors import CorruptError, RefusedError, UnsupportedError
from mammoscope.io.dicom_header import Header, describe
from mammoscope.io.limits import check_size

COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420")
_EXPORT = "export or copy the file again"


@dataclass(frozen=True)
class Layout:
    """How the header says the pixels are stored (PS3.3 C.7.6.3); all counts in pixels or bits."""

    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    high: int
    signed: bool
    photometric: str
    planar: bool
    frames: int

    @property
    def subsampled(self) -> bool:
        """Uncompressed YBR_FULL_422 shares its colours between two neighbours in a row."""
        return self.samples == 3 and self.photometric == "YBR_FULL_422"

    @property
    def frame_bytes(self) -> int:
        """Length of one uncompressed frame."""
        samples = 2 if self.subsampled else self.samples
        return self.rows * self.columns * samples * self.allocated // 8


def read_layout(header: Header) -> Layout:
    """Check and gather the Image Pixel module.

    Raises:
        CorruptError: a field is missing or the fields contradict each other.
        UnsupportedError: pixels of other than 8 or 16 bits.
        LimitError: see `check_size`.
    """
    rows, columns, allocated = (
        _required(header, keyword) for keyword in ("Rows", "Columns", "BitsAllocated")
    )
    check_size(header.path, rows, columns)
    _check_allocated(header, allocated)
    stored = int(header.number("BitsStored", allocated))
    high = int(header.number("HighBit", stored - 1))
    if not (1 <= stored <= allocated and stored - 1 <= high < allocated):
        raise CorruptError(
            header.path,
            f"Bits Allocated {allocated}, Bits Stored {stored} and High Bit {high} contradict"
            " each other (0028,0100-0102)",
            _EXPORT,
        )
    return Layout(
        rows,
        columns,
        int(header.number("SamplesPerPixel", 1)),
        allocated,
        stored,
        high,
        header.number("PixelRepresentation", 0) == 1,
        header.text("PhotometricInterpretation"),
        header.number("PlanarConfiguration", 0) == 1,
        max(1, int(header.number("NumberOfFrames", 1))),
    )


def _required(header: Header, keyword: str) -> int:
    numbers = header.numbers(keyword)
    if not numbers:
        raise CorruptError(header.path, f"{describe(keyword)} is missing", _EXPORT)
    return int(numbers[0])


def _check_allocated(header: Header, allocated: int) -> None:
    if allocated in (8, 16):
        return
    found = f"{describe('BitsAllocated')} is {allocated}"
    if allocated in (1, 12, 32, 64):
        raise UnsupportedError(
            header.path, f"{found}, and only 8 and 16 are read", "convert it to 16 bits a pixel"
        )
    raise CorruptError(header.path, f"{found}, which no image can have", _EXPORT)


def check_photometric(header: Header, layout: Layout) -> None:
    """Refuse photometric interpretations that are unknown, or no grey image at all.

    Raises:
        CorruptError: the interpretation is unknown, or has another number of samples.
        RefusedError: it is PALETTE COLOR.
    """
    photometric, samples = layout.photometric, layout.samples
    if photometric == "PALETTE COLOR":
        raise RefusedError(
            header.path,
            f"{describe('PhotometricInterpretation')} is PALETTE COLOR, which no mammogram has",
            "give the original grey image",
        )
    expected = 1 if photometric in ("MONOCHROME1", "MONOCHROME2") else 3
    if (expected == 3 and photometric not in COLOURS) or samples != expected:
        shown = photometric if photometric.replace("_", "").isalnum() else "missing or unreadable"
        raise CorruptError(
            header.path,
            f"{describe('PhotometricInterpretation')} is {shown[:16]} with {samples} samples"
            " per pixel",
            "export the file again as MONOCHROME2",
        )

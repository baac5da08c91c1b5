"""Stored values to what a reader sees: the greyscale pipeline of PS3.3 C.7.6.3, C.11.1, C.11.2.

Every step maps one stored value to one output value, so the whole pipeline is worked out once
for each of the 256 or 65,536 values that a container can hold, and applied in a single pass.
Steps: container bits to stored value (shift, mask, sign), modality LUT or rescale, VOI LUT or
window, polarity, padding to black. Results are rounded to the nearest grey level, halves to even.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import CorruptError
from mammoscope.io.dicom_header import Header, corrupt_as, describe
from mammoscope.io.dicom_layout import Layout
from mammoscope.io.dicom_pixels import Frame
from mammoscope.types import Pixels

Values = NDArray[np.float64]
_LARGEST = 1e15


@dataclass(frozen=True)
class Lut:
    """A lookup table of PS3.3 C.11: `data[0]` is the output of inputs up to `first`."""

    first: int
    data: Values
    bits: int

    def __call__(self, values: Values) -> Values:
        """Look up `values`, rounded; those outside give the first or last entry."""
        places = np.clip(np.rint(values) - self.first, 0, len(self.data) - 1)
        outputs: Values = self.data[places.astype(np.intp)]
        return outputs


@dataclass(frozen=True)
class Stored:
    """All values a container can hold, and which of them count.

    Attributes:
        values: (256,) or (65536,) stored value of each container content.
        padded: same shape, True where the value is padding.
        modality: same shape, the values after the modality LUT.
    """

    values: NDArray[np.int64]
    padded: NDArray[np.bool_]
    modality: Values


def for_presentation(header: Header, frame: Frame) -> tuple[Pixels, dict[str, str]]:
    """Apply the file's own greyscale pipeline.

    Args:
        header: of this frame; gains warnings.
        frame: stored pixels.

    Returns:
        Pixels of the container's dtype over its full range, 0 black; and the provenance.

    Raises:
        CorruptError: a rescale value or lookup table is nonsense.
    """
    provenance: dict[str, str] = {}
    stored = stored_values(header, frame.layout, frame.raw.dtype, provenance)
    shown = _voi(header, frame, stored, provenance)
    if turned_over(header, frame.layout, provenance):
        shown = 1.0 - shown
    return apply_table(frame, shown, stored.padded), provenance


def apply_table(frame: Frame, shown: Values, padded: NDArray[np.bool_]) -> Pixels:
    """Look up each container's content in `shown` (0 black to 1 white); padding is black."""
    dtype = frame.raw.dtype
    scaled = np.rint(np.clip(shown, 0.0, 1.0) * np.iinfo(dtype).max)
    table = cast("Pixels", np.where(padded, 0.0, scaled).astype(dtype))
    return cast("Pixels", cv2.LUT(frame.raw, table))


def stored_values(
    header: Header,
    layout: Layout,
    dtype: np.dtype[np.uint8] | np.dtype[np.uint16],
    provenance: dict[str, str],
) -> Stored:
    """Work out stored value, padding and modality value of everything a container can hold."""
    contents = np.arange(np.iinfo(dtype).max + 1, dtype=np.int64)
    values = (contents >> (layout.high + 1 - layout.stored)) & ((1 << layout.stored) - 1)
    if layout.signed:
        values -= (values & (1 << (layout.stored - 1))) << 1
    padded = _padding(header, layout, values, provenance)
    return Stored(values, padded, _modality(header, layout, values, provenance))


def _padding(
    header: Header, layout: Layout, values: NDArray[np.int64], provenance: dict[str, str]
) -> NDArray[np.bool_]:
    """Pixel Padding Value and Range Limit (PS3.3 C.7.5.1.1.2), stored values, both inclusive."""
    ends = [
        _signed(header.lenient_numbers(keyword)[0], layout.signed)
        for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")
        if header.lenient_numbers(keyword)
    ]
    if not ends or not header.lenient_numbers("PixelPaddingValue"):
        return np.zeros(values.shape, np.bool_)
    low, high = min(ends), max(ends)
    provenance["padding"] = f"stored values {low} to {high} shown black"
    return (values >= low) & (values <= high)


def _signed(number: float, signed: bool) -> int:
    """A 16-bit value whose VR (US or SS) may be the wrong one of the two."""
    value = int(number)
    if signed and value > 0x7FFF:
        return value - 0x10000
    return value + 0x10000 if not signed and value < 0 else value


def _modality(
    header: Header, layout: Layout, values: NDArray[np.int64], provenance: dict[str, str]
) -> Values:
    """Modality LUT Sequence, else rescale slope and intercept (PS3.3 C.11.1)."""
    if items := header.items("ModalityLUTSequence"):
        provenance["modality_lut"] = describe("ModalityLUTSequence")
        return _read_lut(items[0], layout.signed)(values.astype(np.float64))
    slope, intercept = header.number("RescaleSlope", 1.0), header.number("RescaleIntercept", 0.0)
    if slope == 0 or max(abs(slope), abs(intercept)) > _LARGEST:
        raise CorruptError(
            header.path,
            f"{describe('RescaleSlope')} is {slope:g} and the intercept {intercept:g}",
            "export the file again or correct the tags",
        )
    provenance["modality_lut"] = f"slope {slope:g}, intercept {intercept:g}"
    return values.astype(np.float64) * slope + intercept


def _read_lut(item: Header, signed: bool) -> Lut:
    """Read a LUT item (PS3.3 C.11.1.1): descriptor of length, first input and bits; data."""
    with corrupt_as(item.path, "a lookup table (LUT Descriptor, LUT Data)"):
        length, first, bits = (int(number) for number in item.numbers("LUTDescriptor")[:3])
        data = _lut_data(item, length or 0x10000)
        if not 1 <= bits <= 16:
            raise ValueError("bits per entry")
    # Some writers state fewer bits than the data have; white is then what the data reach.
    bits = max(bits, int(data.max()).bit_length())
    return Lut(_signed(first, True) if signed else first, data, bits)


def _lut_data(item: Header, length: int) -> Values:
    found = item.values("LUTData")
    if len(found) == 1 and isinstance(found[0], bytes):
        wide = len(found[0]) >= 2 * length
        # The item's own encoding: pydicom leaves is_little_endian unset in sequences.
        order = ">" if item.root.original_encoding[1] is False else "<"
        data = np.frombuffer(found[0], f"{order}u2" if wide else np.uint8).astype(np.float64)
    else:
        data = np.array([int(number) & 0xFFFF for number in found], np.float64)
    if len(data) < length or not len(data):
        raise ValueError("fewer entries than the descriptor says")
    return data[:length]


def _voi(header: Header, frame: Frame, stored: Stored, provenance: dict[str, str]) -> Values:
    """VOI LUT if there is one, else window, else the range of the data; 0 to 1.

    PS3.3 C.11.2 leaves the choice between LUT and window to the reader; a LUT is the curve the
    maker drew for this image, so it comes first. The first of several is applied.
    """
    asked = windows(header)
    names = [f"window center {c:g} width {w:g} {f}" for c, w, f in asked]
    luts = header.items("VOILUTSequence")
    names = [f"VOI LUT {i + 1}" for i in range(len(luts))] + names
    if len(names) > 1:
        provenance["voi_others"] = "; ".join(names[1:])
    if luts:
        provenance["voi"] = "VOI LUT 1"
        lut = _read_lut(luts[0], frame.layout.signed or bool(stored.modality.min() < 0))
        return lut(stored.modality) / ((1 << lut.bits) - 1)
    if asked:
        provenance["voi"] = names[0]
        return window(stored.modality, *asked[0])
    used = present(frame) & ~stored.padded
    low, high = (0.0, 0.0) if not used.any() else _range(stored.modality[used])
    provenance["voi"] = f"none in the file: full range of the data, {low:g} to {high:g}"
    return stretch(stored.modality, low, high)


def stretch(values: Values, low: float, high: float) -> Values:
    """Map `low` to 0 and `high` to 1; all to 0 where they are equal."""
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def _range(values: Values) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def present(frame: Frame) -> NDArray[np.bool_]:
    """Which container contents occur: (256,) or (65536,)."""
    found = np.zeros(np.iinfo(frame.raw.dtype).max + 1, np.bool_)
    found[frame.raw] = True
    return found


def windows(header: Header) -> list[tuple[float, float, str]]:
    """All usable windows as (center, width, function)."""
    centers = header.lenient_numbers("WindowCenter")
    widths = header.lenient_numbers("WindowWidth")
    function = header.text("VOILUTFunction") or "LINEAR"
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        header.ignore("VOILUTFunction", "it is none of the standard's; LINEAR was used")
        function = "LINEAR"
    found = []
    for center, width in zip(centers, widths, strict=False):
        if width <= 0 or max(abs(center), width) > _LARGEST:
            header.ignore("WindowWidth", "a width must be above 0")
        elif function == "LINEAR" and width < 1:
            found.append((center, width, "LINEAR_EXACT"))
        else:
            found.append((center, width, function))
    return found


def window(values: Values, center: float, width: float, function: str) -> Values:
    """The windows of PS3.3 C.11.2.1.2 and C.11.2.1.3, from 0 to 1.

    Args:
        values: any shape, after the modality LUT.
        center: Window Center.
        width: Window Width, above 0; at least 1 for LINEAR.
        function: "LINEAR", "LINEAR_EXACT" or "SIGMOID".
    """
    with np.errstate(over="ignore"):
        if function == "SIGMOID":
            return 1.0 / (1.0 + np.exp(np.clip(-4.0 * ((values - center) / width), -700, 700)))
        if function == "LINEAR_EXACT":
            return np.clip((values - center) / width + 0.5, 0.0, 1.0)
    if width == 1:
        return np.where(values <= center - 0.5, 0.0, 1.0)
    return np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0.0, 1.0)


def turned_over(header: Header, layout: Layout, provenance: dict[str, str]) -> bool:
    """Whether low values are white.

    In the mammography and DX objects INVERSE is what goes with MONOCHROME1 (PS3.3 C.8.11.3.1.2):
    both say the same, once. Where they disagree, Photometric Interpretation decides.
    """
    negative = layout.photometric == "MONOCHROME1"
    shape = header.text("PresentationLUTShape")
    if shape and shape != ("INVERSE" if negative else "IDENTITY"):
        header.warn(
            f"{describe('PresentationLUTShape')} does not go with {layout.photometric};"
            " the latter was followed."
        )
    provenance["polarity"] = layout.photometric + (", turned over" if negative else "")
    return negative

"""What kind of DICOM mammogram to make, and which stored values show a given picture in it.

Whatever the window, lookup table or polarity of a kind, its stored values are chosen so that a
reader that follows the standard (PS3.3 C.11) sees the same picture, up to rounding and clipping.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mammoscope.data.dicom_codestreams import Stored
from mammoscope.data.dicom_encoding import SYNTAXES
from mammoscope.errors import ConfigError
from mammoscope.types import Presentation

Photometric = Literal["MONOCHROME1", "MONOCHROME2"]
Relationship = Literal["LIN", "LOG"]
Voi = Literal["linear", "linear_exact", "sigmoid", "windows", "lut", "lut and window"]
F64 = NDArray[np.float64]

_BITS = (8, 10, 12, 14, 16)
_EXACT_MARGIN, _SIGMOID_WIDTH = 1 / 8, 0.4
_DARKEST_RAW, _BRIGHTEST_RAW = 0.05, 0.95
"""Exposure, of full scale, behind the densest pixel and in the open beam."""


@dataclass(frozen=True)
class DicomKind:
    """One of the many ways in which DICOM can hold a mammogram.

    Attributes:
        syntax: a key of `dicom_encoding.SYNTAXES`.
        bits: Bits Stored: 8, 10, 12, 14 or 16, as far as the syntax allows.
        presentation: For Presentation or For Processing.
        photometric: in MONOCHROME1 low values are white.
        voi: how a For Presentation image says its contrast: a LINEAR, LINEAR_EXACT or SIGMOID
            window, three LINEAR windows with explanations, a VOI LUT, or a LUT beside a window.
        relationship: Pixel Intensity Relationship of a For Processing image: LIN stores
            exposures, LOG their logarithms.
        slices: 0 for a mammogram; otherwise a tomosynthesis of so many slices.
        modifiers: view modifiers, keys of `dicom_modules.MODIFIERS`.
        magnification: Estimated Radiographic Magnification Factor, 1 or more.
        implant: Breast Implant Present.
        padded: declare black as Pixel Padding Value.
    """

    syntax: str = "explicit"
    bits: int = 12
    presentation: Presentation = "presentation"
    photometric: Photometric = "MONOCHROME2"
    voi: Voi = "linear"
    relationship: Relationship = "LIN"
    slices: int = 0
    modifiers: tuple[str, ...] = ()
    magnification: float = 1.0
    implant: bool = False
    padded: bool = False

    def __post_init__(self) -> None:
        self._check_choices()
        if self.bits not in SYNTAXES[self.syntax].bits:
            allowed = ", ".join(map(str, SYNTAXES[self.syntax].bits))
            raise ConfigError(f"{self.syntax} cannot hold {self.bits} bits; give {allowed}.")
        if not 1 <= self.magnification <= 3:
            raise ConfigError(f"magnification is {self.magnification}; give 1 to 3.")
        if not 0 <= self.slices <= 200:
            raise ConfigError(f"slices is {self.slices}; give 0 (none) to 200.")
        if self.slices and (self.processing or self.photometric != "MONOCHROME2"):
            raise ConfigError(
                "Tomosynthesis is For Presentation and MONOCHROME2 (PS3.3 C.8.21.3); give these."
            )

    def _check_choices(self) -> None:
        for field, allowed in (
            ("syntax", tuple(SYNTAXES)),
            ("bits", _BITS),
            ("presentation", get_args(Presentation)),
            ("photometric", get_args(Photometric)),
            ("voi", get_args(Voi)),
            ("relationship", get_args(Relationship)),
        ):
            if (found := getattr(self, field)) not in allowed:
                raise ConfigError(f"{field} is {found!r}; give {', '.join(map(str, allowed))}.")

    @property
    def processing(self) -> bool:
        """Whether it is For Processing."""
        return self.presentation == "processing"

    @property
    def negative(self) -> bool:
        """Whether low stored values are white."""
        return self.photometric == "MONOCHROME1"

    @property
    def top(self) -> int:
        """The highest value that can be stored."""
        return (1 << self.bits) - 1

    @property
    def name(self) -> str:
        """A short name for tables and file names, e.g. "explicit-12-presentation-m2-linear"."""
        grey = self.relationship if self.processing else self.voi.replace(" ", "-")
        slices = f"-tomo{self.slices}" if self.slices else ""
        extras = [*self.modifiers, *(("implant",) if self.implant else ())]
        extras += ["padded"] if self.padded else []
        extras += [f"x{self.magnification:g}"] if self.magnification > 1 else []
        return (
            "-".join(
                [self.syntax, str(self.bits), self.presentation, f"m{self.photometric[-1]}", grey]
                + [extra.replace(" ", "-") for extra in extras]
            ).lower()
            + slices
        )


@dataclass(frozen=True)
class Window:
    """Window Center, Width and VOI LUT Function of PS3.3 C.11.2, on stored values."""

    center: float
    width: float
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"] = "LINEAR"


def windows(kind: DicomKind) -> list[Window]:
    """The windows of a kind, the one it is to be seen with first; none for a LUT alone."""
    top = kind.top
    full = Window((top + 1) / 2, top + 1)
    if kind.voi == "linear_exact":
        return [Window(top / 2, top * (1 - 2 * _EXACT_MARGIN), "LINEAR_EXACT")]
    if kind.voi == "sigmoid":
        return [Window(top / 2, round(top * _SIGMOID_WIDTH, 3), "SIGMOID")]
    if kind.voi == "windows":
        return [full, Window(round(0.6 * top), round(0.5 * top)), Window(round(0.4 * top), top)]
    return [] if kind.voi == "lut" else [full]


def voi_lut(kind: DicomKind) -> NDArray[np.uint16] | None:
    """(top + 1,) outputs over 0 to 65535, an S-shaped curve; None for a kind with windows only."""
    if not kind.voi.startswith("lut"):
        return None
    t = np.arange(kind.top + 1) / kind.top
    return np.rint((t + t**2 * (3 - 2 * t)) / 2 * 65535).astype(np.uint16)


def stored_values(picture: NDArray[np.uint16], kind: DicomKind) -> Stored:
    """What to store so that `picture` is seen.

    Args:
        picture: uint16 over the full range, brighter is denser, air 0; any shape.
        kind: For Presentation: the inverse of its VOI transformation. For Processing: X-ray
            exposure exp(-attenuation) with the picture taken for the attenuation, or the
            logarithm of that; falling with the picture in MONOCHROME1 (Pixel Intensity
            Relationship Sign 1), turned over in MONOCHROME2 (sign -1).

    Returns:
        uint8 for 8 bits, uint16 otherwise; same shape.
    """
    found: Stored = _table(kind)[picture]
    return found


@lru_cache(maxsize=4)
def _table(kind: DicomKind) -> Stored:
    """What to store for each of the 65,536 levels of a picture."""
    levels = np.arange(65536) / 65535
    if kind.processing:
        values = _raw(levels, kind)
    else:
        values = _before_voi(1 - levels if kind.negative else levels, kind)
    whole = np.clip(np.rint(values), 0, kind.top)
    return whole.astype(np.uint8) if kind.bits == 8 else whole.astype(np.uint16)


def _before_voi(shown: F64, kind: DicomKind) -> F64:
    """The values that the kind's window or LUT turns into `shown` (0 to 1)."""
    if (lut := voi_lut(kind)) is not None:
        return np.asarray(np.interp(shown * 65535, lut.astype(np.float64), np.arange(len(lut))))
    first = windows(kind)[0]
    if first.function == "SIGMOID":
        inside = np.clip(shown, 1e-6, 1 - 1e-6)
        return first.center + first.width / 4 * np.log(inside / (1 - inside))
    if first.function == "LINEAR_EXACT":
        return first.center + (shown - 0.5) * first.width
    return shown * kind.top


def _raw(attenuation: F64, kind: DicomKind) -> F64:
    """Detector values behind `attenuation` (0 open beam to 1 densest)."""
    if kind.relationship == "LOG":
        rays = _BRIGHTEST_RAW - (_BRIGHTEST_RAW - _DARKEST_RAW) * attenuation
    else:
        rays = _BRIGHTEST_RAW * (_DARKEST_RAW / _BRIGHTEST_RAW) ** attenuation
    raw = rays if kind.negative else _BRIGHTEST_RAW + _DARKEST_RAW - rays
    return raw * kind.top

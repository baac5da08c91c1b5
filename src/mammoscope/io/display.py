"""What a viewer needs of an image: values that it windows itself, and the windows to offer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mammoscope.types import Mammogram, Pixels


@dataclass(frozen=True)
class Window:
    """Which values are shown from black to white.

    Attributes:
        name: for a menu.
        center, width: in real values, as DICOM's LINEAR function takes them (PS3.3 C.11.2.1.2.1):
            black at center - 0.5 - (width - 1) / 2, white at center - 0.5 + (width - 1) / 2.
    """

    name: str
    center: float
    width: float


@dataclass(frozen=True, eq=False)
class Display:
    """An image before a window is applied.

    Attributes:
        values: (height, width) uint8 or uint16; real value = slope * value + intercept.
        slope, intercept: see `values`.
        windows: at least one, that of the file first.
        low_is_white: whether low values are shown white.
    """

    values: Pixels
    windows: tuple[Window, ...]
    slope: float = 1.0
    intercept: float = 0.0
    low_is_white: bool = False


def as_shown(mammogram: Mammogram) -> Display:
    """The grey levels of a mammogram themselves as values: black to white is the whole range."""
    limit = int(np.iinfo(mammogram.pixels.dtype).max)
    return Display(mammogram.pixels, (Window("as in the file", (limit + 1) / 2, limit + 1),))


def grey_table(values: Pixels, pixels: Pixels) -> Pixels | None:
    """The grey level of each value, if each value has one alone.

    Args:
        values: (height, width) uint8 or uint16.
        pixels: (height, width), the grey levels of the same image.

    Returns:
        (256,) or (65536,) of the dtype of `pixels`, such that table[values] equals `pixels`;
        None if there is no such table.
    """
    table = np.zeros(np.iinfo(values.dtype).max + 1, pixels.dtype)
    table[values] = pixels
    return table if np.array_equal(table[values], pixels) else None

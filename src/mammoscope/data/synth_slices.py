"""Depth in a compressed breast, and the slices a tomosynthesis makes of it.

A view is taken apart into layers that lie one above the other and add up to it. The tube moves
over a limited angle along the picture's rows' direction of counting (along the chest wall), a
layer at distance d from a slice is displaced by d tan(angle) in the projection of each angle,
and shift-and-add of the projections shows the slice's own layer sharp, and every other one
smeared over its displacements (Niklason et al., Radiology 1997;205:399; Dobbins and Godfrey,
Phys. Med. Biol. 2003;48:R65). As in any such machine, out-of-plane metal leaves faint copies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy import fft

from mammoscope.data.synth_shape import HEIGHT_MM, Outline, Point, View
from mammoscope.data.synth_tissue import F32, F64, Key, smooth_field

ANGLES_DEG: tuple[float, ...] = tuple(np.linspace(-7.5, 7.5, 9).tolist())
"""Of the tube at each projection, from the middle one."""

LAYERS = 12
_SQUEEZE_MM = 40.0
_PICK = 2.5


class Layer(NamedTuple):
    """What lies in one plane.

    Attributes:
        light: (rows, columns) float32, what it adds to the projection.
        depth_mm: of the plane, from the middle of the breast, positive away from the tube.
    """

    light: F32
    depth_mm: float


def thickness_mm(shape: Outline) -> float:
    """Thickness of the compressed breast: larger breasts are thicker, about 35 to 60 mm."""
    deep = shape.depth / (1.05 if shape.view == "MLO" else 1.0)
    return round(125 * deep, 1)


def slice_depths(thickness: float, count: int) -> F64:
    """Depths (count,) of the middles of slices that fill the breast, mm; tube side first."""
    return np.asarray(((np.arange(count) + 0.5) / count - 0.5) * thickness, np.float64)


def layer_depths(thickness: float) -> F64:
    """Depths (LAYERS,) of the layers of tissue, mm."""
    return slice_depths(thickness, LAYERS)


def depth_in(view: View, cc: tuple[Outline, Point], mlo: tuple[Outline, Point]) -> float:
    """Depth in a compressed breast of what lies at these places of its CC and its MLO view, mm.

    CC tells how far outwards it is, MLO how far along the slant between outwards and upwards;
    together they tell its height. Compression squeezes depths into the breast's thickness.

    Args:
        view: in which the depth is wanted.
        cc: outline and place (u, v) in CC.
        mlo: likewise in MLO.

    Returns:
        mm from the middle of the breast, positive away from the tube.
    """
    outward, slanted = ((s.nipple_v - p[1]) * HEIGHT_MM for s, p in (cc, mlo))
    height = np.sqrt(2) * slanted - outward
    away = -height if view == "CC" else (outward - height) / np.sqrt(2)
    shape = cc[0] if view == "CC" else mlo[0]
    return float(0.42 * thickness_mm(shape) * np.tanh(away / _SQUEEZE_MM))


def shares(key: Key, shape: tuple[int, int], count: int) -> list[F32]:
    """Smooth random weights (rows, columns) of `count` layers; they add up to 1 everywhere.

    In patches of one or two centimetres most of the tissue belongs to one or a few layers.
    """
    fields = [smooth_field((*key, str(k)), shape, 3.0, 16.0) for k in range(count)]
    raw = [np.exp(np.float32(_PICK) * field) for field in fields]
    total = np.sum(raw, axis=0, dtype=np.float32)
    return [np.asarray(one / total, np.float32) for one in raw]


def split_lesion(added: F32, size_mm: float, depth_mm: float, key: Key) -> list[Layer]:
    """What a lesion adds to a projection, spread over its own thickness.

    Args:
        added: (rows, columns), the projection with it less the one without.
        size_mm: its diameter.
        depth_mm: of its centre.
        key: of the random stream that tells which part lies where.
    """
    offsets = (-0.25 * size_mm, 0.0, 0.25 * size_mm)
    parts = shares(key, (added.shape[0], added.shape[1]), len(offsets))
    even = (0.3, 0.4, 0.3)
    return [
        Layer(np.asarray(added * (0.5 * part + 0.5 * share), np.float32), depth_mm + offset)
        for part, share, offset in zip(parts, even, offsets, strict=True)
    ]


class Stack:
    """Layers of one breast, ready to be reconstructed at any depth.

    Args:
        layers: all of one shape (rows, columns); at least one.
        reach_mm: the largest distance between a layer and a slice.
    """

    def __init__(self, layers: Sequence[Layer], reach_mm: float) -> None:
        self._rows = layers[0].light.shape[0]
        self._pixel_mm = HEIGHT_MM / self._rows
        self._pad = int(np.ceil(reach_mm * np.tan(np.deg2rad(ANGLES_DEG[-1])) / self._pixel_mm)) + 2
        self._length = int(fft.next_fast_len(self._rows + 2 * self._pad, real=True))
        self._spectra = [(self._spectrum(layer.light), layer.depth_mm) for layer in layers]

    def at(self, depth_mm: float) -> F32:
        """The slice (rows, columns) float32 at that depth."""
        total = sum(s * self._smear(depth_mm - depth)[:, None] for s, depth in self._spectra)
        whole = fft.irfft(total, n=self._length, axis=0, overwrite_x=True)
        return np.asarray(whole[self._pad : self._pad + self._rows], np.float32)

    def slices(self, depths_mm: F64) -> Iterator[F32]:
        """The slice at each of these depths."""
        return (self.at(float(depth)) for depth in depths_mm)

    def _spectrum(self, light: F32) -> np.ndarray[tuple[int, ...], np.dtype[np.complex64]]:
        below = self._length - self._rows - self._pad
        padded = np.pad(light, ((self._pad, below), (0, 0)), mode="reflect")
        return np.asarray(fft.rfft(padded, axis=0), np.complex64)

    def _smear(self, distance_mm: float) -> F32:
        """What displaced copies, averaged over the angles, leave of each frequency.

        Angles lie evenly on both sides, so that no phase remains.
        """
        cycles_per_mm = np.arange(self._length // 2 + 1) / (self._length * self._pixel_mm)
        shifts = distance_mm * np.tan(np.deg2rad(ANGLES_DEG))
        waves = np.cos(2 * np.pi * cycles_per_mm[:, None] * shifts)
        return np.asarray(waves.mean(axis=1), np.float32)

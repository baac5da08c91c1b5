"""Tissue of a synthetic breast: power-law fields, gland, strands and vessels.

Every field is a function of position in picture heights, drawn octave by octave from its
own random stream, so that the same breast appears at any resolution, with more or less
detail. Breast tissue has a power spectrum of about 1/f^3 in radial frequency (Burgess,
Jacobson and Judy, Med. Phys. 28, 2001, 419), which is the exponent of the fields here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from mammoscope.data.synth_shape import HEIGHT_MM, Outline, Point, stream

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Key = tuple[int, *tuple[str, ...]]

DENSE_AREA = {"A": 0.07, "B": 0.20, "C": 0.42, "D": 0.68}
"""Wanted part of the breast's area that is fibroglandular, per BI-RADS grade."""

_LAYERS = 4
_LEAST_BLUR = 0.35
_FIBRES, _FIBRE_LAYERS = 4200, 6


class Grid(NamedTuple):
    """Where the pixels of a picture lie and what the shape is there; arrays (rows, columns).

    Attributes:
        u, v: canonical coordinates of pixel centres, picture heights.
        skin: distance to the skin, picture heights; 0 outside the breast.
        muscle: True in the pectoral muscle.
        shape: the outline.
    """

    u: F32
    v: F32
    skin: F32
    muscle: NDArray[np.bool_]
    shape: Outline


def power_law_field(key: Key, rows: int, exponent: float = 3.0, low: float = 1.0) -> F32:
    """A Gaussian random field with power spectrum 1/f^exponent, f in cycles per picture height.

    Args:
        key: seed and labels of its random stream.
        rows: samples per picture height.
        exponent: of the power spectrum over radial frequency.
        low: lowest frequency; slower changes are left out.

    Returns:
        (rows, rows) float32, mean 0, standard deviation about 1, periodic.
    """
    half = rows // 2
    spectrum = np.zeros((rows, half + 1), np.complex64)
    for octave in range(int(np.log2(low)), int(np.ceil(np.log2(half)))):
        reach = 2 ** (octave + 1)
        rng = stream(key[0], *key[1:], str(octave))
        draws = rng.standard_normal((2 * reach + 1, reach + 1, 2), np.float32)
        keep = min(reach, half - 1)
        part = draws.view(np.complex64)[reach - keep : reach + keep + 1, : keep + 1, 0]
        fy = np.arange(-keep, keep + 1, dtype=np.float32)
        radius = np.hypot(fy[:, None], np.arange(keep + 1, dtype=np.float32)[None])
        ring = (radius >= max(low, 2**octave)) & (radius < min(reach, half))
        gain = np.where(ring, np.maximum(radius, 1) ** (-exponent / 2), 0)
        spectrum[fy.astype(int) % rows, : keep + 1] += part * gain.astype(np.float32)
    field = fft.irfft2(spectrum, s=(rows, rows), norm="forward", overwrite_x=True)
    return np.asarray(field / _deviation(exponent, low), np.float32)


@lru_cache(maxsize=32)
def _deviation(exponent: float, low: float) -> float:
    """Standard deviation of an unscaled field, from its spectrum up to 256 cycles per height."""
    f = np.hypot(*np.meshgrid(np.arange(-256, 257), np.arange(-256, 257)))
    inside = f[(f >= low) & (f < 256)]
    return float(np.sqrt(2 * np.sum(inside**-exponent)))


def smooth_field(key: Key, shape: tuple[int, int], low: float, high: float) -> F32:
    """A field of the frequencies from low to high only, (rows, columns) as in `shape`."""
    return _upsample(_band(key, low, high), shape)


def _band(key: Key, low: float, high: float) -> F32:
    rows = 128 if high <= 8 else 256 if high <= 16 else 512
    field = power_law_field(key, rows, 2.0, low)
    soft = cv2.GaussianBlur(field, (0, 0), 0.19 * rows / high, borderType=cv2.BORDER_REFLECT)
    return np.asarray(soft / soft.std(), np.float32)


def _upsample(field: F32, shape: tuple[int, int]) -> F32:
    rows, columns = shape
    kept = field[:, : round(field.shape[0] * columns / rows)]
    how = cv2.INTER_CUBIC if rows > field.shape[0] else cv2.INTER_AREA
    return np.asarray(cv2.resize(kept, (columns, rows), interpolation=how), np.float32)


def as_detected(light: F32, blur_mm: float = 0.1) -> F32:
    """Blurred as by a detector; a picture too coarse to show that stays sharp."""
    sigma = blur_mm / HEIGHT_MM * light.shape[0]
    if sigma < _LEAST_BLUR:
        return light
    return np.asarray(cv2.GaussianBlur(light, (0, 0), sigma), np.float32)


def smoothed(grey: F32, sigma_px: float) -> F32:
    """A Gaussian blur, done on a reduced copy where that changes nothing."""
    factor = sigma_px / 3
    if factor < 1.5:
        return np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma_px), np.float32)
    size = (max(4, round(grey.shape[1] / factor)), max(4, round(grey.shape[0] / factor)))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), 3.0)
    return np.asarray(
        cv2.resize(soft, grey.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32
    )


def around_nipple(grid: Grid, field: F32, slow: float, fast: float, bend: F32) -> F32:
    """A field drawn out along the rays from the nipple, as ducts and septa run.

    Args:
        grid: where to sample.
        field: (n, n) periodic field.
        slow: picture heights of the field per picture height along a ray.
        fast: picture heights of the field per radian across the rays.
        bend: (rows, columns) angle by which the rays stray, radians.
    """
    nipple_u, nipple_v = grid.shape.nipple
    across, along = grid.v - nipple_v, nipple_u + 0.06 - grid.u
    angle = (np.arctan2(across, along) + bend).astype(np.float32)
    ray = np.hypot(across, along)
    n = field.shape[0]
    x, y = ray * (slow * n), angle * (fast * n) + n / 2
    return np.asarray(
        cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), np.float32
    )


def gland(grid: Grid, seed: int, side: str, area: float) -> F32:
    """Part of the thickness that is fibroglandular, (rows, columns) float32 in [0, 1].

    Several slabs of thresholded tissue lie over each other, as in a projection. They share the
    woman's and the breast's slow pattern, and the threshold gives the wanted density.

    Args:
        grid: where to draw it.
        seed: the woman.
        side: of her.
        area: wanted share of the breast's area, such as DENSE_AREA of a grade.
    """
    rows, columns = grid.u.shape
    view = grid.shape.view
    common = 0.8 * power_law_field((seed, "gland", view), rows, 3.0, 2.0)
    common += 0.6 * power_law_field((seed, "gland", side, view), rows, 3.0, 2.0)
    streaks = power_law_field((seed, "streaks", side, view), rows, 3.0, 3.0)
    bend = 0.16 * smooth_field((seed, "bend", side, view), (rows, columns), 2.0, 6.0)
    base = _preference(grid) + 0.5 * around_nipple(grid, streaks, 0.8, 0.4, bend)
    keys = [(seed, "slab", side, view, str(i)) for i in range(_LAYERS)]
    slabs = [base + _slab(common, key, columns) for key in keys]
    tissue = (grid.skin > 0) & ~grid.muscle
    middle: F32 = np.mean(slabs, axis=0, dtype=np.float32)
    level = np.quantile(middle[tissue], 1 - area)
    amount = [_sigmoid((slab - level) / 0.17) for slab in slabs]
    return np.asarray(np.mean(amount, axis=0), np.float32)


def _slab(common: F32, key: Key, columns: int) -> F32:
    own = power_law_field(key, common.shape[0], 3.2, 3.0)
    return np.asarray((0.55 * common + 0.42 * own)[:, :columns], np.float32)


def _preference(grid: Grid) -> F32:
    """Where gland likes to be: a fan behind the nipple, not under the skin nor on the muscle."""
    nipple_u, nipple_v = grid.shape.nipple
    lean = 0.25 if grid.shape.view == "MLO" else 0.05
    along = (nipple_u - grid.u) / grid.shape.depth
    across = (grid.v - nipple_v + lean * (nipple_u - grid.u)) / grid.shape.depth
    fan = np.exp(-(((along - 0.36) / 0.38) ** 2) - (across / 0.50) ** 2)
    under_skin = np.exp(-((grid.skin / 0.035) ** 2))
    behind_nipple = np.exp(-(np.hypot(along, across) ** 2) / 0.02)
    muscle = cv2.GaussianBlur(grid.muscle.astype(np.float32), (0, 0), 0.015 * grid.u.shape[0])
    blocked = 3.0 * under_skin * (1 - 0.8 * behind_nipple) + 2.2 * muscle
    return np.asarray(3.0 * fan - blocked, np.float32)


def _sigmoid(x: NDArray[np.floating]) -> F32:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -30, 30))), np.float32)


def web(grid: Grid, key: Key) -> F32:
    """The fine mesh that overlapping strands of all depths add up to, mean 0."""
    mesh = np.maximum(1 - np.abs(_band(key, 9.0, 70.0)) / 1.1, 0) ** 3
    return _upsample(np.asarray(mesh - mesh.mean(), np.float32), (grid.u.shape[0], grid.u.shape[1]))


def fibres(grid: Grid, key: Key) -> F32:
    """Ligaments, ducts and stroma: thousands of thin strands, (rows, columns), 0 upwards.

    Most run towards the nipple, the others anywhere; those that cross add up, as in a projection.
    """
    total = np.zeros(grid.u.shape, np.float32)
    for layer in fibre_layers(grid, key):
        total += layer
    return as_detected(total)


def fibre_layers(grid: Grid, key: Key) -> Iterator[F32]:
    """The sheets of strands, (rows, columns) each, that `fibres` adds up and blurs."""
    rng = stream(key[0], *key[1:])
    rows, columns = grid.u.shape
    for _ in range(_FIBRE_LAYERS):
        canvas = np.zeros((rows, columns), np.uint8)
        for points, mm, bright in _strands(rng, grid.shape, _FIBRES // _FIBRE_LAYERS):
            # Never thinner than a pixel can show, and then fainter instead.
            wanted = mm / HEIGHT_MM * rows
            width = max(1, round(wanted))
            ink = int(255 * bright * min(1.0, wanted / width))
            corners = np.round(points * rows * 16).astype(np.int32)
            cv2.polylines(canvas, [corners], False, ink, width, cv2.LINE_AA, 4)
        yield np.asarray(canvas / np.float32(255), np.float32)


def _strands(
    rng: np.random.Generator, shape: Outline, count: int
) -> Iterator[tuple[F64, float, float]]:
    """Corners (13, 2) in picture heights, width in mm and brightness of each of some strands."""
    v = rng.uniform(0, 1, count)
    u = rng.uniform(-0.05, 1, count) * shape.edge(v)
    nipple_u, nipple_v = shape.nipple
    home = np.arctan2(nipple_v - v, nipple_u + 0.02 - u) + rng.normal(0, 0.45, count)
    loose = rng.random(count) < 0.35
    heading = np.where(loose, rng.uniform(-np.pi, np.pi, count), home)
    length = np.exp(rng.normal(np.log(16.0), 0.6, count)) / HEIGHT_MM
    bow, wave = rng.normal(0, 0.55, count), rng.normal(0, 0.3, count)
    along = np.linspace(-0.5, 0.5, 13)[None]
    turn = heading[:, None] + bow[:, None] * along + wave[:, None] * np.sin(2 * np.pi * along)
    x = u[:, None] + length[:, None] * along * np.cos(turn)
    y = v[:, None] + length[:, None] * along * np.sin(turn)
    widths = np.minimum(np.exp(rng.normal(np.log(0.38), 0.4, count)), 0.8)
    bright = rng.beta(1.0, 4.5, count)
    yield from zip(np.stack([x, y], axis=-1), widths.tolist(), bright.tolist(), strict=True)


def vessels(grid: Grid, seed: int, side: str) -> F32:
    """A few winding veins from the chest wall forward, (rows, columns) float32 in [0, 1]."""
    rng = stream(seed, "vessels", side, grid.shape.view)
    rows, columns = grid.u.shape
    canvas = np.zeros((rows, columns), np.uint8)
    for _ in range(int(rng.integers(3, 6))):
        _draw_vessel(canvas, rng, grid.shape, rng.uniform(1.0, 1.9), None)
    soft = cv2.GaussianBlur(canvas, (0, 0), max(0.6, 0.0011 * rows))
    return np.asarray(soft / np.float32(255), np.float32)


def _draw_vessel(
    canvas: NDArray[np.uint8],
    rng: np.random.Generator,
    shape: Outline,
    mm: float,
    start: Point | None,
) -> None:
    rows = canvas.shape[0]
    u, v = start or (0.0, shape.nipple_v + rng.uniform(-0.28, 0.25))
    steps, heading = 48, rng.uniform(-0.5, 0.5)
    length = rng.uniform(0.45, 0.75) * shape.depth / steps
    drift = np.cumsum(rng.normal(0, 0.12, steps))
    branch = int(rng.integers(12, 40))
    for i in range(steps):
        turn = heading + drift[i] - 0.35 * (v - shape.nipple_v)
        nu, nv = u + length * np.cos(turn), v + length * np.sin(turn)
        width = max(1, round(mm * (1 - 0.6 * i / steps) / HEIGHT_MM * rows))
        ends = np.round(np.array([[u, v], [nu, nv]]) * rows * 16).astype(int)
        cv2.line(canvas, ends[0], ends[1], 200, width, cv2.LINE_AA, 4)
        u, v = nu, nv
        if i == branch and mm > 0.8:
            _draw_vessel(canvas, rng, shape, mm * 0.6, (u, v))

"""A picture's fingerprint: 64 bits that survive mirroring, inversion, re-encoding and resizing.

The bits are the signs of low cosine frequencies of a 32 x 32 picture whose slow brightness was
taken off, in the manner of Zauner's perceptual hash (thesis, Hagenberg 2010). All breasts have
about the same outline, so without that step all mammograms would look the same to it. Mirroring
turns the signs of the odd horizontal frequencies, inversion all of them, so that fingerprints
of the turned picture follow from the fingerprint alone.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.data.audit.look import THUMB_SIDE

Fingerprints = NDArray[np.uint64]
Details = NDArray[np.float16]
"""Half precision: 2 kB a picture, and correlations are true to about 0.0005."""

_BLUR = 3.0
_FLOOR = 6.0
"""Grey levels; what varies less than this is noise and is not amplified."""
_LEAST_NORM = 0.01
_AT_ONCE = 8192


def _frequencies() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the 64 lowest frequencies, the mean left out.

    Every fourth one lies in the same 16 bits: the lowest differ least between breasts, and no
    16 bits should hold them all (see `mammoscope.data.audit.pairs`).
    """
    rows, columns = np.mgrid[:THUMB_SIDE, :THUMB_SIDE]
    order = np.lexsort((rows.ravel(), (rows**2 + columns**2).ravel()))[1:65]
    order = order.reshape(16, 4).T.ravel()
    return rows.ravel()[order], columns.ravel()[order]


_ROWS, _COLUMNS = _frequencies()
_WEIGHTS = np.uint64(1) << np.arange(64, dtype=np.uint64)
_ODD = np.uint64(int(_WEIGHTS[_COLUMNS % 2 == 1].sum()))
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)

TURNS: tuple[tuple[bool, bool], ...] = ((False, False), (True, False), (False, True), (True, True))
"""(mirrored, inverted): the ways in which a copy may be turned."""


def detail(thumbs: NDArray[np.uint8]) -> Details:
    """Take the slow brightness off and even out the contrast.

    Args:
        thumbs: (n, 32, 32) uint8.

    Returns:
        (n, 32, 32) float16, each of mean 0 and norm 1 (0 if it has no detail).
    """
    result = np.empty(thumbs.shape, np.float16)
    for index, thumb in enumerate(thumbs):
        grey = thumb.astype(np.float32)
        fine = grey - cv2.GaussianBlur(grey, (0, 0), _BLUR)
        spread = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), _BLUR)) + _FLOOR
        even = fine / spread
        even -= even.mean()
        result[index] = even / max(float(np.linalg.norm(even)), _LEAST_NORM)
    return result


def fingerprints(details: Details) -> Fingerprints:
    """Signs of the 64 lowest frequencies of `details` (n, 32, 32), as (n,) uint64."""
    place = (np.arange(THUMB_SIDE) + 0.5) * np.pi / THUMB_SIDE
    cosines = np.cos(np.outer(np.arange(int(_ROWS.max()) + 1), place)).astype(np.float32)
    prints = np.empty(len(details), np.uint64)
    for start in range(0, len(details), _AT_ONCE):
        spectrum = cosines @ details[start : start + _AT_ONCE].astype(np.float32) @ cosines.T
        signs = spectrum[:, _ROWS, _COLUMNS] > 0
        prints[start : start + _AT_ONCE] = (signs * _WEIGHTS).sum(axis=1, dtype=np.uint64)
    return prints


def turned(prints: Fingerprints, mirrored: bool, inverted: bool) -> Fingerprints:
    """Fingerprints of the same pictures mirrored left to right, inverted, or both."""
    change = (_ODD if mirrored else np.uint64(0)) ^ (_ALL if inverted else np.uint64(0))
    return prints ^ change


def likeness(
    details: Details,
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    mirrored: bool,
    inverted: bool,
) -> NDArray[np.float32]:
    """Correlation of pairs of `details`, the first of each pair turned; (pairs,) in [-1, 1]."""
    result = np.empty(len(first), np.float32)
    for start in range(0, len(first), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        one = details[first[part]].astype(np.float32)
        one = one[:, :, ::-1] if mirrored else one
        result[part] = np.einsum("nij,nij->n", one, details[second[part]].astype(np.float32))
    return -result if inverted else result

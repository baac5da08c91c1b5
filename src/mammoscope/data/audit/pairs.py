"""All pairs of similar 64-bit fingerprints, without comparing each with each.

Multi-index hashing (Norouzi, Punjani and Fleet, CVPR 2012): of two fingerprints that differ in
at most 7 bits, at least one of the four 16-bit parts differs in at most one bit. So each part is
looked up in a table of that part, as it is and with each of its bits turned.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mammoscope.data.audit.fingerprint import Fingerprints

FARTHEST = 7
"""Every pair that differs in at most this many bits is found."""
_PARTS, _BITS = 4, 16
_AT_ONCE = 4_000_000
_TURNED = np.array([0, *(1 << bit for bit in range(_BITS))], np.intp)

Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]


def near_pairs(queries: Fingerprints, prints: Fingerprints, farthest: int = FARTHEST) -> Pairs:
    """Find i < j for which queries[i] and prints[j] differ in at most `farthest` bits.

    Args:
        queries: (n,) fingerprints, of the same pictures as `prints` turned in one way (see
            `fingerprint.turned`), so that i and j name pictures.
        prints: (n,).
        farthest: bits, at most FARTHEST.

    Returns:
        Two arrays (pairs,): every i and its j, each pair once, in order.

    Raises:
        ValueError: `farthest` is beyond what is found without gaps.
    """
    if farthest > FARTHEST:
        raise ValueError(f"farthest is {farthest}; give at most {FARTHEST}.")
    found = [np.empty(0, np.int64)]
    for part in range(_PARTS):
        found += _pairs_by_part(queries, prints, np.uint64(part * _BITS), farthest)
    keys = np.unique(np.concatenate(found))
    count = max(len(prints), 1)
    return (keys // count).astype(np.intp), (keys % count).astype(np.intp)


def _pairs_by_part(
    queries: Fingerprints, prints: Fingerprints, shift: np.uint64, farthest: int
) -> list[NDArray[np.int64]]:
    mask = np.uint64((1 << _BITS) - 1)
    keys = ((prints >> shift) & mask).astype(np.intp)
    order = np.argsort(keys, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=1 << _BITS))])
    sought = ((queries >> shift) & mask).astype(np.intp)
    found = []
    for bit in _TURNED:
        bucket = sought ^ bit
        first, counts = starts[bucket], starts[bucket + 1] - starts[bucket]
        for rows in _portions(counts):
            i, j = _expanded(rows, first, counts, order)
            near = (i < j) & (np.bitwise_count(queries[i] ^ prints[j]) <= farthest)
            found.append(i[near].astype(np.int64) * len(prints) + j[near])
    return found


def _portions(counts: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Rows in portions of bounded numbers of pairs, so that memory stays bounded."""
    portion = np.cumsum(counts) // _AT_ONCE
    edges = np.flatnonzero(np.diff(portion)) + 1
    return [rows for rows in np.split(np.arange(len(counts)), edges) if rows.size]


def _expanded(
    rows: NDArray[np.intp],
    first: NDArray[np.intp],
    counts: NDArray[np.intp],
    order: NDArray[np.intp],
) -> Pairs:
    """Every row with every member of its bucket."""
    many = counts[rows]
    ends = np.cumsum(many)
    within = np.arange(int(ends[-1])) - np.repeat(ends - many, many)
    return np.repeat(rows, many), order[np.repeat(first[rows], many) + within]

"""Several arrays of pictures that lie on disk, asked for by one row number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Stacked:
    """Arrays (n_i, h, w) one after the other, none of them copied.

    Args:
        parts: of the same height, width and type; each may be such a stack itself.
    """

    def __init__(self, parts: Sequence[NDArray[np.uint8] | Stacked]) -> None:
        self.parts = tuple(parts)
        self.ends = np.cumsum([len(one) for one in parts])

    def __len__(self) -> int:
        return int(self.ends[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, height, width)."""
        return (len(self), *self.parts[0].shape[1:])

    def __getitem__(self, row: int | np.integer | NDArray[np.integer]) -> NDArray[np.uint8]:
        """One picture (h, w), or those of several rows (m, h, w)."""
        if isinstance(row, np.ndarray):
            return np.stack([self[one] for one in row])
        part = int(np.searchsorted(self.ends, row, side="right"))
        before = int(self.ends[part - 1]) if part else 0
        return np.asarray(self.parts[part][int(row) - before])

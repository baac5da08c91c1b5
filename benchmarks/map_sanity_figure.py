"""The picture of `map_sanity.py`: images, and their maps while the weights are re-drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from mammoscope.anatomy import Mask
from mammoscope.files import drafted
from mammoscope.preprocess import Prepared
from mammoscope.train.maps import MARK_PX, coverage
from mammoscope.types import LesionMap

COLUMN_IN = 0.95
"""Width of one picture in inches."""


class Row(NamedTuple):
    """An image, its lesions (height, width) in source pixels, and its ranked map by step."""

    prepared: Prepared
    lesions: Mask
    maps: dict[str, LesionMap]


def draw(path: Path, rows: Sequence[Row]) -> None:
    """Write the picture (PNG): an image a row, lesions outlined, a map's highest point crossed."""
    steps = list(rows[0].maps)
    height, width = rows[0].prepared.pixels.shape
    columns = 1 + len(steps)
    size = (COLUMN_IN * columns, COLUMN_IN * height / width * len(rows) + 0.35)
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    axes: Any = figure.subplots(len(rows), columns, squeeze=False)
    for line, row in zip(axes, rows, strict=True):
        line[0].imshow(row.prepared.pixels, cmap="gray", vmin=0, vmax=255)
        _outline(line[0], row, "yellow")
        for place, step in zip(line[1:], steps, strict=True):
            _map(place, row, row.maps[step])
    for place, name in zip(axes[0], ["image", *steps], strict=True):
        place.set_title(name, fontsize=7)
    for place in axes.flat:
        place.set_axis_off()
    with drafted(path) as draft:
        figure.savefig(draft, format="png")


def _map(place: Any, row: Row, ranked: LesionMap) -> None:
    height, width = row.prepared.pixels.shape
    air = ranked.values == 0
    colours = mpl.colormaps["viridis"](ranked.values)
    colours[air] = (0, 0, 0, 1)
    place.imshow(colours, extent=(0, width, height, 0), interpolation="nearest")
    _outline(place, row, "white")
    y, x = np.unravel_index(int(ranked.values.argmax()), ranked.values.shape)
    cell = (width / ranked.values.shape[1], height / ranked.values.shape[0])
    place.plot((x + 0.5) * cell[0], (y + 0.5) * cell[1], "r+", markersize=6, markeredgewidth=1)


def _outline(place: Any, row: Row, colour: str) -> None:
    """The lesions in the network's input."""
    height, width = row.prepared.pixels.shape
    grid = (height // MARK_PX, width // MARK_PX)
    share = coverage(row.lesions, row.prepared.geometry, grid)
    x = (np.arange(grid[1]) + 0.5) * MARK_PX
    y = (np.arange(grid[0]) + 0.5) * MARK_PX
    if share.min() < 0.5 <= share.max():
        place.contour(x, y, share, levels=[0.5], colors=colour, linewidths=0.8)

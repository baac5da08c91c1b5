"""Exams as stacked bars: what the cores do, in the time that it takes at least and really."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

if TYPE_CHECKING:
    from exam_latency import Measured

COLOURS = {
    "decode": "#31688e",
    "header, grey levels": "#35b779",
    "checks, outline": "#90d743",
    "crop, resize": "#fde725",
    "reports, previews": "#f89441",
    "network": "#cc4778",
    "all else": "#bbbbbb",
}


def draw(exams: Sequence[Measured], path: Path) -> None:
    """A bar each: core-milliseconds by stage over the cores, then waiting, up to the wall time.

    Lines mark the floors of each: decoding alone, and decoding and network together.
    """
    figure, axes = plt.subplots(figsize=(9, 1.6 + 0.42 * len(exams)), layout="constrained")
    for place, exam in enumerate(exams):
        left = 0.0
        for stage, colour in COLOURS.items():
            width = exam.stages[stage] / exam.cores
            axes.barh(place, width, left=left, color=colour, label=stage if not place else None)
            left += width
        wait = max(0.0, exam.wall - left)
        label = "a core waits" if not place else None
        axes.barh(place, wait, left=left, color="white", edgecolor="#888888", label=label)
        for at, style, name in (
            (exam.slower, ":", "slower floor"),
            (exam.both, "-", "both floors"),
        ):
            line = {"colors": "black", "linestyles": style, "label": name if not place else None}
            axes.vlines(at, place - 0.48, place + 0.48, **line)
    axes.set_yticks(range(len(exams)), [exam.name for exam in exams])
    axes.invert_yaxis()
    axes.set_xlabel(f"milliseconds of a four-view exam on {exams[0].cores} cores")
    figure.legend(loc="outside upper center", ncols=5, fontsize="small", frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)

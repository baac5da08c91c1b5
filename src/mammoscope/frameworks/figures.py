"""Drawings of a comparison of frameworks as SVG: bars of a step's time, and how losses part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from mammoscope.evaluate.figures import COLOURS
from mammoscope.frameworks.contest import REFERENCE
from mammoscope.train.league_figures import inline_svg

Row = Mapping[str, Any]

_WIDTH, _RIGHT = 230, 6
"""Of a bar's strip, and what stays free at its end, in pixels."""
_LEAST = 1e-8
"""Differences are drawn from here: less is the last place of a number."""


class Bars:
    """Draws a step's seconds on an axis from 0 that all rows share, with the range as a whisker.

    Args:
        rows: of one network.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        ends = [row["step_s"]["high"] for row in rows if not row["failed"]]
        self.scale = (_WIDTH - _RIGHT) / max(ends, default=1.0)

    def of(self, row: Row) -> Markup:
        """One row's bar."""
        low, value, high = (row["step_s"][end] * self.scale for end in ("low", "value", "high"))
        drawn = Markup('<rect x="0" y="3" width="{:.1f}" height="12" class="{}"/>').format(
            value, "own" if row["framework"] == REFERENCE else "bar"
        )
        drawn += Markup('<path d="M{0:.1f} 9H{1:.1f}M{0:.1f} 6V12M{1:.1f} 6V12"/>').format(
            low, high
        )
        sheet = (
            '<svg class="strip" width="{0}" height="18" viewBox="0 0 {0} 18" aria-hidden="true">'
        )
        return Markup(sheet).format(_WIDTH) + drawn + Markup("</svg>")


def drift(network: Row, name: str) -> Markup | None:
    """How far each step's loss lies from native PyTorch's; None without that.

    Args:
        network: of the comparison.
        name: that the picture's ids start with, so that no two on a page are the same.
    """
    rows = [row for row in network["rows"] if not row["failed"]]
    native = next((row for row in rows if row["framework"] == REFERENCE), None)
    if native is None or len(rows) < 2:
        return None
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({"svg.hashsalt": "mammoscope", "svg.fonttype": "none", "font.size": 8})
        figure = Figure(figsize=(4.8, 2.5), layout="constrained")  # not pyplot: no display needed
        axes: Any = figure.subplots()
        others = [row for row in rows if row is not native]
        for row, colour in zip(others, COLOURS * 2, strict=False):
            apart = [abs(a - b) for a, b in zip(row["losses"], native["losses"], strict=True)]
            steps, shown = range(1, len(apart) + 1), [max(one, _LEAST) for one in apart]
            axes.plot(steps, shown, ".-", color=colour, lw=1.2, ms=5, label=row["title"])
        axes.set(yscale="log", xlabel="step", ylabel="difference of the loss", ylim=(_LEAST / 2, 1))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=7.5)
        return inline_svg(figure, "Difference of each step's loss from native PyTorch's", name)

"""Drawings of a league as SVG: intervals on one axis, AUC against time, training curves."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from markupsafe import Markup

from mammoscope.evaluate.figures import COLOURS

Row = Mapping[str, Any]

CHANCE = 0.5
_STYLE: Any = {
    "svg.hashsalt": "mammoscope",
    "svg.fonttype": "none",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
}
_LINES = (
    ("accuracy", "accuracy, learned", COLOURS[1]),
    ("held_out_accuracy", "accuracy, held out", COLOURS[0]),
    ("held_out_auc", "AUC, held out", COLOURS[2]),
)
_LEFT, _RIGHT = 8, 252
"""Ends of an interval's axis, in pixels."""
_LEAST_REACH = 3.0
"""How many times its middle the axis of time goes to at least."""


class Whiskers:
    """Draws AUCs with their intervals on an axis that all rows share.

    Args:
        rows: of the league; they decide where the axis begins and ends.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        known = [end for row in rows for end in _ends(row["auc"]) if end is not None]
        self.least = min(CHANCE, math.floor(10 * min(known, default=CHANCE)) / 10)
        self.most = max(self.least + 0.1, math.ceil(10 * max(known, default=1.0)) / 10)

    def of(self, auc: Row) -> Markup:
        """One row's, with a mark where chance is; nothing without an AUC."""
        value, low, high = map(self._x, _ends(auc))
        if value is None:
            return Markup("")
        drawn = Markup('<path d="M{:.1f} 0V16"/>').format(self._x(CHANCE))
        if low is not None and high is not None:
            drawn += Markup('<line x1="{:.1f}" x2="{:.1f}" y1="8" y2="8"/>').format(low, high)
        return _strip(drawn + Markup('<circle cx="{:.1f}" cy="8" r="3.5"/>').format(value))

    def axis(self) -> Markup:
        """The numbers above the column: both ends, and chance if it is far enough from them."""
        shown = {self.least, self.most} | ({CHANCE} if self.least < CHANCE - 0.05 else set())
        text = Markup('<text x="{:.1f}" y="12" text-anchor="middle">{:.1f}</text>')
        return _strip(Markup("").join(text.format(self._x(end), end) for end in sorted(shown)))

    def _x(self, auc: float | None) -> float | None:
        if auc is None:
            return None
        return _LEFT + (_RIGHT - _LEFT) * (auc - self.least) / (self.most - self.least)


def _ends(auc: Row) -> tuple[float | None, float | None, float | None]:
    return auc["value"], auc["low"], auc["high"]


def _strip(content: Markup) -> Markup:
    sheet = '<svg class="whisker" width="{0}" height="16" viewBox="0 0 {0} 16" aria-hidden="true">'
    return Markup(sheet).format(_LEFT + _RIGHT) + content + Markup("</svg>")


def trade_off(rows: Sequence[Row]) -> Markup | None:
    """AUC against the time for an image, numbered by place; None for fewer than two of them."""
    known = [
        (place, row)
        for place, row in enumerate(rows, 1)
        if row["running"]["ms"] and row["auc"]["value"] is not None
    ]
    if len(known) < 2:
        return None
    with _style():
        figure, axes = _sheet((4.6, 2.9), 1)
        for place, row in known:
            _spot(axes[0], place, row)
        axes[0].axhline(CHANCE, color=COLOURS[4], lw=0.7, ls=":")
        axes[0].set(xlabel="ms an image, one by one", ylabel="AUC, 95 % interval")
        _logarithmic(axes[0], [row["running"]["ms"] for _, row in known])
        return inline_svg(figure, "AUC against time", "t")


def _spot(axes: Any, place: int, row: Row) -> None:
    value, low, high = _ends(row["auc"])
    x, best = row["running"]["ms"], place == 1
    colour = COLOURS[0 if best else 4]
    if low is not None and high is not None:
        axes.plot([x, x], [low, high], color=colour, lw=1.2, alpha=0.6)
    axes.plot([x], [value], "o", color=colour, ms=11)
    axes.annotate(str(place), (x, value), color="white", ha="center", va="center", fontsize=7)


def _logarithmic(axes: Any, values: Sequence[float]) -> None:
    """Label an axis with 2, 5, 10 and the like, and let small differences look small."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    middle = math.sqrt(min(values) * max(values))
    reach = max(_LEAST_REACH, 1.3 * math.sqrt(max(values) / min(values)))
    axes.set_xscale("log")
    axes.set_xlim(middle / reach, middle * reach)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def curves(rows: Sequence[Row]) -> list[Markup]:
    """One picture for each row of a league: the loss, and beside it accuracies and AUC.

    A thin line is a fold; the axes are the same in all.
    """
    losses = [x for row in rows for fold in row["curves"] for x in fold["loss"] if x is not None]
    top = 1.05 * max(losses, default=1.0)
    with _style():
        return [_curves(row, top, f"c{number}") for number, row in enumerate(rows)]


def _curves(row: Row, top: float, name: str) -> Markup:
    figure, (left, right) = _sheet((4.6, 1.7), 2)
    for number, fold in enumerate(row["curves"]):
        _line(left, fold, "loss", None, COLOURS[4])
        for kind, label, colour in _LINES:
            _line(right, fold, kind, label if number == 0 else None, colour)
    left.set(xlabel="epoch", ylabel="loss", ylim=(0, top))
    right.set(xlabel="epoch", ylim=(0, 1.02))
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
    return inline_svg(figure, f"Training curves of {row['name']}", name)


def _line(axes: Any, fold: Row, name: str, label: str | None, colour: str) -> None:
    known = [(x, y) for x, y in zip(fold["epoch"], fold[name], strict=True) if y is not None]
    if known:
        axes.plot(
            *zip(*known, strict=True), lw=1, alpha=0.8, color=colour, label=label, marker=".", ms=3
        )


def legend() -> list[tuple[str, str]]:
    """Colour and meaning of the curves' lines."""
    return [(COLOURS[4], "loss"), *((colour, told) for _, told, colour in _LINES)]


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def _sheet(inches: tuple[float, float], columns: int) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=inches, layout="constrained")  # not pyplot: no display needed
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def inline_svg(figure: Any, title: str, name: str) -> Markup:
    """An SVG to put into a page, with ids that no other picture on it has."""
    sheet = BytesIO()
    figure.savefig(sheet, format="svg", metadata={"Date": None, "Creator": None, "Title": title})
    text = sheet.getvalue().decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*|<style.*?</style>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    return Markup(text.replace("<svg ", f'<svg role="img" aria-label="{Markup.escape(title)}" ', 1))

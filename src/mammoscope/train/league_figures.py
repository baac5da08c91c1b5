"""Training curves of every competitor as SVG, all on the same axes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from markupsafe import Markup

from mammoscope.evaluate.figures import COLOURS

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


def draw(rows: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """One picture for each row of a league: the loss, and beside it accuracies and AUC.

    A thin line is a fold.
    """
    import matplotlib as mpl

    losses = [x for row in rows for fold in row["curves"] for x in fold["loss"] if x is not None]
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        return [_drawn(row, 1.05 * max(losses, default=1.0)) for row in rows]


def _drawn(row: Mapping[str, Any], top: float) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 2.1), layout="constrained")  # not pyplot: no display needed
    left, right = figure.subplots(1, 2)
    for number, fold in enumerate(row["curves"]):
        _line(left, fold, "loss", None, COLOURS[4])
        for name, label, colour in _LINES:
            _line(right, fold, name, label if number == 0 else None, colour)
    left.set(xlabel="epoch", ylabel="loss", ylim=(0, top))
    right.set(xlabel="epoch", ylim=(0, 1.02))
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
    if right.lines:
        right.legend(frameon=False, fontsize=6.5, loc="lower right")
    sheet = BytesIO()
    told = {"Date": None, "Creator": None, "Title": f"Training curves of {row['name']}"}
    figure.savefig(sheet, format="svg", metadata=told)
    return sheet.getvalue()


def _line(axes: Any, fold: Mapping[str, Any], name: str, label: str | None, colour: str) -> None:
    known = [(x, y) for x, y in zip(fold["epoch"], fold[name], strict=True) if y is not None]
    if known:
        axes.plot(
            *zip(*known, strict=True), lw=1, alpha=0.8, color=colour, label=label, marker=".", ms=3
        )


def inline(svg: bytes, name: str) -> Markup:
    """An SVG to put into a page, with ids that no other picture on it has."""
    text = svg.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*|<style.*?</style>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    return Markup(text.replace("<svg ", '<svg role="img" ', 1))

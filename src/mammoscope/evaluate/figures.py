"""The cross-validation report's figures: ROC, reliability and machines, as PNG and SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mammoscope.errors import MissingExtraError
from mammoscope.evaluate.card import BCSC_SENSITIVITY, BCSC_SPECIFICITY
from mammoscope.evaluate.cases import Cases
from mammoscope.metrics import calibration, localisation, roc

Sections = Mapping[str, Sequence[Mapping[str, Any]]]

_COLOURS = {"image": "#1b6ca8", "breast": "#c8553d"}


def draw(units: tuple[Cases, ...], sections: Sections, folder: Path) -> None:
    """Write roc, reliability and machines as .png and .svg into a folder, made if need be.

    Args:
        units: the image and the breast cases.
        sections: the report's figures by section title.
        folder: where to write.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("Drawing figures", "train") from error
    folder.mkdir(parents=True, exist_ok=True)
    _save(_roc(units, sections), folder / "roc")
    _save(_reliability(units), folder / "reliability")
    _save(_forest(sections), folder / "machines")


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    # Not pyplot: no global state, no display needed.
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    import matplotlib as mpl

    # A fixed salt and no date: the same numbers give the same file.
    with mpl.rc_context({"svg.hashsalt": "mammoscope", "svg.fonttype": "none"}):
        figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
    figure.savefig(path.with_suffix(".png"), dpi=150)


def _roc(units: tuple[Cases, ...], sections: Sections) -> Any:
    figure, axes = _figure(5, 5)
    axes.plot([0, 1], [0, 1], color="0.7", lw=1)
    for cases in units:
        line = roc.curve(cases.truth, cases.logit)
        label = f"{cases.unit}: AUC {_pooled(sections, cases.unit)}, n {len(cases.truth)}"
        axes.plot(
            line.false_positive_rate, line.sensitivity, color=_COLOURS[cases.unit], label=label
        )
    axes.plot(
        [1 - BCSC_SPECIFICITY], [BCSC_SENSITIVITY], "k+", ms=10, label="screening readers, BCSC"
    )
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", aspect="equal")
    axes.legend(loc="lower right", frameon=False, fontsize=8)
    return figure


def _pooled(sections: Sections, unit: str) -> str:
    for row in sections["Discrimination"]:
        if row["name"] == "AUC, pooled" and row["unit"] == unit and row["low"] is not None:
            return f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
    return "undefined"


def _reliability(units: tuple[Cases, ...]) -> Any:
    figure, axes = _figure(5, 5)
    axes.plot([0, 1], [0, 1], color="0.7", lw=1)
    for cases in units:
        table = calibration.reliability(cases.truth, cases.probability, bins=10, equal_mass=True)
        cancers = np.rint(table.observed * table.n).astype(int)
        ends = [localisation.wilson(int(k), int(n)) for k, n in zip(cancers, table.n, strict=True)]
        error = np.abs(np.array(ends).T - table.observed)
        axes.errorbar(
            table.mean_probability,
            table.observed,
            yerr=error,
            fmt="o-",
            ms=4,
            lw=1,
            color=_COLOURS[cases.unit],
            label=f"{cases.unit}, tenths of {len(cases.truth)}, Wilson 95%",
        )
    axes.set(xlabel="predicted probability", ylabel="observed share of cancers", aspect="equal")
    axes.legend(loc="upper left", frameon=False, fontsize=8)
    return figure


def _forest(sections: Sections) -> Any:
    total = [r for r in sections["Discrimination"] if r["name"].startswith("AUC, within m")]
    shown = [row for row in [*sections["AUC by machine"], *total] if row["value"] is not None]
    figure, axes = _figure(7, 0.8 + 0.28 * len(shown))
    for y, row in enumerate(reversed(shown)):
        if row["low"] is not None:
            axes.plot([row["low"], row["high"]], [y, y], color=_COLOURS[row["unit"]], lw=1.5)
        axes.plot([row["value"]], [y], "s", color=_COLOURS[row["unit"]], ms=4)
    labels = [f"{r['name']}, {r['unit']} ({r['positives']} of {r['n']})" for r in reversed(shown)]
    axes.set_yticks(range(len(shown)), labels, fontsize=8)
    axes.axvline(0.5, color="0.7", lw=1)
    axes.set(xlabel="AUC, 95% by patient bootstrap; no line: too few women for one", xlim=(0, 1))
    return figure

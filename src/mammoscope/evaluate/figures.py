"""An evaluation's pictures as SVG: the same numbers always give the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import Any

from mammoscope.errors import MissingExtraError
from mammoscope.evaluate.wording import Report, auc, interval, number, value

Curve = Mapping[str, Any]
Group = Sequence[Curve]

TITLES = {
    "roc": "ROC curve",
    "precision_recall": "Precision and recall",
    "reliability": "Reliability",
    "decision": "Decision curve",
    "triage": "Ruling out the lowest scores",
    "froc": "FROC curve",
}
"""The kinds of curve, in the order a page shows them."""

# Okabe and Ito's colours, told apart by the colour-blind; the dashes tell them apart in grey.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56504a", "#e69f00")
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
_MARKERS = "osD^vP"
_HEIGHT, _LEGEND_LINE = 4.5, 0.17
_MOST_BANDS = 3  # more of them hide each other
_FAINT = "#8a949b"
_RC: Any = {
    "svg.hashsalt": "mammoscope",
    "svg.fonttype": "none",
    "font.size": 9,
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "lines.linewidth": 1.6,
}


def draw(report: Report) -> dict[str, bytes]:
    """Every picture the report has numbers for.

    Args:
        report: the dict that `written.write_all` takes.

    Returns:
        SVG by name: "roc_breast" is the ROC curve by breast, "froc_image_mass" the FROC curve of
        masses, "subgroups_breast_density" the forest plot of the groups by density.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingExtraError("Drawing figures", "evaluate") from error
    found: dict[str, bytes] = {}
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        for kind, title in TITLES.items():
            for name, group in _grouped(kind, report["curves"].get(kind, ())).items():
                figure = _DRAWERS[kind](group, report)
                found[name] = _svg(figure, f"{title}, {_caption(group)}")
        for name, rows in _forests(report["subgroups"]).items():
            title = f"AUC by {rows[0]['group']}, unit {rows[0]['unit']}"
            found[name] = _svg(_forest(rows, report), title)
    return found


def _grouped(kind: str, curves: Group) -> dict[str, list[Curve]]:
    """Curves that share a picture: of one unit, and of one kind of lesion."""
    found: dict[str, list[Curve]] = {}
    for curve in curves:
        name = "_".join(filter(None, (kind, curve["unit"], curve.get("kind"))))
        found.setdefault(_plain(name), []).append(curve)
    return found


def _forests(rows: Group) -> dict[str, list[Curve]]:
    found: dict[str, list[Curve]] = {}
    for row in rows:
        found.setdefault(forest_name(row), []).append(row)
    return found


def forest_name(row: Curve) -> str:
    """The name of the picture that a subgroup's row belongs to."""
    return _plain(f"subgroups_{row['unit']}_{row['group']}")


def _plain(name: str) -> str:
    """A name fit for a file on every system."""
    return "".join(letter if letter.isalnum() else "_" for letter in name.lower())


def _caption(group: Group) -> str:
    kind = f", {group[0]['kind']}" if group[0].get("kind") else ""
    models = ", ".join(dict.fromkeys(curve["model"] for curve in group))
    return f"unit {group[0]['unit']}{kind}: {models}"


def _svg(figure: Any, title: str) -> bytes:
    sheet = BytesIO()
    figure.savefig(sheet, format="svg", metadata={"Date": None, "Creator": None, "Title": title})
    return sheet.getvalue()


def _sheet(width: float = 4.2, height: float = _HEIGHT) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    # Not pyplot: no global state, no display needed.
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _look(model: str, models: Sequence[str]) -> dict[str, Any]:
    place = models.index(model) if model in models else len(models)
    return {
        "color": COLOURS[place % len(COLOURS)],
        "linestyle": _DASHES[place % len(_DASHES)],
    }


def _legend(figure: Any) -> None:
    entries = sum(len(axes.get_legend_handles_labels()[1]) for axes in figure.axes)
    more = max(0, entries - 4) * _LEGEND_LINE  # more models shrink the picture no further
    figure.set_figheight(figure.get_figheight() + more)
    figure.legend(loc="outside lower left", fontsize=8, ncols=1, borderaxespad=0.2)


def _labels(group: Group, section: str, name: str, report: Report) -> list[str]:
    """For a legend: model, and its figure of that name with the interval, if there is one."""
    part = report["sections"].get(section)
    found = {
        (figure["model"], figure["unit"]): figure
        for figure in (part["estimates"] if part else ())
        if figure["name"] == name and figure["value"] is not None
    }
    told = []
    for curve in group:
        figure = found.get((curve["model"], curve["unit"]))
        ends = f" ({interval(figure)})" if figure and figure["low"] is not None else ""
        said = f": {name} {value(figure)}{ends}" if figure else ""
        told.append(f"{curve['model']}{said}")
    return told


def _band(axes: Any, curve: Curve, colour: str) -> None:
    if curve.get("low") and curve.get("high"):
        low, high = _floats(curve["low"]), _floats(curve["high"])
        axes.fill_between(_floats(curve["x"]), low, high, color=colour, alpha=0.15, lw=0)


def _floats(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if one is None else float(one) for one in values]


def _unit_square(axes: Any, x: str, y: str) -> None:
    axes.set(xlabel=x, ylabel=y, xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.grid(color="#e4e8eb", lw=0.5)


def _roc(group: Group, report: Report) -> Any:
    figure, axes = _sheet()
    axes.plot([0, 1], [0, 1], color=_FAINT, lw=0.8)
    labels = _labels(group, "discrimination", "AUC", report)
    for curve, label in zip(group, labels, strict=True):
        look = _look(curve["model"], report["models"])
        axes.plot(_floats(curve["x"]), _floats(curve["y"]), label=label, **look)
    _unit_square(axes, "1 − specificity", "sensitivity")
    _legend(figure)
    return figure


def _precision_recall(group: Group, report: Report) -> Any:
    figure, axes = _sheet()
    for chance in dict.fromkeys(curve["chance"] for curve in group):
        label = f"chance: prevalence {number(chance)}"
        axes.axhline(chance, color=_FAINT, lw=0.8, label=label)
    labels = _labels(group, "precision_recall", "average precision", report)
    for curve, label in zip(group, labels, strict=True):
        look = _look(curve["model"], report["models"])
        axes.plot(_floats(curve["x"]), _floats(curve["y"]), label=label, **look)
    _unit_square(axes, "sensitivity (recall)", "precision (positive predictive value)")
    _legend(figure)
    return figure


def _reliability(group: Group, report: Report) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2, _HEIGHT), layout="constrained")
    axes, bars = figure.subplots(2, 1, sharex=True, height_ratios=(5, 1))
    ends = [v for curve in group for v in [*curve["x"], *curve["high"]] if v is not None]
    top = min(1.0, 1.05 * max(ends, default=1.0))
    axes.plot([0, top], [0, top], color=_FAINT, lw=0.8)
    for place, curve in enumerate(group):
        look = _look(curve["model"], report["models"])
        x, y = _floats(curve["x"]), _floats(curve["y"])
        axes.vlines(x, _floats(curve["low"]), _floats(curve["high"]), color=look["color"], lw=0.9)
        axes.plot(x, y, label=curve["model"], marker=_MARKERS[place % 6], ms=4, lw=1, **_thin(look))
        bars.plot(x, curve["n"], marker=_MARKERS[place % 6], ms=3, lw=0.8, **_thin(look))
    axes.set(ylabel="observed share of cancers", ylim=(-0.02 * top, top))
    bars.set(xlabel="predicted probability", ylabel="n", xlim=(-0.02 * top, top))
    bars.set_ylim(bottom=0)
    for place in (axes, bars):
        place.grid(color="#e4e8eb", lw=0.5)
    _legend(figure)
    return figure


def _thin(look: Mapping[str, Any]) -> dict[str, Any]:
    return {"color": look["color"], "linestyle": look["linestyle"]}


def _decision(group: Group, report: Report) -> Any:
    figure, axes = _sheet()
    values = [v for curve in group for v in [*curve["y"], *curve["all"]] if v is not None]
    highest = max(values, default=0.0)
    highest = highest if highest > 0 else 0.01
    axes.axhline(0, color="#1c2226", lw=0.8, label="recall none")
    first = group[0]
    axes.plot(_floats(first["x"]), _floats(first["all"]), color=_FAINT, lw=1, label="recall all")
    for curve in group:
        look = _look(curve["model"], report["models"])
        if len(group) <= _MOST_BANDS:
            _band(axes, curve, look["color"])
        axes.plot(_floats(curve["x"]), _floats(curve["y"]), label=curve["model"], **look)
    axes.set(xlabel="threshold probability", ylim=(-0.25 * highest, 1.1 * highest))
    axes.set(ylabel=f"net benefit, prevalence {number(first['prevalence'])}")
    axes.grid(color="#e4e8eb", lw=0.5)
    _legend(figure)
    return figure


def _triage(group: Group, report: Report) -> Any:
    figure, axes = _sheet()
    axes.plot([0, 1], [0, 1], color=_FAINT, lw=0.8, label="chance")
    for curve in group:
        look = _look(curve["model"], report["models"])
        if len(group) <= _MOST_BANDS:
            _band(axes, curve, look["color"])
        axes.plot(_floats(curve["x"]), _floats(curve["y"]), label=curve["model"], **look)
    _unit_square(axes, f"share of {group[0]['unit']}s ruled out", "share of cancers missed")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    _legend(figure)
    return figure


def _froc(group: Group, report: Report) -> Any:
    figure, axes = _sheet()
    for curve in group:
        look = _look(curve["model"], report["models"])
        if len(group) <= _MOST_BANDS:
            _band(axes, curve, look["color"])
        axes.plot(_floats(curve["x"]), _floats(curve["y"]), label=curve["model"], **look)
    axes.set(xlabel="false positives per image", ylabel="lesion sensitivity", ylim=(-0.01, 1.01))
    axes.set_xlim(left=0)
    axes.grid(color="#e4e8eb", lw=0.5)
    _legend(figure)
    return figure


_DRAWERS: dict[str, Callable[[Group, Report], Any]] = {
    "roc": _roc,
    "precision_recall": _precision_recall,
    "reliability": _reliability,
    "decision": _decision,
    "triage": _triage,
    "froc": _froc,
}


def _forest(rows: Group, report: Report) -> Any:
    """One line for each subgroup and model; hollow where there are fewer than 50 cases."""
    models = [model for model in report["models"] if any(row["model"] == model for row in rows)]
    labels = list(dict.fromkeys(row["label"] for row in rows))
    figure, axes = _sheet(5.2, 1.15 + len(labels) * (0.2 + 0.16 * len(models)))
    for model in models:
        whole = auc(report, model)
        if whole is not None and whole["unit"] == rows[0]["unit"] and whole["value"] is not None:
            axes.axvline(whole["value"], lw=0.8, alpha=0.7, **_look(model, report["models"]))
    for row in rows:
        _forest_line(axes, row, labels, models, report["models"])
    ticks = [_forest_label(label, rows) for label in labels]
    axes.set_yticks(range(len(labels)), ticks)
    axes.set(ylim=(len(labels) - 0.5, -0.5), xlim=(_left(rows), 1.005))
    axes.set_xlabel("AUC, 95 % interval; hollow: n < 50; upright: all cases", fontsize=8)
    axes.grid(axis="x", color="#e4e8eb", lw=0.5)
    if len(models) > 1:
        _legend(figure)
    return figure


def _forest_line(
    axes: Any, row: Curve, labels: Sequence[str], shown: Sequence[str], models: Sequence[str]
) -> None:
    if row["value"] is None:
        return
    look = _look(row["model"], models)
    place = shown.index(row["model"])
    y = labels.index(row["label"]) + 0.3 * (place - (len(shown) - 1) / 2)
    if row["low"] is not None and row["high"] is not None:
        axes.plot([row["low"], row["high"]], [y, y], lw=1.3, **look)
    label = None if row["model"] in axes.get_legend_handles_labels()[1] else row["model"]
    fill = "white" if row["small"] else look["color"]
    marker = _MARKERS[place % len(_MARKERS)]
    axes.plot([row["value"]], [y], marker, ms=5, color=look["color"], mfc=fill, label=label)


def _forest_label(label: str, rows: Group) -> str:
    row = next(row for row in rows if row["label"] == label)
    return f"{label}\n{row['positives']} of {row['n']}"


def _left(rows: Group) -> float:
    ends = [float(row[key]) for row in rows for key in ("value", "low") if row[key] is not None]
    return max(0.0, min([0.5, *ends]) - 0.03)

"""A league as files: one page, Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from mammoscope.evaluate import wording
from mammoscope.evaluate.markdown import grid
from mammoscope.files import write_atomic
from mammoscope.pages import templates
from mammoscope.train import league_figures, league_words
from mammoscope.train.league_words import figure

League = Mapping[str, Any]

_LEFT, _RIGHT, _TALL = 4, 156, 16
"""Of the drawing of an interval, in pixels."""


def write_league(league: League, out: Path) -> list[Path]:
    """Write league.html, league.md, league.csv and league.json to `out`; ConfigError if it cannot.

    Args:
        league: as `league.league` makes it.
        out: the folder.
    """
    files = {
        "league.json": json.dumps(league, indent=1, ensure_ascii=False).encode(),
        "league.csv": to_csv(league).encode(),
        "league.md": to_markdown(league).encode(),
        # The last, so that whoever sees the page finds the rest.
        "league.html": to_html(league).encode(),
    }
    return [write_atomic(out / name, content) for name, content in files.items()][::-1]


def to_csv(league: League) -> str:
    """One row a competitor, plain numbers."""
    rows = [dict(_flat(row)) for row in league["rows"]]
    rows += [{"name": row["name"], "not_trained": row["why"]} for row in league["not_trained"]]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key in ("name", "network", "weights", "input", "folds"):
        yield key, row[key]
    estimates = {"auc": row["auc"], "accuracy": row["accuracy"]}
    for point, rates in row["points"].items():
        estimates |= {f"{rate} {point}": value for rate, value in rates.items()}
    for name, value in estimates.items():
        yield from ((f"{name}{end}", value[key]) for key, end in _ENDS.items())
    test = row["against_best"] or {}
    for name in ("difference", "low", "high", "p", "p_holm"):
        yield f"best_less_this_{name}", test.get(name)
    for part in ("running", "training"):
        yield from ((key, value) for key, value in row[part].items() if key != "of")


_ENDS = {"value": "", "low": "_low", "high": "_high"}


def to_markdown(league: League) -> str:
    """The tables and sentences for a repository's page."""
    points = _points(league)
    words = league_words
    quality = [
        [row["name"], figure(row["auc"]), _against(row), figure(row["accuracy"])]
        + [figure(rate) for point in points for rate in _rates(row, point)]
        for row in league["rows"]
    ]
    head = ["competitor", "AUC", "p against the best (Holm)", "accuracy"]
    head += [f"{rate} {point}" for point in points for rate in ("sensitivity", "specificity")]
    parts = [
        f"# {words.title(league)}",
        words.rests_on(league),
        grid(head, quality),
        grid(list(_COSTS), [_costs(row) for row in league["rows"]]),
        "\n".join(f"- {sentence}" for sentence in words.discussion(league)),
    ]
    if league["not_trained"]:
        parts.append(
            grid(["not trained", "why"], [list(r.values()) for r in league["not_trained"]])
        )
    parts += [_matrix(row, league["task"]["classes"]) for row in league["rows"]]
    parts.append("\n".join(f"- {note}" for note in words.NOTES))
    return "\n\n".join(parts) + "\n"


def _points(league: League) -> list[str]:
    return list(dict.fromkeys(point for row in league["rows"] for point in row["points"]))


def _rates(row: Mapping[str, Any], point: str) -> list[Mapping[str, Any]]:
    nothing = {"value": None, "low": None, "high": None}
    rates = row["points"].get(point, {})
    return [rates.get(name, nothing) for name in ("sensitivity", "specificity")]


def _against(row: Mapping[str, Any]) -> str:
    return wording.p_value(row["against_best"]["p_holm"]) if row["against_best"] else wording.ABSENT


_COSTS = {
    "Competitor": "",
    "Parameters, million": "",
    "GMACs": "multiply-adds for one image",
    "Seconds an epoch": "the training alone",
    "Images a second": "likewise",
    "ms an image": "one by one, under the product's runtime",
    "Memory, MiB": "the most that a process held which ran it",
    "Started from": "",
}


def _costs(row: Mapping[str, Any]) -> list[str]:
    running, training = row["running"], row["training"]
    return [
        row["name"],
        wording.number(running["parameters"] / 1e6),
        wording.number(running["macs"] / 1e9),
        wording.number(training["seconds_per_epoch"]),
        wording.number(training["images_per_s"]),
        running["note"] or wording.number(running["ms"]),
        wording.number(running["peak_mib"]),
        training["started_from"],
    ]


def _matrix(row: Mapping[str, Any], classes: list[str]) -> str:
    lines = zip(classes, row["confusion"], strict=True)
    body = [[name, *map(str, counts)] for name, counts in lines]
    return grid([f"{row['name']}: truth", *(f"called {name}" for name in classes)], body)


def to_html(league: League) -> str:
    """The league as one page that loads nothing, and whose security policy forbids it to."""
    rows = league["rows"]
    drawn = [
        league_figures.inline(svg, f"c{number}")
        for number, svg in enumerate(league_figures.draw(rows))
    ]
    return _template().render(
        league=league,
        rows=rows,
        words=league_words,
        points=_points(league),
        rates=_rates,
        against=_against,
        costs=_costs,
        cost_heads=_COSTS,
        curves=list(zip(rows, drawn, strict=True)),
        whisker=_whisker(rows),
        notes=sorted({row["auc"]["note"] for row in rows if row["auc"]["note"]}),
        runtimes=sorted(
            {f"{r['running']['runtime']}, {r['running']['cores']} cores" for r in rows
             if r["running"]["runtime"]}
        ),
    )  # fmt: skip


class _whisker:  # noqa: N801 - used as a function is
    """Draws an AUC with its interval on an axis that all rows share."""

    def __init__(self, rows: list[Mapping[str, Any]]) -> None:
        ends = [row["auc"][end] for row in rows for end in ("value", "low")]
        least = min((end for end in ends if end is not None), default=0.5)
        self.least = min(0.5, 0.1 * int(10 * least))

    def __call__(self, auc: Mapping[str, Any]) -> Markup:
        value, low, high = (self._x(auc[end]) for end in ("value", "low", "high"))
        if value is None:
            return Markup("")
        line = Markup("")
        if low is not None and high is not None:
            line = Markup('<line x1="{:.1f}" x2="{:.1f}" y1="8" y2="8"/>').format(low, high)
        picture = Markup(
            '<svg class="whisker" width="160" height="{}" aria-hidden="true">{}'
            '<circle cx="{:.1f}" cy="8" r="3.5"/></svg>'
        )
        return picture.format(_TALL, line, value)

    def _x(self, auc: float | None) -> float | None:
        if auc is None:
            return None
        return _LEFT + (_RIGHT - _LEFT) * (auc - self.least) / (1 - self.least)


@cache
def _template() -> jinja2.Template:
    environment = templates("train", "evaluate")  # the second for the style they share
    environment.filters.update(percent=wording.percent, number=wording.number, whole=wording.count)
    environment.globals.update(shade=wording.shade, figure=figure)
    return environment.get_template("league.html.j2")

"""A league as files: one page, Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import jinja2

from mammoscope.evaluate import wording
from mammoscope.evaluate.markdown import grid
from mammoscope.files import write_atomic
from mammoscope.pages import templates
from mammoscope.train import league_figures, league_words
from mammoscope.train.league_words import Row, figure

League = Mapping[str, Any]


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


def _flat(row: Row) -> Iterator[tuple[str, Any]]:
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
    points, rows, words = _points(league), league["rows"], league_words
    rates = [f"{rate} {point}" for point in points for rate in ("sensitivity", "specificity")]
    quality = [
        [row["name"], figure(row["auc"]), _against(row), figure(row["accuracy"])] for row in rows
    ]
    at_points = [[row["name"], *_rate_figures(row, points)] for row in rows]
    parts = [
        f"# {words.title(league)}",
        f"{words.verdict(league)}\n\n{words.rests_on(league)} All: {words.shared(league)}.",
        grid(["competitor", "AUC", "p against the best", "accuracy"], quality),
        f"In brackets 95 % intervals by group; {words.over_pairs(league)}.",
        *_left_out(league),
        grid(["competitor", *rates], at_points),
        grid(["competitor", *_cost_heads()], [[row["name"], *_costs(row)] for row in rows]),
        _bullets(words.restrictions(league)),
        *(_matrix(row, league["task"]["classes"]) for row in rows),
        _bullets(words.NOTES),
        _bullets(map(_origin, rows)),
    ]
    return "\n\n".join(parts) + "\n"


def _bullets(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _left_out(league: League) -> list[str]:
    """One paragraph, if any were."""
    told = [f"{row['name']}: {row['why']}" for row in league["not_trained"]]
    return [f"Not trained:\n\n{_bullets(told)}"] if told else []


def _origin(row: Row) -> str:
    started, sha256 = row["training"]["started_from"], row["recipe_sha256"]
    return f"{row['name']}: started from {started}; recipe sha256 {sha256}"


def _rate_figures(row: Row, points: Sequence[str]) -> list[str]:
    return [figure(rate) for point in points for rate in _rates(row, point)]


def _points(league: League) -> list[str]:
    return list(dict.fromkeys(point for row in league["rows"] for point in row["points"]))


def _rates(row: Row, point: str) -> list[Mapping[str, Any]]:
    nothing = {"value": None, "low": None, "high": None}
    rates = row["points"].get(point, {})
    return [rates.get(name, nothing) for name in ("sensitivity", "specificity")]


def _against(row: Row) -> str:
    return wording.p_value(row["against_best"]["p_holm"]) if row["against_best"] else wording.ABSENT


@dataclass(frozen=True)
class _Cost:
    """A column of the table of costs."""

    group: str
    head: str
    of: Callable[[Row], float | str | None]


_COSTS = (
    _Cost("To train", "s an epoch", lambda row: row["training"]["seconds_per_epoch"]),
    _Cost("To train", "images a second", lambda row: row["training"]["images_per_s"]),
    _Cost("To train", "memory, MiB", lambda row: row["training"]["training_peak_mib"]),
    _Cost("To run", "parameters, million", lambda row: row["running"]["parameters"] / 1e6),
    _Cost("To run", "GMACs", lambda row: row["running"]["macs"] / 1e9),
    _Cost("To run", "ms an image", lambda row: row["running"]["note"] or row["running"]["ms"]),
    _Cost("To run", "memory, MiB", lambda row: row["running"]["peak_mib"]),
)


def _cost_heads() -> list[str]:
    return [f"{cost.group.lower()}: {cost.head}" for cost in _COSTS]


def _costs(row: Row) -> list[str]:
    return [_told(cost.of(row)) for cost in _COSTS]


def _told(value: float | str | None) -> str:
    if value is None:
        return "not measured"
    return value if isinstance(value, str) else wording.number(value)


def _matrix(row: Row, classes: list[str]) -> str:
    lines = zip(classes, row["confusion"], strict=True)
    body = [[name, *map(str, counts)] for name, counts in lines]
    return grid([f"{row['name']}: truth", *(f"called {name}" for name in classes)], body)


def to_html(league: League) -> str:
    """The league as one page that loads nothing, and whose security policy forbids it to."""
    rows = league["rows"]
    return _template().render(
        league=league,
        rows=rows,
        words=league_words,
        points=_points(league),
        rates=_rates,
        against=_against,
        origin=_origin,
        costs=_costs,
        cost_columns=_COSTS,
        cost_groups=Counter(cost.group for cost in _COSTS),
        curves=list(zip(rows, league_figures.curves(rows), strict=True)),
        legend=league_figures.legend(),
        trade_off=league_figures.trade_off(rows),
        whiskers=league_figures.Whiskers(rows),
        notes=sorted({row["auc"]["note"] for row in rows if row["auc"]["note"]}),
        runtimes=sorted(
            {f"{r['running']['runtime']}, {wording.plural('core', r['running']['cores'])}"
             for r in rows if r["running"]["runtime"]}
        ),
    )  # fmt: skip


@cache
def _template() -> jinja2.Template:
    environment = templates("train", "evaluate")  # the second for the style they share
    environment.filters.update(percent=wording.percent, number=wording.number, whole=wording.count)
    environment.globals.update(shade=wording.shade, figure=figure)
    return environment.get_template("league.html.j2")

"""An evaluation as one HTML page that needs nothing else, on screen and on paper."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from mammoscope.evaluate import checklists, wording
from mammoscope.evaluate.figures import TITLES, forest_name
from mammoscope.evaluate.side_by_side import Table, tables
from mammoscope.evaluate.wording import Report
from mammoscope.pages import templates
from mammoscope.types import DENSITY_GRADES

_ROWS = 20

Pictures = Mapping[str, bytes]


@dataclass(frozen=True)
class Picture:
    """One figure on the page: SVG to put in, and what it shows in a line."""

    name: str
    svg: Markup
    caption: str


def to_html(report: Report, pictures: Pictures) -> str:
    """The report as one page; it loads nothing, and its security policy forbids it to.

    Args:
        report: the dict that `written.write_all` takes.
        pictures: what `figures.draw` and `thumbnails.draw` gave; may be empty, and then the page
            says that pictures are missing.
    """
    drawn = {name: _inline(name, data) for name, data in pictures.items() if _is_svg(data)}
    return _template().render(
        report=report,
        words=wording,
        grades=DENSITY_GRADES,
        cases=_cases(report),
        comparisons=_main_first(report["comparisons"], report),
        main=_curves(report, drawn, first=True),
        further=_curves(report, drawn, first=False),
        forests=_forests(report, drawn),
        sections=_sections(report),
        confusions=_by_unit_and_point(report),
        misses=_misses(report, pictures, drawn),
        drawn=bool(drawn),
        several=len(report["models"]) > 1,
        lists=_checklists(report),
        excluded=report["excluded"][:_ROWS],
    )


def _sections(report: Report) -> list[tuple[str, Mapping[str, Any], list[Table]]]:
    models, unit = report["models"], report["main_unit"]
    return [
        (key, part, tables(part["estimates"], models, unit))
        for key, part in report["sections"].items()
        if part["estimates"]
    ]


def _cases(report: Report) -> str:
    """What the main unit counts, in a line."""
    for row in report["counts"]:
        if row["unit"] == report["main_unit"]:
            share = wording.percent(row["prevalence"])
            return f"{wording.cases(row)} ({share} of {row['unit']}s)"
    return ""


def _curves(report: Report, drawn: Mapping[str, Markup], first: bool) -> list[Picture]:
    """Of each kind of curve the first picture (by the main unit, if there is one), or the rest."""
    found = []
    for kind, title in TITLES.items():
        names = [name for name in drawn if name.startswith(f"{kind}_")]
        names.sort(key=lambda name: report["main_unit"] not in name.split("_"))
        chosen = names[:1] if first else names[1:]
        for name in chosen:
            told = name.removeprefix(f"{kind}_").replace("_", ", ", 1).replace("_", " ")
            found.append(Picture(name, drawn[name], f"{title}, by {told}"))
    return found


def _forests(report: Report, drawn: Mapping[str, Markup]) -> list[dict[str, Any]]:
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for row in report["subgroups"]:
        grouped.setdefault(forest_name(row), []).append(row)
    return [
        {"rows": _by_label(rows), "svg": drawn.get(name), **rows[0]}
        for name, rows in grouped.items()
    ]


def _by_label(rows: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["label"], []).append(row)
    return list(found.values())


def _main_first(rows: Sequence[Mapping[str, Any]], report: Report) -> list[Mapping[str, Any]]:
    return sorted(rows, key=lambda row: row["unit"] != report["main_unit"])


def _by_unit_and_point(report: Report) -> list[list[Mapping[str, Any]]]:
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in _main_first(report["confusions"], report):
        found.setdefault((row["unit"], row["point"]), []).append(row)
    return list(found.values())


def _misses(
    report: Report, pictures: Pictures, drawn: Mapping[str, Markup]
) -> list[dict[str, Any]]:
    """Groups by model and kind; each miss with its pictures."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for place, miss in enumerate(report["misses"]):
        alt = f"{miss['kind']}, {miss['row']}"
        shown = [
            drawn.get(name) or _image(pictures[name], alt)
            for number in range(len(miss["images"]))
            if (name := f"miss_{place}_{number}") in pictures
        ]
        found.setdefault((miss["model"], miss["kind"]), []).append({**miss, "pictures": shown})
    return [{"model": key[0], "kind": key[1], "rows": rows} for key, rows in found.items()]


def _checklists(report: Report) -> list[dict[str, Any]]:
    found = []
    for source, items in (
        (checklists.CLAIM_SOURCE, checklists.claim(report)),
        (checklists.TRIPOD_SOURCE, checklists.tripod(report)),
    ):
        states = ("filled", "in part", "unfilled")
        by_state = {state: [item for item in items if item.state == state] for state in states}
        found.append({"source": source, "items": items, "states": by_state})
    return found


def _is_svg(data: bytes) -> bool:
    return data.lstrip().startswith((b"<?xml", b"<svg"))


def _inline(name: str, data: bytes) -> Markup:
    """An SVG to put into the page, with ids that no other picture has."""
    text = data.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<style.*?</style>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    return Markup(text.replace("<svg ", '<svg role="img" ', 1))


def _image(data: bytes, alt: str) -> Markup:
    code = base64.b64encode(data).decode("ascii")
    return Markup('<img src="data:image/jpeg;base64,{}" alt="{}">').format(code, alt)


@cache
def _template() -> jinja2.Template:
    environment = templates("evaluate")
    environment.filters.update(
        number=wording.number,
        whole=wording.count,
        interval=wording.interval,
        p=wording.p_value,
        percent=wording.percent,
        file=wording.file_name,
    )
    environment.globals.update(shade=wording.shade)
    return environment.get_template("evaluation.html.j2")

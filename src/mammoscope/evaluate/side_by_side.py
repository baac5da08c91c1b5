"""Estimates as tables for a page: models beside each other, what they share said once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from string import ascii_lowercase
from typing import Any

from mammoscope.evaluate.wording import decimals

_OFTEN = 3

Figure = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """One figure for all models, as far as it rests on the same cases.

    Attributes:
        name: of the figure, less the heading of its group.
        unit, n, positives, patients: as in an estimate.
        figures: the estimates by model.
        places: decimals, the same for all models.
        methods: how the intervals were made, each said once.
        notes: what must be known about it, but for what the marks say.
        marks: letters of the table's footnotes, such as "a b".
    """

    name: str
    unit: str
    n: int
    positives: int | None
    patients: int
    figures: Mapping[str, Figure]
    places: int
    methods: str
    notes: str
    marks: str


@dataclass(frozen=True)
class Table:
    """Some models' figures: lines by heading ("" for none), and footnotes by letter."""

    models: tuple[str, ...]
    groups: tuple[tuple[str, tuple[Line, ...]], ...]
    footnotes: Mapping[str, str]


def tables(estimates: Sequence[Figure], models: Sequence[str], main_unit: str) -> list[Table]:
    """One table of the models, and one of what else has figures, such as human readers.

    Args:
        estimates: of one section of the report.
        models: those that are evaluated.
        main_unit: its lines come first.
    """
    own = [figure for figure in estimates if figure["model"] in models]
    others = [figure for figure in estimates if figure["model"] not in models]
    return [_table(figures, main_unit) for figures in (own, others) if figures]


def _table(estimates: Sequence[Figure], main_unit: str) -> Table:
    rows: dict[tuple[Any, ...], dict[str, Figure]] = {}
    for figure in sorted(estimates, key=lambda figure: figure["unit"] != main_unit):
        key = tuple(figure[name] for name in ("name", "unit", "n", "positives", "patients"))
        rows.setdefault(key, {})[figure["model"]] = figure
    letters = _letters(list(rows.values()))
    often = Counter((_prefix(key[0]), key[1]) for key in rows)
    found = []
    for (prefix, unit), members in groupby(rows.items(), lambda row: _group(row[0], often)):
        lines = tuple(_line(*row, prefix, letters) for row in members)
        found.append((_heading(prefix, unit), lines))
    if len(found) == 1 and found[0][0].startswith("By "):
        found = [("", found[0][1])]
    models = tuple(dict.fromkeys(figure["model"] for figure in estimates))
    return Table(models, tuple(found), {letter: text for text, letter in letters.items()})


def _prefix(name: str) -> str:
    return name.rpartition(": ")[0]


def _group(key: tuple[Any, ...], often: Mapping[tuple[str, str], int]) -> tuple[str, str]:
    """What several lines' names begin with, and their unit; a name alone keeps its beginning."""
    prefix, unit = _prefix(key[0]), key[1]
    return (prefix if often[prefix, unit] > 1 else "", unit)


def _heading(prefix: str, unit: str) -> str:
    told = f"{prefix}, by {unit}" if prefix else f"by {unit}"
    return told[0].upper() + told[1:]


def _letters(rows: Sequence[Mapping[str, Figure]]) -> dict[str, str]:
    """A letter for each remark that all models share in several rows."""
    often = Counter(remark for figures in rows for remark in _shared(figures))
    chosen = [remark for remark, n in often.items() if n >= _OFTEN]
    return dict(zip(chosen, ascii_lowercase, strict=False))


def _remarks(figure: Figure) -> list[str]:
    return [remark for remark in figure["note"].split("; ") if remark]


def _shared(figures: Mapping[str, Figure]) -> list[str]:
    each = [_remarks(figure) for figure in figures.values()]
    return [remark for remark in each[0] if all(remark in remarks for remarks in each)]


def _line(
    key: tuple[Any, ...], figures: Mapping[str, Figure], prefix: str, letters: Mapping[str, str]
) -> Line:
    shared = _shared(figures)
    marks = " ".join(letters[remark] for remark in shared if remark in letters)
    notes = {
        model: "; ".join(
            remark for remark in _remarks(figure) if not (remark in letters and remark in shared)
        )
        for model, figure in figures.items()
    }
    methods = {
        model: figure["method"] for model, figure in figures.items() if figure["low"] is not None
    }
    return Line(
        name=key[0].removeprefix(f"{prefix}: "),
        unit=key[1],
        n=key[2],
        positives=key[3],
        patients=key[4],
        figures=figures,
        places=decimals(*figures.values()),
        methods=_once(methods),
        notes=_once(notes),
        marks=marks,
    )


def _once(texts: Mapping[str, str]) -> str:
    """Texts that all share, said once; those of one model alone, with its name."""
    by_text: dict[str, list[str]] = {}
    for model, text in texts.items():
        if text:
            by_text.setdefault(text, []).append(model)
    if len(by_text) == 1 and len(next(iter(by_text.values()))) == len(texts):
        return next(iter(by_text))
    return "; ".join(f"{', '.join(models)}: {text}" for text, models in by_text.items())

"""The cross-validation report as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from mammoscope.types import DENSITY_GRADES

_LISTED = 20


def render(report: Mapping[str, Any]) -> str:
    """The whole report of `crossval.crossval_report` (with "card_calibration") as one page."""
    parts = ["# Cross-validation by patient", _counts(report["counts"])]
    parts += [_excluded(report["excluded"])]
    parts += ["## What these numbers do not mean", *(f"- {note}" for note in report["notes"])]
    for title, rows in report["sections"].items():
        parts += [f"## {title}", table(rows)]
    if report["density_confusion"]:
        parts += ["Images by density, truth in rows:", _confusion(report["density_confusion"])]
    parts += ["## Operating points of the card", _points(report["card_calibration"])]
    return _joined(parts)


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Figures (as in `cases.Figure`) as a table: value and 95% interval, unit, counts, note."""
    body = [
        [
            row["name"],
            row["unit"],
            f"**{number(row['value'])}**" if row["value"] is not None else "none",
            "none" if row["low"] is None else f"{number(row['low'])} to {number(row['high'])}",
            str(row["n"]),
            "" if row["positives"] is None else str(row["positives"]),
            str(row["patients"]),
            row["note"],
        ]
        for row in rows
    ]
    return grid(["figure", "unit", "value", "95%", "n", "positive", "women", "note"], body)


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def number(value: float) -> str:
    """Three decimals: more than an interval here ever supports."""
    return f"{value:.3f}"


def _joined(parts: Sequence[str]) -> str:
    """Paragraphs apart, items of a list together."""
    text = parts[0]
    for before, part in pairwise(parts):
        both_items = before.startswith("- ") and part.startswith("- ")
        text += ("\n" if both_items else "\n\n") + part
    return text + "\n"


def _counts(counts: Mapping[str, Mapping[str, int]]) -> str:
    rows = [
        [
            unit,
            str(c["n"]),
            str(c["positives"]),
            f"{c['positives'] / c['n']:.1%}",
            str(c["patients"]),
        ]
        for unit, c in counts.items()
    ]
    return grid(["unit", "n", "with cancer", "share", "women"], rows)


def _excluded(excluded: Sequence[Mapping[str, Any]]) -> str:
    if not excluded:
        return "No image of the manifest was left out."
    cancers = sum(e["cancer"] for e in excluded)
    lines = [f"Images of the manifest left out: {len(excluded)}, of them with cancer: {cancers}."]
    lines += [f"{e['image_path']} ({e['reason']})" for e in excluded[:_LISTED]]
    if len(excluded) > _LISTED:
        lines.append(f"and {len(excluded) - _LISTED} more, all listed in metrics.json.")
    return "\n- ".join(lines).replace("\n- ", "\n\n- ", 1)


def _confusion(counts: Sequence[Sequence[int]]) -> str:
    rows = [[grade, *map(str, line)] for grade, line in zip(DENSITY_GRADES, counts, strict=True)]
    return grid(["", *DENSITY_GRADES], rows)


def _points(card: Mapping[str, Any] | None) -> str:
    if card is None:
        return "None: these scores give no card (the reason was printed with this report)."
    rows = [
        [p["name"], *(number(p[k]) for k in ("threshold", "sensitivity", "specificity")),
         p["description"]]
        for p in card["operating_points"]
    ]  # fmt: skip
    head = ["name", "threshold (malignancy)", "sensitivity (breast)", "specificity (breast)", ""]
    return f"{grid(head, rows)}\n\n{card['note']}"

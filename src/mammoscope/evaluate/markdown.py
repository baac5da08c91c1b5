"""Figures as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Figures (as in `estimates.Estimate`) as a table: value, 95% interval, unit, counts."""
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

"""An evaluation's numbers in the words a reader sees; a report is the dict of `written`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

Report = Mapping[str, Any]

ABSENT = "–"


def number(value: float | None, places: int | None = None) -> str:
    """A figure with about three places that mean something; an en dash for none."""
    if value is None:
        return ABSENT
    text = f"{value:,.{_decimals(abs(value)) if places is None else places}f}"
    if not text.strip("-0.,"):
        return text.lstrip("-")
    return text.replace("-", "−")


def count(value: int | None) -> str:
    """A whole number with its thousands apart; an en dash for none."""
    return ABSENT if value is None else f"{value:,}"


def interval(figure: Mapping[str, Any], places: int | None = None) -> str:
    """The 95 % interval as "0.771 to 0.850", with as many places as the value has."""
    if figure["low"] is None or figure["high"] is None:
        return ABSENT
    shown = decimals(figure) if places is None else places
    return f"{number(figure['low'], shown)} to {number(figure['high'], shown)}"


def value(figure: Mapping[str, Any]) -> str:
    """A figure's value with as many decimals as its interval has."""
    return number(figure["value"], decimals(figure))


def decimals(*figures: Mapping[str, Any]) -> int:
    """How many decimals mean something in figures and intervals that stand together."""
    found = (figure[end] for figure in figures for end in ("value", "low", "high"))
    return _decimals(max((abs(end) for end in found if end is not None), default=0.0))


def p_value(p: float | None) -> str:
    """A p-value; the smallest ones are "<0.001"."""
    if p is None:
        return ABSENT
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def percent(share: float | None) -> str:
    """A share in percent with one place; an en dash for none."""
    return ABSENT if share is None else f"{100 * share:.1f}\u00a0%"


def sentence(text: str) -> str:
    """A remark with a capital in front and a full stop behind."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text[-1:] in ".!?" else ".")


def plural(unit: str, n: int) -> str:
    """Say "1 breast" or "1,203 breasts"."""
    return f"{n:,} {unit}" if n == 1 else f"{n:,} {unit}s"


def cases(figure: Mapping[str, Any]) -> str:
    """What a figure rests on: "1,203 breasts of 640 patients, 154 with cancer"."""
    told = plural(figure["unit"], figure["n"])
    if figure["unit"] != "patient" and figure["patients"] is not None:
        told += f" of {plural('patient', figure['patients'])}"
    if figure["positives"] is not None:
        told += f", {figure['positives']:,} with cancer"
    return told


def auc(report: Report, model: str) -> Mapping[str, Any] | None:
    """The figure the page opens with: the model's AUC for the main unit, if there is one."""
    section = report["sections"].get("discrimination")
    for figure in section["estimates"] if section else ():
        if (figure["name"], figure["model"], figure["unit"]) == ("AUC", model, report["main_unit"]):
            found: Mapping[str, Any] = figure
            return found
    return None


def headline(report: Report, model: str) -> str:
    """One sentence: AUC, interval, and what it rests on; or why there is none."""
    figure = auc(report, model)
    if figure is None:
        reason = report["withheld"].get(report["main_unit"], "It was not computed.")
        return f"No AUC by {report['main_unit']}. {sentence(reason)}"
    if figure["value"] is None:
        return (
            f"AUC by {figure['unit']} is not defined on {cases(figure)}. {figure['note']}".strip()
        )
    told = f"95 % {interval(figure)}" if figure["low"] is not None else "no interval"
    return f"AUC {value(figure)} ({told}) on {cases(figure)}."


def file_name(path: str) -> str:
    """A file without its folder, whose name is nobody's business."""
    return PurePath(path).name


def exclusions(report: Report) -> str:
    """How many rows were left out, and how many cancers among them; "" if none were."""
    rows = report["excluded"]
    if not rows:
        return ""
    cancers = sum(row["cancer"] == 1 for row in rows)
    unknown = sum(row["cancer"] not in (0, 1) for row in rows)
    told = f"{plural('row', len(rows))} left out, {cancers:,} of them with cancer"
    return told + (f" and {unknown:,} whose truth is not known" if unknown else "")


def reasons(report: Report) -> list[dict[str, Any]]:
    """The reasons for leaving rows out, most frequent first, with rows and cancers of each."""
    found: dict[str, dict[str, Any]] = {}
    for row in report["excluded"]:
        entry = found.setdefault(row["reason"], {"reason": row["reason"], "rows": 0, "cancers": 0})
        entry["rows"] += 1
        entry["cancers"] += row["cancer"] == 1
    return sorted(found.values(), key=lambda entry: -entry["rows"])


def _decimals(size: float) -> int:
    if size > 1:
        return 0 if size >= 1000 else 1 if size >= 10 else 2
    return 3 if size >= 0.01 or size == 0 else 4


def shade(n: int, row: Sequence[int], right: bool) -> str:
    """A cell's colour: the bluer (right) or the more orange (wrong), the more of its row."""
    share = n / sum(row) if sum(row) else 0.0
    return f"color-mix(in srgb, {'#0072b2' if right else '#d55e00'} {55 * share:.0f}%, white)"

"""An evaluation as files: page, tables, pictures, JSON and model card."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

from mammoscope.errors import MissingExtraError
from mammoscope.evaluate import checklists, figures, model_card, page, thumbnails
from mammoscope.evaluate.wording import Report, file_name
from mammoscope.files import write_atomic
from mammoscope.types import DENSITY_GRADES

Rows = Sequence[Mapping[str, Any]]


def write_all(report: Report, folder: Path) -> list[Path]:
    """Write the report into a folder, made if need be, each file whole or not at all.

    Without matplotlib there are no figures, and the page says so. The page, the tables and the
    JSON name a case as "row" does and no image's file, because such names often hold the
    patient's.

    Args:
        report: the dict of `mammoscope.evaluate.report.report`.
        folder: gets report.html, report.json, model_card.md, tables/*.csv and figures/*.svg.

    Returns:
        The files, report.html first.

    Raises:
        ConfigError: a file cannot be written.
    """
    shown = public(report)
    drawn = _drawn(shown)
    pictures = {**drawn, **thumbnails.draw(report)}
    files = {
        **{f"figures/{name}.svg": svg for name, svg in drawn.items()},
        **{f"tables/{name}.csv": _csv(rows) for name, rows in _tables(shown) if rows},
        "model_card.md": model_card.to_markdown(shown).encode(),
        "report.json": json.dumps(shown, indent=1, ensure_ascii=False, allow_nan=False).encode(),
        # The last, so that whoever sees the page finds the rest.
        "report.html": page.to_html(shown, pictures).encode("utf-8", "backslashreplace"),
    }
    return [write_atomic(folder / name, content) for name, content in files.items()][::-1]


def public(report: Report) -> dict[str, Any]:
    """The report without folders and images' names, and with null for what is no number."""
    run = report["run"]
    predictions = [{**row, "file": file_name(row["file"])} for row in run["predictions"]]
    truth = {**run["truth"], "file": file_name(run["truth"]["file"])}
    misses = [
        {**miss, "images": [f"image {n + 1}" for n in range(len(miss["images"]))]}
        for miss in report["misses"]
    ]
    run = {**run, "predictions": predictions, "truth": truth}
    found: dict[str, Any] = _finite({**report, "run": run, "misses": misses})
    return found


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _drawn(report: Report) -> dict[str, bytes]:
    try:
        return figures.draw(report)
    except MissingExtraError:
        return {}


def _tables(report: Report) -> Iterator[tuple[str, Rows]]:
    """Every table by the name of its file."""
    for name in ("counts", "excluded", "comparisons", "confusions", "subgroups", "not_computed"):
        yield name, report[name]
    for key, part in report["sections"].items():
        yield key, part["estimates"]
    for kind, curves in report["curves"].items():
        yield f"curve_{kind}", [row for curve in curves for row in _points(curve)]
    yield (
        "density_confusion",
        [row for table in report["density_confusion"] for row in _grid(table)],
    )
    yield "misses", [_without(row, "images") for row in report["misses"]]
    for name, items in (("claim_2024", checklists.claim), ("tripod_ai", checklists.tripod)):
        yield name, [{**asdict(item), "state": item.state} for item in items(report)]


def _points(curve: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One row for each point; what is said of the whole curve stands in each."""
    lists = {key: values for key, values in curve.items() if isinstance(values, list)}
    whole = {key: value for key, value in curve.items() if key not in lists and key != "label"}
    for values in zip(*lists.values(), strict=True):
        yield {**whole, **dict(zip(lists, values, strict=True))}


def _grid(table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for grade, counts in zip(DENSITY_GRADES, table["counts"], strict=True):
        named = {f"called_{other}": n for other, n in zip(DENSITY_GRADES, counts, strict=True)}
        yield {"model": table["model"], "truth": grade, **named}


def _without(row: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != key}


def _csv(rows: Rows) -> bytes:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()

"""A comparison of frameworks as files: one page, Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import jinja2

from mammoscope.evaluate.markdown import grid
from mammoscope.evaluate.wording import number
from mammoscope.files import write_atomic
from mammoscope.frameworks import words
from mammoscope.frameworks.figures import Bars, drift
from mammoscope.frameworks.table import FIRST
from mammoscope.pages import templates

Found = Mapping[str, Any]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Column:
    """Of the table for people: its head, and what stands in it."""

    head: str
    of: Callable[[Row], str]


_TIMES = (
    _Column("step, s", lambda row: words.ranged(row["step_s"])),
    _Column("times PyTorch's", lambda row: words.times(row["ratio"])),
    _Column("first step, s", lambda row: words.ranged(row["first_step_s"])),
    _Column("before it, s", lambda row: words.ranged(row["start_s"])),
    _Column("one picture, ms", lambda row: words.ranged(row["single_ms"])),
    _Column("in a batch, ms", lambda row: words.ranged(row["batch_ms"])),
    _Column("memory, MiB", lambda row: number(row["peak_mib"]["value"], 0)),
)
_GPU_MEMORY = _Column("GPU memory, MiB", lambda row: number(row["gpu_peak_mib"]["value"], 0))
_AGREEMENT = (
    _Column("outputs apart at start", lambda row: words.small(row["difference"]["high"])),
    _Column(
        f"losses apart, first {FIRST} steps", lambda row: words.small(row["first_losses_apart"])
    ),
    _Column("all steps", lambda row: words.small(row["losses_apart"])),
    _Column("loss after the epoch", lambda row: number(row["final_loss"]["value"], 4)),
)


def _times(found: Found) -> tuple[_Column, ...]:
    return (*_TIMES, _GPU_MEMORY) if found["run"]["device"] == "cuda" else _TIMES


def write_all(found: Found, out: Path) -> list[Path]:
    """Write frameworks.html, .md, .csv and .json to `out`; ConfigError if it cannot.

    Args:
        found: as `table.summary` makes it, with what it rests on as "run".
        out: the folder.
    """
    files = {
        "frameworks.json": json.dumps(found, indent=1, ensure_ascii=False).encode(),
        "frameworks.csv": to_csv(found).encode(),
        "frameworks.md": to_markdown(found).encode(),
        "frameworks.html": to_html(found).encode(),
    }
    return [write_atomic(out / name, content) for name, content in files.items()][::-1]


def to_csv(found: Found) -> str:
    """One row a network and framework, plain numbers."""
    rows = [
        {"network": network["network"]} | dict(_flat(row))
        for network in found["networks"]
        for row in network["rows"]
    ]
    text = StringIO()
    writer = csv.DictWriter(
        text, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat(row: Row) -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping) and "low" in value:
            yield from ((f"{key}{end}", value[name]) for name, end in _ENDS.items())
        elif not isinstance(value, Mapping | list):
            yield key, value


_ENDS = {"value": "", "low": "_low", "high": "_high"}


def to_markdown(found: Found) -> str:
    """The tables and sentences for a repository's page."""
    parts = [f"# {words.title(found)}", words.rests_on(found)]
    for network in found["networks"]:
        parts += [f"## {words.NETWORKS[network['network']]}", words.verdict(network)]
        parts += [_grid(network, shown) for shown in (_times(found), _AGREEMENT)]
    parts += ["Medians of the repeats; in brackets the lowest and the highest."]
    if told := words.failures(found):
        parts.append("Not measured:\n\n" + _bullets(f"{who}: {why}" for who, why in told))
    run = found["run"]
    parts.append(_bullets(words.NOTES))
    parts.append(
        _bullets(
            (
                words.computer(found),
                words.versions(found),
                f"Mammoscope {run['mammoscope']}, seed {run['seed']}, "
                f"manifest sha256 {run['manifest_sha256']}",
            )
        )
    )
    return "\n\n".join(parts) + "\n"


def _grid(network: Row, shown: tuple[_Column, ...]) -> str:
    rows = [row for row in network["rows"] if not row["failed"]]
    body = [[row["title"], *(one.of(row) for one in shown)] for row in rows]
    return grid(["framework", *(one.head for one in shown)], body)


def _bullets(sentences: Any) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def to_html(found: Found) -> str:
    """One page that loads nothing, and whose security policy forbids it to."""
    return _template().render(
        found=found,
        words=words,
        times=_times(found)[1:],
        agreement=_AGREEMENT,
        bars=[Bars(network["rows"]) for network in found["networks"]],
        drifts=[drift(network, f"d{at}") for at, network in enumerate(found["networks"])],
    )


@cache
def _template() -> jinja2.Template:
    return templates("frameworks", "evaluate").get_template("frameworks.html.j2")

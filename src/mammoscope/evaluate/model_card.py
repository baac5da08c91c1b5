"""A model card in Markdown from an evaluation's numbers.

Its headings are those of Mitchell et al., Model Cards for Model Reporting, FAT* 2019:220-229.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mammoscope.evaluate import evidence, wording
from mammoscope.evaluate.wording import Report

_UNSAID = "The run does not say."


def to_markdown(report: Report) -> str:
    """The card of the report's models, for what `written.write_all` takes."""
    parts = [
        f"# Model card: {', '.join(report['models'])}",
        "## Model details\n\n" + _details(report),
        "## Intended use\n\n" + _intended_use(report),
        "## Factors\n\n" + _factors(report),
        "## Metrics\n\n" + _metrics(report),
        "## Evaluation data\n\n" + _data(report),
        "## Training data\n\n" + _recipe(report),
        "## Quantitative analyses\n\n" + _results(report),
        "## Caveats and recommendations\n\n" + _caveats(report),
    ]
    return "\n\n".join(parts) + "\n"


def _details(report: Report) -> str:
    shown = evidence.gather(report)
    lines = [
        f"{row['name']}: scores are of kind {row['kind']}; file {wording.file_name(row['file'])}, "
        f"sha256 {row['sha256']}"
        for row in report["run"]["predictions"]
    ]
    return _bullets([*lines, *filter(None, (shown.get("architecture"), shown.get("software")))])


def _intended_use(report: Report) -> str:
    shown = evidence.gather(report)
    use = shown.get("goal") or shown.get("population") or _UNSAID
    return f"{use} Research and education; it supports a reader and replaces none."


def _factors(report: Report) -> str:
    groups = dict.fromkeys(row["group"] for row in report["subgroups"])
    if not groups:
        return "No subgroup was evaluated."
    small = sum(row["small"] for row in report["subgroups"])
    told = f"AUC was measured by {', '.join(groups)}."
    return told + (
        f" {small} of these groups and models have fewer than 50 cases." if small else ""
    )


def _metrics(report: Report) -> str:
    shown = evidence.gather(report)
    return _bullets([shown[key] for key in ("metrics", "uncertainty") if key in shown])


def _data(report: Report) -> str:
    truth = report["run"]["truth"]
    lines = [
        f"{wording.cases(row)} ({wording.percent(row['prevalence'])})" for row in report["counts"]
    ]
    left_out = wording.exclusions(report)
    said = f"truth: {wording.file_name(truth['file'])}, sha256 {truth['sha256']}"
    return _bullets([*lines, *([left_out] if left_out else []), said])


def _recipe(report: Report) -> str:
    recipe = report["run"]["recipe"]
    if not recipe:
        return _UNSAID
    return _bullets([f"{key}: {evidence.as_text(value)}" for key, value in recipe.items()])


def _results(report: Report) -> str:
    headlines = [f"{model}: {wording.headline(report, model)}" for model in report["models"]]
    rows = [
        row
        for part in report["sections"].values()
        for row in part["estimates"]
        if row["unit"] == report["main_unit"]
    ]
    parts = [_bullets(headlines)]
    parts += [_table(_figures(rows))] if rows else []
    if report["subgroups"]:
        parts += ["AUC in subgroups:", _table(_subgroups(report["subgroups"]))]
    return "\n\n".join(parts)


def _figures(rows: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[str]]:
    yield ("Figure", "Model", "Unit", "Value", "95 %", "n", "With cancer", "Patients")
    for row in rows:
        yield (row["name"], row["model"], *_numbers(row))


def _subgroups(rows: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[str]]:
    yield ("Group", "Model", "Unit", "Value", "95 %", "n", "With cancer", "Patients")
    for row in rows:
        mark = " (n < 50)" if row["small"] else ""
        yield (f"{row['group']}: {row['label']}{mark}", row["model"], *_numbers(row))


def _numbers(row: Mapping[str, Any]) -> tuple[str, ...]:
    sizes = (wording.count(row[key]) for key in ("n", "positives", "patients"))
    return (row["unit"], wording.value(row), wording.interval(row), *sizes)


def _caveats(report: Report) -> str:
    withheld = [
        f"Withheld by {unit}: {wording.sentence(why)}" for unit, why in report["withheld"].items()
    ]
    missing = [f"Not computed: {row['what']}, {row['why']}." for row in report["not_computed"]]
    return _bullets([*report["warnings"], *withheld, *report["notes"], *missing]) or _UNSAID


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {_flat(line)}" for line in lines)


def _table(rows: Iterator[Sequence[str]]) -> str:
    header, *body = ([_flat(cell).replace("|", "\\|") for cell in row] for row in rows)
    ruled = [header, ["---"] * len(header), *body]
    return "\n".join(f"| {' | '.join(row)} |" for row in ruled)


def _flat(text: str) -> str:
    return " ".join(str(text).split())

"""What a run shows of what reporting guidelines ask for, and nothing it does not show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mammoscope.evaluate import wording
from mammoscope.evaluate.wording import Report

NAMES: dict[str, tuple[str, ...]] = {
    "abstract": ("abstract",),
    "acquisition": ("acquisition", "machines"),
    "annotation tools": ("annotation_tools", "annotation"),
    "annotators": ("annotators", "readers"),
    "architecture": ("architecture", "network", "backbone"),
    "availability": ("availability",),
    "balance": ("class_balance", "balance", "balance_machines"),
    "blinding": ("blinding",),
    "conflicts": ("conflicts_of_interest",),
    "context": ("background", "context"),
    "data": ("data", "dataset", "data_source", "data_sources"),
    "dates": ("dates", "data_dates"),
    "design": ("design", "study_design"),
    "elements": ("predictors", "data_elements"),
    "eligibility": ("eligibility",),
    "ensemble": ("ensemble", "members"),
    "ethics": ("ethics", "ethical_approval"),
    "fairness": ("fairness",),
    "funding": ("funding",),
    "goal": ("goal", "intended_use"),
    "identification": ("deidentification", "de_identification"),
    "implications": ("implications",),
    "inequalities": ("health_inequalities",),
    "input quality": ("input_quality",),
    "interpretation": ("interpretation",),
    "involvement": ("patient_involvement",),
    "kind of test": ("test_kind", "testing", "how"),
    "level": ("partition_level", "split_by"),
    "next steps": ("next_steps",),
    "objectives": ("objectives",),
    "outcome": ("outcome", "reference_standard"),
    "population": ("population", "target_population"),
    "power": ("sample_size",),
    "preprocessing": ("preprocess", "preprocessing"),
    "protocol": ("protocol",),
    "rationale": ("reference_standard_rationale",),
    "registration": ("registration",),
    "selection": ("model_selection", "selection"),
    "setting": ("setting", "sites"),
    "split": ("split", "part", "folds"),
    "start": ("initial_weights", "pretrained"),
    "subset": ("subset",),
    "treatments": ("treatments",),
    "user skill": ("user_expertise",),
    "variability": ("annotator_variability",),
}
"""What a run's own manifest may call what a guideline asks for."""

_TRAINING = ("stages", "epochs", "batch_size", "optimizer", "learning_rate", "weight_decay")
_CLUSTERS = ("site", "machine", "vendor", "hospital", "country")
_LONGEST = 240


def gather(report: Report) -> dict[str, str]:
    """What the run shows, by the key that the checklists' items name; absent where nothing.

    Args:
        report: the dict that `written.write_all` takes.
    """
    recipe = report["run"]["recipe"] or {}
    told = {key: _first(recipe, names) for key, names in NAMES.items()}
    shown = {
        "counts": _counts(report),
        "exclusions": _exclusions(report),
        "failures": _failures(report),
        "flow": f"{_counts(report)} {_exclusions(report)}",
        "heterogeneity": _groups(report, _CLUSTERS),
        "intervals": _performance(report, "low"),
        "metrics": _metrics(report),
        "notes": _notes(report),
        "output": _output(report),
        "performance": _performance(report, "value"),
        "predictions": _predictions(report),
        "analysis": f"Mammoscope {report['run']['mammoscope']}, its evaluate command.",
        "software": _software(report, recipe),
        "subgroups": _groups(report),
        "training": _several(recipe, _TRAINING),
        "uncertainty": _uncertainty(report),
        "updating": _updating(report),
    }
    return {key: answer for key, answer in {**told, **shown}.items() if answer}


def _entries(tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every key and value of a tree, nearest the root first."""
    yield from tree.items()
    for value in tree.values():
        if isinstance(value, Mapping):
            yield from _entries(value)


def _first(recipe: Mapping[str, Any], names: Sequence[str]) -> str:
    found = {key.lower(): value for key, value in reversed(list(_entries(recipe)))}
    for name in names:
        if found.get(name) not in (None, "", [], {}):
            return f"{name.replace('_', ' ').capitalize()}: {as_text(found[name])}."
    return ""


def _several(recipe: Mapping[str, Any], names: Sequence[str]) -> str:
    return " ".join(filter(None, (_first(recipe, (name,)) for name in names)))


def as_text(value: Any) -> str:
    """A value of a manifest in a line of at most 240 letters."""
    if isinstance(value, Mapping):
        value = "; ".join(f"{key} {as_text(inner)}" for key, inner in value.items())
    elif isinstance(value, list | tuple):
        value = ", ".join(as_text(inner) for inner in value)
    text = str(value).rstrip(".")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _counts(report: Report) -> str:
    told = (
        f"{wording.cases(row)} ({wording.percent(row['prevalence'])})" for row in report["counts"]
    )
    return "; ".join(told) + "." if report["counts"] else ""


def _exclusions(report: Report) -> str:
    if not report["excluded"]:
        return "No row was left out."
    why = "; ".join(
        f"{entry['reason']} ({wording.plural('row', entry['rows'])}, {entry['cancers']} with "
        "cancer)"
        for entry in wording.reasons(report)[:5]
    )
    return f"{wording.exclusions(report)}: {why}."


def _failures(report: Report) -> str:
    told = []
    if report["confusions"]:
        points = len({(row["unit"], row["point"]) for row in report["confusions"]})
        told.append(f"confusion matrices at {wording.plural('operating point', points)}")
    pictured = sum(bool(miss["images"]) for miss in report["misses"])
    if report["misses"]:
        worst = wording.plural("wrong judgement", len(report["misses"]))
        told.append(f"the {worst} furthest off, {pictured} of them as pictures")
    return f"Shown: {'; '.join(told)}." if told else ""


def _groups(report: Report, among: Sequence[str] = ()) -> str:
    groups = dict.fromkeys(row["group"] for row in report["subgroups"])
    shown = [group for group in groups if not among or group.lower() in among]
    return f"AUC by {', '.join(shown)}." if shown else ""


def _metrics(report: Report) -> str:
    titles = [part["title"].lower() for part in report["sections"].values() if part["estimates"]]
    pictures = [kind.replace("_", " ") for kind, curves in report["curves"].items() if curves]
    told = f"Figures of {', '.join(titles)}" if titles else ""
    plots = f"curves: {', '.join(pictures)}" if pictures else ""
    return "; ".join(filter(None, (told, plots)))


def _notes(report: Report) -> str:
    told = wording.plural("remark", len(report["notes"]))
    return f"{told} on what the numbers do not mean." if report["notes"] else ""


def _output(report: Report) -> str:
    kinds = "; ".join(f"{row['name']}: {row['kind']}" for row in report["run"]["predictions"])
    points = dict.fromkeys(row["point"] for row in report["confusions"])
    return f"{kinds}." + (f" Thresholds: {', '.join(points)}." if points else "")


def _performance(report: Report, needed: str) -> str:
    """The headlines, if every model has the needed part of its AUC."""
    found = [(model, wording.auc(report, model)) for model in report["models"]]
    if not all(figure is not None and figure[needed] is not None for _, figure in found):
        return ""
    return " ".join(f"{model}: {wording.headline(report, model)}" for model, _ in found)


def _predictions(report: Report) -> str:
    files = [
        f"{row['name']} (sha256 {row['sha256'][:12]}…)" for row in report["run"]["predictions"]
    ]
    return f"Read from files: {', '.join(files)}; {report['run']['rule']}."


def _software(report: Report, recipe: Mapping[str, Any]) -> str:
    own = _several(recipe, ("software", "python", "torch", "hardware"))
    return f"Evaluated by Mammoscope {report['run']['mammoscope']}. {own}".strip()


def _uncertainty(report: Report) -> str:
    made = [
        figure["method"]
        for part in report["sections"].values()
        for figure in part["estimates"]
        if figure["low"] is not None
    ]
    if not made:
        return ""
    run = report["run"]
    told = f"95 % intervals: {', '.join(dict.fromkeys(made))}; {run['resamples']:,} resamples, "
    tests = dict.fromkeys(row["method"] for row in report["comparisons"])
    compared = f" Comparisons: {', '.join(tests)}; p also after Holm." if tests else ""
    return f"{told}seed {run['seed']}.{compared}"


def _updating(report: Report) -> str:
    names = [
        figure["name"]
        for part in report["sections"].values()
        for figure in part["estimates"]
        if "recalibrat" in figure["name"].lower() or "re-calibrat" in figure["name"].lower()
    ]
    return f"{', '.join(dict.fromkeys(names))}." if names else ""

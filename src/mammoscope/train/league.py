"""Competitors' out-of-fold predictions to one table, by the project's own evaluation.

Every figure comes from `mammoscope.evaluate` and `mammoscope.metrics`, on the images that all
competitors judged; cases that the folds keep together (a woman's, duplicates) count as one
cluster in every interval and test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import mammoscope
from mammoscope.errors import ConfigError
from mammoscope.evaluate import discrimination, thresholds
from mammoscope.evaluate.cases import Cases, betrayed_units, cases, units_of
from mammoscope.evaluate.estimates import Resampling
from mammoscope.evaluate.joining import Judged, join
from mammoscope.evaluate.predictions import Predicted, read_predictions
from mammoscope.evaluate.tables import sha256, texts
from mammoscope.evaluate.truth import Truth
from mammoscope.files import drafted
from mammoscope.metrics.agreement import confusion
from mammoscope.metrics.compare import compare_auc, holm
from mammoscope.metrics.proportions import proportion
from mammoscope.train.config import Task
from mammoscope.train.costs import history, running_costs, training_costs
from mammoscope.train.dataset import TrainingSet
from mammoscope.train.entries import Entry
from mammoscope.train.predictions import PREDICTIONS, collect

_RATES = ("sensitivity", "specificity")


@dataclass(frozen=True, eq=False)
class Competitor:
    """An entry all of whose parts are trained.

    Attributes:
        entry: who it is.
        parts: the folds that are compared.
        data: what it was trained on.
    """

    entry: Entry
    parts: Sequence[str]
    data: TrainingSet


def league(
    competitors: Sequence[Competitor],
    failed: Mapping[str, str],
    manifest: Path,
    resamples: int,
    seed: int,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Judge all competitors on the same cases.

    Args:
        competitors: at least one; all learn the same thing.
        failed: why each of the others could not be trained, by name.
        manifest: of the data.
        resamples: of the bootstrap intervals.
        seed: of the resampling.
        tell: gets a line about what is being done.

    Returns:
        Plain JSON values: "rows", the best AUC first, "pairs" (every pair's AUC compared by
        DeLong's test with Holm's adjustment), "not_trained", "cases", "task", "run".

    Raises:
        ConfigError: as in `evaluate.joining.join` and `evaluate.cases.cases`.
    """
    truth = _truth(competitors, manifest)
    judged = join(truth, [_predicted(one) for one in competitors])
    unit = _unit(judged, competitors)
    by_name = {scores.name: cases(judged, scores, unit) for scores in judged.models}
    resampling, task = Resampling(resamples, seed), competitors[0].entry.recipe.task
    rows = []
    for one in competitors:
        tell(f"{one.entry.name}: figures")
        rows.append(
            {"name": one.entry.name, **_identity(one)}
            | _figures(by_name[one.entry.name], resampling)
            | _classified(one, judged, task)
            | {"training": training_costs(one.entry, one.parts)}
            | {"running": running_costs(one.entry, one.parts[0], one.data)}
            | {"curves": _curves(one)}
        )
    rows.sort(key=lambda row: -(row["auc"]["value"] or 0))
    pairs = _pairs([by_name[row["name"]] for row in rows])
    return {
        "rows": [_beside_best(row, rows[0], pairs) for row in rows],
        "pairs": pairs,
        "not_trained": [{"name": name, "why": _at_home(why)} for name, why in failed.items()],
        "task": {
            "target": task.target,
            "classes": list(task.classes),
            "positive": list(task.positive),
        },
        "cases": _counts(judged, by_name[rows[0]["name"]], competitors),
        "run": {
            "mammoscope": mammoscope.__version__,
            "manifest_sha256": truth.sha256,
            "resamples": resamples,
            "seed": seed,
        },
    }


def _at_home(why: str) -> str:
    """A table goes to others, whom the name of the user's home does not concern."""
    return why.replace(str(Path.home()), "~")


def _truth(competitors: Sequence[Competitor], manifest: Path) -> Truth:
    """What the runs learned: cancer is a positive class, and a cluster is one woman."""
    tables = []
    for one in competitors:
        data, rows = one.data, one.data.rows
        # A group may hold two women's exams, which must stay two.
        exam = rows["patient_id"].str.cat(texts(rows, "exam_id"), sep="/")
        known = {"exam_id": exam, "patient_id": data.group, "target_index": data.target}
        tables.append(rows.assign(cancer=data.positive.astype(np.intp), **known))
    table = pd.concat(tables).drop_duplicates("image_path").reset_index(drop=True)
    nothing = np.full(len(table), -1, np.intp)
    cancer = table["cancer"].to_numpy(np.intp)
    return Truth(manifest, table, pd.DataFrame(), cancer, nothing, sha256(manifest))


def _predicted(one: Competitor) -> Predicted:
    folder, parts = one.entry.folder, one.parts
    if len(parts) == one.entry.recipe.folds:
        path = collect(folder, one.entry.recipe.folds)
    else:
        path = folder / f"predictions-{'-'.join(parts)}.csv"
        with drafted(path) as draft:
            tables = [pd.read_csv(folder / part / PREDICTIONS) for part in parts]
            pd.concat(tables).to_csv(draft, index=False)
    return replace(read_predictions(path)[0], name=one.entry.name)


def _unit(judged: Judged, competitors: Sequence[Competitor]) -> str:
    """Mammograms are judged by breast where the truth tells the breasts, pictures one by one."""
    units = units_of(judged)
    mammograms = all(one.entry.recipe.input.kind == "mammogram" for one in competitors)
    if mammograms and "breast" in units and "breast" not in betrayed_units(judged, units):
        return "breast"
    return "image"


def _identity(one: Competitor) -> dict[str, Any]:
    recipe = one.entry.recipe
    return {
        "network": recipe.network,
        "weights": recipe.weights,
        "input": f"{recipe.input.height} x {recipe.input.width}",
        "folds": f"{len(one.parts)} of {recipe.folds}",
        "recipe_sha256": recipe.sha256,
    }


def _figures(one: Cases, resampling: Resampling) -> dict[str, Any]:
    """AUC, and both rates at each operating point: by thresholds from the other folds if any."""
    areas = {
        figure.name: asdict(figure) for figure in discrimination.discrimination(one, resampling)
    }
    try:
        points = _foreign(one, resampling)
    except ConfigError:  # a fold with one class only leaves no threshold to choose
        points = {}
    within = areas.get("AUC within folds")
    return {"auc": areas["AUC"], "auc_within_folds": within, "points": points or _own(one)}


def _foreign(one: Cases, resampling: Resampling) -> dict[str, dict[str, Any]]:
    if len(np.unique(one.groups.get("fold", ()))) < 2:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for figure in discrimination.foreign_thresholds(one, resampling):
        rate, _, aim = figure.name.partition(", threshold from the other folds for ")
        found.setdefault(f"for {aim}", {})[rate] = asdict(figure)
    return found


def _own(one: Cases) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for figure in thresholds.at_points(one, thresholds.points_of(one, {}), None)[0]:
        point, _, rate = figure.name.partition(": ")
        if rate in _RATES:
            found.setdefault(point, {})[rate] = asdict(figure)
    return found


def _classified(one: Competitor, judged: Judged, task: Task) -> dict[str, Any]:
    """Accuracy and confusion of the likeliest class, image by image."""
    truth = judged.table["target_index"].to_numpy(np.intp)
    called = _called(one, judged, task)
    right = proportion(truth == called, judged.patient)
    commonest = float(np.bincount(truth).max() / len(truth))
    return {
        "accuracy": {"value": right.value, "low": right.low, "high": right.high, "n": right.n},
        "commonest_class": commonest,
        "confusion": confusion(truth, called, len(task.classes)).tolist(),
    }


def _called(one: Competitor, judged: Judged, task: Task) -> NDArray[np.intp]:
    tables = [pd.read_csv(one.entry.folder / part / PREDICTIONS) for part in one.parts]
    table = pd.concat(tables).set_index("image_path").loc[judged.image]
    if len(task.classes) > 2:
        shares = table[[f"p_{name}" for name in task.classes]].to_numpy(np.float64)
        return np.asarray(shares.argmax(1), np.intp)
    positive = (table["malignancy_logit"].to_numpy() >= 0).astype(np.intp)
    return np.asarray(positive if task.positive == task.classes[1:] else 1 - positive, np.intp)


def _pairs(models: Sequence[Cases]) -> list[dict[str, Any]]:
    """Every pair, as which one is the best is itself read off these cases."""
    pairs = list(combinations(models, 2))
    found: list[dict[str, Any]] = []
    for a, b in pairs:
        try:
            test = compare_auc(a.truth, a.rank, b.rank, a.patient)
        except ConfigError:  # too few cases for DeLong's test
            return []
        found.append({"a": a.model, "b": b.model, "difference": test.difference,
                      "low": test.low, "high": test.high, "p": test.p})  # fmt: skip
    adjusted = holm([row["p"] for row in found]).tolist() if found else []
    return [row | {"p_holm": p} for row, p in zip(found, adjusted, strict=True)]


def _beside_best(
    row: dict[str, Any], best: Mapping[str, Any], pairs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    against = next((p for p in pairs if (p["a"], p["b"]) == (best["name"], row["name"])), None)
    return row | {"against_best": against and dict(against)}


def _curves(one: Competitor) -> list[dict[str, Any]]:
    names = ("epoch", "loss", "accuracy", "held_out_accuracy", "held_out_auc")
    return [
        {"part": part} | {name: [record.get(name) for record in records] for name in names}
        for part in one.parts
        for records in [history(one.entry, part)]
    ]


def _counts(judged: Judged, one: Cases, competitors: Sequence[Competitor]) -> dict[str, Any]:
    excluded = [reason for c in competitors[:1] for reason in c.data.excluded["reason"]]
    excluded += [row.reason for row in judged.excluded]
    return {
        "unit": one.unit,
        "n": len(one.truth),
        "positives": int(one.truth.sum()),
        "clusters": len(np.unique(one.patient)),
        "images": len(judged.cancer),
        "left_out": dict(Counter(excluded)),
    }

"""What each precision variant of a network changes, out of fold, and whether it may ship."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

import mammoscope
from mammoscope.errors import ConfigError
from mammoscope.evaluate import wording
from mammoscope.evaluate.markdown import grid
from mammoscope.files import write_atomic
from mammoscope.machine import cores
from mammoscope.metrics.compare import compare_auc
from mammoscope.metrics.resample import auc_intervals
from mammoscope.metrics.roc import auc
from mammoscope.train.config import Recipe, Task
from mammoscope.train.dataset import TrainingSet
from mammoscope.train.predictions import PREDICTIONS
from mammoscope.types import DENSITY_GRADES

RECORD, REFERENCE = "variant.json", "fp32"
MAY, MAY_NOT = "may ship", "may not ship"
_HEAD = (
    "variant", "AUC (95 %)", "change of AUC (95 %)", "largest and mean change of probability",
    "other likeliest class", "MB", "ms an image", "verdict",
)  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """When a variant may ship.

    Attributes:
        margin: the interval of its change of AUC must lie above minus this.
        resamples: of the bootstrap by group.
        seed: of the resampling.

    Raises:
        ConfigError: a margin outside [0, 0.5), or fewer resamples than one.
    """

    margin: float = 0.005
    resamples: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.margin < 0.5:
            raise ConfigError(f"--margin is {self.margin}; give a loss of AUC from 0 to below 0.5.")
        if self.resamples < 1 or self.seed < 0:
            raise ConfigError(
                f"--resamples is {self.resamples} and --seed {self.seed}; "
                "give at least 1 and a seed from 0 up."
            )

    def verdict(self, low: float) -> str:
        """Of a change of AUC by the lower end of its interval; NaN shows nothing."""
        return MAY if low > -self.margin else MAY_NOT


def write_table(
    out: Path,
    variants: Sequence[str],
    missing: Mapping[str, str],
    run: Path,
    recipe: Recipe,
    data: TrainingSet,
    rule: Rule,
) -> tuple[str, list[Path]]:
    """Judge the variants that are there and write variants.md and variants.json to `out`.

    Args:
        out: holds FOLD/VARIANT/predictions.csv and variant.json; the reference's of every fold.
        variants: their names in order.
        missing: why by those that a fold has not.
        run: that they were made of, with predictions by torch.
        recipe: of the run.
        data: its truth.
        rule: of the verdict.

    Returns:
        The Markdown, and the files.

    Raises:
        ConfigError: an AUC needs more cases.
    """
    count = recipe.folds
    reference = _predictions(out, REFERENCE, count, data)
    rows = [
        {"variant": name, "verdict": "not available", "why": missing[name]}
        if name in missing
        else {"variant": name}
        | _figures(_predictions(out, name, count, data), reference, data, recipe.task, rule)
        | _costs(out, name, count)
        for name in variants
    ]
    for row in rows:
        if row["variant"] == REFERENCE:
            row |= {"verdict": "reference", "change": None}
    torch = pd.concat([pd.read_csv(run / str(fold) / PREDICTIONS) for fold in range(count)])
    said = _aligned(torch, data)["malignancy_logit"] - reference["malignancy_logit"]
    found = {"rows": rows, "from_torch": float(said.abs().max())} | _rests_on(recipe, data, rule)
    markdown = to_markdown(found)
    files = {
        "variants.json": json.dumps(found, indent=1, ensure_ascii=False),
        "variants.md": markdown,
    }
    return markdown, [write_atomic(out / name, text.encode()) for name, text in files.items()]


def _rests_on(recipe: Recipe, data: TrainingSet, rule: Rule) -> dict[str, Any]:
    """The cases, the recipe and the rule behind a table."""
    return {
        "cases": {
            "n": len(data.target),
            "positives": int(data.positive.sum()),
            "groups": len(np.unique(data.group)),
        },
        "positive": list(recipe.task.positive),
        "run": {
            "name": recipe.name,
            "recipe_sha256": recipe.sha256,
            "cores": cores(),
            "mammoscope": mammoscope.__version__,
        }
        | asdict(rule),
    }


def _predictions(out: Path, variant: str, count: int, data: TrainingSet) -> pd.DataFrame:
    parts = [out / str(fold) / variant / PREDICTIONS for fold in range(count)]
    return _aligned(pd.concat([pd.read_csv(part) for part in parts]), data)


def _aligned(table: pd.DataFrame, data: TrainingSet) -> pd.DataFrame:
    """Predictions in the order of the truth."""
    return table.set_index("image_path").loc[data.rows["image_path"]].reset_index()


def _figures(
    table: pd.DataFrame, reference: pd.DataFrame, data: TrainingSet, task: Task, rule: Rule
) -> dict[str, Any]:
    truth = data.positive.astype(np.int64)
    score, before = table["malignancy_logit"], reference["malignancy_logit"]
    drawn = rule.resamples, rule.seed
    (area,) = auc_intervals(truth, score, data.group, *drawn)
    change = compare_auc(truth, score, before, data.group, "bootstrap", *drawn)
    moved = np.abs(_probability(score) - _probability(before))
    found = {
        "auc": {"value": auc(truth, score), "low": area.low, "high": area.high},
        "change": {"value": change.difference, "low": change.low, "high": change.high},
        "largest_change": float(moved.max()),
        "mean_change": float(moved.mean()),
        "class_changed": float(np.mean(_called(table, task) != _called(reference, task))),
        "verdict": rule.verdict(change.low),
    }
    grades = [f"density_{grade}" for grade in DENSITY_GRADES]
    if set(grades) <= set(table):
        others = _likeliest(table, grades) != _likeliest(reference, grades)
        found["density_changed"] = float(np.mean(others))
    if "peak_logit" in table:
        peaks = np.abs(_probability(table["peak_logit"]) - _probability(reference["peak_logit"]))
        found["peak_mean_change"] = float(peaks.mean())
    return found


def _costs(out: Path, variant: str, count: int) -> dict[str, Any]:
    records = [
        json.loads((out / str(fold) / variant / RECORD).read_text(encoding="utf-8"))
        for fold in range(count)
    ]
    return {
        "size_bytes": int(np.mean([record["size_bytes"] for record in records])),
        "ms": float(np.median([record["ms"] for record in records])),
        "runtime": sorted({record["runtime"] for record in records}),
    }


def _probability(logit: pd.Series) -> NDArray[np.float64]:
    return np.asarray(expit(logit.to_numpy(np.float64)))


def _called(table: pd.DataFrame, task: Task) -> NDArray[np.intp]:
    """The likeliest class, or of two whether it is a positive one."""
    if len(task.classes) > 2:
        return _likeliest(table, [f"p_{name}" for name in task.classes])
    return np.asarray(table["malignancy_logit"].to_numpy() >= 0, np.intp)


def _likeliest(table: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.intp]:
    return np.asarray(table[list(columns)].to_numpy(np.float64).argmax(1), np.intp)


def to_markdown(found: Mapping[str, Any]) -> str:
    """The table with what it rests on and the rule.

    Args:
        found: as in variants.json.
    """
    run, cases = found["run"], found["cases"]
    runtimes = {text for row in found["rows"] for text in row.get("runtime", ())}
    lines = [
        f"# Precision variants of {run['name']}",
        "",
        f"{cases['n']:,} images ({cases['positives']:,} {' or '.join(found['positive'])}) in "
        f"{cases['groups']:,} groups that no fold parts, each judged by the network that had not "
        "seen its group. Intervals: bootstrap by group, "
        f"{run['resamples']:,} resamples, the same for both scores of a change.",
        "",
        grid(_HEAD, [_cells(row) for row in found["rows"]]),
        "",
        f"{MAY.capitalize()}: the interval of the change of AUC against {REFERENCE} lies above "
        f"−{run['margin']:g}.",
        f"{REFERENCE} differs from the run's own predictions by {found['from_torch']:.2g} of a "
        "logit at most.",
        f"Times are medians, one image at a time, on {run['cores']} cores of this computer under "
        f"its load at the time ({'; '.join(sorted(runtimes))}); they hold for no other.",
        *(f"{row['variant']}: {row['why']}" for row in found["rows"] if "why" in row),
        *(told for row in found["rows"] if (told := _heads(row))),
    ]
    return "\n".join(lines) + "\n"


def _cells(row: Mapping[str, Any]) -> list[str]:
    if "auc" not in row:
        return [row["variant"], *[wording.ABSENT] * (len(_HEAD) - 2), row["verdict"]]
    change = row["change"]
    return [
        row["variant"],
        _with_interval(row["auc"], 4),
        wording.ABSENT if change is None else _with_interval(change, 4),
        wording.ABSENT
        if change is None
        else f"{wording.number(row['largest_change'], 4)}, {wording.number(row['mean_change'], 4)}",
        wording.ABSENT if change is None else wording.percent(row["class_changed"]),
        wording.number(row["size_bytes"] / 1e6, 1),
        wording.number(row["ms"], 1),
        row["verdict"],
    ]


def _with_interval(figure: Mapping[str, Any], places: int) -> str:
    known = {key: None if np.isnan(value) else value for key, value in figure.items()}
    return f"{wording.number(known['value'], places)} ({wording.interval(known, places)})"


def _heads(row: Mapping[str, Any]) -> str:
    """What a variant does to the other heads, on which the verdict does not rest."""
    if row.get("change") is None:
        return ""
    said = []
    if "density_changed" in row:
        said.append(f"other likeliest density {wording.percent(row['density_changed'])}")
    if "peak_mean_change" in row:
        moved = wording.number(row["peak_mean_change"], 4)
        said.append(f"mean change of the lesion map's highest probability {moved}")
    return f"{row['variant']}: {'; '.join(said)}." if said else ""

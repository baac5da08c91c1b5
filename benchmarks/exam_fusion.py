"""What a second view of a breast is worth: rules of joining two views against a single view.

    python benchmarks/exam_fusion.py PREDICTIONS --data DATA/rsna2022 --out fusion.md

PREDICTIONS are out of fold, as a run of the trainer leaves them in predictions.csv. Judged are the
breasts with at least one CC and one MLO view. All rules see the same two images of a breast, one
of each view, drawn anew 20 times where there are more; each area is the mean over the draws. "Mean
single view" is the mean of the areas of CC alone and MLO alone. The product takes the mean of the
logits of all the views there are. Probabilities are those logits under one Platt's line fitted on
all images, as the product's card has it; it alters no order of single images.

The second table asks the same of the breasts with three views or more, of whichever kind: what is
lost if 1, 2 or 3 of them, drawn as above, are used instead of all.

Intervals are 95 %, from 2,000 resamples of women; a gain is that of both rules on one resample.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.evaluate.cases import cases, row_scores
from mammoscope.evaluate.joining import join
from mammoscope.evaluate.markdown import grid
from mammoscope.evaluate.predictions import read_predictions
from mammoscope.evaluate.tables import texts
from mammoscope.evaluate.truth import read_truth
from mammoscope.files import write_atomic
from mammoscope.metrics.recalibration import apply_platt, fit_platt
from mammoscope.metrics.resample import patient_resamples, percentile_interval

Floats = NDArray[np.float64]
Rule = Callable[[Floats, Floats], Floats]

DRAWS = 20
PRODUCT, SINGLE = "mean of logits", "mean single view"
EVERY = "mean of logits, all views"
RULES: dict[str, Rule] = {
    "CC alone": lambda logits, _: logits[:, 0],
    "MLO alone": lambda logits, _: logits[:, 1],
    PRODUCT: lambda logits, _: logits.mean(1),
    "maximum": lambda logits, _: logits.max(1),
    "mean of probabilities": lambda _, probabilities: probabilities.mean(1),
}
"""From the logits and probabilities, both (n, 2), of a CC and an MLO view to one score (n,)."""


@dataclass(frozen=True, eq=False)
class Breasts:
    """Breasts and what the network said of their views.

    Attributes:
        patient, truth, machine: (n,) woman, 0 or 1, label of the machine.
        logits: n arrays (views,), out of fold.
        views: n arrays (views,), such as "CC".
        platt: slope and intercept from logits to probabilities.
    """

    patient: NDArray[np.intp]
    truth: NDArray[np.intp]
    machine: NDArray[np.str_]
    logits: list[Floats]
    views: list[NDArray[np.str_]]
    platt: tuple[float, float]

    def where(self, inside: NDArray[np.bool_]) -> Breasts:
        """The breasts that a mask (n,) selects."""
        at = np.flatnonzero(inside).tolist()
        return Breasts(
            self.patient[inside],
            self.truth[inside],
            self.machine[inside],
            [self.logits[i] for i in at],
            [self.views[i] for i in at],
            self.platt,
        )

    @property
    def counts(self) -> str:
        """How many there are, in words."""
        women = len(np.unique(self.patient))
        return f"{len(self.truth)} breasts, {self.truth.sum()} with cancer, of {women} women"


def read_breasts(predictions: Path, data: Path) -> Breasts:
    """The breasts of a set that names views and machines."""
    judged = join(read_truth(data), read_predictions(predictions))
    scores = judged.models[0]
    whole = cases(judged, scores, "breast")
    if "machine" not in whole.groups:
        raise SystemExit(f"{data}: no machine_id there; areas within machines need it.")
    logits, _ = row_scores(scores, judged.cancer)
    table = pd.DataFrame(
        {"breast": whole.row, "logit": logits, "view": texts(judged.table, "view")}
    )
    parts = [part for _, part in table.groupby("breast")]  # in the order of the cases
    return Breasts(
        whole.patient,
        whole.truth,
        whole.groups["machine"],
        [part["logit"].to_numpy(np.float64) for part in parts],
        [part["view"].str.upper().to_numpy(np.str_) for part in parts],
        fit_platt(logits, judged.cancer),
    )


def both_views(breasts: Breasts) -> Breasts:
    """Those with at least one CC and one MLO."""
    return breasts.where(np.array([{"CC", "MLO"} <= set(v.tolist()) for v in breasts.views]))


def pair_drawn(breasts: Breasts, draw: np.random.Generator) -> Floats:
    """(n, 2) logits of one CC and one MLO of each breast."""
    return np.array(
        [
            [draw.choice(logits[views == view]) for view in ("CC", "MLO")]
            for logits, views in zip(breasts.logits, breasts.views, strict=True)
        ]
    )


def wins(score: Floats, truth: NDArray[np.intp]) -> Floats:
    """(cancers, others): 1 where the cancer scores above the other breast, half where as high.

    The mean over the pairs that count is the area under the ROC curve, and the mean over draws of
    such tables gives the mean of the areas.
    """
    order = np.sign(score[truth == 1][:, None] - score[truth == 0][None, :])
    return np.asarray(0.5 * (1 + order), np.float64)


def rule_wins(breasts: Breasts, draws: int, seed: int) -> dict[str, Floats]:
    """The wins of each rule, of the mean single view, and of the mean of all views."""
    draw = np.random.default_rng(seed)
    found = {name: np.zeros(_pairs(breasts).shape) for name in RULES}
    for _ in range(draws):
        logits = pair_drawn(breasts, draw)
        probabilities = apply_platt(logits, *breasts.platt)
        for name, rule in RULES.items():
            found[name] += wins(rule(logits, probabilities), breasts.truth) / draws
    single = (found["CC alone"] + found["MLO alone"]) / 2
    return {SINGLE: single, **found, EVERY: all_wins(breasts)}


def all_wins(breasts: Breasts) -> Floats:
    """The wins of the product: the mean of the logits of all views."""
    return wins(np.array([logits.mean() for logits in breasts.logits]), breasts.truth)


def part_wins(breasts: Breasts, used: int, draws: int, seed: int) -> Floats:
    """The wins of the mean of so many views, drawn without regard to their kind."""
    draw = np.random.default_rng(seed)
    found = np.zeros(_pairs(breasts).shape)
    for _ in range(draws):
        score = [draw.permutation(logits)[:used].mean() for logits in breasts.logits]
        found += wins(np.array(score), breasts.truth) / draws
    return found


def _pairs(breasts: Breasts) -> Floats:
    """(cancers, others): 1 where both breasts were imaged on the same machine."""
    machine, cancer = breasts.machine, breasts.truth == 1
    return np.asarray(machine[cancer][:, None] == machine[~cancer][None, :], np.float64)


@dataclass(frozen=True, eq=False)
class Areas:
    """AUCs of some scores; the arrays are (1 + resamples,), the first on the breasts themselves."""

    within: dict[str, Floats]
    pooled: dict[str, Floats]


def areas(breasts: Breasts, won: Mapping[str, Floats], resamples: int, seed: int) -> Areas:
    """Each score's area over pairs of the same machine and over all pairs, on shared resamples."""
    size = len(breasts.truth)
    drawn = patient_resamples(breasts.patient, resamples, seed)
    times = np.array([np.ones(size), *(np.bincount(rows, minlength=size) for rows in drawn)])
    cancers, others = times[:, breasts.truth == 1], times[:, breasts.truth == 0]

    def total(table: Floats) -> Floats:
        return np.asarray(((cancers @ table) * others).sum(1), np.float64)

    same = _pairs(breasts)
    within, pooled = total(same), total(np.ones_like(same))
    with np.errstate(invalid="ignore"):  # a resample without any pair has no area: NaN
        return Areas(
            {name: total(table * same) / within for name, table in won.items()},
            {name: total(table) / pooled for name, table in won.items()},
        )


def cell(values: Floats, form: str = ".3f") -> str:
    """A figure with its interval; an end printed as -0.000 lies below 0, which +0.000 hides."""
    ends = percentile_interval(values[1:])
    return f"{values[0]:{form}} ({ends.low:{form}} to {ends.high:{form}})"


def rule_tables(breasts: Breasts, resamples: int, draws: int, seed: int) -> str:
    """Areas of the rules, and what the product's rule gains over each other one."""
    found = areas(breasts, rule_wins(breasts, draws, seed), resamples, seed)
    both = (found.within, found.pooled)
    rows = [[name, *(cell(of[name]) for of in both)] for name in found.within]
    gains = [
        [name, *(cell(of[PRODUCT] - of[name], "+.3f") for of in both)]
        for name in found.within
        if name != PRODUCT
    ]
    return "\n\n".join(
        [
            f"Breasts with a CC and an MLO view: {breasts.counts}.",
            grid(["score of a breast", "AUC within machines", "AUC pooled"], rows),
            f"Gain in AUC of the {PRODUCT} of two views:",
            grid(["over", "within machines", "pooled"], gains),
        ]
    )


def loss_table(breasts: Breasts, resamples: int, draws: int, seed: int) -> str:
    """What is lost where there are three views or more and fewer are used."""
    won = {str(used): part_wins(breasts, used, draws, seed) for used in (1, 2, 3)}
    found = areas(breasts, {**won, "all": all_wins(breasts)}, resamples, seed)
    rows = [
        [
            used,
            cell(found.within[used]),
            cell(found.within[used] - found.within["all"], "+.3f"),
            cell(found.pooled[used]),
            cell(found.pooled[used] - found.pooled["all"], "+.3f"),
        ]
        for used in won
    ]
    rows.append(["all", cell(found.within["all"]), "", cell(found.pooled["all"]), ""])
    three = sum(len(logits) == 3 for logits in breasts.logits)
    head = ["views used", "AUC within machines", "against all", "AUC pooled", "against all"]
    told = f"Breasts with three views or more: {breasts.counts}; {three} have three."
    return f"{told}\n\n{grid(head, rows)}"


def report(breasts: Breasts, resamples: int = 2000, draws: int = DRAWS, seed: int = 0) -> str:
    """Both parts."""
    many = breasts.where(np.array([len(logits) >= 3 for logits in breasts.logits]))
    parts = [rule_tables(both_views(breasts), resamples, draws, seed)]
    return "\n\n".join([*parts, loss_table(many, resamples, draws, seed)])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("predictions", type=Path, metavar="PREDICTIONS")
    parser.add_argument("--data", type=Path, required=True, help="the set's manifest or folder")
    parser.add_argument("--out", type=Path, required=True, help="Markdown file to write")
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0, help="of the draws and of the intervals")
    options = parser.parse_args()
    breasts = read_breasts(options.predictions, options.data)
    text = report(breasts, options.resamples, seed=options.seed)
    write_atomic(options.out, f"{text}\n".encode())
    print(text)


if __name__ == "__main__":
    main()

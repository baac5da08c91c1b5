"""How much the answer to a region changes when its mark is moved, and whether it is calibrated.

    python benchmarks/region_stability.py RUN --data DIR [--out FOLDER] [--women 100]

RUN is a finished one of `configs/cbis_patches_lite0.toml`, DIR the set that it was trained on. Each
fold's network, exported and run as the product does and compared with torch first, judges the
crops that it never saw, by one crop and by the mean over nine moved ones that
`mammoscope.infer.region` answers with.

Whole crops, all of them: AUC of both answers, and calibration. Each answer's line is fitted on the
other folds.

The middle three quarters of the crops of some women, marked as drawn and then shifted by a tenth
of the side or scaled by 0.9 and 1.1: how far the probability moves. A crop has no surroundings, and
with such a mark every one of the nine crops of every moved mark lies within real pixels. The lines
and thresholds are those of whole crops, as the card has them.

What the networks said is kept in RUN (whole crops) and FOLDER: the same command goes on where it
was stopped, and with more --women adds to it. Intervals are 95 %, by bootstrap of women.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.evaluate.calibrating import calibrated
from mammoscope.evaluate.cases import Cases
from mammoscope.evaluate.estimates import Resampling
from mammoscope.evaluate.markdown import grid
from mammoscope.files import drafted
from mammoscope.geometry import Box
from mammoscope.infer.classifier import judge
from mammoscope.infer.engine import Engine
from mammoscope.infer.region import MOVES, looks
from mammoscope.io import read_picture
from mammoscope.metrics.compare import compare_auc
from mammoscope.metrics.recalibration import apply_platt, fit_platt
from mammoscope.metrics.resample import patient_bootstrap
from mammoscope.metrics.roc import auc
from mammoscope.train.classifier_card import classifier_calibration
from mammoscope.train.config import Recipe, load_recipe
from mammoscope.train.dataset import TrainingSet, load_training_set
from mammoscope.train.export import fold_engine
from mammoscope.train.folds import folds
from mammoscope.train.regions import LOOK, region_predictions, region_table

Floats = NDArray[np.float64]

RECIPE = Path(__file__).resolve().parents[1] / "configs" / "cbis_patches_lite0.toml"
SHARE = 0.75
"""Side of the mark as a share of the crop's: a tenth to the side and what `moved_crops` adds to
that reach the crop's edge."""
DRAWN = "as drawn"
PLACES: dict[str, tuple[float, float, float]] = {
    DRAWN: (0, 0, 1),
    "10 % to the left": (-0.1, 0, 1),
    "10 % to the right": (0.1, 0, 1),
    "10 % up": (0, -0.1, 1),
    "10 % down": (0, 0.1, 1),
    "scaled by 0.9": (0, 0, 0.9),
    "scaled by 1.1": (0, 0, 1.1),
}
"""Shift across and down in shares of the mark's side, and its scale."""
MOVED = tuple(place for place in PLACES if place != DRAWN)
ANSWERS = {"one crop": f"{LOOK}{len(MOVES) ** 2 // 2}", "nine crops": "malignancy_logit"}
"""The column with each answer's log odds."""
ONE, NINE = ANSWERS
_AT_ONCE = 25


@dataclass(frozen=True)
class Options:
    """Of the command line; see the module's text."""

    run: Path
    data: Path
    out: Path
    women: int
    resamples: int


def mark(shape: tuple[int, int], place: str) -> Box:
    """The mark in a picture (height, width) at one of PLACES, in its pixels."""
    (height, width), (right, down, size) = shape, PLACES[place]
    side = SHARE * min(shape)
    x, y, half = width / 2 + right * side, height / 2 + down * side, size * side / 2
    return (x - half, y - half, x + half, y + half)


def moved(
    recipe: Recipe, data: TrainingSet, options: Options, load: Callable[[str], Engine]
) -> pd.DataFrame:
    """A row for each crop of the women drawn and each of PLACES, as `region_table` gives them."""
    women = np.unique(data.rows["patient_id"])
    drawn = np.random.default_rng(0).permutation(women)[: options.women or None]
    wanted = data.rows["patient_id"].isin(drawn).to_numpy()
    fold, found = folds(data, recipe), []
    for number in range(recipe.folds):
        names = data.rows["image_path"][wanted & (fold == number)]
        file = options.out / f"marks-{number}.csv"
        known = pd.read_csv(file) if file.is_file() else pd.DataFrame(columns=["image_path"])
        missing = names[~names.isin(known["image_path"])]
        if len(missing):
            say = partial(_said, options.data, recipe, number, load(str(number)))
            known = _added(file, known, missing, say)
        found.append(known[known["image_path"].isin(names)])
    return pd.concat(found)


def _added(
    file: Path, known: pd.DataFrame, missing: pd.Series, say: Callable[[str], pd.DataFrame]
) -> pd.DataFrame:
    """The table with the missing crops, kept in the file every few crops."""
    parts = [known] if len(known) else []
    for first in range(0, len(missing), _AT_ONCE):
        parts += map(say, missing.iloc[first : first + _AT_ONCE])
        with drafted(file) as draft:
            pd.concat(parts).to_csv(draft, index=False)
    return pd.concat(parts)


def _said(folder: Path, recipe: Recipe, fold: int, engine: Engine, name: str) -> pd.DataFrame:
    picture = read_picture(folder / name)
    shown = partial(judge, engine=engine, params=recipe.preprocess)
    logs = np.stack([looks(picture, mark(picture.shape, place), shown) for place in PLACES])
    names = pd.Series([name] * len(PLACES))
    return region_table(names, logs, recipe, fold).assign(place=list(PLACES))


def told(cases: pd.DataFrame, answer: str, lines: pd.DataFrame, line: str) -> Floats:
    """Probabilities of the cases' `answer`, each fold under the line of `line` fitted on others."""
    prob = np.empty(len(cases))
    for fold in lines["fold"].unique():
        other, own = lines[lines["fold"] != fold], (cases["fold"] == fold).to_numpy()
        platt = fit_platt(other[ANSWERS[line]], other["positive"])
        prob[own] = apply_platt(cases[ANSWERS[answer]][own], *platt)
    return prob


def ranking(name: str, cases: pd.DataFrame, resamples: int) -> list[str]:
    """AUC of both answers and their difference, a row of the table."""
    truth, women = cases["positive"].to_numpy(), cases["patient_id"]
    scores = [cases[column].to_numpy() for column in ANSWERS.values()]
    areas = [_measured(np.column_stack([truth, s]), _area, women, resamples) for s in scores]
    change = compare_auc(truth, scores[1], scores[0], women, "bootstrap", resamples)
    gained = f"{change.difference:+.3f} ({change.low:+.3f} to {change.high:+.3f})"
    return [name, str(len(cases)), str(truth.sum()), str(women.nunique()), *areas, gained]


def calibration(
    name: str, cases: pd.DataFrame, answer: str, lines: pd.DataFrame, line: str, resamples: int
) -> list[str]:
    """ECE, Brier score, slope and intercept, a row of the table."""
    prob = told(cases, answer, lines, line)
    code = np.unique(cases["patient_id"], return_inverse=True)[1]
    logit = np.log(prob / (1 - prob))
    judged = Cases("image", name, code, cases["positive"].to_numpy(np.intp), logit, logit, {})
    found = {one.name: one for one in calibrated(judged, Resampling(resamples))}
    wanted = ("ECE, 15 bins of equal width", "Brier score", "calibration slope",
              "calibration intercept, slope 1")  # fmt: skip
    cells = [f"{f.value:.3f} ({f.low:.3f} to {f.high:.3f})" for f in map(found.__getitem__, wanted)]
    return [name, answer, line, *cells]


def by_place(cases: pd.DataFrame, answer: str, card: dict[str, Any]) -> dict[str, Floats]:
    """The calibrated probabilities (n, 1) of the answer at each of PLACES."""
    platt = tuple(card["calibration"]["platt"].values())
    parts = cases.groupby("place")
    return {p: apply_platt(c[[ANSWERS[answer]]], *platt) for p, c in parts}


def stability(
    cases: pd.DataFrame, answer: str, card: dict[str, Any], resamples: int
) -> list[list[str]]:
    """A row for each move, and one for all: how far probabilities move, and how many flip."""
    prob, drawn = by_place(cases, answer, card), cases[cases["place"] == DRAWN]
    truth, women, before = drawn["positive"], drawn["patient_id"], prob[DRAWN]
    rows = []
    for name, places in ({place: (place,) for place in MOVED} | {"all six": MOVED}).items():
        after = np.hstack([prob[place] for place in places])
        far = np.abs(after - before)
        cells = [
            _measured(far, np.mean, women, resamples),
            _measured(far, partial(np.quantile, q=0.95), women, resamples),
        ]
        for _, threshold in _thresholds(card):
            flipped = 100.0 * ((after >= threshold) != (before >= threshold))
            cells.append(_measured(flipped, np.mean, women, resamples, ".1f"))
        both = np.column_stack([truth, after[:, 0]])
        area = _measured(both, _area, women, resamples) if len(places) == 1 else ""
        rows.append([name, *cells, area])
    return rows


def steadier(cases: pd.DataFrame, cards: dict[str, dict[str, Any]], resamples: int) -> str:
    """By how much less the mean over nine crops moves than one crop, over all moves."""
    far = {}
    for answer, card in cards.items():
        prob = by_place(cases, answer, card)
        far[answer] = np.abs(np.hstack([prob[place] for place in MOVED]) - prob[DRAWN])
    women = cases["patient_id"][cases["place"] == DRAWN]
    return _measured(far[NINE] - far[ONE], np.mean, women, resamples)


def _thresholds(card: dict[str, Any]) -> list[tuple[str, float]]:
    """One half, and the card's operating points, by name."""
    return [("0.5", 0.5), *((p["name"], p["threshold"]) for p in card["operating_points"])]


def _area(both: Floats) -> float:
    return auc(both[:, 0], both[:, 1])


def _measured(
    values: Floats,
    statistic: Callable[[Floats], float],
    women: pd.Series,
    resamples: int,
    form: str = ".3f",
) -> str:
    """A figure of some cases' values (n, ...) with its interval."""
    found = patient_bootstrap(lambda rows: float(statistic(values[rows])), women, resamples)
    return f"**{statistic(values):{form}}** ({found.low:{form}} to {found.high:{form}})"


def truths(table: pd.DataFrame, data: TrainingSet) -> pd.DataFrame:
    """The table in the order of its crops, with patient_id and positive."""
    known = data.rows[["image_path", "patient_id"]].assign(positive=data.positive.astype(int))
    return table.merge(known, on="image_path").sort_values("image_path", kind="stable")


def card_of(
    answer: str, whole: pd.DataFrame, data: TrainingSet, options: Options
) -> dict[str, Any]:
    """What the card would say if this were what the product answered."""
    file = options.out / f"{answer.replace(' ', '_')}.csv"
    table = whole[["image_path", "fold"]].assign(malignancy_logit=whole[ANSWERS[answer]])
    with drafted(file) as draft:
        table.to_csv(draft, index=False)
    return classifier_calibration(file, load_recipe(RECIPE).task, data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("region_stability"))
    parser.add_argument("--women", type=int, default=100, help="whose marks are moved; 0: all")
    parser.add_argument("--resamples", type=int, default=2000)
    options = Options(**vars(parser.parse_args()))
    recipe = load_recipe(RECIPE)
    data = load_training_set(options.data, recipe, options.run)
    load = partial(fold_engine, recipe, options.run, data)
    regions = region_predictions(recipe, options.run, options.data, data, load)
    whole = truths(pd.read_csv(regions), data)
    print_judged("whole crop", whole, whole, options.resamples)
    marks = truths(moved(recipe, data, options, load), data)
    print_judged("middle of the crop", marks[marks["place"] == DRAWN], whole, options.resamples)
    cards = {answer: card_of(answer, whole, data, options) for answer in ANSWERS}
    print_moved(marks, cards, options.resamples)


def print_judged(name: str, cases: pd.DataFrame, whole: pd.DataFrame, resamples: int) -> None:
    """Print how both answers rank the regions, and whether their probabilities hold."""
    head = ["region", "crops", "malignant", "women", f"AUC, {ONE}", f"AUC, {NINE}", "difference"]
    print(grid(head, [ranking(name, cases, resamples)]), end="\n\n")
    head = ["region", "answer", "line fitted on", "ECE", "Brier score", "slope", "intercept"]
    wanted = [(ONE, ONE), (NINE, ONE), (NINE, NINE)]
    rows = [calibration(name, cases, answer, whole, line, resamples) for answer, line in wanted]
    print(grid(head, rows), end="\n\n", flush=True)


def print_moved(marks: pd.DataFrame, cards: dict[str, dict[str, Any]], resamples: int) -> None:
    """Print what moving the mark does to each answer."""
    for answer, card in cards.items():
        flips = [f"% flipped at {name}" for name, _ in _thresholds(card)]
        head = [answer, "mean change", "95th percentile", *flips, "AUC"]
        print(grid(head, stability(marks, answer, card, resamples)), end="\n\n")
    print(f"mean change, {NINE} less {ONE}: {steadier(marks, cards, resamples)}")


if __name__ == "__main__":
    main()

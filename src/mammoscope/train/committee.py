r"""Several finished runs as one network: judged on what all of them held out, then exported.

    python -m mammoscope.train.committee --data DATA --out runs/reader \
        --card configs/reader.card.json \
        --members configs/reader_lesions.toml=runs/reader_lesions \
                  configs/reader_first.toml=runs/reader_first

The first member leads (see `mammoscope.models.committee`): DATA is what its run was trained on, and
every run must have held out the same women in the same folds. Each member's logits are calibrated
on the folds that are not judged. A fold's network is exported, in half the size, before it judges,
so that what is measured is what ships. OUT gets predictions.csv for `mammoscope evaluate`,
folds.csv, and OUT/K/weights for every fold K; OUT/final/weights if all members have a final part.
What was judged is not judged again; --metrics adds figures to the cards afterwards.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro
from numpy.typing import NDArray

from mammoscope.errors import ConfigError, WeightsError
from mammoscope.files import drafted, write_atomic
from mammoscope.infer.engine import load_engine
from mammoscope.metrics.recalibration import fit_platt
from mammoscope.models.card import NETWORK_FILE, write_weights
from mammoscope.models.committee import Committee, Member
from mammoscope.train.config import Recipe, load_recipe
from mammoscope.train.dataset import TrainingSet, load_training_set
from mammoscope.train.export import output_names, parity, sample, to_onnx
from mammoscope.train.finished_card import finished_card, read_card, read_metrics
from mammoscope.train.folds import folds
from mammoscope.train.half import halved
from mammoscope.train.predictions import PREDICTIONS, collect, prediction_table
from mammoscope.train.run import FINAL, WEIGHTS, trained, write_folds
from mammoscope.train.variants import judged_singly

PARITY = "parity.json"
HALF_TOLERANCE = 0.05
"""Largest change of any logit that 16-bit weights may make."""


@dataclass
class Args:
    """Join finished runs."""

    members: tuple[str, ...]
    """RECIPE=RUN of each, the leader first."""
    data: Path
    """The folder that the leader was trained on."""
    out: Path
    """Folder for predictions and weights."""
    card: Path
    """The card's written part."""
    metrics: Path | None = None
    """report.json of `mammoscope evaluate` on OUT/predictions.csv, to be kept in the cards."""


@dataclass(frozen=True)
class _Run:
    """A member's recipe, its folder, and what it said of the images that it held out."""

    recipe: Recipe
    folder: Path
    said: pd.DataFrame

    @property
    def held_out(self) -> set[tuple[str, int]]:
        """Images and the folds that held them out."""
        return set(zip(self.said["image_path"], self.said["fold"].astype(int), strict=True))

    def stamp(self, part: str) -> str:
        """sha256 of its weights of a part."""
        file = self.folder / part / WEIGHTS
        if not file.is_file():
            raise ConfigError(f"{file}: no such file; train that part first (--only).")
        return hashlib.sha256(file.read_bytes()).hexdigest()

    def line(self, part: str, positive: pd.Series) -> tuple[float, float]:
        """Platt's line, fitted on the folds but `part`."""
        judged = self.said[self.said["fold"].astype(str) != part]
        truth = positive.loc[judged["image_path"]].to_numpy(np.int64)
        return fit_platt(judged["malignancy_logit"].to_numpy(np.float64), truth)

    def member(self, part: str, positive: pd.Series) -> Member:
        """Its network of a part."""
        network = trained(self.recipe, self.folder / part / WEIGHTS)
        size = self.recipe.input.height, self.recipe.input.width
        return Member(network, size, self.line(part, positive))


def join(args: Args) -> list[Path]:
    """Do what the module says; returns the files of the results.

    Raises:
        ConfigError: a member is not finished, or held out other women than the leader.
        WeightsError: an exported network differs from torch's.
    """
    runs = [_run(word) for word in args.members]
    leader = runs[0].recipe
    data = load_training_set(args.data, leader, runs[0].folder)
    _check_folds(runs, set(data.rows["image_path"][data.labelled]))
    positive = pd.Series(data.positive, data.rows["image_path"])[data.labelled]
    write_folds(leader, data, args.out)
    fold = folds(data, leader)
    for number in range(leader.folds):
        rows = np.flatnonzero((fold == number) & data.labelled)
        network = _network(args.out, runs, data, str(number), positive)
        _judge(network, leader, data, rows, number)
    predictions = collect(args.out, leader.folds)
    parts = [*map(str, range(leader.folds))]
    if all((run.folder / FINAL / WEIGHTS).is_file() for run in runs):
        _network(args.out, runs, data, FINAL, positive)
        parts.append(FINAL)
    return [predictions, *(_weights(args, leader, data, part, predictions) for part in parts)]


def _run(word: str) -> _Run:
    recipe, equals, folder = word.rpartition("=")
    if not equals:
        raise ConfigError(f"--members {word}: give RECIPE=RUN, such as configs/a.toml=runs/a.")
    loaded = load_recipe(recipe)
    said = pd.read_csv(collect(Path(folder), loaded.folds))
    return _Run(loaded, Path(folder), said)


def _check_folds(runs: Sequence[_Run], images: set[str]) -> None:
    """Make sure that the leader held out `images`, and the others the same in the same folds."""
    if {image for image, _ in runs[0].held_out} != images:
        raise ConfigError(
            f"{runs[0].folder}: held out other images than --data has; give what it was trained on."
        )
    for run in runs[1:]:
        if run.held_out != runs[0].held_out:
            raise ConfigError(
                f"{run.folder}: held out other images in its folds than {runs[0].folder}; "
                "train both with the same seed, folds and data."
            )


def _network(
    out: Path, runs: Sequence[_Run], data: TrainingSet, part: str, positive: pd.Series
) -> Path:
    """The exported network of a part: made, compared with torch's and halved if it is not there."""
    file, note = out / part / NETWORK_FILE, out / part / PARITY
    stamp = [run.stamp(part) for run in runs]
    if note.is_file():
        if json.loads(note.read_text(encoding="utf-8"))["members"] != stamp:
            raise ConfigError(f"{file.parent}: holds other members' results; give another --out.")
        return file
    committee = Committee([run.member(part, positive) for run in runs]).eval()
    shown = sample(data)
    whole = to_onnx(committee, *shown.shape[1:])
    differences = parity(committee, whole, shown)
    short = halved(whole)
    differences["half_weights"] = _changed(whole, short, shown)
    write_atomic(file, short)
    record = {"members": stamp, "outputs": output_names(committee), "parity": differences}
    write_atomic(note, (json.dumps(record, indent=2) + "\n").encode())
    return file


def _changed(whole: bytes, short: bytes, pixels: NDArray[np.uint8]) -> float:
    """Largest change of a logit; WeightsError if it is above HALF_TOLERANCE."""
    one, other = (load_engine(network, precision="f32").run(pixels) for network in (whole, short))
    change = float(np.abs(one.malignancy - other.malignancy).max())
    if not change <= HALF_TOLERANCE:
        raise WeightsError(
            f"16-bit weights change a logit by {change:.2g} (allowed {HALF_TOLERANCE:g}); "
            "nothing was written."
        )
    return change


def _judge(
    network: Path, recipe: Recipe, data: TrainingSet, rows: NDArray[np.int64], fold: int
) -> None:
    """predictions.csv beside a fold's network, unless it is there."""
    file = network.parent / PREDICTIONS
    if file.is_file():
        return
    record = json.loads((network.parent / PARITY).read_text(encoding="utf-8"))
    engine = load_engine(network.read_bytes(), precision="f32", outputs=record["outputs"])
    judged, _ = judged_singly(engine, record["outputs"], data.pixels, rows)
    names = data.rows["image_path"].iloc[rows]
    with drafted(file) as draft:
        prediction_table(names, judged, recipe.task, fold).to_csv(draft, index=False)


def _weights(args: Args, recipe: Recipe, data: TrainingSet, part: str, predictions: Path) -> Path:
    """OUT/part/weights: the network and its card."""
    record: dict[str, Any] = json.loads((args.out / part / PARITY).read_text(encoding="utf-8"))
    card = finished_card(
        recipe, read_card(args.card), record["outputs"], predictions, args.data, data, part
    )
    recipes = [Path(word.rpartition("=")[0]).name for word in args.members]
    card["training"] |= {"recipe": recipes[0], "members": recipes}
    card["parity"] = record["parity"]
    if args.metrics:
        card["metrics"] = read_metrics(args.metrics)
    folder = args.out / part / "weights"
    write_weights(folder, (args.out / part / NETWORK_FILE).read_bytes(), card)
    return folder


def main() -> None:
    """Command line; see the module's text."""
    try:
        for path in join(tyro.cli(Args)):
            print(path)
    except (ConfigError, WeightsError) as error:
        sys.exit(f"mammoscope.train.committee: {error}")


if __name__ == "__main__":
    main()

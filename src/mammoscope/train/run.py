"""Train a recipe: every fold by group, then once on everything.

    python -m mammoscope.train.run configs/reader_first.toml --data DIR --out runs/reader_first
    python -m mammoscope.train.run ... --only 0 1        # some folds, e.g. one process a core
    python -m mammoscope.train.run ... --only final
    python -m mammoscope.train.run ... optimiser.epochs=1 seed=3
    torchrun --nproc-per-node 2 -m mammoscope.train.run ...

Finished parts are skipped and an interrupted one goes on where it was, within an epoch too, so
the same command can be typed again after a stop; the final weights are the same to the last bit.
OUT then holds, per part, predictions.csv (the held-out fold's), weights.safetensors,
metrics.jsonl, curves.png and start.json, and, once every fold is done, predictions.csv of all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
import tyro

from mammoscope.errors import ConfigError, WeightsError
from mammoscope.files import drafted, write_atomic
from mammoscope.machine import cores
from mammoscope.models.networks import Network
from mammoscope.train.checkpoint import CHECKPOINT, load_weights, save_weights
from mammoscope.train.config import Recipe, load_recipe
from mammoscope.train.dataset import TrainingSet, load_training_set
from mammoscope.train.fitting import BEST, Machine, Part, fit, new_network
from mammoscope.train.folds import folds
from mammoscope.train.loading import judging_batches
from mammoscope.train.loop import denormals_flushed, judge
from mammoscope.train.parallel import joined, rank, wait_for_all
from mammoscope.train.predictions import (
    PREDICTIONS,
    collect,
    prediction_table,
    write_predictions,
)

__all__ = ["FINAL", "WEIGHTS", "Args", "collect", "train", "train_part", "trained", "write_folds"]

FINAL = "final"
WEIGHTS, FOLDS = "weights.safetensors", "folds.csv"


@dataclass(frozen=True)
class Args:
    """Train a recipe by cross-validation, then once on everything; resumes by itself."""

    recipe: tyro.conf.Positional[Path]
    """A TOML file of configs/."""
    data: Path
    """Folder with manifest.csv and the images it names."""
    out: Path
    """Where checkpoints, weights and predictions go."""
    overrides: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="KEY=VALUE")
    ] = ()
    """Values in place of the recipe's, such as optimiser.epochs=1."""
    only: tuple[str, ...] = ()
    """Fold numbers from 0, or "final"; all of them if not given."""
    threads: int = 0
    """CPU threads; 0 leaves it to torch."""
    workers: int = -1
    """Processes that load images; -1 takes the cores that the training leaves over."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the network lies; auto takes a GPU if there is one."""
    checkpoint_s: float = 120.0
    """Seconds between checkpoints within an epoch."""


def train(args: Args) -> list[Path]:
    """Do what the module says; returns the files of the run's results.

    Raises:
        ConfigError: the recipe, the data or an option say something impossible.
        WeightsError: the starting weights cannot be had.
    """
    only, words = _parted(args.only)
    recipe = load_recipe(args.recipe, (*args.overrides, *words))
    machine = _prepared(args)
    with joined(machine.device):
        if rank() == 0:  # the first process reads the images, the others find them read
            data = load_training_set(args.data, recipe, args.out)
        wait_for_all()
        if rank() != 0:
            data = load_training_set(args.data, recipe, args.out)
        if rank() == 0:
            write_folds(recipe, data, args.out)
        for part in only or (*map(str, range(recipe.folds)), FINAL):
            train_part(recipe, data, part, args.out, machine)
            wait_for_all()
        return _results(recipe, args.out) if rank() == 0 else []


def _parted(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """--only takes all words after it; those with "=" are overrides."""
    overrides = [word for word in words if "=" in word]
    return [word for word in words if "=" not in word], overrides


def _prepared(args: Args) -> Machine:
    """Set torch up for training on the device that is asked for."""
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.backends.cudnn.deterministic = True
    wanted = args.device
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device is cuda, but torch finds no GPU; give cpu.")
    gpu = wanted != "cpu" and torch.cuda.is_available()
    device = (
        torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if gpu else torch.device("cpu")
    )
    if gpu:
        torch.cuda.set_device(device)
    workers = args.workers
    if workers < 0:
        busy = 1 if gpu else torch.get_num_threads()
        workers = min(8, max(0, cores() - busy))
    return Machine(device, workers, args.checkpoint_s)


def train_part(
    recipe: Recipe, data: TrainingSet, part: str, out: Path, machine: Machine | None = None
) -> None:
    """Train one fold (its number as text) or "final", and write its results to `out`/part.

    Raises:
        ConfigError: the recipe has no such fold, its folder holds another recipe's results, or
            there are fewer images than make one batch.
    """
    if part not in (*map(str, range(recipe.folds)), FINAL):
        raise ConfigError(
            f"recipe {recipe.name}: there is no part {part!r}; "
            f"give a fold from 0 to {recipe.folds - 1}, or {FINAL}."
        )
    folder, machine = out / part, machine or Machine()
    if rank() == 0:
        _claim(folder, recipe, data)
    wait_for_all()
    fold = folds(data, recipe)
    out_of_it = fold == (int(part) if part != FINAL else -1)
    held = np.flatnonzero(out_of_it & data.labelled)
    job = Part(recipe, data, np.flatnonzero(~out_of_it), held, folder, machine)
    if not (folder / WEIGHTS).is_file():
        with denormals_flushed():
            network = fit(job)
        if rank() == 0:
            save_weights(folder / WEIGHTS, network)
    if rank() == 0:
        for name in (CHECKPOINT, BEST):
            (folder / name).unlink(missing_ok=True)
    if held.size and rank() == 0 and not (folder / PREDICTIONS).is_file():
        _predict(job)


def _predict(part: Part) -> None:
    recipe, rows = part.recipe, part.data.rows
    network = trained(recipe, part.folder / WEIGHTS).to(part.machine.device)
    batches = judging_batches(recipe, part.data, part.held, recipe.stages[-1], part.machine.workers)
    with denormals_flushed():
        judged = judge(network, batches, recipe)
    names = rows["image_path"].iloc[part.held]
    table = prediction_table(names, judged, recipe.task, int(part.folder.name))
    write_predictions(part.folder, table, judged, recipe.task)


def trained(recipe: Recipe, weights: Path) -> Network:
    """The network of a finished part, in eval mode; ConfigError if the file is not there."""
    if not weights.is_file():
        raise ConfigError(f"{weights}: no such file; train that part first (--only).")
    network = new_network(recipe)
    load_weights(weights, network)
    return network.eval()


def _claim(folder: Path, recipe: Recipe, data: TrainingSet) -> None:
    """Make the folder of a part, or make sure that it holds the same recipe's and data's."""
    stamps = {"recipe": ("another recipe", recipe.sha256), "data": ("other data", data.sha256)}
    for name, (other, wanted) in stamps.items():
        stamp = folder / f"{name}.sha256"
        if not stamp.is_file():
            write_atomic(stamp, wanted.encode())
        elif stamp.read_text(encoding="utf-8") != wanted:
            raise ConfigError(
                f"{folder}: holds results of {other}; give another --out, or remove that folder."
            )
    for draft in folder.glob(".*.part"):  # of a process that was killed while it wrote
        draft.unlink()


def write_folds(recipe: Recipe, data: TrainingSet, out: Path) -> None:
    """folds.csv: which fold holds which image out, of every source."""
    dataset = data.rows["source"] if recipe.sources else ""
    table = data.rows[["image_path"]].assign(dataset=dataset, fold=folds(data, recipe))
    with drafted(out / FOLDS) as draft:
        table.to_csv(draft, index=False)


def _results(recipe: Recipe, out: Path) -> list[Path]:
    """The files there are now: predictions of all folds, if all are done, and weights."""
    done = all((out / str(fold) / PREDICTIONS).is_file() for fold in range(recipe.folds))
    weights = sorted(out.glob(f"*/{WEIGHTS}"))
    return [collect(out, recipe.folds), *weights] if done else weights


def main() -> None:
    """Command line; see the module's text."""
    try:
        for path in train(tyro.cli(Args)):
            print(path)
    except (ConfigError, WeightsError) as error:
        sys.exit(f"mammoscope.train.run: {error}")


if __name__ == "__main__":
    main()

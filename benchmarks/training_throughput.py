"""Throughput of the trainer against a bare forward/backward loop on tensors in memory.

    python benchmarks/training_throughput.py configs/reader_first.toml
    python benchmarks/training_throughput.py configs/reader_first.toml --workers 1
    python benchmarks/training_throughput.py configs/reader_first.toml --device cuda --steps 200

Both train the recipe's network with its batch size, precision, frozen stages, losses and
optimiser. The bare loop repeats one batch that lies in memory and does nothing else. The trainer
is `train_epoch` as a run calls it: it reads prepared images from the cache file, augments them,
seeds every draw, checks losses, clips gradients, averages weights and shows progress. They take
turns, so that what else the computer does falls on both. Seconds of the process (not of the
worker processes) are told beside seconds of the clock: with one thread they do not depend on
other programs.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import torch
import tyro

from mammoscope.train.checkpoint import Position
from mammoscope.train.config import Recipe, load_recipe
from mammoscope.train.dataset import TrainingSet
from mammoscope.train.fitting import Machine, Part, after_step, start
from mammoscope.train.loading import learning_batches
from mammoscope.train.loop import Training, autocast, precision, train_epoch
from mammoscope.train.losses import Examples, losses, total
from mammoscope.train.progress import LiveProgress
from mammoscope.train.schedule import frozen_at


@dataclass(frozen=True)
class Args:
    """What to measure."""

    recipe: tyro.conf.Positional[Path]
    overrides: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="K=V")] = ()
    steps: int = 20
    rounds: int = 5
    threads: int = 1
    workers: int = 0
    device: Literal["cpu", "cuda"] = "cpu"


def noise_set(recipe: Recipe, images: int, folder: Path) -> TrainingSet:
    """Prepared images of noise in a file, as the cache keeps them."""
    generator = np.random.default_rng(0)
    shape = (images, recipe.input.height, recipe.input.width)
    np.save(folder / "pixels.npy", generator.integers(0, 256, shape, dtype=np.uint8))
    target = np.arange(images) % len(recipe.task.classes)
    rows = pd.DataFrame({"image_path": [f"{i}.png" for i in range(images)]})
    positive = np.isin(np.asarray(recipe.task.classes)[target], recipe.task.positive)
    return TrainingSet(
        pixels=np.load(folder / "pixels.npy", mmap_mode="r"),
        rows=rows,
        target=target,
        positive=positive,
        density=target % 4,
        group=np.arange(images).astype(str),
        weight=np.ones(images, np.float32),
        marks=None,
        excluded=rows.iloc[:0],
    )


def bare_epoch(training: Training, batch: Examples, recipe: Recipe, steps: int) -> None:
    training.network.train()
    for module in training.network.frozen(frozen_at(recipe.optimiser, 0)):
        module.requires_grad_(requires_grad=False).eval()
    for _ in range(steps):
        with autocast(recipe, training.device):
            outputs = training.network(batch.pixels)
        loss = total(losses(outputs, batch, recipe), recipe)
        training.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        training.optimiser.step()


def trainer_epoch(part: Part, training: Training, live: LiveProgress) -> None:
    recipe, position = part.recipe, Position()
    batches = learning_batches(recipe, part.data, part.kept, 0, workers=part.machine.workers)
    frozen, after = frozen_at(recipe.optimiser, 0), after_step(part, training, position, live)
    train_epoch(training, batches, recipe, position.sums, frozen, after)


def measured(work: object, device: torch.device) -> tuple[float, float]:
    """Seconds by the clock and of this process."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    wall, own = time.perf_counter(), time.process_time()
    work()  # type: ignore[operator]
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - wall, time.process_time() - own


def compared(args: Args, folder: Path) -> dict[str, object]:
    torch.set_flush_denormal(True)
    torch.set_num_threads(args.threads)
    device = torch.device(args.device)
    recipe = load_recipe(args.recipe, (*args.overrides, "weights=none"))
    images = args.steps * recipe.optimiser.batch_size
    data = noise_set(recipe, images, folder)
    machine = Machine(device, args.workers, checkpoint_s=1e9)
    part = Part(recipe, data, np.arange(images), np.arange(0), folder, machine)
    one, other = (start(recipe, images * 1000, "final", device)[0] for _ in range(2))
    batch = next(iter(learning_batches(recipe, data, part.kept, 0))).to(device)
    live = LiveProgress("benchmark", 1, args.steps, shown=False)
    turns = {
        "bare": lambda: bare_epoch(other, batch, recipe, args.steps),
        "trainer": lambda: trainer_epoch(part, one, live),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in turns}
    for turn in range(args.rounds + 1):
        for name, work in turns.items():
            taken = measured(work, device)
            times[name] += [taken] if turn else []  # the first turn warms up
    rates = {
        name: {
            clock: images / statistics.median(taken[i] for taken in times[name])
            for i, clock in enumerate(("wall", "process"))
        }
        for name in turns
    }
    shares = {clock: rates["trainer"][clock] / rates["bare"][clock] for clock in rates["bare"]}
    return {
        "recipe": recipe.name,
        "network": recipe.network,
        "input": [recipe.input.height, recipe.input.width],
        "batch_size": recipe.optimiser.batch_size,
        "precision": precision(recipe, device),
        "device": torch.cuda.get_device_name() if args.device == "cuda" else "cpu",
        "threads": args.threads,
        "workers": args.workers,
        "images_per_s": rates,
        "trainer_of_bare": shares,
    }


def main() -> None:
    args = tyro.cli(Args)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(compared(args, Path(folder)), indent=2))


if __name__ == "__main__":
    main()

"""One part of a run: from the recipe's starting weights to its final ones, going on after stops."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from mammoscope.errors import ConfigError
from mammoscope.files import write_atomic
from mammoscope.models import pretrained
from mammoscope.models.networks import HeadSpec, Network
from mammoscope.models.registry import create
from mammoscope.train.checkpoint import (
    CHECKPOINT,
    Position,
    load_weights,
    resume,
    save_checkpoint,
    save_weights,
    stored,
)
from mammoscope.train.config import Recipe
from mammoscope.train.dataset import TrainingSet
from mammoscope.train.folds import watched
from mammoscope.train.loading import judging_batches, learning_batches
from mammoscope.train.loop import NotFiniteError, Sums, Training, judge, precision, train_epoch
from mammoscope.train.memory import peak_from_now
from mammoscope.train.parallel import rank, shared, wait_for_all, world
from mammoscope.train.predictions import malignancy_logit
from mammoscope.train.progress import LiveProgress, write_curves, write_metrics, write_tensorboard
from mammoscope.train.sampling import epoch_images, seed_of, steps_of_epoch
from mammoscope.train.schedule import frozen_at, make_optimiser, make_schedule

BEST, BAD_BATCH, START = "best.safetensors", "bad_batch.pt", "start.json"


@dataclass(frozen=True)
class Machine:
    """How a run uses the computer; no result depends on it but for rounding on other devices.

    Attributes:
        device: that the network lies on.
        workers: processes that load images; 0 loads them in this one.
        checkpoint_s: seconds between checkpoints within an epoch; each epoch ends with one.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    workers: int = 0
    checkpoint_s: float = 120.0


@dataclass(frozen=True)
class Part:
    """What a part of a run trains on, and where it writes.

    Attributes:
        recipe: of the run.
        data: the training set.
        kept: rows to learn from, and to stop early on.
        held: rows that are only judged; the curve of their AUC is shown and decides nothing.
        folder: for checkpoint and results; its name is the part's.
        machine: how to use the computer.
    """

    recipe: Recipe
    data: TrainingSet
    kept: NDArray[np.int64]
    held: NDArray[np.int64]
    folder: Path
    machine: Machine


def new_network(recipe: Recipe) -> Network:
    """The recipe's network with random weights."""
    head = recipe.head
    spec = HeadSpec(
        classes=len(recipe.task.classes),
        pooling=head.pooling,
        sharpness=head.sharpness,
        hidden=head.hidden,
        dropout=head.dropout,
        density=recipe.task.density_weight > 0,
        lesion_map=recipe.task.map_weight > 0,
        findings=head.findings,
    )
    return create(recipe.network, spec)


def start(recipe: Recipe, images: int, part: str, device: torch.device) -> tuple[Training, str]:
    """A network with its starting weights, its average, optimiser and schedule.

    Args:
        recipe: decides all of it.
        images: that an epoch shows.
        part: whose first random weights are its own.
        device: to train on.

    Returns:
        The training before its first step, and what weights were loaded, in words.

    Raises:
        ConfigError: fewer images than a batch.
        WeightsError: the recipe's weights cannot be had.
    """
    steps = recipe.epochs * steps_of_epoch(recipe, images)
    torch.manual_seed(seed_of(f"start {part}", recipe.seed))
    network = new_network(recipe)
    loaded = pretrained.load(network, recipe.weights)
    network = network.to(device).to(memory_format=torch.channels_last)
    optimiser = make_optimiser(network, recipe.optimiser)
    average = None
    if recipe.optimiser.ema_decay:
        ema = get_ema_multi_avg_fn(recipe.optimiser.ema_decay)  # type: ignore[no-untyped-call]
        average = AveragedModel(network, multi_avg_fn=ema, use_buffers=True)
    shared(network)
    schedule = make_schedule(optimiser, recipe, steps)
    return Training(network, average, optimiser, schedule), loaded


def fit(part: Part) -> Network:
    """Train a part to its end, from its checkpoint if there is one; returns the final network.

    Raises:
        ConfigError: a loss was not finite, memory ran out, or the recipe does not fit the data.
    """
    with _explained(part):
        return _fitted(part)


def _fitted(part: Part) -> Network:
    recipe, memory = part.recipe, peak_from_now(part.machine.device)
    learned, watch = watched(part.data, part.kept, recipe)
    images = epoch_images(recipe, part.data, learned)
    training, loaded = start(recipe, images, part.folder.name, part.machine.device)
    if rank() == 0:
        _describe(part, training, loaded, len(learned))
    position = resume(part.folder / CHECKPOINT, training)
    steps = steps_of_epoch(recipe, images)
    name = f"fold {part.folder.name}" if part.held.size else part.folder.name
    with LiveProgress(name, recipe.epochs, steps, shown=rank() == 0) as live:
        while position.epoch < recipe.epochs and not position.out_of_patience(
            recipe.optimiser.patience
        ):
            _epoch(part, training, position, learned, watch, live, memory)
    if rank() == 0:  # once more: the process may have ended between checkpoint and metrics
        write_metrics(part.folder, position.history)
        write_curves(part.folder, position.history)
    if recipe.optimiser.patience:
        load_weights(part.folder / BEST, training.network)
        return training.network
    return training.judged


def _epoch(
    part: Part,
    training: Training,
    position: Position,
    learned: NDArray[np.int64],
    watch: NDArray[np.int64],
    live: LiveProgress,
    memory: Callable[[], float | None],
) -> None:
    """Do what is left of an epoch, judge, record, and save where the training stands."""
    recipe, epoch = part.recipe, position.epoch
    batches = learning_batches(
        recipe,
        part.data,
        learned,
        epoch,
        done=position.sums.steps,
        workers=part.machine.workers,
    )
    means = train_epoch(
        training,
        batches,
        recipe,
        position.sums,
        frozen_at(recipe.optimiser, epoch),
        after_step(part, training, position, live),
    )
    record: dict[str, Any] = {"part": part.folder.name, "epoch": epoch + 1, "of": recipe.epochs}
    record |= means | _speed(position.sums) | {"rate": training.schedule.get_last_lr()[-1]}
    if watch.size:
        record |= _judged(part, training, epoch, watch, "watch")
        if record["watch_auc"] > position.best_auc:
            position.best_auc, position.best_epoch = record["watch_auc"], epoch
            if rank() == 0:
                save_weights(part.folder / BEST, training.judged)
    if part.held.size and rank() == 0:
        record |= _judged(part, training, epoch, part.held, "held_out")
    record["peak_mib"] = memory()
    position.history.append(record)
    position.epoch, position.sums = epoch + 1, Sums()
    if rank() == 0:
        save_checkpoint(part.folder / CHECKPOINT, training, position)
        write_metrics(part.folder, position.history)
        write_tensorboard(part.folder, position.history)
        live.epoch(record)
    wait_for_all()


def after_step(
    part: Part, training: Training, position: Position, live: LiveProgress
) -> Callable[[], None]:
    """What happens between two steps: the clock, the live line, now and then a checkpoint."""
    last = saved = time.monotonic()

    def after() -> None:
        nonlocal last, saved
        now = time.monotonic()
        position.sums.seconds += now - last
        live.step(position.epoch, position.sums)
        if rank() == 0 and now - saved >= part.machine.checkpoint_s:
            save_checkpoint(part.folder / CHECKPOINT, training, position)
            saved = now
        last = time.monotonic()

    return after


def _speed(sums: Sums) -> dict[str, float]:
    return {
        "seconds": round(sums.seconds, 2),
        "images_per_s": round(sums.images / max(sums.seconds, 1e-9), 2),
    }


def _judged(
    part: Part, training: Training, epoch: int, rows: NDArray[np.int64], name: str
) -> dict[str, float]:
    """AUC of the positive classes, if there are both kinds, and accuracy on `rows`."""
    recipe, data = part.recipe, part.data
    stage = recipe.stage_at(epoch)
    batches = judging_batches(recipe, data, rows, stage, part.machine.workers)
    judged = judge(training.judged, batches, recipe)
    right = judged.log_shares.argmax(1) == data.target[rows]
    found = {f"{name}_accuracy": float(right.mean())}
    if len(np.unique(data.positive[rows])) == 2:
        score = malignancy_logit(judged.log_shares, recipe.task)
        found[f"{name}_auc"] = float(roc_auc_score(data.positive[rows], score))
    return found


def _describe(part: Part, training: Training, loaded: str, images: int) -> None:
    """Write start.json: what is trained, from what, with what."""
    text = {
        "recipe": asdict(part.recipe),
        "recipe_sha256": part.recipe.sha256,
        "weights": loaded,
        "images": images,
        "held_out": len(part.held),
        "parameters": sum(one.numel() for one in training.network.parameters()),
        "device": str(training.device),
        "precision": precision(part.recipe, training.device),
        "processes": world(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    write_atomic(part.folder / START, (json.dumps(text, indent=2) + "\n").encode())


@contextmanager
def _explained(part: Part) -> Iterator[None]:
    """Turn a loss that is not finite and memory that ran out into sentences with a remedy."""
    try:
        yield
    except NotFiniteError as error:
        path = part.folder / (f"bad_batch.{rank()}.pt" if world() > 1 else BAD_BATCH)
        names = part.data.rows["image_path"].iloc[error.examples.row.cpu().numpy()]
        with stored(path) as draft:
            kept = {name: value.cpu() for name, value in error.examples._asdict().items()}
            torch.save(kept | {"image_path": list(names), "losses": error.named}, draft)
        raise ConfigError(
            f"recipe {part.recipe.name}, part {part.folder.name}: {error} The batch, with the "
            f"images' names, is in {path}."
        ) from error
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        shape, size = part.recipe.input, part.recipe.optimiser.batch_size
        raise ConfigError(
            f"recipe {part.recipe.name}: memory ran out with batches of {size} images of "
            f"{shape.height} x {shape.width} on {part.machine.device}; lower "
            "optimiser.batch_size or the input's size, freeze more stages (optimiser.frozen), load "
            "images with --workers 0, or share the batch by torchrun on several computers or GPUs."
        ) from error


def _is_out_of_memory(error: Exception) -> bool:
    words = (
        "out of memory",
        "can't allocate memory",
        "not enough memory",
        "bad_alloc",
        "is killed by signal",  # a process that loads images; nothing else ends it so
    )
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or any(word in str(error).lower() for word in words)

"""Train a recipe: every fold by patient, then once on everything.

    python -m mammoscope.train.run configs/reader_first.toml --data DIR --out runs/reader_first
    python -m mammoscope.train.run ... --only 0 1        # some folds, e.g. one process a core
    python -m mammoscope.train.run ... --only final

Finished parts are skipped and an interrupted one goes on at its last whole epoch, so the same
command can be typed again after a stop. OUT then holds, per part, predictions.csv (the held-out
fold's), weights.safetensors and metrics.jsonl.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import torch
import tyro
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from sklearn.metrics import roc_auc_score
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from mammoscope.data.splits import folds_by_patient
from mammoscope.errors import ConfigError
from mammoscope.files import drafted
from mammoscope.models.networks import LesionMapNet, load_imagenet
from mammoscope.train.config import Recipe, Stage, load_recipe
from mammoscope.train.dataset import Batch, Images, TrainingSet, load_training_set
from mammoscope.train.loop import Judged, Training, judge, train_epoch
from mammoscope.types import DENSITY_GRADES

FINAL = "final"
WEIGHTS = "weights.safetensors"


@dataclass
class Args:
    """Train a recipe by patient-level cross-validation, then once on all patients."""

    recipe: Annotated[Path, tyro.conf.Positional]
    """A TOML file of configs/."""
    data: Path
    """Folder with manifest.csv and the images it names."""
    out: Path
    """Where checkpoints, weights and predictions go."""
    only: tuple[str, ...] = ()
    """Fold numbers from 0, or "final"; all of them if not given."""
    threads: int = 0
    """CPU threads; 0 leaves it to torch."""


def train_part(recipe: Recipe, data: TrainingSet, part: str, out: Path) -> None:
    """Train one fold (its number as text) or "final", and write its results to `out`/part.

    Raises:
        ConfigError: the recipe has no such fold, or there are fewer images than make one batch.
    """
    if part not in (*map(str, range(recipe.folds)), FINAL):
        raise ConfigError(
            f"recipe {recipe.name}: there is no part {part!r}; "
            f"give a fold from 0 to {recipe.folds - 1}, or {FINAL}."
        )
    folder = out / part
    _claim(folder, recipe)
    fold = folds_by_patient(data.rows, recipe.folds, recipe.seed)
    held = np.flatnonzero(fold == (int(part) if part != FINAL else -1))
    kept = np.setdiff1d(np.arange(len(fold)), held)
    weights, predictions = folder / WEIGHTS, folder / "predictions.csv"
    if not weights.is_file():
        torch.manual_seed(recipe.seed + (0 if part == FINAL else int(part) + 1))
        training = start(recipe, len(kept))
        for epoch in range(_resume(training, folder), recipe.epochs):
            _epoch(recipe, data, training, kept, held, epoch, folder)
        save_file(training.average.module.state_dict(), str(weights))
        (folder / "checkpoint.pt").unlink(missing_ok=True)
    if held.size and not predictions.is_file():
        network = trained(recipe, weights)
        judged = judge(network, _batches(recipe, data, held, recipe.stages[-1]))
        _write_predictions(predictions, data.rows.iloc[held], judged, int(part))


def trained(recipe: Recipe, weights: Path) -> LesionMapNet:
    """The network of a finished part, in eval mode; ConfigError if the file is not there."""
    if not weights.is_file():
        raise ConfigError(f"{weights}: no such file; train that part first (--only).")
    network = LesionMapNet(recipe.sharpness)
    network.load_state_dict(load_file(weights))
    return network.eval()


def _claim(folder: Path, recipe: Recipe) -> None:
    """Make the folder of a part, or make sure that what it holds came from the same recipe."""
    stamp = folder / "recipe.sha256"
    folder.mkdir(parents=True, exist_ok=True)
    if not stamp.is_file():
        stamp.write_text(recipe.sha256, encoding="utf-8")
    elif stamp.read_text(encoding="utf-8") != recipe.sha256:
        raise ConfigError(
            f"{folder}: holds results of another recipe; give another --out, or remove that folder."
        )


def start(recipe: Recipe, images: int) -> Training:
    """A network with ImageNet's backbone, its average, AdamW and a one-cycle schedule."""
    steps = recipe.epochs * (images // recipe.batch_size)
    if not steps:
        raise ConfigError(
            f"recipe {recipe.name}: batch_size is {recipe.batch_size}, but there are only "
            f"{images} images to train on; give less."
        )
    network = LesionMapNet(recipe.sharpness)
    load_imagenet(network)
    network.freeze(recipe.frozen_blocks)
    network = network.to(memory_format=torch.channels_last)
    backbone = [p for p in network.backbone.parameters() if p.requires_grad]
    heads = [p for n, p in network.named_parameters() if not n.startswith("backbone.")]
    optimiser = torch.optim.AdamW(
        [{"params": backbone}, {"params": heads}], weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        [recipe.learning_rate, recipe.learning_rate * recipe.head_factor],
        total_steps=steps,
        pct_start=0.15,
    )
    ema = get_ema_multi_avg_fn(recipe.ema_decay)  # type: ignore[no-untyped-call]
    average = AveragedModel(network, multi_avg_fn=ema, use_buffers=True)
    return Training(network, average, optimiser, schedule, recipe.frozen_blocks)


def _batches(
    recipe: Recipe,
    data: TrainingSet,
    index: NDArray[np.int64],
    stage: Stage,
    *,
    training: bool = False,
) -> DataLoader[Batch]:
    return DataLoader(
        Images(data, index, stage, augment=training, balance=recipe.balance_machines),
        recipe.batch_size,
        shuffle=training,
        drop_last=training,
    )


def _epoch(
    recipe: Recipe,
    data: TrainingSet,
    training: Training,
    kept: NDArray[np.int64],
    held: NDArray[np.int64],
    epoch: int,
    folder: Path,
) -> None:
    started, stage = time.monotonic(), recipe.stage_at(epoch)
    torch.manual_seed(recipe.seed + 1000 * (epoch + 1))  # so that a resumed epoch is the same
    batches = _batches(recipe, data, kept, stage, training=True)
    record: dict[str, object] = {"part": folder.name, "epoch": epoch + 1, "of": recipe.epochs}
    record |= train_epoch(training, batches, recipe.density_weight)
    seconds = time.monotonic() - started
    record |= {"seconds": round(seconds), "images_per_s": round(len(kept) / seconds, 2)}
    if len(np.unique(data.cancer[held])) == 2 and epoch + 1 < recipe.epochs and epoch % 2:
        judged = judge(training.average, _batches(recipe, data, held, stage))
        record["held_out_auc"] = float(roc_auc_score(data.cancer[held], judged.malignancy))
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(record) + "\n")
    print(json.dumps(record), flush=True)
    _save(training, epoch + 1, folder / "checkpoint.pt")


def _save(training: Training, epochs_done: int, path: Path) -> None:
    state = {
        "epochs_done": epochs_done,
        "network": training.network.state_dict(),
        "average": training.average.state_dict(),
        "optimiser": training.optimiser.state_dict(),
        "schedule": training.schedule.state_dict(),
    }
    with drafted(path) as draft:
        torch.save(state, draft)


def _resume(training: Training, folder: Path) -> int:
    """Load the checkpoint if there is one; returns the number of epochs already done."""
    path = folder / "checkpoint.pt"
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    for name in ("network", "average", "optimiser", "schedule"):
        getattr(training, name).load_state_dict(state[name])
    return int(state["epochs_done"])


def _write_predictions(path: Path, rows: pd.DataFrame, judged: Judged, fold: int) -> None:
    table = pd.DataFrame({"image_path": rows["image_path"].to_numpy(), "fold": fold})
    table["malignancy_logit"] = judged.malignancy
    table["peak_logit"] = judged.peak
    for index, grade in enumerate(DENSITY_GRADES):
        table[f"density_{grade}"] = judged.density[:, index]
    with drafted(path) as draft:
        table.to_csv(draft, index=False)


def collect(out: Path, folds: int) -> Path:
    """Join the folds' predictions into `out`/predictions.csv; ConfigError if one is missing."""
    parts = [out / str(fold) / "predictions.csv" for fold in range(folds)]
    missing = [part for part in parts if not part.is_file()]
    if missing:
        raise ConfigError(f"{missing[0]}: not there yet; run that fold first.")
    joined = out / "predictions.csv"
    pd.concat([pd.read_csv(part) for part in parts]).to_csv(joined, index=False)
    return joined


def main() -> None:
    """Command line; see the module's text."""
    args = tyro.cli(Args)
    torch.set_flush_denormal(True)
    if args.threads:
        torch.set_num_threads(args.threads)
    recipe = load_recipe(args.recipe)
    data = load_training_set(args.data, recipe.preprocess, args.out)
    for part in args.only or (*(str(fold) for fold in range(recipe.folds)), FINAL):
        train_part(recipe, data, part, args.out)


if __name__ == "__main__":
    main()

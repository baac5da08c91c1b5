"""Where a training stands, on disk: enough to go on as if it had never stopped."""

from __future__ import annotations

import errno
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from mammoscope.errors import WeightsError
from mammoscope.files import drafted
from mammoscope.train.loop import Sums, Training

CHECKPOINT = "checkpoint.pt"


@dataclass
class Position:
    """How far a training has come.

    Attributes:
        epoch: number of the epoch that is being done, from 0.
        sums: of what is done of it.
        history: the record of every whole epoch.
        best_auc: the best so far on the part to stop early on.
        best_epoch: the epoch after which it was reached.
    """

    epoch: int = 0
    sums: Sums = field(default_factory=Sums)
    history: list[dict[str, Any]] = field(default_factory=list)
    best_auc: float = -math.inf
    best_epoch: int = -1

    def out_of_patience(self, patience: int) -> bool:
        """Whether the last `patience` epochs brought nothing better; never for 0."""
        return bool(patience) and self.best_epoch >= 0 and self.epoch - self.best_epoch > patience


@contextmanager
def stored(path: Path) -> Iterator[Path]:
    """`files.drafted` for torch's and safetensors' writers, which hide that a disk is full.

    Raises:
        ConfigError: the file cannot be written.
    """
    with drafted(path) as draft:
        try:
            yield draft
        except (RuntimeError, SafetensorError) as error:
            raise OSError(errno.EIO, "perhaps the disk is full") from error


def save_checkpoint(path: Path, training: Training, position: Position) -> None:
    """Write both whole or not at all.

    No random generator is in it: every draw is seeded by what it is for (see `sampling`).
    """
    state = {
        "position": asdict(position),
        "steps": training.steps,
        "network": training.network.state_dict(),
        "average": None if training.average is None else training.average.state_dict(),
        "optimiser": training.optimiser.state_dict(),
        "schedule": training.schedule.state_dict(),
    }
    with stored(path) as draft:
        torch.save(state, draft)


def resume(path: Path, training: Training) -> Position:
    """Put `training` where the checkpoint left it; at the start if there is none.

    Raises:
        WeightsError: the file is damaged or of another version.
    """
    if not path.is_file():
        return Position()
    try:
        state = torch.load(path, weights_only=True, map_location=training.device)
        for name in ("network", "optimiser", "schedule"):
            getattr(training, name).load_state_dict(state[name])
        if training.average is not None:
            training.average.load_state_dict(state["average"])
        training.steps, saved = state["steps"], state["position"]
        return Position(**(saved | {"sums": Sums(**saved["sums"])}))
    except (RuntimeError, KeyError, TypeError, ValueError, EOFError) as error:
        raise WeightsError(
            f"{path}: the checkpoint does not fit ({error}); remove it to start this part anew."
        ) from error


def save_weights(path: Path, network: nn.Module) -> None:
    """Write a network's weights as safetensors, whole or not at all."""
    state = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    with stored(path) as draft:
        save_file(state, draft)


def load_weights(path: Path, network: nn.Module) -> None:
    """Load what `save_weights` wrote; WeightsError if it does not fit the network."""
    try:
        network.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise WeightsError(
            f"{path}: the weights do not fit the recipe's network ({error}); train anew."
        ) from error

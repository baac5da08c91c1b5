"""Two plain functions: one epoch of training, and judging a set of images."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel

from mammoscope.errors import ConfigError
from mammoscope.models.networks import Heads, LesionMapNet
from mammoscope.train.dataset import UNKNOWN, Batch


@dataclass
class Training:
    """What a step changes: the network, its average, the optimiser and its schedule."""

    network: LesionMapNet
    average: AveragedModel
    optimiser: torch.optim.Optimizer
    schedule: LRScheduler
    frozen_blocks: int


@dataclass(frozen=True)
class Judged:
    """In the order of the images.

    Attributes:
        malignancy: (n,) logits.
        peak: (n,) logits of the highest cell of each lesion map.
        density: (n, 4) probabilities.
    """

    malignancy: NDArray[np.float64]
    peak: NDArray[np.float64]
    density: NDArray[np.float64]


def losses(heads: Heads, batch: Batch) -> dict[str, Tensor]:
    """Named losses of a batch; density counts only where it is known."""
    malignancy = functional.binary_cross_entropy_with_logits(
        heads.malignancy, batch.cancer, weight=batch.weight
    )
    known = batch.density != UNKNOWN
    density = (
        functional.cross_entropy(heads.density[known], batch.density[known])
        if bool(known.any())
        else heads.density.sum() * 0
    )
    return {"malignancy": malignancy, "density": density}


def train_epoch(
    training: Training, batches: Iterable[Batch], density_weight: float
) -> dict[str, float]:
    """Train over `batches` once; returns the mean of each named loss.

    Raises:
        ConfigError: a loss is not finite (the learning rate is too high, or an input broken).
    """
    training.network.train()
    for module in training.network.frozen(training.frozen_blocks):
        module.eval()
    totals: dict[str, float] = {}
    steps = 0
    for batch in batches:
        named = losses(training.network(_channels_last(batch.pixels)), batch)
        loss = named["malignancy"] + density_weight * named["density"]
        if not math.isfinite(loss.item()):
            raise ConfigError(f"the loss became {loss.item()}; lower learning_rate.")
        _step(training, loss)
        steps += 1
        for name, value in named.items():
            totals[name] = totals.get(name, 0.0) + value.item()
    return {name: total / max(steps, 1) for name, total in totals.items()}


def _step(training: Training, loss: Tensor) -> None:
    training.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(training.network.parameters(), 5.0)
    training.optimiser.step()
    training.schedule.step()
    training.average.update_parameters(training.network)


@torch.inference_mode()
def judge(network: nn.Module, batches: Iterable[Batch]) -> Judged:
    """Run `network` over `batches` in eval mode."""
    network.eval()
    outputs = [network(_channels_last(batch.pixels)) for batch in batches]
    return Judged(
        torch.cat([heads.malignancy for heads in outputs]).double().numpy(),
        torch.cat([heads.lesion_map.amax((1, 2)) for heads in outputs]).double().numpy(),
        torch.cat([heads.density for heads in outputs]).double().softmax(dim=1).numpy(),
    )


def _channels_last(pixels: Tensor) -> Tensor:
    return pixels.contiguous(memory_format=torch.channels_last)

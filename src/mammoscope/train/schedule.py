"""The optimiser and the schedule of its rates, by recipe."""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import nn
from torch.optim import lr_scheduler

from mammoscope.models.networks import Network
from mammoscope.train.config import Optimiser, Recipe

WARM_UP = 0.15
"""Share of a one-cycle schedule in which the rate rises."""
MOMENTUM = 0.9


def make_optimiser(network: Network, settings: Optimiser) -> torch.optim.Optimizer:
    """The recipe's optimiser over all parameters, with a rate for each part of the network."""
    groups = [{"params": part, "lr": rate} for rate, part in rates(network, settings).items()]
    decay = settings.weight_decay
    if settings.name == "sgd":
        return torch.optim.SGD(groups, momentum=MOMENTUM, weight_decay=decay, fused=True)
    kind = torch.optim.AdamW if settings.name == "adamw" else torch.optim.Adam
    return kind(groups, weight_decay=decay, fused=True)


def rates(network: Network, settings: Optimiser) -> dict[float, list[nn.Parameter]]:
    """Parameters by their peak learning rate: slower towards the stem, heads at their own."""
    parts: dict[float, list[nn.Parameter]] = defaultdict(list)
    stages = network.stages()
    for depth, stage in enumerate(reversed(stages)):
        parts[settings.learning_rate * settings.layer_decay**depth] += stage.parameters()
    for head in network.heads():
        parts[settings.learning_rate * settings.head_factor] += head.parameters()
    return {rate: part for rate, part in parts.items() if part}


def make_schedule(
    optimiser: torch.optim.Optimizer, recipe: Recipe, steps: int
) -> lr_scheduler.LRScheduler:
    """The recipe's schedule over all `steps` of the training."""
    kind = recipe.optimiser.schedule
    if kind == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimiser, steps)
    if kind == "constant":
        return lr_scheduler.ConstantLR(optimiser, 1.0, 0)
    peaks = [group["lr"] for group in optimiser.param_groups]
    return lr_scheduler.OneCycleLR(optimiser, peaks, total_steps=steps, pct_start=WARM_UP)


def frozen_at(settings: Optimiser, epoch: int) -> int:
    """How many stages after the stem are kept in an epoch; 0 is none, not even the stem."""
    return max(0, settings.frozen - settings.unfreeze_per_epoch * epoch)

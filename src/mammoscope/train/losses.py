"""Losses by name: of the classes, the density grades and the lesion map.

Truth is given in shares rather than as numbers, so that a mixture of two images (mixup) is
nothing special, and what is unknown has no share at all.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from mammoscope.models.networks import Outputs
from mammoscope.train.config import Recipe
from mammoscope.train.parallel import mean_over_processes

RARE = 4.0
"""A cell of a fine map that a finding covers counts as much as so many that none does."""
FOCUS = 2.0
"""Gamma of the focal loss: what Lin et al. found best."""


class Examples(NamedTuple):
    """Images and their truth, as a step takes them.

    Attributes:
        pixels: (n, 1, h, w) float in [0, 1].
        classes: (n, k) float, each class's share of the image; k is at least 2.
        density: (n, 4) float, likewise; all 0 where it is unknown.
        lesion_map: (n, 2, gh, gw) float, the shares of each cell that findings of any kind and
            malignant ones cover; below 0 where that is unknown.
        weight: (n,) float, of the image in the loss of the classes.
        row: (n,) int64, its row in the training set.
    """

    pixels: Tensor
    classes: Tensor
    density: Tensor
    lesion_map: Tensor
    weight: Tensor
    row: Tensor

    def to(self, device: torch.device) -> Examples:
        """The same on another device; pixels in the layout that convolutions like."""
        made = Examples(*(one.to(device, non_blocking=True) for one in self))
        return made._replace(pixels=made.pixels.contiguous(memory_format=torch.channels_last))


def log_shares(logits: Tensor) -> Tensor:
    """Logarithms of probabilities (n, k) from logits (n, k), or (n, 1) of two classes' second."""
    if logits.shape[1] == 1:
        return torch.cat([functional.logsigmoid(-logits), functional.logsigmoid(logits)], 1)
    return logits.log_softmax(1)


def losses(outputs: Outputs, batch: Examples, recipe: Recipe) -> dict[str, Tensor]:
    """Named losses of a batch, each a mean, before the recipe's weights.

    Args:
        outputs: of the network.
        batch: on the same device.
        recipe: says which loss the classes have, and which others there are.
    """
    named = {"classes": _classes(outputs.logits.float(), batch, recipe.optimiser.loss == "focal")}
    if recipe.task.density_weight > 0 and outputs.density is not None:
        named["density"] = _density(outputs.density.float(), batch.density)
    if recipe.task.map_weight > 0 and outputs.lesion_map is not None:
        found, malignant = batch.lesion_map[:, 0], batch.lesion_map[:, 1]
        if outputs.finding_map is None:
            named["map"] = _map(outputs.lesion_map.float(), found)
        else:
            named["map"] = _map(outputs.lesion_map.float(), malignant, RARE)
            named["findings"] = _map(outputs.finding_map.float(), found, RARE)
    return named


def total(named: dict[str, Tensor], recipe: Recipe) -> Tensor:
    """The losses' sum with the recipe's weights."""
    task = recipe.task
    weights = {"density": task.density_weight, "map": task.map_weight, "findings": task.map_weight}
    return torch.stack([weights.get(name, 1.0) * value for name, value in named.items()]).sum()


def _classes(logits: Tensor, batch: Examples, focal: bool) -> Tensor:
    """Cross-entropy, or the focal loss of Lin et al. (ICCV 2017), per image and class."""
    logs = log_shares(logits)
    if focal:
        logs = (1 - logs.exp()) ** FOCUS * logs
    known = batch.classes.sum(1)  # 0 of an image whose class is not known
    return -((batch.classes * logs).sum(1) * batch.weight).sum() / _at_least_one(known.sum())


def _density(logits: Tensor, shares: Tensor) -> Tensor:
    """Cross-entropy of the images whose density is known."""
    return -(shares * logits.log_softmax(1)).sum() / _at_least_one(shares.sum())


def _map(logits: Tensor, shares: Tensor, rare: float = 1.0) -> Tensor:
    """Binary cross-entropy of the cells of which it is known whether findings cover them.

    What is covered weighs `rare` times as much as what is not.
    """
    known = shares >= 0
    each = functional.binary_cross_entropy_with_logits(
        logits,
        torch.where(known, shares, 0.0),
        reduction="none",
        pos_weight=logits.new_tensor(rare),
    )
    return (each * known).sum() / _at_least_one(known.sum())


def _at_least_one(count: Tensor) -> Tensor:
    """A count to divide by: over all processes, as their gradients are averaged."""
    return mean_over_processes(count.float()).clamp_min(1.0 / 1024)

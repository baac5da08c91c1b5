"""The reference: the project's own network and training step, in native PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from mammoscope.errors import ConfigError
from mammoscope.frameworks.case import CLIP, Case, Given, Weights
from mammoscope.models.networks import Network
from mammoscope.train.config import Recipe, build_recipe
from mammoscope.train.fitting import new_network
from mammoscope.train.loop import Sums, Training, autocast, precision, train_epoch
from mammoscope.train.losses import Examples
from mammoscope.train.schedule import make_optimiser, make_schedule
from mammoscope.types import DENSITY_GRADES

_HEADS = {"resnet50": "average", "plain_cnn": "own"}
RATES = {"resnet50": 1e-3, "plain_cnn": 1e-2}
"""With which the loss falls within an epoch and rounding grows slowly."""
NETWORKS = tuple(RATES)


def recipe_of(case: Case, wanted: str = "fp32") -> Recipe:
    """What all frameworks follow, in the project's own words, in "fp32" or "bf16".

    Without augmentation, mixup and dropout, whose random numbers no two frameworks share.
    """
    side = {"height": case.size, "width": case.size}
    return build_recipe(
        {
            "name": f"frameworks-{case.network}",
            "network": case.network,
            "weights": "none",
            "seed": case.seed,
            "task": {
                "target": case.target,
                "classes": list(case.classes),
                "positive": list(case.classes[-1:]),
            },
            "input": {"kind": "picture", **side},
            "head": {"pooling": _HEADS[case.network], "dropout": 0.0},
            "optimiser": {
                "name": "sgd",
                "learning_rate": case.rate,
                "weight_decay": 0.0,
                "schedule": "constant",
                "epochs": 1,
                "batch_size": case.batch,
                "precision": wanted,
                "clip": CLIP,
            },
        }
    )


def bare_network(recipe: Recipe) -> Network:
    """The recipe's network without dropout, that of its own classifier included."""
    network = new_network(recipe)
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return network


def examples(pixels: NDArray[np.uint8], target: NDArray[np.int64], classes: int) -> Examples:
    """A batch (n, h, w) as a step takes it; density and places of findings are unknown."""
    n = len(target)
    return Examples(
        torch.from_numpy(pixels.astype(np.float32) / np.float32(255))[:, None],
        functional.one_hot(torch.from_numpy(target), classes).float(),
        torch.zeros(n, len(DENSITY_GRADES)),
        torch.full((n, 2, 1, 1), -1.0),
        torch.ones(n),
        torch.arange(n),
    )


@torch.no_grad()
def starting_point(network: Network, batch: Examples) -> tuple[Weights, NDArray[np.float32]]:
    """A network's weights by name, and what it says of a batch with them.

    Batch norms take the batch's mean and variance first: with the 0 and 1 of a new network its
    values would grow from block to block, and a mistake in carrying them over would stay unseen.

    Args:
        network: with its random weights; its batch statistics are changed.
        batch: the first of the epoch.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    network.train()(batch.pixels)
    logits = network.eval()(batch.pixels).logits
    return {name: value.numpy() for name, value in network.state_dict().items()}, logits.numpy()


class TorchContestant:
    """Native PyTorch with the case's network in it; a step is that of every recipe.

    Args:
        given: the case.
        wanted: "fp32", "bf16", or "fp64", which shows what fp32 loses by rounding.

    Raises:
        ConfigError: no GPU where one is asked for, or bfloat16 would be imitated.
    """

    def __init__(self, given: Given, wanted: str) -> None:
        case = given.case
        if case.device == "cuda" and not torch.cuda.is_available():
            raise ConfigError("torch finds no GPU; give --device cpu.")
        torch.set_flush_denormal(True)
        self.dtype = torch.float64 if wanted == "fp64" else torch.float32
        self.recipe = recipe_of(case, "bf16" if wanted == "bf16" else "fp32")
        self.device = torch.device(case.device)
        if precision(self.recipe, self.device) != self.recipe.optimiser.precision:
            raise ConfigError("this processor has no bfloat16, and imitated it is slower than f32.")
        network = bare_network(self.recipe)
        network.load_state_dict({name: torch.from_numpy(v) for name, v in given.weights.items()})
        network = network.to(self.device, self.dtype).to(memory_format=torch.channels_last)
        optimiser = make_optimiser(network, self.recipe.optimiser)
        schedule = make_schedule(optimiser, self.recipe, case.steps)
        self.training = Training(network, None, optimiser, schedule)

    def ready(self, pixels: NDArray[np.uint8], target: NDArray[np.int64]) -> Examples:
        """As `examples`."""
        made = examples(pixels, target, len(self.recipe.task.classes))
        return made._replace(pixels=made.pixels.to(self.dtype))

    @torch.inference_mode()
    def logits(self, batch: Examples) -> NDArray[np.floating]:
        """(n, k) in inference mode."""
        network = self.training.network.eval()
        with autocast(self.recipe, self.device):
            said = network(batch.to(self.device).pixels).logits
        return np.asarray(said.float().cpu().numpy())

    def step(self, batch: Examples) -> float:
        """Train on a batch; the loss before the step."""
        return train_epoch(self.training, [batch], self.recipe, Sums())["loss"]

    def peak_gpu_mib(self) -> float | None:
        """Of PyTorch's own allocator."""
        return torch.cuda.max_memory_allocated() / 2**20 if self.device.type == "cuda" else None

    def versions(self) -> Mapping[str, str]:
        """Of PyTorch."""
        return {"torch": version("torch")}

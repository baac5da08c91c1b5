"""Two plain functions: one epoch of training, and judging a set of images."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel

from mammoscope.errors import ConfigError
from mammoscope.models.networks import Network
from mammoscope.train.config import Recipe
from mammoscope.train.losses import Examples, log_shares, losses, total
from mammoscope.train.parallel import average_gradients, mean_over_processes, world
from mammoscope.train.sampling import seed_of


@dataclass
class Training:
    """What a step changes: the network, its average, the optimiser and its schedule.

    Attributes:
        network: that learns.
        average: the running average of its weights; None if the recipe wants none.
        optimiser: with all parameters; the frozen ones get no gradient.
        schedule: one step of it for each of the optimiser's.
        steps: done so far.
    """

    network: Network
    average: AveragedModel | None
    optimiser: torch.optim.Optimizer
    schedule: LRScheduler
    steps: int = 0

    @property
    def judged(self) -> Network:
        """What is kept in the end: the average where there is one."""
        return self.network if self.average is None else cast("Network", self.average.module)

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return next(self.network.parameters()).device


@dataclass
class Sums:
    """Of an epoch so far; part of the checkpoint, so that an interrupted epoch goes on.

    Attributes:
        steps: of the epoch that are done.
        images: seen.
        labelled: of them whose class is known.
        right: of those classified rightly, as they were augmented and the network then was.
        seconds: that its steps took.
        losses: by name, summed over the steps.
    """

    steps: int = 0
    images: int = 0
    labelled: int = 0
    right: int = 0
    seconds: float = 0.0
    losses: dict[str, float] = field(default_factory=dict)

    def add(self, named: dict[str, float], right: int, labelled: int, images: int) -> None:
        """Count one step in."""
        self.steps += 1
        self.images += images
        self.labelled += labelled
        self.right += right
        for name, value in named.items():
            self.losses[name] = self.losses.get(name, 0.0) + value

    def means(self) -> dict[str, float]:
        """Mean of each loss over the steps, and the accuracy over the images with a class."""
        means = {name: value / max(self.steps, 1) for name, value in self.losses.items()}
        return means | {"accuracy": self.right / max(self.labelled, 1)}


class NotFiniteError(ConfigError):
    """A loss became infinite or no number.

    Args:
        examples: of which it was the loss.
        named: the losses.
    """

    def __init__(self, examples: Examples, named: dict[str, float]) -> None:
        self.examples, self.named = examples, named
        name, value = next((n, v) for n, v in named.items() if not math.isfinite(v))
        super().__init__(
            f"the loss {name!r} became {value}; lower optimiser.learning_rate, "
            "or look for a broken image in the batch."
        )


@dataclass(frozen=True)
class Judged:
    """In the order of the images.

    Attributes:
        log_shares: (n, k) logarithms of the classes' probabilities.
        density: (n, 4) probabilities of A to D, or None without that head.
        lesion_map: (n, gh, gw) logits of its cells, or None without that head.
    """

    log_shares: NDArray[np.float64]
    density: NDArray[np.float64] | None
    lesion_map: NDArray[np.float64] | None


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Numbers too small for full precision count as 0 meanwhile: with them a CPU crawls."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def train_epoch(
    training: Training,
    batches: Iterable[Examples],
    recipe: Recipe,
    sums: Sums,
    frozen: int = 0,
    after_step: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """Train over `batches` once.

    Args:
        training: is changed.
        batches: those of the epoch that are left to do.
        recipe: of the losses, the precision, the clipping and the seed.
        sums: of the epoch so far; added to.
        frozen: stages kept as they are.
        after_step: called after each step, for checkpoints and progress.

    Returns:
        The epoch's mean of each named loss, and the accuracy.

    Raises:
        NotFiniteError: a loss is not finite.
    """
    training.network.train()
    training.network.requires_grad_(requires_grad=True)
    for module in training.network.frozen(frozen):
        module.requires_grad_(requires_grad=False).eval()
    for batch in batches:
        _step(training, batch.to(training.device), recipe, sums)
        after_step()
    return sums.means()


def _step(training: Training, batch: Examples, recipe: Recipe, sums: Sums) -> None:
    torch.manual_seed(seed_of("step", recipe.seed, training.steps))
    with autocast(recipe, training.device):
        outputs = training.network(batch.pixels)
    named = losses(outputs, batch, recipe)
    loss = total(named, recipe)
    known = batch.classes.sum(1) > 0
    right = (log_shares(outputs.logits).argmax(1) == batch.classes.argmax(1)) & known
    here = torch.stack([*named.values(), loss, right.sum(), known.sum()]).detach()
    *found, hits, told = mean_over_processes(here).tolist()  # one wait for the device
    values = dict(zip([*named, "loss"], found, strict=True))
    if not all(map(math.isfinite, found)):
        raise NotFiniteError(batch, values)
    _descend(training, loss, recipe.optimiser.clip)
    sums.add(values, round(hits * world()), round(told * world()), len(batch.pixels) * world())


def _descend(training: Training, loss: Tensor, clip: float) -> None:
    training.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    average_gradients(training.network.parameters())
    _clip(list(training.network.parameters()), clip)
    training.optimiser.step()
    training.schedule.step()
    if training.average is not None:
        training.average.update_parameters(training.network)
    training.steps += 1


def _clip(parameters: list[nn.Parameter], clip: float) -> None:
    norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    # On a GPU to ask would be to wait; on a CPU the multiplication costs a pass over memory.
    if norm.is_cuda or norm > clip:
        nn.utils.clip_grads_with_norm_(parameters, clip, norm)


@torch.inference_mode()
def judge(network: nn.Module, batches: Iterable[Examples], recipe: Recipe) -> Judged:
    """Run `network` over `batches` in eval mode."""
    network.eval()
    device = next(network.parameters()).device
    logs, density, maps = [], [], []
    for batch in batches:
        with autocast(recipe, device):
            outputs = network(batch.to(device).pixels)
        logs.append(log_shares(outputs.logits.double()))
        density += [] if outputs.density is None else [outputs.density.double().softmax(1)]
        maps += [] if outputs.lesion_map is None else [outputs.lesion_map.double()]
    return Judged(_joined(logs), *(_joined(one) if one else None for one in (density, maps)))


def _joined(parts: list[Tensor]) -> NDArray[np.float64]:
    return np.asarray(torch.cat(parts).cpu().numpy(), np.float64)


def autocast(recipe: Recipe, device: torch.device) -> AbstractContextManager[object]:
    """The recipe's precision, or what the device has of it; see `precision`."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision(recipe, device) == "bf16")


@cache
def precision(recipe: Recipe, device: torch.device) -> str:
    """What is computed in: "fp32" where the recipe says "bf16" and the device would imitate it.

    Imitated, bfloat16 takes about three times as long as what it stands for.
    """
    if device.type == "cuda":
        able = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        able = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return recipe.optimiser.precision if able else "fp32"

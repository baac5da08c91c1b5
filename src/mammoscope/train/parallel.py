"""Several processes (torchrun) that together do what one would: one global batch, one result.

Each process works on its share of every batch; gradients are averaged, batch statistics are those
of the whole batch, and each dropout mask is drawn for the whole batch and cut. What is left
between one process and several is the rounding of sums.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from mammoscope.errors import ConfigError


def rank() -> int:
    """Number of this process, 0 if it is the only one; 0 alone writes files."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def world() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


@contextmanager
def joined(device: torch.device) -> Iterator[None]:
    """Meet the other processes if torchrun started this one; gloo on the CPU, nccl on GPUs."""
    if "WORLD_SIZE" not in os.environ or distributed.is_initialized():
        yield
        return
    distributed.init_process_group("gloo" if device.type == "cpu" else "nccl")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def wait_for_all() -> None:
    """Go on when every process has come here."""
    if world() > 1:
        distributed.barrier()


def mean_over_processes(value: Tensor) -> Tensor:
    """The mean of a tensor over all processes, without gradient."""
    if world() == 1:
        return value
    total = value.detach().clone()
    distributed.all_reduce(total)
    return total / world()


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Make every process's gradients the mean of all, in one message."""
    if world() == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = mean_over_processes(torch.cat([gradient.flatten() for gradient in gradients]))
    parts = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def share_of(batch_size: int) -> slice:
    """This process's share of a global batch.

    Raises:
        ConfigError: the batch cannot be cut evenly.
    """
    if batch_size % world():
        raise ConfigError(
            f"recipe: optimiser.batch_size is {batch_size}, which {world()} processes cannot "
            "share evenly; give a multiple."
        )
    size = batch_size // world()
    return slice(rank() * size, (rank() + 1) * size)


def shared(network: nn.Module) -> None:
    """Let batch statistics and dropout of `network` be those of the whole batch, in place."""
    if world() == 1:
        return
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            _bind(module, _norm_forward(module, module.forward))
        elif isinstance(module, nn.Dropout):
            _bind(module, _dropout_forward(module))


def _bind(module: nn.Module, forward: Any) -> None:
    module.forward = forward


def _norm_forward(module: nn.BatchNorm2d, alone: Any) -> Any:
    """Normalise by the whole batch, then whatever timm's subclasses do after normalising."""

    def forward(pixels: Tensor) -> Tensor:
        if not module.training:
            return alone(pixels)  # type: ignore[no-any-return]
        made = _normalised(module, pixels)
        for after in ("drop", "act"):
            made = getattr(module, after, nn.Identity())(made)
        return made

    return forward


class _Sum(torch.autograd.Function):
    """The sum over all processes; each one's loss depends on it, so gradients are summed too."""

    @staticmethod
    def forward(_: Any, value: Tensor) -> Tensor:
        total = value.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return _Sum.forward(None, gradient)


def _normalised(module: nn.BatchNorm2d, pixels: Tensor) -> Tensor:
    wide = pixels.float()
    count = wide.numel() / wide.shape[1] * world()
    moments = torch.stack([wide.sum((0, 2, 3)), wide.square().sum((0, 2, 3))])
    mean, square = _Sum.apply(moments) / count
    variance = (square - mean.square()).clamp_min(0)
    _update(module, mean.detach(), variance.detach() * count / (count - 1))
    scale = torch.rsqrt(variance + module.eps) * module.weight
    shift = module.bias - mean * scale
    made: Tensor = wide * scale[:, None, None] + shift[:, None, None]
    return made.to(pixels.dtype)


def _update(module: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    if module.running_mean is None or module.running_var is None:
        return
    if module.num_batches_tracked is not None:
        module.num_batches_tracked.add_(1)
    module.running_mean.lerp_(mean, module.momentum or 0.1)
    module.running_var.lerp_(variance, module.momentum or 0.1)


def _dropout_forward(module: nn.Dropout) -> Any:
    def forward(features: Tensor) -> Tensor:
        if not module.training or not module.p:
            return features
        n = len(features)
        whole = features.new_ones((n * world(), *features.shape[1:]))
        mask = functional.dropout(whole, module.p)[rank() * n : (rank() + 1) * n]
        return features * mask

    return forward

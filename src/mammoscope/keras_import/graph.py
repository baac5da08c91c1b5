"""An ONNX graph as it grows, and where in it a layer stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mammoscope.errors import WeightsError
from mammoscope.keras_import.archive import refused

OPSET, IR_VERSION = 18, 9
Held = Callable[[Sequence[str], int, tuple[int, ...]], NDArray[np.float32]]


class Tensor(NamedTuple):
    """A value of the graph.

    Attributes:
        name: in the graph, where pictures lie as (n, channels, height, width).
        shape: as Keras has it, without the batch: (height, width, channels), (values,), or
            (height, width) for one channel that was picked out, which ONNX keeps as a picture.
    """

    name: str
    shape: tuple[int, ...]


@dataclass
class Graph:
    """Nodes and constants in order.

    Attributes:
        last: for outputs of sigmoid and softmax which of the two it was, and its input.
        size: of the constants, bytes.
    """

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    last: dict[str, tuple[str, str]] = field(default_factory=dict)
    size: int = 0

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Append a node of one output, and return that output's name."""
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, values: Any, kind: Any = np.float32) -> str:
        """Append a constant, and return its name."""
        name = f"c{len(self.constants)}"
        array = np.asarray(values, kind)
        self.size += array.nbytes
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def model(self, height: int, width: int, output: str, count: int) -> onnx.ModelProto:
        """The checked model: "pixels" (n, 1, height, width) to "logits" (n, count)."""
        self.nodes.append(helper.make_node("Identity", [output], ["logits"]))
        pixels, logits = (
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *sides])
            for name, sides in (("pixels", (1, height, width)), ("logits", (count,)))
        )
        graph = helper.make_graph(self.nodes, "keras", [pixels], [logits], self.constants)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="mammoscope",
        )
        onnx.checker.check_model(model)
        return model


@dataclass(frozen=True)
class Site:
    """A layer in its place: what its function needs to add its nodes.

    Attributes:
        path: the Keras file.
        kind, name, config: of the layer.
        graph: that grows.
        inputs: what the layer is given, tensors and constants, in order.
        options: of this use of the layer.
        read: gives its arrays by name, number and shape.
    """

    path: Path
    kind: str
    name: str
    config: Mapping[str, Any]
    graph: Graph
    inputs: tuple[Any, ...]
    options: Mapping[str, Any]
    read: Held

    @property
    def one(self) -> Tensor:
        """The layer's only input."""
        if len(self.inputs) != 1 or not isinstance(self.inputs[0], Tensor):
            raise self.refused(f"has {len(self.inputs)} inputs, and one is known")
        return self.inputs[0]

    @property
    def picture(self) -> Tensor:
        """The layer's only input, which has height, width and channels."""
        if len(self.one.shape) != 3:
            raise self.refused(f"is given values of shape {self.one.shape}, not a picture")
        if self.config.get("data_format", "channels_last") not in ("channels_last", None):
            raise self.refused("has its channels first", "rebuild it with channels last")
        return self.one

    def held(self, index: int, shape: tuple[int, ...], *names: str) -> NDArray[np.float32]:
        """One of the layer's arrays.

        Args:
            index: its place among the layer's arrays, from 0.
            shape: it must have.
            names: it may have.
        """
        return self.read(names, index, shape)

    def pair(self, name: str) -> tuple[int, int]:
        """A setting that is one whole number or two, each 1 or more."""
        given = self.config[name]
        first, second = (given, given) if isinstance(given, int) else given
        if type(first) is not int or type(second) is not int or min(first, second) < 1:
            raise self.refused(f"has {name} {given!r}")
        return first, second

    def count(self, name: str) -> int:
        """A setting that is a whole number of 1 or more."""
        given = self.config[name]
        if type(given) is not int or given < 1:
            raise self.refused(f"has {name} {given!r}")
        return given

    def bias(self, index: int, count: int) -> str | None:
        """Name of the constant that is the layer's bias; None if it has none."""
        if not self.config.get("use_bias", True):
            return None
        return self.graph.constant(self.held(index, (count,), "bias"))

    def refused(self, found: str, remedy: str = "rebuild this layer in Keras") -> WeightsError:
        """The error of a layer that cannot be converted."""
        return refused(self.path, f"layer {self.name[:60]!r} ({self.kind[:60]}) {found}", remedy)

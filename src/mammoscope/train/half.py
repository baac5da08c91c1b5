"""An ONNX file of half the size: its weights in 16 bits, everything computed in 32 as before."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_LEAST = 256
"""Smaller tensors are kept: constants and biases, which cost nothing."""


def halved(network: bytes) -> bytes:
    """The same network with float16 weights and a cast behind each.

    Runtimes fold the casts when they load the file, so that nothing is slower. A weight beyond the
    range of float16 stays as it is.
    """
    model = onnx.load_model_from_string(network)
    graph, casts = model.graph, []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < _LEAST or np.abs(values).max() > np.finfo(np.float16).max:
            continue
        name, short = tensor.name, f"{tensor.name}.half"
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), short))
        casts.append(helper.make_node("Cast", [short], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return bytes(model.SerializeToString())

"""Weights of classifiers for tests: of the exported form, with a network of a few nodes.

The network's logits follow the picture's mean grey and its map the grey of each cell: the
brighter, the more of the last class and the more of a lesion.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from mammoscope.models.card import CARD_FILE, NETWORK_FILE

ULTRASOUND = ("normal", "benign", "malignant")
REGION = ("benign", "malignant")
SIDE = 64


def write_classifier(folder: Path, purpose: str, classes: tuple[str, ...]) -> Path:
    """Write network.onnx and card.json; with three classes there is a lesion map too."""
    outputs = ["logits", "lesion_map"] if len(classes) > 2 else ["logits"]
    network = _network(len(classes))
    point = {"name": "sensitivity_95", "threshold": 0.3, "sensitivity": 0.95, "specificity": 0.5}
    card = {
        "name": folder.name,
        "purpose": purpose,
        "description": f"Tells {', '.join(classes)} apart.",
        "sha256": hashlib.sha256(network).hexdigest(),
        "size_bytes": len(network),
        "preprocess": {"height": SIDE, "width": SIDE, "kind": "picture"},
        "outputs": outputs,
        "classes": list(classes),
        "positive": ["malignant"],
        "calibration": {
            "platt": {"slope": 0.8, "intercept": -0.2},
            "map": {"slope": 1.0, "intercept": 0.0},
        },
        "operating_points": [point],
    }
    folder.mkdir(parents=True)
    (folder / NETWORK_FILE).write_bytes(network)
    (folder / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    return folder


def _network(classes: int) -> bytes:
    onnx = pytest.importorskip("onnx")
    make, kind = onnx.helper, onnx.TensorProto.FLOAT
    logits = 1 if classes == 2 else classes
    steps = [0.0] * (logits - 1) + [8.0]
    nodes = [
        make.make_node("ReduceMean", ["pixels", "across"], ["grey"], keepdims=0),
        make.make_node("Gemm", ["grey", "steps", "start"], ["logits"]),
    ]
    held = [
        make.make_tensor("across", onnx.TensorProto.INT64, [2], [2, 3]),
        make.make_tensor("steps", kind, [1, logits], steps),
        make.make_tensor("start", kind, [logits], [-3.0 if step else 0.0 for step in steps]),
    ]
    outputs = [make.make_tensor_value_info("logits", kind, ["n", logits])]
    if classes > 2:
        nodes += [
            make.make_node(
                "AveragePool", ["pixels"], ["cells"], kernel_shape=[8, 8], strides=[8, 8]
            ),
            make.make_node("Squeeze", ["cells", "one"], ["map"]),
            make.make_node("Mul", ["map", "much"], ["steep"]),
            make.make_node("Sub", ["steep", "middle"], ["lesion_map"]),
        ]
        held += [
            make.make_tensor("one", onnx.TensorProto.INT64, [1], [1]),
            make.make_tensor("much", kind, [], [20.0]),
            make.make_tensor("middle", kind, [], [10.0]),
        ]
        cells = SIDE // 8
        outputs.append(make.make_tensor_value_info("lesion_map", kind, ["n", cells, cells]))
    pixels = make.make_tensor_value_info("pixels", kind, ["n", 1, SIDE, SIDE])
    graph = make.make_graph(nodes, "grey", [pixels], outputs, held)
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())

"""Keras files that are broken, or made to hurt whoever opens them, for `keras_import.py`.

They are written without Keras. Each that holds code would, if that ran, make the file MARKER in
its own folder.
"""

from __future__ import annotations

import base64
import copy
import io
import json
import marshal
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

MARKER = "code-was-run"
SIDE, FILTERS = 32, 4
Config, Arrays = dict[str, Any], dict[str, Any]


def config() -> Config:
    """A small classifier, as Keras 3 describes it."""
    window = {"strides": [2, 2], "padding": "same", "dilation_rate": [1, 1]}
    return chain(
        layer("InputLayer", "input", batch_shape=[None, SIDE, SIDE, 1]),
        layer("Conv2D", "conv", filters=FILTERS, kernel_size=[3, 3], activation="relu", **window),
        layer("GlobalAveragePooling2D", "pool", data_format="channels_last", keepdims=False),
        layer("Dense", "dense", units=1, activation="sigmoid", use_bias=True),
    )


def chain(*layers: Config) -> Config:
    """A Sequential model of layers."""
    inside = {"name": "model", "layers": list(layers)}
    return {"module": "keras", "class_name": "Sequential", "config": inside}


def layer(kind: str, name: str, **settings: Any) -> Config:
    """One layer's description."""
    return {"module": "keras.layers", "class_name": kind, "config": {"name": name, **settings}}


def arrays() -> Arrays:
    """By layer and name, in the order of Keras."""
    rng = np.random.default_rng(0)
    shapes = {"kernel": (3, 3, 1, FILTERS), "bias": (FILTERS,)}
    dense = {"kernel": (FILTERS, 1), "bias": (1,)}
    return {
        group: {name: rng.normal(size=shape).astype(np.float32) for name, shape in own.items()}
        for group, own in {"conv": shapes, "dense": dense}.items()
    }


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def weights_file(held: Arrays) -> bytes:
    """model.weights.h5 of a .keras file."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for group, own in held.items():
            place = file.create_group(f"layers/{'conv2d' if group == 'conv' else group}/vars")
            for number, values in enumerate(own.values()):
                place[str(number)] = values
    return content.getvalue()


def keras_file(described: object = None, held: Arrays | None = None) -> bytes:
    """A .keras file; the small classifier but for what is given."""
    text = json.dumps(config() if described is None else described).encode()
    weights = weights_file(arrays() if held is None else held)
    metadata = json.dumps({"keras_version": "3.15.1"}).encode()
    return zipped({"metadata.json": metadata, "config.json": text, "model.weights.h5": weights})


def write_h5(path: Path, described: object = None, held: Arrays | None = None) -> h5py.File:
    """An .h5 file, left open; the small classifier but for what is given."""
    file = h5py.File(path, "w")
    file.attrs["model_config"] = json.dumps(config() if described is None else described)
    file.attrs["keras_version"] = "2.15.0"
    for group, own in (arrays() if held is None else held).items():
        for name, values in own.items():
            file[f"model_weights/{group}/{group}/{name}:0"] = values
    return file


def with_layer(extra: Config, at: int = 2) -> Config:
    """The small classifier with one more layer."""
    described = config()
    described["config"]["layers"].insert(at, extra)
    return described


def changed(number: int, **settings: Any) -> Config:
    """The small classifier with other settings of one of its layers."""
    described = config()
    described["config"]["layers"][number]["config"].update(settings)
    return described


def code(folder: Path) -> str:
    """A function that makes MARKER, as Keras stores a lambda."""
    source = f"lambda x: open({str(folder / MARKER)!r}, 'w').close() or x"
    return base64.b64encode(marshal.dumps(eval(source).__code__)).decode()


class Payload:
    """An object whose unpickling makes MARKER."""

    def __init__(self, folder: Path) -> None:
        self.marker = str(folder / MARKER)

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (self.marker, "w")


def nested(depth: int) -> Config:
    """A model that uses one 8 times which does the same ...: 8 to the power of `depth` layers."""

    def tensor(name: str, call: int = 0) -> Config:
        history = {"shape": [None, 4], "keras_history": [name, call, 0]}
        return {"class_name": "__keras_tensor__", "config": history}

    inner = layer("Dropout", "inner") if depth == 0 else nested(depth - 1)
    uses = [{"args": [tensor("start")], "kwargs": {}}] * 8
    joined = layer("Add", "sum")
    both = {"args": [[tensor("inner", call) for call in range(8)]], "kwargs": {}}
    start = layer("InputLayer", "start", batch_shape=[None, SIDE, SIDE, 1])
    layers = [
        {**start, "name": "start", "inbound_nodes": []},
        {**inner, "name": "inner", "inbound_nodes": uses},
        {**joined, "name": "sum", "inbound_nodes": [both]},
    ]
    ends = {"input_layers": [["start", 0, 0]], "output_layers": [["sum", 0, 0]]}
    return {
        "module": "keras",
        "class_name": "Functional",
        "config": {"name": "model", "layers": layers, **ends},
    }


def two_inputs() -> Config:
    """A model of two pictures."""
    described = nested(0)
    inside = described["config"]
    inside["input_layers"] = [["start", 0, 0], ["other", 0, 0]]
    return described


def in_archives(folder: Path) -> dict[str, bytes]:
    """Files that are bytes: name to content."""
    whole = keras_file()
    lambda_function = {"class_name": "__lambda__", "config": {"code": code(folder)}}
    foreign = {"module": "subprocess", "class_name": "Popen", "config": f"touch {folder / MARKER}"}
    hidden = {"module": "builtins", "class_name": "function", "config": "exec"}
    pickled, missing = io.BytesIO(), arrays()
    np.savez(pickled, w=np.array([Payload(folder)], dtype=object))
    del missing["dense"]["bias"]
    other_shape, not_finite, more = arrays(), arrays(), arrays()
    other_shape["conv"]["kernel"] = np.zeros((5, 5, 1, FILTERS), np.float32)
    not_finite["dense"]["kernel"][2] = np.nan
    more["dense_1"] = more["dense"]
    texts = {"config.json": json.dumps(config()).encode(), "metadata.json": b"{}"}
    return {
        "truncated.keras": whole[: len(whole) // 2],
        "flipped.keras": whole.replace(b"\x89HDF", b"\x89HDG"),
        "bomb.keras": zipped(
            {"config.json": b" " * 80_000_000, "model.weights.h5": b""}, zipfile.ZIP_DEFLATED
        ),
        "lambda.keras": keras_file(with_layer(layer("Lambda", "x", function=lambda_function))),
        "hidden_lambda.keras": keras_file(changed(1, kernel_initializer=lambda_function)),
        "lambda_activation.keras": keras_file(
            changed(1, activation={"value": [code(folder), None, None]})
        ),
        "foreign_module.keras": keras_file(with_layer({**foreign, "name": "x"})),
        "foreign_activation.keras": keras_file(changed(1, activation=hidden)),
        "custom_object.keras": keras_file(
            with_layer({**layer("Dropout", "x"), "registered_name": "Custom>Dropout"})
        ),
        "own_model_class.keras": keras_file({**config(), "class_name": "MyModel"}),
        "tensorflow_write.keras": keras_file(
            with_layer(layer("TFOpLambda", "x", function="io.write_file"))
        ),
        "pickle.keras": pickle.dumps(Payload(folder)),
        "pickled_npz.keras": zipped({**texts, "model.weights.npz": pickled.getvalue()}),
        "picture.h5": b"\x89PNG\r\n\x1a\n" + bytes(500),
        "missing_weights.keras": keras_file(held=missing),
        "other_shape.keras": keras_file(held=other_shape),
        "not_a_number.keras": keras_file(held=not_finite),
        "more_weights.keras": keras_file(held=more),
        "two_inputs.keras": keras_file(two_inputs()),
        "unknown_layer.keras": keras_file(with_layer(layer("LSTM", "memory", units=4), 3)),
        "unknown_activation.keras": keras_file(changed(1, activation="my_own")),
        "no_probability.keras": keras_file(changed(3, activation="linear")),
        "nested_models.keras": keras_file(nested(12)),
        "deep_json.keras": zipped(
            {"config.json": b"[" * 200_000, "model.weights.h5": weights_file({})}
        ),
        "not_an_object.keras": keras_file([1, 2, 3]),
        "strange_settings.keras": keras_file(changed(1, kernel_size="large")),
        "huge_padding.keras": keras_file(
            with_layer(layer("ZeroPadding2D", "x", padding=10**6), at=1)
        ),
    }


def in_hdf5(folder: Path) -> Iterator[str]:
    """Write the files that are HDF5; yields their names."""
    makers: dict[str, Callable[[Path], None]] = {
        "weights_only.h5": _weights_only,
        "old_lambda.h5": _old_lambda,
        "external_link.h5": _external_link,
        "soft_link.h5": _soft_link,
        "virtual_array.h5": _virtual,
        "array_in_another_file.h5": _stored_outside,
        "declares_too_much.h5": _too_much,
        "group_in_itself.h5": _cycle,
        "text_for_numbers.h5": _text,
    }
    for name, make in makers.items():
        make(folder / name)
        yield name
    content = (folder / "group_in_itself.h5").read_bytes()
    (folder / "truncated.h5").write_bytes(content[: len(content) // 2])
    yield "truncated.h5"


BIAS = "model_weights/dense/dense/bias:0"


def _weights_only(path: Path) -> None:
    path.write_bytes(weights_file(arrays()))


def _old_lambda(path: Path) -> None:
    extra = layer("Lambda", "x", function=[code(path.parent), None, None], function_type="lambda")
    described = copy.deepcopy(with_layer(extra))
    write_h5(path, described).close()


def _external_link(path: Path) -> None:
    with write_h5(path) as file:
        del file[BIAS]
        file[BIAS] = h5py.ExternalLink("/etc/passwd", "/bias")


def _soft_link(path: Path) -> None:
    with write_h5(path) as file:
        del file[BIAS]
        file[BIAS] = h5py.SoftLink("/model_weights/conv/conv/bias:0")


def _virtual(path: Path) -> None:
    with write_h5(path) as file:
        del file[BIAS]
        layout = h5py.VirtualLayout(shape=(1,), dtype=np.float32)
        layout[:] = h5py.VirtualSource("/etc/passwd", "bias", shape=(1,))
        file.create_virtual_dataset(BIAS, layout)


def _stored_outside(path: Path) -> None:
    with write_h5(path) as file:
        del file[BIAS]
        file.create_dataset(BIAS, (1,), np.float32, external=[("/etc/passwd", 0, 4)])


def _too_much(path: Path) -> None:
    described = changed(3, units=2**38)
    with write_h5(path, described) as file:
        del file["model_weights/dense/dense/kernel:0"]
        file.create_dataset(
            "model_weights/dense/dense/kernel:0", (FILTERS, 2**38), np.float32, chunks=(4, 1024)
        )


def _cycle(path: Path) -> None:
    with write_h5(path) as file:
        file["model_weights/dense/again"] = file["model_weights"]


def _text(path: Path) -> None:
    with write_h5(path) as file:
        del file[BIAS]
        file[BIAS] = np.array([b"os.system"], dtype="S9")


def write_all(folder: Path) -> list[Path]:
    """Write every file below a folder, and a SavedModel's folder."""
    for name, content in in_archives(folder).items():
        (folder / name).write_bytes(content)
    (folder / "saved_model").mkdir()
    (folder / "saved_model" / "saved_model.pb").write_bytes(b"\x08\x01")
    return sorted(
        [
            *(folder / name for name in in_hdf5(folder)),
            *folder.glob("*.keras"),
            folder / "picture.h5",
            folder / "saved_model",
        ]
    )

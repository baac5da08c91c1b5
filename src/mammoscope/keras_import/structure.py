"""The description in a Keras file as one tree of layers, from the forms of Keras 1 to 3.

Only names of layers are looked at, never names of code: a layer or function that Keras itself
does not have, and anything that holds code, is refused here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mammoscope.keras_import.archive import refused

MODELS = ("Functional", "Model", "Sequential")
_HOMES = ("keras", "tf_keras", "tensorflow")
_CODE = ("__lambda__", "Lambda", "lambda", "__bytes__", "__typespec__")
_MOST_DEPTH, _MOST_LAYERS = 16, 10_000
WITHOUT_CODE = (
    "replace it in Keras by layers of Keras itself and save the model again; code from a file is "
    "never run here"
)


class Ref(NamedTuple):
    """The output of a layer's call number `call`; of the model's input if `layer` is None."""

    layer: str | None
    call: int = 0


class Call(NamedTuple):
    """One use of a layer: operands are a Ref, a number, or a nested list of these."""

    operands: tuple[Any, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Layer:
    """A layer.

    Attributes:
        kind: its class in Keras.
        name: unique in its model.
        config: its settings.
        calls: how it is used.
        inside: the model that it is, if it is one.
    """

    kind: str
    name: str
    config: Mapping[str, Any]
    calls: tuple[Call, ...]
    inside: Model | None = None


@dataclass(frozen=True)
class Model:
    """Layers in the order of the file.

    Attributes:
        input: name of the layer that is its input; None in a chain that begins without one.
        input_shape: (height, width, channels), None where the file leaves it open; None if the
            file says nothing of it.
        output: what it gives.
    """

    layers: tuple[Layer, ...]
    input: str | None
    input_shape: tuple[int | None, ...] | None
    output: Ref


def parse(path: Path, described: Mapping[str, Any]) -> Model:
    """Read the description of a whole model.

    Raises:
        WeightsError: it holds code or unknown objects, is no model of layers with one input and
            one output, or contradicts itself.
    """
    try:
        _refuse_code(path, described)
        return _model(path, described, 0)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as error:
        raise refused(
            path,
            f"the description of the model is not one that Keras writes ({type(error).__name__})",
            "save the model again in Keras",
        ) from error


def _refuse_code(path: Path, described: Any) -> None:
    """Refuse functions that are stored in the description, wherever that is."""
    waiting = [described]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            kind, config = one.get("class_name"), one.get("config")
            if isinstance(kind, str) and kind in _CODE:
                name = config.get("name", kind) if isinstance(config, dict) else kind
                raise refused(path, f"{kind} {str(name)[:60]!r} holds Python code", WITHOUT_CODE)
            waiting += [value for key, value in one.items() if key != "compile_config"]
        elif isinstance(one, list):
            waiting += one


def _model(path: Path, described: Mapping[str, Any], depth: int) -> Model:
    kind, config = _checked(path, described)
    if kind not in MODELS:
        raise refused(
            path,
            f"the model is a {kind[:60]!r}, a class of its author's, whose layers are code",
            "rebuild it as a Sequential or functional model, set its weights and save it again",
        )
    if depth > _MOST_DEPTH:
        raise refused(path, f"models lie {depth} deep in each other", "save them one by one")
    layers = config if isinstance(config, list) else config["layers"]
    if not 0 < len(layers) <= _MOST_LAYERS:
        raise refused(path, f"a model has {len(layers)} layers", "give 1 to 10,000")
    return (_chain if kind == "Sequential" else _graph)(path, config, layers, depth)


def _checked(path: Path, described: Mapping[str, Any]) -> tuple[str, Any]:
    """Class and settings of a layer or model, once it is known to be Keras's own."""
    kind, config = described["class_name"], described["config"]
    registered, home = described.get("registered_name"), described.get("module")
    foreign = isinstance(home, str) and home.split(".")[0] not in _HOMES
    if foreign or ">" in str(kind) or registered not in (None, kind):
        named = registered if registered not in (None, kind) else f"{home}.{kind}"
        shown = str(named if foreign or registered else kind)[:80]
        raise refused(path, f"{shown!r} is an object of the author's own", WITHOUT_CODE)
    if not isinstance(kind, str):
        raise TypeError(kind)
    return kind, config


def _chain(path: Path, config: Any, layers: Sequence[Any], depth: int) -> Model:
    first = layers[0]["config"]
    shape = _shape(first) if isinstance(first, dict) else None
    if shape is None and isinstance(config, dict):
        shape = _without_batch(config.get("build_input_shape"))
    found: list[Layer] = []
    for one in layers:
        if one["class_name"] == "InputLayer":
            continue
        previous = Ref(found[-1].name if found else None)
        found.append(_layer(path, one, (Call((previous,), {}),), depth))
    _refuse_doubles(path, found)
    if shape is None and found and found[0].inside is not None:
        shape = found[0].inside.input_shape
    return Model(tuple(found), None, shape, Ref(found[-1].name if found else None))


def _graph(path: Path, config: Mapping[str, Any], layers: Sequence[Any], depth: int) -> Model:
    found = [_layer(path, one, _calls(one.get("inbound_nodes", [])), depth) for one in layers]
    _refuse_doubles(path, found)
    ends = []
    for name in ("input_layers", "output_layers"):
        refs = list(_end_refs(config[name]))
        if len(refs) != 1:
            what = name.split("_")[0]
            raise refused(
                path,
                f"the model has {len(refs)} {what}s, and a classifier of pictures has one",
                f"make a model of the one {what} in Keras and save that",
            )
        ends.append(refs[0])
    start, end = ends
    inputs = [one for one in found if one.kind == "InputLayer"]
    if [one.name for one in inputs] != [start.layer]:
        raise refused(path, f"input {start.layer!r} is not the one InputLayer", "save it again")
    return Model(tuple(found), start.layer, _shape(inputs[0].config), end)


def _layer(path: Path, described: Mapping[str, Any], calls: tuple[Call, ...], depth: int) -> Layer:
    kind, config = _checked(path, described)
    inside = _model(path, described, depth + 1) if kind in MODELS else None
    settings = config if isinstance(config, dict) else {}
    name = described.get("name") or settings.get("name") or kind
    return Layer(kind, str(name), settings, calls, inside)


def _refuse_doubles(path: Path, layers: Sequence[Layer]) -> None:
    twice = [name for name, times in Counter(one.name for one in layers).items() if times > 1]
    if twice:
        raise refused(path, f"two layers are called {twice[0][:60]!r}", "rename one in Keras")


def _shape(config: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    return _without_batch(config.get("batch_shape", config.get("batch_input_shape")))


def _without_batch(shape: Any) -> tuple[int | None, ...] | None:
    if shape is None:
        return None
    if not all(side is None or (type(side) is int and side > 0) for side in shape):
        raise ValueError(shape)
    return tuple(shape[1:])


def _end_refs(ends: Any) -> Iterator[Ref]:
    """Inputs or outputs of a model: ["a", 0, 0], or lists and tables of that."""
    if isinstance(ends, dict):
        ends = list(ends.values())
    if ends and isinstance(ends[0], str):
        yield Ref(ends[0], int(ends[1]))
        return
    for one in ends:
        yield from _end_refs(one)


def _calls(nodes: Sequence[Any]) -> tuple[Call, ...]:
    return tuple(_new_call(one) if isinstance(one, dict) else _old_call(one) for one in nodes)


def _new_call(node: Mapping[str, Any]) -> Call:
    """Of Keras 3: {"args": [...], "kwargs": {...}} with tensors as tables."""
    return Call(tuple(map(_operand, node["args"])), node["kwargs"])


def _operand(given: Any) -> Any:
    if isinstance(given, list):
        return [_operand(one) for one in given]
    if not isinstance(given, dict):
        return given
    kind, config = given["class_name"], given["config"]
    if kind == "__keras_tensor__":
        name, call, _ = config["keras_history"]
        return Ref(name, int(call))
    if kind in ("__tensor__", "__numpy__"):
        return config["value"]
    if kind == "__ellipsis__":
        return Ellipsis
    if kind == "__slice__":
        return slice(config["start"], config["stop"], config["step"])
    raise ValueError(kind)


def _old_call(node: Sequence[Any]) -> Call:
    """Of Keras 1 and 2: ["a", 0, 0, {...}], or a list of these."""
    each = [node] if isinstance(node[0], str) else node
    refs = tuple(Ref(one[0], int(one[1])) for one in each)
    options = each[0][3] if len(each[0]) > 3 else {}
    return Call((list(refs),) if len(refs) > 1 else refs, options)

"""A Keras file to an ONNX network that takes what this program's engine feeds it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mammoscope.keras_import.archive import MOST_BYTES, Arrays, KerasFile, read_keras, refused
from mammoscope.keras_import.front import Pixels, front
from mammoscope.keras_import.graph import Graph, Site, Tensor
from mammoscope.keras_import.layers import LAYERS
from mammoscope.keras_import.structure import Call, Layer, Model, Ref, parse

_MOST_USES, _MOST_VALUES = 20_000, 2**28
"""Of layers in a network, where a model may use another many times, and values between them."""
_DAMAGE = (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError)
Size = tuple[int, int]


@dataclass(frozen=True)
class Converted:
    """A network that was read from a Keras file.

    Attributes:
        content: the ONNX file: "pixels" (n, 1, height, width), grey levels as shares of white, to
            "logits" (n, outputs).
        height, width, channels: of Keras's own input.
        outputs: how many there are.
        ending: what turns the logits into Keras's output: "sigmoid" or "softmax"; "shares" where
            several sigmoid outputs are divided by their sum; "logits" where nothing did.
        layers: kinds of layers and how often each is used.
        version: of the Keras that wrote the file.
    """

    content: bytes
    height: int
    width: int
    channels: int
    outputs: int
    ending: str
    layers: dict[str, int]
    version: str


def convert(
    path: Path, pixels: Pixels, size: Size | None = None, logits: bool = False
) -> Converted:
    """Read a Keras file and rebuild its network as ONNX.

    Args:
        path: a .keras or .h5 file.
        pixels: how its author scaled the pictures.
        size: (height, width) of the input, for a network that takes any.
        logits: whether a network without a last sigmoid or softmax gives logits.

    Raises:
        WeightsError: the file is damaged, hostile, or holds what cannot be converted.
        ConfigError: the pixels or the size do not fit the network.
    """
    file = read_keras(path)
    model = parse(path, file.config)
    shape = _input_shape(path, model, size)
    graph = Graph()
    start = Tensor(front(graph, pixels, shape[2]), shape)
    builder = _Builder(file, graph)
    end = builder.model(model, start, _Place("", ()))
    _refuse_unused(path, file.arrays)
    name, ending = _ending(path, graph, end, logits or _trained_on_logits(file))
    content = graph.model(shape[0], shape[1], name, end.shape[0])
    return Converted(
        _serialised(path, content),
        *shape,
        end.shape[0],
        ending,
        dict(builder.kinds.most_common()),
        file.version,
    )


def _serialised(path: Path, model: onnx.ModelProto) -> bytes:
    if model.ByteSize() > MOST_BYTES - 1:
        raise refused(path, "the network is larger than 2 GiB", "use a smaller one")
    return bytes(model.SerializeToString())


def _input_shape(path: Path, model: Model, size: Size | None) -> tuple[int, int, int]:
    shape = model.input_shape
    if shape is None or len(shape) != 3 or shape[2] is None:
        raise refused(
            path,
            f"the model's input is {shape}, not pictures of height, width and channels",
            "save a model whose input is one picture",
        )
    height, width = (shape[0], shape[1]) if size is None else size
    if height is None or width is None:
        raise refused(
            path, "the model takes pictures of any size", "give the one it learned from: --size 224"
        )
    if size is not None and any(
        own not in (None, asked) for own, asked in zip(shape, size, strict=False)
    ):
        raise refused(path, f"its input is {shape[0]} x {shape[1]}", "leave --size out")
    return height, width, shape[2]


@dataclass(frozen=True)
class _Place:
    """Where a model's arrays lie: prefix in a .keras file, names of the models around in an .h5."""

    prefix: str
    around: tuple[str, ...]


@dataclass
class _Builder:
    file: KerasFile
    graph: Graph
    kinds: Counter[str] = field(default_factory=Counter)
    uses: int = 0

    def model(self, model: Model, start: Tensor, place: _Place) -> Tensor:
        """Add a whole model, whatever the order of its layers in the file.

        A call whose operands are not there yet waits for the next round, as in Keras.
        """
        known: dict[str | None, list[Tensor | None]] = {None: [start]}
        names = dict(zip((one.name for one in model.layers), _names(model.layers), strict=True))
        waiting = []
        for layer in model.layers:
            known[layer.name] = [None] * len(layer.calls)
            waiting += [(layer, number) for number in range(len(layer.calls))]
        if model.input is not None:
            known[model.input] = [start]
        while waiting:
            left = []
            for layer, number in waiting:
                inputs = _resolved(layer.calls[number].operands, known, model)
                if inputs is None:
                    left.append((layer, number))
                    continue
                below = _Place(f"{place.prefix}layers/{names[layer.name]}/", place.around)
                known[layer.name][number] = self._layer(layer, layer.calls[number], inputs, below)
            if len(left) == len(waiting):
                raise refused(
                    self.file.path,
                    f"layer {left[0][0].name[:60]!r} is used on what no layer gives",
                    "save the model again in Keras",
                )
            waiting = left
        end = _output(model.output, known, model)
        if end is None:
            raise refused(
                self.file.path, f"there is no output {model.output.layer!r}", "save it again"
            )
        return end

    def _layer(self, layer: Layer, call: Call, inputs: tuple[Any, ...], place: _Place) -> Tensor:
        site = Site(
            self.file.path,
            layer.kind,
            layer.name,
            layer.config,
            self.graph,
            inputs,
            call.options,
            partial(_held, self.file, layer, place),
        )
        if layer.inside is not None:
            inner = replace(place, around=(*place.around, layer.name))
            return self.model(layer.inside, site.one, inner)
        if layer.kind not in LAYERS:
            raise site.refused(
                "is of a kind that is not converted",
                "docs/keras_import.md lists those that are; rebuild the model without it",
            )
        self.kinds[layer.kind] += 1
        self.uses += 1
        try:
            found = LAYERS[layer.kind](site)
        except _DAMAGE as error:
            raise site.refused(
                f"has settings that Keras does not write ({type(error).__name__})",
                "save the model again in Keras",
            ) from error
        self._check(site, found)
        return found

    def _check(self, site: Site, found: Tensor) -> None:
        """Whether what a layer gives can be computed in a machine's memory."""
        if min(found.shape) < 1:
            raise site.refused(f"leaves nothing of its input: {found.shape}", "use larger pictures")
        if np.prod(found.shape, dtype=float) > _MOST_VALUES or self.uses > _MOST_USES:
            raise site.refused(f"makes the network too large: {found.shape}", "use a smaller one")
        if self.graph.size > MOST_BYTES:
            raise site.refused("makes the network larger than 2 GiB", "use a smaller one")


def _names(layers: Sequence[Layer]) -> Iterator[str]:
    """Names of layers' groups in a .keras file: by class, numbered in the order of the model."""
    seen: Counter[str] = Counter()
    for layer in layers:
        name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", layer.kind))
        name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
        yield f"{name}_{seen[name]}" if seen[name] else name
        seen[name] += 1


def _resolved(
    operands: Sequence[Any], known: dict[str | None, list[Tensor | None]], model: Model
) -> tuple[Any, ...] | None:
    """Operands with tensors in place of references; None if one is not there yet."""
    found: list[Any] = []
    for one in operands:
        if isinstance(one, Ref):
            tensor = _output(one, known, model)
            if tensor is None:
                return None
            found.append(tensor)
        elif isinstance(one, list) and any(
            isinstance(part, Ref) or part is Ellipsis for part in one
        ):
            parts = _resolved(one, known, model)
            if parts is None:
                return None
            found += parts
        elif one is not None and not isinstance(one, bool):
            found.append(one)
    return tuple(found)


def _output(ref: Ref, known: dict[str | None, list[Tensor | None]], model: Model) -> Tensor | None:
    """What a reference stands for.

    Keras 2 counts the calls of a nested model from 1, since its own making was call 0.
    """
    found = known.get(ref.layer, [])
    if len(found) == 1:
        return found[0]
    nested = any(one.name == ref.layer and one.inside is not None for one in model.layers)
    number = ref.call - 1 if nested and ref.call == len(found) else ref.call
    return found[number] if 0 <= number < len(found) else None


def _held(
    file: KerasFile,
    layer: Layer,
    place: _Place,
    names: Sequence[str],
    index: int,
    shape: tuple[int, ...],
) -> NDArray[np.float32]:
    """A layer's array by its number (.keras) or its name (.h5), which must have this shape."""
    if file.kind == "keras":
        at = f"{place.prefix}vars/{index}"
        places = [at] if at in file.arrays.found else []
    else:
        places = _by_name(file.arrays, (*place.around, layer.name), names)
    what = f"layer {layer.name[:60]!r} ({layer.kind}): its {names[0]}"
    if len(places) != 1:
        count = "is not in the file" if not places else f"is there {len(places)} times"
        raise refused(file.path, f"{what} {count}", "save the model again in Keras as .keras")
    found = tuple(file.arrays.found[places[0]].shape)
    if found != shape:
        raise refused(
            file.path,
            f"{what} is {_by(found)}, and its settings ask for {_by(shape)}",
            "these weights are of another network: save the model again in Keras",
        )
    return file.arrays.read(places[0])


def _by_name(arrays: Arrays, around: tuple[str, ...], names: Sequence[str]) -> list[str]:
    """Places of a layer's array in an .h5 file, where the outermost layer is the group.

    The name of an array in it ends in the layer's own and the array's, from Keras 2 with ":0".
    """
    inner = f"/{around[-1]}" if len(around) > 1 else ""
    endings = tuple(f"{inner}/{name}{tail}" for name in names for tail in ("", ":0"))
    return [
        one for one in arrays.found if one.startswith(f"{around[0]}/") and one.endswith(endings)
    ]


def _by(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "one number"


def _refuse_unused(path: Path, arrays: Arrays) -> None:
    """Whether the file holds weights that its description has no layer for.

    What is no floating number is the state of random numbers and of counters.
    """
    left = [
        place
        for place, stored in arrays.found.items()
        if place not in arrays.used and stored.kind == "f"
    ]
    if left:
        raise refused(
            path,
            f"{len(left)} arrays belong to no layer of the description, the first {left[0][:80]!r}",
            "these weights are of another network: save the model again in Keras",
        )


def _trained_on_logits(file: KerasFile) -> bool:
    """Whether the file says that its loss took logits."""
    loss = file.compiled.get("loss")
    config = loss.get("config") if isinstance(loss, dict) else None
    return isinstance(config, dict) and config.get("from_logits") is True


def _ending(path: Path, graph: Graph, end: Tensor, logits: bool) -> tuple[str, str]:
    """The logits before the last sigmoid or softmax, and how they become Keras's output."""
    if len(end.shape) != 1:
        raise refused(
            path,
            f"the model gives {end.shape}, and a classifier a row of values",
            "end it with Flatten or a global pooling, and Dense",
        )
    kind, name = graph.last.get(end.name, ("logits", end.name))
    if kind == "logits" and not logits:
        raise refused(
            path,
            "the last layer has no sigmoid or softmax, so its output is no probability",
            "if it gives logits (a loss with from_logits=True), say so with --logits",
        )
    if kind == "softmax" and end.shape[0] == 1:
        raise refused(
            path,
            "the last layer is a softmax over one output, which always answers 1",
            "train it with a sigmoid, or with two outputs",
        )
    if kind == "sigmoid" and end.shape[0] > 1:
        return graph.add("Neg", graph.add("Softplus", graph.add("Neg", name))), "shares"
    return name, kind

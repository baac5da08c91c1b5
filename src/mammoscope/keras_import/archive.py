"""Opens a Keras file for its description and its arrays; nothing in it is ever run.

Two kinds are read (https://keras.io/guides/serialization_and_saving): the zip archive of Keras 3,
and of 2.12 on, with config.json and model.weights.h5; and the HDF5 file of Keras 1 to 3, whose
attribute model_config is the same description in an older form. Sizes are looked at before
anything is read, nothing is unpacked to the disk, and HDF5 is read by a process of its own.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import MissingExtraError, WeightsError

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MOST_BYTES, MOST_TEXT = 2 * 1024**3, 64 * 1024**2
"""Of a file's weights (a VGG16 with its optimiser's state has 1.6 GB) and of its description."""
_MOST_EXPANSION, _FREE = 1000, 1024**2
"""Bytes a member may unpack to for each byte in the archive; up to _FREE nobody asks."""
_MOST_MEMBERS, _PATIENCE_S = 1000, 600
_OTHER_FORMS = ("model.weights.npz", "model.weights.json")
_KNOWN_STARTS = {
    b"\x80": "a Python pickle, which can run code and is never opened",
    b"\x93NUMPY": "a NumPy file",
    b"\x08": "perhaps an ONNX or TensorFlow file",
}
RESAVE = "save the whole model in Keras with model.save('model.keras')"


class Stored(NamedTuple):
    """An array of a file: its shape, the kind of its numbers, and where its bytes begin."""

    shape: tuple[int, ...]
    kind: str
    start: int


@dataclass(frozen=True, eq=False)
class Arrays:
    """The arrays of a file.

    Attributes:
        path: the file.
        found: by their place in it.
        content: the values of those that are floating numbers, as little-endian float32.
        used: places that were read.
    """

    path: Path
    found: Mapping[str, Stored]
    content: bytes
    used: set[str] = field(default_factory=set)

    def read(self, place: str) -> NDArray[np.float32]:
        """The array at a place.

        Raises:
            WeightsError: it holds something other than finite numbers.
        """
        shape, kind, start = self.found[place]
        if kind != "f":
            raise refused(self.path, f"array {place} does not hold floating numbers", RESAVE)
        values = np.frombuffer(self.content, "<f4", math.prod(shape), start).reshape(shape)
        wrong = int((~np.isfinite(values)).sum())
        if wrong:
            raise refused(
                self.path,
                f"array {place} holds {wrong} values that are no finite numbers (NaN or infinite)",
                "the training went wrong: take weights from before it did",
            )
        self.used.add(place)
        return values


@dataclass(frozen=True, eq=False)
class KerasFile:
    """What a file holds.

    Attributes:
        path: as the user named it.
        kind: "keras" is the zip archive, "h5" the HDF5 file.
        config: the model's description: class_name, config.
        compiled: how it was trained, as far as the file says.
        version: of the Keras that wrote it, as the file says.
        arrays: its weights by their place in the file.
    """

    path: Path
    kind: str
    config: Mapping[str, Any]
    compiled: Mapping[str, Any]
    version: str
    arrays: Arrays


def refused(path: Path, found: str, remedy: str) -> WeightsError:
    """The error of a file that cannot be used: what was found there, and what to do."""
    return WeightsError(f"{path}: {found}; {remedy}.")


def read_keras(path: Path) -> KerasFile:
    """Read a file, whatever its ending, by what it holds.

    Raises:
        WeightsError: it is no model file of Keras, is damaged, too large, or points elsewhere.
        MissingExtraError: there is no h5py.
    """
    if find_spec("h5py") is None:
        raise MissingExtraError("Reading a Keras file", "keras")
    if path.is_dir():
        raise refused(
            path,
            "this is a folder, perhaps a TensorFlow SavedModel, whose functions would have to be "
            "run to be read",
            f"load it where it was made and {RESAVE}",
        )
    with _reading(path, "the file"), path.open("rb") as file:
        size, start = path.stat().st_size, file.read(8)
        file.seek(0)
        if size > MOST_BYTES:
            raise refused(path, f"the file has {size:,} bytes, and 2 GiB are read", RESAVE)
        if start.startswith(b"PK\x03\x04"):
            return _from_zip(path, file)
        if start == b"\x89HDF\r\n\x1a\n":
            return _from_h5(path, file.read())
    known = next((told for sign, told in _KNOWN_STARTS.items() if start.startswith(sign)), "")
    what = f": it is {known}" if known else ""
    raise refused(path, f"this is no model file of Keras (.keras or .h5){what}", RESAVE)


def _from_zip(path: Path, file: BinaryIO) -> KerasFile:
    with _reading(path, "the zip archive"), zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if len(names) > _MOST_MEMBERS or len(set(names)) < len(names):
            raise refused(path, f"the archive holds {len(names)} files, some twice", RESAVE)
        for name in (CONFIG, WEIGHTS):
            if name not in names:
                other = next((f" but {one}" for one in _OTHER_FORMS if one in names), "")
                raise refused(path, f"the archive holds no {name}{other}", RESAVE)
        config = _json(path, CONFIG, _member(path, archive, CONFIG, MOST_TEXT))
        metadata = {}
        if METADATA in names:
            metadata = _json(path, METADATA, _member(path, archive, METADATA, MOST_TEXT))
        content = _member(path, archive, WEIGHTS, MOST_BYTES)
    arrays, _ = _hdf5(path, WEIGHTS, content, "")
    # TensorFlow 2.12 to 2.14 called the list of layers otherwise, and on Windows wrote "\".
    places = {
        place.replace("\\", "/").replace("_layer_checkpoint_dependencies/", "layers/"): stored
        for place, stored in arrays.found.items()
    }
    compiled = config.get("compile_config")
    return KerasFile(
        path,
        "keras",
        config,
        compiled if isinstance(compiled, dict) else {},
        str(metadata.get("keras_version", "unknown"))[:20],
        Arrays(path, places, arrays.content),
    )


def _member(path: Path, archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    info = archive.getinfo(name)
    if info.flag_bits & 1:
        raise refused(path, f"{name} in the archive is encrypted", RESAVE)
    if info.file_size > min(most, _FREE + _MOST_EXPANSION * info.compress_size):
        raise refused(
            path,
            f"{name} in the archive unpacks to {info.file_size:,} bytes from "
            f"{info.compress_size:,}, which is more than any model has",
            RESAVE,
        )
    with _reading(path, f"{name} in the archive"):
        return archive.read(name)


def _from_h5(path: Path, content: bytes) -> KerasFile:
    names = ("model_config", "training_config", "keras_version")
    arrays, texts = _hdf5(path, "the HDF5 file", content, "model_weights", *names)
    described, compiled, version = (texts[name] for name in names)
    if described is None:
        raise refused(
            path,
            "there is no attribute model_config: the file holds weights alone and does not say "
            "of which network",
            f"build the network in Keras, load these weights into it, and {RESAVE}",
        )
    return KerasFile(
        path,
        "h5",
        _json(path, "model_config", described),
        {} if compiled is None else _json(path, "training_config", compiled),
        (version or "unknown")[:20],
        arrays,
    )


def _hdf5(
    path: Path, what: str, content: bytes, group: str, *attributes: str
) -> tuple[Arrays, dict[str, str | None]]:
    """Arrays below a group of an HDF5 file, and its attributes; see mammoscope.keras_import.hdf5.

    Raises:
        WeightsError: the file is damaged, or points outside itself.
    """
    script = Path(__file__).with_name("hdf5.py")
    with _reading(path, what):
        done = subprocess.run(
            [sys.executable, "-P", str(script), group, *attributes],
            input=content,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
        line, _, values = done.stdout.partition(b"\n")
        said = json.loads(line) if line else {}
        if "refused" in said:
            raise refused(path, said["refused"], RESAVE)
        found, start = {}, 0
        for one in said.get("arrays", []):
            shape = tuple(one["shape"] or ())
            found[str(one["place"])] = Stored(shape, one["kind"], start)
            start += 4 * math.prod(shape) * (one["kind"] == "f")
        if done.returncode or len(values) != start:
            raise OSError  # the process failed, or was stopped, before it had written all
    return Arrays(path, found, values), said["attributes"]


def _json(path: Path, name: str, content: str | bytes) -> dict[str, Any]:
    """JSON, as Keras writes it: an object."""
    if len(content) > MOST_TEXT:
        raise refused(path, f"{name} is longer than any model's", RESAVE)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise refused(path, f"{name} is not the JSON that Keras writes", RESAVE) from error
    if not isinstance(found, dict):
        raise refused(path, f"{name} is not a JSON object", RESAVE)
    return found


@contextmanager
def _reading(path: Path, what: str) -> Iterator[None]:
    """Turn what is raised on damaged files into a sentence."""
    try:
        yield
    except (
        OSError,
        KeyError,
        ValueError,
        RuntimeError,
        NotImplementedError,
        EOFError,
        subprocess.TimeoutExpired,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "damaged"
        raise refused(
            path, f"{what} cannot be read ({reason})", "copy or download the file again"
        ) from error

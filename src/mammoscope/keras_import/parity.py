"""Whether a converted network answers as it did in Keras: both runtimes, and Keras itself."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import WeightsError
from mammoscope.infer.classifier import log_shares
from mammoscope.infer.engine import load_engine
from mammoscope.keras_import import original
from mammoscope.keras_import.convert import Converted
from mammoscope.keras_import.front import Pixels, as_keras

TOLERANCE = 1e-3
"""Largest difference of a probability in f32 with which weights are written."""
_PICTURES, _PATIENCE_S = 16, 900
_BACKENDS = ("tensorflow", "torch", "jax")
Probabilities = NDArray[np.float64]


def pictures(count: int, height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Pictures (count, height, width) to compare on: noise and soft shapes by turns."""
    rng = np.random.default_rng(seed)
    made = rng.integers(0, 256, (count, height, width), dtype=np.uint8)
    for soft in made[1::2]:
        cells = rng.integers(0, 256, (6, 6), dtype=np.uint8)
        soft[:] = cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
    return made


def probabilities(
    converted: Converted, grey: NDArray[np.uint8], runtime: Any, precision: Any = "f32"
) -> Probabilities:
    """Of each class (n, classes), as the program gives them for prepared pictures."""
    engine = load_engine(converted.content, runtime, precision, ("logits",))
    return np.asarray(np.exp(log_shares(engine.arrays(grey)[0])))


def parity(path: Path, converted: Converted, pixels: Pixels, keras: bool = True) -> dict[str, Any]:
    """Compare, and refuse what differs.

    Args:
        path: the Keras file.
        converted: from it.
        pixels: with which it was converted.
        keras: whether Keras is asked too, where it is installed.

    Returns:
        For the card: largest differences of any class's probability, from OpenVINO in f32.

    Raises:
        WeightsError: a difference is larger than TOLERANCE.
    """
    grey = pictures(_PICTURES, converted.height, converted.width)
    ours = probabilities(converted, grey, "openvino")
    found: dict[str, Any] = {
        "what": f"largest difference of a probability from OpenVINO's in f32, {_PICTURES} pictures",
        "onnxruntime": _difference(ours, probabilities(converted, grey, "onnxruntime")),
        "fastest_precision": _difference(ours, probabilities(converted, grey, "openvino", "auto")),
        "keras": None,
        "keras_version": "not asked",
    }
    if keras:
        said, found["keras_version"] = _keras_says(path, as_keras(grey, pixels, converted.channels))
        if said is not None:
            found["keras"] = _difference(ours, as_probabilities(said, converted.ending))
    for name in ("onnxruntime", "keras"):
        if found[name] is not None and not found[name] <= TOLERANCE:
            raise WeightsError(
                f"{path}: the converted network's probabilities differ from those of {name} by "
                f"{found[name]:.2g} (allowed {TOLERANCE:g}), so nothing was written; please report "
                "the kinds of its layers."
            )
    return found


def as_probabilities(said: NDArray[Any], ending: str) -> Probabilities:
    """What Keras's output (n, k) says of each class; see `Converted.ending`."""
    exact = np.asarray(said, np.float64)
    if ending == "logits":
        return np.asarray(np.exp(log_shares(said)))
    if exact.shape[1] == 1:
        return np.hstack([1 - exact, exact])
    return np.asarray(exact / exact.sum(axis=1, keepdims=True))


def _difference(one: Probabilities, other: Probabilities) -> float:
    return float(np.abs(one - other).max())


def _keras_says(path: Path, inputs: NDArray[np.float32]) -> tuple[NDArray[Any] | None, str]:
    """Keras's output (n, k) and its version; None and why not."""
    backends = [name for name in _BACKENDS if find_spec(name)]
    if not find_spec("keras") or not backends:
        return None, "not asked: Keras is not installed"
    quiet = {"KERAS_BACKEND": backends[0], "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder, "inputs.npy"), Path(folder, "outputs.npy")
        np.save(given, inputs)
        words = [original.__file__, str(path.resolve()), str(given), str(answer)]
        done = subprocess.run(
            [sys.executable, "-P", "-W", "ignore", *words],
            env=quiet | os.environ,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
        if done.returncode or not answer.is_file():
            return None, "asked, but the Keras installed here cannot load this file"
        return np.load(answer), done.stdout.strip().splitlines()[-1]

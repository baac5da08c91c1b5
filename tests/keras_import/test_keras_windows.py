from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

pytest.importorskip("onnx")
if not all(map(find_spec, ("h5py", "keras", "tensorflow"))):
    pytest.skip("Keras on TensorFlow is not installed", allow_module_level=True)

from mammoscope.keras_import.convert import convert
from mammoscope.keras_import.front import Pixels, as_keras
from mammoscope.keras_import.parity import as_probabilities, pictures, probabilities

Ask = Callable[..., Any]
TWO = some.tuples(some.integers(1, 5), some.integers(1, 5))


@pytest.fixture(scope="module")
def keras_says(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Asks a process that holds Keras for a model of one layer, and what it answers."""
    folder = tmp_path_factory.mktemp("layers")
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(Path(__file__).with_name("keras_layers.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None

    def ask(**wanted: Any) -> Any:
        paths = {"path": str(folder / "model.keras"), "inputs": str(folder / "inputs.npy")}
        np.save(paths["inputs"], wanted.pop("inputs"))
        stdin.write(json.dumps({**wanted, **paths}) + "\n")
        stdin.flush()
        said = next(line for line in stdout if line.startswith("said "))
        return Path(paths["path"]), np.array(json.loads(said[5:]))

    yield ask
    stdin.close()
    process.wait(60)
    stdout.close()


@some.composite
def windows(draw: some.DrawFn) -> tuple[str, dict[str, Any]]:
    kind = draw(
        some.sampled_from(("Conv2D", "DepthwiseConv2D", "MaxPooling2D", "AveragePooling2D"))
    )
    padding, size = draw(some.sampled_from(("same", "valid"))), draw(TWO)
    if "Pooling" in kind:
        return kind, {"pool_size": size, "strides": draw(TWO), "padding": padding}
    # Keras refuses strides together with dilation, and depthwise strides that differ.
    settings = {"kernel_size": size, "padding": padding, "use_bias": draw(some.booleans())}
    if draw(some.booleans()):
        settings["dilation_rate"] = draw(some.integers(1, 3))
    else:
        step = draw(some.integers(1, 4))
        settings["strides"] = (
            step if kind == "DepthwiseConv2D" else (step, draw(some.integers(1, 4)))
        )
    return kind, {**settings, "filters": 3} if kind == "Conv2D" else settings


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(one=windows(), sides=some.tuples(some.integers(16, 21), some.integers(16, 21)))
def test_a_window_slides_as_in_keras(
    keras_says: Ask, one: tuple[str, dict[str, Any]], sides: tuple[int, int]
) -> None:
    kind, chosen = one
    grey, pixels = pictures(3, *sides), Pixels("tf")
    path, said = keras_says(
        kind=kind, settings=chosen, shape=[*sides, 3], seed=1, inputs=as_keras(grey, pixels, 3)
    )
    converted = convert(path, pixels)
    wanted = as_probabilities(said, converted.ending)
    assert np.abs(probabilities(converted, grey, "onnxruntime") - wanted).max() <= 1e-5

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
if not all(map(find_spec, ("h5py", "keras", "tensorflow"))):
    pytest.skip("Keras on TensorFlow is not installed", allow_module_level=True)


from mammoscope.keras_import.convert import convert
from mammoscope.keras_import.front import Pixels
from mammoscope.keras_import.parity import (
    as_probabilities,
    parity,
    pictures,
    probabilities,
)
from measuring import keras_models

NAMES = ("resnet50", "densenet201", "vgg16", "plain", "plain_two_sigmoids", "scaled_inside")
SIDE, COUNT, SEED = 64, 8, 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Models that Keras made and saved in a process of its own, and what it answers."""
    folder = tmp_path_factory.mktemp("made")
    np.save(folder / "pictures.npy", pictures(COUNT, SIDE, SIDE, SEED))
    script = str(keras_models.__file__)
    words = [str(folder / "pictures.npy"), str(folder), "--only", *NAMES]
    subprocess.run(
        [sys.executable, "-W", "ignore", script, *words],
        check=True,
        capture_output=True,
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""},
    )
    yield folder
    shutil.rmtree(folder)  # half a gigabyte, of which pytest would keep three


@pytest.mark.parametrize("name", NAMES)
def test_a_converted_classifier_answers_as_keras_does(made: Path, name: str) -> None:
    case = keras_models.CASES[name]
    pixels = Pixels(case.scaling, case.sharpen)
    converted = convert(made / f"{name}.keras", pixels)
    wanted = as_probabilities(np.load(made / f"{name}.npz")["said"], converted.ending)
    assert converted.outputs == case.outputs
    assert wanted.std(axis=0).min() > 0.03  # the answers differ, so a wrong network would show
    grey = pictures(COUNT, SIDE, SIDE, SEED)
    for runtime in ("openvino", "onnxruntime"):
        assert np.abs(probabilities(converted, grey, runtime) - wanted).max() <= 1e-4, runtime
    assert convert(made / f"{name}.h5", pixels).content == converted.content


def test_keras_is_asked_in_a_process_of_its_own(made: Path) -> None:
    path, pixels = made / "plain.keras", Pixels("raw")
    found = parity(path, convert(path, pixels), pixels)
    assert found["keras"] <= 1e-4
    assert found["keras_version"].endswith(", tensorflow")
    assert "keras" not in sys.modules

from __future__ import annotations

import base64
import marshal
import pickle
import types
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
if find_spec("h5py") is None:
    pytest.skip("h5py is not installed", allow_module_level=True)


from mammoscope.errors import ConfigError, WeightsError
from mammoscope.keras_import.convert import convert
from mammoscope.keras_import.front import Pixels
from mammoscope.keras_import.parity import pictures, probabilities
from measuring import keras_hostile as hostile

CODE, OUTSIDE = "holds Python code", "an object of the author's own"
SENTENCES = {
    "array_in_another_file.h5": "bias:0 lie in another file",
    "bomb.keras": "unpacks to 80,000,000 bytes",
    "custom_object.keras": f"'Custom>Dropout' is {OUTSIDE}",
    "declares_too_much.h5": "declares 4,398,046,511,104 bytes and stores 0",
    "deep_json.keras": "config.json is not the JSON",
    "external_link.h5": "bias:0 is a link to another place or file",
    "flipped.keras": "model.weights.h5 in the archive cannot be read",
    "foreign_activation.keras": "activation 'exec', a function of its author's",
    "foreign_module.keras": f"'subprocess.Popen' is {OUTSIDE}",
    "group_in_itself.h5": "more or deeper than any model's",
    "hidden_lambda.keras": CODE,
    "huge_padding.keras": "makes the network too large",
    "lambda.keras": f"Lambda 'x' {CODE}",
    "lambda_activation.keras": "activation 'a lambda', a function of its author's",
    "missing_weights.keras": "layer 'dense' (Dense): its bias is not in the file",
    "more_weights.keras": "2 arrays belong to no layer",
    "nested_models.keras": "makes the network too large",
    "no_probability.keras": "no sigmoid or softmax",
    "not_a_number.keras": "holds 1 values that are no finite numbers",
    "not_an_object.keras": "config.json is not a JSON object",
    "old_lambda.h5": f"Lambda 'x' {CODE}",
    "other_shape.keras": "kernel is 5x5x1x4, and its settings ask for 3x3x1x4",
    "own_model_class.keras": "'MyModel', a class of its author's",
    "pickle.keras": "a Python pickle, which can run code and is never opened",
    "pickled_npz.keras": "no model.weights.h5 but model.weights.npz",
    "picture.h5": "no model file of Keras",
    "saved_model": "perhaps a TensorFlow SavedModel",
    "soft_link.h5": "bias:0 is a link to another place or file",
    "strange_settings.keras": "settings that Keras does not write",
    "tensorflow_write.keras": "the function tf.io.write_file",
    "text_for_numbers.h5": "does not hold floating numbers",
    "truncated.h5": "the HDF5 file cannot be read",
    "truncated.keras": "the zip archive cannot be read",
    "two_inputs.keras": "the model has 2 inputs",
    "unknown_activation.keras": "activation 'my_own', which is not known here",
    "unknown_layer.keras": "layer 'memory' (LSTM) is of a kind that is not converted",
    "virtual_array.h5": "bias:0 lie in another file",
    "weights_only.h5": "weights alone",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {one.name: one for one in hostile.write_all(tmp_path_factory.mktemp("hostile"))}


def test_every_hostile_file_has_its_sentence(files: dict[str, Path]) -> None:
    assert sorted(files) == sorted(SENTENCES)


@pytest.mark.parametrize("name", SENTENCES)
def test_a_hostile_file_is_refused_with_its_sentence(files: dict[str, Path], name: str) -> None:
    with pytest.raises(WeightsError) as refusal:
        convert(files[name], Pixels("1/255"))
    said = str(refusal.value)
    assert said.startswith(f"{files[name]}: ")
    assert SENTENCES[name] in said
    assert said.endswith(".")
    assert not (files[name].parent / hostile.MARKER).exists()


def test_the_payloads_would_have_worked(tmp_path: Path) -> None:
    function = types.FunctionType(marshal.loads(base64.b64decode(hostile.code(tmp_path))), {})
    function(0)
    assert (tmp_path / hostile.MARKER).is_file()
    (tmp_path / hostile.MARKER).unlink()
    pickle.loads(pickle.dumps(hostile.Payload(tmp_path))).close()
    assert (tmp_path / hostile.MARKER).is_file()


def test_a_crash_of_hdf5_is_a_refusal(tmp_path: Path) -> None:
    """Bytes of a whole file are changed at random; some make HDF5's own library crash."""
    hostile.write_h5(tmp_path / "whole.h5").close()
    whole = (tmp_path / "whole.h5").read_bytes()
    rng, told = np.random.default_rng(0), []
    for _ in range(12):
        content = bytearray(whole)
        for place in rng.integers(len(whole), size=20):
            content[place] = rng.integers(256)
        (tmp_path / "changed.h5").write_bytes(bytes(content))
        try:  # a change may be harmless, and nothing else may be raised
            convert(tmp_path / "changed.h5", Pixels("1/255"))
        except WeightsError as error:
            told.append(str(error))
    assert told
    assert all(one.startswith(str(tmp_path / "changed.h5")) for one in told)


def test_the_small_classifier_itself_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.keras").write_bytes(hostile.keras_file())
    hostile.write_h5(tmp_path / "a.h5").close()
    grey = pictures(4, hostile.SIDE, hostile.SIDE)
    zipped, hdf5 = (
        probabilities(convert(tmp_path / name, Pixels("1/255")), grey, "onnxruntime")
        for name in ("a.keras", "a.h5")
    )
    assert np.array_equal(zipped, hdf5)


def test_a_network_for_any_size_needs_one(tmp_path: Path) -> None:
    path = tmp_path / "any.keras"
    described = hostile.changed(0, batch_shape=[None, None, None, 1])
    path.write_bytes(hostile.keras_file(described))
    with pytest.raises(WeightsError, match=r"any size; give .* --size 224"):
        convert(path, Pixels("raw"))
    converted = convert(path, Pixels("raw"), size=(48, 40))
    assert (converted.height, converted.width) == (48, 40)


def test_a_scaling_of_three_colours_needs_three_channels(tmp_path: Path) -> None:
    (tmp_path / "a.keras").write_bytes(hostile.keras_file())
    with pytest.raises(ConfigError, match="1 channels"):
        convert(tmp_path / "a.keras", Pixels("caffe"))

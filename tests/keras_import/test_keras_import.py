from __future__ import annotations

import io
import json
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("onnx")
if find_spec("h5py") is None:
    pytest.skip("h5py is not installed", allow_module_level=True)


from mammoscope.cli import main
from mammoscope.errors import ConfigError, WeightsError
from mammoscope.infer import Predictor
from mammoscope.infer.classifier import Classifier
from mammoscope.infer.region import judge_region
from mammoscope.io import load_exam, scan
from mammoscope.keras_import.card import Answers, density_classes
from mammoscope.keras_import.convert import Converted, convert
from mammoscope.keras_import.front import SCALINGS, Pixels, as_keras
from mammoscope.keras_import.importing import Options, import_keras
from mammoscope.keras_import.parity import pictures, probabilities
from mammoscope.models.card import load_card
from mammoscope.types import Mammogram
from measuring import keras_hostile as small
from pictures import breast, ultrasound

GRADES = tuple(f"Density{n} {kind}" for n in range(1, 5) for kind in ("Benign", "Malignant"))
MALIGNANT = tuple(name for name in GRADES if name.endswith("Malignant"))
TWO = ("benign", "malignant")


def keras_file(path: Path, outputs: int = 1, channels: int = 1) -> Path:
    """The small classifier with so many outputs and channels."""
    described, held = small.config(), small.arrays()
    layers = described["config"]["layers"]
    layers[0]["config"]["batch_shape"][-1] = channels
    layers[3]["config"] |= {"units": outputs, "activation": "softmax" if outputs > 1 else "sigmoid"}
    rng = np.random.default_rng(1)
    held["conv"]["kernel"] = rng.normal(size=(3, 3, channels, small.FILTERS)).astype(np.float32)
    held["dense"] = {
        "kernel": rng.normal(size=(small.FILTERS, outputs)).astype(np.float32),
        "bias": np.zeros(outputs, np.float32),
    }
    path.write_bytes(small.keras_file(described, held))
    return path


def weights(
    folder: Path, purpose: str, classes: tuple[str, ...] = TWO, positive: tuple[str, ...] = TWO[1:]
) -> Path:
    outputs = len(classes) if len(classes) > 2 else 1
    path = keras_file(folder / "model.keras", outputs)
    answers = Answers(purpose, classes, positive, Pixels("1/255"))  # type: ignore[arg-type]
    import_keras(path, folder / "weights", answers, Options(keras=False))
    return folder / "weights"


def said(folder: Path, grey: np.ndarray) -> np.ndarray:
    """What the network itself gives for a picture that fills its input by resizing."""
    size = (small.SIDE, small.SIDE)
    seen = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)[None]
    outputs = len(load_card(folder).classes)
    network = (folder / "network.onnx").read_bytes()
    converted = Converted(network, *size, 1, outputs, "softmax", {}, "")
    return probabilities(converted, seen, "onnxruntime")[0]


def test_predict_takes_a_whole_mammogram_classifier(tmp_path: Path) -> None:
    folder = weights(tmp_path, "mammogram")
    (tmp_path / "exam").mkdir()
    cv2.imwrite(str(tmp_path / "exam" / "a_L-CC.png"), breast())
    report = Predictor.load(folder, precision="f32")(load_exam(scan([tmp_path / "exam"])[0]))
    (image,) = report.images
    assert image.malignancy == pytest.approx(said(folder, breast())[1], abs=1e-4)
    assert report.breasts["L"].malignancy == pytest.approx(image.malignancy)
    assert (image.findings, image.lesion_map, image.density) == ((), None, None)
    assert image.shape_px == breast().shape
    assert report.flag is (image.malignancy is not None and image.malignancy >= 0.5)


def test_eight_outputs_give_malignancy_and_density(tmp_path: Path) -> None:
    folder = weights(tmp_path, "mammogram", GRADES, MALIGNANT)
    (image,) = Predictor.load(folder, precision="f32").judge([Mammogram(breast(), "a.png")])
    wanted = said(folder, breast())
    assert image.malignancy == pytest.approx(wanted[1::2].sum(), abs=1e-4)
    assert image.density is not None
    assert image.density.probabilities == pytest.approx(wanted.reshape(4, 2).sum(1), abs=1e-4)


def test_a_region_classifier_judges_regions(tmp_path: Path) -> None:
    classifier = Classifier.load("region", weights(tmp_path, "region"))
    found = judge_region(Mammogram(breast(), "a.png"), (40, 60, 140, 160), classifier)
    assert sum(found.answer.probabilities.values()) == pytest.approx(1)


def test_an_ultrasound_classifier_judges_pictures(tmp_path: Path) -> None:
    classifier = Classifier.load("ultrasound", weights(tmp_path, "ultrasound"))
    report = classifier.picture_report(Mammogram(ultrasound(), "a.png"))
    assert report.ultrasound is not None
    assert tuple(report.ultrasound.probabilities) == TWO


@pytest.mark.parametrize("sharpen", [False, True])
@pytest.mark.parametrize("scaling", SCALINGS)
def test_the_network_is_fed_as_its_author_fed_it(
    tmp_path: Path, scaling: str, sharpen: bool
) -> None:
    pixels = Pixels(scaling, sharpen)
    path = keras_file(tmp_path / "a.keras", outputs=3, channels=3)
    grey = pictures(4, small.SIDE, small.SIDE)
    found = probabilities(convert(path, pixels), grey, "onnxruntime")
    given = as_keras(grey, pixels, 3)
    assert np.abs(found - by_hand(path, given)).max() <= 1e-4


def by_hand(path: Path, given: np.ndarray) -> np.ndarray:
    """What the small classifier gives, from its arrays in the file, with OpenCV's filters."""
    from mammoscope.keras_import.archive import read_keras

    arrays = read_keras(path).arrays
    kernel, bias, dense, last = (
        arrays.read(f"layers/{name}/vars/{n}") for name in ("conv2d", "dense") for n in (0, 1)
    )
    rows = []
    for picture in given.astype(np.float64):
        padded = np.pad(picture, ((0, 1), (0, 1), (0, 0)))  # "same" at stride 2: below and right
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (0, 1))[::2, ::2]
        maps = np.einsum("hwcij,ijcf->hwf", windows, kernel) + bias
        rows.append(np.maximum(maps, 0).mean(axis=(0, 1)) @ dense + last)
    shares = np.exp(np.array(rows) - np.max(rows, axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def test_density_is_read_off_names_that_all_tell_it() -> None:
    assert density_classes(GRADES)["B"] == ["Density2 Benign", "Density2 Malignant"]
    assert density_classes([f"density_{grade}" for grade in "ABCD"])["D"] == ["density_D"]
    assert density_classes(["Density benign", "Density malignant"]) == {}
    assert density_classes(["normal", *GRADES]) == {}


def test_a_card_whose_density_leaves_classes_out_is_refused(tmp_path: Path) -> None:
    folder = weights(tmp_path, "mammogram", GRADES, MALIGNANT)
    card = json.loads((folder / "card.json").read_text())
    card["density_classes"]["A"] = card["density_classes"]["B"]
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(WeightsError, match="density_classes cannot be used"):
        load_card(folder)


@pytest.mark.parametrize(
    ("classes", "positive", "told"),
    [
        (("one",), ("one",), "give 2 different names"),
        (("a", "a"), ("a",), "give 2 different names"),
        (TWO, (), "must name some, and not all"),
        (TWO, TWO, "must name some, and not all"),
        (TWO, ("cancer",), "must name some, and not all"),
    ],
)
def test_answers_that_do_not_fit_are_refused(
    classes: tuple[str, ...], positive: tuple[str, ...], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        Answers("mammogram", classes, positive, Pixels("raw")).check(1)


COMMAND = ["--pixels", "1/255", "--classes", "benign, malignant", "--positive", "malignant"]


@pytest.mark.usefixtures("command_line")
def test_the_command_writes_weights_that_say_what_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = keras_file(tmp_path / "model.keras"), tmp_path / "mine"
    words = ["models", "import", str(path), "--out", str(out), *COMMAND, "--no-keras"]
    assert main([*words, "--purpose", "mammogram"]) == 0
    assert f"mammoscope predict PATH --weights {out}" in capsys.readouterr().out
    card = json.loads((out / "card.json").read_text())
    assert (card["name"], card["purpose"], card["classes"]) == ("mine", "mammogram", list(TWO))
    assert card["operating_points"][0]["sensitivity"] is None
    assert "Not calibrated" in card["calibration"]["note"]
    assert card["parity"]["onnxruntime"] <= 1e-4
    assert main([*words, "--purpose", "mammogram"]) == 2
    assert "is there already" in capsys.readouterr().err


class Terminal(io.StringIO):
    """Somebody at the keyboard."""

    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("command_line")
@pytest.mark.parametrize(("answers", "code"), [("1/255\nregion\n", 0), ("brightly\n", 2)])
def test_what_is_not_given_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: str, code: int
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answers))
    words = ["models", "import", str(keras_file(tmp_path / "a.keras")), *COMMAND[2:], "--no-keras"]
    assert main([*words, "--out", str(tmp_path / "mine")]) == code
    assert (tmp_path / "mine" / "card.json").exists() is (code == 0)


@pytest.mark.usefixtures("command_line")
def test_without_answers_and_a_keyboard_the_options_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(["models", "import", str(tmp_path / "a.keras"), "--out", str(tmp_path)]) == 2
    assert "--pixels, --classes, --positive, --purpose" in capsys.readouterr().err


def old_form(kind: str, name: str, /, *calls: object, **settings: object) -> dict[str, object]:
    """A layer as Keras 2 describes it in a graph."""
    return {"class_name": kind, "name": name, "config": settings, "inbound_nodes": list(calls)}


def test_a_graph_of_keras_2_is_read(tmp_path: Path) -> None:
    """Functions of TensorFlow as layers, and a model inside whose calls are counted from 1."""
    conv, pool, dense = (layer["config"] for layer in small.config()["config"]["layers"][1:])
    shape, tail = [None, small.SIDE, small.SIDE, 1], ["input", 0, 0]
    turned = [{"class_name": "__ellipsis__"}, {"start": None, "stop": None, "step": -1}]
    inner = {
        "layers": [
            old_form("InputLayer", "start", batch_input_shape=shape),
            old_form("Conv2D", "conv", [["start", 0, 0, {}]], **conv),
        ],
        "input_layers": [["start", 0, 0]],
        "output_layers": [["conv", 0, 0]],
    }
    layers = [
        old_form("InputLayer", "input", batch_input_shape=shape),
        old_form("TFOpLambda", "a", [*tail, {"y": 127.5}], function="math.truediv"),
        old_form("TFOpLambda", "b", ["a", 0, 0, {"y": 1.0}], function="math.subtract"),
        old_form(
            "SlicingOpLambda",
            "c",
            ["b", 0, 0, {"slice_spec": turned}],
            function="__operators__.getitem",
        ),
        old_form("Functional", "inner", [["c", 0, 0, {}]], **inner),
        old_form("GlobalAveragePooling2D", "pool", [["inner", 1, 0, {}]], **pool),
        old_form("Dense", "dense", [["pool", 0, 0, {}]], **dense),
    ]
    ends = {"input_layers": [["input", 0, 0]], "output_layers": [["dense", 0, 0]]}
    described = {"class_name": "Model", "config": {"name": "m", "layers": layers, **ends}}
    with small.write_h5(tmp_path / "old.h5", described) as file:
        file.move("model_weights/conv/conv", "model_weights/inner/conv")
        del file["model_weights/conv"]
    (tmp_path / "new.keras").write_bytes(small.keras_file())
    old = convert(tmp_path / "old.h5", Pixels("raw"))
    new = convert(tmp_path / "new.keras", Pixels("tf"))
    grey = pictures(4, small.SIDE, small.SIDE)
    found, wanted = (probabilities(one, grey, "onnxruntime") for one in (old, new))
    assert np.abs(found - wanted).max() <= 1e-6

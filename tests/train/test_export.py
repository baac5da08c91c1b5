from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from pictures import breast

torch = pytest.importorskip("torch")
pd = pytest.importorskip("pandas")

from mammoscope.errors import ConfigError, WeightsError  # noqa: E402
from mammoscope.infer.engine import FINDING_MAP, OUTPUTS, load_engine  # noqa: E402
from mammoscope.models.card import (  # noqa: E402
    load_card,
    shipped_folder,
    verify,
    write_weights,
)
from mammoscope.models.networks import HeadSpec, Network  # noqa: E402
from mammoscope.models.registry import create  # noqa: E402
from mammoscope.train.checkpoint import save_weights  # noqa: E402
from mammoscope.train.classifier_card import classifier_calibration  # noqa: E402
from mammoscope.train.config import Task, load_recipe  # noqa: E402
from mammoscope.train.dataset import TrainingSet  # noqa: E402
from mammoscope.train.export import (  # noqa: E402
    Args,
    export,
    output_names,
    parity,
    to_onnx,
)
from mammoscope.train.fitting import new_network  # noqa: E402

READER = HeadSpec(2, "map", density=True)
THREE = HeadSpec(3, "average", lesion_map=True)
PLAIN = HeadSpec(2, "own")
FINDER = HeadSpec(2, "map", density=True, findings=True)
PIXELS = np.random.default_rng(0).integers(0, 256, (3, 64, 96), dtype=np.uint8)


def network(heads: HeadSpec, name: str = "efficientnet_lite0") -> Network:
    torch.manual_seed(0)
    return create(name, heads).eval()


@pytest.mark.parametrize(
    ("name", "heads", "outputs"),
    [
        ("plain_cnn", READER, OUTPUTS),
        ("efficientnet_lite0", FINDER, (*OUTPUTS, FINDING_MAP)),
        ("plain_cnn", THREE, ("logits", "lesion_map")),
        ("plain_cnn", PLAIN, ("logits",)),
    ],
)
def test_an_exported_network_gives_what_torch_gives(
    name: str, heads: HeadSpec, outputs: tuple[str, ...]
) -> None:
    one = network(heads, name)
    onnx = to_onnx(one, 64, 96)
    assert output_names(one) == outputs
    assert max(parity(one, onnx, PIXELS).values()) <= 1e-3
    arrays = load_engine(onnx, "onnxruntime", outputs=outputs).arrays(PIXELS)
    assert [len(array) for array in arrays] == [3] * len(outputs)


def test_another_networks_weights_are_not_written() -> None:
    one = network(PLAIN, "plain_cnn")
    onnx = to_onnx(one, 64, 64)
    with torch.no_grad():
        next(reversed(list(one.parameters()))).add_(1.0)
    with pytest.raises(WeightsError, match="nothing was written"):
        parity(one, onnx, PIXELS[:, :, :64])


def test_what_is_written_is_what_the_card_says(tmp_path: Path) -> None:
    card = write_weights(tmp_path / "weights", b"network", {"name": "tiny"})
    assert card == json.loads((tmp_path / "weights" / "card.json").read_text())
    assert card["size_bytes"] == 7
    assert (tmp_path / "weights" / "network.onnx").read_bytes() == b"network"


TASK = Task(target="pathology", classes=("normal", "benign", "malignant"), positive=("malignant",))


def judged(folder: Path, sign: float) -> tuple[Path, TrainingSet]:
    """Out-of-fold predictions of 60 images whose logits tell the class, or with sign -1 the
    opposite."""
    random = np.random.default_rng(0)
    target = np.arange(60) % 3
    names = [f"{number}.png" for number in range(60)]
    logit = sign * (2.0 * (target == 2) - 1) + random.normal(0, 1, 60)
    table = {"image_path": names, "malignancy_logit": logit}
    table["peak_logit"] = sign * (2.0 * (target > 0) - 1) + random.normal(0, 1, 60)
    pd.DataFrame(table).to_csv(folder / "predictions.csv", index=False)
    nothing = np.zeros(60, np.int64)
    data = TrainingSet(
        np.zeros((60, 4, 4), np.uint8), pd.DataFrame({"image_path": names}), target, target == 2,
        nothing, nothing.astype(str), nothing.astype(np.float32), None, pd.DataFrame(),
    )  # fmt: skip
    return folder / "predictions.csv", data


def test_a_classifiers_card_says_how_to_read_its_logits(tmp_path: Path) -> None:
    predictions, data = judged(tmp_path, 1.0)
    card = classifier_calibration(predictions, TASK, data)
    assert card["classes"] == ["normal", "benign", "malignant"]
    assert card["calibration"]["platt"]["slope"] > 0
    assert card["calibration"]["map"]["slope"] > 0
    point = next(one for one in card["operating_points"] if one["name"] == "sensitivity_90")
    assert point["sensitivity"] >= 0.9
    assert 0 < point["threshold"] < 1


def test_weights_that_call_the_wrong_ones_cancer_are_not_exported(tmp_path: Path) -> None:
    predictions, data = judged(tmp_path, -1.0)
    with pytest.raises(ConfigError, match="cancers do not score higher"):
        classifier_calibration(predictions, TASK, data)


RECIPE = """
name = "tiny"
network = "plain_cnn"
weights = "none"
folds = 2
[task]
density_weight = {density}
[head]
pooling = "{pooling}"
[input]
height = 64
width = 64
[optimiser]
epochs = 1
"""


def finished_run(folder: Path, density: float, pooling: str = "map") -> Args:
    """A run whose network learned nothing and whose folds' predictions are good ones."""
    (folder / "tiny.toml").write_text(
        RECIPE.format(density=density, pooling=pooling), encoding="utf-8"
    )
    (folder / "tiny.card.json").write_text('{"description": "tiny"}', encoding="utf-8")
    cv2.imwrite(str(folder / "a.png"), breast())
    rows = [
        {
            "image_path": f"{number}.png", "dataset": "tiny", "patient_id": f"p{number // 2}",
            "laterality": "LR"[number % 2], "view": "CC", "modality": "mammography",
            "cancer": number // 2 % 2, "density": "B", "machine_id": "1",
        }
        for number in range(24)
    ]  # fmt: skip
    for row in rows:
        cv2.imwrite(str(folder / str(row["image_path"])), breast())
    table = pd.DataFrame(rows)
    table.to_csv(folder / "manifest.csv", index=False)
    noise = np.random.default_rng(0).normal(0, 1, len(table))
    table["malignancy_logit"] = 3.0 * table["cancer"] - 1.5 + noise
    table["peak_logit"] = table["malignancy_logit"] + 1
    said = table[["image_path", "malignancy_logit", "peak_logit"]]
    for fold in range(2):
        (folder / "run" / str(fold)).mkdir(parents=True)
        part = said.iloc[12 * fold : 12 * (fold + 1)].assign(fold=fold)
        part.to_csv(folder / "run" / str(fold) / "predictions.csv", index=False)
    recipe = load_recipe(folder / "tiny.toml")
    (folder / "run" / "final").mkdir()
    save_weights(folder / "run" / "final" / "weights.safetensors", new_network(recipe))
    return Args(folder / "tiny.toml", folder, folder / "run", folder / "weights")


@pytest.mark.parametrize(("density", "outputs"), [(0.2, None), (0.0, ["logits", "lesion_map"])])
def test_a_finished_run_becomes_weights_that_load(
    tmp_path: Path, density: float, outputs: list[str] | None
) -> None:
    card = export(finished_run(tmp_path, density))
    loaded = load_card(tmp_path / "weights")
    assert verify(loaded)
    assert loaded.card == card
    assert card["description"] == "tiny"
    assert card.get("outputs") == outputs
    assert loaded.preprocess == load_recipe(tmp_path / "tiny.toml").preprocess
    assert loaded.platt[0] > 0
    assert (card["training"]["images"], card["training"]["patients"]) == (24, 12)


def test_weights_for_regions_are_calibrated_on_what_is_answered_to_regions(tmp_path: Path) -> None:
    args = finished_run(tmp_path, 0.0, "average")
    (tmp_path / "tiny.card.json").write_text('{"purpose": "region"}', encoding="utf-8")
    for fold in "01":
        file = tmp_path / "run" / fold / "predictions.csv"
        said = pd.read_csv(file)
        said.drop(columns="peak_logit").to_csv(file.with_name("regions.csv"), index=False)
        said.assign(malignancy_logit=-said["malignancy_logit"]).to_csv(file, index=False)
    assert export(args)["calibration"]["platt"]["slope"] > 0
    assert load_card(tmp_path / "weights", "region").outputs == ("logits",)


def test_weights_for_regions_have_no_map(tmp_path: Path) -> None:
    args = finished_run(tmp_path, 0.0)
    (tmp_path / "tiny.card.json").write_text('{"purpose": "region"}', encoding="utf-8")
    with pytest.raises(ConfigError, match="gives logits, lesion_map"):
        export(args)


def test_a_card_without_its_written_part_is_an_error(tmp_path: Path) -> None:
    args = finished_run(tmp_path, 0.0)
    (tmp_path / "tiny.card.json").unlink()
    with pytest.raises(ConfigError, match="written part cannot be read"):
        export(args)


def test_a_shipped_file_tells_nothing_of_the_folders_it_was_made_in() -> None:
    for folder in sorted(shipped_folder().iterdir()):
        assert b'.py", line' not in (folder / "network.onnx").read_bytes()

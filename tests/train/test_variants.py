from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pd = pytest.importorskip("pandas")
onnx = pytest.importorskip("onnx")
pytest.importorskip("timm")

from mammoscope.errors import ConfigError  # noqa: E402
from mammoscope.infer.engine import OUTPUTS, load_engine  # noqa: E402
from mammoscope.metrics.roc import auc  # noqa: E402
from mammoscope.models.card import load_card, verify  # noqa: E402
from mammoscope.train import run as training  # noqa: E402
from mammoscope.train.config import load_recipe  # noqa: E402
from mammoscope.train.finished import recipe_of  # noqa: E402
from mammoscope.train.variants import Args, judged_singly, variants  # noqa: E402
from mammoscope.train.variants_table import Rule  # noqa: E402
from training_example import RECIPE, pictures, recipe_file  # noqa: E402

HEADS = RECIPE.replace("test_efficientnet", "plain_cnn").replace(
    "[task]", "[task]\ndensity_weight = 0.3"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = pictures(tmp_path_factory.mktemp("data"), 30)
    recipe_file(
        made, HEADS.replace("batch_size = 4", "batch_size = 15").replace("= 2\nb", "= 1\nb")
    )
    return made


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Path:
    """Two folds of two steps each."""
    out = tmp_path_factory.mktemp("run")
    recipe = folder / "recipe.toml"
    training.train(training.Args(recipe, folder, out, only=("0", "1"), workers=0, device="cpu"))
    return out


@pytest.fixture(scope="module")
def args(tmp_path_factory: pytest.TempPathFactory, folder: Path, run: Path) -> Args:
    out = tmp_path_factory.mktemp("variants")
    return Args(run, folder, out, calibration=8, resamples=100)


@pytest.fixture(scope="module")
def rows(args: Args) -> dict[str, dict[str, object]]:
    variants(args)
    found = json.loads((args.out / "variants.json").read_text(encoding="utf-8"))
    return {row["variant"]: row for row in found["rows"]}


def joined(args: Args, variant: str) -> pd.DataFrame:
    parts = [pd.read_csv(args.out / fold / variant / "predictions.csv") for fold in "01"]
    truth = pd.read_csv(args.data / "manifest.csv", usecols=["image_path", "pathology"])
    return pd.concat(parts).merge(truth, on="image_path")


def test_the_reference_says_what_torch_said(
    rows: dict[str, dict[str, object]], args: Args, run: Path
) -> None:
    for fold in "01":
        wanted = pd.read_csv(run / fold / "predictions.csv")
        found = pd.read_csv(args.out / fold / "fp32" / "predictions.csv")
        assert list(found.columns) == list(wanted.columns)
        assert list(found["image_path"]) == list(wanted["image_path"])
        assert found["malignancy_logit"].to_numpy() == pytest.approx(
            wanted["malignancy_logit"].to_numpy(), abs=1e-3
        )


def test_the_figures_are_those_of_the_predictions(
    rows: dict[str, dict[str, object]], args: Args
) -> None:
    fp32, int8 = joined(args, "fp32"), joined(args, "int8")
    truth = (fp32["pathology"] == "malignant").to_numpy(int)
    areas = [auc(truth, table["malignancy_logit"]) for table in (fp32, int8)]
    row = rows["int8"]
    assert len(fp32) == 60
    assert [rows["fp32"]["auc"]["value"], row["auc"]["value"]] == pytest.approx(areas)
    assert row["change"]["value"] == pytest.approx(areas[1] - areas[0])
    assert row["change"]["low"] <= row["change"]["value"] <= row["change"]["high"]
    moved = (int8["malignancy"] - fp32["malignancy"]).abs()
    assert row["largest_change"] == pytest.approx(moved.max())
    assert row["mean_change"] == pytest.approx(moved.mean())


def test_int8_is_smaller_and_holds_whole_numbers(
    rows: dict[str, dict[str, object]], args: Args
) -> None:
    assert rows["int8"]["size_bytes"] < rows["fp32"]["size_bytes"]
    model = onnx.load(args.out / "0" / "int8" / "network.onnx")
    assert any(one.data_type == onnx.TensorProto.INT8 for one in model.graph.initializer)
    assert any(node.op_type == "QuantizeLinear" for node in model.graph.node)


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_both_runtimes_take_int8(
    rows: dict[str, dict[str, object]], args: Args, runtime: str
) -> None:
    network = (args.out / "0" / "int8" / "network.onnx").read_bytes()
    engine = load_engine(network, runtime, "f32", ("logits", "density"))
    pixels = np.full((2, 64, 64), 100, np.uint8)
    assert [len(array) for array in engine.arrays(pixels)] == [2, 2]


def test_bf16_is_measured_where_the_processor_has_it_and_else_said_to_be_missing(
    rows: dict[str, dict[str, object]],
) -> None:
    row = rows["bf16"]
    if row["verdict"] == "not available":
        assert "does not compute in bf16" in row["why"]
        assert "auc" not in row
    else:
        assert row["runtime"][0].endswith("bf16")
        assert row["size_bytes"] == rows["fp32"]["size_bytes"]


def test_a_reader_is_judged_as_training_judges() -> None:
    weights = load_card()
    engine = load_engine(verify(weights), "auto", "f32", OUTPUTS)
    size = weights.preprocess.height, weights.preprocess.width
    pixels = np.random.default_rng(0).integers(0, 256, (5, *size), dtype=np.uint8)
    judged, ms = judged_singly(engine, OUTPUTS, pixels, np.array([4, 1]))
    raw = engine.run(pixels[[4, 1]])
    odds = judged.log_shares[:, 1] - judged.log_shares[:, 0]
    assert odds == pytest.approx(raw.malignancy, abs=1e-4)
    assert judged.density is not None
    assert judged.density.sum(1) == pytest.approx(1)
    assert judged.lesion_map == pytest.approx(raw.lesion_map, abs=1e-3)
    assert ms > 0


def test_what_is_finished_is_left_as_it_is(rows: dict[str, dict[str, object]], args: Args) -> None:
    done = sorted(args.out.glob("[01]/*/*"))
    before = [path.stat().st_mtime_ns for path in done]
    markdown, files = variants(args)
    assert [path.stat().st_mtime_ns for path in done] == before
    assert [path.name for path in files] == ["variants.json", "variants.md"]
    assert files[1].read_text(encoding="utf-8") == markdown
    assert "| fp32 |" in markdown
    assert "| reference |" in markdown


def test_other_options_do_not_mix_with_what_is_there(
    rows: dict[str, dict[str, object]], args: Args
) -> None:
    with pytest.raises(ConfigError, match="holds a variant of other weights, data or options"):
        variants(replace(args, calibration=9))


def test_a_run_tells_its_recipe(run: Path, folder: Path) -> None:
    assert recipe_of(run, None) == load_recipe(folder / "recipe.toml")


def test_a_fold_that_is_not_finished_is_named(args: Args, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "0", tmp_path / "0")
    with pytest.raises(ConfigError, match=r"1/weights\.safetensors: no such file; finish the run"):
        variants(replace(args, run=tmp_path))


def test_a_run_without_its_recipe_asks_for_it(args: Args, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "0" / "start.json").unlink()
    with pytest.raises(ConfigError, match="give the run's recipe by --recipe"):
        variants(replace(args, run=tmp_path / "run"))


def test_other_data_are_refused(args: Args, run: Path, tmp_path: Path) -> None:
    other = pictures(tmp_path, 28)
    with pytest.raises(ConfigError, match=r"data\.sha256: the run was trained with other data"):
        variants(replace(args, data=other, cache=tmp_path))


def test_other_images_in_a_fold_are_refused(args: Args, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    shutil.copy(run / "0" / "predictions.csv", tmp_path / "run" / "1" / "predictions.csv")
    with pytest.raises(ConfigError, match="holds other images than fold 1"):
        variants(replace(args, run=tmp_path / "run"))


@pytest.mark.parametrize(
    ("low", "verdict"),
    [(-0.004, "may ship"), (-0.005, "may not ship"), (float("nan"), "may not ship")],
)
def test_the_interval_decides(low: float, verdict: str) -> None:
    assert Rule(margin=0.005).verdict(low) == verdict


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"calibration": 0}, "--calibration is 0"),
        ({"margin": -1.0}, "--margin is -1.0"),
        ({"resamples": 0}, "--resamples is 0"),
    ],
)
def test_impossible_options_are_named(args: Args, change: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        variants(replace(args, **change))

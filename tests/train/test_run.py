from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pd = pytest.importorskip("pandas")
pytest.importorskip("timm")

from mammoscope.errors import ConfigError, WeightsError  # noqa: E402
from mammoscope.train.config import Recipe, load_recipe  # noqa: E402
from mammoscope.train.dataset import TrainingSet  # noqa: E402
from mammoscope.train.run import FINAL, Args, collect, train, train_part, trained  # noqa: E402
from training_example import RECIPE, pictures, recipe_file  # noqa: E402

DENSE = RECIPE.replace("[task]", "[task]\ndensity_weight = 0.3").replace('"average"', '"map"')


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = pictures(tmp_path_factory.mktemp("data"))
    recipe_file(made, DENSE)
    return made


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Path:
    """Both folds and the final training, done."""
    out = tmp_path_factory.mktemp("run")
    args = Args(folder / "recipe.toml", folder, out, workers=0, device="cpu")
    names = [str(path.relative_to(out)) for path in train(args)]
    assert names == ["predictions.csv", *(f"{p}/weights.safetensors" for p in ("0", "1", FINAL))]
    return out


def test_every_image_is_judged_once_by_a_network_that_did_not_see_its_group(
    run: Path, data: TrainingSet
) -> None:
    table = pd.read_csv(run / "predictions.csv").merge(data.rows, on="image_path")
    assert len(table) == len(data.rows)
    assert (table.groupby("patient_id")["fold"].nunique() == 1).all()


def test_predictions_are_probabilities_and_their_logits(run: Path) -> None:
    table = pd.read_csv(run / "predictions.csv")
    shares = table[["p_normal", "p_benign", "p_malignant"]]
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1)
    assert table["malignancy"].to_numpy() == pytest.approx(shares["p_malignant"].to_numpy())
    odds = np.log(table["malignancy"] / (1 - table["malignancy"]))
    assert table["malignancy_logit"].to_numpy() == pytest.approx(odds.to_numpy())
    assert table[[f"density_{grade}" for grade in "ABCD"]].sum(axis=1).to_numpy() == pytest.approx(
        1
    )
    assert np.isfinite(table["peak_logit"]).all()


def test_the_final_training_holds_nobody_back(run: Path) -> None:
    kept = {path.name for path in (run / FINAL).iterdir()}
    assert {"weights.safetensors", "metrics.jsonl", "curves.png", "start.json"} <= kept
    assert not {"predictions.csv", "checkpoint.pt"} & kept


def test_every_epoch_is_recorded(run: Path) -> None:
    records = [json.loads(line) for line in (run / "0" / "metrics.jsonl").read_text().splitlines()]
    assert [(record["part"], record["epoch"]) for record in records] == [("0", 1), ("0", 2)]
    for name in ("loss", "classes", "density", "accuracy", "held_out_auc", "images_per_s"):
        assert np.isfinite(records[-1][name])


def test_what_was_started_from_is_recorded(run: Path, recipe: Recipe) -> None:
    started = json.loads((run / "0" / "start.json").read_text())
    assert started["recipe_sha256"] == recipe.sha256
    assert (started["weights"], started["images"], started["held_out"]) == (
        "random weights",
        12,
        12,
    )


def test_a_finished_part_is_left_as_it_is(run: Path, recipe: Recipe, data: TrainingSet) -> None:
    files = sorted((run / "0").iterdir())
    before = [path.stat().st_mtime_ns for path in files]
    train_part(recipe, data, "0", run)
    assert sorted((run / "0").iterdir()) == files
    assert [path.stat().st_mtime_ns for path in files] == before


def test_a_part_of_another_recipe_is_not_touched(
    run: Path, recipe: Recipe, folder: Path, data: TrainingSet
) -> None:
    other = load_recipe(folder / "recipe.toml", ["seed=7"])
    with pytest.raises(ConfigError, match="holds results of another recipe"):
        train_part(other, data, "0", run)


def test_a_part_of_other_data_is_not_touched(
    run: Path, recipe: Recipe, data: TrainingSet, tmp_path: Path
) -> None:
    shutil.copytree(run / "0", tmp_path / "0")
    (tmp_path / "0" / "data.sha256").write_text("other")
    with pytest.raises(ConfigError, match="holds results of other data"):
        train_part(recipe, data, "0", tmp_path)


def test_the_same_seed_gives_the_same_weights(
    run: Path, recipe: Recipe, data: TrainingSet, tmp_path: Path
) -> None:
    train_part(recipe, data, "1", tmp_path)
    first, again = (one / "1" / "weights.safetensors" for one in (run, tmp_path))
    assert first.read_bytes() == again.read_bytes()


def test_a_trained_network_is_loaded_in_eval_mode(run: Path, recipe: Recipe) -> None:
    assert not trained(recipe, run / FINAL / "weights.safetensors").training
    with pytest.raises(ConfigError, match="train that part first"):
        trained(recipe, run / "7" / "weights.safetensors")


def test_weights_that_do_not_fit_are_an_error(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "broken.safetensors").write_bytes(b"")
    with pytest.raises(WeightsError, match="do not fit"):
        trained(recipe, tmp_path / "broken.safetensors")


@pytest.mark.parametrize("part", ["2", "-1", "last"])
def test_an_unknown_part_is_named(
    recipe: Recipe, data: TrainingSet, tmp_path: Path, part: str
) -> None:
    with pytest.raises(ConfigError, match=f"no part '{part}'; give a fold from 0 to 1, or final"):
        train_part(recipe, data, part, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_fold_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"predictions\.csv: not there yet"):
        collect(tmp_path, 2)


def test_a_loss_that_is_not_finite_leaves_its_batch(
    folder: Path, data: TrainingSet, tmp_path: Path
) -> None:
    wild = load_recipe(
        folder / "recipe.toml", ["optimiser.name=sgd", "optimiser.learning_rate=1e30"]
    )
    with pytest.raises(
        ConfigError, match=r"part 0: .*lower optimiser\.learning_rate.*bad_batch\.pt"
    ):
        train_part(wild, data, "0", tmp_path)
    batch = torch.load(tmp_path / "0" / "bad_batch.pt", weights_only=True)
    assert batch["pixels"].shape == (4, 1, 64, 64)
    assert set(batch["image_path"]) <= set(data.rows["image_path"])
    assert "loss" in batch["losses"]


@pytest.mark.parametrize("where", ["start", "train_epoch"])
@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("std::bad_alloc"),
        RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."),
    ],
)
def test_memory_that_runs_out_gives_advice(
    recipe: Recipe,
    data: TrainingSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    error: Exception,
) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(f"mammoscope.train.fitting.{where}", full)
    with pytest.raises(
        ConfigError, match=r"batches of 4 images of 64 x 64 on cpu; lower optimiser"
    ):
        train_part(recipe, data, "0", tmp_path)


def test_early_stopping_keeps_the_best_by_an_inner_part(
    folder: Path, data: TrainingSet, tmp_path: Path
) -> None:
    words = ["optimiser.patience=1", "optimiser.epochs=9", "optimiser.learning_rate=1e-9"]
    patient = load_recipe(folder / "recipe.toml", words)
    train_part(patient, data, FINAL, tmp_path)
    lines = (tmp_path / FINAL / "metrics.jsonl").read_text().splitlines()
    aucs = [json.loads(line)["watch_auc"] for line in lines]
    assert len(aucs) < 9
    assert aucs[-1] <= max(aucs[:-1])
    assert not (tmp_path / FINAL / "best.safetensors").exists()


def test_words_with_an_equals_sign_are_overrides_wherever_they_stand(
    folder: Path, tmp_path: Path
) -> None:
    args = Args(
        folder / "recipe.toml", folder, tmp_path, only=("0", "optimiser.epochs=1"), workers=0
    )
    (weights,) = train(args)
    assert weights.parent.name == "0"
    assert len((tmp_path / "0" / "metrics.jsonl").read_text().splitlines()) == 1

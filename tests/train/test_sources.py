"""Several data sets learned together: one with classes, one with places of findings."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pd = pytest.importorskip("pandas")
pytest.importorskip("timm")

from mammoscope.errors import ConfigError  # noqa: E402
from mammoscope.train.config import Recipe, load_recipe  # noqa: E402
from mammoscope.train.dataset import TrainingSet, load_training_set  # noqa: E402
from mammoscope.train.folds import folds  # noqa: E402
from mammoscope.train.run import Args, train  # noqa: E402
from mammoscope.train.sampling import epoch_images, order  # noqa: E402
from training_example import pictures, recipe_file  # noqa: E402

JOINT = """
name = "joint"
network = "test_efficientnet"
weights = "none"
folds = 2
[task]
target = "pathology"
classes = ["normal", "malignant"]
positive = ["malignant"]
density_weight = 0.2
map_weight = 1.0
[input]
kind = "picture"
height = 64
width = 64
[head]
findings = true
[optimiser]
epochs = 1
batch_size = 4
[[sources]]
dataset = "told"
images = 8
classes = true
[[sources]]
dataset = "placed"
images = 12
"""


def placed(folder: Path) -> Path:
    """Six pictures of the first women of `pictures`, each with a box; no class is said."""
    folder.mkdir()
    for number in range(6):
        picture = np.full((64, 64), 20 * number, np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    rows = [f"{number}.png,{number},1" for number in range(6)]
    (folder / "manifest.csv").write_text("\n".join(["image_path,patient_id,finding", *rows]))
    head = "image_path,outline,x1_px,y1_px,x2_px,y2_px,pathology"
    boxes = [f"{number}.png,box,16,16,32,32,malignant" for number in range(6)]
    (folder / "findings.csv").write_text("\n".join([head, *boxes]))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("data")
    (made / "told").mkdir()
    pictures(made / "told")
    placed(made / "placed")
    recipe_file(made, JOINT)
    return made


def test_only_the_source_with_classes_has_them(data: TrainingSet) -> None:
    labelled = data.rows["source"][data.labelled]
    assert set(labelled) == {"told"}
    assert (data.rows["source"] == "placed").sum() == 6
    assert not data.positive[~data.labelled].any()


def test_images_of_one_woman_in_two_sources_are_in_one_fold(
    recipe: Recipe, data: TrainingSet
) -> None:
    table = pd.DataFrame({"woman": data.group, "fold": folds(data, recipe)})
    assert (table.groupby("woman")["fold"].nunique() == 1).all()


def test_an_epoch_shows_as_many_of_each_source_as_the_recipe_says(
    recipe: Recipe, data: TrainingSet
) -> None:
    kept = np.arange(len(data.rows))
    shown = order(recipe, data, kept, 0)
    counts = data.rows["source"].iloc[shown].value_counts()
    assert counts.to_dict() == {"told": 8, "placed": 12}
    assert len(shown) == epoch_images(recipe, data, kept) == 20
    # Twelve of six: each twice, none three times.
    repeated = shown[(data.rows["source"].iloc[shown] == "placed").to_numpy()]
    assert set(np.unique(repeated, return_counts=True)[1]) == {2}


def test_a_joint_run_judges_what_has_a_class_and_says_who_was_held_out(
    folder: Path, tmp_path: Path, data: TrainingSet
) -> None:
    train(Args(folder / "recipe.toml", folder, tmp_path, workers=0, device="cpu", only=("0", "1")))
    judged = pd.read_csv(tmp_path / "predictions.csv")
    assert set(judged["image_path"]) == set(data.rows["image_path"][data.labelled])
    parted = pd.read_csv(tmp_path / "folds.csv")
    assert parted["dataset"].value_counts().to_dict() == {"told": len(judged), "placed": 6}
    both = judged.merge(parted[parted["dataset"] == "told"], on="image_path")
    assert (both["fold_x"] == both["fold_y"]).all()


def test_some_source_must_have_classes(tmp_path: Path) -> None:
    path = recipe_file(tmp_path, JOINT.replace("classes = true", ""))
    with pytest.raises(ConfigError, match="of no source the classes are learned"):
        load_recipe(path)


def test_a_missing_source_is_named(tmp_path: Path, recipe: Recipe) -> None:
    with pytest.raises(ConfigError, match=r"told/manifest\.csv: no such file"):
        load_training_set(tmp_path, recipe, tmp_path)

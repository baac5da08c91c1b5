from __future__ import annotations

from pathlib import Path

import pytest

from mammoscope.errors import ConfigError
from mammoscope.train.config import Optimiser, build_recipe, load_recipe

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
RECIPE = """
name = "tiny"
folds = 2
[task]
classes = ["0", "1"]
[input]
height = 64
width = 96
[[stages]]
epochs = 2
height = 32
width = 64
[[stages]]
epochs = 1
height = 64
width = 96
"""


def written(folder: Path, text: str = RECIPE) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_loads(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.epochs >= 1
    assert len(recipe.sha256) == 64


def test_epochs_fall_into_their_stage(tmp_path: Path) -> None:
    recipe = load_recipe(written(tmp_path))
    assert recipe.epochs == 3
    assert [recipe.stage_at(epoch).height for epoch in range(4)] == [32, 32, 64, 64]


def test_without_stages_there_is_one() -> None:
    recipe = build_recipe({"name": "a", "optimiser": {"epochs": 7}, "input": {"height": 64}})
    (only,) = recipe.stages
    assert (only.epochs, only.height, only.width) == (7, 64, 224)


def test_what_the_product_prepares_is_what_the_recipe_says(tmp_path: Path) -> None:
    words = ["input.sharpen=true", "input.kind=picture", "input.letterbox=false"]
    params = load_recipe(written(tmp_path), words).preprocess
    assert (params.height, params.width, params.sharpen) == (64, 96, 1.0)
    assert (params.kind, params.letterbox) == ("picture", False)


def test_comments_are_no_part_of_the_hash_and_values_are(tmp_path: Path) -> None:
    plain = load_recipe(written(tmp_path)).sha256
    assert load_recipe(written(tmp_path, "# measured: 0.9" + RECIPE)).sha256 == plain
    assert load_recipe(written(tmp_path), ["seed=1"]).sha256 != plain


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("folds = 2", "fold = 2", "unknown field 'fold'"),
        ('name = "tiny"', "", "field 'name' is missing"),
        ("height = 32", "height = 40", "multiples of 32"),
        ("height = 32", "height = 0", "stages.height is 0; give a whole number at least 32"),
        ("epochs = 2", "epochs = 0", "stages.epochs is 0"),
        ("epochs = 2", "rounds = 2", r"unknown field 'rounds' in \[stages\]"),
        ("epochs = 2", "", r"field 'epochs' in \[stages\] is missing"),
        ("epochs = 1\nheight = 64", "epochs = 1\nheight = 96", "last of stages is 96 x 96"),
        ("[input]", "[input]\ngamma = 2", r"unknown field 'gamma' in \[input\]"),
        ("[input]", "[optimiser]\nepochs = 2\n[input]", "both given"),
        ("folds = 2", "folds = 1", "folds is 1"),
        ("folds = 2", 'folds = "two"', "folds is 'two'; give a whole number"),
        ("folds = 2", "folds = true", "folds is True"),
        ("folds = 2", "head = 3", r"head is 3; give a table \[head\]"),
        ("folds = 2", "stages = []\nfolds = 2", "is not TOML"),
        ("folds = 2", "folds =", "is not TOML"),
        ('["0", "1"]', '["0", "2"]', r"task.positive is \['1'\]"),
        ('["0", "1"]', '["0"]', "task.classes is .*at least 2 different texts"),
    ],
)
def test_an_impossible_recipe_is_one_sentence(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in RECIPE
    with pytest.raises(ConfigError, match=said):
        load_recipe(written(tmp_path, RECIPE.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("optimiser.batch_size=0", "optimiser.batch_size is 0"),
        ("optimiser.learning_rate=0", "optimiser.learning_rate is 0; give a number more than 0"),
        ("optimiser.learning_rate=nan", "optimiser.learning_rate is nan"),
        ("optimiser.name=lamb", 'optimiser.name is \'lamb\'; give "adamw" or "adam" or "sgd"'),
        ("optimiser.layer_decay=1.5", "optimiser.layer_decay is 1.5"),
        ("head.sharpness=-1", "head.sharpness is -1"),
        ("augment.scale=[2, 1]", "augment.scale is .*the smaller first"),
        ("augment.flip_vertical=1", "augment.flip_vertical is 1; give true or false"),
        ("optimiser", "not of the form key=value"),
        ("name.first=1", "there is no 'first' in the recipe"),
        ("stages.7.epochs=1", "there is no '7' in the recipe"),
    ],
)
def test_an_impossible_override_is_one_sentence(tmp_path: Path, word: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_recipe(written(tmp_path), [word])


def test_an_override_replaces_what_the_file_says(tmp_path: Path) -> None:
    words = ["stages.0.epochs=5", 'task.classes=["1", "a"]', "name=other", "head.dropout=0"]
    recipe = load_recipe(written(tmp_path), words)
    assert recipe.stages[0].epochs == 5
    assert recipe.task.classes == ("1", "a")
    assert (recipe.name, recipe.head.dropout) == ("other", 0.0)


def test_a_value_set_in_code_is_checked_as_well() -> None:
    with pytest.raises(ConfigError, match=r"optimiser\.ema_decay is 1"):
        Optimiser(ema_decay=1)


def test_a_recipe_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        load_recipe(tmp_path / "none.toml")

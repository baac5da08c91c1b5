from __future__ import annotations

from pathlib import Path

import pytest

from mammoscope.errors import ConfigError
from mammoscope.train.config import load_recipe

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
RECIPE = """
name = "tiny"
folds = 2
[preprocess]
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


def written(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_loads(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.epochs >= 1
    assert len(recipe.sha256) == 64


def test_epochs_fall_into_their_stage(tmp_path: Path) -> None:
    recipe = load_recipe(written(tmp_path, RECIPE))
    assert recipe.epochs == 3
    assert [recipe.stage_at(epoch).height for epoch in range(3)] == [32, 32, 64]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("folds = 2", "fold = 2", "unknown field 'fold'"),
        ('name = "tiny"', "", "field 'name' missing"),
        ("height = 32", "height = 40", "multiples of 32"),
        ("height = 32", "height = 0", "multiples of 32"),
        ("epochs = 2", "epochs = 0", "epochs must be at least 1"),
        ("epochs = 2", "rounds = 2", "give epochs, height, width"),
        ("epochs = 2", "", "a stage has height, width; give epochs"),
        ("epochs = 1\nheight = 64", "epochs = 1\nheight = 96", "last stage is 96 x 96"),
        ("[preprocess]", "[preprocess]\ngamma = 2", "no parameter 'gamma'"),
        ("folds = 2", "folds = 1", "folds is 1"),
        ("folds = 2", "batch_size = 0", "batch_size is 0"),
        ("folds = 2", 'folds = "two"', "wrong type"),
        ("folds = 2", "folds =", "is not TOML"),
    ],
)
def test_an_impossible_recipe_is_one_sentence(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in RECIPE
    with pytest.raises(ConfigError, match=said):
        load_recipe(written(tmp_path, RECIPE.replace(old, new, 1)))


def test_a_recipe_without_stages_is_an_error(tmp_path: Path) -> None:
    text = 'name = "tiny"\nstages = []\n[preprocess]\nheight = 64\n'
    with pytest.raises(ConfigError, match="stages is empty"):
        load_recipe(written(tmp_path, text))


def test_a_recipe_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        load_recipe(tmp_path / "none.toml")

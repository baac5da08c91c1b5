"""What the tests of a training have in common, from the module's own `folder` with recipe.toml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mammoscope.train.config import Recipe
    from mammoscope.train.dataset import TrainingSet


@pytest.fixture(scope="module")
def recipe(folder: Path) -> Recipe:
    from mammoscope.train.config import load_recipe

    return load_recipe(folder / "recipe.toml")


@pytest.fixture(scope="module")
def data(folder: Path, recipe: Recipe) -> TrainingSet:
    from mammoscope.train.dataset import load_training_set

    return load_training_set(folder, recipe, folder / "cache")

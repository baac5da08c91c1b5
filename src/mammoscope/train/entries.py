"""What a comparison is between: every recipe with every combination of a grid's values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from mammoscope.errors import ConfigError
from mammoscope.train.config import Recipe, load_recipe

_COMMA = re.compile(r",(?![^\[]*\])")
"""Between two values; not one inside a list."""


@dataclass(frozen=True)
class Entry:
    """One competitor.

    Attributes:
        name: for people: the recipe's file, and what the grid changed.
        folder: its run's, as `mammoscope train` writes one.
        recipe: with the overrides in it.
    """

    name: str
    folder: Path
    recipe: Recipe


def planned(
    recipes: Sequence[Path], grid: Sequence[str], overrides: Sequence[str], out: Path
) -> list[Entry]:
    """The competitors in the order given.

    Args:
        recipes: TOML files.
        grid: words "key=value,value"; all combinations of them are made of each recipe.
        overrides: words "key=value" for all of them.
        out: the folder in which each gets one of its own; a recipe without a grid gets that of
            its file's name, so that runs that are there already count.

    Raises:
        ConfigError: no recipe, one that cannot be used, two of one name, or recipes that do not
            learn the same thing and so cannot be compared.
    """
    if not recipes:
        raise ConfigError("There is nothing to compare; give recipes, such as configs/a.toml.")
    axes = [_axis(word) for word in grid]
    entries = []
    for path in recipes:
        for chosen in product(*axes):
            recipe = load_recipe(path, (*overrides, *chosen))
            told = [word for word, axis in zip(chosen, axes, strict=True) if len(axis) > 1]
            name = " ".join((path.stem, *told))
            folder = re.sub(r"[^\w.=-]+", "_", "--".join((path.stem, *told)))
            entries.append(Entry(name, out / folder, recipe))
    _check(entries)
    return entries


def _axis(word: str) -> list[str]:
    key, equals, values = word.partition("=")
    found = [value.strip() for value in _COMMA.split(values)]
    if not (key and equals and all(found)):
        raise ConfigError(f"--grid {word!r} is not of the form key=value,value.")
    return [f"{key}={value}" for value in found]


def _check(entries: Sequence[Entry]) -> None:
    twice = [name for name, n in Counter(e.folder.name for e in entries).items() if n > 1]
    if twice:
        raise ConfigError(f"Two entries are called {twice[0]!r}; rename a recipe or mend --grid.")
    first = entries[0]
    for entry in entries[1:]:
        for field in ("target", "classes", "positive", "group"):
            a, b = (getattr(e.recipe.task, field) for e in (first, entry))
            if a != b:
                raise ConfigError(
                    f"{first.name} and {entry.name} do not learn the same: task.{field} is {a!r} "
                    f"in one and {b!r} in the other; compare them apart."
                )

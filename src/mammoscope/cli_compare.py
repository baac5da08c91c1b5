"""The `compare` command: recipes, and what a grid makes of them, to a league table."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from mammoscope.errors import ConfigError, MissingExtraError

Words = tyro.conf.Positional[
    Annotated[
        tuple[str, ...],
        tyro.conf.arg(metavar="RECIPE ... [KEY=VALUE ...]", help_behavior_hint=""),
    ]
]
Folder = Annotated[Path, tyro.conf.arg(metavar="DIR", help_behavior_hint="(required)")]
Grid = Annotated[
    tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE,VALUE ...", help_behavior_hint="")
]
Folds = Annotated[tuple[int, ...], tyro.conf.arg(metavar="FOLD ...", help_behavior_hint="")]
Count = Annotated[int, tyro.conf.arg(metavar="N")]


@dataclass(frozen=True)
class Compare:
    r"""Compare recipes on the same folds: a league table with intervals, tests and costs.

    Trains what is not trained yet, and goes on where it was when it is typed again. A run of
    `mammoscope train` counts if its folder lies in the folder of the comparison under the name of
    its recipe's file. Exit code 1: some could not be trained; the table says why.

    For example:
      mammoscope compare configs/busi_*.toml --data busi/ --out league/
      mammoscope compare configs/busi_lite0.toml --data busi/ --out league/ \
          --grid network=resnet50,alexnet weights=none,imagenet
      mammoscope compare a.toml b.toml optimiser.epochs=3 --data busi/ --out quick/ --folds 0
    """

    words: Words
    """TOML files, and values that replace theirs in all of them."""
    data: Folder
    """Folder that holds manifest.csv, which `data prepare` makes."""
    out: Folder
    """Folder for league.html, .md, .csv and .json; holds a folder for each run too."""
    grid: Grid = ()
    """All combinations of these values are made of each recipe."""
    folds: Folds = ()
    """Fold numbers from 0; all of them if left out."""
    jobs: Count = 1
    """Folds trained at once, each in a process of its own if more than 1."""
    threads: Count = 0
    """CPU threads of each; 0 shares the cores out."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the networks lie; auto takes a GPU if there is one."""
    resamples: int = 2000
    """Bootstrap resamples behind the intervals."""
    seed: int = 0
    """Of the resampling."""

    def run(self) -> int:
        """Train, compare, and print each competitor's AUC; returns the exit code."""
        try:
            from mammoscope.train.compare import Args, compare
            from mammoscope.train.league_words import figure
        except ImportError as error:
            raise MissingExtraError("The command 'compare'", "train") from error
        recipes = tuple(Path(word) for word in self.words if "=" not in word)
        if not recipes:
            raise ConfigError("There is nothing to compare; give recipes, such as configs/a.toml.")
        overrides = tuple(word for word in self.words if "=" in word)
        options = {name: value for name, value in vars(self).items() if name != "words"}
        made, files = compare(Args(recipes, overrides=overrides, **options), _tell)
        for row in made["rows"]:
            print(f"{row['name']}: AUC {figure(row['auc'])}")
        for row in made["not_trained"]:
            print(f"not trained: {row['name']}: {row['why']}", file=sys.stderr)
        print(f"league table: {files[0]}", file=sys.stderr)
        return 1 if made["not_trained"] else 0


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

"""The `compare` command: recipes to a league table, or one network through several frameworks."""

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
Frameworks = Annotated[
    tuple[str, ...] | None, tyro.conf.arg(metavar="[NAME ...]", help_behavior_hint="")
]


@dataclass(frozen=True)
class Measured:
    """What --frameworks measures."""

    networks: Annotated[
        tuple[Literal["resnet50", "plain_cnn"], ...], tyro.conf.arg(help_behavior_hint="(both)")
    ] = ("resnet50", "plain_cnn")
    """Networks of which there is the same in Keras."""
    size: Count = 224
    """Height and width of the pictures; a multiple of 112 (resnet50 alone: of 16)."""
    batch: Count = 16
    """Pictures a step."""
    steps: Count = 10
    """Steps of the epoch; as many times --batch pictures of the data set are shown."""
    repeats: Count = 3
    """Measurements of each, in changing order."""


@dataclass(frozen=True)
class Compare:
    r"""Compare recipes on the same folds (a league table), or frameworks on the same network.

    Trains what is not trained yet, and goes on where it was when it is typed again. A run of
    `mammoscope train` counts if its folder lies in the folder of the comparison under the name of
    its recipe's file. Exit code 1: some could not be trained; the table says why.

    With --frameworks it takes no recipe: it measures the same networks from the same weights
    through PyTorch and through Keras on TensorFlow, JAX and PyTorch, on a computer that does
    nothing else meanwhile. Writes frameworks.html, .md, .csv and .json.

    For example:
      mammoscope compare configs/busi_*.toml --data busi/ --out league/
      mammoscope compare configs/busi_lite0.toml --data busi/ --out league/ \
          --grid network=resnet50,alexnet weights=none,imagenet
      mammoscope compare a.toml b.toml optimiser.epochs=3 --data busi/ --out quick/ --folds 0
      mammoscope compare --frameworks --data busi/ --out frameworks/
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
    """Of the resampling; of --frameworks, of weights, pictures and order."""
    frameworks: Frameworks = None
    """Measure frameworks instead: pytorch, keras-tensorflow, keras-jax, keras-torch, each also
    with -bf16, and pytorch-fp64; without names the four and pytorch-bf16."""
    measured: Measured = Measured()

    def run(self) -> int:
        """Compare recipes or frameworks; returns the exit code."""
        if self.frameworks is not None:
            return self._frameworks(self.frameworks)
        if self.measured != Measured():
            raise ConfigError(
                "--networks, --size, --batch, --steps and --repeats are about frameworks; "
                "add --frameworks, or put the value into the recipe."
            )
        return self._recipes()

    def _frameworks(self, names: tuple[str, ...]) -> int:
        """Measure, and print each step's time."""
        if self.words or self.grid or self.folds:
            raise ConfigError(
                "--frameworks measures by a recipe of its own; leave out recipes, --grid and "
                "--folds."
            )
        try:
            from mammoscope.frameworks.compare import Args, compare
            from mammoscope.frameworks.words import failures, verdict
        except ImportError as error:
            raise MissingExtraError("'compare --frameworks'", "frameworks") from error
        shared = {name: getattr(self, name) for name in ("data", "out", "device", "threads")}
        found, files = compare(
            Args(frameworks=names, seed=self.seed, **shared, **vars(self.measured)), _tell
        )
        for network in found["networks"]:
            print(verdict(network))
        for who, why in failures(found):
            print(f"not measured: {who}: {why}", file=sys.stderr)
        print(f"frameworks side by side: {files[0]}", file=sys.stderr)
        return 1 if failures(found) else 0

    def _recipes(self) -> int:
        """Train, compare, and print each competitor's AUC."""
        try:
            from mammoscope.train.compare import Args, compare
            from mammoscope.train.league_words import figure
        except ImportError as error:
            raise MissingExtraError("The command 'compare'", "train") from error
        recipes = tuple(Path(word) for word in self.words if "=" not in word)
        if not recipes:
            raise ConfigError("There is nothing to compare; give recipes, such as configs/a.toml.")
        overrides = tuple(word for word in self.words if "=" in word)
        own = ("words", "frameworks", "measured")
        options = {name: value for name, value in vars(self).items() if name not in own}
        made, files = compare(Args(recipes, overrides=overrides, **options), _tell)
        for row in made["rows"]:
            print(f"{row['name']}: AUC {figure(row['auc'])}")
        for row in made["not_trained"]:
            print(f"not trained: {row['name']}: {row['why']}", file=sys.stderr)
        print(f"league table: {files[0]}", file=sys.stderr)
        return 1 if made["not_trained"] else 0


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

"""The `train` command: a recipe and a data set to weights and out-of-fold predictions."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from mammoscope.errors import MissingExtraError

File = tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="RECIPE", help_behavior_hint="")]]
Folder = Annotated[Path, tyro.conf.arg(metavar="DIR", help_behavior_hint="(required)")]
Overrides = tyro.conf.Positional[
    Annotated[tuple[str, ...], tyro.conf.arg(metavar="[KEY=VALUE ...]", help_behavior_hint="")]
]
Parts = Annotated[tuple[str, ...], tyro.conf.arg(metavar="PART ...", help_behavior_hint="")]
Count = Annotated[int, tyro.conf.arg(metavar="N")]


@dataclass(frozen=True)
class Train:
    """Train a recipe: every fold by patient, then once on everything.

    A command that was interrupted goes on where it was when it is typed again, to the same final
    weights, bit for bit. The folder then holds, for each part, weights.safetensors,
    predictions.csv of the fold held out, metrics.jsonl and curves.png; and predictions.csv of all
    folds, for `mammoscope evaluate`.

    For example:
      mammoscope train configs/reader_first.toml --data rsna/ --out runs/reader/
      mammoscope train configs/reader_first.toml --data rsna/ --out runs/quick/ optimiser.epochs=1
      mammoscope train configs/reader_first.toml --data rsna/ --out runs/reader/ --only 0 final
      torchrun --nproc-per-node 2 -m mammoscope train RECIPE --data DIR --out runs/two/
    """

    recipe: File
    """A TOML file, such as those of configs/."""
    data: Folder
    """Folder that holds manifest.csv, which `data prepare` makes."""
    out: Folder
    """Folder of the run; holds its checkpoints too."""
    overrides: Overrides = ()
    """Values in place of the recipe's, such as optimiser.epochs=1 or seed=3."""
    only: Parts = ()
    """Fold numbers from 0, or final; all of them if left out."""
    threads: Count = 0
    """CPU threads; 0 leaves it to torch."""
    workers: Count = -1
    """Processes that load images; -1 takes the cores that training leaves over."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the network lies; auto takes a GPU if there is one."""
    checkpoint_s: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 120.0
    """Between checkpoints within an epoch; each epoch ends with one."""

    def run(self) -> int:
        """Train, and print the files of the results; returns the exit code."""
        try:
            from mammoscope.train.run import Args, train
        except ImportError as error:
            raise MissingExtraError("The command 'train'", "train") from error
        for path in train(Args(**vars(self))):
            print(path)
        print("results: see above; judge them with mammoscope evaluate", file=sys.stderr)
        return 0

"""Which network judges an image: one for all, or that of the fold that held the image out.

A part of the benchmarks that take a finished run: RUN/folds.csv says who was held out where, and
RUN/K/weights is the exported network of fold K, as `mammoscope.train.committee` writes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from mammoscope.data.manifest import read_table
from mammoscope.infer import Predictor
from mammoscope.train.run import FOLDS

Folds = dict[tuple[str, str], int]
"""The fold that held an image out, by set and image_path."""


def folds_of(run: Path) -> Folds:
    """What RUN/folds.csv says."""
    table = read_table(run / FOLDS)
    keys = zip(table["dataset"], table["image_path"], strict=True)
    return dict(zip(keys, table["fold"].astype(int), strict=True))


def fold_networks(run: Path) -> Callable[[int], Predictor]:
    """The network of a fold, loaded when it is first asked for."""
    return cache(lambda fold: Predictor.load(run / str(fold) / "weights"))


@dataclass(frozen=True)
class Networks:
    """What judges the images of several sets.

    Attributes:
        name: for tables.
        load: the network of a fold.
        held_out: the fold that held an image out, by set and file name.
    """

    name: str
    load: Callable[[int], Predictor]
    held_out: Folds = field(default_factory=dict)

    def of(self, dataset: str, path: str) -> Predictor:
        """The network for an image; that of fold 0 where no fold learned from its set."""
        return self.load(self.held_out.get((dataset, Path(path).name), 0))


def of_weights(weights: str | Path | None) -> Networks:
    """Weights that ship, or those of a folder, for all images."""
    predictor = Predictor.load(weights)
    return Networks(predictor.weights.name, lambda _: predictor)


def of_run(run: Path) -> Networks:
    """Those of a finished run's folds."""
    load = fold_networks(run)
    folds = {(name, Path(path).name): fold for (name, path), fold in folds_of(run).items()}
    return Networks(f"{load(0).weights.name}, held out", load, folds)

"""Which images an epoch shows, in which order, and where every random number comes from.

No generator has a state that would have to be saved: each draw is seeded by what it is for (the
order of an epoch, an image in an epoch, a step). So an interrupted run goes on with the numbers
it would have had, and the number of processes that load images changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import ConfigError
from mammoscope.train.config import Recipe
from mammoscope.train.dataset import TrainingSet
from mammoscope.train.parallel import share_of, world

Key = tuple[int, int]
"""Epoch and row: what an example is asked for by."""


def seed_of(purpose: str, *numbers: int) -> int:
    """A 64-bit seed that follows from a purpose and numbers such as seed, epoch and row."""
    words = np.random.SeedSequence([crc32(purpose.encode()), *numbers]).generate_state(2)
    return int(words[0]) << 32 | int(words[1])


def order(
    recipe: Recipe, data: TrainingSet, kept: NDArray[np.int64], epoch: int
) -> NDArray[np.int64]:
    """Rows (n,) of `data` in the order of an epoch, as many as `epoch_images` says.

    Args:
        recipe: its sampling and seed.
        data: of which `kept` are rows.
        kept: (n,) rows to learn from.
        epoch: from 0.
    """
    generator = np.random.default_rng(seed_of("order", recipe.seed, epoch))
    if recipe.sources:
        drawn = [_drawn(generator, rows, count) for rows, count in _by_source(recipe, data, kept)]
        return generator.permutation(np.concatenate(drawn))
    if recipe.optimiser.sampling == "all":
        return generator.permutation(kept)
    chance = chances(recipe, data, kept)
    return generator.choice(kept, len(kept), p=chance)


def epoch_images(recipe: Recipe, data: TrainingSet, kept: NDArray[np.int64]) -> int:
    """How many images an epoch shows of the rows `kept`: all, or as many as the sources say."""
    if not recipe.sources:
        return len(kept)
    return sum(count for rows, count in _by_source(recipe, data, kept) if len(rows))


def _by_source(
    recipe: Recipe, data: TrainingSet, kept: NDArray[np.int64]
) -> list[tuple[NDArray[np.int64], int]]:
    """Of each source its rows among `kept`, and how many images of it an epoch shows."""
    source = data.rows["source"].to_numpy()[kept]
    parts = [(kept[source == one.dataset], one.images) for one in recipe.sources]
    return [(rows, images or len(rows)) for rows, images in parts]


def _drawn(
    generator: np.random.Generator, rows: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """So many of `rows`; each once before any comes twice."""
    if not len(rows):
        return rows
    rounds = [generator.permutation(rows) for _ in range(-(-count // len(rows)))]
    return np.concatenate(rounds)[:count]


def chances(recipe: Recipe, data: TrainingSet, kept: NDArray[np.int64]) -> NDArray[np.float64]:
    """How likely each draw is to give each row of `kept` (n,); all classes together likely.

    Within a class every image is as likely under "balanced" sampling, and every patient as
    likely under "patient".
    """
    target = data.target[kept]
    if recipe.optimiser.sampling == "patient":
        pairs = [f"{one}/{group}" for one, group in zip(target, data.group[kept], strict=True)]
        _, first, pair, images = np.unique(
            pairs, return_index=True, return_inverse=True, return_counts=True
        )
        patients = np.bincount(target[first], minlength=target.max() + 1)
        chance = 1.0 / (images[pair] * patients[target])
    else:
        chance = 1.0 / np.bincount(target)[target]
    return np.asarray(chance / chance.sum(), np.float64)


def class_weights(data: TrainingSet, kept: NDArray[np.int64]) -> NDArray[np.float32]:
    """Weight of each class (k,) with which all weigh the same among `kept`; 1 on average."""
    target = data.target[kept][data.labelled[kept]]
    counts = np.bincount(target, minlength=int(data.target.max()) + 1)
    return np.asarray(len(target) / ((counts > 0).sum() * np.maximum(counts, 1)), np.float32)


@dataclass(frozen=True)
class EpochBatches:
    """The keys of an epoch's batches that are left to do, this process's share of each.

    Attributes:
        rows: (n,) of the epoch, in order; what does not fill a batch is left out.
        epoch: from 0.
        batch_size: over all processes.
        first: so many batches are done already.
    """

    rows: NDArray[np.int64]
    epoch: int
    batch_size: int
    first: int = 0

    def __len__(self) -> int:
        return len(self.rows) // self.batch_size - self.first

    def __iter__(self) -> Iterator[list[Key]]:
        share = share_of(self.batch_size)
        for step in range(self.first, len(self.rows) // self.batch_size):
            batch = self.rows[step * self.batch_size : (step + 1) * self.batch_size]
            yield [(self.epoch, int(row)) for row in batch[share]]


def steps_of_epoch(recipe: Recipe, images: int) -> int:
    """How many batches an epoch has; ConfigError if not one, or one that cannot be shared."""
    size = recipe.optimiser.batch_size
    if images < size:
        raise ConfigError(
            f"recipe {recipe.name}: optimiser.batch_size is {size}, but there are only "
            f"{images} images to train on; give less."
        )
    if world() > 1:
        share_of(size)
    return images // size

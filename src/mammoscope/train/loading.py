"""From rows of the training set to batches: augmented, mixed, and the same however they load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from mammoscope.train.config import Recipe, Stage
from mammoscope.train.dataset import Batch, Images, TrainingSet
from mammoscope.train.losses import Examples
from mammoscope.train.sampling import EpochBatches, Key, class_weights, order, seed_of
from mammoscope.types import DENSITY_GRADES


class ShownImages(Dataset[Examples]):
    """The training set at one stage, asked for by epoch and row; see `EpochBatches`.

    Args:
        recipe: its augmentation, mixup and seed.
        data: the training set.
        stage: gives the input size.
        learned: (n,) rows that are learned from, so that these are augmented, weighed and mixed;
            None to show rows as they are.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: TrainingSet,
        stage: Stage,
        learned: NDArray[np.int64] | None = None,
    ) -> None:
        self.recipe, self.learned = recipe, learned
        self.rows = np.arange(len(data.rows)) if learned is None else learned
        self.images = Images(
            data,
            np.arange(len(data.rows)),
            stage,
            None if learned is None else recipe.augment,
            recipe.cell,
        )
        weighed = learned is not None and recipe.optimiser.class_weights
        self.weights = torch.from_numpy(
            class_weights(data, self.rows)
            if weighed
            else np.ones(len(recipe.task.classes), np.float32)
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __getitems__(self, keys: Sequence[Key]) -> Examples:
        """The examples of one batch."""
        with _one_thread():
            return Examples(*map(torch.stack, zip(*map(self._shown, keys), strict=True)))

    def _shown(self, key: Key) -> Examples:
        epoch, row = key
        one = self._plain(epoch, row)
        alpha = self.recipe.augment.mixup
        if self.learned is None or not alpha:
            return one
        generator = np.random.default_rng(seed_of("mixup", self.recipe.seed, epoch, row))
        share = float(generator.beta(alpha, alpha))
        partner = int(generator.choice(self.learned))
        return mixed(one, self._plain(epoch, partner), share)

    def _plain(self, epoch: int, row: int) -> Examples:
        torch.manual_seed(seed_of("image", self.recipe.seed, epoch, row))
        shown: Batch = self.images[row]
        return Examples(
            shown.pixels,
            _shares(shown.target, len(self.recipe.task.classes)),
            _shares(shown.density, len(DENSITY_GRADES)),
            shown.lesion_map,
            shown.weight * self.weights[int(shown.target)],
            torch.tensor(row),
        )


def mixed(one: Examples, other: Examples, share: float) -> Examples:
    """`share` of one example and the rest of another; a cell unknown in either stays unknown.

    The weight goes with the classes: each example's truth counts by its share and weight.
    """
    parts = zip(one[:3], other[:3], strict=True)
    pixels, _, density = (share * a + (1 - share) * b for a, b in parts)
    first, second = share * one.weight, (1 - share) * other.weight
    weight = first + second
    known = (one.lesion_map >= 0) & (other.lesion_map >= 0)
    blended = share * one.lesion_map + (1 - share) * other.lesion_map
    return Examples(
        pixels,
        (first * one.classes + second * other.classes) / weight,
        density,
        torch.where(known, blended, -1.0),
        weight,
        one.row,
    )


def _shares(number: Tensor, kinds: int) -> Tensor:
    """(kinds,) with 1 at `number`; all 0 if it is below 0, which is unknown."""
    if int(number) < 0:
        return torch.zeros(kinds)
    return functional.one_hot(number, kinds).float()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums over a picture must not depend on how many threads share them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def learning_batches(
    recipe: Recipe,
    data: TrainingSet,
    learned: NDArray[np.int64],
    epoch: int,
    *,
    done: int = 0,
    workers: int = 0,
) -> Iterable[Examples]:
    """The batches of an epoch after the first `done` of them; this process's share of each."""
    images = ShownImages(recipe, data, recipe.stage_at(epoch), learned)
    rows = order(recipe, data, learned, epoch)
    return _loaded(images, EpochBatches(rows, epoch, recipe.optimiser.batch_size, done), workers)


def judging_batches(
    recipe: Recipe, data: TrainingSet, rows: NDArray[np.int64], stage: Stage, workers: int = 0
) -> Iterable[Examples]:
    """The images of `rows` in order, as they are."""
    size = recipe.optimiser.batch_size
    keys = [[(0, int(row)) for row in rows[i : i + size]] for i in range(0, len(rows), size)]
    return _loaded(ShownImages(recipe, data, stage), keys, workers)


def _loaded(
    images: ShownImages, batches: EpochBatches | list[list[Key]], workers: int
) -> DataLoader[Examples]:
    return DataLoader(
        images,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=_as_it_is,
        pin_memory=torch.cuda.is_available(),
    )


def _as_it_is(examples: Any) -> Any:
    """`ShownImages` gives whole batches."""
    return examples

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("pandas")

from mammoscope.errors import ConfigError
from mammoscope.train.config import Optimiser, Recipe, load_recipe
from mammoscope.train.dataset import TrainingSet, load_training_set
from mammoscope.train.folds import folds, watched
from mammoscope.train.loading import learning_batches, mixed
from mammoscope.train.losses import Examples
from mammoscope.train.sampling import (
    EpochBatches,
    chances,
    class_weights,
    order,
    seed_of,
    steps_of_epoch,
)
from training_example import pictures, recipe_file

KEPT = np.arange(2, 22)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    return load_recipe(recipe_file(tmp_path_factory.mktemp("recipe")))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> TrainingSet:
    folder = pictures(tmp_path_factory.mktemp("data"))
    return load_training_set(folder, recipe, folder)


def sampled(recipe: Recipe, sampling: str) -> Recipe:
    return replace(recipe, optimiser=Optimiser(sampling=sampling, batch_size=4))


def test_a_seed_follows_from_its_purpose_and_numbers() -> None:
    seeds = [seed_of("step", 0, 1), seed_of("image", 0, 1), seed_of("step", 1, 0)]
    assert seed_of("step", 0, 1) == seeds[0]
    assert len(set(seeds)) == 3


def test_all_shows_every_image_once_in_another_order_each_epoch(
    recipe: Recipe, data: TrainingSet
) -> None:
    first, second = (order(recipe, data, KEPT, epoch) for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(KEPT)
    assert list(first) != list(second)
    assert list(order(recipe, data, KEPT, 0)) == list(first)


@pytest.mark.parametrize("sampling", ["balanced", "patient"])
def test_balanced_sampling_draws_classes_as_often_as_each_other(
    recipe: Recipe, data: TrainingSet, sampling: str
) -> None:
    rows = np.flatnonzero((data.target != 2) | (np.arange(len(data.target)) < 8))
    chance = chances(sampled(recipe, sampling), data, rows)
    for name in range(3):
        assert chance[data.target[rows] == name].sum() == pytest.approx(1 / 3)
    drawn = order(sampled(recipe, sampling), data, rows, 0)
    assert len(drawn) == len(rows)
    assert set(drawn) <= set(rows)


def test_patient_sampling_draws_patients_as_often_as_each_other(
    recipe: Recipe, data: TrainingSet
) -> None:
    rows = np.delete(np.arange(24), 1)  # one patient has one image left, the others two
    chance = chances(sampled(recipe, "patient"), data, rows)
    assert chance[0] == pytest.approx(chance[5] + chance[6])


def test_class_weights_make_classes_weigh_the_same(data: TrainingSet) -> None:
    rows = np.flatnonzero((data.target != 2) | (np.arange(len(data.target)) < 8))
    weights = class_weights(data, rows)[data.target[rows]]
    masses = [weights[data.target[rows] == name].sum() for name in range(3)]
    assert masses == pytest.approx([masses[0]] * 3)
    assert weights.mean() == pytest.approx(1)


def test_batches_that_are_done_are_left_out() -> None:
    every = EpochBatches(np.arange(10), 3, 4)
    left = EpochBatches(np.arange(10), 3, 4, first=1)
    assert list(every)[1:] == list(left)
    assert (len(every), len(left)) == (2, 1)
    assert next(iter(left)) == [(3, 4), (3, 5), (3, 6), (3, 7)]


def test_too_few_images_for_a_batch_is_an_error(recipe: Recipe) -> None:
    with pytest.raises(ConfigError, match="batch_size is 4, but there are only 3 images"):
        steps_of_epoch(recipe, 3)


def same(one: Examples, other: Examples) -> bool:
    return all(bool((a == b).all()) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("mixup", [0.0, 0.4])
def test_how_many_processes_load_changes_nothing(
    recipe: Recipe, data: TrainingSet, mixup: float
) -> None:
    told = replace(recipe, augment=replace(recipe.augment, mixup=mixup))
    alone, helped = (
        list(learning_batches(told, data, KEPT, 1, done=2, workers=workers)) for workers in (0, 2)
    )
    assert len(alone) == 3
    assert all(map(same, alone, helped))


def test_another_epoch_shows_images_otherwise(recipe: Recipe, data: TrainingSet) -> None:
    batches = [next(iter(learning_batches(recipe, data, KEPT[:4], epoch))) for epoch in (0, 1)]
    first, second = (batch.pixels[batch.row.argsort()] for batch in batches)
    assert not (first == second).all(dim=(1, 2, 3)).any()


def test_mixed_images_have_both_truths_by_share_and_weight(
    recipe: Recipe, data: TrainingSet
) -> None:
    batch = next(iter(learning_batches(recipe, data, KEPT, 0)))
    one, other = (Examples(*(field[i] for field in batch)) for i in (0, 1))
    found = mixed(one._replace(weight=one.weight * 3), other, 0.5)
    assert found.weight.item() == pytest.approx(2)
    assert found.classes.tolist() == pytest.approx(
        (0.75 * one.classes + 0.25 * other.classes).tolist()
    )
    assert (found.pixels - (one.pixels + other.pixels) / 2).abs().max() < 1e-6
    assert (found.lesion_map == -1).all()


def test_no_group_is_in_two_folds(recipe: Recipe, data: TrainingSet) -> None:
    fold = folds(data, recipe)
    assert all(len(set(fold[data.group == group])) == 1 for group in set(data.group))
    assert set(fold) == {0, 1}


def test_the_part_to_stop_on_shares_no_group(recipe: Recipe, data: TrainingSet) -> None:
    patient = replace(recipe, optimiser=Optimiser(patience=2))
    rows = np.arange(24)
    learned, watch = watched(data, rows, patient)
    assert not set(data.group[learned]) & set(data.group[watch])
    assert sorted([*learned, *watch]) == list(rows)
    assert len(watched(data, rows, recipe)[1]) == 0


def test_a_part_to_stop_on_of_one_kind_is_an_error(recipe: Recipe, data: TrainingSet) -> None:
    patient = replace(recipe, optimiser=Optimiser(patience=2))
    with pytest.raises(ConfigError, match="images of one kind only"):
        watched(data, np.flatnonzero(~data.positive), patient)

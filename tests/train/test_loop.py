from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from mammoscope.train.config import build_recipe  # noqa: E402
from mammoscope.train.fitting import start  # noqa: E402
from mammoscope.train.loop import (  # noqa: E402
    NotFiniteError,
    Sums,
    Training,
    autocast,
    denormals_flushed,
    judge,
    precision,
    train_epoch,
)
from mammoscope.train.losses import Examples  # noqa: E402

FROZEN = 2
RECIPE = build_recipe(
    {
        "name": "tiny",
        "network": "test_efficientnet",
        "weights": "none",
        "task": {"density_weight": 0.3},
        "input": {"height": 64, "width": 64},
        "optimiser": {"batch_size": 4, "epochs": 5},
    }
)


def examples(n: int = 4) -> Examples:
    generator = torch.Generator().manual_seed(0)
    return Examples(
        torch.rand(n, 1, 64, 64, generator=generator),
        torch.eye(2)[torch.arange(n) % 2],
        torch.eye(4)[torch.arange(n) % 4],
        torch.full((n, 2, 2), -1.0),
        torch.ones(n),
        torch.arange(n),
    )


@pytest.fixture
def training() -> Training:
    return start(RECIPE, 16, "0", torch.device("cpu"))[0]


def state_of(modules: list[Any]) -> dict[str, Any]:
    """A copy of weights and batch statistics."""
    return {n: v.clone() for n, v in torch.nn.ModuleList(modules).state_dict().items()}


def test_a_step_leaves_what_is_frozen_and_moves_the_rest(training: Training) -> None:
    network = training.network
    before, deep = state_of(network.frozen(FROZEN)), state_of(network.stages()[-1:])
    train_epoch(training, [examples()] * 2, RECIPE, Sums(), FROZEN)
    after, later = state_of(network.frozen(FROZEN)), state_of(network.stages()[-1:])
    assert any("running_mean" in name for name in before)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(torch.equal(deep[name], later[name]) for name in deep)


def test_what_is_let_loose_learns_again(training: Training) -> None:
    before = state_of(training.network.stages()[:1])
    train_epoch(training, [examples()], RECIPE, Sums(), FROZEN)
    train_epoch(training, [examples()], RECIPE, Sums(), 0)
    after = state_of(training.network.stages()[:1])
    assert not any(torch.equal(before[name], after[name]) for name in before)


def test_the_means_are_those_of_the_whole_epoch(training: Training) -> None:
    sums = Sums(
        steps=1, images=4, labelled=4, right=4, losses={"classes": 3.0, "density": 1.0, "loss": 3.3}
    )
    means = train_epoch(training, [examples()], RECIPE, sums)
    assert set(means) == {"classes", "density", "loss", "accuracy"}
    assert means["loss"] == pytest.approx(sums.losses["loss"] / 2)
    assert 0.5 <= means["accuracy"] <= 1
    assert (sums.steps, sums.images) == (2, 8)


def test_something_can_be_done_after_each_step(training: Training) -> None:
    steps: list[int] = []
    batches = [examples()] * 3
    train_epoch(training, batches, RECIPE, Sums(), 0, lambda: steps.append(training.steps))
    assert steps == [1, 2, 3]


def test_a_loss_that_is_not_finite_stops_with_a_remedy(training: Training) -> None:
    broken = examples()
    broken.pixels[0] = float("nan")
    before = state_of([training.network])
    with pytest.raises(NotFiniteError, match=r"nan; lower optimiser.learning_rate") as caught:
        train_epoch(training, [broken], RECIPE, Sums())
    assert caught.value.examples.pixels.isnan().any()
    weights = dict(training.network.named_parameters())
    assert all(torch.equal(before[f"0.{name}"], value) for name, value in weights.items())


def test_bfloat16_is_used_where_the_device_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told = replace(RECIPE, optimiser=replace(RECIPE.optimiser, precision="bf16"))
    for able in (True, False):
        precision.cache_clear()
        monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda able=able: able)
        monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: False)
        with autocast(told, torch.device("cpu")):
            product = torch.ones(2, 2) @ torch.ones(2, 2)
        assert product.dtype == (torch.bfloat16 if able else torch.float32)
    precision.cache_clear()


@pytest.mark.parametrize("clip", [1e-3, 1e9])
def test_gradients_are_clipped_where_they_are_too_long(clip: float) -> None:
    told = replace(RECIPE, optimiser=replace(RECIPE.optimiser, name="sgd", clip=clip))
    training = start(told, 16, "0", torch.device("cpu"))[0]
    train_epoch(training, [examples()], told, Sums())
    gradients = [p.grad for p in training.network.parameters() if p.grad is not None]
    norm = float(torch.nn.utils.get_total_norm(gradients))
    assert norm == pytest.approx(clip, rel=1e-2) if clip < 1 else 1e-3 < norm < clip


def test_judging_keeps_the_order_and_gives_probabilities(training: Training) -> None:
    whole = examples(5)

    def parts() -> Iterator[Examples]:
        for i in (0, 2, 4):
            yield Examples(*(field[i : i + 2] for field in whole))

    judged = judge(training.network, parts(), RECIPE)
    at_once = judge(training.network, [whole], RECIPE)
    assert judged.log_shares == pytest.approx(at_once.log_shares, abs=1e-5)
    assert judged.density is not None
    assert judged.density.sum(axis=1) == pytest.approx(1)
    assert judged.lesion_map is not None
    assert judged.lesion_map.shape == (5, 2, 2)


def test_small_numbers_count_again_after_a_training() -> None:
    tiny = torch.tensor(1e-310, dtype=torch.float64)
    with denormals_flushed():
        assert (tiny * 1).item() == 0
    assert (tiny * 1).item() > 0

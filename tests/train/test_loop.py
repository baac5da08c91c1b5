from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch.optim.swa_utils import AveragedModel  # noqa: E402

from mammoscope.errors import ConfigError  # noqa: E402
from mammoscope.models.networks import Heads, LesionMapNet  # noqa: E402
from mammoscope.train.dataset import UNKNOWN, Batch  # noqa: E402
from mammoscope.train.loop import Training, judge, losses, train_epoch  # noqa: E402

FROZEN = 2


def batch(density: list[int], weight: list[float] | None = None) -> Batch:
    n = len(density)
    pixels = torch.rand(n, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    cancer = torch.arange(n).remainder(2).float()
    return Batch(pixels, cancer, torch.tensor(density), torch.tensor(weight or [1.0] * n))


def heads(n: int) -> Heads:
    generator = torch.Generator().manual_seed(1)
    values: list[Any] = [torch.randn(s, generator=generator) for s in ((n,), (n, 2, 2), (n, 4))]
    return Heads(*(value.requires_grad_() for value in values))


def training(learning_rate: float = 1e-3) -> Training:
    torch.manual_seed(0)
    network = LesionMapNet()
    network.freeze(FROZEN)
    learning = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=learning_rate)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimiser, 1.0)
    return Training(network, AveragedModel(network), optimiser, schedule, FROZEN)


def test_unknown_density_is_masked() -> None:
    said = heads(4)
    some = losses(said, batch([2, UNKNOWN, 0, UNKNOWN]))["density"]
    by_hand = torch.nn.functional.cross_entropy(said.density[[0, 2]], torch.tensor([2, 0]))
    assert torch.allclose(some, by_hand)
    some.backward()
    assert (said.density.grad[[1, 3]] == 0).all()


def test_a_batch_without_any_density_costs_nothing_there() -> None:
    said = heads(2)
    none = losses(said, batch([UNKNOWN, UNKNOWN]))["density"]
    none.backward()
    assert none.item() == 0
    assert (said.density.grad == 0).all()


def test_a_weight_of_nought_takes_an_image_out() -> None:
    said = heads(2)
    losses(said, batch([0, 0], [1.0, 0.0]))["malignancy"].backward()
    assert said.malignancy.grad[0] != 0
    assert said.malignancy.grad[1] == 0


def frozen_state(network: LesionMapNet) -> dict[str, Any]:
    """A copy of the weights and batch statistics that training must leave alone."""
    modules = torch.nn.ModuleList(network.frozen(FROZEN))
    return {name: value.clone() for name, value in modules.state_dict().items()}


def test_a_step_leaves_what_is_frozen() -> None:
    state = training()
    before = frozen_state(state.network)
    train_epoch(state, [batch([1, UNKNOWN, 3, 0])] * 2, density_weight=0.3)
    after = frozen_state(state.network)
    assert any("running_mean" in name for name in before)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_step_moves_the_rest() -> None:
    state = training()
    deep = state.network.backbone.blocks[-1].state_dict()
    before = {name: value.clone() for name, value in deep.items()}
    found = train_epoch(state, [batch([1, UNKNOWN, 3, 0])] * 2, density_weight=0.3)
    assert not any(torch.equal(before[name], deep[name]) for name in before)
    assert set(found) == {"malignancy", "density"}


def test_a_loss_that_is_not_finite_stops_with_a_remedy() -> None:
    broken = batch([0, 1])
    broken.pixels[:] = float("nan")
    with pytest.raises(ConfigError, match=r"nan; lower learning_rate"):
        train_epoch(training(), [broken], density_weight=0.3)


def test_judging_keeps_the_order_and_gives_probabilities() -> None:
    network = training().network
    whole = batch([0, 1, 2, 3, 0])
    parts = [Batch(*(field[i : i + 2] for field in whole)) for i in (0, 2, 4)]
    judged, at_once = judge(network, parts), judge(network, [whole])
    assert judged.malignancy == pytest.approx(at_once.malignancy, abs=1e-4)
    assert judged.density.sum(axis=1) == pytest.approx(1)

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from mammoscope.models.networks import HeadSpec, Network  # noqa: E402
from mammoscope.models.registry import create  # noqa: E402
from mammoscope.train.config import Optimiser, Recipe  # noqa: E402
from mammoscope.train.schedule import frozen_at, make_optimiser, make_schedule, rates  # noqa: E402


@pytest.fixture(scope="module")
def network() -> Network:
    return create("plain_cnn", HeadSpec(2, "own", density=True))


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize("decay", [1.0, 0.5])
def test_every_parameter_learns_once(network: Network, name: str, decay: float) -> None:
    optimiser = make_optimiser(network, Optimiser(name=name, layer_decay=decay))
    found = [id(p) for group in optimiser.param_groups for p in group["params"]]
    assert sorted(found) == sorted(id(p) for p in network.parameters())


def test_rates_fall_towards_the_stem_and_heads_have_their_own(network: Network) -> None:
    settings = Optimiser(learning_rate=0.1, layer_decay=0.5, head_factor=4)
    by_parameter = {id(p): rate for rate, part in rates(network, settings).items() for p in part}
    stages = network.stages()
    found = [by_parameter[id(next(stage.parameters()))] for stage in stages]
    assert found == pytest.approx([0.1 * 0.5 ** (len(stages) - 1 - i) for i in range(len(stages))])
    for head in network.heads():
        assert by_parameter[id(next(head.parameters()))] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("schedule", "first_to_last"),
    [("constant", (1, 1, 1)), ("cosine", (1, 0.5, 0)), ("one_cycle", (0.04, 0.8, 0))],
)
def test_schedules_go_where_they_say(
    network: Network, schedule: str, first_to_last: tuple[float, ...]
) -> None:
    recipe = Recipe(name="tiny", optimiser=Optimiser(learning_rate=1.0, schedule=schedule))
    optimiser = make_optimiser(network, recipe.optimiser)
    steps = make_schedule(optimiser, recipe, 100)
    found = []
    for _ in range(100):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        steps.step() if len(found) < 100 else None
    assert [found[0], found[40 if schedule == "one_cycle" else 50], found[-1]] == pytest.approx(
        first_to_last, abs=0.05
    )


def test_stages_are_let_loose_one_by_one() -> None:
    settings = Optimiser(frozen=3, unfreeze_per_epoch=2)
    assert [frozen_at(settings, epoch) for epoch in range(4)] == [3, 1, 0, 0]
    assert frozen_at(replace(settings, unfreeze_per_epoch=0), 9) == 3

from __future__ import annotations

import copy
import math
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from mammoscope.errors import ConfigError  # noqa: E402
from mammoscope.models.networks import HeadSpec, Network, count, pool  # noqa: E402
from mammoscope.models.registry import create  # noqa: E402

READER = HeadSpec(2, "map", sharpness=2.0, density=True)


@pytest.fixture(scope="module")
def reader() -> Network:
    torch.manual_seed(0)
    return create("efficientnet_lite0", READER).eval()


def pictures(count: int = 2, side: int = 64) -> Any:
    return torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("sharpness", [0.5, 2.0, 6.0])
def test_pooling_is_the_log_mean_exp(sharpness: float) -> None:
    values = [0.5, -1.0, 2.0, 0.0]
    mean = sum(math.exp(sharpness * value) for value in values) / 4
    pooled = pool(torch.tensor(values).reshape(1, 2, 2), sharpness)
    assert pooled.item() == pytest.approx(math.log(mean) / sharpness, rel=1e-5)


def test_pooling_without_sharpness_is_the_mean() -> None:
    maps = torch.tensor([0.5, -1.0, 2.0, 0.0]).reshape(1, 2, 2)
    assert pool(maps, 0.0).item() == pytest.approx(0.375)
    assert pool(maps, 1e-3).item() == pytest.approx(0.375, abs=2e-3)


@pytest.mark.parametrize("sharpness", [0.0, 0.1, 2.0, 50.0])
@pytest.mark.parametrize("size", [0.1, 1, 1000])
def test_the_score_lies_between_mean_and_maximum(sharpness: float, size: float) -> None:
    maps = torch.randn(3, 2, 7, 4, generator=torch.Generator().manual_seed(0)) * size
    score, slack = pool(maps, sharpness), 1e-4 * size
    assert (score >= maps.mean(dim=(2, 3)) - slack).all()
    assert (score <= maps.amax(dim=(2, 3)) + slack).all()


@pytest.mark.parametrize("sharpness", [0.0, 2.0])
def test_an_even_map_scores_its_value(sharpness: float) -> None:
    assert pool(torch.full((1, 9, 5), -3.0), sharpness).item() == pytest.approx(-3.0)


def test_the_image_score_is_the_pooled_map(reader: Network) -> None:
    with torch.inference_mode():
        said = reader(pictures())
    assert torch.allclose(said.logits[:, 0], pool(said.lesion_map, READER.sharpness))


def test_a_map_cell_is_thirty_two_pixels(reader: Network) -> None:
    with torch.inference_mode():
        said = reader(torch.rand(1, 1, 96, 64))
    assert said.lesion_map.shape == (1, 3, 2)
    assert said.density.shape == (1, 4)


def test_the_map_of_many_classes_is_the_log_odds_of_not_being_the_first() -> None:
    network = create("plain_cnn", HeadSpec(3, "map")).eval()
    with torch.inference_mode():
        said = network(torch.rand(1, 1, 32, 32))
    share = said.logits.softmax(1)[0]
    assert said.lesion_map.item() == pytest.approx(math.log((1 - share[0]) / share[0]), abs=1e-4)


def test_frozen_blocks_get_no_gradient_and_the_others_do() -> None:
    network = create("efficientnet_lite0", READER)
    network.freeze(2)
    network(pictures()).logits.sum().backward()
    held = {id(p) for module in network.frozen(2) for p in module.parameters()}
    assert held
    assert all((p.grad is None) == (id(p) in held) for p in network.backbone.parameters())


def test_nothing_is_frozen_by_none() -> None:
    network = create("plain_cnn", HeadSpec(pooling="own"))
    network.freeze(0)
    assert all(p.requires_grad for p in network.parameters())


def test_a_hidden_layer_stands_before_the_last() -> None:
    wide = create("plain_cnn", HeadSpec(pooling="average", hidden=1024))
    sizes = [p.shape for p in wide.classifier.parameters() if p.ndim == 2]
    assert sizes == [(1024, 128), (1, 1024)]


def test_dropout_is_the_specs() -> None:
    torch.manual_seed(0)
    network = create("plain_cnn", HeadSpec(pooling="map", dropout=0.5)).train()
    kept = create("plain_cnn", HeadSpec(pooling="map", dropout=0.0)).train()
    x = pictures()
    assert not torch.equal(network(x).logits, network(x).logits)
    assert torch.equal(kept(x).logits, kept(x).logits)


def test_a_network_can_be_copied(reader: Network) -> None:
    with torch.inference_mode():
        assert torch.equal(copy.deepcopy(reader)(pictures()).logits, reader(pictures()).logits)


def test_counting_costs_knows_a_small_network_by_hand() -> None:
    found = count(create("plain_cnn", HeadSpec(3, "average")), 32, 32)
    weights, sides = [9 * 32, 9 * 32 * 64, 9 * 64 * 128, 9 * 128 * 128], (32, 16, 8, 4)
    pairs = zip(weights, sides, strict=True)
    assert found.parameters == sum(weights) + 32 + 64 + 128 + 128 + 3 * 129
    assert found.macs == sum(weight * side**2 for weight, side in pairs) + 3 * 128


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("classes", 1),
        ("pooling", "max"),
        ("sharpness", -1.0),
        ("hidden", 64),
        ("hidden", -1),
        ("dropout", 1.0),
    ],
)
def test_an_impossible_head_is_named(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"head\.{field} is"):
        HeadSpec(**{field: value})  # type: ignore[arg-type]


FINDER = HeadSpec(2, "map", density=True, findings=True)


@pytest.fixture(scope="module")
def finder() -> Network:
    torch.manual_seed(0)
    return create("efficientnet_lite0", FINDER).eval()


def test_the_finer_maps_have_cells_of_sixteen_pixels(finder: Network) -> None:
    with torch.inference_mode():
        said = finder(torch.rand(2, 1, 96, 64))
    assert said.lesion_map.shape == said.finding_map.shape == (2, 6, 4)


def test_a_higher_malignant_place_raises_the_score_and_another_finding_does_not(
    finder: Network,
) -> None:
    maps = torch.full((2, 2, 6, 4), -4.0)
    maps[1, 1, 2, 2] = 4.0
    low, same = finder.findings.score(maps).flatten().tolist()
    maps[0, 0, 2, 2] = 4.0
    assert same == low
    assert finder.findings.score(maps)[0].item() > low


def test_before_it_has_learned_the_finer_map_adds_nothing(finder: Network) -> None:
    assert finder.findings.score(torch.full((1, 2, 6, 4), -4.0)).item() == pytest.approx(0)


def test_networks_without_finer_features_say_so() -> None:
    with pytest.raises(ConfigError, match="cells of 16"):
        create("alexnet", FINDER)

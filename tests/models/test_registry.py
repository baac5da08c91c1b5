from __future__ import annotations

from functools import cache
from typing import Any

import pytest

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
timm = pytest.importorskip("timm")

from mammoscope.errors import ConfigError  # noqa: E402
from mammoscope.models.networks import HeadSpec, Network, count  # noqa: E402
from mammoscope.models.registry import create, names  # noqa: E402

ALL = HeadSpec(3, "average", density=True, lesion_map=True)
EVERY = (*names(), "resnet18.a1_in1k", "convnext_atto", "mobilenetv3_small_050")
each = pytest.mark.parametrize("name", EVERY)


@cache
def network(name: str) -> Network:
    torch.manual_seed(0)
    return create(name, ALL).eval()


def said(one: Network, height: int = 64, width: int = 96) -> Any:
    with torch.inference_mode():
        return one(torch.rand(2, 1, height, width, generator=torch.Generator().manual_seed(0)))


@each
def test_every_network_keeps_the_contract(name: str) -> None:
    found = said(network(name))
    assert found.logits.shape == (2, 3)
    assert found.density.shape == (2, 4)
    assert found.lesion_map.shape == (2, 2, 3)
    assert found.finding_map is None
    assert all(bool(part.isfinite().all()) for part in found[:3])


@each
def test_stages_and_heads_hold_every_parameter_once(name: str) -> None:
    parts = [*network(name).stages(), *network(name).heads()]
    held = [id(p) for part in parts for p in part.parameters()]
    assert sorted(held) == sorted(id(p) for p in network(name).parameters())


@each
def test_the_first_stage_is_what_sees_the_picture(name: str) -> None:
    first = next(network(name).stages()[0].parameters())
    assert first.shape[1] == 1


@pytest.mark.parametrize("name", ["alexnet", "plain_cnn", "efficientnet_lite0"])
@pytest.mark.parametrize("pooling", ["map", "own"])
def test_every_pooling_gives_one_logit_for_two_classes(name: str, pooling: Any) -> None:
    found = said(create(name, HeadSpec(2, pooling)).eval())
    assert found.logits.shape == (2, 1)
    assert (found.lesion_map is None) == (pooling == "own")
    assert found.density is None


@pytest.mark.parametrize("name", ["alexnet", "resnet50", "densenet201"])
def test_own_is_the_librarys_network_in_grey(name: str) -> None:
    theirs = torchvision.models.get_model(name, num_classes=3).eval()
    state = theirs.state_dict()
    ours = create(name, HeadSpec(3, "own")).eval()
    first = next(iter(state))
    state[first] = state[first].sum(1, keepdim=True)
    last = list(state)[-2:]
    ours.classifier.load_state_dict({"weight": state.pop(last[0]), "bias": state.pop(last[1])})
    ours.backbone.load_state_dict(state)
    x = torch.rand(1, 1, 96, 96)
    with torch.inference_mode():
        grey = (x - ours.architecture.mean) / ours.architecture.std
        assert torch.allclose(ours(x).logits, theirs(grey.repeat(1, 3, 1, 1)), atol=1e-4)


def test_resnet50_has_its_published_size() -> None:
    own = create("resnet50", HeadSpec(1000, "own"))
    other_channels = 2 * next(own.stages()[0].parameters()).numel()
    assert count(own, 32, 32).parameters + other_channels == 25_557_032


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("resnet5O", "resnet50"),
        ("efficentnet_lite1", "efficientnet_lite1"),
        ("plaincnn", "plain_cnn"),
        ("resnet18.a1", r"resnet18\.a1_in1k"),
        ("", "give one of .*alexnet"),
    ],
)
def test_an_unknown_name_meets_its_neighbours(name: str, close: str) -> None:
    with pytest.raises(ConfigError, match=rf"network is '{name}', which is not known.*{close}"):
        create(name, ALL)


def test_a_network_whose_features_are_no_picture_is_refused() -> None:
    tokens = create("vit_tiny_patch16_224", HeadSpec())
    with pytest.raises(ConfigError, match=r"vit_tiny.* convolutional"):
        tokens(torch.rand(1, 1, 224, 224))

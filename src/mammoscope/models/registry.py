"""Networks by name: "arch", or "arch.tag" for timm's pretrained tags."""

from __future__ import annotations

import difflib
from statistics import fmean
from typing import Any

import timm
from timm.models import group_modules
from torch import Tensor, nn

from mammoscope.errors import ConfigError
from mammoscope.models.cells import FINE_CELL
from mammoscope.models.classics import CLASSICS
from mammoscope.models.networks import Architecture, Fine, HeadSpec, Network

LITES = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
"""timm's tf_efficientnet_lite0 to 2: with the padding that their authors' weights need."""


def create(name: str, heads: HeadSpec) -> Network:
    """Build a network with random weights.

    Args:
        name: one of `names()`, any other of timm's, or "arch.tag": always timm's.
        heads: what stands on its features.

    Raises:
        ConfigError: there is no network of that name; the message names close ones.
    """
    return Network(architecture(name), heads)


def names() -> tuple[str, ...]:
    """The networks with a place of their own here; all others are timm's, by its names."""
    return (*CLASSICS, *LITES)


def architecture(name: str) -> Architecture:
    """How the network of that name is built.

    Raises:
        ConfigError: as `create`.
    """
    if name in CLASSICS:
        return CLASSICS[name]()
    timms = f"tf_{name}" if name in LITES else name
    plain = timms.split(".", 1)[0]
    if not timm.is_model(plain) or (plain != timms and timms not in _tagged(plain)):
        raise ConfigError(f"network is {name!r}, which is not known; {_close(name)}")
    return _timm(name, timms)


def _tagged(plain: str) -> list[str]:
    return list(timm.list_pretrained(f"{plain}.*"))


def _close(name: str) -> str:
    plain = name.split(".", 1)[0]
    known = {*names(), *timm.list_models()}
    if name != plain and plain in known:
        return f"its tags in timm are {', '.join(_tagged(plain)) or 'none'}."
    found = difflib.get_close_matches(plain, sorted(known), 3)
    return f"did you mean {' or '.join(found)}?" if found else f"give one of {', '.join(names())}."


def _timm(name: str, timms: str) -> Architecture:
    def build(own: bool) -> Any:  # noqa: ARG001 - timm's models keep their own pooling
        return timm.create_model(timms, in_chans=1, num_classes=0)

    def stages(model: Any) -> list[nn.Module]:
        groups = group_modules(model, model.group_matcher(coarse=True))
        return [
            nn.ModuleList(model.get_submodule(layer) for layer in groups[group])
            for group in sorted(groups)
        ]

    def finer(model: Any, pixels: Tensor) -> tuple[Tensor, Tensor]:
        last, (fine,) = model.forward_intermediates(pixels, indices=[_level(model)])
        return fine, last

    settings: Any = timm.get_pretrained_cfg(timms, allow_unregistered=False)
    return Architecture(
        name=name,
        library="timm",
        build=build,
        features=lambda model, pixels: model.forward_features(pixels),
        own=lambda model, features: model.forward_head(features, pre_logits=True),
        stages=stages,
        widths=lambda model: (model.num_features, model.head_hidden_size),
        mean=fmean(settings.mean),
        std=fmean(settings.std),
        fine=Fine(finer, lambda model: int(model.feature_info[_level(model)]["num_chs"])),
    )


def _level(model: Any) -> int:
    """Which of a timm model's feature levels has cells of FINE_CELL pixels.

    Raises:
        ConfigError: none has.
    """
    reductions = [level["reduction"] for level in model.feature_info]
    if FINE_CELL not in reductions:
        raise ConfigError(
            f"network: its features have cells of {reductions} pixels, none of {FINE_CELL}; "
            "choose another, or head.findings = false."
        )
    return len(reductions) - 1 - reductions[::-1].index(FINE_CELL)

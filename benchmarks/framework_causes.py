"""What each difference between Keras' and PyTorch's ResNet50 would change in the answers.

    python benchmarks/framework_causes.py --data busi/

Changes one thing at a time in the native network of `mammoscope compare --frameworks`, with its
weights and its first batch, and prints the largest change of a logit. No Keras is needed.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from mammoscope.evaluate.markdown import grid
from mammoscope.frameworks.case import load_case
from mammoscope.frameworks.compare import Args, case_of
from mammoscope.frameworks.native import bare_network, examples, recipe_of
from mammoscope.frameworks.prepare import prepare_case

KERAS_EPSILON = 1.001e-5


def norms(network: nn.Module) -> list[nn.BatchNorm2d]:
    return [one for one in network.modules() if isinstance(one, nn.BatchNorm2d)]


def halving(network: nn.Module) -> Iterator[nn.Module]:
    """Blocks that halve the picture."""
    for block in network.modules():
        if getattr(getattr(block, "conv2", None), "stride", None) == (2, 2):
            yield block


def channels_last(network: nn.Module, _pixels: Tensor) -> None:
    network.to(memory_format=torch.channels_last)


def epsilon(network: nn.Module, _pixels: Tensor) -> None:
    for norm in norms(network):
        norm.eps = KERAS_EPSILON


def stride_first(network: nn.Module, _pixels: Tensor) -> None:
    for block in halving(network):
        block.conv1.stride, block.conv2.stride = (2, 2), (1, 1)


class Same(nn.Module):
    """A convolution of stride 2 over an even side, padded as "same" pads."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.inside, whole = convolution, convolution.kernel_size[0] - 2
        before = whole // 2
        self.pad = (before, whole - before) * 2
        convolution.padding = (0, 0)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        return self.inside(functional.pad(x, self.pad))


def same_padding(network: nn.Module, _pixels: Tensor) -> None:
    network.backbone.conv1 = Same(network.backbone.conv1)
    for block in list(halving(network)):
        block.conv2 = Same(block.conv2)


def biased_variance(network: nn.Module, pixels: Tensor) -> None:
    """Running variances divided by n instead of n - 1, n being the values of a batch."""

    def shrink(norm: nn.BatchNorm2d, given: tuple[Tensor], _made: Tensor) -> None:
        n = given[0].numel() // given[0].shape[1]
        counts[norm] = (n - 1) / n

    counts: dict[nn.BatchNorm2d, float] = {}
    hooks = [norm.register_forward_hook(shrink) for norm in norms(network)]
    network(pixels)
    for hook in hooks:
        hook.remove()
    for norm, factor in counts.items():
        norm.running_var *= factor


CAUSES: dict[str, Callable[[nn.Module, Tensor], None]] = {
    "another order of axes in memory": channels_last,
    "epsilon 1.001e-5 instead of 1e-5": epsilon,
    "running variance over n instead of n - 1": biased_variance,
    "stride in the first 1 x 1 convolution of a block": stride_first,
    'padding "same" where the stride is 2': same_padding,
}


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=16)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        args = Args(words.data, folder, size=words.size, batch=words.batch, device="cpu")
        prepare_case(case_of(args, "resnet50"), words.data, folder / "prepared", folder / "case")
        given = load_case(folder / "case")
    network = bare_network(recipe_of(given.case))
    network.load_state_dict({name: torch.from_numpy(v) for name, v in given.weights.items()})
    pixels = examples(*given.batches()[0], len(given.case.classes)).pixels
    plain = network.eval()(pixels).logits
    rows = []
    for name, change in CAUSES.items():
        other = copy.deepcopy(network)
        change(other, pixels)
        rows.append([name, f"{float((other(pixels).logits - plain).abs().max()):.1e}"])
    double = network.double()(pixels.double()).logits
    rows.append(["64 bits instead of 32", f"{float((double - plain).abs().max()):.1e}"])
    print(grid(["changed", "largest change of a logit"], rows))
    print(f"largest logit: {float(plain.abs().max()):.2f}")


if __name__ == "__main__":
    main()

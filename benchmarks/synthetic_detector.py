r"""Train a small detector on synthetic and inserted lesions alone, and test it on real ones.

    python benchmarks/synthetic_detector.py NORMALS --out weights/ [--samples 1200] [--epochs 4] \
        [--test DATA...] [--weights OTHER...]
    python benchmarks/other_worlds.py DATA --weights weights/ --out worlds/

NORMALS is a folder with a manifest of real mammograms; those without cancer are used. A third of
the samples are synthetic views, the others real ones; three of four hold a mass, a distortion or an
asymmetry, benign or malignant (see `mammoscope.data.training_stream`). The network is the reader's;
every cell of its map learns whether it lies in a lesion. Real lesions are seen by the test alone:
every DATA is a folder with a manifest of real lesions, and what `lesion_froc.py` makes of it is
printed and written to the weights' folder, for the detector, the weights that ship and OTHER.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch.nn import functional

from lesion_froc import report
from mammoscope.data.lesions.description import Kind
from mammoscope.data.manifest import read_manifest
from mammoscope.data.training_stream import (
    Normal,
    StreamOptions,
    TrainingSample,
    normals_of,
    training_samples,
)
from mammoscope.files import write_atomic
from mammoscope.models import pretrained, registry
from mammoscope.models.card import CARD_FILE, DEFAULT_WEIGHTS, shipped_folder
from mammoscope.models.networks import HeadSpec, Network
from mammoscope.preprocess import PreprocessParams, prepare
from mammoscope.train.export import to_onnx, write_weights

HEIGHT, WIDTH, CELL = 384, 224, 32
KINDS: tuple[Kind, ...] = ("mass", "mass", "mass", "asymmetry", "distortion")
SQUASHED = 3328 / 4096
"""Width over height of the field that rsna2022's squares were squashed from."""


class Sample(NamedTuple):
    """One prepared picture (384, 224) uint8 and its map (12, 7): 1 where a lesion is."""

    pixels: NDArray[np.uint8]
    cells: NDArray[np.float32]


def prepared(sample: TrainingSample) -> Sample:
    """What the network learns of one sample."""
    made = prepare(sample.mammogram, PreprocessParams(HEIGHT, WIDTH))
    cells = np.zeros((HEIGHT // CELL, WIDTH // CELL), np.float32)
    for finding in sample.findings:
        box = made.geometry.box_to_model(finding.box_px)
        x1, y1, x2, y2 = (np.array(box) / CELL).tolist()
        rows = slice(max(0, round(y1)), max(round(y2), int(y1) + 1))
        cells[rows, max(0, round(x1)) : max(round(x2), int(x1) + 1)] = 1
    return Sample(made.pixels, cells)


def make(normals: Sequence[Normal], count: int, seed: int) -> list[Sample]:
    """All samples, on two processes."""
    options = StreamOptions(seed, kinds=KINDS, field_aspect=SQUASHED)
    found = training_samples(range(count), options, normals, workers=2)
    shown = track(found, "samples", total=count, console=Console(stderr=True))
    return [prepared(one) for one in shown]


def train(samples: list[Sample], epochs: int, seed: int) -> Network:
    """Teach every cell of the map whether it lies in a lesion."""
    torch.manual_seed(seed)
    network = registry.create("efficientnet_lite0", HeadSpec(2, "map", density=True))
    pretrained.load(network, "imagenet")
    network.freeze(2)
    network = network.to(memory_format=torch.channels_last)
    steps = epochs * (len(samples) // 16)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 8e-4, total_steps=steps)
    pixels = np.stack([one.pixels for one in samples])
    cells = np.stack([one.cells for one in samples])
    for epoch in range(epochs):
        network.train()
        for module in network.frozen(2):
            module.eval()
        order = torch.randperm(len(samples)).numpy()
        losses = []
        for start in range(0, len(order) - 15, 16):
            rows = order[start : start + 16]
            optimiser.zero_grad()
            loss = _loss(network, pixels[rows], cells[rows])
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}", flush=True)
    return network.eval()


def _loss(network: Network, pixels: NDArray[np.uint8], cells: NDArray[np.float32]) -> torch.Tensor:
    x = torch.from_numpy(pixels)[:, None].float() / 255
    target = torch.from_numpy(cells)
    upside = torch.rand(len(x)) < 0.5
    x, target = x.clone(), target.clone()
    x[upside], target[upside] = x[upside].flip(2), target[upside].flip(1)
    x = x ** torch.empty(len(x), 1, 1, 1).uniform_(0.7, 1.4)
    said = network(x.contiguous(memory_format=torch.channels_last))
    weight = torch.tensor(4.0)
    return functional.binary_cross_entropy_with_logits(said.lesion_map, target, pos_weight=weight)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("normals", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=1200)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--test", nargs="*", type=Path, default=[], metavar="DATA")
    parser.add_argument("--weights", nargs="*", default=[], metavar="OTHER")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    normals = normals_of(read_manifest(options.normals))
    start = time.perf_counter()
    samples = make(normals, options.samples, options.seed)
    print(f"{len(samples)} samples in {time.perf_counter() - start:.0f} s", flush=True)
    network = train(samples, options.epochs, options.seed)
    card = json.loads((shipped_folder() / DEFAULT_WEIGHTS / CARD_FILE).read_text(encoding="utf-8"))
    card["preprocess"] |= {"height": HEIGHT, "width": WIDTH}
    card |= {
        "name": "synthetic-detector",
        "description": "An experiment: lesions made by us alone.",
    }
    write_weights(options.out, to_onnx(network, HEIGHT, WIDTH), card)
    print(f"trained in {time.perf_counter() - start:.0f} s", flush=True)
    if options.test:
        text = report(options.test, [options.out, *options.weights, None], options.out)
        write_atomic(options.out / "froc.md", f"{text}\n".encode())
        print(text)


if __name__ == "__main__":
    main()

"""Train a small detector on synthetic and inserted lesions alone, for `other_worlds.py` to test.

    python benchmarks/synthetic_detector.py NORMALS --out weights/ [--samples 1200] [--epochs 4]
    python benchmarks/other_worlds.py DATA --weights weights/ --out worlds/

NORMALS is a folder with a manifest of real mammograms; those without cancer are used. A third of
the samples are synthetic views, the others real ones; three of four hold a mass, a distortion or an
asymmetry, benign or malignant. The network is the reader's; every cell of its map learns whether it
lies in a lesion. Real lesions are seen by the test alone.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch.nn import functional

from mammoscope.data.insertion import insert, random_place
from mammoscope.data.insertion_survey import survey
from mammoscope.data.lesions import Lesion, random_lesion
from mammoscope.data.manifest import read_manifest
from mammoscope.data.story import random_placed
from mammoscope.data.synth import synthetic_view
from mammoscope.errors import MammoscopeError
from mammoscope.geometry import Box
from mammoscope.io import read_mammogram
from mammoscope.models.card import CARD_FILE, DEFAULT_WEIGHTS, shipped_folder
from mammoscope.models.networks import LesionMapNet, load_imagenet
from mammoscope.preprocess import PreprocessParams, prepare
from mammoscope.train.export import to_onnx, write_weights
from mammoscope.types import Mammogram

HEIGHT, WIDTH, CELL = 384, 224, 32
KINDS = ("mass", "mass", "mass", "asymmetry", "distortion")
ROWS = 640
SQUASHED = 3328 / 4096
"""Width over height of the field that rsna2022's squares were squashed from."""


class Sample(NamedTuple):
    """One prepared picture (384, 224) uint8 and its map (12, 7): 1 where a lesion is."""

    pixels: NDArray[np.uint8]
    cells: NDArray[np.float32]


def sample(number: int, normals: list[Path], seed: int) -> Sample | None:
    """The sample of that number; None where the breast has no room or the file no breast."""
    rng = np.random.default_rng([seed, number])
    with_lesion = rng.random() < 0.75
    lesion = random_lesion(1000 * seed + number, str(rng.choice(KINDS)))  # type: ignore[arg-type]
    try:
        if number % 3 == 0:
            return _drawn(number, lesion if with_lesion else None, rng)
        path = normals[int(rng.integers(len(normals)))]
        return _inserted(path, lesion if with_lesion else None, number)
    except MammoscopeError:
        return None


def _drawn(number: int, lesion: Lesion | None, rng: np.random.Generator) -> Sample:
    view = "CC" if rng.random() < 0.5 else "MLO"
    density = "ABCD"[int(rng.choice(4, p=(0.1, 0.4, 0.4, 0.1)))]
    placed = [] if lesion is None else [random_placed(number, lesion)]
    side = placed[0].laterality if placed else "L"
    look = "film" if rng.random() < 0.3 else None
    shown = synthetic_view(number, side, view, ROWS, density, placed, look)
    mammogram = Mammogram(shown.pixels, "synthetic", side, view)
    return _prepared(mammogram, [seen.box_px for seen in shown.findings])


def _inserted(path: Path, lesion: Lesion | None, number: int) -> Sample:
    mammogram = read_mammogram(path)
    if lesion is None:
        return _prepared(mammogram, [])
    pixels = mammogram.pixels
    facts = survey(pixels, mammogram.view, None, SQUASHED)
    made = insert(pixels, lesion, random_place(facts, lesion, number), seed=number, facts=facts)
    changed = Mammogram(made.pixels, "inserted", mammogram.laterality, mammogram.view)
    return _prepared(changed, [made.box_px])


def _prepared(mammogram: Mammogram, boxes: list[Box]) -> Sample:
    made = prepare(mammogram, PreprocessParams(HEIGHT, WIDTH))
    cells = np.zeros((HEIGHT // CELL, WIDTH // CELL), np.float32)
    for box in boxes:
        x1, y1, x2, y2 = (np.array(made.geometry.box_to_model(box)) / CELL).tolist()
        rows = slice(max(0, round(y1)), max(round(y2), int(y1) + 1))
        cells[rows, max(0, round(x1)) : max(round(x2), int(x1) + 1)] = 1
    return Sample(made.pixels, cells)


def make(normals: list[Path], count: int, seed: int) -> list[Sample]:
    """All samples, on two processes."""
    with ProcessPoolExecutor(2) as pool:
        found = pool.map(partial(sample, normals=normals, seed=seed), range(count), chunksize=8)
        shown = track(found, "samples", total=count, console=Console(stderr=True))
        return [one for one in shown if one is not None]


def train(samples: list[Sample], epochs: int, seed: int) -> LesionMapNet:
    """Teach every cell of the map whether it lies in a lesion."""
    torch.manual_seed(seed)
    network = LesionMapNet(0.0)
    load_imagenet(network)
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


def _loss(
    network: LesionMapNet, pixels: NDArray[np.uint8], cells: NDArray[np.float32]
) -> torch.Tensor:
    x = torch.from_numpy(pixels)[:, None].float() / 255
    target = torch.from_numpy(cells)
    upside = torch.rand(len(x)) < 0.5
    x, target = x.clone(), target.clone()
    x[upside], target[upside] = x[upside].flip(2), target[upside].flip(1)
    x = x ** torch.empty(len(x), 1, 1, 1).uniform_(0.7, 1.4)
    heads = network(x.contiguous(memory_format=torch.channels_last))
    weight = torch.tensor(4.0)
    return functional.binary_cross_entropy_with_logits(heads.lesion_map, target, pos_weight=weight)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("normals", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=1200)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    manifest = read_manifest(options.normals)
    healthy = manifest.images[manifest.images["cancer"] == "0"]["image_path"]
    start = time.perf_counter()
    samples = make([manifest.path(path) for path in healthy], options.samples, options.seed)
    print(f"{len(samples)} samples in {time.perf_counter() - start:.0f} s", flush=True)
    network = train(samples, options.epochs, options.seed)
    card = json.loads((shipped_folder() / DEFAULT_WEIGHTS / CARD_FILE).read_text(encoding="utf-8"))
    card |= {
        "name": "synthetic-detector",
        "description": "An experiment: lesions made by us alone.",
    }
    write_weights(options.out, to_onnx(network, HEIGHT, WIDTH), card)
    print(f"trained in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()

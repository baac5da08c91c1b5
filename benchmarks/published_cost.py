r"""What an exam costs here and in the kind of processing that published readers do.

    mammoscope data synth --exams 1 --seed 7 --size 4096 --dicom --syntax "JPEG lossless SV1" \
        --out exam/
    python benchmarks/published_cost.py exam/ --repeats 5

No published program is run: what they have in common is written down here in a few lines, and
timed on the same four files, one view after the other as they do it: parse with pydicom, find the
largest connected part that is not black at full size, crop, resize with Pillow, standardise, show
a ResNet in 32 bits in eager PyTorch. The second kind, as in the classifiers from New York
University (Wu et al., IEEE Trans Med Imaging 2020;39:1184-1194), erodes and dilates the
full-size mask first and goes through 16-bit PNG files twice. The weights are random, which costs
the same. Lossless JPEG is decoded by the decoder that this project uses, since pydicom's plugins
with permissive licences do not read it, so that decoding makes no difference. Against it the
whole of `mammoscope.Predictor` from files to report. Interleaved; medians. Prints Markdown.
"""

from __future__ import annotations

import argparse
import io
import os
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from torchvision.models import get_model

from exam_floors import decoder
from mammoscope.infer import Predictor
from mammoscope.io import load_exam, scan
from stage_clock import timed

OURS = "mammoscope, files to report"
Pixels = NDArray[Any]


def main() -> None:
    options = _options()
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: options.cores]))
    torch.set_num_threads(options.cores)
    torch.set_flush_denormal(True)  # random weights may otherwise cost more than trained ones
    model = get_model(options.network, weights=None).eval()
    (files,) = scan([options.exam])
    reader = Predictor.load()
    inputs = [prepared(path, options.side) for path in files.paths]
    network = f"network, {options.network} at {options.side} x {options.side}"
    work = {
        "preprocessing, simple": lambda: [prepared(p, options.side) for p in files.paths],
        "preprocessing, erosion and PNG": lambda: [
            prepared(p, options.side, options.iterations) for p in files.paths
        ],
        network: lambda: [shown(model, one) for one in inputs],
        OURS: lambda: reader(load_exam(files)),
    }
    for one in work.values():
        one()
    runs = [{name: timed(one) for name, one in work.items()} for _ in range(options.repeats)]
    costs = {
        name: np.array([median(run[name][kind] for run in runs) for kind in (0, 1)])
        for name in work
    }
    for kind in ("simple", "erosion and PNG"):
        costs[f"**published kind, {kind}**"] = costs[f"preprocessing, {kind}"] + costs[network]
    _tell(costs, len(files.paths), options, reader.info.runtime)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exam", type=Path, help="folder with the DICOM files of one exam")
    parser.add_argument("--network", default="resnet50", help="one of torchvision's")
    parser.add_argument("--side", type=int, default=1024, help="of the network's input, pixels")
    parser.add_argument("--iterations", type=int, default=100, help="of erosion and dilation")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cores", type=int, default=2)
    return parser.parse_args()


def prepared(path: str, side: int, iterations: int = 0) -> torch.Tensor:
    """A view as (1, 3, side, side) float32; with iterations through erosion and PNG files."""
    pixels = np.asarray(decoder(path)(), np.uint16)
    if iterations:
        pixels = _through_png(pixels)
    crop = cropped(pixels, iterations)
    if iterations:
        crop = _through_png(crop)
    small = Image.fromarray(crop.astype(np.float32)).resize((side, side), Image.Resampling.BICUBIC)
    grey = np.asarray(small)
    standard = torch.from_numpy((grey - grey.mean()) / max(float(grey.std()), 1.0))
    return standard.expand(1, 3, side, side).contiguous()


def cropped(pixels: Pixels, iterations: int) -> Pixels:
    """The bounding box of the largest part that is not black."""
    mask = pixels > 0
    if iterations:
        mask = ndimage.binary_erosion(mask, iterations=iterations)
    labels, _ = ndimage.label(mask)
    largest = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    if iterations:
        largest = ndimage.binary_dilation(largest, iterations=iterations)
    return pixels[ndimage.find_objects(largest.view(np.uint8))[0]]


def _through_png(pixels: Pixels) -> Pixels:
    """Written as a 16-bit PNG and read again; in memory, so that no disk is timed."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return np.asarray(Image.open(file), np.uint16)


@torch.inference_mode()
def shown(model: torch.nn.Module, view: torch.Tensor) -> torch.Tensor:
    return model(view)


def _tell(
    costs: dict[str, NDArray[np.float64]], views: int, options: argparse.Namespace, runtime: str
) -> None:
    print(
        f"{views} views, {options.cores} cores; torch {torch.__version__}; {runtime}; "
        f"median of {options.repeats}.\n\n| | wall ms a view | wall ms | core-ms | "
        "times mammoscope's wall | core-ms |\n|---|---:|---:|---:|---:|---:|"
    )
    for name in sorted(costs, key=lambda name: name == OURS):
        wall, core = costs[name] * 1e3
        ratios = " | ".join(f"{ratio:.1f}" for ratio in costs[name] / costs[OURS])
        print(f"| {name} | {wall / views:.0f} | {wall:.0f} | {core:.0f} | {ratios} |")


if __name__ == "__main__":
    main()

"""What decoding JPEG 2000 at a half, quarter or eighth of its size saves, and what it changes.

    python benchmarks/reduced_jpeg2000.py --women 5

Views of synthetic women (4,096 rows, 12 bits) are compressed without loss and decoded whole, and
by Pillow from fewer wavelet levels; each copy is prepared and judged as a file would be. The
network's input is smaller than any of the copies. Prints a Markdown table: core-ms of decoding,
mean difference of the network's input (of 255 grey levels), and mean and largest difference of an
image's calibrated malignancy from that of the whole picture.
"""

from __future__ import annotations

import argparse
import io
import time

import cv2
import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mammoscope.data.synth import synthetic_exam
from mammoscope.infer import Predictor
from mammoscope.infer.postprocess import sigmoid
from mammoscope.preprocess import prepare
from mammoscope.types import Mammogram, Pixels

LEVELS = (0, 1, 2, 3)
WHITE = 4095


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--women", type=int, default=5)
    women = parser.parse_args().women
    cv2.setNumThreads(1)
    predictor = Predictor.load(precision="f32")
    views = [
        measured((view.pixels >> 4).astype(np.uint16), predictor)
        for seed in range(women)
        for view in synthetic_exam(100 + seed, height=4096).images
    ]
    found = np.array(views)  # (views, levels, 3)
    print(f"{len(views)} views of {women} synthetic women\n")
    print("| decoded at | core-ms | input differs by | malignancy, mean | largest |")
    print("|---|---:|---:|---:|---:|")
    for level in LEVELS:
        ms, shown, _ = found[:, level].mean(axis=0)
        off = np.abs(found[:, level, 2] - found[:, 0, 2])
        print(f"| 1/{2**level} | {ms:.0f} | {shown:.1f} | {off.mean():.3f} | {off.max():.3f} |")


def measured(stored: NDArray[np.uint16], predictor: Predictor) -> list[tuple[float, float, float]]:
    """(core-ms, difference of the input, malignancy) at each of LEVELS."""
    stream = imagecodecs.jpeg2k_encode(stored, codecformat="j2k", bitspersample=12, reversible=True)
    slope, intercept = predictor.weights.platt
    whole, rows = None, []
    for level in LEVELS:
        start = time.process_time()
        pixels = decoded(stream, level)
        ms = (time.process_time() - start) * 1e3
        shown = prepare(Mammogram(pixels, "view"), predictor.weights.preprocess).pixels
        whole = shown if whole is None else whole
        logit = predictor.engine.run(shown[None]).malignancy.astype(np.float64)
        off = np.abs(shown.astype(float) - whole).mean()
        rows.append((ms, float(off), float(sigmoid(slope * logit + intercept)[0])))
    return rows


def decoded(stream: bytes | bytearray, level: int) -> Pixels:
    """Grey levels over the full range of 16 bits."""
    if level == 0:
        stored = imagecodecs.jpeg2k_decode(stream, numthreads=1)
    else:
        image = Image.open(io.BytesIO(stream))
        image.reduce = level  # type: ignore[method-assign, assignment]
        image.load()
        stored = np.asarray(image) >> 4  # Pillow gives 12 bits in the upper ones of 16
    return np.rint(stored * (65535 / WHITE)).astype(np.uint16)


if __name__ == "__main__":
    main()

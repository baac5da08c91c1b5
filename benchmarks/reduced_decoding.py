r"""JPEG 2000 decoded at a half, a quarter, an eighth: how much faster, and how far from the truth.

    python benchmarks/reduced_decoding.py --women 4 --size 4096

Views of synthetic women are written as lossless JPEG 2000, decoded whole by the decoder that the
reader uses and reduced by Pillow, since that decoder has no such option, prepared and judged. The
network's input is compared grey level by grey level, and the calibrated malignancy with that from
the whole picture. Prints Markdown.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.encaps import generate_frames

from mammoscope.data.dicom_study import usual_kind, write_study
from mammoscope.data.synth import synthetic_exam
from mammoscope.infer import Predictor
from mammoscope.infer.postprocess import sigmoid
from mammoscope.io import read_mammogram
from mammoscope.preprocess import prepare
from mammoscope.types import Mammogram

Grey = NDArray[np.uint16]


@dataclass(frozen=True)
class Compared:
    """A view at one reduction against the whole: core-seconds, grey levels of 255, probability."""

    seconds: float
    mean: float
    most: int
    malignancy: float


def main() -> None:
    options = _options()
    reader = Predictor.load(precision="f32")
    rows: dict[int, list[Compared]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for path in _views(Path(folder), options):
            mammogram, frame = read_mammogram(path), _frame(path)
            for reduction in range(4):
                found = compared(reader, mammogram, frame, reduction)
                rows.setdefault(reduction, []).append(found)
    print(
        f"{len(rows[0])} views.\n\n| decoded at | core-s | of the whole | grey levels, mean | ",
        end="",
    )
    print("most | change of malignancy, median | most |\n|---|---:|---:|---:|---:|---:|---:|")
    whole = np.median([one.seconds for one in rows[0]])
    for reduction, each in rows.items():
        seconds = np.median([one.seconds for one in each])
        change = np.abs(
            [half.malignancy - full.malignancy for half, full in zip(each, rows[0], strict=True)]
        )
        print(
            f"| 1/{2**reduction} | {seconds:.2f} | {seconds / whole:.2f} | "
            f"{np.mean([one.mean for one in each]):.2f} | {max(one.most for one in each)} | "
            f"{np.median(change):.3f} | {change.max():.3f} |"
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--women", type=int, default=4)
    parser.add_argument("--size", type=int, default=4096, help="height of a view, pixels")
    return parser.parse_args()


def _views(folder: Path, options: argparse.Namespace) -> Iterator[Path]:
    for seed in range(options.women):
        exam = synthetic_exam(seed, height=options.size)
        yield from write_study(exam, folder, [usual_kind("JPEG 2000 lossless")])


def _frame(path: Path) -> bytes:
    return next(generate_frames(pydicom.dcmread(path).PixelData, number_of_frames=1))


def compared(reader: Predictor, mammogram: Mammogram, frame: bytes, reduction: int) -> Compared:
    """Judge a view decoded at 1 / 2**reduction of its size, spread over its pixels again."""
    start = time.process_time()
    small = decoded(frame, reduction)
    seconds = time.process_time() - start
    step = 2**reduction
    spread = small.repeat(step, axis=0).repeat(step, axis=1)[: mammogram.shape[0]]
    spread = np.ascontiguousarray(spread[:, : mammogram.shape[1]])
    params = reader.weights.preprocess
    seen = prepare(replace(mammogram, pixels=spread), params).pixels
    true = prepare(replace(mammogram, pixels=decoded(frame, 0)), params).pixels
    apart = np.abs(seen.astype(int) - true)
    slope, intercept = reader.weights.platt
    logit = float(reader.engine.run(seen[None]).malignancy[0])
    malignancy = float(sigmoid(slope * logit + intercept))
    return Compared(seconds, float(apart.mean()), int(apart.max()), malignancy)


def decoded(frame: bytes, reduction: int) -> Grey:
    """A frame of 12 bits in the upper ones of 16, as Pillow gives it: a Mammogram's full range."""
    if not reduction:
        return imagecodecs.jpeg2k_decode(frame, numthreads=1) << np.uint16(4)
    image = Image.open(io.BytesIO(frame))
    image.reduce = reduction
    image.load()
    return np.asarray(image, np.uint16)


if __name__ == "__main__":
    main()

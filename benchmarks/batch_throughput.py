r"""Images a second of `mammoscope batch` by number of reading processes, beside what bounds it.

    mammoscope data synth --exams 1 --seed 7 --size 4096 --dicom --syntax "JPEG lossless SV1" \
        --out exam/
    python benchmarks/batch_throughput.py exam/ --images 400 --workers 1 2 --cores 2

Measured in turn, `--repeats` times, medians: reading alone (decode, checks and preprocessing in
the same processes, nothing behind them), the network alone (on all cores), and the whole batch
from its start to the written tables. Reading and network share the cores, so that besides the
slower one's rate there is a lower bound: the time of both together, 1 / (1/reading + 1/network).
The files come from the disk's cache. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from mammoscope.batch.items import Item, Work
from mammoscope.batch.pipeline import BATCH
from mammoscope.batch.pool import Pool
from mammoscope.batch.run import Settings, run_batch
from mammoscope.batch.worker import Ready
from mammoscope.infer import Predictor

Rates = dict[str, list[float]]


def main() -> None:
    options = _options()
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: options.cores]))
    predictor = Predictor.load(hint="throughput")
    work = repeated(options.exam, options.images)
    images = sum(len(item.paths) for item in work.items)
    rates: Rates = {}
    for _ in range(options.repeats):
        note(rates, "network", images, lambda: network(work, predictor, images))
        for workers in options.workers:
            note(rates, f"reading {workers}", images, lambda n=workers: read(work, predictor, n))
            note(rates, f"batch {workers}", images, lambda n=workers: run(work, predictor, n))
    print(
        f"{images} images, {options.cores} cores, {predictor.info.runtime}, "
        f"median of {options.repeats}; the network alone: {median(rates['network']):.2f} images/s\n"
    )
    print("| processes | reading alone | batch | range | of the slower | of both together |")
    print("|---:|---:|---:|---|---:|---:|")
    for workers in options.workers:
        print(row(rates, workers))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exam", type=Path, help="folder with the DICOM files of one exam")
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


def repeated(folder: Path, images: int) -> Work:
    """The exam in `folder` as often as it takes for so many images."""
    paths = tuple(sorted(path.name for path in folder.glob("*.dcm")))
    exams = max(1, images // len(paths))
    return Work(str(folder), tuple(Item(f"{n:016x}", f"e{n}", paths) for n in range(exams)))


def note(rates: Rates, name: str, images: int, work: Callable[[], float]) -> None:
    rates.setdefault(name, []).append(images / work())


def read(work: Work, predictor: Predictor, workers: int) -> float:
    """Seconds to read and prepare everything, the start of the processes included."""
    start = time.perf_counter()
    for _ in Pool(workers, work.root, predictor.weights.preprocess).results(work.items):
        pass
    return time.perf_counter() - start


def network(work: Work, predictor: Predictor, images: int) -> float:
    """Seconds in which the network, alone on the cores, sees so many images."""
    (ready,) = Pool(1, work.root, predictor.weights.preprocess).results(work.items[:1])
    if not isinstance(ready, Ready):
        raise SystemExit(ready.reason)
    shown = np.stack([ready.prepared[n % len(ready.prepared)].pixels for n in range(BATCH)])
    predictor.engine.run(shown)
    start = time.perf_counter()
    for first in range(0, images, BATCH):
        predictor.engine.run(shown[: min(BATCH, images - first)])
    return time.perf_counter() - start


def run(work: Work, predictor: Predictor, workers: int) -> float:
    """Seconds of the whole batch, the weights loaded."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        counts = run_batch(work, predictor, Settings(Path(folder), (work.root,), workers=workers))
        seconds = time.perf_counter() - start
    if counts["judged"] != counts["images"]:
        raise SystemExit(f"not everything was judged: {counts}")
    return seconds


def row(rates: Rates, workers: int) -> str:
    shown, reading, batch = (
        median(rates[name]) for name in ("network", f"reading {workers}", f"batch {workers}")
    )
    low, high = min(rates[f"batch {workers}"]), max(rates[f"batch {workers}"])
    both = 1 / (1 / reading + 1 / shown)
    return (
        f"| {workers} | {reading:.2f} | {batch:.2f} | {low:.2f} to {high:.2f} | "
        f"{batch / min(reading, shown):.2f} | {batch / both:.2f} |"
    )


if __name__ == "__main__":
    main()

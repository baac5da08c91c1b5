"""How many pictures a second are made on two processes: synthetic views, and inserted lesions.

    python benchmarks/synthesis_speed.py [NORMALS] [--repeats 5]

CC and MLO views come equally often, each with a lesion, as in `mammoscope.data.training_stream`.
NORMALS is a folder with a manifest of real images; without it, no lesion is inserted. Prints a
Markdown table; the pictures stay in the processes that made them, which start before the clock.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import cv2

from mammoscope.data.manifest import read_manifest
from mammoscope.data.training_stream import Normal, StreamOptions, normals_of, training_sample
from mammoscope.evaluate.markdown import grid

WORKERS = 2
COUNTS = {640: 24, 1024: 16, 4096: 6}
"""Pictures in one repeat, by rows."""
INSERTED = 48


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("normals", nargs="?", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    rows = []
    start = partial(cv2.setNumThreads, 1)
    with ProcessPoolExecutor(WORKERS, get_context("spawn"), start) as pool:
        for height, count in COUNTS.items():
            drawn = StreamOptions(rows=height, synthetic=1, healthy=0)
            speeds = timed(pool, drawn, (), count, options.repeats)
            rows.append(row(f"synthetic views, {height} rows", count, speeds))
        if options.normals:
            normals = normals_of(read_manifest(options.normals))
            speeds = timed(pool, StreamOptions(healthy=0, synthetic=0), normals, INSERTED,
                           options.repeats)  # fmt: skip
            rows.append(row(f"lesions inserted, {options.normals.name}", INSERTED, speeds))
    print(f"{WORKERS} processes; load of the machine before: {load:.1f}.\n")
    print(grid(["what", "pictures", "repeats", "pictures a second, median", "range"], rows))


def timed(
    pool: ProcessPoolExecutor,
    options: StreamOptions,
    normals: tuple[Normal, ...],
    count: int,
    repeats: int,
) -> list[float]:
    """Pictures a second of each repeat; one round before them does not count."""
    # A worker is sent only as many real images as one round can use.
    make = partial(_made, options=options, normals=normals[:: max(1, len(normals) // count)])
    list(pool.map(make, range(2 * WORKERS)))
    speeds = []
    for repeat in range(repeats):
        begin = time.perf_counter()
        list(pool.map(make, range(repeat * count, (repeat + 1) * count)))
        speeds.append(count / (time.perf_counter() - begin))
    return speeds


def _made(number: int, options: StreamOptions, normals: tuple[Normal, ...]) -> None:
    training_sample(number, options, normals)


def row(name: str, count: int, speeds: list[float]) -> list[str]:
    return [
        name, str(count), str(len(speeds)), f"{median(speeds):.2f}",
        f"{min(speeds):.2f} to {max(speeds):.2f}",
    ]  # fmt: skip


if __name__ == "__main__":
    main()

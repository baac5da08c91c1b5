"""Memory and time of a batch from 100 to 10,000 exams: is the one flat and the other linear?

    python benchmarks/batch_memory.py --exams 100 300 1000 3000 10000 --out batch_memory/

Small synthetic studies are linked many times; each size runs in a new process. Twice a second the
memory of the program and its reading processes is read (their proportional set size, so that
shared pages count once). Prints a Markdown table and the line through the times, and writes
batch_memory.csv and batch_memory.png to the folder.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

from batch_studies import command, linked_studies

mpl.use("Agg")
import matplotlib.pyplot as plt

EVERY = 0.5


@dataclass(frozen=True)
class Measured:
    """A batch: seconds in all, and (time in s, MB) of all its processes and of the parent."""

    exams: int
    seconds: float
    samples: list[tuple[float, float, float]]

    def steady(self, column: int) -> np.ndarray:
        """Memory once the processes have started: the later three quarters."""
        return np.array(self.samples)[len(self.samples) // 4 :, column]


def main() -> None:
    options = _options()
    options.out.mkdir(parents=True)
    runs = []
    print(
        "| exams | s | median MB | most MB | of it the parent's most |\n|---:|---:|---:|---:|---:|"
    )
    for exams in options.exams:
        runs.append(run := measured(options, exams))
        whole, parent = run.steady(1), run.steady(2)
        print(
            f"| {exams} | {run.seconds:.0f} | {np.median(whole):.0f} | {whole.max():.0f} | "
            f"{parent.max():.0f} |",
            flush=True,
        )
    slope, start, fit = line(runs)
    print(f"\nTime = {start:.1f} s + {slope * 1e3:.1f} ms an exam, R2 = {fit:.5f}")
    table(runs).to_csv(options.out / "batch_memory.csv", index=False)
    draw(runs, (slope, start, fit), options.out / "batch_memory.png")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="new folder")
    parser.add_argument("--exams", type=int, nargs="+", default=[100, 300, 1000, 3000, 10_000])
    parser.add_argument("--views", type=int, default=1)
    parser.add_argument("--height", type=int, default=256)
    return parser.parse_args()


def measured(options: argparse.Namespace, exams: int) -> Measured:
    """Run a batch of so many exams and watch it."""
    folder = options.out / f"in{exams}"
    manifest = linked_studies(folder, exams, options.views, options.height)
    out = options.out / f"out{exams}"
    samples, start = [], time.monotonic()
    process = subprocess.Popen(
        command(15.0, manifest, "--out", out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while process.poll() is None:
            sizes = [megabytes(pid) for pid in (process.pid, *children(process.pid))]
            samples.append((time.monotonic() - start, sum(sizes), sizes[0]))
            time.sleep(EVERY)
    finally:
        process.kill()  # nothing happens if it has ended
    seconds = time.monotonic() - start
    if process.returncode != 0:
        raise SystemExit(f"the batch of {exams} exams ended with code {process.returncode}")
    shutil.rmtree(folder)
    return Measured(exams, seconds, samples)


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    try:
        return [int(child) for task in tasks.iterdir() for child in _children(task)]
    except OSError:
        return []  # it has just ended


def _children(task: Path) -> list[str]:
    return (task / "children").read_text().split()


def megabytes(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def line(runs: list[Measured]) -> tuple[float, float, float]:
    """(s an exam, s at the start, R2) of the straight line through the times."""
    x, y = np.array([run.exams for run in runs]), np.array([run.seconds for run in runs])
    slope, start = np.polyfit(x, y, 1)
    rest = ((y - slope * x - start) ** 2).sum()
    return float(slope), float(start), float(1 - rest / ((y - y.mean()) ** 2).sum())


def table(runs: list[Measured]) -> pd.DataFrame:
    rows = [(run.exams, *sample) for run in runs for sample in run.samples]
    return pd.DataFrame(rows, columns=["exams", "seconds", "all_mb", "parent_mb"])


def draw(runs: list[Measured], fitted: tuple[float, float, float], path: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for run in runs:
        samples = np.array(run.samples)
        left.plot(samples[:, 0] + 1, samples[:, 1], label=f"{run.exams:,} exams")
    left.set(xlabel="seconds since the start, plus 1", ylabel="MB, all processes", xscale="log")
    left.set_ylim(bottom=0)
    left.legend()
    exams, seconds = [run.exams for run in runs], [run.seconds for run in runs]
    slope, start, fit = fitted
    right.plot(exams, seconds, "o")
    grid = np.array([0, max(exams)])
    right.plot(grid, start + slope * grid, label=f"{slope * 1e3:.1f} ms an exam, R² = {fit:.5f}")
    right.set(xlabel="exams", ylabel="seconds")
    right.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()

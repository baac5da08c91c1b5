"""How long the whole evaluation report takes: page, tables, figures, intervals.

    python benchmarks/report_speed.py [--exams 10000] [--resamples 2000] [--repeats 3]

Simulated exams, one for each woman, 5 % with cancer, with machine, age and density for subgroups.
`mammoscope evaluate` runs as a user starts it; the table gives the median of its wall time, and the
processor time beside it, which a busy machine does not lengthen.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from mammoscope.evaluate.markdown import grid


def simulated(exams: int, seed: int = 0) -> pd.DataFrame:
    """Truth and a score of AUC 0.8 for each exam."""
    random = np.random.default_rng(seed)
    cancer = (random.random(exams) < 0.05).astype(int)
    number = np.arange(exams)
    return pd.DataFrame(
        {
            "exam_id": number,
            "patient_id": number,
            "malignancy": expit(random.normal(size=exams) + 1.2 * cancer - 3).round(6),
            "cancer": cancer,
            "machine_id": number % 4,
            "age": 40 + number % 40,
            "density": np.array(list("ABCD"))[number % 4],
        }
    )


def run(table: Path, out: Path, resamples: int) -> tuple[float, float]:
    """Wall and processor seconds of one report."""
    line = [sys.executable, "-m", "mammoscope", "evaluate", str(table), "--truth", str(table)]
    before, start = _used(), time.perf_counter()
    subprocess.run(
        [*line, "--out", str(out), "--resamples", str(resamples)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return time.perf_counter() - start, _used() - before


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--exams", type=int, default=10_000)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "exams.csv"
        simulated(options.exams).to_csv(table, index=False)
        times = [
            run(table, Path(folder) / "report", options.resamples) for _ in range(options.repeats)
        ]
    wall, processor = np.median(times, axis=0)
    row = [f"{options.exams:,}", f"{options.resamples:,}", f"{wall:.1f}", f"{processor:.1f}"]
    print(grid(["exams", "resamples", "wall, s", "processor, s"], [row]))


if __name__ == "__main__":
    main()

r"""How long a four-view exam takes, warm and by stage, from the shell, and in how much memory.

    mammoscope data synth --exams 1 --seed 7 --size 4096 --dicom --syntax "JPEG lossless SV1" \
        --out exam/
    python benchmarks/exam_latency.py exam/ --repeats 9

Prints a Markdown table. The files come from the disk's cache; every figure is a median.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from mammoscope.infer import Predictor, predictor
from mammoscope.io import ExamFiles, load_exam, scan
from mammoscope.outputs import to_dict

Stages = dict[str, float]


def main() -> None:
    options = _options()
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: options.cores]))
    (files,) = scan([options.exam])
    reader = Predictor.load()
    clock: dict[str, list[float]] = {}
    time_calls(predictor, "prepare", clock)
    time_calls(type(reader.engine), "run", clock)
    warm = [stages(reader, files, clock) for _ in range(options.repeats + 2)][2:]
    rows = [(name, median(run[name] for run in warm) * 1e3, "ms") for name in warm[0]]
    cold = [predict(files.paths[:1]) for _ in range(options.repeats)]
    rows.append(("`predict` on one file, from the shell", median(c[0] for c in cold), "s"))
    rows.append(("its peak memory", median(c[1] for c in cold), "MB"))
    whole = [predict(files.paths) for _ in range(options.repeats)]
    rows.append(("`predict` on the exam, from the shell", median(w[0] for w in whole), "s"))
    rows.append(("its peak memory", median(w[1] for w in whole), "MB"))
    print(
        f"{len(files.paths)} views, {options.cores} cores, {reader.info.runtime}, "
        f"median of {options.repeats}.\n\n| what | |\n|---|---:|"
    )
    for name, value, unit in rows:
        print(f"| {name} | {value:.{2 if unit == 's' else 0}f} {unit} |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exam", type=Path, help="folder with the DICOM files of one exam")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--cores", type=int, default=2)
    return parser.parse_args()


def time_calls(owner: Any, name: str, clock: dict[str, list[float]]) -> None:
    """Let every call of a function or method note its start and end in `clock[name]`."""
    function = getattr(owner, name)

    def timed(*arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            clock.setdefault(name, []).extend((start, time.perf_counter()))

    setattr(owner, name, timed)


def stages(reader: Predictor, files: ExamFiles, clock: dict[str, list[float]]) -> Stages:
    """Seconds of each stage of one exam, from files to JSON text.

    Several views are prepared at once: a stage lasts from its first start to its last end.
    """
    clock.clear()
    start = time.perf_counter()
    for path in files.paths:
        Path(path).read_bytes()
    read = time.perf_counter()
    exam = load_exam(files)
    loaded = time.perf_counter()
    report = reader(exam)
    judged = time.perf_counter()
    json.dumps(to_dict(report))
    end = time.perf_counter()
    prepared, ran = (max(clock[name]) - min(clock[name]) for name in ("prepare", "run"))
    return {
        "read": read - start,
        "decode, grey levels, checks": (loaded - read) - (read - start),
        "preprocess": prepared,
        "network": ran,
        "postprocess, previews": judged - loaded - prepared - ran,
        "JSON": end - judged,
        "**whole exam, warm**": end - read,
    }


# Linux counts the memory of the process that starts a child as the child's own peak, so a small
# one starts it.
LAUNCHER = """
import os, subprocess, sys, time
start = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
print(time.perf_counter() - start, usage.ru_maxrss / 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def predict(paths: tuple[str, ...]) -> tuple[float, float]:
    """Wall seconds and peak resident MB of one run of the command, start to end."""
    command = [sys.executable, "-m", "mammoscope", "predict", *paths, "--json"]
    launch = [sys.executable, "-c", LAUNCHER, *command]
    done = subprocess.run(launch, stdout=subprocess.PIPE, text=True, check=True)
    seconds, megabytes = map(float, done.stdout.split())
    return seconds, megabytes


if __name__ == "__main__":
    main()

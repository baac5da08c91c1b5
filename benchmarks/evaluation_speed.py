"""Time the AUC with 2,000 patient resamples, and DeLong's test, on 100,000 exams, beside peers.

    python benchmarks/evaluation_speed.py [--exams 100000] [--resamples 2000] [--repeats 5]

The exams are made up: about 1.4 of each patient, 0.6 % with cancer, two scores of AUC near 0.80
and 0.76. Peers run on the same exams: a loop over scikit-learn's `roc_auc_score` (on the rows of
the same patient resamples), R's pROC, and the packages confidenceinterval and MLstatkit; those
not installed are named. A peer draws `--peer-resamples` and is scaled to `--resamples` in
proportion. pROC, confidenceinterval and MLstatkit draw exams, not patients, which is less work
and, with several exams of a patient, the wrong answer. Every figure is the median of the repeats;
R is timed inside R, without its start and without reading the file.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from mammoscope.evaluate.markdown import grid
from mammoscope.metrics.delong import delong_test
from mammoscope.metrics.resample import auc_intervals, bootstrap_auc, patient_resamples
from mammoscope.metrics.roc import auc

_PROC = """
suppressMessages(library(pROC))
arguments <- commandArgs(trailingOnly = TRUE)
d <- read.csv(arguments[1])
curve <- function(score) roc(d$truth, score, direction = "<", quiet = TRUE)
spent <- function(run) system.time(run())[["elapsed"]]
for (i in seq_len(as.integer(arguments[3]))) {
  whole <- spent(function() ci.auc(curve(d$a), method = "bootstrap",
    boot.n = as.integer(arguments[2]), boot.stratified = FALSE, progress = "none"))
  once <- spent(function() curve(d$a))
  delong <- spent(function() roc.test(curve(d$a), curve(d$b), method = "delong", paired = TRUE))
  cat(whole, once, delong, "\\n")
}
"""


@dataclass(frozen=True)
class Exams:
    """(n,) truth, two scores and patient ids."""

    truth: NDArray[np.int_]
    a: NDArray[np.float64]
    b: NDArray[np.float64]
    patient: NDArray[np.int_]


@dataclass(frozen=True)
class Peer:
    """A row of the table: seconds for the bootstrap and for DeLong's test; None: not offered."""

    name: str
    draws: str
    resamples: int
    bootstrap: float | None
    delong: float | None


def made_up(n: int, seed: int) -> Exams:
    random = np.random.default_rng(seed)
    truth = (random.random(n) < 0.006).astype(int)
    shared = random.normal(size=n) * 0.7 + 0.9 * truth
    a, b = shared + random.normal(size=(2, n)) * 0.7 + [[0.3], [0.1]] * truth
    return Exams(truth, a, b, random.integers(0, int(n * 0.7), n))


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Median wall-clock time; what the work prints is swallowed."""
    spent = []
    for _ in range(repeats):
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            start = time.perf_counter()
            work()
            spent.append(time.perf_counter() - start)
    return statistics.median(spent)


def ours(exams: Exams, options: argparse.Namespace) -> list[Peer]:
    def percentile() -> None:
        auc(exams.truth, exams.a)
        bootstrap_auc(exams.truth, exams.a, exams.patient, options.resamples)

    def bca() -> None:
        auc_intervals(exams.truth, exams.a, exams.patient, options.resamples, method="bca")

    test = seconds(lambda: delong_test(exams.truth, exams.a, exams.b), options.repeats)
    clustered = seconds(
        lambda: delong_test(exams.truth, exams.a, exams.b, exams.patient), options.repeats
    )
    took = [seconds(work, options.repeats) for work in (percentile, bca)]
    return [
        Peer("Mammoscope", "patients", options.resamples, took[0], test),
        Peer(
            "Mammoscope, BCa; clustered DeLong", "patients", options.resamples, took[1], clustered
        ),
    ]


def scaled(
    whole: Callable[[], object], once: Callable[[], object], opt: argparse.Namespace
) -> float:
    """Seconds for all resamples, from fewer: the fixed part once, the rest in proportion."""
    fixed = seconds(once, opt.repeats)
    return fixed + (seconds(whole, opt.repeats) - fixed) * opt.resamples / opt.peer_resamples


def scikit_learn(exams: Exams, options: argparse.Namespace) -> Peer:
    def loop() -> None:
        roc_auc_score(exams.truth, exams.a)
        for rows in patient_resamples(exams.patient, options.peer_resamples):
            roc_auc_score(exams.truth[rows], exams.a[rows])

    took = scaled(loop, lambda: roc_auc_score(exams.truth, exams.a), options)
    return Peer("scikit-learn loop", "patients", options.peer_resamples, took, None)


def confidenceinterval(module: ModuleType, exams: Exams, options: argparse.Namespace) -> Peer:
    def run(**more: object) -> object:
        return module.roc_auc_score(exams.truth, exams.a, **more)

    took = scaled(
        lambda: run(method="bootstrap_percentile", n_resamples=options.peer_resamples),
        lambda: roc_auc_score(exams.truth, exams.a),
        options,
    )
    return Peer("confidenceinterval", "exams", options.peer_resamples, took, None)


def mlstatkit(module: ModuleType, exams: Exams, options: argparse.Namespace) -> Peer:
    def run() -> object:
        return module.Bootstrapping(
            exams.truth, exams.a, "roc_auc", n_bootstraps=options.peer_resamples
        )

    took = scaled(run, lambda: roc_auc_score(exams.truth, exams.a), options)
    test = seconds(lambda: module.Delong_test(exams.truth, exams.a, exams.b), options.repeats)
    return Peer("MLstatkit", "exams", options.peer_resamples, took, test)


def proc(exams: Exams, options: argparse.Namespace) -> Peer | None:
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        table = np.column_stack([exams.truth, exams.a, exams.b])
        data, script = Path(folder) / "exams.csv", Path(folder) / "proc.R"
        np.savetxt(data, table, "%.17g", ",", header="truth,a,b", comments="")
        script.write_text(_PROC)
        counts = [str(options.peer_resamples), str(options.repeats)]
        done = subprocess.run(
            ["Rscript", script, data, *counts], capture_output=True, text=True, check=False
        )
    if done.returncode:
        return None
    told = np.array([line.split() for line in done.stdout.splitlines()], float)
    whole, once, test = np.median(told, axis=0)
    took = once + (whole - once) * options.resamples / options.peer_resamples
    return Peer("pROC", "exams", options.peer_resamples, float(took), float(test))


def peers(exams: Exams, options: argparse.Namespace) -> tuple[list[Peer], list[str]]:
    """Those installed, and the names of the others."""
    found, missing = [scikit_learn(exams, options)], []
    for name, measure in (("confidenceinterval", confidenceinterval), ("MLstatkit", mlstatkit)):
        try:
            module = importlib.import_module(name)
        except ImportError:
            missing.append(name)
            continue
        found.append(measure(module, exams, options))
    by_r = proc(exams, options)
    return (found, [*missing, "pROC"]) if by_r is None else ([*found, by_r], missing)


def table(rows: list[Peer]) -> str:
    head = ["program", "draws", "resamples run", "bootstrap, s", "ratio", "DeLong test, s", "ratio"]
    first = rows[0]
    body = []
    for row in rows:
        cells = [row.name, row.draws, f"{row.resamples:,}"]
        for value, best in ((row.bootstrap, first.bootstrap), (row.delong, first.delong)):
            if value is None or not best:
                cells += ["none", ""]
            else:
                cells += [f"**{value:.3g}**", f"{value / best:.3g}"]
        body.append(cells)
    return grid(head, body)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--exams", type=int, default=100_000)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--peer-resamples", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    exams = made_up(options.exams, options.seed)
    found, missing = peers(exams, options)
    print(table([*ours(exams, options), *found]))
    patients = len(np.unique(exams.patient))
    print(f"\n{options.exams:,} exams of {patients:,} patients, {exams.truth.sum():,} with cancer;")
    print(f"AUC and {options.resamples:,} resamples; medians of {options.repeats} repeats.")
    print("Peers were run on fewer resamples, as given, and scaled in proportion.")
    if missing:
        print(f"Not installed: {', '.join(missing)}.")


if __name__ == "__main__":
    main()

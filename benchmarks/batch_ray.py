r"""`mammoscope batch` on Ray beside the local engine: rates, equal tables, kills, slow storage.

    python benchmarks/batch_ray.py --exams 50 --repeats 3 --out batch_ray/

Synthetic studies, linked many times, are judged in new processes that may use only so many cores:

1. by the local engine and by Ray on 1 and on 2 cores, in turn, medians; every table is compared
   with the first one, all columns;
2. by Ray on 2 cores, a reading process or the one with the network killed half-way (signal 9);
3. from a store that takes its time before it gives a file, with more and more readers, on 2 cores.

Rates count from the first exam asked for to the written tables; that a cluster starts (`start`)
is told apart. Efficiency is the rate over that of as many single cores. `own` is the processor time
of the command's own process: with Ray, what bounds one command's rate on any cluster; with the
local engine it holds the network. Writes a Markdown report.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow.parquet as pq

from batch_studies import linked_studies

READER, NETWORK = "ray::Map(read_block)", "ray::MapWorker"
STORE = """
import os, time
from fsspec.implementations.local import LocalFileSystem
class Slow(LocalFileSystem):
    protocol = "slow"
    @classmethod
    def _strip_protocol(cls, path):
        return LocalFileSystem._strip_protocol(path.removeprefix("slow://"))
    def get_file(self, *words, **options):
        time.sleep(float(os.environ["SLOW_SECONDS"]))
        return super().get_file(*words, **options)
"""


def main() -> None:
    options = _options()
    if options.one:
        print(json.dumps(one(**json.loads(options.one))))
        return
    options.out.mkdir(parents=True)
    # The manifest says which copies are an exam; by their tags all of a woman's would be one.
    manifest = linked_studies(options.out / "in", options.exams, 4, options.height)
    report = options.out / "report.md"
    for measure in (rates, kills, delays):
        section = measure(options, manifest)
        with report.open("a", encoding="utf-8") as file:
            file.write("\n".join(section) + "\n\n")
        print("\n".join(section) + "\n", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="new folder, left for a look")
    parser.add_argument("--exams", type=int, default=50)
    parser.add_argument("--height", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--delay-exams", type=int, default=20)
    parser.add_argument("--delays", type=int, nargs="+", default=[0, 50, 200], help="ms a file")
    parser.add_argument("--readers", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


def rates(options: argparse.Namespace, manifest: Path) -> list[str]:
    """Images a second on 1 and 2 cores, what of twice the first the second is, and the tables."""
    kinds = [(engine, cores) for engine in ("local", "ray") for cores in (1, 2)]
    told: dict[tuple[str, int], list[dict[str, float]]] = {kind: [] for kind in kinds}
    first, compared = None, {}
    for repeat in range(options.repeats):
        for engine, cores in kinds:
            out = options.out / f"{engine}{cores}-{repeat}"
            told[engine, cores].append(measured(str(manifest), out, engine, cores, cores))
            first = first or out
            compared[engine, cores] = against(first, out)
    rate = {kind: median(run["rate"] for run in runs) for kind, runs in told.items()}
    lines = [
        f"{int(told['ray', 2][0]['images'])} images, median of {options.repeats}.\n",
        "| engine | cores | start, s | images/s | range | efficiency | own ms an exam "
        "| lost | double | other |",
        "|---|---:|---:|---:|---|---:|---:|---:|---:|---:|",
    ]
    for (engine, cores), runs in told.items():
        start, own = (median(run[name] for run in runs) for name in ("start", "own_ms"))
        every = [run["rate"] for run in runs]
        share = rate[engine, cores] / (cores * rate[engine, 1])
        lines.append(
            f"| {engine} | {cores} | {start:.1f} | {rate[engine, cores]:.2f} | "
            f"{min(every):.2f} to {max(every):.2f} | {share:.2f} | {own:.0f} "
            f"| {compared[engine, cores]}"
        )
    ratios = ", ".join(f"{rate['ray', n] / rate['local', n]:.2f} on {n}" for n in (1, 2))
    return [*lines, f"\nRay to local: {ratios} cores."]


def kills(options: argparse.Namespace, manifest: Path) -> list[str]:
    """What is lost or double when a process of Ray is killed half-way."""
    lines = ["| killed half-way | processes | lost | double | other |", "|---|---:|---:|---:|---:|"]
    for words, title in (("reading", READER), ("network", NETWORK)):
        out = options.out / f"killed-{words}"
        told = measured(str(manifest), out, "ray", 2, 2, kill=title)
        same = against(options.out / "local1-0", out)
        lines.append(f"| {words} | {int(told['killed'])} | {same}")
    return lines


def delays(options: argparse.Namespace, _: Path) -> list[str]:
    """Images a second from a slow store, by the number of readers."""
    data = options.out / "far"
    linked_studies(data, options.delay_exams, 4, options.height)
    slow_store(options.out / "store")
    lines = [
        "| engine | readers | "
        + " | ".join(f"{delay} ms a file" for delay in options.delays)
        + " |",
        "|---|---:" + "|---:" * len(options.delays) + "|",
    ]
    for engine in ("local", "ray"):
        for readers in options.readers:
            cells = []
            for delay in options.delays:
                out = options.out / f"far-{engine}{readers}-{delay}"
                url = f"slow://{data.absolute()}"
                told = measured(url, out, engine, 2, readers, store=options.out, delay=delay)
                cells.append(f"{told['rate']:.2f}")
            lines.append(f"| {engine} | {readers} | " + " | ".join(cells) + " |")
    return ["Images/s on 2 cores, files fetched one by one.\n", *lines]


def slow_store(folder: Path) -> None:
    """A package that every process finds by its path, and fsspec by its entry point."""
    said = folder / "slow_store-0.dist-info"
    said.mkdir(parents=True)
    (folder / "slow_store.py").write_text(STORE)
    (said / "METADATA").write_text("Metadata-Version: 2.1\nName: slow-store\nVersion: 0\n")
    (said / "entry_points.txt").write_text("[fsspec.specs]\nslow = slow_store:Slow\n")


def measured(
    data: str,
    out: Path,
    engine: str,
    cores: int,
    workers: int,
    kill: str = "",
    store: Path | None = None,
    delay: int = 0,
) -> dict[str, float]:
    """Run `one` in a process that has so many cores."""
    words = {"data": data, "out": str(out), "engine": engine, "workers": workers, "kill": kill}
    env = os.environ | {"SLOW_SECONDS": str(delay / 1000)}
    if store is not None:
        before = os.environ.get("PYTHONPATH")
        env["PYTHONPATH"] = os.pathsep.join(
            [str((store / "store").absolute()), *([before] if before else [])]
        )
    chosen = set(sorted(os.sched_getaffinity(0))[:cores])
    line = [sys.executable, __file__, "--one", json.dumps(words)]
    done = subprocess.run(
        line,
        stdout=subprocess.PIPE,
        env=env,
        check=True,
        text=True,
        preexec_fn=partial(os.sched_setaffinity, 0, chosen),
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def one(data: str, out: str, engine: str, workers: int, kill: str) -> dict[str, float]:
    """A batch; with `kill`, half-way through, the processes with that title die."""
    from mammoscope.batch.items import find_work
    from mammoscope.batch.pipeline import judge_all
    from mammoscope.batch.ray_cluster import cluster
    from mammoscope.batch.ray_engine import judge_on_ray
    from mammoscope.batch.run import Settings, run_batch
    from mammoscope.infer import Predictor

    predictor = Predictor.load(hint="throughput")
    work = find_work([data])
    told = {"killed": 0.0, "exams": 0.0}

    def begin(left: int, _: int) -> Any:
        def advance(_: int) -> None:
            told["exams"] += 1
            if kill and told["exams"] == left // 2:
                told["killed"] = slay(kill)

        return advance

    start = time.perf_counter()
    with cluster() if engine == "ray" else nullcontext():
        begun, own = time.perf_counter(), time.process_time()
        settings = Settings(Path(out), (data,), workers=workers)
        judge = judge_on_ray if engine == "ray" else judge_all
        counts = run_batch(work, predictor, settings, begin, judge)
        ended, own = time.perf_counter(), time.process_time() - own
    if counts["judged"] != counts["images"]:
        raise SystemExit(f"not everything was judged: {counts}")
    images, own_ms = counts["images"], 1000 * own / counts["exams"]
    times = {"start": begun - start, "rate": images / (ended - begun), "own_ms": own_ms}
    return told | times | {"images": images}


def slay(title: str) -> int:
    """Kill one process below this one whose title begins so; how many were found."""
    parents, titles = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text()
            titles[int(entry.name)] = (entry / "cmdline").read_text()
        except OSError:
            continue  # it has ended
        parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    ours = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= more
    found = [pid for pid in ours if titles.get(pid, "").startswith(title)][:1]
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return len(found)


def against(first: Path, other: Path) -> str:
    """Cells: rows lost, double, and with any value other than in the first table."""
    one, two = (pq.read_table(out / "predictions.parquet").to_pylist() for out in (first, other))
    rows = {row["key"] + row["image_path"]: row for row in one}
    seen = [row["key"] + row["image_path"] for row in two]
    differ = sum(row != rows.get(place) for place, row in zip(seen, two, strict=True))
    return f"{len(set(rows) - set(seen))} | {len(seen) - len(set(seen))} | {differ} |"


if __name__ == "__main__":
    main()

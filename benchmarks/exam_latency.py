r"""How long a four-view exam takes: by stage, beside its physical floors, by transfer syntax.

    mammoscope data synth --exams 1 --seed 7 --size 4096 --dicom --syntax "JPEG lossless SV1" \
        --out exam/
    python benchmarks/exam_latency.py exam/ --repeats 9 --picture exam_latency.png
    python benchmarks/exam_latency.py --syntaxes --repeats 5 --picture exam_syntaxes.png

Prints Markdown tables; every figure is a median of warm, interleaved repeats. Stages overlap, so
they are given in core-milliseconds, which add up; divided by the cores they are the time below
which the exam cannot come on this machine. The floors are measured in the same run: the four
codestreams decoded in as many threads as there are cores, the network alone on the four images,
the files read. Where decoding and network share the same cores no pipeline is faster than both
floors' core-seconds over the cores, which is more than the slower floor: both ratios are given,
and that of the core-seconds alone, which other work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from exam_floors import floors
from exam_picture import draw
from mammoscope.data.dicom_encoding import SYNTAXES
from mammoscope.data.dicom_study import usual_kind, write_study
from mammoscope.data.synth import synthetic_exam
from mammoscope.infer import Predictor, predictor
from mammoscope.io import dicom, load_exam, mammogram, scan
from mammoscope.outputs import to_dict
from stage_clock import Clock, launched, timed

DECODE, NETWORK = "decode", "network"
RATIOS = ("of the slower floor", "of both", "core-ms of both")
STAGES = (
    (dicom, "read_frame", DECODE),
    (mammogram, "read_picture", "header, grey levels"),
    (mammogram, "as_mammogram", "checks, outline"),
    (predictor, "prepare", "crop, resize"),
    (Predictor, "image_report", "reports, previews"),
)


@dataclass(frozen=True)
class Measured:
    """An exam, in milliseconds, medians.

    Attributes:
        name: of the row.
        megabytes: of its files.
        wall, core: of the whole exam, files to JSON text; core-ms count all cores.
        stages: core-ms by stage; they add up to `core`.
        floors: (wall, core) by name, the network's under "network".
        cores: how many there are.
    """

    name: str
    megabytes: float
    wall: float
    core: float
    stages: dict[str, float]
    floors: dict[str, tuple[float, float]]
    cores: int

    @property
    def slower(self) -> float:
        """Wall time of the slower floor."""
        return max(self.floors[DECODE][0], self.floors[NETWORK][0])

    @property
    def both(self) -> float:
        """Core-ms of decoding and network over the cores, which they share."""
        return (self.floors[DECODE][1] + self.floors[NETWORK][1]) / self.cores

    @property
    def ratios(self) -> tuple[float, float, float]:
        """Wall time over the slower floor and over both; core-ms over both."""
        return self.wall / self.slower, self.wall / self.both, self.core / self.cores / self.both


def main() -> None:
    options = _options()
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: options.cores]))
    predictors = [Predictor.load(hint=hint) for hint in ("latency", "throughput")]
    clock = Clock()
    for owner, name, stage in STAGES:
        clock.watch(owner, name, stage)
    print(f"{options.cores} cores, {predictors[0].info.runtime}, median of {options.repeats}.\n")
    if options.exam is None:
        found = []
        heads = " | ".join(
            ("transfer syntax", "MB", "decode", "network", "exam", "core-ms", *RATIOS)
        )
        print(f"| {heads} |\n|---|{'---:|' * heads.count('|')}")
        for name, folder in _written(options):
            found.append(one := measured(name, folder, predictors, clock, options))
            print(row(one), flush=True)
    else:
        found = [measured("exam", options.exam, predictors, clock, options)]
        _tell(found[0], options)
    if options.picture:
        draw(found, options.picture)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("exam", type=Path, nargs="?", help="folder with one exam's DICOM files")
    which.add_argument(
        "--syntaxes", nargs="*", choices=list(SYNTAXES), help="write an exam in these, or in all"
    )
    parser.add_argument("--size", type=int, default=4096, help="with --syntaxes: height, pixels")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--picture", type=Path, help="PNG file")
    return parser.parse_args()


def _written(options: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    """The same exam in one transfer syntax after the other, each deleted after use."""
    exam = synthetic_exam(7, height=options.size)
    for name in options.syntaxes or SYNTAXES:
        with tempfile.TemporaryDirectory() as folder:
            write_study(exam, folder, [usual_kind(name)])
            yield name, Path(folder)


def measured(
    name: str,
    folder: Path,
    predictors: Sequence[Predictor],
    clock: Clock,
    options: argparse.Namespace,
) -> Measured:
    """Time the exam in a folder and its floors in turn."""
    (files,) = scan([folder])
    work = floors(files, predictors, options.cores)
    work["exam"] = lambda: json.dumps(to_dict(predictors[0](load_exam(files))))
    times: dict[str, list[tuple[float, float]]] = {key: [] for key in work}
    stages: list[dict[str, float]] = []
    for number in range(options.repeats + 2):
        for key, one in work.items():
            clock.seconds.clear()
            taken = timed(one)
            if number >= 2:  # the first runs are no warm ones
                times[key].append(taken)
        if number >= 2:
            stages.append(dict(clock.seconds))  # "exam" comes last
    known = {key: _middle(pairs) for key, pairs in times.items()}
    networks = [known.pop(f"network {number}") for number in range(len(predictors))]
    known[NETWORK] = min(networks)
    wall, core = known.pop("exam")
    each = {key: 1e3 * median(run.get(key, 0.0) for run in stages) for *_, key in STAGES}
    each[NETWORK] = networks[0][1]  # as the exam's own predictor runs it
    each[DECODE] = max(each[DECODE], known[DECODE][1])  # a codec's own threads are not watched
    each["all else"] = max(0.0, core - sum(each.values()))
    size = sum(Path(path).stat().st_size for path in files.paths) / 1e6
    return Measured(name, size, wall, core, each, known, options.cores)


def _middle(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """Medians of wall and core, ms."""
    return median(wall for wall, _ in pairs) * 1e3, median(core for _, core in pairs) * 1e3


def row(one: Measured) -> str:
    times = (one.floors[DECODE][0], one.floors[NETWORK][0], one.wall, one.core)
    cells = [f"{one.megabytes:.1f}", *(f"{time:.0f}" for time in times)]
    ratios = [f"{ratio:.2f}" for ratio in one.ratios]
    return f"| {' | '.join([one.name, *cells, *ratios])} |"


def _tell(one: Measured, options: argparse.Namespace) -> None:
    print(f"{one.megabytes:.1f} MB.\n\n| stage | core-ms |\n|---|---:|")
    for name, core in one.stages.items():
        print(f"| {name} | {core:.0f} |")
    print(f"| **whole exam, warm** | {one.core:.0f} |")
    print("\n| floor, alone | wall ms | core-ms |\n|---|---:|---:|")
    for name, (wall, core) in one.floors.items():
        print(f"| {name} | {wall:.0f} | {core:.0f} |")
    print(f"| **whole exam, warm** | {one.wall:.0f} | {one.core:.0f} |")
    ratios = zip(RATIOS, one.ratios, strict=True)
    print(f"\nThe exam, {'; '.join(f'{name}: {ratio:.2f}' for name, ratio in ratios)}.")
    (files,) = scan([options.exam])
    print("\n| `predict` from the shell | s | peak MB |\n|---|---:|---:|")
    for name, paths in (("on one file", files.paths[:1]), ("on the exam", files.paths)):
        runs = [launched("predict", *paths, "--json") for _ in range(options.repeats)]
        print(f"| {name} | {median(r[0] for r in runs):.2f} | {median(r[1] for r in runs):.0f} |")


if __name__ == "__main__":
    main()

r"""Hardware for so many exams a year, from what was measured: cores, hours, memory, bandwidth.

    python benchmarks/planning.py "JPEG lossless SV1=1.0,21" "JPEG 2000 lossless=4.0,17" \
        --process-mb 300 --parent-mb 500 --picture planning.png

Each kind of exam is NAME=CORE_SECONDS,MEGABYTES of a whole exam. Core-seconds: the columns
"core-ms" of `exam_latency.py --syntaxes` over 1,000; or, for `mammoscope batch` alone, views times
cores over the images a second of `batch_throughput.py`. Memory: `batch_memory.py`. The numbers
above only show the form: measure your own machine. Nothing but arithmetic happens here. Prints
Markdown.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt

DAYS, HOURS, NIGHT = 250, 8, 10
"""Working days a year, hours of a working day, and of a night."""
PEAK = 3
"""The busiest hour has so many times the exams of the average one."""


@dataclass(frozen=True)
class Kind:
    """An exam of one kind.

    Attributes:
        name: such as its transfer syntax.
        core_seconds: of one core, all stages together.
        megabytes: of its files.
    """

    name: str
    core_seconds: float
    megabytes: float


def main() -> None:
    options = _options()
    first = options.kinds[0]
    rows = [_row(first, exams, options) for exams in options.exams]
    print(
        f"{first.name}, {first.core_seconds:g} core-seconds and {first.megabytes:g} MB an exam:\n"
    )
    print(f"| | {' | '.join(f'{exams:,} exams' for exams in options.exams)} |")
    print(f"|---|{'---:|' * len(rows)}")
    for name in rows[0]:
        print(f"| {name} | {' | '.join(row[name] for row in rows)} |")
    print(f"\n| | core-hours a million exams | TB | cores that {options.link:g} MB/s feed |")
    print("|---|---:|---:|---:|")
    for kind in options.kinds:
        fed = options.link / kind.megabytes * kind.core_seconds
        hours, terabytes = kind.core_seconds * 1e6 / 3600, kind.megabytes
        print(f"| {kind.name} | {hours:,.0f} | {terabytes:.1f} | {fed:.1f} |")
    if options.picture:
        draw(options.kinds, options.exams, options.link, options.picture)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="+", type=_kind, metavar="NAME=CORE_SECONDS,MB")
    parser.add_argument("--exams", type=int, nargs="+", default=[50_000, 500_000, 1_000_000])
    parser.add_argument("--cores", type=int, nargs="+", default=[2, 16])
    parser.add_argument("--process-mb", type=float, required=True, help="of a reading process")
    parser.add_argument("--parent-mb", type=float, required=True, help="of all else")
    parser.add_argument("--link", type=float, default=110.0, help="MB/s of disk or network")
    parser.add_argument("--picture", type=Path, help="PNG file")
    return parser.parse_args()


def _kind(text: str) -> Kind:
    name, _, numbers = text.partition("=")
    seconds, _, megabytes = numbers.partition(",")
    return Kind(name, float(seconds), float(megabytes))


def _row(kind: Kind, exams: int, options: argparse.Namespace) -> dict[str, str]:
    """What so many exams a year need, by what is needed."""
    hourly = exams / (DAYS * HOURS)
    busy = PEAK * hourly / 3600 * kind.core_seconds
    work = exams * kind.core_seconds / 3600
    terabytes = exams * kind.megabytes / 1e6
    cores = int(np.ceil(work / NIGHT))
    row = {
        f"exams an hour, mean of {DAYS} days of {HOURS} h": f"{hourly:,.0f}",
        f"MB/s in the busiest hour ({PEAK} times the mean)": (
            f"{PEAK * hourly / 3600 * kind.megabytes:,.1f}"
        ),
        "cores busy in that hour": f"{busy:.2f}",
        "core-hours for all": f"{work:,.0f}",
        "TB for all": f"{terabytes:,.1f}",
    }
    for count in options.cores:
        row[f"hours for all on {count} cores"] = f"{work / count:,.0f}"
    row[f"hours for all through {options.link:g} MB/s"] = (
        f"{terabytes * 1e6 / options.link / 3600:,.0f}"
    )
    row[f"cores for all in a night of {NIGHT} h"] = f"{cores}"
    row["MB/s in that night"] = f"{terabytes * 1e6 / NIGHT / 3600:,.0f}"
    memory = (options.parent_mb + cores * options.process_mb) / 1e3
    row["GB of memory on those cores, a process each"] = f"{memory:,.1f}"
    return row


def draw(kinds: Sequence[Kind], programmes: Sequence[int], link: float, path: Path) -> None:
    """Exams in a working day by cores; a line ends where the link can feed no more cores."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    cores = np.geomspace(1, 256, 200)
    for kind in kinds:
        computed = cores / kind.core_seconds
        daily = HOURS * 3600 * np.minimum(computed, link / kind.megabytes)
        axes.loglog(cores, daily, label=f"{kind.name}, through {link:g} MB/s")
    for exams in programmes:
        axes.axhline(exams / DAYS, color="black", linewidth=0.8, linestyle=":")
        axes.text(1, exams / DAYS * 1.05, f"{exams:,} a year: {exams / DAYS:,.0f} a day", size=8)
    axes.set(xlabel="cores", ylabel=f"exams in a working day of {HOURS} h")
    axes.set_xticks([2**n for n in range(9)], [str(2**n) for n in range(9)])
    axes.set_ylim(bottom=20)
    axes.legend(fontsize=8, loc="lower right")
    figure.savefig(path, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()

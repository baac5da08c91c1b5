"""The command `batch`: from one exam to a million."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from mammoscope.cli_results import is_result, make_folder
from mammoscope.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:  # the commands import what they need when they are run
    from mammoscope.batch.run import Engine
    from mammoscope.infer import Predictor

Inputs = tyro.conf.Positional[
    Annotated[tuple[str, ...], tyro.conf.arg(metavar="INPUT...", help_behavior_hint="")]
]
Flag = Annotated[bool, tyro.conf.arg(help_behavior_hint="")]
Name = Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")]
Shard = Annotated[str, tyro.conf.arg(metavar="I/N")]
Address = Annotated[str | None, tyro.conf.arg(metavar="HOST:PORT", help_behavior_hint="")]
Count = Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")]
Seconds = Annotated[float, tyro.conf.arg(metavar="SECONDS")]
_TOLD_EVERY = 60.0
"""Seconds between two lines of progress where nobody watches."""


@dataclass(frozen=True)
class Batch:
    """Read many exams into tables, and go on where a run was cut off.

    INPUT is a folder, files or patterns, a manifest (.csv or .parquet), or a URL that fsspec
    knows. DIR gets predictions.csv and .parquet (a row an image), exams.csv, findings.csv,
    failures.csv with the reasons, run.json, and parts/, in which results are safe as they come.

    For example:
      mammoscope batch archive/ --out results
      mammoscope batch archive/ --out results --resume
      mammoscope batch manifest.csv --out results --workers 8
      mammoscope batch "studies/*/*.dcm" --out results --retry-failed
      mammoscope batch s3://bucket/studies --out results --shard 1/4
      mammoscope batch /archive --out results --engine ray --address ray-head:6379
    """

    inputs: Inputs
    """A manifest, a URL, or any number of folders, files and patterns."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for the results."""
    resume: Flag = False
    """Go on with the run in DIR: what is done stays, the rest is read."""
    retry_failed: Flag = False
    """The same, and exams with files that could not be read are tried again."""
    shard: Shard = "1/1"
    """Do part I of N; the parts may run on different machines and share DIR."""
    workers: Count = None
    """Exams read at once; as many as there are cores (with Ray: in the cluster) if left out."""
    time_limit: Seconds = 600.0
    """That reading one exam may take; one that takes longer is listed as failed."""
    weights: Name = None
    """Name or folder of the weights; those that ship with the program if left out."""
    operating_point: Name = None
    """Threshold that decides the flag, one of those that `mammoscope models show` lists."""
    runtime: Literal["auto", "openvino", "onnxruntime", "cuda"] = "auto"
    """What runs it; auto: OpenVINO, or ONNX Runtime where that cannot load; cuda: a GPU."""
    precision: Literal["auto", "f32", "bf16"] = "auto"
    """Arithmetic of the network; auto: the faster one that the processor has."""
    engine: Literal["local", "ray"] = "local"
    """Where the work is done: local is this machine; ray is Ray Data, here or on a cluster."""
    address: Address = None
    """With --engine ray: the cluster's head; a cluster of this machine's cores if left out."""

    def run(self) -> int:
        """Judge what is left to do and write the tables; returns the exit code."""
        shard = _shard(self.shard)
        if self.address is not None and self.engine != "ray":
            raise ConfigError("batch: --address is for Ray; give --engine ray, or leave it out.")
        if self.time_limit <= 0:
            raise ConfigError(f"batch: --time-limit is {self.time_limit:g}; give more than 0.")
        try:
            from mammoscope.batch.items import find_work
            from mammoscope.batch.run import Settings, run_batch
            from mammoscope.machine import cores
        except ImportError as error:
            raise MissingExtraError("The command 'batch'", "scale") from error
        from mammoscope.infer import Predictor

        workers = cores() if self.workers is None else self.workers
        settings = Settings(self.out, self.inputs, shard, workers, self.resume, self.retry_failed)
        predictor = Predictor.load(
            self.weights, self.runtime, self.precision, self.operating_point, hint="throughput"
        )
        work = find_work(self.inputs, leave_out=is_result)
        with self._engine(work.root, predictor) as (engine, default), _progress() as begin:
            make_folder(self.out)
            settings = replace(settings, workers=default if self.workers is None else workers)
            counts = run_batch(work, predictor, settings, begin, engine)
        return _conclude(counts, self.out)

    @contextmanager
    def _engine(self, root: str, predictor: Predictor) -> Iterator[tuple[Engine, int]]:
        """What does the work, and how many workers it has unless told."""
        from mammoscope.batch.pipeline import judge_all
        from mammoscope.machine import cores

        if self.engine == "local":
            yield partial(judge_all, time_limit=self.time_limit), cores()
            return
        from mammoscope.batch.ray_cluster import cluster
        from mammoscope.batch.ray_engine import check_nodes, judge_on_ray

        with cluster(self.address) as cpus:
            if self.address is not None:
                check_nodes(root, predictor)
            grows = self.workers is None
            yield partial(judge_on_ray, time_limit=self.time_limit, grows=grows), cpus


def _shard(text: str) -> tuple[int, int]:
    try:
        number, count = (int(part) for part in text.split("/"))
    except ValueError:
        raise ConfigError(
            f"batch: --shard {text!r} is not two whole numbers such as 1/4."
        ) from None
    return number, count


def _conclude(counts: dict[str, int], out: Path) -> int:
    """Print the counts on stdout; returns the exit code (see mammoscope.cli)."""
    judged = counts.get("judged", 0)
    others = {name: counts.get(name, 0) for name in ("refused", "unreadable", "failed")}
    print(f"{counts['exams']} exams, {counts['images']} images: {judged} judged", end="")
    print("".join(f", {count} {name}" for name, count in others.items() if count))
    print(f"tables: {out / 'predictions.csv'}, exams.csv, findings.csv")
    if any(others.values()):
        print(f"reasons: {out / 'failures.csv'}")
    if not judged:
        print("mammoscope: found no mammogram that could be judged.", file=sys.stderr)
        return 3
    return 1 if any(others.values()) else 0


@contextmanager
def _progress() -> Iterator[Callable[[int, int], Callable[[int], None]]]:
    """A bar with rate and time left on stderr, or a line a minute where nobody watches."""
    if not sys.stderr.isatty():
        yield _told
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    columns = (BarColumn(), MofNCompleteColumn(), "exams", TextColumn("{task.fields[rate]}"))
    with Progress(*columns, TimeLeft(), "left", console=Console(stderr=True)) as bar:

        def begin(left: int, done: int) -> Callable[[int], None]:
            task = bar.add_task("", total=left + done, completed=done, rate="")
            start, images = time.monotonic(), 0

            def advance(count: int) -> None:
                nonlocal images
                images += count
                bar.update(task, advance=1, rate=_rate(images, time.monotonic() - start))

            return advance

        yield begin


def _told(left: int, done: int) -> Callable[[int], None]:
    start = last = time.monotonic()
    exams = images = 0

    def advance(count: int) -> None:
        nonlocal exams, images, last
        exams, images, now = exams + 1, images + count, time.monotonic()
        if now - last >= _TOLD_EVERY:
            last = now
            hours = (left - exams) * (now - start) / exams / 3600
            rate = _rate(images, now - start)
            told = f"{done + exams} of {done + left} exams, {rate}, {hours:.1f} hours left"
            print(told, file=sys.stderr, flush=True)

    return advance


def _rate(images: int, seconds: float) -> str:
    return f"{images / max(seconds, 1e-3):.1f} images/s"

"""Train every competitor on every fold, then put them in one table.

Finished parts are skipped and an interrupted one goes on, as in `mammoscope.train.run`, whose
folders these are; all competitors share one cache of prepared images. What cannot be trained is
named with its reason, and the others go on.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import torch

from mammoscope.errors import ConfigError, MammoscopeError
from mammoscope.machine import cores
from mammoscope.train.dataset import TrainingSet, load_training_set
from mammoscope.train.entries import Entry, planned
from mammoscope.train.fitting import Machine
from mammoscope.train.league import Competitor, league
from mammoscope.train.league_files import write_league
from mammoscope.train.predictions import PREDICTIONS
from mammoscope.train.run import WEIGHTS, train_part

LOG = "compare.log"
_CACHE = "prepared"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Args:
    """What to compare, and how; see `mammoscope compare --help`.

    Attributes:
        recipes: TOML files.
        data: folder with manifest.csv.
        out: gets a folder for each competitor, and the table.
        grid: words "key=value,value".
        overrides: words "key=value".
        folds: numbers from 0; all of them if empty.
        jobs: parts trained at once, each in a process of its own if more than 1.
        threads: CPU threads of each; 0 shares the cores out.
        device: where the networks lie.
        resamples, seed: of the bootstrap intervals.
    """

    recipes: tuple[Path, ...]
    data: Path
    out: Path
    grid: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    folds: tuple[int, ...] = ()
    jobs: int = 1
    threads: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    resamples: int = 2000
    seed: int = 0


@dataclass(frozen=True)
class _Job:
    """One part of one competitor."""

    entry: Entry
    part: str
    args: Args


def compare(args: Args, tell: Tell) -> tuple[dict[str, Any], list[Path]]:
    """Do what the module says.

    Args:
        args: what to compare.
        tell: gets a line about what is being done now.

    Returns:
        The league (see `league.league`) and the files that show it, the page first.

    Raises:
        ConfigError: the recipes, the grid or the data say something impossible, or nothing could
            be trained.
    """
    if args.jobs < 1:
        raise ConfigError(f"--jobs is {args.jobs}; give at least 1.")
    entries = planned(args.recipes, args.grid, args.overrides, args.out)
    parts = {entry.name: _parts(entry, args.folds) for entry in entries}
    for entry in entries:  # whatever the data lacks is said before hours of work, not after
        tell(f"{entry.name}: images")
        _data(entry, args)
    jobs = [_Job(entry, part, args) for entry in entries for part in parts[entry.name]]
    failed = _trained(jobs, tell)
    done = [entry for entry in entries if entry.name not in failed]
    if not done:
        raise ConfigError(f"None of the {len(entries)} could be trained: {_first(failed)}")
    made = league(
        [Competitor(entry, parts[entry.name], _data(entry, args)) for entry in done],
        failed, args.data / "manifest.csv", args.resamples, args.seed, tell,
    )  # fmt: skip
    return made, write_league(made, args.out)


def _parts(entry: Entry, folds: Sequence[int]) -> list[str]:
    count = entry.recipe.folds
    wrong = [fold for fold in folds if not 0 <= fold < count]
    if wrong:
        raise ConfigError(
            f"{entry.name}: there is no fold {wrong[0]}; give some from 0 to {count - 1}."
        )
    return [str(fold) for fold in folds or range(count)]


def _first(failed: dict[str, str]) -> str:
    return next(iter(failed.values()))


def _data(entry: Entry, args: Args) -> TrainingSet:
    return load_training_set(args.data, entry.recipe, args.out / _CACHE)


def _trained(jobs: Sequence[_Job], tell: Tell) -> dict[str, str]:
    """Train what is not done yet; returns why by the names of those that could not be."""
    failed: dict[str, str] = {}

    def work(numbered: tuple[int, _Job]) -> None:
        number, job = numbered
        name = job.entry.name
        if name in failed:
            return
        tell(f"{number} of {len(jobs)}: {name}, fold {job.part}")
        alone = job.args.jobs == 1 or _is_done(job)
        why = _try(job) if alone else _in_own_process(job)
        if why:
            failed[name] = why
            tell(f"{name} is left out: {why}")

    numbered = list(enumerate(jobs, 1))
    if jobs[0].args.jobs == 1:  # in the main thread, where an interruption stops it at once
        for one in numbered:
            work(one)
        return failed
    with ThreadPoolExecutor(jobs[0].args.jobs) as pool:
        list(pool.map(work, numbered))
    return failed


def _is_done(job: _Job) -> bool:
    folder = job.entry.folder / job.part
    return (folder / WEIGHTS).is_file() and (folder / PREDICTIONS).is_file()


def _try(job: _Job) -> str:
    """Train a part; returns "" or why that cannot be done."""
    try:
        data = _data(job.entry, job.args)
        train_part(job.entry.recipe, data, job.part, job.entry.folder, _machine(job.args))
    except MammoscopeError as error:
        return str(error)
    return ""


def _machine(args: Args) -> Machine:
    gpu = args.device != "cpu" and torch.cuda.is_available()
    if args.device == "cuda" and not gpu:
        raise ConfigError("--device is cuda, but torch finds no GPU; give cpu.")
    # As in `mammoscope.train.run`: the same numbers whoever trains.
    torch.backends.cudnn.deterministic = True
    threads = args.threads or (max(1, cores() // args.jobs) if args.jobs > 1 else 0)
    if threads:
        torch.set_num_threads(threads)
    free = cores() // args.jobs - (1 if gpu else torch.get_num_threads())
    return Machine(torch.device("cuda" if gpu else "cpu"), min(8, max(0, free)))


def _in_own_process(job: _Job) -> str:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(job, sender))
    process.start()
    sender.close()
    with receiver:
        try:
            why = str(receiver.recv())
        except EOFError:
            why = ""
    process.join()
    if process.exitcode and not why:
        return (
            f"its process ended with code {process.exitcode}, perhaps for want of memory (see "
            f"{job.entry.folder / LOG}); give fewer --jobs and type the command again."
        )
    return why


def _work(job: _Job, sender: Connection) -> None:
    """In a process of its own, whose progress goes to a file: several would be mixed up."""
    with sender, _into(job.entry.folder / LOG):
        sender.send(_try(job))


@contextlib.contextmanager
def _into(log: Path) -> Iterator[None]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8", buffering=1) as file:
        kept, sys.stderr = sys.stderr, file
        try:
            yield
        finally:
            sys.stderr = kept

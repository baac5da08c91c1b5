"""Every network through every framework, several times in changing order, to one table."""

from __future__ import annotations

import hashlib
import os
import platform
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

import mammoscope
from mammoscope.errors import ConfigError, MissingExtraError
from mammoscope.frameworks.case import CLIP, MOMENTUM, POOLED, Case
from mammoscope.frameworks.contest import Framework, chosen, contest
from mammoscope.frameworks.native import NETWORKS, RATES
from mammoscope.frameworks.prepare import prepare_case, task_of
from mammoscope.frameworks.table import summary
from mammoscope.frameworks.written import write_all
from mammoscope.machine import cores
from mammoscope.models.registry import architecture

_CACHE = "prepared"
_OF_ONE = ("network", "rate", "mean", "std")
"""What differs between cases."""
_STEP = 16 * POOLED
"""The plain network halves its picture four times and then needs cells that pool to `POOLED`."""
_LEAST = {"resnet50": 16, "plain_cnn": _STEP}
_QUIET = 0.3
"""Load of a core above which something else is running."""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Args:
    """What to measure, and how; see `mammoscope compare --help`.

    Attributes:
        data: folder with manifest.csv.
        out: gets the table.
        frameworks: by name; the usual ones if empty.
        networks: "resnet50", "plain_cnn".
        size: height and width of the pictures.
        batch: pictures a step.
        steps: of the epoch.
        repeats: measurements of each.
        device: "auto" takes a GPU if PyTorch finds one.
        threads: of the CPU; 0 is one for each core.
        seed: of the weights, of the pictures and of who comes when.
    """

    data: Path
    out: Path
    frameworks: tuple[str, ...] = ()
    networks: tuple[str, ...] = NETWORKS
    size: int = 224
    batch: int = 16
    steps: int = 10
    repeats: int = 3
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in {"batch": 2, "steps": 2, "repeats": 1, "threads": 0, "seed": 0}.items():
            if getattr(self, name) < least:
                raise ConfigError(f"--{name} is {getattr(self, name)}; give at least {least}.")
        if not self.networks:
            raise ConfigError(f"--networks is empty; give some of {', '.join(NETWORKS)}.")
        for network in self.networks:
            if network not in NETWORKS:
                raise ConfigError(
                    f"--networks {network!r} has no twin in Keras; give some of "
                    f"{', '.join(NETWORKS)}."
                )
            if self.size % _LEAST[network] or self.size <= 0:
                raise ConfigError(
                    f"--size is {self.size}; {network} needs a multiple of {_LEAST[network]}."
                )


def compare(args: Args, tell: Tell) -> tuple[dict[str, Any], list[Path]]:
    """Do what the module says.

    Args:
        args: what to measure.
        tell: gets a line about what is being done now.

    Returns:
        The comparison (see `table.summary`) and the files that show it, the page first.

    Raises:
        ConfigError: an option or the data say something impossible.
        MissingExtraError: Keras is asked for and not installed.
    """
    frameworks, computer = chosen(args.frameworks), machine()
    _check_installed(frameworks)
    if computer["load"] > _QUIET * computer["cores"]:
        tell(f"other work is running here (load {computer['load']:.1f}): no time will hold")
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folders = {network: Path(scratch) / network for network in args.networks}
        cases = {network: case_of(args, network) for network in args.networks}
        for network, folder in folders.items():
            tell(f"{network}: images and weights")
            prepare_case(cases[network], args.data, args.out / _CACHE, folder)
        for repeat in range(args.repeats):
            for network, folder in folders.items():
                for framework in _order(frameworks, args.seed, repeat):
                    runs.append(_run(framework, cases[network], folder, repeat, runs, tell))
    rests_on = _run_of(args, cases, computer)
    found = summary(runs, frameworks, args.networks, rests_on["device"]) | {"run": rests_on}
    return found, write_all(found, args.out)


def _check_installed(frameworks: list[Framework]) -> None:
    if any(one.kind == "keras" for one in frameworks):
        try:
            version("keras")
        except PackageNotFoundError as error:
            raise MissingExtraError("'compare --frameworks'", "frameworks") from error


def case_of(args: Args, network: str) -> Case:
    """What all frameworks get of a network; ConfigError if the data has no classes."""
    gpu = args.device == "cuda" or (args.device == "auto" and torch.cuda.is_available())
    target, classes = task_of(args.data)
    built = architecture(network)
    return Case(
        network=network,
        target=target,
        classes=classes,
        size=args.size,
        batch=args.batch,
        steps=args.steps,
        rate=RATES[network],
        mean=built.mean,
        std=built.std,
        device="cuda" if gpu else "cpu",
        threads=args.threads or cores(),
        seed=args.seed,
    )


def _order(frameworks: list[Framework], seed: int, repeat: int) -> list[Framework]:
    """Another order each time, so that no one always comes when the computer is warm."""
    places = np.random.default_rng([seed, repeat]).permutation(len(frameworks))
    return [frameworks[place] for place in places]


def _run(
    framework: Framework,
    case: Case,
    folder: Path,
    repeat: int,
    before: list[dict[str, Any]],
    tell: Tell,
) -> dict[str, Any]:
    """Measure once; what failed before is not tried again."""
    who = {"network": case.network, "framework": framework.name}
    failed = next((run for run in before if run["failed"] and who.items() <= run.items()), None)
    if failed is not None:
        return failed | {"repeat": repeat}
    tell(f"{case.network}, {framework.title}: {repeat + 1}")
    found = who | {"repeat": repeat} | contest(framework, case, folder)
    if found["failed"]:
        tell(f"{case.network}, {framework.title} is left out: {found['failed']}")
    return found


def _run_of(args: Args, cases: dict[str, Case], computer: dict[str, Any]) -> dict[str, Any]:
    """What the figures rest on."""
    case = next(iter(cases.values()))
    manifest = (args.data / "manifest.csv").read_bytes()
    return {
        "mammoscope": mammoscope.__version__,
        "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
        "machine": computer,
        "recipe": {"momentum": MOMENTUM, "clip": CLIP},
        "rates": {name: one.rate for name, one in cases.items()},
        "repeats": args.repeats,
        **{name: value for name, value in asdict(case).items() if name not in _OF_ONE},
    }


def machine() -> dict[str, Any]:
    """The computer, and how much other work it had just now."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "processor": _processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "gpu": gpu,
        "cores": cores(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    """Its name where the system tells one."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())

"""A comparison of frameworks in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mammoscope.evaluate.wording import ABSENT, decimals, number, plural, value
from mammoscope.frameworks.contest import REFERENCE

Row = Mapping[str, Any]
Found = Mapping[str, Any]

NETWORKS = {"resnet50": "ResNet50", "plain_cnn": "Plain CNN"}
NOTES = (
    "One computer, its load and the versions named below; other processors and GPUs order the "
    "frameworks differently.",
    "Reading, preparing and augmenting images is not in any figure: all batches lie in memory "
    "before a clock runs. Where loading is slower than a step, it decides and not the framework.",
    "Each framework computes as it comes: Keras compiles a step on JAX always, on TensorFlow "
    "where it has a GPU, on PyTorch never. Settings by hand may change the order.",
    "Inference is that of the framework trained with. The product runs exported networks under a "
    "runtime of its own, which `mammoscope compare` with recipes measures.",
    "The losses tell whether the frameworks do the same, not which one learns better: a few steps "
    "from random weights rank nothing.",
    "A range is the lowest and highest of the repeats, not a confidence interval.",
)


def title(found: Found) -> str:
    """Of the page."""
    names = " and ".join(NETWORKS[one["network"]] for one in found["networks"])
    return f"Frameworks side by side: {names}"


def verdict(network: Mapping[str, Any]) -> str:
    """Who is how much slower or faster than native PyTorch."""
    rows = sorted(
        (row for row in network["rows"] if not row["failed"]),
        key=lambda row: row["step_s"]["value"],
    )
    name = NETWORKS[network["network"]]
    if not rows:
        return f"{name}: none of the frameworks could be measured."
    reference = next((row for row in rows if row["framework"] == REFERENCE), None)
    if reference is None:
        told = "; ".join(f"{row['title']} {seconds(row['step_s'])}" for row in rows)
        return f"{name}, seconds a step: {told}."
    others = [row for row in rows if row is not reference]
    told = f"{name}: a training step of {reference['title']} takes {seconds(reference['step_s'])}"
    if others:
        told += "; " + ", ".join(
            f"{row['title']} takes {times(row['ratio'])} times as long" for row in others
        )
    return told + "."


def rests_on(found: Found) -> str:
    """The recipe, the data and the repeats."""
    run = found["run"]
    recipe = run["recipe"]
    rates = ", ".join(f"{rate:g} ({NETWORKS[name]})" for name, rate in run["rates"].items())
    return (
        f"{plural('step', run['steps'])} of {run['batch']} pictures of "
        f"{run['size']} x {run['size']} pixels, one epoch, from the same weights; stochastic "
        f"gradient descent at a rate of {rates} with momentum {recipe['momentum']:g}, gradients "
        f"clipped at {recipe['clip']:g}, without augmentation and dropout; classes "
        f"{', '.join(run['classes'])} of {run['target']}. Each measured "
        f"{plural('time', run['repeats'])}, in a process of its own, in changing order."
    )


def computer(found: Found) -> str:
    """What it was measured on."""
    run, machine = found["run"], found["run"]["machine"]
    on = f"GPU {machine['gpu']}" if run["device"] == "cuda" else f"CPU ({machine['capability']})"
    return (
        f"{machine['processor']}, {plural('core', machine['cores'])}, {machine['system']}, Python "
        f"{machine['python']}; computed on the {on} with {plural('thread', run['threads'])}; "
        f"load of the computer before the first measurement {number(machine['load'], 1)}"
    )


def versions(found: Found) -> str:
    """Of the libraries."""
    known = {
        name: number_
        for network in found["networks"]
        for row in network["rows"]
        if not row["failed"]
        for name, number_ in row["versions"].items()
    }
    return ", ".join(f"{name} {known[name]}" for name in sorted(known)) or "none"


def seconds(figure: Row) -> str:
    """Seconds with their range."""
    return f"{ranged(figure)} s"


def times(figure: Row) -> str:
    """A ratio with its range."""
    return ranged(figure, 2)


def ranged(figure: Row, places: int | None = None) -> str:
    """A median with its range in brackets, where there is one; an en dash for none."""
    if figure["value"] is None:
        return ABSENT
    if figure["low"] == figure["high"]:
        return number(figure["value"], places)
    shown = decimals(figure) if places is None else places
    low, high = number(figure["low"], shown), number(figure["high"], shown)
    return (
        f"{value(figure) if places is None else number(figure['value'], places)} ({low} to {high})"
    )


def small(amount: float | None) -> str:
    """A difference, in powers of ten."""
    if amount is None:
        return ABSENT
    return "0" if amount == 0 else f"{amount:.0e}".replace("e-0", "e-")


def failures(found: Found) -> Sequence[tuple[str, str]]:
    """What could not be measured, and why."""
    return [
        (f"{NETWORKS[network['network']]}, {row['title']}", row["failed"])
        for network in found["networks"]
        for row in network["rows"]
        if row["failed"]
    ]

"""What a league table says in sentences: who is best, and what training and running cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mammoscope.evaluate.wording import interval, number, p_value, plural

Row = Mapping[str, Any]

LEVEL = 0.05
_OVERFIT = 0.1
"""A gap between learned and held-out accuracy worth a sentence."""


def title(league: Mapping[str, Any]) -> str:
    """What the competitors were trained to tell."""
    task = league["task"]
    others = [name for name in task["classes"] if name not in task["positive"]]
    return f"League table: {task['target']} {_either(task['positive'])} against {_either(others)}"


def rests_on(league: Mapping[str, Any]) -> str:
    """The number of cases, and what was left out."""
    cases = league["cases"]
    told = (
        f"{plural(cases['unit'], cases['n'])} in {cases['clusters']:,} groups that no fold parts, "
        f"{cases['positives']:,} positive; each judged by a network that had not seen its group."
    )
    left = "; ".join(f"{n:,}: {why}" for why, n in cases["left_out"].items())
    return told + (f" Images left out: {left}." if left else "")


def discussion(league: Mapping[str, Any]) -> list[str]:
    """The restrictions in training and execution, from the measured figures alone."""
    rows = league["rows"]
    equals = [row for row in rows if not worse(row)]
    found = [_quality(rows, equals)]
    if len(rows) > 1:
        found += [_training(rows, equals), _running(rows, equals), _macs(rows)]
    found += [_hours(rows), _overfit(rows)]
    return [sentence for sentence in found if sentence]


def worse(row: Row) -> bool:
    """Whether it is shown to be worse than the best."""
    test = row["against_best"]
    return bool(test) and test["p_holm"] <= LEVEL


def _quality(rows: Sequence[Row], equals: Sequence[Row]) -> str:
    best = rows[0]
    if best["auc"]["value"] is None:
        return "No AUC is defined on these cases."
    said = f"The highest AUC is that of {best['name']}: {figure(best['auc'])}."
    if len(rows) == 1:
        return said
    if all(row["against_best"] is None for row in rows[1:]):
        return f"{said} There are too few cases to test the others against it."
    if len(equals) == len(rows):
        return f"{said} No other is shown to be worse (p after Holm above {LEVEL})."
    lost = [row for row in rows if worse(row)]
    told = ", ".join(f"{r['name']} (p {p_value(r['against_best']['p_holm'])})" for r in lost)
    return f"{said} Shown to be worse: {told}."


def _training(rows: Sequence[Row], equals: Sequence[Row]) -> str:
    def seconds(row: Row) -> float:
        return float(row["training"]["seconds_per_epoch"])

    return _range("To train", rows, equals, seconds, "s an epoch")


def _running(rows: Sequence[Row], equals: Sequence[Row]) -> str:
    def ms(row: Row) -> float | None:
        value = row["running"]["ms"]
        return None if value is None else float(value)

    told = _range("To run", rows, equals, ms, "ms an image")
    peaks = [row for row in rows if row["running"]["peak_mib"] is not None]
    if not peaks:
        return told
    most = max(peaks, key=lambda row: row["running"]["peak_mib"])
    least = min(peaks, key=lambda row: row["running"]["peak_mib"])
    return (
        f"{told} Memory of the process that runs one: {least['running']['peak_mib']:,.0f} MiB "
        f"({least['name']}) to {most['running']['peak_mib']:,.0f} MiB ({most['name']})."
    )


def _range(
    aim: str,
    rows: Sequence[Row],
    equals: Sequence[Row],
    cost: Callable[[Row], float | None],
    unit: str,
) -> str:
    """The dearest and the cheapest, and the cheapest of those not shown to be worse."""
    known = [(value, row["name"]) for row in rows if (value := cost(row)) is not None]
    if len(known) < 2:
        return ""
    (low, cheap), (high, dear) = min(known), max(known)
    ratio = f", {high / low:.1f} times as much" if low > 0 else ""
    said = f"{aim}, {cheap} is the cheapest with {number(low)} {unit}, and {dear} the dearest with "
    said += f"{number(high)} {unit}{ratio}."
    enough = [(value, row["name"]) for row in equals if (value := cost(row)) is not None]
    best = cost(rows[0])
    if enough and best and min(enough)[1] != rows[0]["name"]:
        value, name = min(enough)
        said += (
            f" Among those not shown to be worse than the best, {name} is the cheapest: "
            f"{value / best:.0%} of what {rows[0]['name']} takes."
        )
    return said


def _macs(rows: Sequence[Row]) -> str:
    """Operations are no measure of time: depthwise convolutions wait for memory."""
    speeds = [
        (row["running"]["macs"] / row["running"]["ms"] / 1e6, row["name"])
        for row in rows
        if row["running"]["ms"]
    ]
    if len(speeds) < 2 or max(speeds)[0] < 2 * min(speeds)[0]:
        return ""
    (slow, a), (fast, b) = min(speeds), max(speeds)
    return (
        f"MACs do not tell the time: {b} does {fast:,.1f} billion of them a second, "
        f"{a} {slow:,.1f} billion."
    )


def _hours(rows: Sequence[Row]) -> str:
    hours = sum(row["training"]["hours"] for row in rows)
    where = sorted({f"{r['training']['device']}, {r['training']['threads']} threads" for r in rows})
    return f"All trainings in this table together took {number(hours)} hours ({'; '.join(where)})."


def _overfit(rows: Sequence[Row]) -> str:
    gaps = [
        (row["training"]["accuracy_learned"] - row["training"]["accuracy_held_out"], row)
        for row in rows
    ]
    gap, row = max(gaps, key=lambda pair: pair[0])
    if gap < _OVERFIT:
        return ""
    training = row["training"]
    return (
        f"The widest gap between learned and held-out images is that of {row['name']}: accuracy "
        f"{training['accuracy_learned']:.3f} against {training['accuracy_held_out']:.3f} in the "
        "last epoch."
    )


def figure(row: Row) -> str:
    """A value with its interval."""
    if row["value"] is None:
        return number(None)
    ends = f" ({interval(row, 3)})" if row["low"] is not None else ""
    return f"{number(row['value'], 3)}{ends}"


def _either(names: Sequence[str]) -> str:
    return " or ".join(names)


NOTES = (
    "Which one is best is read off these very cases, so its AUC flatters it a little; Holm's "
    "adjustment is therefore over all pairs and not only over those with the best.",
    "A test without significance does not show that two are equal; look at the interval of the "
    "difference.",
    "The differences between random starts and between folds are not in these intervals, which "
    "are about other cases judged by the same networks.",
    "Recipes are compared as they are: a network with other settings may do better.",
    "Times hold for the computer and its load when they were measured.",
)

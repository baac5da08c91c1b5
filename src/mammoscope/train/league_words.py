"""What a league table says in sentences: who is best, and what training and running cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mammoscope.evaluate.wording import interval, number, p_value, plural

Row = Mapping[str, Any]

LEVEL, CHANCE = 0.05, 0.5
_NAMED = 3
"""The most that are named one by one."""
_LIKE = 1.1
"""Below this ratio two amounts of memory are not worth telling apart."""
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


def shared(league: Mapping[str, Any]) -> str:
    """The settings that are the same for all."""
    return _settings(league["rows"][0], _alike(league["rows"]))


def own(row: Row, rows: Sequence[Row]) -> str:
    """The settings in which a row differs from another, without those in its name."""
    told = {*_alike(rows), *(name for name in _SETTINGS if f"{name}={row[name]}" in row["name"])}
    return _settings(row, [name for name in _SETTINGS if name not in told])


_SETTINGS = {
    "network": "{}",
    "weights": "weights {}",
    "input": "{} pixels",
    "folds": "folds {}",
}


def _alike(rows: Sequence[Row]) -> list[str]:
    return [name for name in _SETTINGS if len({row[name] for row in rows}) == 1]


def _settings(row: Row, names: Sequence[str]) -> str:
    return ", ".join(_SETTINGS[name].format(row[name]) for name in names)


def over_pairs(league: Mapping[str, Any]) -> str:
    """How p was adjusted: over how many comparisons."""
    n = len(league["pairs"])
    if n < 2:
        return "p of DeLong's paired test by group"
    return f"p of DeLong's paired test by group, after Holm over all {n:,} pairs"


def discussion(league: Mapping[str, Any]) -> list[str]:
    """What the figures say: who is best, then the restrictions in training and execution."""
    return [verdict(league), *restrictions(league)]


def verdict(league: Mapping[str, Any]) -> str:
    """Who is best, and who is shown to be worse."""
    rows = league["rows"]
    best = rows[0]
    if best["auc"]["value"] is None:
        return "No AUC is defined on these cases."
    said = f"The highest AUC is that of {best['name']}: {figure(best['auc'])}."
    low = best["auc"]["low"]
    if low is not None and low <= CHANCE:
        said += " Its interval holds 0.5, which is chance."
    return " ".join([said, *_others(rows)])


def _others(rows: Sequence[Row]) -> list[str]:
    """What is shown of those below the best."""
    others, lost = rows[1:], [row for row in rows if worse(row)]
    if not others:
        return []
    if all(row["against_best"] is None for row in others):
        return ["There are too few cases to test the others against it."]
    if not lost:
        return [f"No other is shown to be worse (p above {LEVEL})."]
    if len(lost) <= _NAMED:
        told = [f"{r['name']} (p {p_value(r['against_best']['p_holm'])})" for r in lost]
        return [f"Shown to be worse: {', '.join(told)}."]
    left = [row["name"] for row in others if not worse(row)]
    if not left:
        return [f"All {len(others)} others are shown to be worse."]
    return [f"Of the {len(others)} others, all are shown to be worse but {' and '.join(left)}."]


def restrictions(league: Mapping[str, Any]) -> list[str]:
    """What training and execution take, from the measured figures alone."""
    rows = league["rows"]
    equals = [row for row in rows if not worse(row)]
    found = [_hours(rows), _overfit(rows)]
    if len(rows) > 1:
        found = [_training(rows, equals), _running(rows, equals), _macs(rows), *found]
    return [sentence for sentence in found if sentence]


def worse(row: Row) -> bool:
    """Whether it is shown to be worse than the best."""
    test = row["against_best"]
    return bool(test) and test["p_holm"] <= LEVEL


def _training(rows: Sequence[Row], equals: Sequence[Row]) -> str:
    def seconds(row: Row) -> float:
        return float(row["training"]["seconds_per_epoch"])

    told = _range("To train", rows, equals, seconds, "s an epoch")
    return f"{told} {_memory(rows, 'training', 'training_peak_mib', 'trains')}".strip()


def _running(rows: Sequence[Row], equals: Sequence[Row]) -> str:
    def ms(row: Row) -> float | None:
        value = row["running"]["ms"]
        return None if value is None else float(value)

    told = _range("To run", rows, equals, ms, "ms an image")
    return f"{told} {_memory(rows, 'running', 'peak_mib', 'runs')}".strip()


def _memory(rows: Sequence[Row], kind: str, name: str, does: str) -> str:
    peaks = [(row[kind][name], row["name"]) for row in rows if row[kind][name] is not None]
    if len(peaks) < 2:
        return ""
    (low, least), (high, most) = min(peaks), max(peaks)
    if high < _LIKE * low:
        return f"Memory while one {does}: about {high:,.0f} MiB, whichever it is."
    return f"Memory while one {does}: {low:,.0f} MiB ({least}) to {high:,.0f} MiB ({most})."


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
    where = sorted(
        f"{device}, {plural('thread', threads)}"
        for device, threads in {(r["training"]["device"], r["training"]["threads"]) for r in rows}
    )
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
    "Which one is best is read off these very cases, so its AUC flatters it a little, and p is "
    "adjusted over all pairs and not only over those with the best.",
    "A test without significance does not show that two are equal; look at the interval of the "
    "difference.",
    "The differences between random starts and between folds are not in these intervals, which "
    "are about other cases judged by the same networks.",
    "Recipes are compared as they are: a network with other settings may do better.",
    "Times hold for the computer and its load when they were measured.",
)

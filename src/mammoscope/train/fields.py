"""Fields of a recipe that check themselves: a dataclass field that knows what it may hold.

A field declared with `number`, `choice`, `switch`, `text`, `names` or `pair` keeps its rule in
its metadata; `check_fields`, called from `__post_init__`, holds every value against its rule and
names the field in the sentence that it raises.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING, field, fields
from typing import Any

from mammoscope.errors import ConfigError

Rule = Callable[[Any], Any]
"""Takes a value and returns it in its proper type, or raises ValueError: what to give instead."""


def number(
    default: float, least: float = -math.inf, most: float = math.inf, *, above: float = -math.inf
) -> Any:
    """A number from `least` to `most` and greater than `above`; whole if `default` is an int."""
    whole = isinstance(default, int)
    bounds = [
        f"more than {above:g}" if math.isfinite(above) else "",
        f"at least {least:g}" if math.isfinite(least) and above < least else "",
        f"at most {most:g}" if math.isfinite(most) else "",
    ]
    wanted = " ".join(
        ["a whole number" if whole else "a number", " and ".join(b for b in bounds if b)]
    ).strip()

    def rule(value: Any) -> Any:
        right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not (right and math.isfinite(value) and least <= value <= most and value > above):
            raise ValueError(wanted)
        return value if whole else float(value)

    return field(default=default, metadata={"rule": rule})


def choice(*options: str) -> Any:
    """One of `options`, of which the first is the default."""

    def rule(value: Any) -> Any:
        if value not in options:
            raise ValueError(" or ".join(f'"{option}"' for option in options))
        return value

    return field(default=options[0], metadata={"rule": rule})


def switch(default: bool) -> Any:
    """True or false."""

    def rule(value: Any) -> Any:
        if not isinstance(value, bool):
            raise ValueError("true or false")
        return value

    return field(default=default, metadata={"rule": rule})


def text(default: str | None = None) -> Any:
    """Words, not empty; must be given if there is no default."""

    def rule(value: Any) -> Any:
        if not isinstance(value, str) or not value:
            raise ValueError("a text in quotes")
        return value

    return field(default=MISSING if default is None else default, metadata={"rule": rule})


def names(*default: str, least: int = 1) -> Any:
    """At least `least` different texts."""

    def rule(value: Any) -> Any:
        given = tuple(value) if isinstance(value, list | tuple) else ()
        right = all(isinstance(name, str) and name for name in given)
        if not right or len(given) < least or len(set(given)) < len(given):
            raise ValueError(f"at least {least} different texts in quotes")
        return given

    return field(default=default, metadata={"rule": rule})


def pair(low: float, high: float) -> Any:
    """Two positive numbers, the smaller first."""

    def rule(value: Any) -> Any:
        given = tuple(value) if isinstance(value, list | tuple) else ()
        right = all(isinstance(x, int | float) and not isinstance(x, bool) for x in given)
        if not right or len(given) != 2 or not 0 < given[0] <= given[1] < math.inf:
            raise ValueError("two positive numbers, the smaller first")
        return float(given[0]), float(given[1])

    return field(default=(low, high), metadata={"rule": rule})


def check_fields(table: Any, where: str = "") -> None:
    """Hold every field of the (frozen) dataclass `table` against its rule.

    Args:
        table: its values are put into their proper type: a list becomes a tuple.
        where: the table's name in the recipe, for the message; "" at the top.

    Raises:
        ConfigError: a value breaks its rule.
    """
    for one in fields(table):
        if "rule" not in one.metadata:
            continue
        value = getattr(table, one.name)
        try:
            object.__setattr__(table, one.name, one.metadata["rule"](value))
        except ValueError as error:
            name = f"{where}.{one.name}" if where else one.name
            raise ConfigError(f"recipe: {name} is {value!r}; give {error}.") from error

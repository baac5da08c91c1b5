"""Words such as optimiser.epochs=1 on the command line that replace a recipe's values."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from mammoscope.errors import ConfigError


def overridden(table: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """A copy of the recipe's tables with the values that `words` give.

    Args:
        table: as read from TOML.
        words: each "key=value"; the key's parts are joined by dots, a number counts in a list
            ("stages.0.epochs=1"); the value is as in TOML, and a bare word is a text.

    Raises:
        ConfigError: a word is not of that form, or leads through what is no table.
    """
    made = copy.deepcopy(dict(table))
    for word in words:
        key, equals, value = word.partition("=")
        if not (key and equals):
            raise ConfigError(f"{word!r} is not of the form key=value, such as optimiser.epochs=1.")
        *way, last = key.split(".")
        _put(_found(made, way, word), last, _value(value), word)
    return made


def _value(written: str) -> Any:
    try:
        return tomllib.loads(f"value = {written}")["value"]
    except tomllib.TOMLDecodeError:
        return written


def _found(table: dict[str, Any], way: Sequence[str], word: str) -> Any:
    place: Any = table
    for step in way:
        if isinstance(place, dict):
            place = place.setdefault(step, {})
        elif isinstance(place, list) and step.isdecimal() and int(step) < len(place):
            place = place[int(step)]
        else:
            raise ConfigError(f"{word!r}: there is no {step!r} in the recipe.")
    return place


def _put(place: Any, name: str, value: Any, word: str) -> None:
    if not isinstance(place, dict):
        raise ConfigError(f"{word!r}: there is no {name!r} in the recipe.")
    place[name] = value

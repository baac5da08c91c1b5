"""From a Keras file and its user's answers to a folder of weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammoscope.errors import ConfigError
from mammoscope.keras_import.card import Answers, keras_card
from mammoscope.keras_import.convert import Size, convert
from mammoscope.keras_import.parity import parity
from mammoscope.models.card import CARD_FILE, NETWORK_FILE, write_weights


@dataclass(frozen=True)
class Options:
    """What a file seldom needs.

    Attributes:
        size: (height, width) of the input, for a network that takes any.
        logits: whether a network without a last sigmoid or softmax gives logits.
        keras: whether Keras is asked for comparison, where it is installed.
    """

    size: Size | None = None
    logits: bool = False
    keras: bool = True


def import_keras(
    path: Path, out: Path, answers: Answers, options: Options | None = None
) -> dict[str, Any]:
    """Convert, compare and write; returns the card.

    Raises:
        WeightsError: the file cannot be used, or what came of it answers otherwise.
        ConfigError: the answers do not fit it, or the folder holds weights or cannot be written.
    """
    options = options or Options()
    taken = [name for name in (NETWORK_FILE, CARD_FILE) if (out / name).exists()]
    if taken:
        raise ConfigError(f"{out}: {taken[0]} is there already; choose another folder.")
    converted = convert(path, answers.pixels, options.size, options.logits)
    answers.check(converted.outputs)
    name = out.resolve().name
    keras_card(name, path, converted, answers, {})  # what does not fit is told before the work
    compared = parity(path, converted, answers.pixels, options.keras)
    card = keras_card(name, path, converted, answers, compared)
    return write_weights(out, converted.content, card)

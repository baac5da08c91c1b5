"""The `models` command: which weights are there, what their cards say, are they unaltered."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from mammoscope.errors import WeightsError

OptionalName = tyro.conf.Positional[
    Annotated[str | None, tyro.conf.arg(metavar="[NAME]", help_behavior_hint="")]
]


@dataclass(frozen=True)
class ListWeights:
    """List the weights, one per line: name, what they judge, and description."""

    def run(self) -> int:
        """Print the list; returns the exit code."""
        from mammoscope.models.card import list_weights

        for weights in list_weights():
            description = weights.card.get("description", "")
            print(f"{weights.name}\t{weights.purpose}\t{description}")
        return 0


@dataclass(frozen=True)
class ShowCard:
    """Show a model card: data, terms, measured results, operating points."""

    name: OptionalName = None
    """Name or folder of the weights; all that ship if left out."""

    def run(self) -> int:
        """Print the card as indented text; returns the exit code."""
        from mammoscope.models.card import list_weights, load_card

        chosen = list_weights() if self.name is None else [load_card(self.name)]
        for weights in chosen:
            print("\n".join(card_lines(weights.card)))
        return 0


@dataclass(frozen=True)
class VerifyWeights:
    """Compare every weights file with the sha256 in its card."""

    def run(self) -> int:
        """Print one line for each; returns the exit code."""
        from mammoscope.models.card import list_weights, verify

        failed = 0
        for weights in list_weights():
            try:
                verify(weights)
            except WeightsError as error:
                failed += 1
                print(f"mammoscope: {error}", file=sys.stderr)
            else:
                print(f"{weights.name}\tsha256 as in its card")
        return 1 if failed else 0


@dataclass(frozen=True)
class Models:
    """Weights: list them, show their cards, verify their files.

    For example:
      mammoscope models list
      mammoscope models show
      mammoscope models verify
    """

    action: (
        Annotated[ListWeights, tyro.conf.subcommand("list")]
        | Annotated[ShowCard, tyro.conf.subcommand("show")]
        | Annotated[VerifyWeights, tyro.conf.subcommand("verify")]
    )

    def run(self) -> int:
        """Run the chosen action; returns the exit code."""
        return self.action.run()


def card_lines(card: Mapping[str, Any], indent: int = 0) -> Iterator[str]:
    """A card's entries as lines of text, nested ones further in."""
    margin = "  " * indent
    for key, value in card.items():
        if isinstance(value, Mapping):
            yield f"{margin}{key}:"
            yield from card_lines(value, indent + 1)
        elif isinstance(value, Sequence) and any(isinstance(item, Mapping) for item in value):
            yield f"{margin}{key}:"
            for number, item in enumerate(value, 1):
                entry = item if isinstance(item, Mapping) else {"value": item}
                yield from card_lines({str(number): entry}, indent + 1)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            yield f"{margin}{key}: {', '.join(map(str, value))}"
        else:
            yield f"{margin}{key}: {value}"

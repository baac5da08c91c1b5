"""The `models` command: which weights are there, their cards, are they unaltered, import others."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import tyro

from mammoscope.errors import ConfigError, MissingExtraError, WeightsError

OptionalName = tyro.conf.Positional[
    Annotated[str | None, tyro.conf.arg(metavar="[NAME]", help_behavior_hint="")]
]

Quiet, Names = (
    tyro.conf.arg(help_behavior_hint=""),
    tyro.conf.arg(metavar="A,B", help_behavior_hint=""),
)
Scaling = Literal["1/255", "raw", "tf", "caffe", "torch"]
Purpose = Literal["mammogram", "region", "ultrasound"]


def _choice(known: Any) -> Any:
    """How an option that may be left out is shown."""
    metavar = f"{{{','.join(get_args(known))}}}"
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="")


_MUCH = 1e-3
"""Difference of a probability from which on a person would want to know of it."""
_QUESTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "pixels": ("How were grey levels scaled before the network", get_args(Scaling)),
    "classes": ("Names of the outputs, in their order and with commas between", ()),
    "positive": ("Which of them count as cancer", ()),
    "purpose": ("What kind of picture did it learn from", get_args(Purpose)),
}
"""What a Keras file does not say, in words, and the answers where they are few."""


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
class ImportKeras:
    """Turn a Keras classifier (.keras or .h5) into weights for `predict`.

    Three things are not in such a file: how its author scaled the pixels, the names of its
    classes in the order of its outputs and which of them are cancer, and what kind of picture it
    learned from. They are asked for where they are not given. Nothing in the file is run; what
    holds code is refused.

    For example:
      mammoscope models import model.keras --out my-model
      mammoscope models import model.h5 --out my-model --pixels 1/255
        --classes benign,malignant --positive malignant --purpose mammogram
      mammoscope predict study/ --weights my-model --out results
    """

    model: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="MODEL")]]
    """The file that Keras wrote."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for network.onnx and card.json; its name becomes that of the weights."""
    pixels: Annotated[Scaling | None, _choice(Scaling)] = None
    """How grey levels were scaled: 1/255; raw: 0 to 255 (also where the network scales them
    itself); tf: -1 to 1; caffe: blue-green-red less ImageNet's mean (Keras's ResNet50, VGG16);
    torch: ImageNet's mean and deviation (Keras's DenseNet)."""
    sharpen: Annotated[bool, Quiet] = False
    """The pictures went through the kernel 0 -1 0, -1 5 -1, 0 -1 0 first."""
    classes: Annotated[str | None, Names] = None
    """Names of the outputs in their order; of one output, first what 0 means, then 1."""
    positive: Annotated[str | None, Names] = None
    """Those of the classes that count as cancer."""
    purpose: Annotated[Purpose | None, _choice(Purpose)] = None
    """What it learned from: whole mammograms, regions of them, or ultrasound pictures."""
    size: Annotated[int | None, tyro.conf.arg(metavar="PIXELS", help_behavior_hint="")] = None
    """Side of the input, for a network that takes pictures of any size."""
    logits: Annotated[bool, Quiet] = False
    """The network has no last sigmoid or softmax and gives logits."""
    no_keras: Annotated[bool, Quiet] = False
    """Do not compare with Keras, even if it is installed."""

    def run(self) -> int:
        """Convert, compare, write, and say how to go on; returns the exit code."""
        given = self._asked()
        try:
            from mammoscope.keras_import.card import Answers
            from mammoscope.keras_import.front import Pixels
            from mammoscope.keras_import.importing import Options, import_keras
        except ImportError as error:
            raise MissingExtraError("The command 'models import'", "keras") from error
        classes, positive = _names(given["classes"]), _names(given["positive"])
        pixels = Pixels(given["pixels"], self.sharpen)
        answers = Answers(given["purpose"], classes, positive, pixels)
        size = None if self.size is None else (self.size, self.size)
        card = import_keras(
            self.model, self.out, answers, Options(size, self.logits, not self.no_keras)
        )
        print("\n".join(_told(card, self.out)))
        return 0

    def _asked(self) -> dict[str, Any]:
        """The answers, from the options or else from the person at the keyboard.

        Raises:
            ConfigError: some are missing and nobody can be asked, or an answer is none.
        """
        given = {name: getattr(self, name) for name in _QUESTIONS}
        missing = [name for name, value in given.items() if value is None]
        if missing and not sys.stdin.isatty():
            raise ConfigError(
                "models import: a Keras file does not say how it must be used; give "
                f"{', '.join(f'--{name}' for name in missing)} (see --help)."
            )
        for name in missing:
            question, known = _QUESTIONS[name]
            choice = f" ({', '.join(known)})" if known else ""
            print(f"{question}{choice}:", file=sys.stderr)
            answer = input("> ").strip()
            if not answer or (known and answer not in known):
                raise ConfigError(f"models import: {name} {answer!r} is no answer; see --help.")
            given[name] = answer
        return given


def _names(given: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in given.split(",") if name.strip())


def _told(card: Mapping[str, Any], out: Path) -> Iterator[str]:
    """What became of a Keras file, and what to do with it."""
    parity = card["parity"]
    yield f"{out}\t{card['description']}"
    yield f"ONNX Runtime differs by {parity['onnxruntime']:.1g} in a probability, at most"
    if parity["keras"] is None:
        yield f"Keras was {parity['keras_version']}"
    else:
        yield f"{parity['keras_version']} differs by {parity['keras']:.1g}"
    if parity["fastest_precision"] > _MUCH:
        yield f"--precision auto differs by {parity['fastest_precision']:.1g}; f32 is exact"
    yield "It was not calibrated or measured; docs/keras_import.md says how to evaluate it."
    option = {"region": "--region X1,Y1,X2,Y2 --region-weights", "mammogram": "--weights"}
    used = option.get(card["purpose"], "--ultrasound-weights")
    yield f"mammoscope predict PATH {used} {out} --out results"


@dataclass(frozen=True)
class Models:
    """Weights: list them, show their cards, verify their files, import a Keras classifier.

    For example:
      mammoscope models list
      mammoscope models show
      mammoscope models verify
      mammoscope models import model.keras --out my-model
    """

    action: (
        Annotated[ListWeights, tyro.conf.subcommand("list")]
        | Annotated[ShowCard, tyro.conf.subcommand("show")]
        | Annotated[VerifyWeights, tyro.conf.subcommand("verify")]
        | Annotated[ImportKeras, tyro.conf.subcommand("import")]
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

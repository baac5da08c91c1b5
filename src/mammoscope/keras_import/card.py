"""The card of weights that came from Keras: what its user answered, and what nobody measured."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammoscope.errors import ConfigError
from mammoscope.keras_import.convert import Converted
from mammoscope.keras_import.front import SCALINGS, Pixels
from mammoscope.models.card import Purpose
from mammoscope.preprocess import PreprocessParams
from mammoscope.types import DENSITY_GRADES

_DENSITY = re.compile(r"[Dd]ensity[\s_-]*([1-4]|[A-D](?![a-z]))")
_ENDINGS = {
    "sigmoid": "a sigmoid: the probability of the second class",
    "softmax": "a softmax",
    "shares": "several sigmoids, each divided by their sum here so that they add up to 1",
    "logits": "logits, without a last sigmoid or softmax",
}
_TRAINED_ON: dict[Purpose, str] = {
    "mammogram": "whole mammograms",
    "region": "regions cut out of mammograms",
    "ultrasound": "breast ultrasound pictures",
}


@dataclass(frozen=True)
class Answers:
    """What is not in a Keras file, from its user.

    Attributes:
        purpose: what it was trained on.
        classes: in the order of its outputs; of one output, first the class of 0.
        positive: those that count as cancer.
        pixels: how its pictures were scaled.
    """

    purpose: Purpose
    classes: tuple[str, ...]
    positive: tuple[str, ...]
    pixels: Pixels

    def check(self, outputs: int) -> None:
        """Compare with the network.

        Raises:
            ConfigError: as many classes as it has outputs are needed, and some, not all, positive.
        """
        wanted = max(2, outputs)
        if len(self.classes) != wanted or len(set(self.classes)) < wanted:
            told = "(for one output: first the class of 0, then that of 1)" if outputs == 1 else ""
            raise ConfigError(
                f"--classes names {len(self.classes)} ({', '.join(self.classes)}), and the network "
                f"has {outputs} output{'s' * (outputs != 1)}; give {wanted} different names in "
                f"the order of the outputs {told}".rstrip()
                + "."
            )
        unknown = [name for name in self.positive if name not in self.classes]
        if unknown or not 0 < len(set(self.positive)) < wanted:
            raise ConfigError(
                f"--positive {','.join(self.positive)} must name some, and not all, of the classes "
                f"{', '.join(self.classes)}."
            )


def keras_card(
    name: str, path: Path, converted: Converted, answers: Answers, parity: dict[str, Any]
) -> dict[str, Any]:
    """All of the card but the network's hash.

    Args:
        name: of the weights.
        path: the Keras file.
        converted: from it.
        answers: of its user, checked.
        parity: as compared.

    Raises:
        ConfigError: the network's input is too small for this program.
    """
    side = PreprocessParams(
        height=converted.height, width=converted.width, kind="picture", letterbox=False
    )
    card: dict[str, Any] = {
        "name": name,
        "version": "1",
        "purpose": answers.purpose,
        "description": (
            f"Imported from Keras: tells {', '.join(answers.classes)} apart in "
            f"{_TRAINED_ON[answers.purpose]}, at {converted.height} x {converted.width}."
        ),
        "intended_use": (
            "Research and education; it supports a reader and replaces none. "
            "It is not a medical device."
        ),
        "must_not_be_used_for": ["deciding about a patient, or ruling a cancer out"],
        "limits": [
            "Nothing about it was measured here: evaluate it with `mammoscope evaluate` first.",
            "Pictures are resized by this program's own rule (averaging), not by its author's.",
            "Other steps its author took before the network (crops, colour maps, masks) are left "
            "out.",
        ],
        "training": {"data": "not known to this program; ask the author of the Keras file"},
        "calibration": {
            "note": "Not calibrated: the probabilities are the network's own.",
            "platt": {"slope": 1.0, "intercept": 0.0},
        },
        "preprocess": side.to_mapping(),
        "outputs": ["logits"],
        "classes": list(answers.classes),
        "positive": list(answers.positive),
        "operating_points": [
            {
                "name": "half",
                "threshold": 0.5,
                "sensitivity": None,
                "specificity": None,
                "description": "One half; nobody measured what it finds and what it misses.",
            }
        ],
        "imported": _imported(path, converted, answers.pixels),
        "parity": parity,
    }
    grades = density_classes(answers.classes)
    return card | ({"density_classes": grades} if grades else {})


def _imported(path: Path, converted: Converted, pixels: Pixels) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "from": path.name,
        "from_sha256": digest,
        "keras_version": converted.version,
        "layers": converted.layers,
        "ends_with": _ENDINGS[converted.ending],
        "pixels": f"{pixels.scaling}: {SCALINGS[pixels.scaling][0]}",
        "sharpened": pixels.sharpen,
    }


def density_classes(classes: Sequence[str]) -> dict[str, list[str]]:
    """Which classes are of which density grade, where every name says it and all four are there.

    "Density1 Benign" to "Density4 Malignant", or with A to D; else empty.
    """
    grades: dict[str, list[str]] = {grade: [] for grade in DENSITY_GRADES}
    for name in classes:
        told = _DENSITY.search(name)
        if told is None:
            return {}
        found = told[1]
        grades[DENSITY_GRADES[int(found) - 1] if found.isdigit() else found].append(name)
    return grades if all(grades.values()) else {}

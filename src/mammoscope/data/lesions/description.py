"""What a lesion is, in the words of a report; nothing here knows a resolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mammoscope.errors import ConfigError

Kind = Literal["mass", "calcification", "distortion", "asymmetry"]
Pathology = Literal["benign", "malignant"]

KINDS: tuple[Kind, ...] = ("mass", "calcification", "distortion", "asymmetry")
PATHOLOGIES: tuple[Pathology, ...] = ("benign", "malignant")
SHAPES = ("round", "oval", "lobulated", "irregular")
MARGINS = ("circumscribed", "obscured", "microlobulated", "indistinct", "spiculated")
DENSITIES = ("low", "equal", "high")
BENIGN_MORPHOLOGIES = ("punctate", "round", "popcorn", "rim", "vascular", "milk_of_calcium")
MALIGNANT_MORPHOLOGIES = ("amorphous", "fine_pleomorphic", "fine_linear")
MORPHOLOGIES = BENIGN_MORPHOLOGIES + MALIGNANT_MORPHOLOGIES
DISTRIBUTIONS = ("grouped", "linear", "segmental", "regional")
SMALLEST_MM, LARGEST_MM = 1.0, 80.0


@dataclass(frozen=True)
class Lesion:
    """One lesion in three dimensions; the same description gives the same lesion everywhere.

    The words are those of the BI-RADS atlas (5th edition, 2013), with "lobulated" kept from the
    4th for the shapes that older data sets name so.

    Attributes:
        kind: "mass", "calcification", "distortion" or "asymmetry".
        size_mm: longest diameter of what a reader would measure: the core of a mass without
            its spicules, all calcifications of a cluster, the region of a distortion.
        seed: not negative; decides every detail that the words leave open.
        pathology: "benign" or "malignant".
        shape, margin: of a mass; empty for other kinds.
        density: of a mass or asymmetry, against as much gland: "low", "equal" or "high".
        morphology, distribution: of calcifications; empty for other kinds.

    Raises:
        ConfigError: a word is unknown, misplaced, or the size is impossible.
    """

    kind: Kind
    size_mm: float
    seed: int
    pathology: Pathology = "malignant"
    shape: str = ""
    margin: str = ""
    density: str = "equal"
    morphology: str = ""
    distribution: str = ""

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ConfigError(f"Lesion seed is {self.seed}; give a whole number from 0 upwards.")
        if not SMALLEST_MM <= self.size_mm <= LARGEST_MM:
            raise ConfigError(
                f"Lesion size_mm is {self.size_mm}; give {SMALLEST_MM:.0f} to {LARGEST_MM:.0f} mm."
            )
        _word("kind", self.kind, KINDS)
        _word("pathology", self.pathology, PATHOLOGIES)
        _word("density", self.density, DENSITIES)
        mass, calcification = self.kind == "mass", self.kind == "calcification"
        _word("shape", self.shape, SHAPES if mass else ("",))
        _word("margin", self.margin, MARGINS if mass else ("",))
        _word("morphology", self.morphology, MORPHOLOGIES if calcification else ("",))
        _word("distribution", self.distribution, DISTRIBUTIONS if calcification else ("",))


def _word(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        words = ", ".join(allowed) if any(allowed) else "nothing for this kind"
        raise ConfigError(f"Lesion {field} is {value!r}; give {words}.")

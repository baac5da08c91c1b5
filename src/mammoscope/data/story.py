"""What a synthetic exam tells: how dense the breasts are, and which lesions lie where.

>>> told = read_story("C density, 9 mm spiculated mass, left upper outer", seed=1)
>>> told.density, told.lesions[0].lesion.size_mm, told.lesions[0].laterality
('C', 9.0, 'L')
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mammoscope.data.lesions import Lesion, random_lesion
from mammoscope.data.lesions.description import (
    BENIGN_MORPHOLOGIES,
    DISTRIBUTIONS,
    MARGINS,
    MORPHOLOGIES,
    PATHOLOGIES,
    SHAPES,
)
from mammoscope.data.synth_shape import HEIGHT_MM, VIEWS, Outline, Point, outline, stream
from mammoscope.errors import ConfigError
from mammoscope.types import Laterality

_KINDS = {
    "mass": "mass",
    "cancer": "mass",
    "calcification": "calcification",
    "calcifications": "calcification",
    "distortion": "distortion",
    "asymmetry": "asymmetry",
}
_SIDES: dict[str, Laterality] = {"left": "L", "right": "R"}
_PLACES = {
    "upper": ("mlo_degrees", 35.0),
    "lower": ("mlo_degrees", -35.0),
    "outer": ("cc_degrees", 30.0),
    "inner": ("cc_degrees", -30.0),
    "central": ("nipple_mm", 45.0),
    "retroareolar": ("nipple_mm", 20.0),
}
_FILLERS = frozenset(
    {"a", "an", "the", "of", "with", "in", "at", "and", "mm", "breast", "breasts", "quadrant"}
    | {"density", "dense", "cluster", "architectural", "focal"}
)
_TRIES = 200
_SUSPICIOUS = frozenset({"spiculated", "indistinct", "microlobulated", "irregular"})
_ROOM_MM = 11.0
"""Half of what must be free around a lesion's centre at most; larger ones reach further."""


@dataclass(frozen=True)
class Placed:
    """A lesion in a breast, placed as a report does.

    Attributes:
        lesion: what it is.
        laterality: the breast it is in.
        nipple_mm: distance of its centre from the nipple, the same in CC and MLO.
        cc_degrees, mlo_degrees: direction from the nipple, 0 straight to the chest wall, positive
            upwards in the picture (outwards in CC, to the head in MLO); where the breast has no
            room for it in that direction, the nearest direction that has is taken.
    """

    lesion: Lesion
    laterality: Laterality
    nipple_mm: float = 45.0
    cc_degrees: float = 20.0
    mlo_degrees: float = 30.0

    def __post_init__(self) -> None:
        if self.laterality not in ("L", "R"):
            raise ConfigError(f"Lesion laterality is {self.laterality!r}; give 'L' or 'R'.")

    def place(self, shape: Outline) -> Point:
        """(u, v) of its centre in a view, picture heights.

        Raises:
            ConfigError: the breast has no room for it at that distance from the nipple.
        """
        found = self._place(shape)
        if found is None:
            raise ConfigError(
                f"Lesion nipple_mm is {self.nipple_mm:.0f}: the {shape.view} view has no room for "
                f"{self.lesion.size_mm:.0f} mm there; give another distance or a smaller lesion."
            )
        return found

    def fitted(self, seed: int) -> Placed:
        """The same lesion of the woman `seed`, as near to the nipple as it must be to have room.

        Raises:
            ConfigError: there is no room at any distance.
        """
        shapes = [outline(seed, self.laterality, view) for view in VIEWS]
        for nipple_mm in np.arange(self.nipple_mm, 12, -2.5):
            moved = replace(self, nipple_mm=float(nipple_mm))
            if all(moved._place(shape) is not None for shape in shapes):
                return moved
        raise ConfigError(
            f"seed {seed}: the breast has no room for {self.lesion.size_mm:.0f} mm; choose another "
            "seed or a smaller lesion."
        )

    def _place(self, shape: Outline) -> Point | None:
        wanted = self.cc_degrees if shape.view == "CC" else self.mlo_degrees
        degrees = np.arange(-75, 76, 1.0)
        degrees = degrees[np.argsort(np.abs(degrees - wanted), kind="stable")]
        angle, far = np.deg2rad(degrees), self.nipple_mm / HEIGHT_MM
        offsets = np.stack([np.cos(angle), np.sin(angle)], axis=-1) * far
        points = np.asarray(shape.nipple) - offsets
        room = 1.3 * min(self.lesion.size_mm / 2, _ROOM_MM) / HEIGHT_MM + 0.015
        roomy = np.flatnonzero(shape.clearance(points) > room)
        if not len(roomy):
            return None
        u, v = points[roomy[0]]
        return float(u), float(v)


@dataclass(frozen=True)
class Story:
    """What an exam tells.

    Attributes:
        density: BI-RADS grade, "A" to "D".
        lesions: in the order they were told.
    """

    density: str = "C"
    lesions: tuple[Placed, ...] = ()


def random_placed(seed: int, lesion: Lesion, number: int = 0) -> Placed:
    """A place for a lesion of the woman `seed`; both her views have room for it.

    Args:
        seed: the woman.
        lesion: what is placed.
        number: of the lesion among hers, for another place.

    Raises:
        ConfigError: neither breast has room for it.
    """
    rng = stream(seed, "place", str(number))
    side: Laterality = "L" if rng.random() < 0.5 else "R"
    cc, mlo = rng.uniform((-35, -10), (40, 45))
    return Placed(lesion, side, float(rng.uniform(35, 70)), float(cc), float(mlo)).fitted(seed)


def read_story(text: str, seed: int) -> Story:
    """Understand a report's words; what they leave open is drawn from the seed.

    Args:
        text: lesions joined by "plus", each with size, kind, BI-RADS words, side and quadrant in
            any order, and somewhere "B density".
        seed: the woman.

    Raises:
        ConfigError: a word is not known, a lesion has no kind, or there is no room for it.
    """
    words = re.sub(r"[^a-z0-9.]+", " ", text.lower())
    grade = re.search(r"\bdensity ([abcd])\b|\b([abcd]) density\b", words)
    if grade:
        words = words.replace(grade[0], " ")
    clauses = [clause.split() for clause in re.split(r"\bplus\b", words)]
    told = [clause for clause in clauses if clause]
    lesions = [_read_lesion(clause, seed, number) for number, clause in enumerate(told)]
    density = (grade[1] or grade[2]).upper() if grade else "C"
    return Story(density, tuple(lesions))


def _read_lesion(words: Sequence[str], seed: int, number: int) -> Placed:
    joined = " ".join(words)
    size = re.search(r"\b(\d+(?:\.\d+)?) ?mm\b", joined)
    rest = joined.replace(size[0], " ") if size else joined
    for term in (*MORPHOLOGIES, *DISTRIBUTIONS):
        rest = rest.replace(term.replace("_", " "), term)
    left = [word for word in rest.split() if word not in _FILLERS]
    kinds = [_KINDS[word] for word in left if word in _KINDS]
    if len(kinds) != 1:
        raise ConfigError(
            f"Story {joined!r}: name one lesion, a mass, calcifications, a distortion or an "
            "asymmetry; join several by 'plus'."
        )
    known = {*_KINDS, *_SIDES, *_PLACES, *PATHOLOGIES, *_VOCABULARY}
    unknown = [word for word in left if word not in known]
    if unknown:
        raise ConfigError(f"Story: the word {unknown[0]!r} is not known; use BI-RADS words.")
    lesion = _described(kinds[0], left, seed + 7919 * number)
    if size:
        lesion = replace(lesion, size_mm=float(size[1]))
    drawn = random_placed(seed, lesion, number)
    sides = [_SIDES[word] for word in left if word in _SIDES]
    wish: dict[str, Any] = {"laterality": sides[0]} if sides else {}
    wish |= dict(_PLACES[word] for word in left if word in _PLACES)
    return replace(drawn, **wish).fitted(seed)


_VOCABULARY = {
    **dict.fromkeys(SHAPES, "shape"),
    **dict.fromkeys(MARGINS, "margin"),
    **dict.fromkeys(DISTRIBUTIONS, "distribution"),
    # "round" is a shape of a mass and of calcifications.
    **{word: "morphology" for word in MORPHOLOGIES if word not in SHAPES},
}


def _described(kind: Any, words: Sequence[str], seed: int) -> Lesion:
    """A random lesion of that kind, with what the words say of it."""
    said = {_VOCABULARY[word]: word for word in words if word in _VOCABULARY}
    if kind == "calcification" and "shape" in said:
        said["morphology"] = said.pop("shape")
    outcome = next((word for word in words if word in PATHOLOGIES), None)
    if outcome is None and "morphology" in said:
        outcome = "benign" if said["morphology"] in BENIGN_MORPHOLOGIES else "malignant"
    elif outcome is None and kind == "mass" and said:
        outcome = "malignant" if _SUSPICIOUS & set(said.values()) else "benign"
    # Of many random lesions take one of which the words are true, so that the rest goes with them.
    drawn = random_lesion(seed, kind, outcome)
    for attempt in range(_TRIES):
        other = random_lesion(seed + 104729 * attempt, kind, outcome)
        if all(getattr(other, name) == word for name, word in said.items()):
            return other
    return replace(drawn, **said)  # type: ignore[arg-type]

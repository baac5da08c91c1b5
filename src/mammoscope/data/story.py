"""What a synthetic exam tells: how dense the breasts are, which lesions lie where, what else.

>>> told = read_story("C density, 9 mm spiculated mass, left upper outer", seed=1)
>>> told.density, told.lesions[0].lesion.size_mm, told.lesions[0].laterality
('C', 9.0, 'L')
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
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
from mammoscope.data.synth_implant import (
    FILLS,
    POSITIONS,
    Implant,
    random_implant,
    silhouette,
)
from mammoscope.data.synth_objects import (
    OBJECT_KINDS,
    ForeignObject,
    ObjectKind,
    random_object,
)
from mammoscope.data.synth_place import spot
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
_IMPLANT_WORDS = frozenset({"implant", "implants"})
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

    def place(self, shape: Outline, implant: Implant | None = None) -> Point:
        """(u, v) of its centre in a view, picture heights.

        Args:
            shape: the view's outline.
            implant: that of the breast, beside which it must have room.

        Raises:
            ConfigError: the breast has no room for it at that distance from the nipple.
        """
        found = self._place(shape, implant)
        if found is None:
            raise ConfigError(
                f"Lesion nipple_mm is {self.nipple_mm:.0f}: the {shape.view} view has no room for "
                f"{self.lesion.size_mm:.0f} mm there; give another distance or a smaller lesion."
            )
        return found

    def fitted(self, seed: int, implant: Implant | None = None) -> Placed:
        """The same lesion of the woman `seed`, as near to the nipple as it must be to have room.

        Args:
            seed: the woman.
            implant: that of the breast, if it has one.

        Raises:
            ConfigError: there is no room at any distance.
        """
        shapes = [outline(seed, self.laterality, view) for view in VIEWS]
        for nipple_mm in np.arange(self.nipple_mm, 12, -2.5):
            moved = replace(self, nipple_mm=float(nipple_mm))
            if all(moved._place(shape, implant) is not None for shape in shapes):
                return moved
        raise ConfigError(
            f"seed {seed}: the breast has no room for {self.lesion.size_mm:.0f} mm; choose another "
            "seed or a smaller lesion."
        )

    def _place(self, shape: Outline, implant: Implant | None) -> Point | None:
        wanted = self.cc_degrees if shape.view == "CC" else self.mlo_degrees
        room_mm = 1.3 * min(self.lesion.size_mm / 2, _ROOM_MM) + 0.015 * HEIGHT_MM
        body = None if implant is None else silhouette(implant, shape)
        return spot(shape, self.nipple_mm, wanted, room_mm, body)


@dataclass(frozen=True)
class Story:
    """What an exam tells.

    Attributes:
        density: BI-RADS grade, "A" to "D".
        lesions: in the order they were told.
        implants: at most one of each breast.
        objects: markers, clips and devices, which are no findings.
    """

    density: str = "C"
    lesions: tuple[Placed, ...] = ()
    implants: tuple[Implant, ...] = ()
    objects: tuple[ForeignObject, ...] = ()


def random_placed(
    seed: int, lesion: Lesion, number: int = 0, *, implants: Sequence[Implant] = ()
) -> Placed:
    """A place for a lesion of the woman `seed`; both her views have room for it.

    Args:
        seed: the woman.
        lesion: what is placed.
        number: of the lesion among hers, for another place.
        implants: hers.

    Raises:
        ConfigError: neither breast has room for it.
    """
    rng = stream(seed, "place", str(number))
    side: Laterality = "L" if rng.random() < 0.5 else "R"
    cc, mlo = rng.uniform((-35, -10), (40, 45))
    drawn = Placed(lesion, side, float(rng.uniform(35, 70)), float(cc), float(mlo))
    return drawn.fitted(seed, implant_of(implants, side))


def implant_of(implants: Sequence[Implant], laterality: Laterality) -> Implant | None:
    """The implant of one breast, None if it has none."""
    return next((one for one in implants if one.laterality == laterality), None)


def read_story(text: str, seed: int) -> Story:
    """Understand a report's words; what they leave open is drawn from the seed.

    Args:
        text: things joined by "plus", and somewhere "B density". A lesion has size, kind, BI-RADS
            words, side and quadrant in any order. An implant ("implants" for both breasts) may
            be silicone or saline, subpectoral or retroglandular. An object is a nipple marker
            (of both breasts where no side is told), mole marker, scar marker, biopsy clip,
            surgical clips, pacemaker or port.
        seed: the woman.

    Raises:
        ConfigError: a word is not known, a clause has no kind, or there is no room for a thing.
    """
    words = re.sub(r"[^a-z0-9.]+", " ", text.lower())
    grade = re.search(r"\bdensity ([abcd])\b|\b([abcd]) density\b", words)
    if grade:
        words = words.replace(grade[0], " ")
    clauses = [clause.split() for clause in re.split(r"\bplus\b", words)]
    told = [clause for clause in clauses if clause]
    implanted = [clause for clause in told if _IMPLANT_WORDS & set(clause)]
    implants = tuple(one for clause in implanted for one in _read_implants(clause, seed))
    rest = [clause for clause in told if clause not in implanted]
    named = [(clause, _object_kind(clause)) for clause in rest]
    objects = [
        thing for clause, kind in named if kind for thing in _read_objects(clause, kind, seed)
    ]
    lesions = [clause for clause, kind in named if kind is None]
    return Story(
        (grade[1] or grade[2]).upper() if grade else "C",
        tuple(_read_lesion(c, seed, number, implants) for number, c in enumerate(lesions)),
        implants,
        tuple(thing.fitted(seed, implant_of(implants, thing.laterality)) for thing in objects),
    )


def _read_implants(words: Sequence[str], seed: int) -> list[Implant]:
    fills = {fill: fill for fill in FILLS}
    positions = {position: position for position in POSITIONS}
    places = positions | dict.fromkeys(("retroglandular", "prepectoral"), POSITIONS[0])
    places |= dict.fromkeys(("retropectoral", "submuscular"), POSITIONS[1])
    _refuse_unknown(words, {*_IMPLANT_WORDS, *_SIDES, *fills, *places, "both"})
    fill = next((fills[word] for word in words if word in fills), None)
    place = next((places[word] for word in words if word in places), None)
    both = "implants" in words or "both" in words
    return [random_implant(seed, side, fill, place) for side in _sides(words, seed, both)]


def _object_kind(words: Sequence[str]) -> ObjectKind | None:
    """What object a clause names, None if it names none."""
    joined = " ".join(word.removesuffix("s") for word in words)
    found = (kind for kind in OBJECT_KINDS if re.search(rf"\b{kind.removesuffix('s')}\b", joined))
    return next(found, None)


def _read_objects(words: Sequence[str], kind: ObjectKind, seed: int) -> list[ForeignObject]:
    own = {word + ending for word in kind.split() for ending in ("", "s")} | set(kind.split())
    own |= {word.removesuffix("s") for word in kind.split()}
    _refuse_unknown(words, {*own, *_SIDES, *_PLACES, "both"})
    both = "both" in words or kind == "nipple marker"
    wish: dict[str, Any] = dict(_PLACES[word] for word in words if word in _PLACES)
    return [replace(random_object(seed, kind, side), **wish) for side in _sides(words, seed, both)]


def _sides(words: Sequence[str], seed: int, both: bool) -> list[Laterality]:
    """The sides that a clause names; if none, both or the one that the seed draws."""
    named = [_SIDES[word] for word in words if word in _SIDES]
    if named or both:
        return list(dict.fromkeys(named)) or ["R", "L"]
    return ["L" if stream(seed, "side", *words).random() < 0.5 else "R"]


def _refuse_unknown(words: Sequence[str], known: Collection[str]) -> None:
    unknown = [word for word in words if word not in known and word not in _FILLERS]
    if unknown:
        raise ConfigError(f"Story: the word {unknown[0]!r} is not known; use BI-RADS words.")


def _read_lesion(
    words: Sequence[str], seed: int, number: int, implants: Sequence[Implant]
) -> Placed:
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
            "asymmetry, an implant or an object; join several by 'plus'."
        )
    _refuse_unknown(left, {*_KINDS, *_SIDES, *_PLACES, *PATHOLOGIES, *_VOCABULARY})
    lesion = _described(kinds[0], left, seed + 7919 * number)
    if size:
        lesion = replace(lesion, size_mm=float(size[1]))
    drawn = random_placed(seed, lesion, number, implants=implants)
    sides = [_SIDES[word] for word in left if word in _SIDES]
    wish: dict[str, Any] = {"laterality": sides[0]} if sides else {}
    wish |= dict(_PLACES[word] for word in left if word in _PLACES)
    wished = replace(drawn, **wish)
    return wished.fitted(seed, implant_of(implants, wished.laterality))


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

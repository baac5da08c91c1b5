"""Laterality, view and exam from file names.

A name without its suffix is cut into words at everything that is not a letter or digit; case
does not matter. Read are

- glued words: `LCC`, `rmlo`, `LeftCC`, `RIGHTMLO`, `RXCCL`;
- separate words in any order: `L_CC`, `R-MLO`, `left_mlo`, `mlo_left`, `P1_L_DM_MLO`,
  `A_0002_1.RIGHT_MLO`, `Mass-Training_P_00001_LEFT_CC`, `20586908_6c61_MG_R_CC_ANON`;
- the view alone (`mlo.png`) or the side alone as a whole word (`left.png`).

Views are the abbreviations of DICOM PS3.16 CID 4014 with its cleavage and axillary modifiers:
CC, MLO, ML, LM, LMO, XCC, XCCL, XCCM, FB, SIO, ISO, CV, AT, TAN. Those that are also words or
units (ML, LM, AT, ISO ...) count only beside a side; a lone letter L or R counts only in a name
that has a view. Two different views, or two different sides of which neither stands beside the
view, leave that part unknown: nothing is guessed.

What remains of the name, joined by underscores, is the stem; files of one exam share it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

from mammoscope.types import Laterality

CLEAR_VIEWS = ("CC", "MLO", "LMO", "XCC", "XCCL", "XCCM")
SHORT_VIEWS = ("ML", "LM", "FB", "SIO", "ISO", "CV", "AT", "TAN")
# fmt: off
SUFFIXES = (
    ".dcm", ".dic", ".dicom", ".ima", ".jpe", ".jpeg", ".jpg", ".npy", ".pgm", ".png", ".pnm",
    ".tif", ".tiff",
)
# fmt: on
_WORDS: dict[str, Laterality] = {"left": "L", "right": "R", "lt": "L", "rt": "R"}
_LETTERS: dict[str, Laterality] = {"l": "L", "r": "R"}
_GLUED = re.compile(
    rf"(left|right|l|r)({'|'.join((*CLEAR_VIEWS, 'ML', 'LM'))})", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True)
class Name:
    """What a file name says.

    Attributes:
        laterality: "L", "R", or None if the name does not tell.
        view: view code as in Mammogram.view, or None.
        stem: the rest of the name, what files of one exam have in common; may be empty.
    """

    laterality: Laterality | None
    view: str | None
    stem: str


def parse_name(name: str) -> Name:
    """Read laterality, view and stem from a file name (see the module for the patterns).

    Args:
        name: file name or path; only its last part is looked at.
    """
    words = re.findall(r"[^\W_]+", _without_suffix(PurePath(name).name))
    sides: dict[int, Laterality] = {}
    views: dict[int, str] = {}
    for at, word in enumerate(words):
        glued = _GLUED.fullmatch(word)
        if glued:
            side = glued[1].lower()
            sides[at] = _WORDS.get(side) or _LETTERS[side]
            views[at] = glued[2].upper()
        elif word.lower() in _WORDS:
            sides[at] = _WORDS[word.lower()]
        elif word.upper() in CLEAR_VIEWS:
            views[at] = word.upper()
    letters = {at: _LETTERS[w.lower()] for at, w in enumerate(words) if w.lower() in _LETTERS}
    views |= _short_views(words, {**letters, **sides}, views)
    return _name(words, sides or (letters if views else {}), views)


def _short_views(
    words: list[str], sides: dict[int, Laterality], clear: dict[int, str]
) -> dict[int, str]:
    """Views that are also ordinary words, where a side stands beside them and no clear view is."""
    if clear:
        return {}
    return {
        at: word.upper()
        for at, word in enumerate(words)
        if word.upper() in SHORT_VIEWS and (at - 1 in sides or at + 1 in sides)
    }


def _name(words: list[str], sides: dict[int, Laterality], views: dict[int, str]) -> Name:
    if len(set(views.values())) > 1:
        views = {}
    if len(set(sides.values())) > 1:
        sides = {at: s for at, s in sides.items() if {at - 1, at, at + 1} & views.keys()}
    if len(set(sides.values())) > 1:
        sides = {}
    stem = "_".join(word for at, word in enumerate(words) if at not in {*sides, *views})
    return Name(next(iter(sides.values()), None), next(iter(views.values()), None), stem)


def _without_suffix(name: str) -> str:
    while PurePath(name).suffix.lower() in SUFFIXES:
        name = PurePath(name).stem
    return name

"""The words and codes with which files say breast, view and view modifiers.

Codes: PS3.16 CID 4014 (views) and CID 4015 (modifiers), as SNOMED CT and the older SNOMED RT.
"""

from __future__ import annotations

import re

from mammoscope.types import Laterality

VIEW_CODES = {
    "399260004": "ML",
    "R-10224": "ML",
    "399368009": "MLO",
    "R-10226": "MLO",
    "399352003": "LM",
    "R-10228": "LM",
    "399099002": "LMO",
    "R-10230": "LMO",
    "399162004": "CC",
    "R-10242": "CC",
    "399196006": "FB",
    "R-10244": "FB",
    "399188001": "SIO",
    "R-102D0": "SIO",
    "441555000": "ISO",
    "R-40AAA": "ISO",
    "399265009": "XCC",
    "R-102CF": "XCC",
    "399192008": "XCCL",
    "R-1024A": "XCCL",
    "399101009": "XCCM",
    "R-1024B": "XCCM",
}
MODIFIER_CODES = {
    "399161006": "cleavage",
    "R-102D2": "cleavage",
    "399011000": "axillary tail",
    "R-102D1": "axillary tail",
    "399197002": "rolled lateral",
    "R-102D3": "rolled lateral",
    "399226006": "rolled medial",
    "R-102D4": "rolled medial",
    "414493004": "rolled inferior",
    "R-102CA": "rolled inferior",
    "415670009": "rolled superior",
    "R-102C9": "rolled superior",
    "399209000": "implant displaced",
    "R-102D5": "implant displaced",
    "399163009": "magnification",
    "R-102D6": "magnification",
    "399055006": "spot",
    "R-102D7": "spot",
    "399110001": "tangential",
    "R-102C2": "tangential",
    "442581004": "nipple in profile",
    "R-40AB3": "nipple in profile",
    "441752004": "anterior compression",
    "P2-00161": "anterior compression",
    "442593008": "inframammary fold",
    "R-40ABE": "inframammary fold",
    "442580003": "axillary tissue",
    "R-40AB2": "axillary tissue",
}
SPECIMEN_CODES = ("127457009", "G-8310")
BREAST_CODES: dict[str, Laterality] = {
    "24028007": "R",
    "G-A100": "R",
    "73056007": "R",
    "T-04020": "R",
    "7771000": "L",
    "G-A101": "L",
    "80248007": "L",
    "T-04030": "L",
}
VIEWS = ("XCCL", "XCCM", "XCC", "MLO", "LMO", "SIO", "ISO", "CC", "ML", "LM", "FB", "AT")
_SUFFIXES = {
    "ID": "implant displaced",
    "RL": "rolled lateral",
    "RM": "rolled medial",
    "RI": "rolled inferior",
    "RS": "rolled superior",
    "CV": "cleavage",
    "AT": "axillary tail",
    "TAN": "tangential",
    "SPOT": "spot",
    "MAG": "magnification",
    "S": "spot",
    "M": "magnification",
}
_SIDES: dict[str, Laterality] = {"R": "R", "RIGHT": "R", "L": "L", "LEFT": "L"}
_VIEW_TEXT = re.compile(
    rf"(?P<side>[RL])?(?P<view>{'|'.join(VIEWS)})(?P<suffix>{'|'.join(_SUFFIXES)})?"
)


def parse_side(word: str) -> Laterality | None:
    """Laterality of "R", "RIGHT", "L" or "LEFT"."""
    return _SIDES.get(word)


def parse_view(text: str) -> tuple[Laterality | None, str | None, tuple[str, ...]]:
    """Read side, view and modifiers from short texts such as "R CC", "LMLO", "XCCL", "MLOID".

    Args:
        text: in capitals.
    """
    side: Laterality | None = None
    view: str | None = None
    modifiers: list[str] = []
    for word in re.findall(r"[A-Z]+", text):
        if word in VIEWS:
            view = view or word
        elif word in _SIDES:
            side = side or _SIDES[word]
        elif match := _VIEW_TEXT.fullmatch(word):
            side = side or _SIDES.get(match["side"] or "")
            view = view or match["view"]
            modifiers += [_SUFFIXES[match["suffix"]]] if match["suffix"] else []
        elif word in _SUFFIXES and len(word) > 1:
            modifiers.append(_SUFFIXES[word])
    return side, view, tuple(dict.fromkeys(modifiers))

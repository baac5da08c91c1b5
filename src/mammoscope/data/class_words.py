"""What the name of a class or folder says of cancer, pathology, density and kind of finding.

Names are read word by word, so that "abnormal" is not "normal" and "no cancer" is not "cancer".
What a name does not say plainly stays unknown: "suspicious" is no pathology, and neither is
"positive".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mammoscope.errors import ConfigError

OPTION = "other names for classes, as 'name:new name, name:new name'; e.g. 1:malignant, 0:no cancer"
"""The meaning of the option `classes`, for `Source.options`."""
DENSITIES = {"1": "A", "2": "B", "3": "C", "4": "D"}
RANK = ("normal", "benign", "malignant")

_MALIGNANT = r"malign\w*|cancer\w*|carcinoma\w*"
_NOT_CANCER = re.compile(rf"\b(?:non|not|no|without)\s?(?:{_MALIGNANT})\b|\bcancer\s?free\b")
_CANCER = re.compile(rf"\b(?:{_MALIGNANT})\b")
_UNSURE = re.compile(r"\b(?:suspicious|suspected|suspect|probably|probable|possible|unproven)\b")
_DENSITY = re.compile(r"\bdensity ?(?:type |class |grade )?([a-d]|[1-4])(?![a-z0-9])")
_BIRADS = re.compile(r"\bbi ?rads ?([0-6])(?: ?[abc])?\b")
_KINDS = (
    ("calcification", re.compile(r"\b(?:micro|macro)?calc(?:ification)?s?\b")),
    ("distortion", re.compile(r"\bdistortions?\b")),
    ("asymmetry", re.compile(r"\basymmetr\w*\b")),
    ("mass", re.compile(r"\b(?:mass(?:es)?|nodules?)\b")),
)


@dataclass(frozen=True)
class Meaning:
    """What a name says; each field is empty where it says nothing.

    Attributes:
        cancer: "1", "0" or "".
        pathology: "normal", "benign", "malignant" or "".
        density: "A" to "D" or "".
        birads: "0" to "6" or "".
        kind: of a finding, as in the findings table, or "".
    """

    cancer: str = ""
    pathology: str = ""
    density: str = ""
    birads: str = ""
    kind: str = ""


def meaning(name: str) -> Meaning:
    """Read the name of a class, or of nested folders joined by blanks."""
    words = _words(name)
    cancer, pathology = _truth(words)
    density, birads = _DENSITY.search(words), _BIRADS.search(words)
    letter = density[1] if density else ""
    kinds = [kind for kind, pattern in _KINDS if pattern.search(words)]
    return Meaning(
        cancer,
        pathology,
        DENSITIES.get(letter, letter.upper()),
        birads[1] if birads else "",
        kinds[0] if len(kinds) == 1 else "",
    )


def together(meanings: Sequence[Meaning]) -> Meaning:
    """What an image holds of which these are the findings.

    One cancer makes the image one; that there is none needs every finding to say so. BI-RADS is
    the highest, and unknown where one finding has none; kind is left empty.
    """
    cancers = {one.cancer for one in meanings}
    known = [one.pathology for one in meanings]
    cancer = "1" if "1" in cancers else "0" if cancers == {"0"} else ""
    pathology = max(known, key=RANK.index) if known and all(known) else ""
    densities = {one.density for one in meanings} - {""}
    scores = [one.birads for one in meanings]
    return Meaning(
        cancer,
        "malignant" if "malignant" in known else pathology,
        densities.pop() if len(densities) == 1 else "",
        max(scores) if scores and all(scores) else "",
    )


def renames(option: str) -> dict[str, str]:
    """The value of the option `classes`: class names and what to read them as.

    Raises:
        ConfigError: it is not of the form 'name:new name, ...'.
    """
    pairs = [part.split(":", 1) for part in option.split(",") if part.strip()]
    if not all(len(pair) == 2 for pair in pairs):
        raise ConfigError(f"option classes={option!r}: write it as 'name:new name, name:new name'.")
    return {old.strip(): new.strip() for old, new in pairs}


def _words(name: str) -> str:
    """Lower case, words parted by one blank; 'Density1Malignant' is three words."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    parted = re.sub(r"(?<=[A-Za-z]{4})(?=[0-9])", " ", parted)
    return " ".join(re.findall(r"[a-z0-9]+", parted.lower()))


def _truth(words: str) -> tuple[str, str]:
    """Cancer and pathology, both empty where the words contradict each other."""
    denied = bool(_NOT_CANCER.search(words))
    rest = _NOT_CANCER.sub(" ", words)
    said = {
        "malignant": bool(_CANCER.search(rest)),
        "benign": bool(re.search(r"(?<!non )(?<!not )\bbenign\b", rest)),
        "normal": bool(re.search(r"(?<!non )(?<!not )\bnormal\b", rest)),
    }
    if _UNSURE.search(words) or sum(said.values()) > 1 or (denied and said["malignant"]):
        return "", ""
    pathology = next((name for name, found in said.items() if found), "")
    if pathology:
        return ("1" if pathology == "malignant" else "0"), pathology
    return ("0" if denied else ""), ""

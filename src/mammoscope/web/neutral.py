"""Names that say nothing of the patient, in place of those that a browser or archive gave.

A given name decides no path. All that passes from it into the neutral one are laterality and
view, which files share a stem, which lie in one folder, and a suffix of the reader's own list:
`Smith Jane/2020_LCC.dcm` becomes `d1/e1_L-CC.dcm`. `mammoscope.io.scan` puts the files into the
same exams as it would under their given names.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from mammoscope.io.exam import NOT_IMAGE_NAMES, NOT_IMAGES
from mammoscope.io.naming import SHORT_VIEWS, SUFFIXES, Name, parse_name

_SHOWN = 200
_LONGEST = 255  # of a file name on any common disk; the search for suffixes is slow on longer ones
_UNSHOWN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
_SIDES = {"L": "left", "R": "right"}


def neutral_names(given: Sequence[str]) -> list[str]:
    r"""Neutral relative paths, all different, one for each given name and in the same order.

    Where one name was given more than once, each further one gets a folder of its own: two files
    of the same name are more likely of two women than of one.

    Args:
        given: names or paths with "/" or "\" between their parts, of any content and length.
    """
    parts = [_parts(name) for name in given]
    met: Counter[tuple[str, str]] = Counter()
    folders, stems = _Numbers("d", len(given)), _Numbers("e", len(given))
    taken: Counter[str] = Counter()
    neutral = []
    for folder, base in parts:
        name = parse_name(base) if len(base) <= _LONGEST else Name(None, None, base)
        home = folders.of((folder, met[folder, base]))
        met[folder, base] += 1
        path = f"{home}/{stems.of(name.stem.lower())}{_place(name)}"
        neutral.append(f"{path}{_apart(taken[path])}{_suffix(base)}")
        taken[path] += 1
    return neutral


def shown(given: str) -> str:
    """A given name as it may be put on a page: no control, format or lone surrogate characters.

    At most 200 characters; of a longer one the end is kept, which has the suffix.
    """
    text = "".join("\ufffd" if unicodedata.category(c) in _UNSHOWN else c for c in given)
    return text if len(text) <= _SHOWN else "…" + text[1 - _SHOWN :]


def is_passed_over(given: str) -> bool:
    """Whether a folder's file is left unread: hidden, a table, a text, or an archiver's own."""
    folder, base = _parts(given)
    parts = [*folder.split("/"), base]
    hidden = any(part.startswith(".") and part != ".." for part in parts)
    lower = base.lower()
    other = lower in NOT_IMAGE_NAMES or lower.endswith(NOT_IMAGES)
    other = other and not lower.endswith(".zip")  # looked into
    return hidden or other or "__MACOSX" in parts


class _Numbers:
    """Numbers things in the order they are met: d1, d2 ... with zeros so that they sort."""

    def __init__(self, letter: str, most: int) -> None:
        self.letter, self.digits = letter, len(str(most))
        self.met: dict[object, str] = {}

    def of(self, thing: object) -> str:
        return self.met.setdefault(thing, f"{self.letter}{len(self.met) + 1:0{self.digits}d}")


def _parts(given: str) -> tuple[str, str]:
    """(folder, last part); empty parts and "." say nothing."""
    parts = [part for part in given.replace("\\", "/").split("/") if part not in ("", ".")]
    return "/".join(parts[:-1]), parts[-1] if parts else ""


def _place(name: Name) -> str:
    """Words from which `parse_name` reads the same laterality and view."""
    if name.view is None:
        return f"_{_SIDES[name.laterality]}" if name.laterality else ""
    if name.laterality is None and name.view in SHORT_VIEWS:
        return f"_L-{name.view}-R"  # such a view counts only beside a side; two make none
    return f"_{name.laterality}-{name.view}" if name.laterality else f"_{name.view}"


def _apart(count: int) -> str:
    """Binary digits in characters that are no part of any word: "" for 0, "-" for 1, "-_" for 2."""
    return f"{count:b}".translate({ord("0"): "_", ord("1"): "-"}) if count else ""


def _suffix(base: str) -> str:
    suffix = PurePosixPath(base).suffix.lower()
    return suffix if suffix in SUFFIXES else ""

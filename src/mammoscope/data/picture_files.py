"""Picture files of a folder: which there are, of what size, copies of what, and of whom.

Roboflow names a copy `NAME_jpg.rf.HASH.jpg`, whether it changed the picture or not; what stands
before `.rf.` is the original's name, and one original may have many copies.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from mammoscope.data.folder_files import files_below
from mammoscope.errors import ConfigError, ReadError
from mammoscope.io.header import HeaderError, parse_header, sniff
from mammoscope.io.image import read_bytes
from mammoscope.io.naming import SUFFIXES

PATIENT_OPTION = (
    "regular expression with one group that is the woman's code, searched for in each file name; "
    "e.g. patient='^(P[0-9]+)_'"
)
"""The meaning of the option `patient`, for `Source.options`."""
MODALITY_OPTION = "mammography (as if not given), ultrasound or histology"
"""The meaning of the option `modality`, for `Source.options`."""
PARTS = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
}
"""Folder names, in lower case, that say which part of a split lies in them."""

_COPY = re.compile(r"(.+)\.rf\.[0-9A-Za-z_-]+")
_GLUED_SUFFIX = re.compile(r"[_-](?:jpe?g|png|bmp|tiff?|webp|gif)$", re.IGNORECASE)
_TURNED = (5, 6, 7, 8)


def image_files(folder: Path) -> list[Path]:
    """All picture files below a folder, sorted; hidden ones and archive leftovers are not."""
    return files_below(folder, tuple(SUFFIXES))


def image_size(path: Path) -> tuple[int, int] | None:
    """(width, height) in pixels as `read_image` gives them; None where the file is broken."""
    try:
        data = read_bytes(path)
        kind = sniff(data)
        header = parse_header(data, kind) if kind else None
    except (ReadError, HeaderError):
        return None
    if header is None:
        return None
    size = (header.width, header.height)
    return size[::-1] if header.orientation in _TURNED else size


def is_copy(path: Path) -> bool:
    """Whether the name is one that Roboflow gives to a copy."""
    return _COPY.fullmatch(path.stem) is not None


def original_name(path: Path) -> str:
    """The name of the picture this one is a copy of, without suffix; else its own."""
    match = _COPY.fullmatch(path.stem)
    return _GLUED_SUFFIX.sub("", match[1]) if match else path.stem


def part_of(path: Path) -> str:
    """train, valid or test, from the first folder of a relative path that says so; else empty."""
    folders = (PARTS.get(part.lower(), "") for part in path.parts[:-1])
    return next((part for part in folders if part), "")


def patient_ids(
    files: Sequence[Path], originals: Sequence[str], pattern: str
) -> tuple[list[str], str]:
    """The woman of each file, and a note on how far they are known.

    Args:
        files: the pictures.
        originals: of each, what stands for the woman where the pattern does not fit.
        pattern: the option `patient`; empty if it was not given.

    Raises:
        ConfigError: the pattern is no regular expression, or has not one group.
    """
    if not pattern:
        return list(originals), (
            "The women are not known: patient_id is the image's name, so a split by patient is "
            "not possible; if file names hold a woman's code, give the option patient."
        )
    try:
        search = re.compile(pattern)
    except re.error as error:
        raise ConfigError(
            f"option patient={pattern!r} is no regular expression ({error})."
        ) from error
    if search.groups != 1:
        raise ConfigError(f"option patient={pattern!r} has {search.groups} groups; give it one.")
    found = [search.search(file.name) for file in files]
    ids = [
        (match[1] or name) if match else name for match, name in zip(found, originals, strict=True)
    ]
    lost = sum(not (match and match[1]) for match in found)
    note = f"patient_id comes from the file names; {lost} of {len(files)} do not fit the pattern"
    return ids, f"{note} and have the image's name." if lost else f"{note}."


def copy_groups(
    files: Sequence[Path], originals: Sequence[str], parts: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The duplicate group of each file (empty if it is the only copy), and notes on leaks."""
    copies = Counter(name for file, name in zip(files, originals, strict=True) if is_copy(file))
    groups = [
        name if is_copy(file) and copies[name] > 1 else ""
        for file, name in zip(files, originals, strict=True)
    ]
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for group, part in zip(groups, parts, strict=True):
        if group and part:
            seen[group].add(part)
    leaking = sum(len(found) > 1 for found in seen.values())
    notes = []
    if seen or any(groups):
        count = len(set(groups) - {""})
        notes.append(
            f"{sum(map(bool, groups))} images are copies of {count} originals; copies of one "
            "share patient_id and duplicate_group."
        )
    if leaking:
        notes.append(
            f"The publisher's split leaks: {leaking} originals have copies in more than one of "
            "train, valid and test; make a new split."
        )
    return groups, notes

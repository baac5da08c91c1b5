"""Pictures that occur more than once: exactly, nearly, with several labels, or across a split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mammoscope.data.audit.fingerprint import TURNS, detail, fingerprints, likeness, turned
from mammoscope.data.audit.issue import Issue
from mammoscope.data.audit.kinds import make_issue
from mammoscope.data.audit.look import Look
from mammoscope.data.audit.pairs import near_pairs

ALIKE = {"mammography": 0.97, "ultrasound": 0.8, "histology": 0.9}
"""Least correlation of fine detail for a duplicate.

All breasts have the same outline: of 720,000 pairs of rsna2022 the most alike of two women reach
0.95, and copies encoded at quality 40, resized, mirrored or inverted stay above 0.995. Ultrasound
pictures have nothing in common: of 200,000 pairs of BUSI, 0.8 finds 129 of the 133 known ones.
"""
LABELS = ("cancer", "pathology")
_HOW = {
    (False, False): "resized, encoded again or drawn on",
    (True, False): "mirrored",
    (False, True): "inverted",
    (True, True): "mirrored and inverted",
}

Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Twins:
    """Pairs of rows that show the same picture.

    Attributes:
        first: row numbers (pairs,).
        second: row numbers (pairs,).
        how: (pairs,) place in TURNS for near duplicates, -1 for exact ones, -2 for pairs the
            manifest itself says are duplicates.
    """

    first: Rows
    second: Rows
    how: NDArray[np.int_]


def find_twins(images: pd.DataFrame, looks: Sequence[Look]) -> Twins:
    """All pairs; of several exact copies each is paired with the first only."""
    read = np.flatnonzero([look.seen for look in looks])
    pixels = [looks[int(row)].pixel_sha256 for row in read]
    files = np.flatnonzero([look.colour for look in looks])  # pixels unknown: the file decides
    digests = [looks[int(row)].file_sha256 for row in files]
    exact = _same(np.concatenate([read, files]), [*pixels, *digests])
    known = np.flatnonzero((images["duplicate_group"] != "").to_numpy())
    names = (images["dataset"] + "\n" + images["duplicate_group"]).iloc[known]
    told = _same(known, names.tolist())
    alone = read[~np.isin(read, exact[1])]
    parts = [(*exact, np.full(len(exact[0]), -1)), (*told, np.full(len(told[0]), -2))]
    parts += _near(images, looks, alone)
    first, second, how = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Twins(first.astype(np.intp), second.astype(np.intp), how)


def _same(rows: Rows, names: list[str]) -> tuple[Rows, Rows]:
    """Each row that has the name of an earlier one, after that one."""
    codes, uniques = pd.factorize(np.array(names, object))
    first = np.full(len(uniques), -1, np.intp)
    first[codes[::-1]] = rows[::-1]
    later = first[codes] != rows
    return first[codes][later], rows[later]


def _near(
    images: pd.DataFrame, looks: Sequence[Look], rows: Rows
) -> list[tuple[Rows, Rows, NDArray[np.int_]]]:
    if len(rows) < 2:
        return []
    details = detail(np.stack([looks[row].frame for row in rows]))
    prints = fingerprints(details)
    least = images["modality"].iloc[rows].map(ALIKE).to_numpy(float)
    found = []
    for turn, (mirrored, inverted) in enumerate(TURNS):
        i, j = near_pairs(turned(prints, mirrored, inverted), prints)
        alike = likeness(details, i, j, mirrored, inverted)
        good = alike >= np.maximum(least[i], least[j])
        i, j = rows[i[good]], rows[j[good]]
        found.append((i, j, np.full(len(i), turn)))
    return found


def components(count: int, first: Rows, second: Rows) -> NDArray[np.int_]:
    """Number (count,) of the group that each row belongs to, rows being linked by pairs."""
    links = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    _, label = connected_components(links, directed=False)
    return np.asarray(label)


def duplicate_issues(images: pd.DataFrame, looks: Sequence[Look]) -> Iterator[Issue]:
    """One issue for each group of duplicates, and one more for each that a split parts."""
    twins = find_twins(images, looks)
    if not len(twins.first):
        return
    label = components(len(images), twins.first, twins.second)
    hows: dict[int, set[int]] = {}
    for group, how in zip(label[twins.first], twins.how, strict=True):
        hows.setdefault(int(group), set()).add(int(how))
    table = images.groupby(label, sort=False).indices
    for group, how in sorted(hows.items()):
        yield from _of_group(images.iloc[np.sort(table[group])], how)


def _of_group(group: pd.DataFrame, how: set[int]) -> Iterator[Issue]:
    paths = group["image_path"]
    women = group.groupby(["dataset", "patient_id"]).ngroups
    owners = f" They belong to {women} patients." if women > 1 else ""
    said = _disagreement(group)
    if said:
        sentence = f"{len(group)} copies of one picture say {said}.{owners}"
        yield make_issue("contradictory_duplicate", paths, sentence)
    elif how <= {-1}:
        yield make_issue("exact_duplicate", paths, f"{len(group)} equal pictures.{owners}")
    elif how != {-2}:  # what the manifest already groups needs no mark
        ways = " or ".join(_HOW[TURNS[turn]] for turn in sorted(how) if turn >= 0)
        sentence = f"{len(group)} copies of one picture{f', {ways}' if ways else ''}.{owners}"
        yield make_issue("near_duplicate", paths, sentence)
    sides = sorted(set(group["split"]) - {""})
    if len(sides) > 1:
        sentence = f"{len(group)} copies of one picture are in {' and '.join(sides)}."
        yield make_issue("duplicate_across_splits", paths, sentence, column="split")


def _disagreement(group: pd.DataFrame) -> str:
    """Columns of LABELS that hold several known values, in words; "" if none."""
    said = []
    for column in LABELS:
        values = sorted(set(group[column]) - {""})
        if len(values) > 1:
            said.append(f"{column} {' and '.join(values)}")
    return ", ".join(said)

"""Mistakes that one picture shows, or its file: unreadable, blank, of odd size, a negative."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.data.audit.issue import Issue
from mammoscope.data.audit.kinds import make_issue
from mammoscope.data.audit.look import Look

_FEWEST = 20
_COMMON = 0.02
_AREA, _ASPECT = np.log(2), np.log(1.5)
_SPREADS = 4 * 1.4826
_SYSTEMATIC = 0.5
_SYSTEMATIC_FEWEST = 5


def file_issues(images: pd.DataFrame, looks: Sequence[Look]) -> Iterator[Issue]:
    """Files that cannot be read, changed, are in colour, show nothing or no breast."""
    columns = zip(images["image_path"], images["modality"], images["sha256"], looks, strict=True)
    for path, modality, digest, look in columns:
        if look.colour:
            if modality != "histology":
                yield make_issue("colour", [path], "The picture is in colour.")
        elif look.error:
            yield make_issue("unreadable", [path], _sentence(look.error))
        elif look.blank:
            yield make_issue("blank", [path], f"The picture is {look.blank}.")
        elif look.refusal and modality == "mammography":
            yield make_issue("not_a_mammogram", [path], _sentence(look.refusal) + ".")
        if digest and look.file_sha256 and digest.lower() != look.file_sha256:
            yield make_issue("changed_file", [path], "The file has another sha256 than recorded.")


def _sentence(clause: str) -> str:
    return clause[:1].upper() + clause[1:]


def size_issues(images: pd.DataFrame, looks: Sequence[Look]) -> Iterator[Issue]:
    """Pictures whose area or shape lies apart from the others of the same set.

    Apart means: at least twice or half the median area, or an aspect 1.5 times the median, and
    more than four robust standard deviations away. A size that is common in the set is not
    unusual.
    """
    shapes = np.array([(look.height, look.width) for look in looks], float).reshape(-1, 2)
    read = np.array([not look.error for look in looks], bool)
    for _, rows in _by(images, ["dataset", "modality"], read):
        if len(rows) >= _FEWEST:
            yield from _odd_sizes(images, shapes, rows)


def _odd_sizes(
    images: pd.DataFrame, shapes: NDArray[np.float64], rows: NDArray[np.intp]
) -> Iterator[Issue]:
    found = shapes[rows]
    _, which, counts = np.unique(found, axis=0, return_inverse=True, return_counts=True)
    rare = counts[which.ravel()] < max(3, _COMMON * len(rows))
    area, aspect = np.log(found.prod(axis=1)), np.log(found[:, 0] / found[:, 1])
    odd = rare & (_apart(area, _AREA) | _apart(aspect, _ASPECT))
    height, width = (int(side) for side in np.median(found, axis=0))
    for row in rows[odd]:
        sentence = (
            f"It has {shapes[row, 1]:.0f} x {shapes[row, 0]:.0f} pixels; "
            f"half of the set has about {width} x {height}."
        )
        yield make_issue("unusual_size", [images["image_path"].iloc[row]], sentence)


def _apart(values: NDArray[np.float64], least: float) -> NDArray[np.bool_]:
    away = np.abs(values - np.median(values))
    return np.asarray(away > max(least, _SPREADS * float(np.median(away))))


def polarity_issues(images: pd.DataFrame, looks: Sequence[Look]) -> Iterator[Issue]:
    """Negatives among mammograms: one issue for a machine that writes most of its so."""
    shown = (images["modality"] == "mammography").to_numpy()
    shown = shown & np.array([look.seen for look in looks], bool)
    white = np.array([look.white_background for look in looks], bool)
    paths = images["image_path"].to_numpy()
    for (_, machine), rows in _by(images, ["dataset", "machine_id"], shown):
        negatives = rows[white[rows]]
        share = len(negatives) / len(rows)
        if len(negatives) >= _SYSTEMATIC_FEWEST and share >= _SYSTEMATIC:
            where = f"Of machine {machine}" if machine else "Of the set"
            sentence = f"{where}, {len(negatives)} of {len(rows)} pictures are negatives."
            yield make_issue("white_background", paths[negatives], sentence, column="machine_id")
        else:
            for row in negatives:
                yield make_issue("white_background", [paths[row]], "The background is white.")


def _by(
    images: pd.DataFrame, columns: list[str], keep: NDArray[np.bool_]
) -> Iterator[tuple[tuple[str, ...], NDArray[np.intp]]]:
    """Groups of the rows to keep, by some columns: their values and row numbers."""
    table = images.loc[keep, columns]
    places = np.flatnonzero(keep)
    for values, rows in table.groupby(columns, sort=True).indices.items():
        yield values, places[rows]

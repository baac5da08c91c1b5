"""Left and right against the picture: single mistakes, and machines that mirror.

The chest wall of a left breast lies on the picture's left in most digital archives, on its right
on most films, and one machine of the RSNA 2022 set stores two women in five mirrored. So each
picture is compared with the others of its machine, else its site, else its set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.data.audit.issue import Issue
from mammoscope.data.audit.kinds import make_issue
from mammoscope.data.audit.look import Look

_FEWEST = 20
_SYSTEMATIC = 0.1
_SYSTEMATIC_FEWEST = 10
_EDGE, _FILLED = 3, 0.3
_SIDES = {"L": "left", "R": "right"}


def side_issues(images: pd.DataFrame, looks: Sequence[Look]) -> Iterator[Issue]:
    """Mammograms whose chest wall lies on another side than those of the same origin."""
    chest = np.array([look.chest if _is_clear(look) else "" for look in looks], object)
    side = images["laterality"].to_numpy()
    judged = (chest != "") & (side != "") & (images["modality"] == "mammography").to_numpy()
    mirrored = judged & (chest != side)
    for origin, rows in _origins(images, judged):
        yield from _of_origin(images, chest, mirrored, rows, origin)


def _is_clear(look: Look) -> bool:
    """Whether one side of the picture is air: where tissue fills both, the side is a guess."""
    if not look.breast_seen:
        return False
    mask = look.mask
    return min(float(mask[:, :_EDGE].mean()), float(mask[:, -_EDGE:].mean())) < _FILLED


def _of_origin(
    images: pd.DataFrame,
    chest: NDArray[np.object_],
    mirrored: NDArray[np.bool_],
    rows: NDArray[np.intp],
    origin: str,
) -> Iterator[Issue]:
    turned = rows[mirrored[rows]]
    share = len(turned) / len(rows)
    paths = images["image_path"].to_numpy()
    systematic = share > _SYSTEMATIC and len(turned) >= _SYSTEMATIC_FEWEST
    if systematic:
        sentence = (
            f"{origin} stores {len(turned)} of {len(rows)} pictures ({share:.0%}) mirrored "
            "against what laterality says."
        )
        yield make_issue("mirrored", paths[turned], sentence, column="laterality")
    if systematic and share < 1 - _SYSTEMATIC:
        return  # both ways are common here, so neither is a mistake
    rare = rows[~mirrored[rows]] if systematic else turned
    for row in rare:
        stated = images["laterality"].iloc[row]
        sentence = (
            f"Laterality is {stated}, and the chest wall is on the picture's {_SIDES[chest[row]]}."
        )
        yield make_issue("side_mismatch", [paths[row]], sentence, column="laterality")


def _origins(
    images: pd.DataFrame, judged: NDArray[np.bool_]
) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Rows to compare with each other: of a machine, of a site, or what is left of a set."""
    left = judged.copy()
    for column, name in (("machine_id", "Machine"), ("site_id", "Site")):
        known = left & (images[column] != "").to_numpy()
        places = np.flatnonzero(known)
        table = images.loc[known, ["dataset", column]]
        for (_, value), rows in table.groupby(["dataset", column], sort=True).indices.items():
            if len(rows) >= _FEWEST:
                left[places[rows]] = False
                yield f"{name} {value}", places[rows]
    places = np.flatnonzero(left)
    for dataset, rows in images.loc[left].groupby("dataset", sort=True).indices.items():
        yield f"Set {dataset}", places[rows]

"""The cases a model was most wrong about: what to look at first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mammoscope.evaluate.cases import Cases
from mammoscope.evaluate.joining import Judged

_SHOWN = 8


def worst(judged: Judged, cases: Cases, folder: Path) -> list[dict[str, Any]]:
    """Cancers with the lowest scores, and cases without cancer with the highest.

    Args:
        judged: truth by row.
        cases: one model's cases of a unit.
        folder: what the truth's image paths start from.

    Returns:
        Mappings with "model", "unit", "row" (the label of the case's first row), "kind", "score"
        (a probability where the model gives some) and "images" (paths of the files).
    """
    scores = cases.rank if cases.probability is None else cases.probability
    by_rank = np.argsort(cases.rank, kind="stable")
    cancers = by_rank[cases.truth[by_rank] == 1][:_SHOWN]
    others = by_rank[cases.truth[by_rank] == 0][::-1][:_SHOWN]
    paths = judged.image
    found = []
    for kind, chosen in (("missed cancer", cancers), ("false alarm", others)):
        for case in chosen.tolist():
            rows = np.flatnonzero(cases.row == case)
            images = [str(folder / paths[row]) for row in rows if paths[row]]
            found.append(
                {"model": cases.model, "unit": cases.unit, "row": str(judged.label[rows[0]]),
                 "kind": kind, "score": float(scores[case]), "images": images}
            )  # fmt: skip
    return found

"""Women with simulated predictions, and the tables they are written to."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

TRUTH = ("image_path", "patient_id", "laterality", "view", "cancer", "density", "age", "implant",
         "site_id", "machine_id", "black")  # fmt: skip
PREDICTED = ("image_path", "fold", "malignancy_logit", "density_A", "density_B", "density_C",
             "density_D")  # fmt: skip


def woman(number: int, random: np.random.Generator, shift: float = 1.2) -> Iterator[dict[str, Any]]:
    """Her images, both breasts, CC and MLO, with truth and predictions."""
    density, shared = int(random.integers(4)), random.normal()
    for side in "LR":
        cancer = int(random.random() < 0.25)
        for view in ("CC", "MLO"):
            logit = shift * cancer + 0.6 * shared + 0.8 * random.normal()
            yield {
                "image_path": f"images/{number}_{side}_{view}.png",
                "patient_id": f"secret{number}",
                "laterality": side,
                "view": view,
                "cancer": cancer,
                "density": "ABCD"[density] if number % 2 else "",
                "age": 40 + number % 40,
                "implant": 0,
                "site_id": number % 2,
                "machine_id": number % 3,
                "black": "False",
                "fold": number % 4,
                "malignancy_logit": f"{logit:.6f}",
                "malignancy": f"{1 / (1 + np.exp(-logit)):.6f}",
                **{f"density_{g}": 0.7 if i == density else 0.1 for i, g in enumerate("ABCD")},
            }


def women(n: int = 60, seed: int = 3, shift: float = 1.2) -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)
    return [row for number in range(n) for row in woman(number, random, shift)]


def write(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def saved(
    folder: Path,
    rows: Sequence[Mapping[str, Any]],
    predicted: Sequence[Mapping[str, Any]] | None = None,
    columns: Sequence[str] = PREDICTED,
) -> tuple[Path, Path]:
    """predictions.csv and manifest.csv in a folder."""
    return (
        write(folder / "predictions.csv", columns, rows if predicted is None else predicted),
        write(folder / "manifest.csv", TRUTH, rows),
    )

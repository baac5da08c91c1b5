"""Reading out-of-fold predictions and their truth, and bringing them together, row by row.

Nothing is dropped in silence: every image of the manifest is either a case or an exclusion with
its reason, and every prediction must belong to an image of the manifest.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import ConfigError
from mammoscope.types import DENSITY_GRADES

Row = Mapping[str, str]
DENSITY_COLUMNS = tuple(f"density_{grade}" for grade in DENSITY_GRADES)
PREDICTION_COLUMNS = ("image_path", "fold", "malignancy_logit", *DENSITY_COLUMNS)
MANIFEST_COLUMNS = (
    "image_path",
    "patient_id",
    "laterality",
    "view",
    "cancer",
    "density",
    "implant",
    "site_id",
    "machine_id",
    "black",
)


@dataclass(frozen=True)
class Exclusion:
    """An image of the manifest that is not evaluated.

    Attributes:
        image_path: as in the manifest.
        reason: why.
        cancer: its truth, 0 or 1: leaving out cancers is what can flatter a result.
    """

    image_path: str
    reason: str
    cancer: int


@dataclass(frozen=True, eq=False)
class Images:
    """The evaluated images, one row each, truth beside prediction.

    Attributes:
        patient, laterality, view, machine, site, implant: (n,) text, as in the manifest.
        truth: (n,) 1 = biopsy-proven cancer in this image, else 0.
        fold: (n,) the fold whose network did not see this image's patient.
        logit: (n,) raw network logit.
        density_truth: (n,) 0 .. 3 for A .. D, -1 where unknown.
        density: (n, 4) predicted probabilities of A .. D.
        excluded: what the manifest lists beyond these.
    """

    patient: NDArray[np.str_]
    laterality: NDArray[np.str_]
    view: NDArray[np.str_]
    machine: NDArray[np.str_]
    site: NDArray[np.str_]
    implant: NDArray[np.str_]
    truth: NDArray[np.intp]
    fold: NDArray[np.intp]
    logit: NDArray[np.float64]
    density_truth: NDArray[np.intp]
    density: NDArray[np.float64]
    excluded: tuple[Exclusion, ...]


def read_images(predictions: str | Path, manifest: str | Path) -> Images:
    """Join a predictions CSV with a manifest CSV by `image_path`.

    Args:
        predictions: columns `PREDICTION_COLUMNS`; logits raw, density as probabilities. An
            optional column `refused` holds the reason why an image was not judged; such rows may
            leave the numbers empty.
        manifest: columns `MANIFEST_COLUMNS` at least, one row for each image.

    Returns:
        The images that have truth and prediction. Black images, refused ones and those without
        a prediction are in `excluded`.

    Raises:
        ConfigError: unreadable file, missing column, image unknown to the manifest or named
            twice, a number that is missing, NaN or out of range, or a patient in two folds.
    """
    predicted = _by_image(predictions, PREDICTION_COLUMNS)
    truth = _by_image(manifest, MANIFEST_COLUMNS)
    unknown = [name for name in predicted if name not in truth]
    if unknown:
        raise ConfigError(
            f"{predictions}: image_path {unknown[0]!r} (one of {len(unknown)} such) is not in "
            f"{manifest}; give the manifest the predictions were made from."
        )
    excluded = _exclusions(predicted, truth, manifest)
    left_out = {e.image_path for e in excluded}
    kept = [name for name in truth if name not in left_out]
    if not kept:
        raise ConfigError(f"{predictions}: no image of {manifest} is left to evaluate; check both.")
    return _images(
        [predicted[k] for k in kept], [truth[k] for k in kept], predictions, manifest, excluded
    )


def _by_image(path: str | Path, columns: Sequence[str]) -> dict[str, Row]:
    rows, found = _read_csv(path)
    missing = [column for column in columns if column not in found]
    if missing:
        raise ConfigError(
            f"{path}: column {missing[0]!r} is missing (found: {', '.join(found) or 'none'}); "
            f"needed are {', '.join(columns)}."
        )
    by_image: dict[str, Row] = {}
    for number, row in enumerate(rows, start=2):
        name = row["image_path"]
        if name in by_image:
            raise ConfigError(f"{path}, line {number}: {name!r} is listed twice; keep one line.")
        by_image[name] = row
    return by_image


def _read_csv(path: str | Path) -> tuple[list[dict[str, str]], list[str]]:
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="", strict=True)
            rows = list(reader)
            return rows, list(reader.fieldnames or [])
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise ConfigError(f"{path}: {reason}; give a readable CSV file.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: not a CSV file in UTF-8 ({error}); export it again.") from error


def _exclusions(
    predicted: Mapping[str, Row], truth: Mapping[str, Row], manifest: str | Path
) -> tuple[Exclusion, ...]:
    found = []
    for name, row in truth.items():
        refused = predicted.get(name, {}).get("refused", "")
        if row["black"] == "True":
            reason = "black image"
        elif name not in predicted:
            reason = "no prediction"
        elif refused:
            reason = f"refused: {refused}"
        else:
            continue
        found.append(Exclusion(name, reason, _cancer(row, manifest)))
    return tuple(found)


def _images(
    predicted: list[Row],
    truth: list[Row],
    predictions: str | Path,
    manifest: str | Path,
    excluded: tuple[Exclusion, ...],
) -> Images:
    images = Images(
        **{name: _texts(truth, column) for name, column in _TEXT_COLUMNS.items()},
        truth=np.array([_cancer(row, manifest) for row in truth]),
        fold=_folds(predicted, predictions),
        logit=_numbers(predicted, ["malignancy_logit"], predictions)[:, 0],
        density_truth=np.array([_grade(row, manifest) for row in truth]),
        density=_numbers(predicted, DENSITY_COLUMNS, predictions),
        excluded=excluded,
    )
    _check_sides(truth, manifest)
    _check_density(images.density, predicted, predictions)
    _check_patients(images, predictions)
    return images


_TEXT_COLUMNS: dict[str, str] = {
    "patient": "patient_id",
    "laterality": "laterality",
    "view": "view",
    "machine": "machine_id",
    "site": "site_id",
    "implant": "implant",
}


def _texts(rows: list[Row], column: str) -> Any:
    return np.array([row[column] or "unknown" for row in rows], dtype=np.str_)


def _numbers(rows: list[Row], columns: Sequence[str], path: str | Path) -> NDArray[np.float64]:
    values = np.empty((len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            values[i, j] = _number(row, column, path)
    return values


def _number(row: Row, column: str, path: str | Path) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise ConfigError(
            f"{path}: {column} of {row['image_path']} is {row[column]!r}, not a finite number; "
            "predict it again, or give the reason in a column 'refused'."
        )
    return value


def _folds(rows: list[Row], path: str | Path) -> NDArray[np.intp]:
    folds = _numbers(rows, ["fold"], path)[:, 0]
    whole = folds == np.rint(folds)
    if not whole.all():
        row = rows[int(np.argmin(whole))]
        raise ConfigError(
            f"{path}: fold of {row['image_path']} is {row['fold']!r}, not an integer."
        )
    return folds.astype(np.intp)


def _cancer(row: Row, path: str | Path) -> int:
    if row["cancer"] not in ("0", "1"):
        raise ConfigError(
            f"{path}: cancer of {row['image_path']} is {row['cancer']!r}; it must be 0 or 1."
        )
    return int(row["cancer"])


def _grade(row: Row, path: str | Path) -> int:
    grade = row["density"]
    if grade not in ("", *DENSITY_GRADES):
        raise ConfigError(
            f"{path}: density of {row['image_path']} is {grade!r}; it must be A, B, C, D or empty."
        )
    return DENSITY_GRADES.index(grade) if grade else -1


def _check_density(density: NDArray[np.float64], rows: list[Row], path: str | Path) -> None:
    # Three decimals are what a CSV may have been rounded to.
    wrong = (density < 0).any(axis=1) | (np.abs(density.sum(axis=1) - 1) > 5e-3)
    if wrong.any():
        row = rows[int(np.argmax(wrong))]
        values = ", ".join(row[column] for column in DENSITY_COLUMNS)
        raise ConfigError(
            f"{path}: density_A to density_D of {row['image_path']} are {values}; "
            "they must be probabilities that sum to 1."
        )


def _check_sides(rows: list[Row], path: str | Path) -> None:
    for row in rows:
        if row["laterality"] not in ("L", "R"):
            raise ConfigError(
                f"{path}: laterality of {row['image_path']} is {row['laterality']!r}; it must be "
                "L or R, as breasts are told apart by it."
            )


def _check_patients(images: Images, path: str | Path) -> None:
    pairs = {(p, f) for p, f in zip(images.patient.tolist(), images.fold.tolist(), strict=True)}
    shared = len(pairs) - len(np.unique(images.patient))
    if shared:
        raise ConfigError(
            f"{path}: {shared} patient(s) have images in more than one fold, so a network was "
            "tested on women it was trained on; split by patient and train again."
        )
    if len(np.unique(images.fold)) < 2:
        raise ConfigError(
            f"{path}: all images are of one fold; cross-validation needs two or more."
        )

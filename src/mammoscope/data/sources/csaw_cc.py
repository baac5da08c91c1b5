"""CSAW-CC: Swedish screening rounds of women with cancer and of controls; also tables like it."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from mammoscope.data.folder_files import files_below
from mammoscope.data.source import Source, Tables, read_table
from mammoscope.errors import ConfigError

COLUMNS = {
    "anon_patientid": "patient_id",
    "anon_filename": "file",
    "exam_year": "exam_year",
    "imagelaterality": "laterality",
    "viewposition": "view",
    "x_case": "x_case",
    "x_cancer_laterality": "x_cancer_laterality",
    "rad_timing": "rad_timing",
}
SIDES = {"left": "L", "l": "L", "right": "R", "r": "R"}
SUFFIXES = (".dcm", ".dicom", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
AT_SCREENING = "1"
"""rad_timing of a cancer found at this round; 2 is within two years after it, 3 later."""


def read(folder: Path, options: Mapping[str, str]) -> Tables:  # noqa: ARG001 (it has none)
    """Read the table, by its columns, and find the files it names anywhere in the folder.

    An image holds a proven cancer if its breast got one and it was found at this round; what was
    found later may or may not be in the picture, so those images have no label.

    Raises:
        ConfigError: no table with an anon_filename column is there, it is not as published, or
            none of its images is.
    """
    path, table = _table(folder)
    files = _files(folder)
    there = table["file"].isin(files)
    if not there.any():
        raise ConfigError(
            f"{folder}: none of the {len(table)} images of {path.name} is in it; give the folder "
            "that holds table and images."
        )
    images = _images(table[there], files, folder)
    later = (images["x_case"] == "1") & (images["cancer"] == "")
    notes = [
        "x_age has two classes (1 is 40 to 55 years, 2 is older), so age is left empty; "
        "libra_percentdensity is no BI-RADS density, so density is too. Both are kept as columns.",
        "The columns x_ and rad_ are outcomes and readers' decisions, so never inputs.",
        f"{later.sum()} images of women with cancer have no label: the cancer was found after the "
        "round, or its side is not told.",
    ]
    if not there.all():
        notes.append(f"{(~there).sum()} images of {path.name} are not in the folder.")
    return Tables(images, notes=tuple(notes))


def _table(folder: Path) -> tuple[Path, pd.DataFrame]:
    for path in sorted({*folder.glob("*.csv"), *folder.glob("*/*.csv")}):
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            first = file.readline()
        separator = ";" if first.count(";") > first.count(",") else ","
        header = next(csv.reader([first], delimiter=separator), [])
        if "anon_filename" in header:
            columns = {**{name: name for name in header if name}, **COLUMNS}
            return path, read_table(path, columns, separator).drop_duplicates("file")
    raise ConfigError(
        f"{folder}: no CSV file with a column 'anon_filename'; give the folder that holds it."
    )


def _files(folder: Path) -> dict[str, Path]:
    """The image files by their whole names, and by their names with .dcm instead of the suffix."""
    files = files_below(folder, SUFFIXES)
    converted = {f"{path.stem}.dcm": path for path in files}
    return converted | {path.name: path for path in files}


def _whole(values: pd.Series) -> pd.Series:
    """Whole numbers without ".0", which they have in columns with gaps."""
    return values.str.strip().str.removesuffix(".0")


def _images(table: pd.DataFrame, files: Mapping[str, Path], folder: Path) -> pd.DataFrame:
    side = table["laterality"].str.strip().str.lower().map(SIDES).fillna("")
    sick = table["x_cancer_laterality"].str.strip().str.lower().map(SIDES).fillna("")
    case, timing = _whole(table["x_case"]), _whole(table["rad_timing"])
    found = (case == "1") & (timing == AT_SCREENING) & (side != "") & (sick != "")
    cancer = np.select([found, case == "0"], [np.where(side == sick, "1", "0"), "0"], "")
    patient = _whole(table["patient_id"])
    return table.drop(columns="file").assign(
        image_path=[files[name].relative_to(folder).as_posix() for name in table["file"]],
        patient_id=patient,
        exam_id=patient + "_" + _whole(table["exam_year"]),
        laterality=side,
        view=table["view"].str.strip().str.upper(),
        cancer=cancer,
        pathology=np.where(cancer == "1", "malignant", ""),
        x_case=case,
        rad_timing=timing,
    )


SOURCE = Source(
    name="csaw_cc",
    title="CSAW-CC, the case-control part of the Cohort of Screen-Aged Women",
    modality="mammography",
    where="https://doi.org/10.5878/45vm-t798 (Swedish National Data Service)",
    terms="on request, research only, by agreement",
    citation="Dembrower et al., A multi-million mammography image dataset and population-based "
    "screening cohort, Journal of Digital Imaging 33 (2020) 408-413",
    holds="98,788 images of 24,694 exams of 8,723 women, 873 with cancer",
    read=read,
)

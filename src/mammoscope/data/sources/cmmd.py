"""CMMD: mammograms of 1,775 women with biopsy-proven benign or malignant breasts, from China."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mammoscope.data.folder_files import files_below
from mammoscope.data.source import Source, Tables, read_table
from mammoscope.errors import ConfigError, ReadError
from mammoscope.io.dicom_header import opened, read_header
from mammoscope.io.dicom_tags import find_laterality, find_view

COLUMNS = {
    "ID1": "patient_id",
    "LeftRight": "laterality",
    "Age": "age",
    "abnormality": "abnormality",
    "classification": "classification",
    "subtype": "subtype",
}
PATHOLOGIES = {"benign": "benign", "malignant": "malignant"}
KINDS = {"mass": ("mass",), "calcification": ("calcification",), "both": ("mass", "calcification")}
_PATIENT = re.compile(r"D[12]-\d{4}")
_BREAST = ["patient_id", "laterality"]


def read(folder: Path, options: Mapping[str, str]) -> Tables:  # noqa: ARG001 (it has none)
    """Read the clinical table and the header of every DICOM file in a D1-0001 folder.

    Breast and view stand in the header alone. The labels are the breasts'; a breast that the table
    does not name has none.

    Raises:
        ConfigError: no table with an ID1 column is there, it is not as published, or there is no
            image.
    """
    table = _table(folder)
    images, unreadable = _images(folder)
    if images.empty:
        raise ConfigError(
            f"{folder}: no readable DICOM file in a folder such as D1-0001 ({unreadable} are bad); "
            "give the folder that holds table and images."
        )
    truth, twice = _truth(table)
    images = images.merge(truth, on=_BREAST, how="left")
    by_age = table.drop_duplicates("patient_id").set_index("patient_id")["age"]
    images["age"] = images["patient_id"].map(by_age)
    unknown = images["pathology"].isna()
    absent = len(set(table["patient_id"]) - set(images["patient_id"]))
    counted = {
        f"{absent} women of the table have no image in the folder.": absent,
        f"{unreadable} DICOM files cannot be read and were left out.": unreadable,
        f"{unknown.sum()} images show a breast that the table does not name; they have no label, "
        "and whether that breast is healthy is not told.": unknown.sum(),
        f"{twice} breasts have several lines; the worst was taken.": twice,
    }
    notes = [
        "The pathology is the breast's; where in the image it lies is not given.",
        *(sentence for sentence, count in counted.items() if count),
    ]
    return Tables(_labelled(images), _findings(images), tuple(notes))


def _table(folder: Path) -> pd.DataFrame:
    """The clinical table; the published .xlsx has to be saved as CSV."""
    for path in sorted({*folder.glob("*.csv"), *folder.glob("*/*.csv")}):
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            first = file.readline()
        separator = ";" if first.count(";") > first.count(",") else ","
        if "ID1" in next(csv.reader([first], delimiter=separator), []):
            table = read_table(path, COLUMNS, separator)
            table = table.apply(lambda column: column.str.strip())
            return table[table["patient_id"] != ""]
    raise ConfigError(
        f"{folder}: no CSV file with a column 'ID1'; save CMMD_clinicaldata_revision.xlsx as CSV."
    )


def _images(folder: Path) -> tuple[pd.DataFrame, int]:
    """Patient, exam, breast and view of every DICOM file, and how many cannot be read."""
    rows: list[dict[str, Any]] = []
    unreadable = 0
    for path in files_below(folder, (".dcm",)):
        parts = path.relative_to(folder).parts
        patient = next((part for part in parts if _PATIENT.fullmatch(part)), None)
        if patient is None:
            continue
        try:
            with opened(path) as file:
                header = read_header(path, file)
            laterality, view = find_laterality(header)[0], find_view(header)[0]
        except ReadError:
            unreadable += 1
            continue
        rows.append(
            {
                "image_path": "/".join(parts),
                "patient_id": patient,
                "exam_id": _exam(parts, patient),
                "laterality": laterality,
                "view": view,
            }
        )
    return pd.DataFrame(rows), unreadable


def _exam(parts: tuple[str, ...], patient: str) -> str:
    """The patient with the study's folder, which is the one below hers."""
    below = parts[parts.index(patient) + 1 : -1]
    return "_".join([patient, *below[:1]])


def _truth(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """One row a breast, and how many had several."""
    table = table.assign(pathology=table["classification"].str.lower().map(PATHOLOGIES))
    table = table.drop(columns="age").sort_values("pathology", kind="stable")  # benign first
    return table.drop_duplicates(_BREAST, keep="last"), int(table.duplicated(_BREAST).sum())


def _labelled(images: pd.DataFrame) -> pd.DataFrame:
    known = images["pathology"].notna()
    return pd.DataFrame(
        {
            **{name: images[name] for name in ("image_path", "patient_id", "exam_id")},
            **{name: images[name] for name in ("laterality", "view", "pathology", "age")},
            "cancer": (images["pathology"] == "malignant").astype(float).where(known),
            "finding": known.astype(float).where(known),
            "label_text": images["subtype"],
        }
    )


def _findings(images: pd.DataFrame) -> pd.DataFrame:
    """What was seen in a breast, without a place, once in each of its images."""
    rows = [
        {
            "image_path": row.image_path,
            "finding_id": f"{row.patient_id}-{row.laterality}-{kind}",
            "kind": kind,
            "pathology": row.pathology,
            "label_text": row.abnormality,
        }
        for row in images[images["pathology"].notna()].itertuples(index=False)
        for kind in KINDS.get(row.abnormality.lower(), ("other",))
    ]
    return pd.DataFrame(rows)


SOURCE = Source(
    name="cmmd",
    title="CMMD, the Chinese Mammography Database",
    modality="mammography",
    where="https://www.cancerimagingarchive.net/collection/cmmd/",
    terms="CC BY 4.0",
    citation="Cui et al., The Chinese Mammography Database (CMMD), The Cancer Imaging Archive "
    "(2021), doi 10.7937/tcia.eqde-4b16",
    holds="5,202 images of 1,775 women; biopsy-proven benign or malignant by breast, molecular "
    "subtype for 749 women",
    read=read,
)

"""Crops of 128 pixels around the masses of CBIS-DDSM."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from mammoscope.data.source import Source, Tables, read_table
from mammoscope.errors import ConfigError

COLUMNS = {
    "image_path": "image_path",
    "patient_id": "patient_id",
    "label": "pathology",
    "source_split": "source_split",
}


def read(folder: Path, options: Mapping[str, str]) -> Tables:  # noqa: ARG001 (it has none)
    """Read manifest.csv and say which crops of it are there."""
    table = read_table(folder / "manifest.csv", COLUMNS)
    _check(folder / "manifest.csv", table["pathology"])
    parts = table["source_split"].value_counts()
    there = table["image_path"].map(lambda path: (folder / path).is_file()).astype(bool)
    absent = int((~there).sum())
    table = table[there].reset_index(drop=True)
    split = ", ".join(f"{count} {part}" for part, count in parts.items())
    notes = [
        "Crops, not mammograms: side, view and place in the film are not known, and some have "
        "white padding where the film ends.",
        f"The file's split ({split}) is its publisher's, not CBIS-DDSM's official one; it is not "
        "taken.",
    ]
    if absent:
        notes.append(f"{absent} crops of manifest.csv are not in the folder.")
    return Tables(_images(table), _findings(table), tuple(notes))


def _check(file: Path, labels: pd.Series) -> None:
    strange = labels[~labels.isin(["benign", "malignant"])]
    if len(strange):
        raise ConfigError(
            f"{file}: row {strange.index[0] + 2}, column 'label' holds {strange.iloc[0]!r}; "
            "allowed: benign, malignant."
        )


def _images(table: pd.DataFrame) -> pd.DataFrame:
    images = table[["image_path", "patient_id", "pathology"]].copy()
    images["cancer"] = (images["pathology"] == "malignant").astype(int)
    images["finding"] = 1
    return images


def _findings(table: pd.DataFrame) -> pd.DataFrame:
    """One mass a crop; its place in the film is not known and the crop has it in the middle."""
    return pd.DataFrame(
        {
            "image_path": table["image_path"],
            "finding_id": table["image_path"].map(lambda path: Path(path).stem),
            "kind": "mass",
            "pathology": table["pathology"],
        }
    )


SOURCE = Source(
    name="cbis_patches",
    title="CBIS-DDSM, crops around masses",
    modality="mammography",
    where="https://www.cancerimagingarchive.net/collection/cbis-ddsm/ (the films they are of)",
    terms="CC BY 3.0",
    citation="Lee et al., A curated mammography data set for use in computer-aided detection and "
    "diagnosis research, Scientific Data 4 (2017) 170177",
    holds="128-pixel crops of benign and malignant masses; CBIS-DDSM marks 1,696 masses of 892 "
    "women",
    read=read,
)

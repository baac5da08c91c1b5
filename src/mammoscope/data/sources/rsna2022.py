"""RSNA 2022: the screening mammography challenge, as DICOM, PNG or the 640-pixel re-export."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from mammoscope.data.folder_files import files_below
from mammoscope.data.source import Source, Tables, read_table
from mammoscope.errors import ConfigError

TABLES = ("train.csv", "manifest.csv")
COLUMNS = {
    "patient_id": "patient_id",
    "image_id": "image_id",
    "laterality": "laterality",
    "view": "view",
    "age": "age",
    "cancer": "cancer",
    "implant": "implant",
    "density": "density",
    "site_id": "site_id",
    "machine_id": "machine_id",
}
SUFFIXES = (".dcm", ".png", ".jpg", ".jpeg")
_BOTH = re.compile(r"(\d+)_(\d+)(?!\d)")


def read(folder: Path, options: Mapping[str, str]) -> Tables:  # noqa: ARG001 (it has none)
    """Read the table and find its images by the two numbers in their names.

    Names may be <patient>/<image>.dcm, <patient>/<image>.png, <patient>_<image>.png or .jpg, with
    anything after the second number. Columns of the table not named here are kept.

    Raises:
        ConfigError: the table is not there or not as published, or no image of it is.
    """
    path = next((folder / name for name in TABLES if (folder / name).is_file()), folder / TABLES[0])
    table = _table(path)
    files, doubles = _files(folder)
    keys = list(zip(table["patient_id"], table["image_id"], strict=True))
    there = np.array([key in files for key in keys], bool)
    if not there.any():
        raise ConfigError(
            f"{folder}: none of the {len(table)} images of {path.name} is in it; give the folder "
            "that holds table and images."
        )
    notes = [
        "cancer is biopsy-proven for 1; 0 is no cancer and says nothing of benign findings, so "
        "pathology is left empty there.",
        "BI-RADS 0, 1 and 2 were given on about half of the images; 0 with cancer 0 is a woman "
        "recalled without cancer.",
    ]
    if not there.all():
        notes.append(f"{(~there).sum()} images of {path.name} are not in the folder.")
    beside = len(set(files) - set(keys))
    if beside:
        notes.append(f"{beside} images are not in {path.name} and were left out.")
    if doubles:
        notes.append(
            f"{doubles} images are in the folder more than once; one file of each was taken."
        )
    images = table[there].reset_index(drop=True)
    images["image_path"] = [
        files[key].relative_to(folder).as_posix() for key in keys if key in files
    ]
    return Tables(_images(images), notes=tuple(notes))


def _table(path: Path) -> pd.DataFrame:
    header: list[str] = []
    if path.is_file():
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = next(csv.reader(file), [])
    birads = "birads" if "birads" in header else "BIRADS"
    columns = {**{name: name for name in header}, **COLUMNS, birads: "birads"}
    return read_table(path, columns)


def _files(folder: Path) -> tuple[dict[tuple[str, str], Path], int]:
    """The images by (patient, image), the first suffix of SUFFIXES first, and doubles."""
    files = files_below(folder, SUFFIXES)
    files.sort(key=lambda path: (SUFFIXES.index(path.suffix.lower()), path))
    found: dict[tuple[str, str], Path] = {}
    doubles = set()
    for path in files:
        key = _key(path)
        if key is None:
            continue
        if key in found:
            doubles.add(key)
        found.setdefault(key, path)
    return found, len(doubles)


def _key(path: Path) -> tuple[str, str] | None:
    both = _BOTH.match(path.stem)
    if both:
        return both[1], both[2]
    if path.stem.isdigit() and path.parent.name.isdigit():
        return path.parent.name, path.stem
    return None


def _images(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(
        exam_id=table["patient_id"],
        age=table["age"].str.removesuffix(".0"),
        view=table["view"].str.upper(),
        pathology=np.where(table["cancer"] == "1", "malignant", ""),
        density=table["density"].where(table["density"].isin(list("ABCD")), ""),
    )


SOURCE = Source(
    name="rsna2022",
    title="RSNA Screening Mammography Breast Cancer Detection 2022",
    modality="mammography",
    where="https://www.kaggle.com/competitions/rsna-breast-cancer-detection",
    terms="competition rules: non-commercial research",
    citation="Carr et al., RSNA Screening Mammography Breast Cancer Detection, Kaggle (2022)",
    holds="54,706 images, 1,158 with cancer, of 11,913 women; the 640-pixel re-export has 3,383",
    read=read,
)

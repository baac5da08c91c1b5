"""BreakHis: microscope pictures of breast tumours at four magnifications."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from mammoscope.data.folder_files import files_below
from mammoscope.data.source import Source, Tables
from mammoscope.errors import ConfigError

PATHOLOGIES = {"B": "benign", "M": "malignant"}
TYPES = {
    "A": "adenosis",
    "F": "fibroadenoma",
    "PT": "phyllodes tumor",
    "TA": "tubular adenoma",
    "DC": "ductal carcinoma",
    "LC": "lobular carcinoma",
    "MC": "mucinous carcinoma",
    "PC": "papillary carcinoma",
}
# SOB_B_TA-14-4659-40-001.png: how the tissue was taken, class, type, year, number of the biopsy
# with the letters of its slide, magnification, number of the picture.
_NAME = re.compile(
    r"(?P<taken>[A-Z]+)_(?P<benign>[BM])_(?P<type>[A-Z]+)-(?P<year>\d+)-(?P<number>\d+)"
    r"(?P<slide>[A-Z]*)-(?P<magnification>40|100|200|400)-(?P<picture>\d+)\.png",
    re.IGNORECASE,
)


def read(folder: Path, options: Mapping[str, str]) -> Tables:  # noqa: ARG001 (it has none)
    """Read what the names of the pictures say, wherever in the folder they lie.

    The letters after a biopsy's number tell its slides apart, so the woman is year and number
    without them: 22549AB, 22549CD and 22549G are parts of one biopsy.

    Raises:
        ConfigError: no picture has a name such as SOB_B_TA-14-4659-40-001.png.
    """
    pictures = files_below(folder, (".png",))
    matches = [(path, _NAME.fullmatch(path.name)) for path in pictures]
    table = pd.DataFrame(
        [
            {"image_path": path.relative_to(folder).as_posix(), **match.groupdict()}
            for path, match in matches
            if match
        ]
    )
    if table.empty:
        raise ConfigError(f"{folder}: no picture has a name such as SOB_B_TA-14-4659-40-001.png.")
    images = _images(table)
    twice = images.loc[images["duplicate_group"] != "", "duplicate_group"].nunique()
    slides, women = images["exam_id"].nunique(), images["patient_id"].nunique()
    notes = [
        f"{slides} slides of {women} biopsies; slides that differ in a letter alone are kept "
        "together, as parts of one biopsy."
    ]
    if twice:
        notes.append(f"{twice} pictures are in the data set under two types of tumour.")
    if len(table) < len(pictures):
        notes.append(f"{len(pictures) - len(table)} pictures have another name and were left out.")
    return Tables(images, notes=tuple(notes))


def _images(table: pd.DataFrame) -> pd.DataFrame:
    patient = table["year"] + "-" + table["number"]
    slide = patient + table["slide"].str.upper()
    pathology = table["benign"].str.upper().map(PATHOLOGIES)
    kind = table["type"].str.upper()
    picture = slide + "-" + table["magnification"] + "-" + table["picture"]
    several = kind.groupby(picture).transform("nunique") > 1
    return pd.DataFrame(
        {
            "image_path": table["image_path"],
            "patient_id": patient,
            "exam_id": slide,
            "cancer": (pathology == "malignant").astype(int),
            "pathology": pathology,
            "finding": 1,
            "label_text": kind.map(TYPES).fillna(kind),
            "duplicate_group": picture.where(several, ""),
            "magnification": table["magnification"],
        }
    )


SOURCE = Source(
    name="breakhis",
    title="BreakHis, histology of breast tumours",
    modality="histology",
    where="https://web.inf.ufpr.br/vri/databases/breast-cancer-histopathological-database-breakhis/",
    terms="CC BY 4.0",
    citation="Spanhol et al., A dataset for breast cancer histopathological image classification, "
    "IEEE Transactions on Biomedical Engineering 63 (2016) 1455-1462",
    holds="7,909 pictures of 82 slides at 40 to 400 times: 2,480 benign, 5,429 malignant",
    read=read,
)

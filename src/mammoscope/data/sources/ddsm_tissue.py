"""DDSM film with masks of fat, fibroglandular tissue and the pectoral muscle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from mammoscope.data.source import Source, Tables, read_table

COLUMNS = {
    "image_path": "image_path",
    "tissue_mask_path": "tissue_mask_path",
    "patient_id": "patient_id",
    "laterality": "laterality",
    "view": "view",
    "pct_dense_from_mask": "percent_density",
    "split": "source_split",
}
MASK_VALUES = {"background": 64, "fat": 128, "fibroglandular": 192, "pectoral muscle": 255}


def read(folder: Path, options: Mapping[str, str]) -> Tables:  # noqa: ARG001 (it has none)
    """Read manifest.csv; masks and percent density become columns of their own."""
    table = read_table(folder / "manifest.csv", COLUMNS)
    there = table["image_path"].map(lambda path: (folder / path).is_file()).astype(bool)
    masked = table["tissue_mask_path"].map(lambda path: (folder / path).is_file()).astype(bool)
    table.loc[~masked, "tissue_mask_path"] = ""
    values = ", ".join(f"{value} {name}" for name, value in MASK_VALUES.items())
    split = ", ".join(f"{n} {part}" for part, n in table["source_split"].value_counts().items())
    told = {
        f"Pixels of tissue_mask_path: {values}; they are tissue, not findings.": True,
        "percent_density is measured on the masks and is no BI-RADS density, which stays "
        "empty.": True,
        f"The file's split ({split}) is its publisher's; it is not taken.": True,
        f"{int((~there).sum())} films of manifest.csv are not in the folder.": not there.all(),
        f"{int((there & ~masked).sum())} films have no mask in the folder.": (
            there & ~masked
        ).any(),
    }
    images = table[there].drop(columns="source_split").reset_index(drop=True)
    return Tables(_labelled(images), notes=tuple(note for note, told_ in told.items() if told_))


def _labelled(images: pd.DataFrame) -> pd.DataFrame:
    known = images["percent_density"] != ""
    words = "percent density " + images["percent_density"] + " by the tissue mask"
    return images.assign(label_text=words.where(known, ""))


SOURCE = Source(
    name="ddsm_tissue",
    title="DDSM film with tissue masks",
    modality="mammography",
    where="http://www.eng.usf.edu/cvprg/mammography/database.html (the films they are of)",
    terms="free for research",
    citation="Heath et al., The Digital Database for Screening Mammography, Proc. 5th Int. "
    "Workshop on Digital Mammography (2001) 212-218",
    holds="right MLO films of one a woman, with masks of the breast's tissues; no labels",
    read=read,
)

"""VinDr-Mammo: screening and diagnostic exams with BI-RADS per breast and boxes of findings."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from mammoscope.data.folder_files import files_below
from mammoscope.data.source import Source, Tables, read_table
from mammoscope.errors import ConfigError

FINDINGS, BREASTS = "finding_annotations.csv", "breast-level_annotations.csv"
METADATA = "metadata.csv"
IMAGE_COLUMNS = {
    "study_id": "study",
    "image_id": "image",
    "laterality": "laterality",
    "view_position": "view",
    "height": "height",
    "width": "width",
    "breast_birads": "breast_birads",
    "breast_density": "density",
    "split": "split",
}
FINDING_COLUMNS = {
    "finding_categories": "categories",
    "finding_birads": "birads",
    "xmin": "x1_px",
    "ymin": "y1_px",
    "xmax": "x2_px",
    "ymax": "y2_px",
}
# In the order in which the kind of a finding with several categories is chosen.
KINDS = {
    "Mass": "mass",
    "Suspicious Calcification": "calcification",
    "Architectural Distortion": "distortion",
    "Asymmetry": "asymmetry",
    "Focal Asymmetry": "asymmetry",
    "Global Asymmetry": "asymmetry",
}
NO_FINDING = "No Finding"
SPLITS = {"training": "train", "test": "test"}
METADATA_COLUMNS = {
    "SOP Instance UID": "image",
    "Manufacturer's Model Name": "machine",
    "Patient's Age": "age",
}
SUFFIXES = (".dicom", ".dcm", ".png", ".jpg", ".jpeg")
BOX = ("x1_px", "y1_px", "x2_px", "y2_px")


def read(folder: Path, options: Mapping[str, str]) -> Tables:  # noqa: ARG001 (it has none)
    """Read finding_annotations.csv, breast-level_annotations.csv if there, and images/.

    Raises:
        ConfigError: the table is not there or not as published, or no image of it is.
    """
    table = read_table(folder / FINDINGS, IMAGE_COLUMNS | FINDING_COLUMNS)
    images = table[list(IMAGE_COLUMNS.values())]
    if (folder / BREASTS).is_file():
        images = pd.concat([images, read_table(folder / BREASTS, IMAGE_COLUMNS)])
    images = images.drop_duplicates("image")
    files = _files(folder)
    there = images["image"].isin(files)
    if not there.any():
        raise ConfigError(
            f"{folder}: none of the {len(images)} images of {FINDINGS} is in it; give the folder "
            "that holds table and images."
        )
    notes = [
        "The labels are BI-RADS categories given by radiologists, not pathology; cancer and "
        "pathology are left empty.",
        "The study stands for the woman, since the tables name none.",
    ]
    notes += [f"{(~there).sum()} images are not in the folder."] * (not there.all())
    images = images[there].assign(
        image_path=[files[image].relative_to(folder).as_posix() for image in images["image"][there]]
    )
    scaled = ~images["image_path"].str.lower().str.endswith((".dicom", ".dcm"))
    if scaled.any():
        notes.append(
            f"{scaled.sum()} images are no DICOM; the boxes fit them only if they were not scaled."
        )
    findings, more = _findings(table, images)
    return Tables(_images(_with_machine(folder, images), findings), findings, (*notes, *more))


def _with_machine(folder: Path, images: pd.DataFrame) -> pd.DataFrame:
    """Add machine and age, of metadata.csv if it is there."""
    if not (folder / METADATA).is_file():
        return images.assign(machine="", age="")
    known = read_table(folder / METADATA, METADATA_COLUMNS).drop_duplicates("image")
    years = known["age"].str.extract(r"^0*(\d+)Y?$", expand=False)
    # A DICOM age of 000Y stands for one that was taken out.
    return images.merge(known.assign(age=years.replace("0", "")), on="image", how="left")


def _files(folder: Path) -> dict[str, Path]:
    """The image files by their stems; of several the first suffix of SUFFIXES wins."""
    files = files_below(folder, SUFFIXES)
    files.sort(key=lambda path: (-SUFFIXES.index(path.suffix.lower()), path))
    return {path.stem: path for path in files}


def _category(values: pd.Series) -> pd.Series:
    """The digit of "BI-RADS 4"; empty stays empty."""
    return values.str.extract(r"^BI-RADS ([0-6])", expand=False)


def _images(images: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_path": images["image_path"],
            "patient_id": images["study"],
            "exam_id": images["study"],
            "laterality": images["laterality"],
            "view": images["view"],
            "birads": _category(images["breast_birads"]),
            "density": images["density"].str.extract(r"^DENSITY ([A-D])", expand=False),
            "age": images["age"],
            "machine_id": images["machine"],
            "finding": images["image_path"].isin(findings["image_path"]).astype(int),
            "split": images["split"].replace(SPLITS),
            "split_rule": "official",
        }
    ).reset_index(drop=True)


def _findings(table: pd.DataFrame, images: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """One row a box, with the place inside the image."""
    names = table["categories"].map(_categories)
    table = table.assign(names=names)[[name != [NO_FINDING] and name != [] for name in names]]
    paths = images.set_index("image")["image_path"]
    table = table[table["image"].isin(paths.index)]
    boxes = table[list(BOX)].apply(pd.to_numeric, errors="coerce")
    limits = table[["width", "height"]].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    inside = np.clip(boxes.to_numpy(float), 0, np.hstack([limits, limits]))
    cut = int(np.any(boxes.to_numpy(float) != inside, axis=1, where=~np.isnan(inside)).sum())
    placed = ~np.isnan(inside).any(axis=1)
    findings = pd.DataFrame(
        {
            "image_path": table["image"].map(paths),
            "finding_id": table["image"]
            + "-"
            + (table.groupby("image").cumcount() + 1).astype(str),
            "kind": table["names"].map(_kind),
            "outline": np.where(placed, "box", ""),
            **{name: inside[:, i] for i, name in enumerate(BOX)},
            "birads": _category(table["birads"]),
            "label_text": table["names"].map(", ".join),
        }
    ).reset_index(drop=True)
    notes = [f"{cut} boxes reached over the image's edge and were cut there."] * bool(cut)
    lost = int((~placed).sum())
    notes += [f"{lost} findings have no box."] * bool(lost)
    return findings, notes


def _categories(text: str) -> list[str]:
    """The words of "['Mass', 'Skin Thickening']"."""
    try:
        found = ast.literal_eval(text) if text else []
    except (ValueError, SyntaxError):
        found = [text]
    return [str(name) for name in found] if isinstance(found, list) else [str(found)]


def _kind(names: list[str]) -> str:
    return next((kind for name, kind in KINDS.items() if name in names), "other")


SOURCE = Source(
    name="vindr_mammo",
    title="VinDr-Mammo, full-field digital mammography with boxes",
    modality="mammography",
    where="https://physionet.org/content/vindr-mammo/",
    terms="PhysioNet restricted health data licence 1.5.0: research, no sharing",
    citation="Nguyen et al., VinDr-Mammo: a large-scale benchmark dataset for computer-aided "
    "diagnosis in full-field digital mammography, Scientific Data 10 (2023) 277",
    holds="20,000 images of 5,000 exams (4,000 train, 1,000 test), 2,254 boxes of findings",
    read=read,
)

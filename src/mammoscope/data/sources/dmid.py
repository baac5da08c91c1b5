"""DMID: digital mammograms from India with MIAS-like lines, masks and a report for every image."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mammoscope.data.folder_files import files_below
from mammoscope.data.source import Source, Tables
from mammoscope.errors import ConfigError, ReadError
from mammoscope.io.image import read_image

TABLES = ("Info.txt", "Metadata.csv", "metadata.csv")
KINDS = {
    "CALC": "calcification",
    "CLAC": "calcification",  # as misspelt in the table
    "CIRC": "mass",
    "SPIC": "mass",
    "MISC": "mass",
    "ARCH": "distortion",
    "ASYM": "asymmetry",
}
CLASSES = {"B": "benign", "M": "malignant", "N": "normal"}
SUFFIXES = (".tif", ".tiff", ".dcm", ".png", ".jpg")
BOX = ("x1_px", "y1_px", "x2_px", "y2_px")
_VOTES = 20
_LINE = re.compile(
    r"(?P<image>IMG\d+)\s+(?P<view>CC|MLO)\s*(?P<side>[LR])T\s+(?P<tissue>[FGD])\s+"
    r"(?P<words>[A-Z]+(?:\s*\+\s*[A-Z]+)*?)(?:\s+(?P<letter>[BMN]))?"
    r"(?:\s+(?P<x>\d+)\s+(?P<y>\d+)\s+(?P<radius>\d+))?\s*",
    re.IGNORECASE,
)
_DENSITY = re.compile(r"ACR\s*[-:]?\s*(?:category|type|grade)?\s*([A-D])\b", re.IGNORECASE)
_BIRADS = re.compile(r"BI-?\s?RADS?\s*(?:category)?\s*[-:]?\s*([0-6])", re.IGNORECASE)


def read(folder: Path, options: Mapping[str, str]) -> Tables:
    """Read Info.txt (or Metadata.xlsx saved as CSV), Reports/, images and ROI masks.

    Args:
        folder: holds the table and, at any depth, TIFF Images, ROI Masks and Reports.
        options: see SOURCE.

    Raises:
        ConfigError: the table or its lines are not there, no image is, or an option is wrong.
    """
    as_pathology = _choice(options, "classes", ("pathology",)) == "pathology"
    lines, odd = _lines(folder)
    files, masks = _files(folder)
    there = lines["image"].isin(files)
    if not there.any():
        raise ConfigError(
            f"{folder}: none of the {lines['image'].nunique()} images of the table is in it; give "
            "the folder that holds table and images."
        )
    absent = lines.loc[~there, "image"].nunique()
    lines = lines[there].assign(
        image_path=[files[name].relative_to(folder).as_posix() for name in lines["image"][there]],
        mask_path=[
            masks[name].relative_to(folder).as_posix() if name in masks else ""
            for name in lines["image"][there]
        ],
    )
    axis = _choice(options, "y_axis", ("top", "bottom")) or _axis(lines, masks)
    notes = [
        "The tables name no women: every image counts as a woman of her own, so a split may put "
        "two images of one woman on both sides.",
        "How benign and malignant were established is not told; they are in label_text, and in "
        "pathology and cancer only with classes=pathology.",
        f"The y axis was taken to start at the {axis} of the image."
        if axis
        else "Whether the y axis starts at the top cannot be told from masks, so circles have no "
        "place; give y_axis=top or y_axis=bottom.",
    ]
    notes += [f"{odd} lines are not as published and were left out."] * bool(odd)
    notes += [f"{absent} images of the table are not in the folder."] * bool(absent)
    lesions = _findings(lines[lines["kind"] != ""], files, axis, as_pathology)
    return Tables(_images(lines, _reports(folder), as_pathology), lesions, tuple(notes))


def _choice(options: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = options.get(name, "")
    if value and value not in allowed:
        raise ConfigError(f"option {name} is {value!r}; it may be {' or '.join(allowed)}.")
    return value


def _lines(folder: Path) -> tuple[pd.DataFrame, int]:
    """The lines that begin with an image's name, and how many of them cannot be understood."""
    path = next((folder / name for name in TABLES if (folder / name).is_file()), None)
    if path is None:
        raise ConfigError(
            f"{folder / TABLES[0]}: no such file; give the folder that holds it, or save "
            "Metadata.xlsx there as Metadata.csv."
        )
    text = re.sub(r"[,;\t]", " ", path.read_text(encoding="utf-8-sig", errors="replace"))
    own = [line.strip() for line in text.splitlines() if line.strip().upper().startswith("IMG")]
    matches = [_LINE.fullmatch(line) for line in own]
    rows = [_row(match) for match in matches if match]
    if not rows:
        raise ConfigError(f"{path}: no line such as 'IMG001 MLOLT G CIRC B 500 600 70'.")
    return pd.DataFrame(rows), len(own) - len(rows)


def _row(match: re.Match[str]) -> dict[str, Any]:
    words = re.sub(r"\s", "", match["words"].upper())
    kinds = [KINDS[word] for word in words.split("+") if word in KINDS]
    place = {name: float(match[name]) if match[name] else np.nan for name in ("x", "y", "radius")}
    letter = (match["letter"] or "").upper()
    return {
        "image": match["image"].upper(),
        "view": match["view"].upper(),
        "laterality": match["side"].upper(),
        "tissue": match["tissue"].upper(),
        "words": words,
        "kind": "" if words == "NORM" else (kinds or ["other"])[0],
        "class": "normal" if words == "NORM" else CLASSES.get(letter, ""),
        **place,
    }


def _files(folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Images and masks by name; of the images the first suffix of SUFFIXES wins."""
    files = files_below(folder, SUFFIXES)
    files.sort(key=lambda path: (-SUFFIXES.index(path.suffix.lower()), path))
    images: dict[str, Path] = {}
    masks: dict[str, Path] = {}
    for path in files:
        where = path.relative_to(folder).parent.as_posix().lower()
        if "mask" in where or "ground" in where:
            masks[path.stem.upper()] = path
        elif "annotation" not in where:  # those are images with the contours drawn in
            images[path.stem.upper()] = path
    return images, masks


def _axis(lines: pd.DataFrame, masks: Mapping[str, Path]) -> str:
    """Where y starts, by which end puts more centres of circles into the masks."""
    votes = {"top": 0, "bottom": 0}
    placed = lines[lines["x"].notna() & (lines["mask_path"] != "")]
    for row in placed.drop_duplicates("image").head(_VOTES).itertuples(index=False):
        try:
            mask = read_image(masks[row.image]).pixels > 0
        except ReadError:
            continue
        height, width = mask.shape
        x, y = int(row.x), int(row.y)
        if x < width and 0 < y < height:
            votes["top"] += int(mask[y, x])
            votes["bottom"] += int(mask[height - y, x])
    best = max(votes, key=lambda name: votes[name])
    return best if votes["top"] != votes["bottom"] else ""


def _reports(folder: Path) -> dict[str, tuple[str, str]]:
    """Density and BI-RADS category of each image's report, empty where it does not say."""
    found = {}
    for path in files_below(folder, (".txt",)):
        if path.stem.upper().startswith("IMG"):
            text = path.read_text(encoding="utf-8", errors="replace")
            density, birads = _DENSITY.search(text), _BIRADS.search(text)
            found[path.stem.upper()] = (
                density[1].upper() if density else "",
                birads[1] if birads else "",
            )
    return found


def _images(
    lines: pd.DataFrame, reports: Mapping[str, tuple[str, str]], as_pathology: bool
) -> pd.DataFrame:
    rank = {"": 0, "normal": 1, "benign": 2, "malignant": 3}
    worst = lines.sort_values("class", key=lambda values: values.map(rank), kind="stable")
    images = worst.drop_duplicates("image", keep="last").sort_values("image")
    told = [reports.get(name, ("", "")) for name in images["image"]]
    truth = images["class"] if as_pathology else pd.Series("", index=images.index)
    return pd.DataFrame(
        {
            "image_path": images["image_path"],
            "patient_id": images["image"],
            "exam_id": images["image"],
            "laterality": images["laterality"],
            "view": images["view"],
            "cancer": (truth == "malignant").astype(float).where(truth != ""),
            "pathology": truth,
            "birads": [birads for _, birads in told],
            "density": [density for density, _ in told],
            "finding": (images["class"] != "normal").astype(int),
            "label_text": "tissue "
            + images["tissue"]
            + ", "
            + images["words"]
            + images["class"].map(lambda word: f", {word}" if word else ""),
        }
    ).reset_index(drop=True)


def _findings(
    lesions: pd.DataFrame, files: Mapping[str, Path], axis: str, as_pathology: bool
) -> pd.DataFrame:
    """One row a line; a mask belongs to a finding only where the image has no other."""
    alone = ~lesions["image"].duplicated(keep=False)
    y = lesions["y"] if axis else pd.Series(np.nan, index=lesions.index)
    if axis == "bottom":
        heights = {name: _height(files[name]) for name in set(lesions["image"])}
        y = lesions["image"].map(heights) - y
    radius = lesions["radius"]
    placed = y.notna()
    x = lesions["x"].where(placed)
    masked = alone & (lesions["mask_path"] != "")
    number = lesions.groupby("image").cumcount() + 1
    return pd.DataFrame(
        {
            "image_path": lesions["image_path"],
            "finding_id": lesions["image"] + "-" + number.astype(str),
            "kind": lesions["kind"],
            "outline": np.select([masked, placed], ["mask", "circle"], ""),
            **dict(zip(BOX, (x - radius, y - radius, x + radius, y + radius), strict=True)),
            "mask_path": lesions["mask_path"].where(masked, ""),
            "pathology": lesions["class"] if as_pathology else "",
            "mass_margin": np.where(lesions["words"].str.contains("SPIC"), "spiculated", ""),
            "label_text": lesions["words"] + ", " + lesions["class"],
        }
    ).reset_index(drop=True)


def _height(path: Path) -> float:
    try:
        return float(read_image(path).shape[0])
    except ReadError:
        return float("nan")


SOURCE = Source(
    name="dmid",
    title="DMID, Digital Mammography Dataset for Breast Cancer Diagnosis Research",
    modality="mammography",
    where="https://doi.org/10.6084/m9.figshare.24522883",
    terms="CC BY 4.0",
    citation="Oza et al., Digital mammography dataset for breast cancer diagnosis research (DMID) "
    "with breast mass segmentation analysis, Biomedical Engineering Letters 14 (2024) 317-330",
    holds="510 images with masks of 269, a report for each, tissue, kind and class of findings",
    read=read,
    options={
        "classes": "pathology: take the table's benign and malignant for pathology",
        "y_axis": "top or bottom: where the circles' y starts; told from the masks by default",
    },
)

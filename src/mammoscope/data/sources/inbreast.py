"""INbreast: full-field digital mammograms of both breasts with contours drawn by radiologists."""

from __future__ import annotations

import plistlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

import numpy as np
import pandas as pd

from mammoscope.data.folder_files import files_below
from mammoscope.data.source import Source, Tables
from mammoscope.errors import ConfigError

TABLE = "INbreast.csv"
COLUMNS = {
    "Laterality": "laterality",
    "View": "view",
    "Acquisition date": "date",
    "File Name": "number",
    "ACR": "acr",
    "Bi-Rads": "birads",
}
SUFFIXES = (".dcm", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
DENSITIES = {"1": "A", "2": "B", "3": "C", "4": "D"}
# As the regions of interest are named, misspelt ones too; a region that stands beside the mass
# it surrounds, or whose meaning the name does not tell, is "other".
KINDS = {
    "mass": "mass",
    "calcification": "calcification",
    "calcifications": "calcification",
    "cluster": "calcification",
    "distortion": "distortion",
    "asymmetry": "asymmetry",
    "assymetry": "asymmetry",
}
NO_FINDINGS = ("pectoralmuscle", "pectoral muscle")
_FILE = re.compile(r"(?P<number>\d+)_(?P<patient>[0-9a-f]+)_MG_(?P<side>[LR])_[A-Z]+_ANON", re.I)
_NUMBER = re.compile(r"(\d{6,})(\.0)?")
_POINT = re.compile(r"\(\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)")


def read(folder: Path, options: Mapping[str, str]) -> Tables:  # noqa: ARG001 (it has none)
    """Read INbreast.csv, AllDICOMs/ and AllXML/, in the folder or one below it.

    Raises:
        ConfigError: INbreast.csv is not there or not as published, or no image of it is.
    """
    path = next((p for p in files_below(folder, (".csv",)) if p.name == TABLE), None)
    if path is None:
        raise ConfigError(f"{folder / TABLE}: no such file; give the folder that holds it.")
    table, malformed = _table(path)
    files = _files(path.parent)
    there = table["number"].isin(files)
    if not there.any():
        raise ConfigError(
            f"{path.parent}: none of the {len(table)} images of {TABLE} is in it; put AllDICOMs "
            "beside the table."
        )
    notes = [
        "The labels are BI-RADS categories given by radiologists, not pathology; cancer and "
        "pathology are left empty."
    ]
    notes += [f"{malformed} lines of {TABLE} hold no image and were left out."] * bool(malformed)
    notes += [f"{(~there).sum()} images of {TABLE} are not in the folder."] * (not there.all())
    beside = len(set(files) - set(table["number"]))
    notes += [f"{beside} images are not in {TABLE} and were left out."] * bool(beside)
    table = table[there].assign(
        **{name: [files[n][name] for n in table.loc[there, "number"]] for name in _COLUMNS}
    )
    table["image_path"] = [p.relative_to(folder).as_posix() for p in table["file"]]
    turned = int((table["side"] != table["laterality"]).sum())
    notes += [f"The file names of {turned} images say the other breast."] * bool(turned)
    paths = dict(zip(table["number"], table["image_path"], strict=True))
    findings, more = _findings(path.parent, paths)
    return Tables(_images(table, findings), findings, (*notes, *more))


def _table(path: Path) -> tuple[pd.DataFrame, int]:
    """The rows that hold an image, and the number of those that do not."""
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    header = [name.strip() for name in lines[0].split(";")] if lines else []
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise ConfigError(f"{path}: column {missing[0]!r} is missing; it has {', '.join(header)}.")
    rows = [[value.strip() for value in line.split(";")] for line in lines[1:]]
    at = header.index("File Name")
    good = [row for row in rows if len(row) >= len(header) and _NUMBER.fullmatch(row[at])]
    table = pd.DataFrame([row[: len(header)] for row in good], columns=header)
    table = table[list(COLUMNS)].rename(columns=COLUMNS)
    table["number"] = table["number"].str.removesuffix(".0")
    return table.drop_duplicates("number"), len(rows) - len(good)


_COLUMNS = ("file", "patient", "side")


def _files(folder: Path) -> dict[str, dict[str, Any]]:
    """The images by the number that their names begin with."""
    found: dict[str, dict[str, Any]] = {}
    for path in files_below(folder, SUFFIXES):
        match = _FILE.match(path.name)
        if match:
            side, patient = match["side"].upper(), match["patient"].lower()
            found.setdefault(match["number"], {"file": path, "patient": patient, "side": side})
    return found


def _images(table: pd.DataFrame, findings: pd.DataFrame | None) -> pd.DataFrame:
    marked: Any = ""
    if findings is not None and len(findings):
        marked = table["image_path"].isin(findings["image_path"]).astype(int)
    return pd.DataFrame(
        {
            "image_path": table["image_path"],
            "patient_id": table["patient"],
            "exam_id": table["patient"] + "_" + table["date"],
            "laterality": table["laterality"],
            "view": table["view"],
            "birads": table["birads"].str.extract(r"^([0-6])", expand=False),
            "density": table["acr"].map(DENSITIES),
            "finding": marked,
            "label_text": "Bi-Rads " + table["birads"],
        }
    ).reset_index(drop=True)


def _findings(folder: Path, images: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """The regions of interest of AllXML/, one row each."""
    rows: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    contours = sorted((folder / "AllXML").glob("*.xml"))
    for path in contours:
        if path.stem not in images:
            counts["contour files belong to no image"] += 1
            continue
        try:
            rois = list(_rois(path))
        except (plistlib.InvalidFileException, ExpatError, ValueError, KeyError, TypeError):
            counts["contour files cannot be read"] += 1
            continue
        rows += _rows(path.stem, images[path.stem], rois, counts)
    if not contours:
        return pd.DataFrame(), ["There is no contour in AllXML/; places of findings are unknown."]
    return pd.DataFrame(rows), [f"{count} {what}." for what, count in counts.items()]


def _rois(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and corners, (n, 2) x and y in source pixels, of each region."""
    for image in plistlib.loads(path.read_bytes(), fmt=plistlib.FMT_XML)["Images"]:
        for roi in image["ROIs"]:
            points = [_POINT.match(text) for text in roi["Point_px"]]
            corners = [(float(p[1]), float(p[2])) for p in points if p]
            yield str(roi.get("Name", "")), np.array(corners).reshape(-1, 2)


def _rows(
    number: str, image_path: str, rois: list[tuple[str, np.ndarray]], counts: Counter[str]
) -> Iterator[dict[str, Any]]:
    for index, (name, corners) in enumerate(rois, start=1):
        key = name.strip().lower()
        if key in NO_FINDINGS:
            counts["regions are no findings and were left out"] += 1
            continue
        row = {
            "image_path": image_path,
            "finding_id": f"{number}-{index}",
            "kind": KINDS.get(key, "other"),
            "label_text": name,
        }
        if len(corners):
            # A point is a pixel, which is as wide as one.
            low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
            high = np.maximum(high, low + 1)
            row |= {"x1_px": low[0], "y1_px": low[1], "x2_px": high[0], "y2_px": high[1]}
            row["outline"] = "polygon" if len(corners) > 2 else "box"
        if len(corners) > 2:
            row["polygon_px"] = " ".join(f"{x:g},{y:g}" for x, y in corners)
        yield row


SOURCE = Source(
    name="inbreast",
    title="INbreast, full-field digital mammograms with contours",
    modality="mammography",
    where="on request from the Breast Research Group, INESC Porto; copies on Kaggle",
    terms="research only, by agreement",
    citation="Moreira et al., INbreast: toward a full-field digital mammographic database, "
    "Academic Radiology 19 (2012) 236-248",
    holds="410 images of 115 women: BI-RADS per image, ACR density, contours of findings",
    read=read,
)

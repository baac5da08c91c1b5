"""CDD-CESM: contrast-enhanced mammography, low-energy and subtracted, with drawn shapes."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mammoscope.data.marked import Points, held, place
from mammoscope.data.picture_files import image_size
from mammoscope.data.source import Source, Tables, read_table
from mammoscope.errors import ConfigError

NAME = re.compile(r"P(\d+)_([LR])_(DM|CM)_(CC|MLO)")
SHAPES = "Radiology_hand_drawn_segmentations*.csv"
TABLE = re.compile(r"radiology[ _-]manual[ _-]annotations.*\.(csv|xlsx)", re.IGNORECASE)
SHEET = "all"
COLUMNS = {
    "Image_name": "name",
    "Age": "age",
    "Breast density (ACR)": "density",
    "BIRADS": "birads",
    "Findings": "findings",
    "Tags": "tags",
    "Machine": "machine_id",
    "Pathology Classification/ Follow up": "pathology",
}
BOX_COLUMNS = {
    "image_path": "image_path",
    "mask_path": "mask_path",
    "pathology": "pathology",
    "birads": "birads",
    "density": "density",
    "age": "age",
    "machine": "machine_id",
    "findings": "findings",
    "tags": "tags",
    "shape": "shape",
    "x1": "x1_px",
    "y1": "y1_px",
    "x2": "x2_px",
    "y2": "y2_px",
    "box_frac_of_breast": "box_frac_of_breast",
}
KINDS = (
    ("mass", re.compile(r"\bmass(es)?\b")),
    ("calcification", re.compile(r"calcification")),
    ("distortion", re.compile(r"\bdistort?ion\b")),
    ("asymmetry", re.compile(r"\basymmetr")),
)
EVERY_NOTE = (
    "The shapes mark every finding, also skin, nipple, vessels and axillary nodes; which of "
    "them is the cancer is not said, so a finding has no pathology."
)
_CORNERS = 48


def read(folder: Path, options: Mapping[str, str]) -> Tables:  # noqa: ARG001 (it has none)
    """Read the published folder, or one with manifest.csv and a box for each shape."""
    if (folder / "manifest.csv").is_file():
        return _read_boxes(folder)
    return _read_published(folder)


def _read_boxes(folder: Path) -> Tables:
    table = read_table(folder / "manifest.csv", BOX_COLUMNS)
    table["name"] = table["image_path"].map(lambda path: Path(path).stem)
    there = table["image_path"].map(lambda path: (folder / path).is_file()).astype(bool)
    absent = table.loc[~there, "image_path"].nunique()
    table = table[there]
    images = _images(table.drop_duplicates("image_path"), folder / "manifest.csv")
    images["finding"] = "1"
    images["mask_path"] = table.drop_duplicates("image_path")["mask_path"].tolist()
    number = table.groupby("name").cumcount() + 1
    findings = pd.DataFrame(
        {
            "image_path": table["image_path"],
            "finding_id": table["name"] + "-" + number.astype(str),
            "kind": _kinds(table["name"], table["tags"]),
            "outline": np.where(table["shape"] == "circle", "circle", "box"),
            **{name: table[name] for name in ("x1_px", "y1_px", "x2_px", "y2_px")},
            "label_text": table["findings"],
            "box_frac_of_breast": table["box_frac_of_breast"],
        }
    )
    notes = [
        EVERY_NOTE,
        "box_frac_of_breast below 0.4 leaves the boxes that look like lesions.",
        *_label_notes(images),
    ]
    if absent:
        notes.append(f"{absent} images of manifest.csv are not in the folder.")
    return Tables(images, findings, tuple(notes))


def _read_published(folder: Path) -> Tables:
    file, rows = _annotations(folder)
    files = {path.stem.strip(): path for path in sorted(folder.rglob("*.jpg"))}
    rows["name"] = rows["name"].map(lambda name: name.strip().removesuffix(".jpg").strip())
    named = rows["name"].map(lambda name: NAME.match(name) is not None).astype(bool)
    nameless = int((~named & (rows["name"] != "")).sum())
    rows = rows[named]
    again = int(rows["name"].duplicated().sum())
    rows = rows.drop_duplicates("name")
    there = rows["name"].isin(list(files))
    absent, rows = int((~there).sum()), rows[there]
    paths = rows["name"].map(lambda name: files[name].relative_to(folder).as_posix())
    rows = rows.assign(image_path=paths)
    images = _images(rows, file)
    findings, notes = _shapes(folder, rows)
    if len(findings):
        images.loc[images["image_path"].isin(findings["image_path"]), "finding"] = "1"
    strange = sum(NAME.match(name) is not None for name in files) - len(rows)
    told = {
        f"{absent} images of {file.name} are not in the folder.": absent,
        f"{strange} images of the folder are not in {file.name} and were left out.": strange,
        f"{nameless} rows of {file.name} name no image as P1_L_DM_CC and were left out.": nameless,
        f"{again} rows of {file.name} are of an image that has one; the first was taken.": again,
    }
    notes += [note for note, count in told.items() if count]
    return Tables(images, findings, (EVERY_NOTE, *_label_notes(images), *notes))


def _annotations(folder: Path) -> tuple[Path, pd.DataFrame]:
    """The radiologists' table, from CSV or the published Excel file; CSV goes before."""
    files = sorted(path for path in folder.rglob("*") if TABLE.fullmatch(path.name))
    if not files:
        raise ConfigError(
            f"{folder}: no Radiology-manual-annotations.xlsx or .csv there; give the folder that "
            "holds it."
        )
    if files[0].suffix.lower() == ".csv":
        return files[0], read_table(files[0], COLUMNS)
    return files[0], _sheet(files[0])


def _sheet(file: Path) -> pd.DataFrame:
    try:
        sheets = pd.read_excel(file, sheet_name=None, dtype=str, keep_default_na=False)
    except ImportError:
        raise ConfigError(
            f"{file}: Excel files need openpyxl; type: pip install openpyxl, or save the sheet "
            f"'{SHEET}' as {file.stem}.csv beside it."
        ) from None
    except (ValueError, OSError, KeyError) as error:
        raise ConfigError(f"{file}: cannot be read as an Excel file ({error}).") from error
    table = sheets.get(SHEET, next(iter(sheets.values())))
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise ConfigError(
            f"{file}: column {missing[0]!r} is missing; it has {', '.join(map(str, table))}."
        )
    return table[list(COLUMNS)].rename(columns=COLUMNS)


def _images(rows: pd.DataFrame, file: Path) -> pd.DataFrame:
    names = rows["name"].str.extract(NAME.pattern)
    pathology = rows["pathology"].str.strip().str.lower()
    strange = pathology[~pathology.isin(["normal", "benign", "malignant", ""])]
    if len(strange):
        raise ConfigError(
            f"{file}: row {strange.index[0] + 2}, the pathology is {strange.iloc[0]!r}; allowed: "
            "Normal, Benign, Malignant."
        )
    images = pd.DataFrame(
        {
            "image_path": rows["image_path"],
            "patient_id": "P" + names[0],
            "exam_id": "P" + names[0],
            "laterality": names[1],
            "view": names[3],
            "cancer": pathology.map({"malignant": "1", "benign": "0", "normal": "0"}),
            "pathology": pathology,
            "birads": rows["birads"].map(_birads),
            "density": rows["density"].str.strip().str.upper().where(_is_density(rows), ""),
            "finding": _reported(rows["findings"]),
            "age": pd.to_numeric(rows["age"], errors="coerce"),
            "machine_id": rows["machine_id"].str.removesuffix(".0"),
            "label_text": [
                "; ".join(part for part in parts if part.strip(" _"))
                for parts in zip(rows["findings"], rows["tags"], strict=True)
            ],
            "energy": names[2].map({"DM": "low", "CM": "subtracted"}),
        }
    )
    return images.reset_index(drop=True)


def _is_density(rows: pd.DataFrame) -> pd.Series:
    return rows["density"].str.strip().str.upper().isin(["A", "B", "C", "D"])


def _birads(text: str) -> str:
    """The highest of several findings' categories: '5$2' is 5."""
    digits = re.findall(r"[0-6]", text)
    return max(digits, default="")


def _reported(findings: pd.Series) -> pd.Series:
    words = findings.str.strip(" _").str.lower()
    return words.map(lambda text: "" if not text else str(int(not text.startswith("normal"))))


def _kinds(names: pd.Series, tags: pd.Series) -> list[str]:
    """A shape's kind is known only where it is the one shape and one kind is reported."""
    alone = ~names.duplicated(keep=False)
    kinds = tags.str.lower().map(
        lambda text: [kind for kind, pattern in KINDS if pattern.search(text)]
    )
    return [
        found[0] if one and len(found) == 1 else "" for one, found in zip(alone, kinds, strict=True)
    ]


def _label_notes(images: pd.DataFrame) -> list[str]:
    notes = []
    subtracted = int((images["energy"] == "subtracted").sum())
    if subtracted:
        notes.append(
            f"{subtracted} images are subtracted (energy = subtracted) and look like no ordinary "
            "mammogram."
        )
    empty = int((images["density"] == "").sum())
    if empty:
        notes.append(f"{empty} images have no density in the table; it stays empty.")
    if len(images) and (images["pathology"] == "malignant").all():
        notes.append("Every image here holds a cancer: a source of places, not of class labels.")
    return notes


def _shapes(folder: Path, rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    files = sorted(folder.rglob(SHAPES))
    if not files:
        return pd.DataFrame(), [f"There is no {SHAPES}: no finding has a place."]
    columns = {"#filename": "name", "region_shape_attributes": "shape"}
    table = read_table(files[-1], columns)
    table["name"] = table["name"].map(lambda name: name.removesuffix(".jpg").strip())
    table = table[~table["shape"].isin(["", "{}"])]
    known = rows.set_index("name")
    counts: defaultdict[str, int] = defaultdict(int)
    counts["absent"] = int((~table["name"].isin(known.index)).sum())
    table = table[table["name"].isin(known.index)].reset_index(drop=True)
    kinds = _kinds(table["name"], table["name"].map(known["tags"]))
    number = table.groupby("name").cumcount() + 1
    sizes = {name: image_size(folder / known["image_path"][name]) for name in set(table["name"])}
    found = [
        {
            "image_path": known["image_path"][row.name_],
            "finding_id": f"{row.name_}-{count}",
            "kind": kind,
            **_place(row.shape_, sizes[row.name_], counts),
            "label_text": known["findings"][row.name_],
        }
        for row, kind, count in zip(
            table.set_axis(["name_", "shape_"], axis=1).itertuples(), kinds, number, strict=True
        )
    ]
    return pd.DataFrame(found), _shape_notes(counts)


def _place(text: str, size: tuple[int, int] | None, counts: dict[str, int]) -> dict[str, object]:
    """Where a shape of the VGG Image Annotator is; empty where it has no place."""
    try:
        shape = json.loads(text)
        corners = _CORNERS_OF[shape["name"]](shape)
    except (ValueError, KeyError, TypeError):
        counts["placeless"] += 1
        return {}
    kept = (corners, False) if size is None else held(corners, size)
    if kept is None:
        counts["outside"] += 1
        return {}
    counts["clipped"] += kept[1]
    found = place(kept[0])
    if shape["name"] == "circle" and np.array_equal(kept[0], corners):
        found |= {"outline": "circle", "polygon_px": ""}
    return found


def _polygon(shape: Mapping[str, Any]) -> Points:
    corners = np.array([shape["all_points_x"], shape["all_points_y"]], float).T
    if len(corners) < 3:
        raise ValueError("fewer than three corners enclose nothing")
    return corners


def _rect(shape: Mapping[str, Any]) -> Points:
    x, y = float(shape["x"]), float(shape["y"])
    return np.array([[x, y], [x + float(shape["width"]), y + float(shape["height"])]])


def _ellipse(shape: Mapping[str, Any]) -> Points:
    """Corners round an ellipse or circle; theta is its turn in radians, if there is one."""
    radii = np.array([shape["r"]] * 2 if "r" in shape else [shape["rx"], shape["ry"]], float)
    angles = np.arange(_CORNERS) * (2 * np.pi / _CORNERS)
    turn = float(shape.get("theta", 0))
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    rim = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii
    corners: Points = rim @ rotation + [float(shape["cx"]), float(shape["cy"])]
    return corners


_CORNERS_OF: dict[str, Callable[[Mapping[str, Any]], Points]] = {
    "polygon": _polygon,
    "polyline": _polygon,
    "rect": _rect,
    "circle": _ellipse,
    "ellipse": _ellipse,
}


def _shape_notes(counts: Mapping[str, int]) -> list[str]:
    told = {
        f"{counts['absent']} shapes are of images that are not here.": counts["absent"],
        f"{counts['placeless']} shapes are a point or cannot be read; the finding has no "
        "place.": counts["placeless"],
        f"{counts['outside']} shapes lie outside their image or have no size; the finding has no "
        "place.": counts["outside"],
        f"{counts['clipped']} shapes reached beyond their image and were clipped.": counts[
            "clipped"
        ],
    }
    return [note for note, count in told.items() if count]


SOURCE = Source(
    name="cdd_cesm",
    title="CDD-CESM, contrast-enhanced spectral mammography",
    modality="mammography",
    where="https://www.cancerimagingarchive.net/collection/cdd-cesm/",
    terms="TCIA data usage policy",
    citation="Khaled et al., Categorized contrast enhanced mammography dataset for diagnostic and "
    "artificial intelligence research, Scientific Data 9 (2022) 122",
    holds="2,006 images of 326 women, half low-energy and half subtracted; 751 without a finding",
    read=read,
)

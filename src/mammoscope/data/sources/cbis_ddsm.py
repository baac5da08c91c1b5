"""CBIS-DDSM: digitised film with masks of masses and calcifications."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from mammoscope.data.cbis_files import CbisFiles, Mask, find_mask, size_of
from mammoscope.data.source import Source, Tables, read_table
from mammoscope.errors import ConfigError

KINDS = {"mass": "mass", "calc": "calcification"}
SPLITS = ("train", "test")
PATHOLOGIES = {
    "MALIGNANT": "malignant",
    "BENIGN": "benign",
    "BENIGN_WITHOUT_CALLBACK": "benign",
}
DENSITIES = {"1": "A", "2": "B", "3": "C", "4": "D"}
SIDES = {"LEFT": "L", "RIGHT": "R"}
COLUMNS = {
    "patient_id": "patient_id",
    "breast_density": "density",
    "left_or_right_breast": "side",
    "image_view": "view",
    "abnormality_id": "number",
    "assessment": "birads",
    "pathology": "words",
    "subtlety": "subtlety",
    "image_file_path": "image",
    "cropped_image_file_path": "crop",
    "roi_mask_file_path": "mask",
}
DESCRIPTORS = {
    "mass": {"mass_shape": "mass_shape", "mass_margins": "mass_margin"},
    "calc": {"calc_type": "calc_type", "calc_distribution": "calc_distribution"},
}
BOX = ("x1_px", "y1_px", "x2_px", "y2_px")


def read(folder: Path, options: Mapping[str, str]) -> Tables:
    """Read the four case tables, and find image and mask of every row.

    Args:
        folder: holds the tables (or has them in csv/) and the images, in any of the layouts.
        options: see SOURCE.

    Raises:
        ConfigError: no table is there, or one is not as published; an option's value is wrong.
    """
    only = _choice(options, "tables", ("only",))
    kind = _choice(options, "findings", tuple(KINDS.values()))
    rows, notes = _rows(folder)
    rows, more = _with_film_truth(rows)
    notes += more
    if kind:
        rows = rows[rows["kind"] == kind]
    if not only:
        files = CbisFiles.under(folder)
        found = {path: files.of(path) for path in rows["image"].unique()}
        if any(found.values()):
            return _with_files(folder, rows, files, found, notes)
        notes.append("No image file is in the folder; the rows were made from the tables alone.")
    rows = rows.assign(image_path=rows["image"], outline="", mask_path="", place="")
    notes.append("Paths are the tables' own, of the first release; masks were not looked at.")
    return Tables(_images(rows), _findings(rows), tuple(notes), with_files=False)


def _choice(options: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = options.get(name, "")
    if value and value not in allowed:
        raise ConfigError(f"option {name} is {value!r}; it may be {' or '.join(allowed)}.")
    return value


def _rows(folder: Path) -> tuple[pd.DataFrame, list[str]]:
    """All rows of the tables that are there, one a finding in an image."""
    tables, missing = [], []
    for kind in KINDS:
        for split in SPLITS:
            name = f"{kind}_case_description_{split}_set.csv"
            path = next((d / name for d in (folder, folder / "csv") if (d / name).is_file()), None)
            if path is None:
                missing.append(name)
            else:
                tables.append(_table(path, kind).assign(kind=KINDS[kind], split=split))
    if not tables:
        raise ConfigError(f"{folder / missing[0]}: no such file; give the folder with the tables.")
    notes = [f"The table {name} is not in the folder." for name in missing]
    return pd.concat(tables, ignore_index=True).fillna(""), notes


def _table(path: Path, kind: str) -> pd.DataFrame:
    with path.open(newline="", encoding="utf-8-sig") as file:
        header = next(csv.reader(file), [])
    # "breast density" in one table is "breast_density" in another.
    own = {name.strip().lower().replace(" ", "_"): name for name in header}
    wanted = {**COLUMNS, **DESCRIPTORS[kind]}
    table = read_table(path, {own.get(name, name): ours for name, ours in wanted.items()})
    for column in ("image", "crop", "mask"):  # some paths end with a new line, inside the quotes
        table[column] = table[column].str.replace(r"\s+", "", regex=True)
    table["pathology"] = table["words"].map(PATHOLOGIES)
    unknown = table["pathology"].isna() | ~table["side"].isin(SIDES)
    if unknown.any():
        row = int(np.flatnonzero(unknown)[0])
        words = f"{table['words'].iloc[row]!r} and {table['side'].iloc[row]!r}"
        raise ConfigError(
            f"{path}: finding {row + 1} has pathology and side {words}; mend the table."
        )
    return table


def _with_film_truth(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Add the worst pathology of the film, which may be in the data set twice."""
    film = rows["patient_id"] + "_" + rows["side"] + "_" + rows["view"]
    malignant = rows["words"] == "MALIGNANT"
    rows = rows.assign(film=film, film_malignant=malignant.groupby(film).transform("any"))
    twice = rows.groupby("film")["image"].transform("nunique") > 1
    rows["duplicate_group"] = rows["film"].where(twice, "")
    by_image = malignant.groupby(rows["image"]).transform("any")
    mended = rows.loc[rows["film_malignant"] & ~by_image, "image"].nunique()
    parts = rows.groupby("patient_id")["split"].nunique()
    both = rows.groupby("film")["split"].nunique()
    notes = [
        f"{rows.loc[twice, 'film'].nunique()} films are in the data set twice, once for their "
        f"masses and once for their calcifications; {mended} images without a malignant finding "
        "of their own show a film that has one, and are labelled by the film.",
        f"{(parts > 1).sum()} women, and {(both > 1).sum()} films, are in the official train part "
        "of one kind of finding and in the test part of the other; take one kind alone "
        "(findings=mass or findings=calcification) or split anew.",
    ]
    unknown = int((~rows["density"].isin(DENSITIES)).sum())
    if unknown:
        notes.append(f"{unknown} findings have no breast density (0 or something else).")
    return rows, notes


def _with_files(
    folder: Path,
    rows: pd.DataFrame,
    files: CbisFiles,
    found: Mapping[str, Sequence[Path]],
    notes: list[str],
) -> Tables:
    images = {path: paths[0] for path, paths in found.items() if paths}
    there = rows["image"].isin(images)
    if not there.all():
        notes.append(
            f"{rows.loc[~there, 'image'].nunique()} images of the tables are not in the folder; "
            f"they and their {(~there).sum()} findings are left out."
        )
    rows = rows[there]
    sizes = {path: size_of(file) for path, file in images.items()}
    console = Console(stderr=True)
    masks = [
        find_mask(files, row.mask, row.crop, sizes[row.image])
        for row in track(
            list(rows.itertuples(index=False)), "looking for masks", console=console, transient=True
        )
    ]
    rows = rows.assign(
        image_path=[_relative(images[path], folder) for path in rows["image"]],
        mask_path=[_relative(mask.path, folder) if mask.path else "" for mask in masks],
        outline=["mask" if mask.path else "" for mask in masks],
        place=[mask.words for mask in masks],
        **{name: [m.box[i] if m.box else np.nan for m in masks] for i, name in enumerate(BOX)},
    )
    return Tables(_images(rows), _findings(rows), (*notes, *_mask_notes(masks)))


def _mask_notes(masks: Sequence[Mask]) -> list[str]:
    counts = Counter(mask.fault for mask in masks)
    swapped = sum(mask.swapped for mask in masks)
    counted = {
        f"{swapped} masks stood where the tables name the crop.": swapped,
        f"{counts['size']} masks have another size than their image and were left out; label_text "
        "says which.": counts["size"],
        f"{counts['absent']} findings have no mask in the folder.": counts["absent"],
        f"{counts['empty']} masks are empty and were left out.": counts["empty"],
        f"{counts['broken']} masks cannot be read and were left out.": counts["broken"],
    }
    return [sentence for sentence, count in counted.items() if count]


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _images(rows: pd.DataFrame) -> pd.DataFrame:
    birads = pd.to_numeric(rows["birads"], errors="coerce")
    worst = birads.groupby(rows["image_path"]).transform("max")
    images = rows.assign(birads=worst).drop_duplicates("image_path")
    return pd.DataFrame(
        {
            "image_path": images["image_path"],
            "patient_id": images["patient_id"],
            "exam_id": images["patient_id"],
            "laterality": images["side"].map(SIDES),
            "view": images["view"],
            "cancer": images["film_malignant"].astype(int),
            "pathology": np.where(images["film_malignant"], "malignant", "benign"),
            "birads": images["birads"],
            "density": images["density"].map(DENSITIES),
            "finding": 1,
            "duplicate_group": images["duplicate_group"],
            "split": images["split"],
            "split_rule": "official",
        }
    ).reset_index(drop=True)


def _findings(rows: pd.DataFrame) -> pd.DataFrame:
    words = {name for columns in DESCRIPTORS.values() for name in columns.values()}
    described = {
        name: rows[name].replace("N/A", "") for name in sorted(words) if name in rows.columns
    }
    said = rows["words"] + ", subtlety " + rows["subtlety"]
    return pd.DataFrame(
        {
            "image_path": rows["image_path"],
            "finding_id": rows["kind"]
            + "_"
            + rows["patient_id"]
            + "_"
            + rows["side"]
            + "_"
            + rows["number"],
            "kind": rows["kind"],
            "outline": rows["outline"],
            "mask_path": rows["mask_path"],
            **{name: rows[name] for name in BOX if name in rows.columns},
            "pathology": rows["pathology"],
            "birads": rows["birads"],
            **described,
            "label_text": said + rows["place"].map(lambda why: f", {why}" if why else ""),
        }
    ).reset_index(drop=True)


SOURCE = Source(
    name="cbis_ddsm",
    title="CBIS-DDSM, digitised film with masks of masses and calcifications",
    modality="mammography",
    where="https://www.cancerimagingarchive.net/collection/cbis-ddsm/",
    terms="CC BY 3.0",
    citation="Lee et al., A curated mammography data set for use in computer-aided detection and "
    "diagnosis research, Scientific Data 4 (2017) 170177",
    holds="3,103 films of 1,566 women with 3,568 findings: 1,696 masses (1,318 train, 378 test) "
    "and 1,872 calcifications (1,546 train, 326 test)",
    read=read,
    options={
        "findings": "mass or calcification: only the images and findings of this kind",
        "tables": "only: rows from the tables alone, whether the image files are there or not",
    },
)

"""mini-MIAS: digitised film, one view of each breast."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from mammoscope.data.source import Source, Tables
from mammoscope.errors import ConfigError

SIZE = 1024
"""Side of every picture, pixels; Info.txt counts y from the lower edge."""
KINDS = {
    "CALC": "calcification",
    "CIRC": "mass",
    "SPIC": "mass",
    "MISC": "mass",
    "ARCH": "distortion",
    "ASYM": "asymmetry",
}
MARGINS = {"CIRC": "circumscribed", "SPIC": "spiculated", "MISC": "ill-defined"}
SEVERITIES = {"B": "benign", "M": "malignant", "": "normal"}


def read(folder: Path, options: Mapping[str, str]) -> Tables:  # noqa: ARG001 (it has none)
    """Read Info.txt and the pictures beside it, or in images/, as PGM or PNG."""
    info = folder / "Info.txt"
    if not info.is_file():
        raise ConfigError(f"{info}: no such file; give the folder that holds Info.txt.")
    lines = [_fields(line) for line in info.read_text(encoding="latin-1").splitlines()]
    table = pd.DataFrame([line for line in lines if line])
    if table.empty:
        raise ConfigError(f"{info}: no line such as 'mdb001 G CIRC B 535 425 197'; take it anew.")
    _check(info, table)
    files = {path.stem.lower(): path for path in sorted(folder.rglob("mdb*.p*"))}
    table["image_path"] = [
        files[name].relative_to(folder).as_posix() if name in files else ""
        for name in table["image"]
    ]
    absent = table.loc[table["image_path"] == "", "image"].nunique()
    table = table[table["image_path"] != ""]
    lesions = table[table["kind"] != ""]
    without = int(lesions["x1_px"].isna().sum())
    notes = [
        "The left breast is the odd film number, as the burned-in markers say; Info.txt's header "
        "says the opposite.",
    ]
    if without:
        notes.append(f"{without} marked lesions have no place.")
    if absent:
        notes.append(f"{absent} films of Info.txt are not in the folder.")
    return Tables(_images(table), _findings(lesions), tuple(notes))


def _check(info: Path, table: pd.DataFrame) -> None:
    """A lesion of unknown class would pass for a normal film, and one without severity too."""
    for column, allowed in (("abnormality", (*KINDS, "NORM")), ("pathology", SEVERITIES.values())):
        strange = table[~table[column].isin(list(allowed))]
        if len(strange):
            row = strange.iloc[0]
            raise ConfigError(
                f"{info}: film {row['image']}, {column} {row[column]!r}; allowed: "
                f"{', '.join(allowed)}."
            )
    nameless = table[(table["kind"] != "") & (table["pathology"] == "normal")]
    if len(nameless):
        raise ConfigError(f"{info}: film {nameless.iloc[0]['image']} has a lesion without B or M.")


def _fields(line: str) -> dict[str, object] | None:
    words = line.split()
    if len(words) < 3 or not (words[0].startswith("mdb") and words[0][3:].isdigit()):
        return None
    if len(words[1]) != 1:
        return None
    number, kind = int(words[0][3:]), KINDS.get(words[2], "")
    severity = words[3] if len(words) > 3 and kind else ""
    row: dict[str, object] = {
        "image": words[0],
        "patient_id": f"mias{(number + 1) // 2:03d}",
        "laterality": "L" if number % 2 else "R",
        "tissue": words[1],
        "abnormality": words[2],
        "kind": kind,
        "pathology": SEVERITIES.get(severity, severity),
    }
    return row | _circle(words[4:7])


def _circle(words: list[str]) -> dict[str, float]:
    """The enclosing box, y turned so that it starts at the top; NaN without a circle."""
    if len(words) < 3 or not all(word.isdigit() for word in words):
        return dict.fromkeys(("x1_px", "y1_px", "x2_px", "y2_px"), np.nan)
    x, y, radius = map(int, words)
    y = SIZE - y
    return {
        "x1_px": x - radius,
        "y1_px": y - radius,
        "x2_px": x + radius,
        "y2_px": y + radius,
    }


def _images(table: pd.DataFrame) -> pd.DataFrame:
    rank = {"normal": 0, "benign": 1, "malignant": 2}
    worst = table.sort_values("pathology", key=lambda values: values.map(rank))
    images = worst.drop_duplicates("image", keep="last").sort_values("image")
    return pd.DataFrame(
        {
            "image_path": images["image_path"],
            "patient_id": images["patient_id"],
            "exam_id": images["patient_id"],
            "laterality": images["laterality"],
            "view": "MLO",
            "cancer": (images["pathology"] == "malignant").astype(int),
            "pathology": images["pathology"],
            "finding": (images["kind"] != "").astype(int),
            "label_text": "tissue " + images["tissue"] + ", " + images["abnormality"],
        }
    )


def _findings(lesions: pd.DataFrame) -> pd.DataFrame:
    place = ["x1_px", "y1_px", "x2_px", "y2_px"]
    number = lesions.groupby("image").cumcount() + 1
    return pd.DataFrame(
        {
            "image_path": lesions["image_path"],
            "finding_id": lesions["image"] + "-" + number.astype(str),
            "kind": lesions["kind"],
            "outline": np.where(lesions["x1_px"].isna(), "", "circle"),
            **{name: lesions[name] for name in place},
            "pathology": lesions["pathology"],
            "mass_margin": [MARGINS.get(kind, "") for kind in lesions["abnormality"]],
            "label_text": lesions["abnormality"],
        }
    )


SOURCE = Source(
    name="mini_mias",
    title="mini-MIAS, digitised film mammograms",
    modality="mammography",
    where="http://peipa.essex.ac.uk/info/mias.html",
    terms="research only (Licence.txt)",
    citation="Suckling et al., The Mammographic Image Analysis Society digital mammogram database, "
    "Excerpta Medica 1069 (1994) 375-378",
    holds="322 MLO films of 161 women: 207 normal, 64 benign, 51 malignant",
    read=read,
)

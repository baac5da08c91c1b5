"""A plain CSV whose columns the user names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from mammoscope.data.columns import FINDINGS, IMAGES, Column
from mammoscope.data.picture_files import MODALITY_OPTION
from mammoscope.data.source import Source, Tables, read_table
from mammoscope.errors import ConfigError

SHORT = {
    "image": "image_path",
    "patient": "patient_id",
    "exam": "exam_id",
    "side": "laterality",
    "site": "site_id",
    "machine": "machine_id",
}
"""Shorter names of columns."""
FINDING = "finding."
"""What stands before a column of the findings table, as in finding.kind=lesion."""
_LEFT_OUT = ("dataset", "modality", "sha256", "split_rule")
_SIDES = {"left": "L", "right": "R", "l": "L", "r": "R"}


def read(folder: Path, options: Mapping[str, str]) -> Tables:
    """Read a table of images, or of findings with their images."""
    file = _file(folder, options.get("table", ""))
    given = {name: _long(name) for name in options if name not in _SETTINGS and ":" not in name}
    twice = [ours for ours in set(given.values()) if list(given.values()).count(ours) > 1]
    if twice:
        raise ConfigError(f"{twice[0]!r} is given two columns; give it one.")
    if "image_path" not in given.values():
        raise ConfigError(f"{file}: say which column holds the image's path: image=COLUMN.")
    table = _columns(file, {ours: options[name] for name, ours in given.items()}, options)
    table = _values(file, table, _value_names(options))
    paths = table["image_path"] + options.get("suffix", "")
    root = options.get("images", "")
    table["image_path"] = [(Path(root) / path).as_posix() for path in paths]
    there = table["image_path"].map(lambda path: (folder / path).is_file()).astype(bool)
    absent = table.loc[~there, "image_path"].nunique()
    if absent and not there.any():
        raise ConfigError(
            f"{file}: none of its {absent} images is in the folder, such as {paths.iloc[0]!r}; "
            "give images=FOLDER or suffix=.png."
        )
    table = table[there].reset_index(drop=True)
    notes = [f"{absent} images of {file.name} are not in the folder."] if absent else []
    if "patient_id" not in table:
        table["patient_id"] = table["image_path"]
        notes.append(
            "The women are not known: patient_id is the image's path, so a split by patient is "
            "not possible; give patient=COLUMN."
        )
    images, more = _images(table)
    if options.get("modality"):
        images["modality"] = options["modality"]
    return Tables(images, _findings(table), (*notes, *more))


def _file(folder: Path, name: str) -> Path:
    """The table named, or the only CSV of the folder."""
    if name:
        return folder / name
    files = sorted(folder.glob("*.csv"))
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise ConfigError(f"{folder}: say which CSV file is meant: table=FILE; there: {found}.")
    return files[0]


def _long(name: str) -> str:
    """The manifest's column that an option names."""
    ours = SHORT.get(name, name)
    if ours not in _COLUMNS:
        raise ConfigError(f"there is no column {name!r}; it is one of {', '.join(_options())}.")
    return ours


def _columns(file: Path, wanted: Mapping[str, str], options: Mapping[str, str]) -> pd.DataFrame:
    """The table with our names; one of its columns may serve several of ours."""
    theirs = {name: name for name in wanted.values()}
    separator = options.get("separator", ",").replace("\\t", "\t")
    table = read_table(file, theirs, separator)
    return pd.DataFrame({ours: table[name].str.strip() for ours, name in wanted.items()})


def _value_names(options: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """By column: their value and ours, from `values` and from options named column:value."""
    pairs = [part.rpartition("=") for part in options.get("values", "").split(",") if part.strip()]
    pairs += [(name, "=", value) for name, value in options.items() if ":" in name]
    found: dict[str, dict[str, str]] = {}
    for name, equals, ours in pairs:
        column, colon, theirs = name.partition(":")
        if not (equals and colon):
            raise ConfigError(f"values={name + equals + ours!r}: write column:value=ours.")
        found.setdefault(_long(column.strip()), {})[theirs.strip()] = ours.strip()
    return found


def _values(
    file: Path, table: pd.DataFrame, names: Mapping[str, Mapping[str, str]]
) -> pd.DataFrame:
    unused = [column for column in names if column not in table]
    if unused:
        raise ConfigError(f"values are given for {unused[0]!r}; name its column too.")
    for ours in table.columns:
        known = {**_usual(_COLUMNS[ours]), **names.get(ours, {})}
        theirs = table[ours]
        table[ours] = theirs.map(lambda value, known=known: known.get(value, value))
        _check(file, _COLUMNS[ours], ours, theirs, table[ours])
    return table


def _usual(column: Column) -> dict[str, str]:
    """Ways of writing that leave no doubt."""
    if column.name == "laterality":
        return {form: side for word, side in _SIDES.items() for form in _cases(word)}
    if column.name == "birads":
        return {f"4{letter}": "4" for letter in "abcABC"}
    if column.name in ("pathology", "kind"):
        return {form: word for word in column.choices for form in _cases(word)}
    if column.name == "density":
        return {letter.lower(): letter for letter in column.choices}
    return {}


def _cases(word: str) -> tuple[str, str, str]:
    return word, word.upper(), word.capitalize()


def _check(file: Path, column: Column, ours: str, theirs: pd.Series, values: pd.Series) -> None:
    """A value that no choice matches; the message says how to map it."""
    if column.kind != "choice":
        return
    wrong = (values != "") & ~values.isin(column.choices)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise ConfigError(
            f"{file}: row {row + 2}, column for {ours!r} holds {theirs.iloc[row][:40]!r}; "
            f"allowed: {column.allowed}; map it with values={ours}:VALUE=OURS (nothing after the "
            "= for unknown)."
        )


def _images(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """One row an image; where its rows differ in a column the value is left empty."""
    names = [name for name in table if not name.startswith(FINDING)]
    images, notes = table[names].drop_duplicates("image_path").reset_index(drop=True), []
    groups = table.groupby("image_path", sort=False)
    for name in names:
        if name == "image_path":
            continue
        differs = (groups[name].nunique() > 1).to_numpy()
        if differs.any() and name == "patient_id":
            raise ConfigError(
                f"{int(differs.sum())} images have rows of several patients; mend the table."
            )
        if differs.any():
            images.loc[differs, name] = ""
            notes.append(
                f"{int(differs.sum())} images have rows that differ in {name}; left empty."
            )
    return images, notes


def _findings(table: pd.DataFrame) -> pd.DataFrame:
    """A row for every one in which a column of the findings is filled."""
    names = [name for name in table if name.startswith(FINDING)]
    filled = (table[names] != "").any(axis=1) if names else pd.Series(False, table.index)
    found = table.loc[filled, ["image_path", *names]]
    found = found.rename(columns={name: name.removeprefix(FINDING) for name in names})
    corners = ["x1_px", "y1_px", "x2_px", "y2_px"]
    if "outline" not in found and set(corners) <= set(found):
        whole = (found[corners] != "").all(axis=1)
        found["outline"] = whole.map({True: "box", False: ""})
    return found.reset_index(drop=True)


_COLUMNS = {
    **{column.name: column for column in IMAGES if column.name not in _LEFT_OUT},
    **{FINDING + column.name: column for column in FINDINGS if column.name != "image_path"},
}
_SETTINGS = {
    "table": "the CSV file; not needed where the folder has one",
    "separator": "between values; , as if not given",
    "images": "folder that the image paths start from; the data set's as if not given",
    "suffix": "what to put behind each image path, such as .png",
    "modality": MODALITY_OPTION,
    "values": "their values and ours, as 'cancer:malignant=1, cancer:benign=0, cancer:unknown='",
}


def _options() -> dict[str, str]:
    """Every column that can be mapped, by its shorter name where it has one."""
    short = {ours: name for name, ours in SHORT.items()}
    return {
        short.get(name, name): f"the column with this: {column.meaning}"
        for name, column in _COLUMNS.items()
    }


SOURCE = Source(
    name="table",
    title="A CSV file with columns you name",
    modality="mammography",
    where="your own folder: a CSV file and the images it names",
    terms="those of the data",
    citation="that of the data",
    holds="what the table holds",
    read=read,
    options={**_SETTINGS, **_options(), **{ours: f"as {name}" for name, ours in SHORT.items()}},
)

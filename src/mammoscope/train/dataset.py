"""Training images: read and prepared once by the product's own code, augmented every time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from mammoscope.data.manifest import read_table
from mammoscope.data.splits import groups
from mammoscope.errors import ConfigError
from mammoscope.models.cells import CELL
from mammoscope.train.augment import augmentation
from mammoscope.train.config import Augment, Recipe, Source, Stage, Task
from mammoscope.train.maps import UNMARKED, shares
from mammoscope.train.prepared import prepared_images
from mammoscope.train.stacked import Stacked
from mammoscope.types import DENSITY_GRADES

UNKNOWN = -1
"""Class, density or map cell of which nobody recorded the truth; its loss is masked."""
_TOGETHER = ("patient_id", "duplicate_group")
_USED = ("density", "machine_id", "duplicate_group", "finding", "pathology", "label_conflict")


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Prepared images and their truth, row by row.

    Attributes:
        pixels: (n, height, width) uint8 as the network sees them, mapped from disk.
        rows: n rows of the manifest as text, empty for unknown: image_path, patient_id ...; with
            the name of each one's source where the recipe has sources.
        target: (n,) int64, index into the task's classes, or UNKNOWN.
        positive: (n,) bool, whether the class is one that counts as cancer.
        density: (n,) int64, 0 to 3 for A to D, or UNKNOWN.
        group: (n,) what folds must not part.
        weight: (n,) float32 of each image's loss, 1 on average.
        marks: (n, h, w) uint8 codes as in `mammoscope.train.maps`, or None.
        excluded: image_path and reason of every manifest row that is not in it.
    """

    pixels: NDArray[np.uint8] | Stacked
    rows: pd.DataFrame
    target: NDArray[np.int64]
    positive: NDArray[np.bool_]
    density: NDArray[np.int64]
    group: NDArray[np.str_]
    weight: NDArray[np.float32]
    marks: NDArray[np.uint8] | None
    excluded: pd.DataFrame

    @property
    def sha256(self) -> str:
        """Of images and classes: a run remembers it and refuses other data."""
        truth = self.rows["image_path"].str.cat(self.target.astype(str), sep="=").str.cat(sep="\n")
        return hashlib.sha256(truth.encode()).hexdigest()

    @property
    def maps(self) -> NDArray[np.float32] | None:
        """(n, height / CELL, width / CELL): share of each cell that findings cover.

        In [0, 1]; UNKNOWN in all cells of an image whose findings' places are not known. None if
        no image's are.
        """
        if self.marks is None:
            return None
        grid = (self.pixels.shape[1] // CELL, self.pixels.shape[2] // CELL)
        return np.stack([shares(codes, grid)[0] for codes in self.marks])

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(n,) whether the class is known."""
        return np.asarray(self.target != UNKNOWN)


def load_training_set(data: Path, recipe: Recipe, cache: Path) -> TrainingSet:
    """Read `data`/manifest.csv, findings.csv if there is one, and the images the recipe is about.

    A recipe with sources reads those of `data`/DATASET for each of them. Left out, with the reason
    in `excluded`: images whose class is unknown or not among the recipe's, whose label contradicts
    that of a duplicate, or that cannot be read.

    Args:
        data: the folder.
        recipe: says which column is learned and what the network sees.
        cache: folder that keeps the prepared images for the next time.

    Raises:
        ConfigError: the manifest is missing, lacks a column or an image of a class, or none of
            its images can be read.
    """
    if not recipe.sources:
        return _one_set(data, recipe, cache)
    parts = [_one_set(data / one.dataset, recipe, cache, one) for one in recipe.sources]
    return _joined(parts)


def _one_set(data: Path, recipe: Recipe, cache: Path, source: Source | None = None) -> TrainingSet:
    task, manifest = recipe.task, data / "manifest.csv"
    classes = source is None or source.classes
    rows = _read(manifest, {"image_path", "patient_id"} | ({task.target} if classes else set()))
    rows = rows if source is None else rows.assign(source=source.dataset)
    why = _left_out(rows, task) if classes else pd.Series("", index=rows.index, dtype=object)
    used = rows[why == ""]
    if classes:
        _check_classes(manifest, rows, used, task)
    findings_file = data / "findings.csv"
    findings = _read(findings_file, {"image_path"}) if findings_file.is_file() else pd.DataFrame()
    images = prepared_images(data, used, findings, recipe.preprocess, cache)
    why[used.index[~images.kept]] = images.reasons
    kept = used[images.kept].reset_index(drop=True)
    target = np.full(len(kept), UNKNOWN, np.int64)
    if classes:
        target = np.asarray(kept[task.target].map(list(task.classes).index), np.int64)
    balanced = classes and task.balance_machines
    weight = balanced_weights(kept["machine_id"], target) if balanced else None
    return TrainingSet(
        images.pixels,
        kept,
        target,
        np.isin(target, [task.classes.index(name) for name in task.positive]),
        _density(kept),
        _groups(kept, task.group),
        np.ones(len(kept), np.float32) if weight is None else weight,
        images.marks,
        rows.loc[why != "", ["image_path"]].assign(reason=why[why != ""]),
    )


def _joined(parts: list[TrainingSet]) -> TrainingSet:
    """Several sets as one; images without marks in a set that has none are unmarked."""
    shape = next((one.marks.shape[1:] for one in parts if one.marks is not None), None)
    return TrainingSet(
        Stacked([one.pixels for one in parts]),
        pd.concat([one.rows for one in parts], ignore_index=True).fillna(""),
        np.concatenate([one.target for one in parts]),
        np.concatenate([one.positive for one in parts]),
        np.concatenate([one.density for one in parts]),
        np.concatenate([one.group for one in parts]),
        np.concatenate([one.weight for one in parts]),
        None if shape is None else np.concatenate([_marks(one, shape) for one in parts]),
        pd.concat([one.excluded for one in parts], ignore_index=True),
    )


def _marks(part: TrainingSet, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if part.marks is not None:
        return part.marks
    return np.full((len(part.rows), *shape), UNMARKED, np.uint8)


def _read(path: Path, required: set[str]) -> pd.DataFrame:
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; give the folder that holds manifest.csv.")
    table = read_table(path)
    missing = required - set(table.columns)
    if missing:
        raise ConfigError(f"{path}: column {min(missing)!r} is missing; add it.")
    if path.name != "manifest.csv":
        return table
    return table.assign(**{name: "" for name in _USED if name not in table})


def _left_out(rows: pd.DataFrame, task: Task) -> pd.Series:
    """Why each row is not used; "" where it is."""
    target, duplicates = rows[task.target], rows["duplicate_group"]
    several = rows.groupby("duplicate_group")[task.target].transform("nunique") > 1
    conflict = (rows["label_conflict"] == "1") | ((duplicates != "") & several)
    why = pd.Series("", index=rows.index, dtype=object)
    why[conflict] = "its label contradicts that of a duplicate"
    why[~target.isin(list(task.classes))] = f"its {task.target} is none of the recipe's classes"
    why[target == ""] = f"its {task.target} is not known"
    return why


def _check_classes(manifest: Path, rows: pd.DataFrame, used: pd.DataFrame, task: Task) -> None:
    absent = set(task.classes) - set(used[task.target])
    if absent:
        held = ", ".join(repr(value) for value in sorted(rows[task.target].unique())[:10])
        raise ConfigError(
            f"{manifest}: no usable image has {task.target} {min(absent)!r}; the column holds "
            f"{held or 'nothing'}; mend task.classes or the manifest."
        )


def _density(rows: pd.DataFrame) -> NDArray[np.int64]:
    grades = {grade: index for index, grade in enumerate(DENSITY_GRADES)}
    return np.asarray(rows["density"].map(grades).fillna(UNKNOWN), np.int64)


def _groups(rows: pd.DataFrame, column: str) -> NDArray[np.str_]:
    """Women and duplicates stay together; of another column, what it says, else the woman."""
    if column in _TOGETHER:
        return groups(rows)
    if column not in rows:
        raise ConfigError(f"task.group is {column!r}, which the manifest has not; give patient_id.")
    return np.asarray(rows[column].where(rows[column] != "", rows["patient_id"]), np.str_)


def balanced_weights(machine: pd.Series, target: NDArray[np.int64]) -> NDArray[np.float32]:
    """Weights (n,) with which all classes weigh the same within every machine.

    Limited to [0.5, 3], so that a rare class of a rare machine does not rule a batch; a machine
    that has one class only tells nothing and weighs as little as can be. Images of which the
    machine is not known count as those of one more machine. The mean is 1.
    """
    table = pd.DataFrame({"machine": machine.to_numpy(), "target": target})
    of_machine = table.groupby("machine", dropna=False)["target"]
    of_class = table.groupby(["machine", "target"], dropna=False)["target"].transform("size")
    share = 1 / len(np.unique(target))
    weights = (share * of_machine.transform("size") / of_class).clip(0.5, 3.0).to_numpy(np.float32)
    return np.asarray(weights / weights.mean())


class Batch(NamedTuple):
    """What a step sees of n images.

    pixels (n, 1, h, w) in [0, 1]; target (n,) class and density (n,) with UNKNOWN; lesion_map
    (n, 2, h / cell, w / cell) in [0, 1], the shares of each cell that findings of any kind and
    malignant ones cover, UNKNOWN where they are not known; weight (n,).
    """

    pixels: Tensor
    target: Tensor
    density: Tensor
    lesion_map: Tensor
    weight: Tensor


class Images(Dataset[Batch]):
    """One stage's view of a TrainingSet: resized to its input size, augmented if training.

    Args:
        data: of which images are shown.
        index: (m,) which ones, in order.
        stage: gives the height and width.
        augment: how pictures are changed, with what is marked in them; None leaves them alone.
        cell: side of a cell of the lesion map in pixels of the network's input.
    """

    def __init__(
        self,
        data: TrainingSet,
        index: NDArray[np.int64],
        stage: Stage,
        augment: Augment | None = None,
        cell: int = CELL,
    ) -> None:
        self.data, self.index, self.stage, self.cell = data, index, stage, cell
        self.transform = v2.ToDtype(torch.float32, scale=True)
        if augment is not None:
            self.transform = augmentation(augment)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, item: int) -> Batch:
        data, row = self.data, self.index[item]
        height, width = self.stage.height, self.stage.width
        grid = (height // self.cell, width // self.cell)
        picture = np.asarray(data.pixels[row])
        if picture.shape != (height, width):
            picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        pixels = tv_tensors.Image(torch.from_numpy(picture.copy())[None])
        if data.marks is None or data.marks[row].min() == UNMARKED:
            pixels, lesion_map = self.transform(pixels), torch.full((2, *grid), float(UNKNOWN))
        else:
            marks = cv2.resize(data.marks[row], (width, height), interpolation=cv2.INTER_NEAREST)
            pixels, moved = self.transform(pixels, tv_tensors.Mask(torch.from_numpy(marks)[None]))
            lesion_map = torch.from_numpy(shares(moved[0].numpy(), grid))
        return Batch(
            pixels.as_subclass(Tensor),
            torch.tensor(data.target[row]),
            torch.tensor(data.density[row]),
            lesion_map,
            torch.tensor(data.weight[row]),
        )

"""A recipe: everything that decides a training run, read from one TOML file in configs/."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mammoscope.errors import ConfigError
from mammoscope.preprocess import PreprocessParams


@dataclass(frozen=True)
class Stage:
    """Some epochs at one input size; small sizes first save most of the time."""

    epochs: int
    height: int
    width: int

    def __post_init__(self) -> None:
        sides = (self.height, self.width)
        if self.epochs < 1 or any(side < 32 or side % 32 for side in sides):
            raise ConfigError(
                f"recipe stage {self}: epochs must be at least 1, height and width multiples of 32."
            )


@dataclass(frozen=True)
class Recipe:
    """See the fields; `load_recipe` reads one from a file.

    Attributes:
        name: of the weights it makes.
        stages: input sizes in order of training; the last is the size the product uses.
        preprocess: what the network sees; its size must be the last stage's.
        folds: number of patient-level cross-validation folds.
        seed: of the splits, the augmentation and the initial heads.
        batch_size: images per step.
        learning_rate: peak of the one-cycle schedule for the backbone.
        head_factor: the new heads learn this much faster.
        weight_decay: of AdamW.
        frozen_blocks: backbone stages kept as ImageNet made them.
        sharpness: of the pooling of the lesion map; 0 is its mean (see networks.pool).
        density_weight: of the density loss beside the malignancy loss.
        ema_decay: of the running average of the weights that is kept in the end.
        balance_machines: weigh each image so that both classes weigh the same within every
            machine; the look of a vendor then tells nothing of the class.
    """

    name: str
    stages: tuple[Stage, ...]
    preprocess: PreprocessParams
    folds: int = 5
    seed: int = 0
    batch_size: int = 16
    learning_rate: float = 5e-4
    head_factor: float = 4.0
    weight_decay: float = 0.02
    frozen_blocks: int = 2
    sharpness: float = 0.0
    density_weight: float = 0.3
    ema_decay: float = 0.99
    balance_machines: bool = True

    def __post_init__(self) -> None:
        if not self.stages:
            raise ConfigError(f"recipe {self.name}: stages is empty; give at least one.")
        last = self.stages[-1]
        if (last.height, last.width) != (self.preprocess.height, self.preprocess.width):
            raise ConfigError(
                f"recipe {self.name}: the last stage is {last.height} x {last.width}, but "
                f"preprocess makes {self.preprocess.height} x {self.preprocess.width}; "
                "make them equal."
            )
        for name, least in (("batch_size", 0), ("learning_rate", 0), ("folds", 1)):
            if getattr(self, name) <= least:
                raise ConfigError(
                    f"recipe {self.name}: {name} is {getattr(self, name)}; give more than {least}."
                )
        if self.sharpness < 0:
            raise ConfigError(
                f"recipe {self.name}: sharpness is {self.sharpness}; give 0 (mean) or more."
            )

    @property
    def epochs(self) -> int:
        """Over all stages."""
        return sum(stage.epochs for stage in self.stages)

    @property
    def sha256(self) -> str:
        """Of the recipe's values: comments, such as the measured result, may change."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def stage_at(self, epoch: int) -> Stage:
        """The stage that epoch number `epoch` (from 0) belongs to."""
        for stage in self.stages:
            if epoch < stage.epochs:
                return stage
            epoch -= stage.epochs
        return self.stages[-1]


def load_recipe(path: str | Path) -> Recipe:
    """Read a TOML recipe.

    Raises:
        ConfigError: no such file, not TOML, an unknown field, or an impossible value.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); give a recipe from configs/."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML ({error}); mend that line.") from error
    try:
        return _build(str(path), table)
    except TypeError as error:
        raise ConfigError(
            f"{path}: a value has the wrong type ({error}); see mammoscope.train.config.Recipe."
        ) from error


def _build(path: str, table: Mapping[str, Any]) -> Recipe:
    unknown = set(table) - set(Recipe.__dataclass_fields__)
    missing = {"name", "stages", "preprocess"} - set(table)
    if unknown or missing:
        what = f"unknown field {min(unknown)!r}" if unknown else f"field {min(missing)!r} missing"
        raise ConfigError(f"{path}: {what}; see mammoscope.train.config.Recipe.")
    values = dict(table)
    values["stages"] = tuple(_stage(path, stage) for stage in table["stages"])
    values["preprocess"] = PreprocessParams.from_mapping(table["preprocess"])
    return Recipe(**values)


def _stage(path: str, values: Mapping[str, Any]) -> Stage:
    fields = set(Stage.__dataclass_fields__)
    if set(values) != fields:
        raise ConfigError(
            f"{path}: a stage has {', '.join(sorted(values)) or 'nothing'}; "
            f"give {', '.join(sorted(fields))}."
        )
    return Stage(**values)

"""A recipe: everything that decides a training run, read from one TOML file in configs/."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
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
        if self.epochs < 1 or self.height % 32 or self.width % 32:
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
        density_weight: of the density loss beside the malignancy loss.
        ema_decay: of the running average of the weights that is kept in the end.
        balance_machines: weigh each image so that both classes weigh the same within every
            machine; the look of a vendor then tells nothing of the class.
        text: the file as read, for the record.
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
    density_weight: float = 0.3
    ema_decay: float = 0.99
    balance_machines: bool = True
    text: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        last = self.stages[-1]
        if (last.height, last.width) != (self.preprocess.height, self.preprocess.width):
            raise ConfigError(
                f"recipe {self.name}: the last stage is {last.height} x {last.width}, but "
                f"preprocess makes {self.preprocess.height} x {self.preprocess.width}; "
                "make them equal."
            )
        for name in ("batch_size", "learning_rate", "folds"):
            if getattr(self, name) <= 0:
                raise ConfigError(
                    f"recipe {self.name}: {name} is {getattr(self, name)}; give more than 0."
                )

    @property
    def epochs(self) -> int:
        """Over all stages."""
        return sum(stage.epochs for stage in self.stages)

    @property
    def sha256(self) -> str:
        """Of the recipe's text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

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
    return _build(str(path), table, text)


def _build(path: str, table: Mapping[str, Any], text: str) -> Recipe:
    unknown = set(table) - set(Recipe.__dataclass_fields__)
    missing = {"name", "stages", "preprocess"} - set(table)
    if unknown or missing:
        what = f"unknown field {min(unknown)!r}" if unknown else f"field {min(missing)!r} missing"
        raise ConfigError(f"{path}: {what}; see mammoscope.train.config.Recipe.")
    values = dict(table)
    values["stages"] = tuple(Stage(**stage) for stage in table["stages"])
    values["preprocess"] = PreprocessParams.from_mapping(table["preprocess"])
    return Recipe(**values, text=text)

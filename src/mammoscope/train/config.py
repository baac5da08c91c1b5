"""A recipe: everything that decides a training run, read from one TOML file in configs/.

The tables of the file are the dataclasses below, field for field; whatever is left out has the
default written here. Every value is checked where it is set, with the field's name.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from mammoscope.errors import ConfigError
from mammoscope.models.cells import CELL, FINE_CELL
from mammoscope.preprocess import PreprocessParams
from mammoscope.train.fields import check_fields, choice, names, number, pair, switch, text
from mammoscope.train.overrides import overridden


@dataclass(frozen=True)
class Task:
    """What is learned.

    Attributes:
        target: the manifest's column.
        classes: its values, in the order of the logits; two classes share one logit, the second's.
        positive: the classes that count as cancer in AUC and predictions.
        group: column of which no value may be parted by the folds; patient_id where it is empty.
        density_weight: of the density loss beside the class loss; above 0 there is a density head.
        map_weight: of the lesion map's loss; above 0 the findings' masks and boxes supervise it.
        balance_machines: weigh each image so that all classes weigh the same within every
            machine; the look of a vendor then tells nothing of the class.
    """

    target: str = text("cancer")
    classes: tuple[str, ...] = names("0", "1", least=2)
    positive: tuple[str, ...] = names("1")
    group: str = text("duplicate_group")
    density_weight: float = number(0.0, 0)
    map_weight: float = number(0.0, 0)
    balance_machines: bool = switch(False)

    def __post_init__(self) -> None:
        check_fields(self, "task")
        strange = set(self.positive) - set(self.classes)
        if strange or len(self.positive) == len(self.classes):
            raise ConfigError(
                f"recipe: task.positive is {list(self.positive)}; "
                f"give some of task.classes, not all: {list(self.classes)}."
            )


@dataclass(frozen=True)
class Input:
    """What the network sees.

    Attributes:
        kind: "mammogram" reads and prepares as the product does; "picture" reads a plain picture
            (ultrasound, crops) and resizes it.
        height, width: of the network's input, pixels.
        margin: around the breast, as a fraction of the crop's side (mammograms).
        sharpen: an unsharp mask first.
        letterbox: pictures keep their aspect and are padded; squashed if false.
    """

    kind: Literal["mammogram", "picture"] = choice("mammogram", "picture")
    height: int = number(384, 32)
    width: int = number(224, 32)
    margin: float = number(0.02, 0, 1)
    sharpen: bool = switch(False)
    letterbox: bool = switch(True)

    def __post_init__(self) -> None:
        check_fields(self, "input")


@dataclass(frozen=True)
class Head:
    """How features become logits.

    Attributes:
        pooling: "map": the pooled lesion map; "average": global average pooling and a linear
            layer; "own": the architecture's own classifier with its last layer replaced.
        findings: finer maps beside it (cells of 16 pixels) of malignant places and of findings of
            any kind, which task.map_weight teaches. Once trained, the highest malignant places
            alone are the score; while it learns, the pooled coarse map is added. "map" alone.
        sharpness: of the lesion map's pooling; 0 is its mean, more leads to its maximum.
        hidden: units of a layer with ReLU before the last; 0 is none.
        dropout: share of features left out in training.
    """

    pooling: Literal["map", "average", "own"] = choice("map", "average", "own")
    findings: bool = switch(False)
    sharpness: float = number(0.0, 0)
    hidden: int = number(0, 0)
    dropout: float = number(0.2, 0, 0.95)

    def __post_init__(self) -> None:
        check_fields(self, "head")


@dataclass(frozen=True)
class Augment:
    """How a picture may differ each time it is seen; 0 or false switches a part off.

    Attributes:
        flip_horizontal, flip_vertical: half of the time.
        degrees, shear: largest angle either way.
        translate: largest shift as a share of the side.
        scale: smallest and largest factor.
        gamma: largest logarithm of the exponent of the grey levels, either way.
        brightness, contrast: largest relative change.
        mixup: alpha of the beta distribution from which two pictures' shares are drawn (Zhang et
            al., "mixup: beyond empirical risk minimization", ICLR 2018).
    """

    flip_horizontal: bool = switch(False)
    flip_vertical: bool = switch(True)
    degrees: float = number(10.0, 0, 180)
    translate: float = number(0.03, 0, 1)
    scale: tuple[float, float] = pair(0.92, 1.1)
    shear: float = number(4.0, 0, 60)
    gamma: float = number(0.25, 0, 3)
    brightness: float = number(0.1, 0, 1)
    contrast: float = number(0.2, 0, 1)
    mixup: float = number(0.0, 0)

    def __post_init__(self) -> None:
        check_fields(self, "augment")


@dataclass(frozen=True)
class Optimiser:
    """How the network learns.

    Attributes:
        name: the rule; "sgd" has momentum 0.9.
        learning_rate: the schedule's peak, for the network's last stage.
        weight_decay: decoupled for "adamw", added to the gradient for the others.
        head_factor: the new heads learn this much faster.
        layer_decay: each stage towards the stem learns this much slower (discriminative rates).
        schedule: of the learning rate, step by step.
        epochs: how many; left out where the recipe has stages.
        batch_size: images a step, over all processes together.
        loss: "focal" is that of Lin et al. (ICCV 2017) with gamma 2.
        class_weights: weigh images so that all classes weigh the same.
        sampling: "all" sees every image once an epoch; "balanced" draws the classes as often as
            each other; "patient" does too, and within a class every patient as often.
        ema_decay: of the running average of the weights that is kept in the end; 0 is none.
        frozen: the stem and so many stages after it stay as they were loaded; 0 is nothing.
        unfreeze_per_epoch: so many of them are let loose after each epoch, the last first.
        precision: "bf16" computes in bfloat16 where that is safe and the device can; pays for
            dense convolutions.
        patience: stop after so many epochs without a better AUC on an inner validation part, and
            keep the best; the fold that is reported plays no part in it. 0 never stops.
        clip: largest norm of the gradient.
    """

    name: str = choice("adamw", "adam", "sgd")
    learning_rate: float = number(3e-4, above=0)
    weight_decay: float = number(0.02, 0)
    head_factor: float = number(1.0, above=0)
    layer_decay: float = number(1.0, most=1, above=0)
    schedule: str = choice("one_cycle", "cosine", "constant")
    epochs: int = number(10, 1)
    batch_size: int = number(16, 1)
    loss: str = choice("cross_entropy", "focal")
    class_weights: bool = switch(False)
    sampling: str = choice("all", "balanced", "patient")
    ema_decay: float = number(0.0, 0, 0.99999)
    frozen: int = number(0, 0)
    unfreeze_per_epoch: int = number(0, 0)
    precision: str = choice("fp32", "bf16")
    patience: int = number(0, 0)
    clip: float = number(5.0, above=0)

    def __post_init__(self) -> None:
        check_fields(self, "optimiser")


@dataclass(frozen=True)
class Source:
    """One of several data sets that are learned together.

    Attributes:
        dataset: its folder, with a manifest, in the folder that is trained on.
        images: of it that an epoch shows, drawn anew for each; all of them once if 0, several
            times if more than there are.
        classes: whether task.target is learned of it; of the others only density and the places
            of findings are, so that no source gives a class away.
    """

    dataset: str = text()
    images: int = number(0, 0)
    classes: bool = switch(False)

    def __post_init__(self) -> None:
        check_fields(self, "sources")


@dataclass(frozen=True)
class Stage:
    """Some epochs at one input size; small sizes first save most of the time."""

    epochs: int = number(1, 1)
    height: int = number(384, 32)
    width: int = number(224, 32)

    def __post_init__(self) -> None:
        check_fields(self, "stages")


@dataclass(frozen=True)
class Recipe:
    """One training run; `load_recipe` reads one from a file.

    Attributes:
        name: of the weights it makes.
        network: "arch" or "arch.tag" of the registry (mammoscope.models.registry).
        weights: "none", "imagenet", or a file of weights to start from.
        folds: of the cross-validation, by group.
        seed: of the splits, the order, the augmentation and the initial heads.
        task, input, head, augment, optimiser: see their classes.
        stages: input sizes in order of training, the last being the input's; one of them, with
            optimiser.epochs, if none is given.
        sources: data sets to learn from together; the folder given is the only one if empty.
    """

    name: str = text()
    network: str = text("efficientnet_lite0")
    weights: str = text("imagenet")
    folds: int = number(5, 2)
    seed: int = number(0, 0)
    task: Task = Task()
    input: Input = Input()
    head: Head = Head()
    augment: Augment = Augment()
    optimiser: Optimiser = Optimiser()
    stages: tuple[Stage, ...] = ()
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.stages:
            only = Stage(self.optimiser.epochs, self.input.height, self.input.width)
            object.__setattr__(self, "stages", (only,))
        last = self.stages[-1]
        if (last.height, last.width) != (self.input.height, self.input.width):
            raise ConfigError(
                f"recipe: the last of stages is {last.height} x {last.width}, but input is "
                f"{self.input.height} x {self.input.width}; make them equal."
            )
        self._check_cells()
        if self.sources and not any(one.classes for one in self.sources):
            raise ConfigError("recipe: of no source the classes are learned; set classes = true.")

    def _check_cells(self) -> None:
        """A lesion map's cells divide the input evenly."""
        mapped = self.head.pooling == "map" or self.task.map_weight > 0
        for stage in self.stages:
            if mapped and (stage.height % CELL or stage.width % CELL):
                raise ConfigError(
                    f"recipe: input is {stage.height} x {stage.width}; a network with a lesion "
                    "map needs multiples of 32."
                )

    @property
    def epochs(self) -> int:
        """Over all stages."""
        return sum(stage.epochs for stage in self.stages)

    @property
    def cell(self) -> int:
        """Side of a cell of the lesion map in pixels of the input."""
        return FINE_CELL if self.head.findings else CELL

    @property
    def preprocess(self) -> PreprocessParams:
        """What the product does before the network."""
        return PreprocessParams(
            height=self.input.height,
            width=self.input.width,
            margin=self.input.margin,
            sharpen=float(self.input.sharpen),
            kind=self.input.kind,
            letterbox=self.input.letterbox,
        )

    @property
    def sha256(self) -> str:
        """Of the recipe's values: comments, such as the measured result, may change.

        Fields that came later count where they are used, so that earlier runs keep their hash.
        """
        values = asdict(self)
        if not self.sources:
            del values["sources"]
        if not self.head.findings:
            del values["head"]["findings"]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def stage_at(self, epoch: int) -> Stage:
        """The stage that epoch number `epoch` (from 0) belongs to."""
        for stage in self.stages:
            if epoch < stage.epochs:
                return stage
            epoch -= stage.epochs
        return self.stages[-1]


TABLES = {
    "task": Task,
    "input": Input,
    "head": Head,
    "augment": Augment,
    "optimiser": Optimiser,
}


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a TOML recipe.

    Args:
        path: the file.
        overrides: "key=value" words that replace the file's values, such as "optimiser.epochs=1".

    Raises:
        ConfigError: no such file, not TOML, an unknown field, or an impossible value.
    """
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); give a recipe from configs/."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML ({error}); mend that line.") from error
    try:
        return build_recipe(overridden(table, overrides))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def build_recipe(table: Mapping[str, Any]) -> Recipe:
    """A recipe from the tables of its file; see `load_recipe`."""
    values = dict(table)
    for name, kind in TABLES.items():
        if name in values:
            values[name] = _table(kind, values[name], name)
    if "stages" in values:
        if "epochs" in dict(table.get("optimiser", {})):
            raise ConfigError("recipe: optimiser.epochs and stages are both given; keep one.")
        values["stages"] = tuple(_table(Stage, stage, "stages") for stage in values["stages"])
    if "sources" in values:
        values["sources"] = tuple(_table(Source, one, "sources") for one in values["sources"])
    made: Recipe = _table(Recipe, values, "")
    return made


def _table(kind: type[Any], values: Any, where: str) -> Any:
    inside = f" in [{where}]" if where else ""
    known = {one.name: one for one in fields(kind)}
    if not isinstance(values, Mapping):
        raise ConfigError(f"recipe: {where} is {values!r}; give a table [{where}].")
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigError(
            f"recipe: unknown field {unknown[0]!r}{inside}; known are {', '.join(known)}."
        )
    missing = [
        name
        for name, one in known.items()
        if name not in values and (one.default is MISSING or kind is Stage)
    ]
    if missing:
        raise ConfigError(f"recipe: field {missing[0]!r}{inside} is missing; add it.")
    return kind(**values)

"""Precision variants of a finished run's networks, each with what it changes, before any may ship.

    python -m mammoscope.train.variants runs/busi_lite0 --data busi/ --out variants/busi_lite0

Every fold's network is exported and judges the images that the fold held out, one at a time under
the product's runtime, as

- fp32, the reference, after parity with torch;
- bf16, the same file, where the processor computes in bfloat16; elsewhere the table says so;
- int8, quantised with images that this fold's network learned from and no others.

OUT then holds FOLD/VARIANT/predictions.csv and network.onnx, and the table as variants.md and
variants.json. A variant may ship if the lower end of the 95 % interval of its change of AUC is
above minus --margin: a rule to be chosen before the table is seen. What is finished is skipped,
so the same command can be typed again after a stop, or on a computer with bf16.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from scipy.special import softmax

from mammoscope.errors import ConfigError, WeightsError
from mammoscope.files import write_atomic
from mammoscope.infer.engine import Engine, Precision, load_engine
from mammoscope.models.card import NETWORK_FILE
from mammoscope.train.config import Recipe
from mammoscope.train.dataset import TrainingSet, load_training_set
from mammoscope.train.export import output_names, parity, to_onnx
from mammoscope.train.finished import held_out, recipe_of
from mammoscope.train.loop import Judged
from mammoscope.train.losses import log_shares
from mammoscope.train.predictions import prediction_table, write_predictions
from mammoscope.train.quantised import quantised
from mammoscope.train.run import WEIGHTS, trained
from mammoscope.train.stacked import Stacked
from mammoscope.train.variants_table import RECORD, REFERENCE, Rule, write_table

VARIANTS: dict[str, Precision] = {REFERENCE: "f32", "bf16": "bf16", "int8": "f32"}
"""By name, the precision in which a runtime computes what the file leaves open."""
_COMPARED, _WARM_UP = 16, 3
"""Images on which torch and the runtimes must agree, and those judged before the clock runs."""


@dataclass(frozen=True)
class Args:
    """Measure what bf16 and int8 change in the networks of a finished run, before any may ship.

    For example:
      python -m mammoscope.train.variants runs/busi_lite0/ --data busi/ --out variants/
    """

    run: Annotated[Path, tyro.conf.Positional]
    """The run's folder, as `mammoscope train` writes one, with all folds finished."""
    data: Path
    """The folder it was trained on."""
    out: Path
    """Folder for networks, predictions and the table."""
    recipe: Path | None = None
    """The run's recipe, where its folder does not say (0/start.json)."""
    cache: Path | None = None
    """Folder of the prepared images; the run's if not given."""
    calibration: int = 64
    """Images, of those a fold learned from, that set the scales of int8."""
    margin: float = 0.005
    """Loss of AUC that the interval of a variant that may ship excludes."""
    resamples: int = 2000
    """Of the bootstrap by group."""
    seed: int = 0
    """Of the resampling and of which images set the scales."""


@dataclass(frozen=True, eq=False)
class _Fold:
    """A finished fold.

    Attributes:
        args: of the command.
        recipe: of the run.
        data: all of it.
        held: (m,) rows that the fold held out.
        number: of the fold.
    """

    args: Args
    recipe: Recipe
    data: TrainingSet
    held: NDArray[np.int64]
    number: int

    @property
    def run(self) -> Path:
        """Its folder in the run."""
        return self.args.run / str(self.number)

    def folder(self, variant: str) -> Path:
        """What is made of it."""
        return self.args.out / str(self.number) / variant

    def stamp(self, variant: str) -> str:
        """Of all that a variant depends on."""
        weights = hashlib.sha256((self.run / WEIGHTS).read_bytes()).hexdigest()
        parts = [weights, self.data.sha256]
        if variant == "int8":
            parts += [str(self.args.calibration), str(self.args.seed)]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def variants(args: Args) -> tuple[str, list[Path]]:
    """Do what the module says; returns the table as Markdown, and the files it is in.

    Raises:
        ConfigError: the run is not finished, or was of another recipe or other data; an option
            says something impossible; OUT holds variants of something else.
        WeightsError: the exported network differs from torch's.
    """
    if args.calibration < 1:
        raise ConfigError(f"--calibration is {args.calibration}; give at least 1 image.")
    rule = Rule(args.margin, args.resamples, args.seed)
    recipe = recipe_of(args.run, args.recipe)
    data = load_training_set(args.data, recipe, args.cache or args.run)
    parts = [
        _Fold(args, recipe, data, held, fold)
        for fold, held in enumerate(held_out(args.run, recipe, data))
    ]
    why: dict[str, str] = {}
    for part in parts:
        why |= _measured(part)
    return write_table(args.out, list(VARIANTS), why, args.run, recipe, data, rule)


def _measured(part: _Fold) -> dict[str, str]:
    """Make the variants that are not finished; returns why by those that cannot be had here."""
    why: dict[str, str] = {}
    for variant in VARIANTS:
        if _is_done(part, variant):
            continue
        print(f"fold {part.number}, {variant}: {len(part.held)} images", file=sys.stderr)
        if told := _measure(part, variant):
            why[variant] = told
    return why


def _is_done(part: _Fold, variant: str) -> bool:
    record = part.folder(variant) / RECORD
    if not record.is_file():
        return False
    if json.loads(record.read_text(encoding="utf-8"))["of"] != part.stamp(variant):
        raise ConfigError(
            f"{part.folder(variant)}: holds a variant of other weights, data or options; "
            "give another --out, or remove that folder."
        )
    return True


def _measure(part: _Fold, variant: str) -> str:
    """Make and judge a variant; returns "" or why it cannot be had here."""
    folder = part.folder(variant)
    network, names = _network(part, variant)
    try:
        engine = load_engine(network, "auto", VARIANTS[variant], names)
    except ConfigError as error:
        if variant == REFERENCE:
            raise
        return str(error)
    judged, ms = judged_singly(engine, names, part.data.pixels, part.held)
    table = prediction_table(
        part.data.rows["image_path"].iloc[part.held], judged, part.recipe.task, part.number
    )
    write_predictions(folder, table, judged, part.recipe.task)
    record = {
        "of": part.stamp(variant),
        "outputs": list(names),
        "runtime": engine.runtime,
        "size_bytes": len(network),
        "ms": ms,
    }
    write_atomic(folder / RECORD, (json.dumps(record, indent=2) + "\n").encode())
    return ""


def _network(part: _Fold, variant: str) -> tuple[bytes, tuple[str, ...]]:
    """A variant's network and the names of its outputs; the file is kept where it is new."""
    reference = part.folder(REFERENCE)
    if variant == REFERENCE:
        network, names = _exported(part)
    else:
        network = (reference / NETWORK_FILE).read_bytes()
        record = json.loads((reference / RECORD).read_text(encoding="utf-8"))
        names = tuple(record["outputs"])
    if variant == "int8":
        pixels = part.data.pixels[_calibration(part)]
        network = quantised(network, pixels)
    if variant != "bf16":
        write_atomic(part.folder(variant) / NETWORK_FILE, network)
    return network, names


def _exported(part: _Fold) -> tuple[bytes, tuple[str, ...]]:
    network = trained(part.recipe, part.run / WEIGHTS)
    onnx = to_onnx(network, part.recipe.input.height, part.recipe.input.width)
    parity(network, onnx, part.data.pixels[part.held[:_COMPARED]])
    return onnx, output_names(network)


def _calibration(part: _Fold) -> NDArray[np.int64]:
    """Rows drawn from those that the fold's network learned from."""
    learned = np.setdiff1d(np.arange(len(part.data.rows)), part.held)
    generator = np.random.default_rng([part.args.seed, part.number])
    count = min(part.args.calibration, len(learned))
    return np.sort(generator.choice(learned, count, replace=False))


def judged_singly(
    engine: Engine,
    names: Sequence[str],
    pixels: NDArray[np.uint8] | Stacked,
    rows: NDArray[np.int64],
) -> tuple[Judged, float]:
    """Judge images one at a time, as the product does.

    Args:
        engine: a loaded network.
        names: of its outputs, in order.
        pixels: (n, height, width) uint8 prepared images.
        rows: (m,) those to judge, m > 0.

    Returns:
        What it said of the m images, and the median time of one in ms.
    """
    said: list[list[NDArray[np.float32]]] = []
    taken: list[float] = []
    for row in (*rows[:_WARM_UP], *rows):
        one = np.array(pixels[row])[None]  # from disk before the clock runs
        began = time.perf_counter()
        said.append(engine.arrays(one))
        taken.append(time.perf_counter() - began)
    spare = len(taken) - len(rows)
    outputs = [np.concatenate(arrays) for arrays in zip(*said[spare:], strict=True)]
    return _judged(dict(zip(names, outputs, strict=True))), 1000 * float(np.median(taken[spare:]))


def _judged(outputs: dict[str, Any]) -> Judged:
    """The outputs that `mammoscope.train.export` names, as the training's own code has them."""
    logits = outputs["logits"] if "logits" in outputs else outputs["malignancy"][:, None]
    density, lesion_map = outputs.get("density"), outputs.get("lesion_map")
    return Judged(
        log_shares(torch.from_numpy(logits).double()).numpy(),
        None if density is None else softmax(density.astype(np.float64), 1),
        None if lesion_map is None else lesion_map.astype(np.float64),
    )


def main() -> None:
    """Command line; see the module's text."""
    try:
        markdown, files = variants(tyro.cli(Args))
    except (ConfigError, WeightsError) as error:
        sys.exit(f"mammoscope.train.variants: {error}")
    print(markdown)
    for path in files:
        print(path, file=sys.stderr)


if __name__ == "__main__":
    main()

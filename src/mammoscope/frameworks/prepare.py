"""A case's folder: real images in the order of one epoch, and the weights they start from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from mammoscope.data.manifest import read_table
from mammoscope.errors import ConfigError
from mammoscope.frameworks.case import Case, Given, save_case
from mammoscope.frameworks.native import bare_network, examples, recipe_of, starting_point
from mammoscope.models.networks import Network
from mammoscope.train.dataset import load_training_set
from mammoscope.train.sampling import seed_of

_TASKS = (
    ("pathology", ("normal", "benign", "malignant")),
    ("pathology", ("benign", "malignant")),
    ("cancer", ("0", "1")),
)
"""What is learned: the first of them of which the manifest has all classes."""
_FAINT = 0.2
"""What the last batch norm of a ResNet's block begins with."""


def task_of(data: Path) -> tuple[str, tuple[str, ...]]:
    """Column and classes that the images of a folder can teach.

    Raises:
        ConfigError: no manifest, or no classes in it.
    """
    manifest = data / "manifest.csv"
    if not manifest.is_file():
        raise ConfigError(f"{manifest}: no such file; give the folder that holds manifest.csv.")
    table = read_table(manifest)
    for target, classes in _TASKS:
        if target in table and set(classes) <= set(table[target]):
            return target, classes
    raise ConfigError(
        f"{manifest}: no images of at least two classes (pathology benign and malignant, or "
        "cancer 0 and 1); give a data set with them."
    )


def prepare_case(case: Case, data: Path, cache: Path, folder: Path) -> None:
    """Write a case's folder, as `case.load_case` reads it.

    Args:
        case: what is measured.
        data: folder with manifest.csv.
        cache: folder that keeps the prepared images for the next time.
        folder: of the case.

    Raises:
        ConfigError: the data set has fewer images than the epoch shows.
    """
    recipe = recipe_of(case)
    images = load_training_set(data, recipe, cache)
    wanted = case.batch * case.steps
    if len(images.rows) < wanted:
        raise ConfigError(
            f"--batch {case.batch} and --steps {case.steps} take {wanted} images, but "
            f"{data / 'manifest.csv'} has {len(images.rows)} usable ones; give smaller numbers."
        )
    generator = np.random.default_rng(seed_of("frameworks", case.seed))
    rows = generator.permutation(len(images.rows))[:wanted]
    pixels, target = np.stack([images.pixels[row] for row in rows]), images.target[rows]
    torch.manual_seed(seed_of("start", case.seed))
    network = bare_network(recipe)
    _begin_faint(network)
    first = examples(pixels[: case.batch], target[: case.batch], len(case.classes))
    save_case(folder, Given(case, pixels, target, *starting_point(network, first)))


def _begin_faint(network: Network) -> None:
    """Let the blocks of a ResNet add little at first.

    From the usual start rounding grows so fast that no two frameworks agree after two steps.
    Source: Goyal et al., "Accurate, large minibatch SGD", 2017, who let them add nothing.
    """
    for name, module in network.named_modules():
        if name.endswith(".bn3"):
            nn.init.constant_(module.weight, _FAINT)

"""What every framework gets: a folder with the same data, weights and recipe.

Knows no framework, so that the process that measures one need not load another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

MOMENTUM, CLIP = 0.9, 5.0
"""Of stochastic gradient descent; the second is the gradient's largest norm."""
POOLED = 7
"""The plain network averages its features to so many cells a side before its dense layers."""
_CASE, _DATA, _WEIGHTS, _ANSWERS = "case.json", "data.npz", "weights.npz", "answers.npy"

Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Case:
    """One measurement but for the framework.

    Attributes:
        network: "resnet50" or "plain_cnn".
        target: the manifest's column that is learned.
        classes: its values in order; two share one logit.
        size: height and width of a picture.
        batch: pictures a step.
        steps: of the epoch.
        rate: of learning; constant.
        mean, std: of a grey pixel in [0, 1], by which the network scales its input.
        device: "cpu" or "cuda".
        threads: of the CPU.
        seed: of the weights and of the pictures and their order.
    """

    network: str
    target: str
    classes: tuple[str, ...]
    size: int
    batch: int
    steps: int
    rate: float
    mean: float
    std: float
    device: Literal["cpu", "cuda"]
    threads: int
    seed: int

    @property
    def logits(self) -> int:
        """Number of logits."""
        return 1 if len(self.classes) == 2 else len(self.classes)


@dataclass(frozen=True, eq=False)
class Given:
    """What lies in a case's folder.

    Attributes:
        case: the case.
        pixels: (steps * batch, size, size) uint8, in the order of the epoch.
        target: (steps * batch,) int64 classes.
        weights: by the names of the native PyTorch network.
        answers: (batch, logits) of that network for the first batch, before any step.
    """

    case: Case
    pixels: NDArray[np.uint8]
    target: NDArray[np.int64]
    weights: Weights
    answers: NDArray[np.float32]

    def batches(self) -> list[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        """The epoch's batches in order."""
        size = self.case.batch
        starts = range(0, len(self.target), size)
        return [(self.pixels[at : at + size], self.target[at : at + size]) for at in starts]


def save_case(folder: Path, given: Given) -> None:
    """Write what `load_case` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / _DATA, pixels=given.pixels, target=given.target)
    arrays: dict[str, Any] = dict(given.weights)
    np.savez(folder / _WEIGHTS, **arrays)
    np.save(folder / _ANSWERS, given.answers)
    (folder / _CASE).write_text(json.dumps(asdict(given.case)), encoding="utf-8")


def load_case(folder: Path) -> Given:
    """Read what `save_case` wrote."""
    values = json.loads((folder / _CASE).read_text(encoding="utf-8"))
    case = Case(**values | {"classes": tuple(values["classes"])})
    with np.load(folder / _DATA) as data, np.load(folder / _WEIGHTS) as weights:
        return Given(
            case, data["pixels"], data["target"], dict(weights), np.load(folder / _ANSWERS)
        )


def cross_entropy(logits: NDArray[np.float64], target: NDArray[np.int64]) -> float:
    """The mean over pictures, by one definition for all frameworks.

    Args:
        logits: (n, k), or (n, 1) of two classes' second.
        target: (n,) classes.
    """
    whole = np.hstack([np.zeros_like(logits), logits]) if logits.shape[1] == 1 else logits
    return float(-log_softmax(whole, axis=1)[np.arange(len(target)), target].mean())

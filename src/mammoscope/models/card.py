"""Weights on disk: a folder with network.onnx and the card.json that describes it.

The card carries all that is not in the network: how an image must be prepared, how raw outputs
become probabilities, the operating points, the data and its terms, the recipe, what was measured
and what the model must not be used for. Nothing here needs torch.

There are weights for three purposes: "mammogram" reads whole mammograms; "ultrasound" and
"region" are of a breast ultrasound picture and of a region of a mammogram. The last two are
classifiers, whose cards also name their "classes", those that count as cancer ("positive") and
their "outputs"; of whole mammograms there may be classifiers too, which tell no places.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from mammoscope.errors import ConfigError, WeightsError
from mammoscope.files import write_atomic
from mammoscope.preprocess import PreprocessParams
from mammoscope.types import DENSITY_GRADES, ModelInfo, NotSure, OperatingPoint

Purpose = Literal["mammogram", "ultrasound", "region"]

DEFAULT_WEIGHTS = "reader"
SHIPPED: dict[Purpose, str] = {
    "mammogram": DEFAULT_WEIGHTS,
    "ultrasound": "ultrasound-first",
    "region": "region-first",
}
"""The weights that are taken for a purpose where none are named."""
NETWORK_FILE = "network.onnx"
CARD_FILE = "card.json"
_REQUIRED = ("name", "sha256", "preprocess", "calibration", "operating_points")
_READER_FIELDS = ("preprocess", "platt", "map_platt", "operating_points")
_CLASSIFIER_FIELDS = ("preprocess", "platt", "classes", "positive", "operating_points")
_OPTIONAL_FIELDS = ("density_classes", "platt_covariance", "not_sure")


@dataclass(frozen=True)
class Weights:
    """One set of weights.

    Attributes:
        name: as the card gives it.
        folder: holds network.onnx and card.json.
        card: the card's content.
    """

    name: str
    folder: Path
    card: Mapping[str, Any]

    @property
    def network(self) -> Path:
        """The ONNX file."""
        return self.folder / NETWORK_FILE

    def info(self, runtime: str) -> ModelInfo:
        """What a report says of the weights that spoke, and through which runtime."""
        return ModelInfo(self.name, self.card["sha256"], runtime, self.card)

    @property
    def purpose(self) -> str:
        """What they judge, one of Purpose."""
        return str(self.card.get("purpose", "mammogram"))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of a classifier's classes, in the order of its logits; empty for a reader."""
        return tuple(str(name) for name in self.card.get("classes", ()))

    @property
    def positive(self) -> tuple[str, ...]:
        """Which of `classes` count as cancer: some, and not all.

        Raises:
            ValueError: the card says something else.
        """
        positive = tuple(str(name) for name in self.card["positive"])
        if not 0 < len(set(positive) & set(self.classes)) < len(self.classes):
            raise ValueError(f"{list(positive)} of the classes {list(self.classes)}")
        return positive

    @property
    def density_classes(self) -> tuple[tuple[str, ...], ...] | None:
        """Classes of the density grades A, B, C, D, where a classifier's classes tell them.

        Raises:
            ValueError: they are not all of the classes, each once.
        """
        given = self.card.get("density_classes")
        if given is None:
            return None
        grades = tuple(tuple(str(name) for name in given[grade]) for grade in DENSITY_GRADES)
        if not all(grades) or sorted(sum(grades, ())) != sorted(self.classes):
            raise ValueError(f"{given} of the classes {list(self.classes)}")
        return grades

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of a classifier's outputs, as `mammoscope.infer.engine.load_engine` takes them."""
        return tuple(str(name) for name in self.card.get("outputs", ("logits",)))

    @property
    def preprocess(self) -> PreprocessParams:
        """How an image must be prepared for this network."""
        return PreprocessParams.from_mapping(self.card["preprocess"])

    @property
    def platt(self) -> tuple[float, float]:
        """(slope, intercept): calibrated logit = slope * raw logit + intercept."""
        platt = self.card["calibration"]["platt"]
        return float(platt["slope"]), float(platt["intercept"])

    @property
    def platt_covariance(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """Covariance of `platt`'s (slope, intercept); None if the card does not give it.

        Raises:
            ValueError: what the card gives is no covariance.
        """
        given = self.card["calibration"]["platt"].get("covariance")
        if given is None:
            return None
        (a, b), (other, c) = ((float(first), float(second)) for first, second in given)
        # The margin is for rounding, where slope and intercept are almost perfectly correlated.
        if b != other or not (a >= 0 and c >= 0 and b * b <= a * c * (1 + 1e-9)):
            raise ValueError(f"{given} is not the covariance of two numbers")
        return (a, b), (b, c)

    @property
    def not_sure(self) -> NotSure | None:
        """The band of breast malignancy in which the program is not sure; None if not given.

        Raises:
            ValueError: its ends or its error are no probabilities.
        """
        given = self.card.get("not_sure")
        if given is None:
            return None
        band = NotSure(*(float(given[name]) for name in ("low", "high", "alpha")))
        if not all(0 <= value <= 1 for value in (band.low, band.high, band.alpha)):
            raise ValueError(f"{band} holds values outside 0 to 1")
        return band

    @property
    def map_platt(self) -> tuple[float, float]:
        """(slope, intercept) for the lesion map, fitted on each image's highest cell."""
        platt = self.card["calibration"]["map"]
        return float(platt["slope"]), float(platt["intercept"])

    @property
    def operating_points(self) -> tuple[OperatingPoint, ...]:
        """The card's thresholds on calibrated breast malignancy."""
        return tuple(OperatingPoint(**point) for point in self.card["operating_points"])

    def operating_point(self, name: str | None = None) -> OperatingPoint:
        """The operating point of that name; the card's default one (its first) for None.

        Raises:
            WeightsError: the card has none of that name.
        """
        points = {point.name: point for point in self.operating_points}
        wanted = name or str(self.card.get("default_operating_point", next(iter(points))))
        if wanted not in points:
            raise WeightsError(
                f"{self.name}: there is no operating point {wanted!r}; "
                f"choose one of {', '.join(points)}."
            )
        return points[wanted]


def shipped_folder() -> Path:
    """Where the weights that come with the package lie, one folder each."""
    return Path(str(resources.files("mammoscope.models"))) / "weights"


def list_weights() -> list[Weights]:
    """All weights that come with the package, by name."""
    folders = sorted(path.parent for path in shipped_folder().glob(f"*/{CARD_FILE}"))
    return [load_card(folder) for folder in folders]


def is_shipped(purpose: Purpose) -> bool:
    """Whether the package comes with weights for this purpose."""
    return (shipped_folder() / SHIPPED[purpose] / CARD_FILE).is_file()


def load_card(weights: str | Path | None = None, purpose: Purpose | None = None) -> Weights:
    """Find weights by the name of shipped ones, or by their folder, and read the card.

    Args:
        weights: None is those that ship for the purpose.
        purpose: what they are wanted for; None takes any, and for `weights` None the reader's.

    Raises:
        WeightsError: nothing of that name, its card is missing, broken or incomplete, or they
            are for another purpose.
    """
    found = _load(SHIPPED[purpose or "mammogram"] if weights is None else weights)
    if purpose is not None and found.purpose != purpose:
        raise WeightsError(
            f"{found.folder / CARD_FILE}: the purpose of these weights is {found.purpose!r}, not "
            f"{purpose!r}; `mammoscope models list` shows which weights are for what."
        )
    return found


def _load(weights: str | Path) -> Weights:
    folder = _find(weights)
    path = folder / CARD_FILE
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{path}: the model card cannot be read ({error}); "
            "restore the folder from the package or export the weights again."
        ) from error
    missing = [key for key in _REQUIRED if not isinstance(card, dict) or key not in card]
    if missing:
        raise WeightsError(
            f"{path}: the model card has no field {missing[0]!r}; export the weights again."
        )
    found = Weights(card["name"], folder, card)
    _check(path, found)
    return found


def _check(path: Path, weights: Weights) -> None:
    """Build what the card describes once, so that a broken field is told before it is used."""
    for field in (*_fields(weights), *_OPTIONAL_FIELDS):
        try:
            found = getattr(weights, field)
        except (ConfigError, KeyError, TypeError, ValueError) as error:
            raise WeightsError(
                f"{path}: the model card's {field} cannot be used ({error}); "
                "export the weights again."
            ) from error
        if not found and field not in _OPTIONAL_FIELDS:
            raise WeightsError(f"{path}: the model card's {field} is empty; export it again.")


def _fields(weights: Weights) -> tuple[str, ...]:
    if "classes" not in weights.card:
        return _READER_FIELDS
    return (*_CLASSIFIER_FIELDS, *(("map_platt",) if "lesion_map" in weights.outputs else ()))


def _find(weights: str | Path) -> Path:
    shipped = shipped_folder() / str(weights)
    if isinstance(weights, str) and (shipped / CARD_FILE).is_file():
        return shipped
    folder = Path(weights)
    if folder.is_dir():
        return folder
    known = ", ".join(sorted(path.parent.name for path in shipped_folder().glob(f"*/{CARD_FILE}")))
    raise WeightsError(
        f"{weights}: no weights of that name and no such folder; "
        f"shipped are {known or 'none'}; or give a folder with {NETWORK_FILE} and {CARD_FILE}."
    )


def verify(weights: Weights) -> bytes:
    """Read the network file and check it against the card; returns its bytes.

    Raises:
        WeightsError: the file is missing, or its sha256 is not the card's.
    """
    try:
        content = weights.network.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"{weights.network}: cannot be read ({error.strerror}); "
            "restore the folder from the package or export the weights again."
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != weights.card["sha256"]:
        raise WeightsError(
            f"{weights.network}: sha256 is {found[:12]}…, the card says "
            f"{str(weights.card['sha256'])[:12]}…; the file was altered or damaged: "
            "install the package again or export the weights again."
        )
    return content


def write_weights(out: Path, network: bytes, card: dict[str, Any]) -> dict[str, Any]:
    """Write network.onnx and card.json to the folder `out`; returns the card with the sha256.

    Raises:
        ConfigError: the files cannot be written.
    """
    card = {**card, "sha256": hashlib.sha256(network).hexdigest(), "size_bytes": len(network)}
    text = json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    for name, content in ((NETWORK_FILE, network), (CARD_FILE, text.encode())):
        write_atomic(out / name, content)
    return card

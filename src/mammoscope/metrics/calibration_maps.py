"""Five maps from probability to probability, frozen and JSON-able; `recalibration` fits them.

Probabilities of exactly 0 or 1 enter as logits of -30 and 30, but for `Isotonic`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, log_expit

from mammoscope.errors import ConfigError
from mammoscope.metrics.probabilities import logits_of
from mammoscope.metrics.roc import Floats


class Recalibration(Protocol):
    """A map from probabilities to probabilities."""

    def apply(self, prob: ArrayLike) -> Floats:
        """Probabilities in [0, 1] of the same shape as `prob`."""


@dataclass(frozen=True)
class Shift:
    """P = sigmoid(logit(prob) + offset): other odds, the same ranking and spread.

    Attributes:
        offset: in logits.
    """

    offset: float

    def apply(self, prob: ArrayLike) -> Floats:
        """Probabilities in [0, 1] of the same shape as `prob`."""
        return _sigmoid(logits_of(prob) + self.offset)


@dataclass(frozen=True)
class Temperature:
    """P = sigmoid(logit(prob) / temperature): above 1 it pulls towards one half.

    Attributes:
        temperature: above 0, no unit.
    """

    temperature: float

    def apply(self, prob: ArrayLike) -> Floats:
        """Probabilities in [0, 1] of the same shape as `prob`."""
        return _sigmoid(logits_of(prob) / self.temperature)


@dataclass(frozen=True)
class Platt:
    """P = sigmoid(slope * logit(prob) + intercept).

    Attributes:
        slope: no unit.
        intercept: in logits.
    """

    slope: float
    intercept: float

    def apply(self, prob: ArrayLike) -> Floats:
        """Probabilities in [0, 1] of the same shape as `prob`."""
        return _sigmoid(self.slope * logits_of(prob) + self.intercept)


@dataclass(frozen=True)
class Isotonic:
    """A rising curve through points, linear between and constant beyond them.

    Attributes:
        prob: (k,) predicted probabilities, rising.
        observed: (k,) what to tell instead, not falling.
    """

    prob: tuple[float, ...]
    observed: tuple[float, ...]

    def apply(self, prob: ArrayLike) -> Floats:
        """Probabilities in [0, 1] of the same shape as `prob`."""
        return np.asarray(np.interp(np.asarray(prob, np.float64), self.prob, self.observed))


@dataclass(frozen=True)
class Beta:
    """P = sigmoid(a * log(prob) - b * log(1 - prob) + c).

    Attributes:
        a, b: at least 0, no unit; Platt's map is the case a = b.
        c: in logits.
    """

    a: float
    b: float
    c: float

    def apply(self, prob: ArrayLike) -> Floats:
        """Probabilities in [0, 1] of the same shape as `prob`."""
        below, above = logit_halves(logits_of(prob))
        return _sigmoid(self.a * below + self.b * above + self.c)


def to_dict(calibration: Recalibration) -> dict[str, Any]:
    """The map as {"kind": "platt", "slope": ..., "intercept": ...}, ready for JSON."""
    for name, kind in _KINDS.items():
        if isinstance(calibration, kind):
            return {"kind": name, **asdict(calibration)}
    raise ConfigError(f"{type(calibration).__name__} is no map of this module.")


def from_dict(parameters: Mapping[str, Any]) -> Recalibration:
    """The map that `to_dict` wrote.

    Raises:
        ConfigError: unknown kind, or fields that are not those of the kind.
    """
    fields = dict(parameters)
    kind = _KINDS.get(fields.pop("kind", ""))
    if kind is None or set(fields) != set(kind.__dataclass_fields__):
        raise ConfigError(
            f"A calibration has kind {parameters.get('kind')!r} and fields {sorted(fields)}; "
            "give one written by to_dict."
        )
    found: Recalibration = kind(
        **{k: tuple(v) if isinstance(v, list | tuple) else float(v) for k, v in fields.items()}
    )
    return found


def logit_halves(logits: Floats) -> tuple[Floats, Floats]:
    """log(p) and -log(1 - p), whose sum is the logit, without loss near 0 and 1."""
    return log_expit(logits), -log_expit(-logits)


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(expit(logits), np.float64)


_KINDS: dict[str, type[Any]] = {
    kind.__name__.lower(): kind for kind in (Shift, Temperature, Platt, Isotonic, Beta)
}

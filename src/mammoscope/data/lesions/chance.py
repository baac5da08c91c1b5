"""Plausible random lesions: which words go together, and how large each kind is.

Sizes. Invasive cancers found by screening have a median of 12 to 15 mm, more in denser breasts
(Breast Cancer Research 6, Suppl 1, 2004, P14, 2,430 cancers), as the pathologist measures them.
What readers outline on mammograms is larger: 20 mm in the median, 10 to 36 mm from the 10th to
the 90th percentile, in mini-MIAS and CDD-CESM alike. The sizes here are longest diameters in space,
of which a view shows a little less, and follow the readers, so that boxes are like those of
real data. Which words go with which pathology, and how often, follows the likelihoods that the
BI-RADS atlas gives its descriptors, in round numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mammoscope.data.lesions.description import KINDS, Kind, Lesion, Pathology
from mammoscope.data.synth_shape import stream
from mammoscope.errors import ConfigError

Weights = Mapping[str, float]

_KIND: Weights = {"mass": 0.55, "calcification": 0.25, "distortion": 0.08, "asymmetry": 0.12}
_MASS_MM = {"benign": (17.0, 0.50), "malignant": (21.0, 0.50)}
"""Median in mm and spread of the logarithm."""
_SHAPE: dict[str, Weights] = {
    "benign": {"round": 0.25, "oval": 0.50, "lobulated": 0.25},
    "malignant": {"round": 0.08, "oval": 0.12, "lobulated": 0.15, "irregular": 0.65},
}
_MARGIN: dict[str, Weights] = {
    "benign": {"circumscribed": 0.65, "obscured": 0.25, "indistinct": 0.10},
    "malignant": {"obscured": 0.05, "microlobulated": 0.15, "indistinct": 0.35, "spiculated": 0.45},
}
_DENSITY: dict[str, Weights] = {
    "benign": {"low": 0.35, "equal": 0.55, "high": 0.10},
    "malignant": {"low": 0.10, "equal": 0.50, "high": 0.40},
}
_MORPHOLOGY: dict[str, Weights] = {
    "benign": {
        "punctate": 0.25,
        "round": 0.25,
        "popcorn": 0.12,
        "rim": 0.10,
        "vascular": 0.18,
        "milk_of_calcium": 0.10,
    },
    "malignant": {"amorphous": 0.25, "fine_pleomorphic": 0.50, "fine_linear": 0.25},
}
_DISTRIBUTION: dict[str, Weights] = {
    "benign": {"grouped": 0.7, "regional": 0.3},
    "malignant": {"grouped": 0.6, "linear": 0.2, "segmental": 0.2},
}
_CLUSTER_MM = {
    "grouped": (9.0, 0.40),
    "linear": (15.0, 0.35),
    "segmental": (26.0, 0.30),
    "regional": (30.0, 0.25),
}
"""A group is by definition within 2 cm or so, a region beyond it (BI-RADS)."""
_SINGLE_MM = {"popcorn": (8.0, 0.40), "rim": (5.0, 0.45), "vascular": (32.0, 0.35)}
_OTHER_MM = {"distortion": (26.0, 0.30), "asymmetry": (22.0, 0.35)}


def random_lesion(
    seed: int, kind: Kind | None = None, pathology: Pathology | None = None
) -> Lesion:
    """A lesion as it might come; kind and pathology are drawn too unless given.

    Raises:
        ConfigError: seed, kind or pathology is impossible.
    """
    if seed < 0:
        raise ConfigError(f"seed is {seed}; give a whole number from 0 upwards.")
    rng = stream(seed, "lesion", "words")
    drawn_kind, drawn_pathology = _pick(rng, _KIND), "malignant" if rng.random() < 0.6 else "benign"
    drawn = next(k for k in KINDS if k == drawn_kind)
    chosen: Kind = drawn if kind is None else kind
    outcome: Pathology = pathology or ("malignant" if drawn_pathology == "malignant" else "benign")
    if kind is not None and kind not in KINDS:
        raise ConfigError(f"kind is {kind!r}; give one of {', '.join(KINDS)}.")
    if chosen == "mass":
        return _mass(seed, outcome, rng)
    if chosen == "calcification":
        return _calcification(seed, outcome, rng)
    density = _pick(rng, _DENSITY[outcome])
    size = _size(rng, _OTHER_MM[chosen], 10, 55)
    return Lesion(chosen, size, seed, outcome, density=density)


def _mass(seed: int, pathology: Pathology, rng: np.random.Generator) -> Lesion:
    return Lesion(
        "mass",
        _size(rng, _MASS_MM[pathology], 5, 50),
        seed,
        pathology,
        shape=_pick(rng, _SHAPE[pathology]),
        margin=_pick(rng, _MARGIN[pathology]),
        density=_pick(rng, _DENSITY[pathology]),
    )


def _calcification(seed: int, pathology: Pathology, rng: np.random.Generator) -> Lesion:
    morphology = _pick(rng, _MORPHOLOGY[pathology])
    distribution = _pick(rng, _DISTRIBUTION[pathology])
    if morphology in _SINGLE_MM:
        distribution = "linear" if morphology == "vascular" else "grouped"
    elif morphology == "fine_linear" and distribution == "grouped":
        distribution = "linear"
    size = _size(rng, _SINGLE_MM.get(morphology, _CLUSTER_MM[distribution]), 3, 60)
    return Lesion(
        "calcification", size, seed, pathology, morphology=morphology, distribution=distribution
    )


def _pick(rng: np.random.Generator, weights: Weights) -> str:
    chances = np.array(list(weights.values()))
    return list(weights)[int(rng.choice(len(chances), p=chances / chances.sum()))]


def _size(
    rng: np.random.Generator, median_spread: tuple[float, float], least: float, most: float
) -> float:
    median, spread = median_spread
    return float(np.clip(median * np.exp(spread * rng.standard_normal()), least, most))

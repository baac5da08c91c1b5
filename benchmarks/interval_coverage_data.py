"""Simulated screening whose true figures are known, and its resamples all at once.

A part of `interval_coverage.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from mammoscope.metrics.matching import Matches, marked
from mammoscope.metrics.resample import RankedScore, rank_scores

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

FPPI = (0.25, 1.0, 4.0)
FALSE_MARKS, FINDABLE, SECOND, LESION_ABOVE = 5.0, 0.9, 0.2, 2.0
"""False marks of an image; share of lesions marked at all; share of images of a cancer with a
second lesion; how far lesions score above false marks."""


@dataclass(frozen=True)
class Setting:
    """One population and one size of data set.

    Attributes:
        women: of a data set.
        prevalence: share of women with cancer.
        auc: true AUC of images.
        most: images of a woman, at most.
        correlation: of the scores of two images of a woman, given what they show.
        spread: standard deviation of the scores of cancers; that of the others is 1.
    """

    women: int
    prevalence: float
    auc: float
    most: int
    correlation: float
    spread: float = 1.0

    @property
    def apart(self) -> float:
        """How far images with cancer score above the others, in the others' deviations."""
        return float(np.hypot(1, self.spread) * ndtri(self.auc))

    @property
    def images(self) -> str:
        """Images of a woman and how alike they are, in words."""
        return "1" if self.most == 1 else f"1 to {self.most}, r = {self.correlation:g}"

    def draws(self) -> np.random.Generator:
        """Source of all chances of this setting, whatever else is simulated."""
        numbers = (self.women, self.prevalence, self.auc, self.most, self.correlation)
        return np.random.default_rng([round(1000 * number) for number in numbers])


@dataclass(frozen=True, eq=False)
class Images:
    """(n,) truth, code of the woman and score of each image; (women,) her own share of it."""

    truth: NDArray[np.bool_]
    woman: Rows
    score: Floats
    own: Floats

    @property
    def ill(self) -> int:
        """Number of women with cancer."""
        return len(np.unique(self.woman[self.truth]))


def images(setting: Setting, draw: np.random.Generator) -> Images:
    """A data set."""
    count = draw.integers(1, setting.most + 1, setting.women)
    woman = np.repeat(np.arange(setting.women), count)
    place = np.arange(len(woman)) - np.repeat(np.cumsum(count) - count, count)
    truth = (draw.random(setting.women) < setting.prevalence)[woman] & (place < 2)
    own = np.sqrt(setting.correlation) * draw.normal(size=setting.women)
    chance = np.sqrt(1 - setting.correlation) * draw.normal(size=len(woman))
    noise = (own[woman] + chance) * np.where(truth, setting.spread, 1)
    return Images(truth, woman, setting.apart * truth + noise, own)


def share_with_cancer(setting: Setting) -> float:
    """Expected images with cancer over expected images."""
    sizes = np.arange(1, setting.most + 1)
    return setting.prevalence * float(np.minimum(sizes, 2).mean() / sizes.mean())


def marks(setting: Setting, draw: np.random.Generator) -> tuple[Images, Matches]:
    """Images with one or two lesions each where they show cancer, and marks on them."""
    data = images(setting, draw)
    n, ill = len(data.truth), np.flatnonzero(data.truth)
    home = np.concatenate([ill, ill[draw.random(len(ill)) < SECOND]])
    hit = np.flatnonzero(draw.random(len(home)) < FINDABLE)
    false = np.repeat(np.arange(n), draw.poisson(FALSE_MARKS, n))
    image = np.concatenate([home[hit], false])
    lesion = np.concatenate([hit, np.full(len(false), -1)])
    chance = np.sqrt(1 - setting.correlation) * draw.normal(size=len(image))
    score = data.own[data.woman[image]] + chance + LESION_ABOVE * (lesion >= 0)
    return data, marked(image, score, lesion, home, n)


def true_sensitivity(rate: float) -> float:
    """Of lesions, at the threshold that makes `rate` false marks an image."""
    return FINDABLE * float(ndtr(LESION_ABOVE - ndtri(1 - rate / FALSE_MARKS)))


def true_wafroc(correlation: float) -> float:
    """Chance that a lesion is rated above the highest false mark of another woman's image.

    The number of false marks above x is Poisson, given the woman's own share u.
    """
    node, weight = np.polynomial.hermite_e.hermegauss(100)
    weight /= weight.sum()
    rating = LESION_ABOVE + node[:, None]
    beyond = (rating - np.sqrt(correlation) * node) / np.sqrt(1 - correlation)
    area = weight @ np.exp(-FALSE_MARKS * ndtr(-beyond)) @ weight
    return FINDABLE * float(area) + (1 - FINDABLE) * float(np.exp(-FALSE_MARKS)) / 2


def times_drawn(units: int, n: int, seed: int) -> Rows:
    """(units, n) how often each is drawn in n resamples, as `resample.patient_resamples` draws."""
    rows = np.random.default_rng(seed).integers(units, size=(n, units))
    rows += np.arange(n)[:, None] * units
    return np.ascontiguousarray(np.bincount(rows.ravel(), minlength=n * units).reshape(n, units).T)


def areas(ranked: RankedScore, times: Rows, share: Floats | float = 1.0) -> Floats:
    """(n,) what `ranked.auc` gives for each column of times, all at once.

    Args:
        ranked: p cancers.
        times: (patients, n).
        share: (p, 1) weight of each cancer.
    """
    total = np.cumsum(ranked.segments @ times, axis=0)
    total = np.concatenate([np.zeros_like(total[:1]), total])
    weight = times[ranked.cancer] * share
    wins = 0.5 * np.einsum("pn,pn->n", weight, total[ranked.below] + total[ranked.upto])
    pairs = weight.sum(axis=0) * total[-1]
    nothing = np.full(len(pairs), np.nan)
    return np.asarray(np.divide(wins, pairs, out=nothing, where=pairs > 0))


def sensitivities(matches: Matches, times: Rows) -> Floats:
    """(rates, n) what `froc.sensitivity_at` gives at FPPI for each column of image counts.

    Scores must be distinct: a lesion is found if it scores above the first false mark too many.
    """
    false = np.flatnonzero(matches.false_positive)
    false = false[np.argsort(-matches.score[false])]
    made = np.cumsum(times[matches.image[false]], axis=0, dtype=np.int32)
    bar = np.append(matches.score[false], -np.inf)
    weight = times[matches.lesion_image]
    found = []
    for rate in FPPI:
        allowed = (made <= rate * times.sum(axis=0) + 1e-9).sum(axis=0)
        hit = matches.lesion_score[:, None] > bar[allowed]
        found.append((weight * hit).sum(axis=0))
    lesions = weight.sum(axis=0)
    nothing = np.full((len(FPPI), times.shape[1]), np.nan)
    return np.asarray(np.divide(found, lesions, out=nothing, where=lesions > 0))


def wafroc_areas(matches: Matches, code: Rows, times: Rows) -> Floats:
    """(n,) what `froc.afroc_area(weighted=True)` gives for each column of times drawn."""
    home = matches.lesion_image
    (ranked,) = rank_scores(*rated(matches, code))
    # Coded up to the last woman who has an image that counts here.
    return areas(ranked, times[: ranked.segments.shape[1]], 1 / np.bincount(home)[home][:, None])


def rated(matches: Matches, code: Rows) -> tuple[NDArray[np.bool_], Floats, Rows]:
    """Truth, rating and woman of every lesion, then of every image without."""
    home, free = matches.lesion_image, np.flatnonzero(matches.lesion_free)
    rating = np.concatenate([matches.lesion_score, matches.noise_score[free]])
    return np.arange(len(rating)) < len(home), rating, np.concatenate([code[home], code[free]])

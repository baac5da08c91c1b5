"""Free-response analysis: FROC, AFROC, wAFROC and LROC of matched marks.

All of it is empirical: points that a threshold on the candidates' scores really gives, without
interpolation. Every function takes `image_weight`, (n_images,) how often each image was drawn, so
that a resample by patient costs one pass over marks sorted once:
`np.bincount(rows, minlength=n_images)` makes it from the rows of `mammoscope.metrics.resample`.
What the words mean, worked by hand on six images: docs/froc.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscope.errors import ConfigError
from mammoscope.metrics import roc
from mammoscope.metrics.matching import Matches

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Images = Literal["all", "lesion-free"]

FPPI = (0.25, 0.5, 1.0, 2.0, 4.0)

# 0.3 false positives per image are reached by 3 in 10, although the division may say 0.30...04.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class FrocCurve:
    """An empirical FROC curve, one point for each distinct score, from (0, 0).

    Attributes:
        false_positives: (k + 1,) mean number per counted image, rising.
        sensitivity: (k + 1,) share of lesions hit, rising.
        threshold: (k + 1,) falling, in the score's unit; the first is +inf (nothing is marked).
        images: whose false positives are counted.
        n_images: number of counted images (their weight, in a resample).
        n_lesions: number of lesions (likewise).
        rule: the hit rule, in words.
    """

    false_positives: Floats
    sensitivity: Floats
    threshold: Floats
    images: Images
    n_images: float
    n_lesions: float
    rule: str

    def __str__(self) -> str:
        return (
            f"FROC: {self.n_lesions:g} lesions, false positives of {self.n_images:g} images "
            f"({self.images}), hit: {self.rule}"
        )


def froc(
    matches: Matches, images: Images = "all", image_weight: ArrayLike | None = None
) -> FrocCurve:
    """FROC curve (Bunch et al., J Appl Photogr Eng 1978;4:166-171).

    Args:
        matches: marks after `mammoscope.metrics.matching.match`; with `matches.only(...)` for one
            kind of lesion, with `matches.grouped(...)` per breast or finding.
        images: false positives per image over "all" images, or over the "lesion-free" ones alone
            (what a screening programme of healthy women would see).
        image_weight: (n_images,) not negative; None: every image once.

    Returns:
        The curve; without any candidate it is the point (0, 0).

    Raises:
        ConfigError: no lesion, no image of the sort counted, or malformed weights.
    """
    weight = _weight(matches, image_weight)
    counted = weight * _counted(matches, images)
    n_images, n_lesions = float(counted.sum()), float(weight[matches.lesion_image].sum())
    _refuse_none(n_lesions, n_images, images)
    steps = matches.falling
    found = np.cumsum(weight[steps.image] * steps.hit)[steps.last]
    false = np.cumsum(counted[steps.image] * ~steps.hit)[steps.last]
    return FrocCurve(
        np.append(0.0, false / n_images),
        np.append(0.0, found / n_lesions),
        np.append(np.inf, steps.threshold),
        images,
        n_images,
        n_lesions,
        matches.rule,
    )


def sensitivity_at(
    matches: Matches,
    fppi: ArrayLike = FPPI,
    images: Images = "all",
    image_weight: ArrayLike | None = None,
) -> Floats:
    """Highest sensitivity among the thresholds with at most so many false positives per image.

    Beyond the curve's end it is that of the end: all candidates are marked, and a model that makes
    fewer false positives than asked for is not credited with lesions it never marks. Where LUNA16
    interpolates between thresholds, this takes the lower one.

    Args:
        matches: as in `froc`.
        fppi: (k,) false positives per image, 0 or more.
        images: as in `froc`.
        image_weight: as in `froc`.

    Returns:
        (k,) fractions in [0, 1].

    Raises:
        ConfigError: as in `froc`, or a negative rate.
    """
    rates = np.atleast_1d(np.asarray(fppi, np.float64))
    if not (rates >= 0).all():
        raise ConfigError(f"False positives per image are {rates.tolist()}; give 0 or more.")
    curve = froc(matches, images, image_weight)
    last = np.searchsorted(curve.false_positives, rates + _ROUNDING, "right") - 1
    return np.asarray(curve.sensitivity[last])


def mean_sensitivity(
    matches: Matches,
    fppi: ArrayLike = FPPI,
    images: Images = "all",
    image_weight: ArrayLike | None = None,
) -> float:
    """Mean of `sensitivity_at` over several rates: one figure for a FROC curve, in [0, 1].

    LUNA16's competition performance metric uses 1/8, 1/4, 1/2, 1, 2, 4 and 8 per scan.
    """
    return float(sensitivity_at(matches, fppi, images, image_weight).mean())


def afroc(
    matches: Matches,
    weighted: bool = False,
    images: Images = "lesion-free",
    image_weight: ArrayLike | None = None,
) -> roc.Curve:
    """AFROC curve: lesions hit against images with a false positive.

    An image is rated by its highest false positive, a lesion by its hit; what has none is rated
    -inf, which draws the straight line from the last threshold to (1, 1) (Chakraborty and Winter,
    Radiology 1990;174:873-881; Chakraborty and Berbaum, Med Phys 2004;31:2313-2330; Chakraborty,
    Observer Performance Methods for Diagnostic Imaging, CRC Press 2017).

    Args:
        matches: as in `froc`.
        weighted: False counts every lesion once. True gives the lesions of an image equal weights
            that sum to 1, so that an image with many lesions does not outweigh one with a single
            lesion (wAFROC).
        images: "lesion-free" is the AFROC; "all" also rates images with lesions by their highest
            false positive (AFROC1), for data without lesion-free images.
        image_weight: as in `froc`.

    Returns:
        `false_positive_rate` is the share of images, `sensitivity` that of lesions (or weight).

    Raises:
        ConfigError: as in `froc`.
    """
    return roc.curve(*_rated(matches, weighted, images, image_weight))


def afroc_area(
    matches: Matches,
    weighted: bool = False,
    images: Images = "lesion-free",
    image_weight: ArrayLike | None = None,
) -> float:
    """Area under `afroc`: the JAFROC figure of merit, wAFROC where `weighted`.

    The chance that a lesion is rated above the highest false positive of a lesion-free image, ties
    half, -inf against -inf included; so marking nothing anywhere gives 0.5. Arguments and errors as
    in `afroc`, the papers too.
    """
    return roc.auc(*_rated(matches, weighted, images, image_weight))


def lroc(matches: Matches, image_weight: ArrayLike | None = None) -> roc.Curve:
    """LROC curve: diseased images rated and located rightly (Swensson, Med Phys 1996;23:1709-1725).

    Only each image's highest candidate speaks. An image with a lesion is located where that one
    hits; a false positive with the same score makes it not located. An image without candidate is
    rated -inf and not located. Candidates on lesions left out by `matches.only` are passed over.

    Args:
        matches: at most one lesion in each image.
        image_weight: as in `froc`.

    Returns:
        `false_positive_rate` is the share of lesion-free images called, `sensitivity` the share of
        images with a lesion that are both called and located; it ends at (1, share located).

    Raises:
        ConfigError: as in `froc`, or an image holds several lesions.
    """
    if (np.bincount(matches.lesion_image, minlength=1) > 1).any():
        image = int(np.argmax(np.bincount(matches.lesion_image) > 1))
        raise ConfigError(
            f"Image {image} holds several lesions, and LROC allows one; use `afroc`, or choose an "
            "index lesion with `only`."
        )
    truth, rating, weight = _rated(matches, False, "lesion-free", image_weight)
    misled = matches.lesion_score <= matches.noise_score[matches.lesion_image]
    rating[: len(misled)][misled] = -np.inf
    curve = roc.curve(truth, rating, weight)
    hits = truth & (rating > -np.inf)
    located = weight[hits].sum() / weight[truth].sum()
    return roc.Curve(
        curve.false_positive_rate, np.minimum(curve.sensitivity, located), curve.threshold
    )


def lroc_area(matches: Matches, image_weight: ArrayLike | None = None) -> float:
    """Area under `lroc`, in [0, 1]: located, and rated above a lesion-free image (ties half).

    By chance, with ratings that know nothing and a share p of images located, it is p / 2; p by
    chance is `mammoscope.metrics.localisation.chance_level`. So it is far below 0.5, and 0 where
    nothing is marked. Arguments and errors as in `lroc`.
    """
    curve = lroc(matches, image_weight)
    return float(np.trapezoid(curve.sensitivity, curve.false_positive_rate))


def _rated(
    matches: Matches, weighted: bool, images: Images, image_weight: ArrayLike | None
) -> tuple[Bools, Floats, Floats]:
    """Truth, rating and weight: the lesions first, then the images."""
    weight = _weight(matches, image_weight)
    counted = np.flatnonzero(_counted(matches, images))
    of_lesion = weight[matches.lesion_image]
    _refuse_none(of_lesion.sum(), weight[counted].sum(), images)
    if weighted:
        of_lesion = of_lesion / np.bincount(matches.lesion_image)[matches.lesion_image]
    truth = np.arange(len(of_lesion) + len(counted)) < len(of_lesion)
    rating = np.concatenate([matches.lesion_score, matches.noise_score[counted]])
    return truth, rating, np.concatenate([of_lesion, weight[counted]])


def _counted(matches: Matches, images: Images) -> Bools:
    if images not in ("all", "lesion-free"):
        raise ConfigError(f"images is {images!r}; use 'all' or 'lesion-free'.")
    return matches.lesion_free | (images == "all")


def _weight(matches: Matches, image_weight: ArrayLike | None) -> Floats:
    if image_weight is None:
        return np.ones(matches.n_images)
    weight = np.asarray(image_weight, np.float64)
    if weight.shape != (matches.n_images,) or not (np.isfinite(weight) & (weight >= 0)).all():
        raise ConfigError(
            f"image_weight has shape {weight.shape}; give {matches.n_images} finite numbers of at "
            "least 0, one for each image."
        )
    return weight


def _refuse_none(n_lesions: float, n_images: float, images: Images) -> None:
    if n_lesions == 0:
        raise ConfigError("There is no lesion (or none drawn), so no share of them can be hit.")
    if n_images == 0:
        raise ConfigError(
            f"No image is counted for false positives (images: {images}); add lesion-free images "
            "or use images='all'."
        )

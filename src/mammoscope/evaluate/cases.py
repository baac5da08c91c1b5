"""The units that are judged (images, breasts), their calibrated scores, and figures about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from mammoscope.errors import ConfigError
from mammoscope.evaluate.predictions import Images
from mammoscope.metrics import calibration
from mammoscope.metrics.resample import Interval, Rows, patient_bootstrap

Floats = NDArray[np.float64]
Statistic = Callable[[Rows], float]

# With fewer women of either class a bootstrap repeats the same few, and its interval, often
# 1.000 to 1.000, would claim a certainty that is not there.
_FEWEST_WOMEN = 5


@dataclass(frozen=True, eq=False)
class Cases:
    """Cases of one unit.

    Attributes:
        unit: "image" or "breast".
        patient: (n,) label of the woman.
        truth: (n,) 0 or 1.
        logit: (n,) raw network logit (a breast's: the mean of its images'); what ROC figures rank
            by, as one calibration line for all would rank.
        score: (n,) calibrated logit (a breast's: the mean of its images').
        groups: (n,) labels by name, e.g. "machine", "site", "fold".
    """

    unit: str
    patient: NDArray[np.intp]
    truth: NDArray[np.intp]
    logit: Floats
    score: Floats
    groups: Mapping[str, NDArray[np.str_]]

    @property
    def probability(self) -> Floats:
        """(n,) calibrated probabilities, the sigmoid of `score`."""
        return np.asarray(expit(self.score), np.float64)

    def where(self, inside: NDArray[np.bool_]) -> Cases:
        """The cases a (n,) mask selects."""
        groups = {name: labels[inside] for name, labels in self.groups.items()}
        return Cases(
            self.unit,
            self.patient[inside],
            self.truth[inside],
            self.logit[inside],
            self.score[inside],
            groups,
        )


@dataclass(frozen=True)
class Figure:
    """A number fit to print: with its unit, its counts and its interval.

    Attributes:
        name: what was measured.
        unit: "image" or "breast".
        n, positives, patients: how many cases, cancers among them (None: not about cancer), women.
        value: the figure; None where it is undefined (e.g. one class only).
        low, high: 95% patient-bootstrap interval; None where undefined.
        n_valid: resamples the interval rests on.
        note: what a reader must know about it; often empty.
    """

    name: str
    unit: str
    n: int
    positives: int | None
    patients: int
    value: float | None
    low: float | None
    high: float | None
    n_valid: int
    note: str = ""


@dataclass(frozen=True)
class Resampling:
    """How intervals are made: number of resamples and seed.

    Raises:
        ConfigError: n < 1 or a negative seed.
    """

    n: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n < 1 or self.seed < 0:
            raise ConfigError(
                f"{self.n} resamples with seed {self.seed}; use at least 1 and a seed from 0 up."
            )

    def measure(
        self, name: str, cases: Cases, statistic: Statistic, *, note: str = "", cancer: bool = True
    ) -> Figure:
        """The statistic on all cases, and its interval over patients."""
        counts = (
            len(cases.truth),
            int(cases.truth.sum()) if cancer else None,
            len(np.unique(cases.patient)),
        )
        try:
            value = float(statistic(np.arange(len(cases.truth))))
            interval = self._interval(cases, statistic, cancer)
        except ConfigError:
            note = note or "undefined: too few cases or one class only"
            return Figure(name, cases.unit, *counts, None, None, None, 0, note)
        cautions = _cautions(cases, interval.n_valid / self.n, cancer)
        note = "; ".join(filter(None, [note, *cautions]))
        low, high = (interval.low, interval.high) if interval.n_valid else (None, None)
        return Figure(name, cases.unit, *counts, value, low, high, interval.n_valid, note)

    def _interval(self, cases: Cases, statistic: Statistic, cancer: bool) -> Interval:
        women = min(len(np.unique(cases.patient[cases.truth == k])) for k in (0, 1))
        if cancer and women < _FEWEST_WOMEN:
            return Interval(float("nan"), float("nan"), 0)
        return patient_bootstrap(statistic, cases.patient, self.n, self.seed)


def image_cases(images: Images) -> Cases:
    """One case for each image, its score calibrated on the other folds (`cross_fitted`)."""
    _, patient = np.unique(images.patient, return_inverse=True)
    groups = {
        "machine": images.machine,
        "site": images.site,
        "fold": images.fold.astype(np.str_),
        "view": images.view,
        "implant": images.implant,
    }
    score = cross_fitted(images.logit, images.truth, images.fold)
    return Cases("image", patient, images.truth, images.logit, score, groups)


def breast_cases(images: Images, score: Floats) -> Cases:
    """One case for each breast by `breast_scores`, given the images' calibrated logits (n,)."""
    _, patient = np.unique(images.patient, return_inverse=True)
    side = (images.laterality == "R").astype(np.intp)
    truth, mean_score, breast = breast_scores(patient, side, images.truth, score)
    _, mean_logit, _ = breast_scores(patient, side, images.truth, images.logit)
    _, first = np.unique(breast, return_index=True)
    groups = {
        "machine": _joined(images.machine, breast),
        "site": _joined(images.site, breast),
        "fold": images.fold[first].astype(np.str_),
    }
    return Cases("breast", patient[first], truth, mean_logit, mean_score, groups)


def breast_scores(
    patient: NDArray[np.intp], side: NDArray[np.intp], truth: NDArray[np.intp], score: Floats
) -> tuple[NDArray[np.intp], Floats, NDArray[np.intp]]:
    """Aggregation rule from images to breasts: mean of the calibrated logits, any cancer.

    A breast is one (patient, side). The mean does not grow with the number of images, which on a
    set composed by class would give the answer away; a maximum would.

    Args:
        patient: (n,) woman of each image.
        side: (n,) 0 or 1.
        truth: (n,) 0 or 1 of each image.
        score: (n,) calibrated logits.

    Returns:
        (m,) truth of the breasts, (m,) their scores, (n,) index of each image's breast.
    """
    _, breast = np.unique(patient * 2 + side, return_inverse=True)
    count = np.bincount(breast)
    any_cancer = (np.bincount(breast, truth) > 0).astype(np.intp)
    return any_cancer, np.bincount(breast, score) / count, breast


def cross_fitted(logit: Floats, truth: NDArray[np.intp], fold: NDArray[np.intp]) -> Floats:
    """Logits calibrated by Platt's line as fitted on the other folds' out-of-fold logits.

    So no case's truth has touched its own calibration. All arrays are (n,).

    Raises:
        ConfigError: the other folds of some fold hold one class only.
    """
    score = np.empty_like(logit)
    for k in np.unique(fold):
        slope, intercept = calibration.fit_platt(logit[fold != k], truth[fold != k])
        score[fold == k] = slope * logit[fold == k] + intercept
    return score


def _joined(labels: NDArray[np.str_], breast: NDArray[np.intp]) -> NDArray[np.str_]:
    """A breast's label; where its images have several, all of them: a stratum of its own."""
    found: list[set[str]] = [set() for _ in range(int(breast.max()) + 1)]
    for label, index in zip(labels.tolist(), breast.tolist(), strict=True):
        found[index].add(label)
    return np.array(["+".join(sorted(names)) for names in found])


def _cautions(cases: Cases, valid: float, cancer: bool) -> list[str]:
    positives, n = int(cases.truth.sum()), len(cases.truth)
    cautions = []
    if n < 50 or (cancer and min(positives, n - positives) < 20):
        cautions.append("few cases")
    if valid == 0:
        cautions.append("too few women for an interval")
    elif valid < 0.95:
        cautions.append(f"undefined in {1 - valid:.0%} of resamples")
    return cautions

"""Do the probability's interval and the "not sure" band hold on women they were not fitted on?

    python benchmarks/not_sure.py PREDICTIONS --data DATA/rsna2022 --out not_sure.md

PREDICTIONS are out of fold, as a run of the trainer leaves them in predictions.csv. What the card
of the weights holds (Platt's line with its covariance, the band) is fitted on all folds but one and
judged on that one, for each fold in turn. A breast's score is the mean of its images' logits.

The first table gives the fits, and the mean raw logit of the images that each is to judge. The
second counts breasts in the band, cancers below it and other breasts above it, in each fold and on
each machine; the band is to leave out no more than its error of either. The last ones sort breasts,
and images, by their probability into ten groups of equal size and set the share with cancer beside
the mean interval. That share has a chance error of its own (from Wilson's interval for women with
several cases), so the last column gives the difference in units of both errors: beyond 2 in one
group of twenty if all is well.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from mammoscope.evaluate.card import NOT_SURE_ERROR, RESAMPLES, not_sure_band, platt_covariance
from mammoscope.evaluate.cases import aggregate, cases
from mammoscope.evaluate.joining import Judged, join
from mammoscope.evaluate.markdown import grid
from mammoscope.evaluate.predictions import read_predictions
from mammoscope.evaluate.truth import read_truth
from mammoscope.files import write_atomic
from mammoscope.infer.postprocess import malignancy_interval
from mammoscope.metrics.proportions import proportion
from mammoscope.metrics.recalibration import apply_platt, fit_platt
from mammoscope.models.card import Weights

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

GROUPS = 10
_ENDS_APART = 2 * 1.96


@dataclass(frozen=True, eq=False)
class Units:
    """Images or breasts, all (n,): what they are, and what the other folds' fit says of them.

    Attributes:
        patient: code of the woman.
        truth: 0 or 1.
        fold, machine: labels.
        malignancy: calibrated.
        low, high: its interval.
        below, above: whether it lies below the band's lower end, above its upper end.
    """

    patient: NDArray[np.intp]
    truth: NDArray[np.intp]
    fold: NDArray[np.str_]
    machine: NDArray[np.str_]
    malignancy: Floats
    low: Floats
    high: Floats
    below: Bools
    above: Bools


def fitted(judged: Judged, used: Bools, resamples: int) -> Weights:
    """What a card would hold of the images `used`: whole women, and so whole breasts."""
    raw, truth = judged.models[0].values, judged.cancer
    slope, intercept = fit_platt(raw[used], truth[used])
    covariance = platt_covariance(raw[used], truth[used], judged.patient[used], resamples)
    breast = cases(judged, judged.models[0], "breast")
    inside = np.isin(np.arange(len(breast.truth)), breast.row[used])
    mean = aggregate(judged, raw, "breast", "mean")[inside]
    platt = {"slope": slope, "intercept": intercept, "covariance": covariance.tolist()}
    band = not_sure_band(breast.truth[inside], apply_platt(mean, slope, intercept))
    return Weights("folds", Path(), {"calibration": {"platt": platt}, "not_sure": band})


def told(judged: Judged, unit: str, fits: Mapping[str, Weights]) -> Units:
    """Every case of a unit as the fit that did not see its fold judges it."""
    found = cases(judged, judged.models[0], unit)
    raw = aggregate(judged, judged.models[0].values, unit, "mean")
    fold, n = found.groups["fold"], len(raw)
    line = np.array([fits[name].platt for name in fold.tolist()])
    malignancy = expit(line[:, 0] * raw + line[:, 1])
    bands = [fits[name].card["not_sure"] for name in fold.tolist()]
    ends = [
        malignancy_interval(value, fits[name])
        for value, name in zip(malignancy.tolist(), fold.tolist(), strict=True)
    ]
    low, high = np.array(ends).T
    return Units(
        found.patient,
        found.truth,
        fold,
        found.groups.get("machine", np.full(n, "all")),
        malignancy,
        low,
        high,
        malignancy < np.array([band["low"] for band in bands]),
        malignancy > np.array([band["high"] for band in bands]),
    )


def share(hits: Bools, patient: NDArray[np.intp]) -> str:
    """A share in percent with its interval."""
    if not len(hits):
        return "none there"
    found = proportion(hits, patient)
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"


def band_rows(breasts: Units) -> list[list[str]]:
    """All, each fold and each machine: how the band holds."""
    parts: dict[str, Bools] = {"all": np.ones(len(breasts.truth), bool)}
    for what, labels in (("fold", breasts.fold), ("machine", breasts.machine)):
        parts |= {f"{what} {name}": labels == name for name in np.unique(labels)}
    return [_band_row(name, breasts, inside) for name, inside in parts.items()]


def _band_row(name: str, breasts: Units, inside: Bools) -> list[str]:
    cancer, other = inside & (breasts.truth == 1), inside & (breasts.truth == 0)
    unsure = ~(breasts.below | breasts.above)
    return [
        name,
        f"{inside.sum()} ({cancer.sum()})",
        share(unsure[inside], breasts.patient[inside]),
        share(breasts.below[cancer], breasts.patient[cancer]),
        share(breasts.above[other], breasts.patient[other]),
        share(breasts.below[other], breasts.patient[other]),
        share(breasts.above[cancer], breasts.patient[cancer]),
    ]


def coverage_rows(units: Units, groups: int = GROUPS) -> list[list[str]]:
    """Groups of equal size by probability, the lowest first."""
    order = np.argsort(units.malignancy, kind="stable")
    return [_coverage_row(units, rows) for rows in np.array_split(order, groups)]


def _coverage_row(units: Units, rows: NDArray[np.intp]) -> list[str]:
    low, high = float(units.low[rows].mean()), float(units.high[rows].mean())
    told_share = float(units.malignancy[rows].mean())
    found = proportion(units.truth[rows] == 1, units.patient[rows])
    error = np.hypot(high - low, found.high - found.low) / _ENDS_APART
    return [
        str(len(rows)),
        f"{told_share:.3f}",
        f"{low:.3f} to {high:.3f}",
        f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})",
        "yes" if low <= found.value <= high else "no",
        f"{(found.value - told_share) / error:+.1f}",
    ]


def fit_row(name: str, fit: Weights, judged: Judged) -> list[str]:
    """The band and the line that a fold is judged by, and how its own network scores."""
    scores = judged.models[0]
    own = cases(judged, scores, "image").groups["fold"] == name
    means = [scores.values[own & (judged.cancer == value)].mean() for value in (1, 0)]
    band = fit.card["not_sure"]
    errors = np.sqrt(np.diag(np.array(fit.platt_covariance)))
    line = [f"{value:.3f} ± {error:.3f}" for value, error in zip(fit.platt, errors, strict=True)]
    ends = [f"{band['low']:.3f}", f"{band['high']:.3f}"]
    return [name, *ends, *line, *(f"{mean:+.2f}" for mean in means)]


def report(judged: Judged, resamples: int = RESAMPLES) -> str:
    """All tables."""
    fold = cases(judged, judged.models[0], "image").groups["fold"]
    fits = {str(name): fitted(judged, fold != name, resamples) for name in np.unique(fold)}
    breasts, images = (told(judged, unit, fits) for unit in ("breast", "image"))
    line = ["low", "high", "slope", "intercept", "raw logit, cancers", "others"]
    counts = ["n (with cancer)", "not sure", "cancers below low", "others above high"]
    gains = ["others below low", "cancers above high"]
    groups = ["n", "probability", "mean interval", "with cancer", "inside", "difference / error"]
    parts = [
        f"Fitted on the other folds, error {NOT_SURE_ERROR:.0%}, {resamples} resamples.",
        grid(["fold", *line], [fit_row(*one, judged) for one in fits.items()]),
        grid(["breasts", *counts, *gains], band_rows(breasts)),
        "Breasts by probability:",
        grid(groups, coverage_rows(breasts)),
        "Images by probability:",
        grid(groups, coverage_rows(images)),
    ]
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("predictions", type=Path, metavar="PREDICTIONS")
    parser.add_argument("--data", type=Path, required=True, help="the set's manifest or folder")
    parser.add_argument("--out", type=Path, help="Markdown file to write, too")
    parser.add_argument("--resamples", type=int, default=RESAMPLES)
    options = parser.parse_args()
    judged = join(read_truth(options.data), read_predictions(options.predictions))
    text = report(judged, options.resamples)
    if options.out:
        write_atomic(options.out, f"{text}\n".encode())
    print(text)


if __name__ == "__main__":
    main()

"""Which calibration for how many of a site's own cases: simulated, and on a data set's two sites.

    python benchmarks/site_recalibration.py [--repeats 200]
    python benchmarks/site_recalibration.py --predictions PREDICTIONS.csv --manifest MANIFEST.csv

Simulated: scores of cancers and others are normal, one unit wide and 1.47 apart (AUC 0.85), so
every case's true probability is known. A site gets wrong probabilities, recalibrates on n of its
own cases, and is judged on 5,000 others by the root mean squared distance from the true
probability, in percentage points.

On a data set: the images of each site are told what Platt's map of the other sites says, or the raw
sigmoid of the network's logit. n women of the site recalibrate, the others are judged by log loss.

The mean over the repeats is printed, the smallest of a column in bold.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from mammoscope.errors import ConfigError
from mammoscope.evaluate.markdown import grid
from mammoscope.metrics.calibration import log_loss
from mammoscope.metrics.prior_shift import prevalence_shift
from mammoscope.metrics.recalibration import METHODS, Method, apply_platt, fit, fit_platt

Floats = NDArray[np.float64]

_APART = 1.47
_JUDGED = 5000
_TOLD_FOR = 0.4
_SIZES = (50, 100, 200, 400, 800, 1600)
_WOMEN = (25, 50, 100, 200)


def wrong_prevalence(true: Floats, prevalence: float) -> Floats:
    """Right but for the prevalence: calibrated at 40 %."""
    return prevalence_shift(prevalence, _TOLD_FOR).apply(true)


def too_extreme(true: Floats, prevalence: float) -> Floats:
    """Calibrated at 40 % and with logits twice as large as they should be."""
    return np.asarray(expit(2 * logit(wrong_prevalence(true, prevalence))))


def skewed(true: Floats, _prevalence: float) -> Floats:
    """The square root: no straight line in logits mends it."""
    return np.sqrt(true)


Fault = Callable[[Floats, float], Floats]
FAULTS: tuple[Fault, ...] = (wrong_prevalence, too_extreme, skewed)


def cases(n: int, prevalence: float, draw: np.random.Generator) -> tuple[Floats, Floats]:
    """Truth and true probability of n cases as they come, drawn again while of one class."""
    truth = np.zeros(n)
    while not 0 < truth.sum() < n:
        truth = (draw.random(n) < prevalence).astype(np.float64)
    score = draw.normal(size=n) + _APART * truth
    return truth, np.asarray(expit(_APART * score - _APART**2 / 2 + logit(prevalence)))


def mended(method: Method | None, told: Floats, truth: Floats, new: Floats) -> Floats:
    """New probabilities under the fit; unmended for None and where nothing can be fitted."""
    try:
        return new if method is None else fit(method, told, truth).apply(new)
    except ConfigError:
        return new


def column(fault: Fault, prevalence: float, n: int, repeats: int) -> list[float]:
    """Mean distance of each method (no recalibration first) at one n."""
    draw = np.random.default_rng(n)
    found = []
    for _ in range(repeats):
        truth, own = cases(n, prevalence, draw)
        _, true = cases(_JUDGED, prevalence, draw)
        told, new = fault(own, prevalence), fault(true, prevalence)
        given = [mended(method, told, truth, new) for method in (None, *METHODS)]
        found.append([100 * np.sqrt(np.mean((prob - true) ** 2)) for prob in given])
    return [float(mean) for mean in np.mean(found, axis=0)]


def site_column(prob: Floats, truth: Floats, woman: Floats, n: int, repeats: int) -> list[float]:
    """Mean log loss of each method (no recalibration first) on the women not among n drawn."""
    draw = np.random.default_rng(n)
    found = []
    for _ in range(repeats):
        own = np.isin(woman, draw.choice(np.unique(woman), n, replace=False))
        given = [mended(m, prob[own], truth[own], prob[~own]) for m in (None, *METHODS)]
        found.append([log_loss(truth[~own], new) for new in given])
    return [float(mean) for mean in np.mean(found, axis=0)]


def table(heads: list[str], columns: list[list[float]], form: str) -> str:
    """Methods by n, in Markdown."""
    cells = [[f"**{v:{form}}**" if v == min(c) else f"{v:{form}}" for v in c] for c in columns]
    names = ("none", *METHODS)
    rows = [[name, *(c[i] for c in cells)] for i, name in enumerate(names)]
    return grid(["", *heads], rows)


def simulate(repeats: int) -> None:
    heads = [f"n = {n}" for n in _SIZES]
    for prevalence in (0.2, 0.02):
        for fault in FAULTS:
            columns = [column(fault, prevalence, n, repeats) for n in _SIZES]
            print(f"{prevalence:.0%} cancers; {fault.__doc__}\n")
            print(table(heads, columns, ".1f"), end="\n\n")


def transfer(predictions: Path, manifest: Path, repeats: int) -> None:
    both = pd.read_csv(predictions).merge(pd.read_csv(manifest), on="image_path")
    both = both[~both["black"]]
    for name, site in both.groupby("site_id"):
        logits, truth = site["malignancy_logit"].to_numpy(), site["cancer"].to_numpy()
        woman, others = site["patient_id"].to_numpy(), both[both["site_id"] != name]
        line = fit_platt(others["malignancy_logit"].to_numpy(), others["cancer"].to_numpy())
        told = {"the other sites' Platt map": line, "the raw sigmoid": (1.0, 0.0)}
        for source, (slope, intercept) in told.items():
            prob = apply_platt(logits, slope, intercept)
            columns = [site_column(prob, truth, woman, n, repeats) for n in _WOMEN]
            print(f"Site {name}, {len(site)} images, {len(np.unique(woman))} women; {source}\n")
            print(table([f"{n} women" for n in _WOMEN], columns, ".3f"), end="\n\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--predictions", type=Path)
    parser.add_argument("--manifest", type=Path)
    options = parser.parse_args()
    if options.predictions is None:
        simulate(options.repeats)
    else:
        transfer(options.predictions, options.manifest, options.repeats)


if __name__ == "__main__":
    main()

"""How often 95 % intervals hold the true figure, on simulated screening whose truth is known.

    python benchmarks/interval_coverage.py [--datasets 2000] [--only auc] [--resamples 500] \
        [--women 100] [--processes 2] [--out FOLDER] [--by-size]

A woman has 1 to `most` images; if she has cancer (at random, at the stated prevalence), the first
two of them, one breast's, show it. Scores are normal: her own share (`correlation` of the
variance, common to all her images) plus chance, and cancers score higher by what the true AUC
asks. So every true figure has a formula. A data set on which a figure is undefined is left out of
its row. Coverage is told by the number of women that a figure rests on in a data set: those with
cancer for AUC, FROC, sensitivity and the rates at screening's prevalence, those called for PPV,
those with an image free of cancer for specificity; all prevalences and sizes together, or apart
`--by-size`. Data sets of many women are fewer (the tables give the counts).
With `--out`, every interval is written to FOLDER/PART.csv.gz. The parts: auc, formulas (DeLong's
alone, more settings), wide (the scores of cancers spread 1.5 times as far), separated (a true AUC
of 0.97), proportions, froc, afroc.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtr, ndtri, stdtrit

from interval_coverage_data import (
    FPPI,
    Floats,
    Images,
    Setting,
    areas,
    images,
    marks,
    rated,
    sensitivities,
    share_with_cancer,
    times_drawn,
    true_sensitivity,
    true_wafroc,
    wafroc_areas,
)
from mammoscope.evaluate.markdown import grid
from mammoscope.metrics.delong import DeLong, delong, newcombe_interval
from mammoscope.metrics.matching import Matches
from mammoscope.metrics.operating import OperatingPoint, operating_point
from mammoscope.metrics.prevalence import at_prevalence
from mammoscope.metrics.proportions import proportion
from mammoscope.metrics.resample import (
    bca_interval,
    percentile_interval,
    rank_scores,
)

Found = tuple[str, str, float, float, float, int]
"""Figure, method, true value, low, high, women that the figure rests on."""

SPECIFICITY = 0.9
SCREENING = 0.006

FAILS, FEWEST = 0.93, 200
"""Coverage told in bold below; cells of fewer data sets stay empty."""
BINS = (1, 2, 5, 10, 15, 20, 30, 50, 100, 10**9)
CLUSTERS = ((1, 0.0), (4, 0.0), (4, 0.5))


def auc_found(
    setting: Setting, draw: np.random.Generator, seed: int, resamples: int
) -> list[Found]:
    """Every interval of the AUC on one data set."""
    data = images(setting, draw)
    if data.ill < 2:
        return []
    by_woman = delong(data.truth, data.score, data.woman)
    by_image = delong(data.truth, data.score)
    ends = _by_formula(by_woman) | {"DeLong by image, logit": _ends(by_image.interval())}
    if resamples:
        ends |= _bootstrapped(data, seed, resamples)
    name = f"AUC {setting.auc:g}"
    return [(name, method, setting.auc, *pair, data.ill) for method, pair in ends.items()]


def _by_formula(found: DeLong) -> dict[str, tuple[float, float]]:
    alone = newcombe_interval(float(found.auc[0]), found.positives, found.negatives)
    return {
        "DeLong by woman, logit": _ends(found.interval()),
        "the same with t": t_interval(found),
        "DeLong by woman, plain": _ends(found.interval(transform=False)),
        "counts of women alone": alone,
    }


def t_interval(found: DeLong) -> tuple[float, float]:
    """The logit interval with Student's t, one degree of freedom fewer than the rarer class."""
    low, high = _ends(found.interval())
    if found.standard_error[0] == 0:
        return low, high
    wider = stdtrit(min(found.positives, found.negatives) - 1, 0.975) / ndtri(0.975)
    centre, half = (logit(high) + logit(low)) / 2, (logit(high) - logit(low)) / 2
    return float(expit(centre - wider * half)), float(expit(centre + wider * half))


def _bootstrapped(data: Images, seed: int, resamples: int) -> dict[str, tuple[float, float]]:
    (ranked,) = rank_scores(data.truth, data.score, data.woman)
    women = len(data.own)
    values = areas(ranked, times_drawn(women, resamples, seed))
    percentile, whole = percentile_interval(values), areas(ranked, np.ones((women, 1), np.intp))
    # The same 400 groups at most as the package's own jackknife.
    group = np.random.default_rng(0).permutation(women) % min(women, 400)
    without = areas(ranked, (group[:, None] != np.arange(group.max() + 1)).astype(np.intp))
    bca = bca_interval(values, float(whole[0]), without)
    (alone,) = rank_scores(data.truth, data.score, np.arange(len(data.score)))
    naive = percentile_interval(areas(alone, times_drawn(len(data.score), resamples, seed)))
    return {
        "bootstrap by woman, percentile": (percentile.low, percentile.high),
        "bootstrap by woman, BCa": (bca.low, bca.high),
        "bootstrap by image, percentile": (naive.low, naive.high),
    }


def proportions_found(
    setting: Setting, draw: np.random.Generator, _seed: int, _resamples: int
) -> list[Found]:
    """Wilson's intervals at a threshold, and two rates at screening's prevalence."""
    data = images(setting, draw)
    threshold = float(ndtri(SPECIFICITY))
    sensitivity = float(ndtr(setting.apart - threshold))
    true = {
        "sensitivity": sensitivity,
        "specificity": SPECIFICITY,
        "PPV": _ppv(sensitivity, share_with_cancer(setting)),
    }
    called = data.score >= threshold
    among = {"sensitivity": data.truth, "specificity": ~data.truth, "PPV": called}
    found: list[Found] = []
    for method, ids in (("Wilson by woman", data.woman), ("Wilson by image", None)):
        point = operating_point(data.truth, data.score, threshold, ids)
        for name, cases in among.items():
            share = getattr(point, name.lower())
            if share is not None:
                women = len(np.unique(data.woman[cases]))
                label = name if name == "PPV" else f"{name} {true[name]:.2f}"
                found.append((label, method, true[name], share.low, share.high, women))
        found += _screened(point, method, sensitivity, data.ill)
    return found


def _screened(point: OperatingPoint, method: str, sensitivity: float, ill: int) -> list[Found]:
    if point.sensitivity is None or point.specificity is None:
        return []
    there = at_prevalence(point.sensitivity, point.specificity, SCREENING)
    recall = SCREENING * sensitivity + (1 - SCREENING) * (1 - SPECIFICITY)
    rates = [("recall rate", recall, there.recall_rate)]
    if there.ppv is not None:
        rates.append(("PPV", _ppv(sensitivity, SCREENING), there.ppv))
    return [
        (f"{name} at {SCREENING:.1%}", method, true, rate.low, rate.high, ill)
        for name, true, rate in rates
    ]


def _ppv(sensitivity: float, prevalence: float) -> float:
    right, wrong = sensitivity * prevalence, (1 - SPECIFICITY) * (1 - prevalence)
    return right / (right + wrong)


def froc_found(
    setting: Setting, draw: np.random.Generator, seed: int, resamples: int
) -> list[Found]:
    """Bootstrap by woman, and Wilson's interval at the threshold found, on one data set."""
    data, matches = marks(setting, draw)
    if data.ill < 2:
        return []
    times = times_drawn(setting.women, resamples, seed)
    values = [*sensitivities(matches, times[data.woman]), wafroc_areas(matches, data.woman, times)]
    found: list[Found] = []
    for (name, true), drawn in zip(_localised(setting).items(), values, strict=True):
        ends = percentile_interval(drawn)
        method = "bootstrap by woman, percentile"
        found.append((name, method, true, ends.low, ends.high, data.ill))
    lesion_of = data.woman[matches.lesion_image]
    for (name, true), bar in zip(_localised(setting).items(), _bars(matches), strict=False):
        share = proportion(matches.lesion_score > bar, lesion_of)
        found.append((name, "Wilson by woman", true, share.low, share.high, data.ill))
    return found


def afroc_found(
    setting: Setting, draw: np.random.Generator, _seed: int, _resamples: int
) -> list[Found]:
    """DeLong's intervals of the AFROC area, an AUC of lesions against lesion-free images."""
    data, matches = marks(setting, draw)
    if data.ill < 2:
        return []
    truth, rating, owner = rated(matches, data.woman)
    ends, true = _by_formula(delong(truth, rating, owner)), true_wafroc(setting.correlation)
    return [("AFROC", method, true, *pair, data.ill) for method, pair in ends.items()]


def _bars(matches: Matches) -> list[float]:
    """Score of the first false mark too many, at each of FPPI."""
    false = -np.sort(-matches.score[matches.false_positive])
    allowed = [int(rate * matches.n_images + 1e-9) for rate in FPPI]
    return [float(false[k]) if k < len(false) else -np.inf for k in allowed]


def _localised(setting: Setting) -> dict[str, float]:
    rates = {f"sensitivity at {rate:g} FPPI": true_sensitivity(rate) for rate in FPPI}
    return {**rates, "wAFROC": true_wafroc(setting.correlation)}


def _ends(pair: tuple[Floats, Floats]) -> tuple[float, float]:
    return float(pair[0][0]), float(pair[1][0])


Measure = Callable[[Setting, np.random.Generator, int, int], list[Found]]


@dataclass(frozen=True)
class Part:
    """What to simulate.

    Attributes:
        measure: gives the intervals of one data set; its last argument is the resamples, or 0.
        settings: populations.
        full: above so many women the data sets are fewer in proportion.
        resampled: the same for those that are resampled.
    """

    measure: Measure
    settings: tuple[Setting, ...]
    full: int
    resampled: int


def settings(
    women: Iterable[int],
    prevalences: Iterable[float],
    aucs: Iterable[float],
    clusters: Iterable[tuple[int, float]] = CLUSTERS,
    spread: float = 1.0,
) -> tuple[Setting, ...]:
    every = product(women, prevalences, aucs, clusters)
    return tuple(Setting(n, share, auc, *cluster, spread) for n, share, auc, cluster in every)


WOMEN, PREVALENCES, RELATED = (50, 100, 200, 500, 1000), (0.005, 0.02, 0.1, 0.3), CLUSTERS[::2]
PARTS = {
    "auc": Part(auc_found, settings(WOMEN, PREVALENCES, (0.7, 0.9), RELATED), 500, 60),
    "formulas": Part(
        auc_found,
        settings(WOMEN, PREVALENCES, (0.7, 0.9), CLUSTERS[1:2])
        + settings((5000,), PREVALENCES, (0.7, 0.9)),
        200,
        0,
    ),
    "wide": Part(
        auc_found,
        settings((100, 200, 1000), PREVALENCES[1:], (0.7, 0.9), RELATED, spread=1.5),
        200,
        0,
    ),
    "separated": Part(auc_found, settings((50, 100, 200), PREVALENCES[1:], (0.97,)), 200, 50),
    "proportions": Part(proportions_found, settings(WOMEN, PREVALENCES, (0.7, 0.9)), 100, 0),
    "froc": Part(
        froc_found, settings((50, 100, 200, 500), PREVALENCES[1:], (0.9,), RELATED), 60, 60
    ),
    "afroc": Part(
        afroc_found, settings((50, 100, 200, 500), PREVALENCES[2:], (0.9,), RELATED), 100, 0
    ),
}


def simulated(setting: Setting, name: str, datasets: int, resamples: int) -> pd.DataFrame:
    """Every interval of the data sets of one setting."""
    part, draw = PARTS[name], setting.draws()
    found = []
    for seed in range(fewer(datasets, part.full, setting.women)):
        resampled = seed < fewer(datasets, part.resampled, setting.women)
        found += part.measure(setting, draw, seed, resamples if resampled else 0)
    table = pd.DataFrame(found, columns=["figure", "method", "true", "low", "high", "count"])
    return table.assign(women=setting.women, prevalence=setting.prevalence, images=setting.images)


def fewer(datasets: int, full: int, women: int) -> int:
    return min(datasets, datasets * full // women)


def judged(found: pd.DataFrame) -> pd.DataFrame:
    """The intervals that are defined, with `covered`, `width` and the group of `count`."""
    valid = found.dropna(subset=["low", "high"])
    # An interval may end at the figure itself, but for rounding.
    covered = valid["true"].between(valid["low"] - 1e-12, valid["high"] + 1e-12)
    names = [_group_name(low, after - 1) for low, after in pairwise(BINS)]
    group = pd.cut(valid["count"], BINS, right=False, labels=names)
    return valid.assign(covered=covered, width=valid["high"] - valid["low"], group=group)


def table(found: pd.DataFrame, by: list[str], head: list[str]) -> str:
    """Coverage, in bold below 0.93, and median width of each method, in Markdown."""
    methods = list(dict.fromkeys(found["method"]))
    rows = []
    for key, part in found.groupby(by, observed=True):
        cells = {method: cell for method, cell in part.groupby("method") if len(cell) >= FEWEST}
        if cells:
            most, least = max(map(len, cells.values())), min(map(len, cells.values()))
            size = str(most) if most == least else f"{most}, {least}"
            rows.append([*map(str, key), size, *(_cell(cells.get(name)) for name in methods)])
    return grid([*head, "data sets", *methods], rows)


def _cell(part: pd.DataFrame | None) -> str:
    if part is None:
        return ""
    coverage = f"{part['covered'].mean():.3f}"
    coverage = f"**{coverage}**" if part["covered"].mean() < FAILS else coverage
    return f"{coverage} ({part['width'].median():.2f})"


def _group_name(low: int, high: int) -> str:
    if high == BINS[-1] - 1:
        return f"{low} or more"
    return str(low) if low == high else f"{low} to {high}"


def show(found: pd.DataFrame, by_size: bool) -> None:
    """Print a table of each figure by counts of women, or by size and prevalence."""
    by, head = ["images", "group"], ["images of a woman", "women"]
    if by_size:
        by, head = ["images", "women", "prevalence"], [*head, "prevalence"]
    for figure, part in judged(found).groupby("figure", sort=False):
        print(f"### {figure}\n\n{table(part, by, head)}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--datasets", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--women", type=int)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--by-size", action="store_true")
    options = parser.parse_args()
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        for name in options.only or PARTS:
            one = partial(
                simulated, name=name, datasets=options.datasets, resamples=options.resamples
            )
            chosen = [s for s in PARTS[name].settings if options.women in (None, s.women)]
            if not chosen:
                continue
            found = pd.concat(pool.map(one, chosen))
            if options.out:
                options.out.mkdir(parents=True, exist_ok=True)
                found.to_csv(options.out / f"{name}.csv.gz", index=False)
            print(f"## {name}\n")
            show(found, options.by_size)


if __name__ == "__main__":
    main()

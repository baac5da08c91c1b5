"""What the two multi-reader analyses share: their results, the tests and intervals.

Both the Obuchowski-Rockette and the Dorfman-Berbaum-Metz analysis come down to an error term (a
mean square with degrees of freedom) for the differences between modalities and one for the mean of
each modality; from there on they are the same (Hillis, Obuchowski, Schartz and Berbaum, Stat Med
2005;24:1579-1607).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from mammoscope.errors import ConfigError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Factor = Literal["random", "fixed"]

_ROUNDING = 1e-12


@dataclass(frozen=True)
class Estimate:
    """An AUC, a mean of AUCs or a difference of them, with Student's or normal interval.

    Attributes:
        value: AUC or difference of AUCs, no unit.
        standard_error: in the same unit.
        df: degrees of freedom; inf for the normal distribution.
        low, high: the interval, not cut off at 0 or 1; NaN where the standard error is 0, as for
            a reader without a mistake.
        p: two-sided, for a true value of 0; None where 0 is no sensible hypothesis or the standard
            error is 0.
    """

    value: float
    standard_error: float
    df: float
    low: float
    high: float
    p: float | None


@dataclass(frozen=True)
class Comparison:
    """One modality against another.

    Attributes:
        first, second: numbers of the modalities, from 0.
        mean: mean AUC of the second less that of the first; a gain is positive.
        by_reader: the same for each reader alone, over cases like these; empty for fixed cases.
    """

    first: int
    second: int
    mean: Estimate
    by_reader: tuple[Estimate, ...]


@dataclass(frozen=True, eq=False)
class MultiReader:
    """Result of a multi-reader multi-case analysis of m modalities and r readers.

    Attributes:
        readers, cases: "random" (the result holds for others like them) or "fixed" (for these).
        auc: (m, r).
        f: the statistic of the hypothesis that all modalities have the same mean AUC.
        df: its degrees of freedom; the second is inf where f times the first is a chi-square.
        p: of that hypothesis.
        means: mean AUC of each modality, from the data of that modality alone.
        comparisons: of every pair of modalities, in the order (0, 1), (0, 2) ... (1, 2) ...
        components: mean squares (T modality, R reader, C case) and variance components, in squared
            AUC (of pseudovalues in the Dorfman-Berbaum-Metz analysis); estimates, so a variance
            can come out negative.
    """

    readers: Factor
    cases: Factor
    auc: Floats
    f: float
    df: tuple[float, float]
    p: float
    means: tuple[Estimate, ...]
    comparisons: tuple[Comparison, ...]
    components: Mapping[str, float]


@dataclass(frozen=True)
class ErrorTerm:
    """A mean square, in squared AUC, and its degrees of freedom (inf: taken as known)."""

    mean_square: float
    df: float


def settled(variance: float, scale: float) -> float:
    """The variance, or 0 where it is no more than the rounding of variances of this scale."""
    return float(variance) if variance > _ROUNDING * scale else 0.0


def satterthwaite(known: float, added: float, df: float) -> ErrorTerm:
    """Error term `known` (with `df`) plus `added`, which is set to 0 where negative.

    Its degrees of freedom count the added part as if known (ddf_H; Hillis, Stat Med
    2007;26:596-619).
    """
    total = known + max(added, 0.0)
    return ErrorTerm(total, df * (total / known) ** 2 if settled(known, total) else np.inf)


def estimate(
    value: float, variance: float, df: float, level: float, tested: bool = True
) -> Estimate:
    """Student's (for df = inf the normal) interval of this level and, if tested, p against 0."""
    if not variance > 0:
        return Estimate(float(value), 0.0, float(df), float("nan"), float("nan"), None)
    error = float(np.sqrt(variance))
    half = float(t_distribution.ppf((1 + level) / 2, df)) * error
    p = 2 * float(t_distribution.sf(abs(value) / error, df)) if tested else None
    return Estimate(float(value), error, float(df), float(value) - half, float(value) + half, p)


def overall_test(
    auc: Floats, error: ErrorTerm, scale: float
) -> tuple[float, tuple[float, float], float]:
    """F, its degrees of freedom and p of equal mean AUCs of the modalities in auc (m, r).

    `scale` is the variance of an AUC over cases, below whose rounding there is no error variance.

    Raises:
        ConfigError: no error variance, as of readers that rank all cases alike everywhere.
    """
    m, r = auc.shape
    if settled(error.mean_square, scale) == 0:
        raise ConfigError(
            "The differences between modalities have an error variance of 0, so nothing can be "
            "tested: the modalities rank the cases alike, or every reader differs by the same "
            "amount; leave this comparison out."
        )
    f = r * float(auc.mean(axis=1).var(ddof=1)) / error.mean_square
    if np.isinf(error.df):
        return f, (m - 1, np.inf), float(chi2.sf(f * (m - 1), m - 1))
    return f, (m - 1, error.df), float(f_distribution.sf(f, m - 1, error.df))


def comparisons(
    auc: Floats, error: ErrorTerm, single: Mapping[tuple[int, int, int], ErrorTerm], level: float
) -> tuple[Comparison, ...]:
    """Every pair of modalities; `single` gives (first, second, reader) the error of one reader."""
    m, r = auc.shape
    mean = auc.mean(axis=1)
    found = []
    for a, b in combinations(range(m), 2):
        pooled = estimate(mean[b] - mean[a], 2 * error.mean_square / r, error.df, level)
        own = ((j, single[a, b, j]) for j in range(r) if (a, b, j) in single)
        by_reader = tuple(
            estimate(auc[b, j] - auc[a, j], e.mean_square, e.df, level) for j, e in own
        )
        found.append(Comparison(a, b, pooled, by_reader))
    return tuple(found)


def check_design(m: int, r: int, readers: str, cases: str, level: float) -> None:
    """Raise ConfigError where m modalities and r readers do not allow the analysis."""
    if m < 2 or r < 1 or (readers == "random" and r < 2):
        raise ConfigError(
            f"{m} modalities and {r} readers were given; a comparison needs two modalities and "
            "random readers need two readers: use readers='fixed' for one reader."
        )
    check_factors(readers, cases, level)


def check_factors(readers: str, cases: str, level: float) -> None:
    """Raise ConfigError unless something is random and the level lies in (0, 1)."""
    if {readers, cases} - {"random", "fixed"} or readers == cases == "fixed":
        raise ConfigError(
            f"readers is {readers!r} and cases {cases!r}; use 'random' or 'fixed', and at least "
            "one of them random, else nothing varies."
        )
    if not 0 < level < 1:
        raise ConfigError(f"level is {level}; give a fraction between 0 and 1, such as 0.95.")

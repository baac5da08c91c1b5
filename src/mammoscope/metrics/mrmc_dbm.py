"""Dorfman-Berbaum-Metz analysis: an ordinary analysis of variance of jackknife pseudovalues.

Each case's pseudovalue says what the case adds to a reader's AUC, so modality, reader and case can
be crossed as in any experiment (Dorfman, Berbaum and Metz, Invest Radiol 1992;27:723-731; the
error terms and degrees of freedom are those of Hillis, Berbaum and Metz, Acad Radiol
2008;15:647-661). With random readers, or fixed cases, it gives what `mrmc.obuchowski_rockette`
gives with the jackknife, to the last digit; with fixed readers it takes F and t where that takes a
chi-square and a normal distribution.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from mammoscope.metrics.mrmc_inference import (
    ErrorTerm,
    Estimate,
    Factor,
    Floats,
    MultiReader,
    check_design,
    comparisons,
    estimate,
    overall_test,
    satterthwaite,
)
from mammoscope.metrics.mrmc_scores import checked_study, pseudovalues


def dorfman_berbaum_metz(
    truth: ArrayLike,
    scores: ArrayLike,
    readers: Factor = "random",
    cases: Factor = "random",
    level: float = 0.95,
) -> MultiReader:
    """Compare modalities by the mean AUC of their readers; cases must be independent.

    Args:
        truth: (n,) 0 or 1.
        scores: (modalities, readers, n) any unit, growing with suspicion; none may be missing.
        readers: "random" if the result is to hold for readers like these.
        cases: "random" if the result is to hold for cases like these.
        level: of the intervals.

    Raises:
        ConfigError: as in `mrmc.obuchowski_rockette`.
    """
    positive, raw = checked_study(truth, scores, 3)
    check_design(raw.shape[0], raw.shape[1], readers, cases, level)
    values = pseudovalues(positive, raw)
    auc, squares = values.mean(axis=2), mean_squares(values)
    error = _difference_error(squares, values.shape, readers, cases)
    f, df, p = overall_test(auc, error, float(values.var()) / values.shape[2])
    means = tuple(_mean(one, readers, cases, level) for one in values)
    single = _single_errors(values) if cases == "random" else {}
    pairs = comparisons(auc, error, single, level)
    parts = {f"MS({name})": square for name, square in squares.items()}
    parts |= _variances(squares, values.shape)
    return MultiReader(readers, cases, auc, f, df, p, means, pairs, parts)


def mean_squares(values: Floats) -> dict[str, float]:
    """Mean squares of values (modality T, reader R, case C), by source: "T", "T*R", "T*R*C" ...

    0 where there are no degrees of freedom, as for R with one reader.
    """
    names, found = "TRC", {}
    for size in (1, 2, 3):
        for axes in combinations(range(3), size):
            effect = values.mean(axis=tuple(set(range(3)) - set(axes)), keepdims=True)
            for axis in axes:
                effect = effect - effect.mean(axis=axis, keepdims=True)
            df = np.prod([values.shape[axis] - 1 for axis in axes])
            total = float((effect**2).sum()) * values.size / effect.size
            found["*".join(names[axis] for axis in axes)] = total / max(float(df), 1.0)
    return found


def _difference_error(
    squares: Mapping[str, float], shape: tuple[int, ...], readers: Factor, cases: Factor
) -> ErrorTerm:
    """Error term of the differences, in squared AUC: of mean squares divided by the cases."""
    m, r, n = shape
    crossed = squares["T*R"] / n
    if cases == "fixed":
        return ErrorTerm(crossed, (m - 1) * (r - 1))
    if readers == "fixed":
        return ErrorTerm(squares["T*C"] / n, (m - 1) * (n - 1))
    return satterthwaite(crossed, (squares["T*C"] - squares["T*R*C"]) / n, (m - 1) * (r - 1))


def _single_errors(values: Floats) -> dict[tuple[int, int, int], ErrorTerm]:
    """Error of each pair of modalities for each reader: that of a paired t-test over cases."""
    m, r, n = values.shape
    return {
        (a, b, j): ErrorTerm(float((values[b, j] - values[a, j]).var(ddof=1)) / n, n - 1)
        for a, b in combinations(range(m), 2)
        for j in range(r)
    }


def _mean(values: Floats, readers: Factor, cases: Factor, level: float) -> Estimate:
    """Mean of the pseudovalues (readers, cases) of one modality."""
    r, n = values.shape
    squares = mean_squares(values[None])
    if cases == "fixed":
        error = ErrorTerm(squares["R"] / n, r - 1)
    elif readers == "fixed":
        error = ErrorTerm(squares["C"] / n, n - 1)
    else:
        error = satterthwaite(squares["R"] / n, (squares["C"] - squares["R*C"]) / n, r - 1)
    return estimate(float(values.mean()), error.mean_square / r, error.df, level, tested=False)


def _variances(squares: Mapping[str, float], shape: tuple[int, ...]) -> dict[str, float]:
    """Variance components from expected mean squares; estimates can be negative."""
    m, r, n = shape
    all_three = squares["T*R*C"]
    reader_case, modality_case = squares["R*C"], squares["T*C"]
    return {
        "var(R)": (squares["R"] - squares["T*R"] - reader_case + all_three) / (m * n),
        "var(C)": (squares["C"] - modality_case - reader_case + all_three) / (m * r),
        "var(T*R)": (squares["T*R"] - all_three) / n,
        "var(T*C)": (modality_case - all_three) / r,
        "var(R*C)": (reader_case - all_three) / m,
        "var(T*R*C) + var(error)": all_three,
    }

"""Models side by side, on the same cases."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from mammoscope.errors import ConfigError
from mammoscope.evaluate.cases import Cases
from mammoscope.evaluate.estimates import Resampling
from mammoscope.metrics.compare import Comparison, Method, compare_auc, holm
from mammoscope.metrics.roc import auc

METHODS: dict[Method, str] = {
    "delong": "DeLong, clustered by patient",
    "bootstrap": "bootstrap by patient",
    "permutation": "permutation by patient",
}


def compared(models: Sequence[Cases], resampling: Resampling) -> list[dict[str, Any]]:
    """Every pair of models by three methods; p adjusted (Holm) over the pairs of each method.

    Args:
        models: the same cases of one unit as judged by each model.
        resampling: for bootstrap and permutation.

    Returns:
        One mapping for each pair and method; empty for fewer than two models or one class only.
    """
    found: list[dict[str, Any]] = []
    pairs = list(combinations(models, 2))
    for method in METHODS if pairs else ():
        try:
            tests = [_test(a, b, method, resampling) for a, b in pairs]
        except ConfigError:
            continue
        adjusted = holm([test.p for test in tests])
        for (a, b), test, p in zip(pairs, tests, adjusted.tolist(), strict=True):
            found.append(_row(a, b, test, p))
    return found


def _test(a: Cases, b: Cases, method: Method, resampling: Resampling) -> Comparison:
    return compare_auc(a.truth, a.rank, b.rank, a.patient, method, resampling.n, resampling.seed)


def _row(a: Cases, b: Cases, test: Comparison, adjusted: float) -> dict[str, Any]:
    known = test.low == test.low  # a permutation gives no interval
    return {
        "unit": a.unit,
        "statistic": "AUC",
        "a": a.model,
        "b": b.model,
        "value_a": auc(a.truth, a.rank),
        "value_b": auc(b.truth, b.rank),
        "difference": test.difference,
        "low": test.low if known else None,
        "high": test.high if known else None,
        "p": test.p,
        "p_holm": adjusted,
        "method": METHODS[test.method],
    }

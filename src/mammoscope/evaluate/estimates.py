"""A number fit to print: with its unit, its counts, its interval and how that was made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mammoscope.errors import ConfigError
from mammoscope.evaluate.cases import Cases
from mammoscope.metrics.resample import patient_resamples

Floats = NDArray[np.float64]
Statistic = Callable[[Cases], float | Floats]

BY_PATIENT = "bootstrap by patient"

FEW_WOMEN = 30
"""Of either class: below, intervals may cover less than they say (docs/coverage.md)."""

# With fewer women of either class a bootstrap repeats the same few, and its interval, often
# 1.000 to 1.000, would claim a certainty that is not there.
FEWEST_WOMEN = 10


@dataclass(frozen=True)
class Estimate:
    """One figure.

    Attributes:
        name: what was measured.
        model: whose.
        unit: "image", "breast", "exam" or "patient".
        n, positives, patients: how many cases, cancers among them (None: not about cancer), women.
        value: the figure; None where it is undefined (e.g. one class only).
        low, high: ends of the 95% interval; None where undefined.
        method: how the interval was made.
        n_valid: resamples the interval rests on; 0 where it rests on none.
        note: what a reader must know about it; often empty.
    """

    name: str
    model: str
    unit: str
    n: int
    positives: int | None
    patients: int
    value: float | None
    low: float | None
    high: float | None
    method: str = BY_PATIENT
    n_valid: int = 0
    note: str = ""


@dataclass(frozen=True, eq=False)
class Band:
    """A curve with its interval at each place: value, low, high, all (k,), NaN where undefined."""

    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, eq=False)
class Sweep:
    """Values (k,) on all cases and (resamples, k) on the resamples, of which n were wanted."""

    value: Floats
    drawn: Floats
    n: int

    def band(self, part: slice = slice(None)) -> Band:
        """The values of a part with their pointwise percentile intervals."""
        value, drawn = self.value[part], self.drawn[:, part]
        if drawn.shape[1] != len(value) or not len(drawn) or np.isnan(drawn).all():
            return Band(value, np.full_like(value, np.nan), np.full_like(value, np.nan))
        low, high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
        return Band(value, low, high)

    def estimate(self, name: str, at: int, cases: Cases, note: str = "") -> Estimate:
        """One of the values as a figure."""
        drawn = self.drawn[:, at] if self.drawn.shape[1] > at else np.zeros(0)
        return _estimate(name, cases, float(self.value[at]), drawn, note, True, self.n)


@dataclass(frozen=True)
class Resampling:
    """How intervals are made: number of resamples of women, and seed.

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
        self,
        cases: Cases,
        statistics: Mapping[str, Statistic],
        notes: Mapping[str, str] | None = None,
        cancer: bool = True,
    ) -> list[Estimate]:
        """Each statistic on all cases with its percentile interval; all share the resamples."""
        values = {name: _values(statistic, cases) for name, statistic in statistics.items()}
        drawn = self._drawn(cases, statistics, cancer)
        found = []
        for name in statistics:
            note = (notes or {}).get(name, "")
            value = float(values[name][0])
            found.append(_estimate(name, cases, value, drawn[name][:, 0], note, cancer, self.n))
        return found

    def sweep(self, cases: Cases, statistic: Statistic, cancer: bool = True) -> Sweep:
        """A statistic of many values, such as a curve, on all cases and on each resample."""
        value = _values(statistic, cases)
        drawn = self._drawn(cases, {"all": statistic}, cancer)["all"]
        return Sweep(value, drawn if drawn.shape[1] == len(value) else drawn[:0], self.n)

    def _drawn(
        self, cases: Cases, statistics: Mapping[str, Statistic], cancer: bool
    ) -> dict[str, Floats]:
        """(resamples, k) values of each statistic; none where there are too few women."""
        if cancer and fewest_women(cases) < FEWEST_WOMEN:
            return {name: np.full((0, 1), np.nan) for name in statistics}
        # In the order of the scores every resample stays sorted, and sorting it again is cheap.
        order = np.argsort(cases.rank, kind="stable")
        ordered = replace(cases, groups={}).where(order)
        rows: dict[str, list[Floats]] = {name: [] for name in statistics}
        for drawn in patient_resamples(ordered.patient, self.n, self.seed):
            times = np.bincount(drawn, minlength=len(order))
            sample = ordered.where(np.repeat(np.arange(len(order)), times))
            for name, statistic in statistics.items():
                rows[name].append(_values(statistic, sample))
        return {name: _stacked(found) for name, found in rows.items()}


def counts(cases: Cases) -> dict[str, int]:
    """n, positives and patients of some cases."""
    return {
        "n": len(cases.truth),
        "positives": int(cases.truth.sum()),
        "patients": len(np.unique(cases.patient)),
    }


def estimate(
    name: str, cases: Cases, value: float, low: float, high: float, method: str, note: str = ""
) -> Estimate:
    """A figure whose interval came from a formula; NaN becomes None."""
    number = counts(cases)
    note = "; ".join(filter(None, [note, *cautions(cases)]))
    return Estimate(
        name, cases.model, cases.unit, **number,
        value=_none(value), low=_none(low), high=_none(high), method=method, note=note,
    )  # fmt: skip


def undefined(name: str, cases: Cases, reason: str) -> Estimate:
    """A figure that these cases do not define, with the reason."""
    nothing = float("nan")
    return estimate(name, cases, nothing, nothing, nothing, "none", f"undefined: {reason}")


def first_clause(error: ConfigError) -> str:
    """What was found, without what to do about it: fit for a note."""
    return str(error).split(";")[0].rstrip(".")


def cautions(cases: Cases) -> list[str]:
    """What a reader must be told about so few cases; empty for many."""
    women = fewest_women(cases)
    if not 0 < women < FEW_WOMEN:
        return []
    rarer = "with cancer" if _women(cases, 1) == women else "without"
    return [f"few women: {women} {rarer}, so the interval may be too narrow"]


def _estimate(
    name: str, cases: Cases, value: float, drawn: Floats, note: str, cancer: bool, wanted: int
) -> Estimate:
    number: dict[str, int | None] = {**counts(cases)}
    if not cancer:
        number["positives"] = None
    valid = drawn[~np.isnan(drawn)]
    low, high = np.quantile(valid, [0.025, 0.975]) if len(valid) else (np.nan, np.nan)
    found = [note, *(cautions(cases) if cancer else [])]
    if np.isnan(value):
        found.append("undefined: too few cases or one class only")
    elif not len(valid):
        found.append("too few women for an interval")
    elif len(valid) < 0.95 * wanted:
        found.append(f"undefined in {1 - len(valid) / wanted:.0%} of resamples")
    return Estimate(
        name, cases.model, cases.unit, **number,  # type: ignore[arg-type]
        value=_none(value), low=_none(float(low)), high=_none(float(high)),
        n_valid=len(valid), note="; ".join(filter(None, found)),
    )  # fmt: skip


def fewest_women(cases: Cases) -> int:
    """Women of the rarer class: what an interval rests on."""
    return min(_women(cases, k) for k in (0, 1))


def _women(cases: Cases, truth: int) -> int:
    return len(np.unique(cases.patient[cases.truth == truth]))


def _values(statistic: Statistic, cases: Cases) -> Floats:
    try:
        return np.atleast_1d(np.asarray(statistic(cases), np.float64))
    except ConfigError:
        return np.full(1, np.nan)


def _stacked(rows: list[Floats]) -> Floats:
    """Rows of one length; a row that is undefined as a whole becomes NaN throughout."""
    width = max(len(row) for row in rows)
    return np.stack([row if len(row) == width else np.full(width, np.nan) for row in rows])


def _none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)

"""What triage by the model would have done: work saved, cancers lost and found, recalls.

A simulation on cases that were read without the model: it takes for granted that readers would
have called the same cases had they known of it. Where no reader's calls are given, a reader
counts as finding every cancer that she is shown, so the cancers missed are an upper bound. With
`prevalence` the cases are re-weighted to a screening population; counts of cancers stay those of
the data. All functions are plain, for a patient bootstrap to call. A threshold chosen on the
cases on which it is then judged flatters; `rule_out_below` judges one from elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscope.errors import ConfigError
from mammoscope.metrics.prevalence import prevalence_weights
from mammoscope.metrics.proportions import checked_weights
from mammoscope.metrics.roc import checked

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Sums of weights and products with shares may come out a hair off.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Triage:
    """A way of reading with the model against the way without.

    Attributes:
        threshold: in the score's unit; +inf where no case reaches it.
        flagged: share of cases with score >= threshold, no unit.
        workload_saved: share of the readings by people that fall away, no unit; negative if more.
        cancers_missed: found without the model and not with it, a count of cases.
        cancers_missed_share: those among all cancers, no unit.
        cancers_missed_per_1000: those per 1,000 cases screened.
        cancers_gained: found with the model and not without it, a count of cases.
        cancers_gained_share: those among all cancers, no unit.
        cancers_gained_per_1000: those per 1,000 cases screened.
        recall_before: share of cases recalled without the model; None if no calls are given.
        recall_after: share recalled with it; likewise.
    """

    threshold: float
    flagged: float
    workload_saved: float
    cancers_missed: int
    cancers_missed_share: float
    cancers_missed_per_1000: float
    cancers_gained: int
    cancers_gained_share: float
    cancers_gained_per_1000: float
    recall_before: float | None
    recall_after: float | None


def rule_out_below(
    truth: ArrayLike,
    score: ArrayLike,
    threshold: float,
    calls: ArrayLike | None = None,
    prevalence: float | None = None,
    weight: ArrayLike | None = None,
) -> Triage:
    """Cases with score < threshold are not read and not recalled; the others are read as before.

    The work saved is the share ruled out (Yala et al., Radiology 2019;293:38-46; Lang et al., Eur
    Radiol 2021;31:1687-1692). A cancer that the readers had not recalled is not missed anew.

    Args:
        truth: (n,) 0 or 1, with at least one 1.
        score: (n,) any unit, not NaN; of exams, or of what is read as a whole.
        threshold: in the score's unit.
        calls: (n,) 0 or 1, the readers' decision to recall, without the model. None: unknown,
            a reader counts as finding every cancer.
        prevalence: share of cancers to re-weight to, in (0, 1), no unit. None: as they are.
        weight: (n,) non-negative case weights. None: all 1.

    Raises:
        ConfigError: as in `roc.checked`; no cancer; calls, weights or a prevalence that are none.
    """
    cases = _Cases.of(truth, score, prevalence, weight)
    return _rule_out(cases, threshold, calls)


def rule_out_lowest(
    truth: ArrayLike,
    score: ArrayLike,
    share: float,
    calls: ArrayLike | None = None,
    prevalence: float | None = None,
    weight: ArrayLike | None = None,
) -> Triage:
    """The lowest cases, at most this share of all (in [0, 1], no unit), are not read.

    Cases tied in score stay together, so fewer than the share may be ruled out; constant scores
    rule out none. The rest as in `rule_out_below`.
    """
    cases = _Cases.of(truth, score, prevalence, weight)
    values, below = _below(cases.score, cases.weight)
    fits = below <= _fraction(share, "share") * below[-1] + _ROUNDING
    return _rule_out(cases, float(values[fits][-1]), calls)


def missed_among_lowest(
    truth: ArrayLike,
    score: ArrayLike,
    shares: ArrayLike,
    prevalence: float | None = None,
    weight: ArrayLike | None = None,
) -> Floats:
    """Share of cancers (k,) among the lowest cases, for many shares (k,) at once.

    What `rule_out_lowest` calls `cancers_missed_share` where no reader's calls are known.
    """
    cases = _Cases.of(truth, score, prevalence, weight)
    values, below = _below(cases.score, cases.weight)
    wanted = np.array([_fraction(share, "share") for share in np.atleast_1d(shares)])
    fits = np.searchsorted(below, wanted * below[-1] + _ROUNDING, "right") - 1
    cancers, lost = _below(cases.score[cases.cancer], cases.weight[cases.cancer])
    # +inf ends both rows of values, so that a threshold above all scores loses every cancer.
    return np.asarray(lost[np.searchsorted(cancers, values[fits], "left")] / lost[-1])


def rule_out_at_sensitivity(
    truth: ArrayLike,
    score: ArrayLike,
    sensitivity: float = 0.99,
    calls: ArrayLike | None = None,
    prevalence: float | None = None,
    weight: ArrayLike | None = None,
) -> Triage:
    """As many cases as possible are not read, while this share of the cancers still is.

    `sensitivity` is that of the rule-out, in [0, 1], no unit: of all cancers, those at or above the
    threshold, whether or not a reader would then find them. The rest as in `rule_out_below`.
    """
    cases = _Cases.of(truth, score, prevalence, weight)
    values, below = _below(cases.score[cases.cancer], cases.weight[cases.cancer])
    fits = below <= (1 - _fraction(sensitivity, "sensitivity")) * below[-1] + _ROUNDING
    return _rule_out(cases, float(values[fits][-1]), calls)


def flag_top(
    truth: ArrayLike,
    score: ArrayLike,
    share: float,
    calls: ArrayLike | None = None,
    prevalence: float | None = None,
    weight: ArrayLike | None = None,
) -> Triage:
    """The highest cases, at most this share of all, are recalled even if the readers had not.

    All cases are read as before, so no work is saved; what is gained is cancers (the enhanced
    assessment of Dembrower et al., Lancet Digit Health 2020;2:e468-e474, and the recall of very
    suspicious exams of Raya-Povedano et al., Radiology 2021;300:57-65). Without calls, all cancers
    among the flagged count as gained. `share` in [0, 1], no unit; the rest as in `rule_out_below`.
    """
    cases = _Cases.of(truth, score, prevalence, weight)
    values, below = _below(cases.score, cases.weight)
    fits = below[-1] - below <= _fraction(share, "share") * below[-1] + _ROUNDING
    threshold = float(values[fits][0])
    flagged = cases.score >= threshold
    before = np.zeros_like(flagged) if calls is None else cases.calls(calls, "calls")
    return _compare(cases, threshold, before, before | flagged, 0.0, calls is not None)


def replace_second_reader(
    truth: ArrayLike,
    score: ArrayLike,
    threshold: float,
    first: ArrayLike,
    second: ArrayLike | None = None,
    arbiter: ArrayLike | None = None,
    consensus: Literal["either", "both"] = "either",
    prevalence: float | None = None,
    weight: ArrayLike | None = None,
) -> Triage:
    """Of two readers the second is replaced by the model; disagreements go to arbitration.

    Where the two agree, that is the decision. Where not, the arbiter's call is, and her reading
    counts as work; without an arbiter the consensus rule decides, at no work. With `arbiter` set to
    the second reader's calls she reads only what the first and the model disagree on (McKinney et
    al., Nature 2020;577:89-94; Sharma et al., BMC Cancer 2023;23:460).

    Args:
        truth: (n,) as in `rule_out_below`, as are score, prevalence and weight.
        score: (n,).
        threshold: the model calls a case when score >= threshold.
        first: (n,) 0 or 1, the first reader's calls.
        second: (n,) the second reader's calls. None: unknown, she counts as having agreed with
            the first throughout.
        arbiter: (n,) what a third reader says where two disagree. None: the consensus rule.
        consensus: "either" recalls a case that one of the two called, "both" only what both did.
        prevalence: a share or None.
        weight: (n,) or None.

    Raises:
        ConfigError: as in `rule_out_below`, or another rule.
    """
    cases = _Cases.of(truth, score, prevalence, weight)
    if consensus not in ("either", "both"):
        raise ConfigError(f"consensus is {consensus!r}; use 'either' or 'both'.")
    reader = cases.calls(first, "first")
    other = reader if second is None else cases.calls(second, "second")
    third = None if arbiter is None else cases.calls(arbiter, "arbiter")
    model = cases.score >= threshold

    def decided(by: Bools) -> Bools:
        if third is not None:
            return np.where(reader == by, reader, third)
        return reader | by if consensus == "either" else reader & by

    def arbitrated(by: Bools) -> float:
        return 0.0 if third is None else cases.share(reader != by)

    saved = 1 - (1 + arbitrated(model)) / (2 + arbitrated(other))
    return _compare(cases, threshold, decided(other), decided(model), saved, known=True)


@dataclass(frozen=True, eq=False)
class _Cases:
    cancer: Bools
    score: Floats
    weight: Floats

    @classmethod
    def of(
        cls,
        truth: ArrayLike,
        score: ArrayLike,
        prevalence: float | None,
        weight: ArrayLike | None,
    ) -> _Cases:
        cancer, scores = checked(truth, score)
        if prevalence is not None:
            return cls(cancer, scores, prevalence_weights(cancer, prevalence, weight))
        weights = checked_weights(weight, len(scores))
        if not weights[cancer].any():
            raise ConfigError(f"None of {len(cancer)} cases is a cancer that could be missed.")
        return cls(cancer, scores, weights)

    def share(self, which: Bools) -> float:
        return float(self.weight[which].sum() / self.weight.sum())

    def calls(self, calls: ArrayLike, name: str) -> Bools:
        values = np.asarray(calls)
        if values.shape != self.cancer.shape or not np.isin(values, (0, 1)).all():
            raise ConfigError(f"{name} must hold 0 or 1 for each of {len(self.cancer)} cases.")
        return np.asarray(values == 1, np.bool_)


def _rule_out(cases: _Cases, threshold: float, calls: ArrayLike | None) -> Triage:
    read = cases.score >= threshold
    before = cases.cancer if calls is None else cases.calls(calls, "calls")
    return _compare(cases, threshold, before, before & read, cases.share(~read), calls is not None)


def _compare(
    cases: _Cases, threshold: float, before: Bools, after: Bools, saved: float, known: bool
) -> Triage:
    """The outcome of two sets of recalls; `known` if they are those of readers."""
    if np.isnan(threshold):
        raise ConfigError("The threshold is NaN; give a number in the score's unit.")
    missed, gained = cases.cancer & before & ~after, cases.cancer & after & ~before
    cancers = cases.share(cases.cancer)
    return Triage(
        threshold=float(threshold),
        flagged=cases.share(cases.score >= threshold),
        workload_saved=saved,
        cancers_missed=int(missed.sum()),
        cancers_missed_share=cases.share(missed) / cancers,
        cancers_missed_per_1000=1000 * cases.share(missed),
        cancers_gained=int(gained.sum()),
        cancers_gained_share=cases.share(gained) / cancers,
        cancers_gained_per_1000=1000 * cases.share(gained),
        recall_before=cases.share(before) if known else None,
        recall_after=cases.share(after) if known else None,
    )


def _below(scores: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Each distinct score, and +inf, with the weight of the cases below it; both rise."""
    values, index = np.unique(scores, return_inverse=True)
    total = np.cumsum(np.bincount(index, weights))
    return np.append(values, np.inf), np.concatenate([[0.0], total])


def _fraction(share: float, name: str) -> float:
    if not 0 <= share <= 1:
        raise ConfigError(f"{name} is {share}; give a fraction between 0 and 1.")
    return share

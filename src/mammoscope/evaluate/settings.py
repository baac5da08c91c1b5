"""How a report is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mammoscope.evaluate.cases import Rule
from mammoscope.evaluate.estimates import Resampling
from mammoscope.metrics.hit_rule import HitRule

SCREENING_PREVALENCE = 0.005


@dataclass(frozen=True)
class Settings:
    """How a report is made.

    Attributes:
        resampling: of the women, for intervals.
        units: to report on; empty for the rows' own and the coarser ones.
        rule: how a breast's score comes from its images, "mean" of logits or "max".
        prevalence: of the population that PPV, recall rate and triage are worked out for; None
            for that of the cases.
        thresholds: operating points by name, as probabilities.
        subgroups: further columns of the truth.
        hit_rule: when a box hits a lesion.
        readers: columns of the truth's table that hold human readers' scores.
        reader_calls_at: the score from which a reader recalls, for double reading; None: unknown.
        recipe: what the predictions' own run says of itself, for the checklists.
    """

    resampling: Resampling = field(default_factory=Resampling)
    units: tuple[str, ...] = ()
    rule: Rule = "mean"
    prevalence: float | None = SCREENING_PREVALENCE
    thresholds: Mapping[str, float] = field(default_factory=dict)
    subgroups: tuple[str, ...] = ()
    hit_rule: HitRule = field(default_factory=HitRule)
    readers: tuple[str, ...] = ()
    reader_calls_at: float | None = None
    recipe: Mapping[str, Any] | None = None

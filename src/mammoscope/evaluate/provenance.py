"""What a report says of itself: which files it was made from, how, and what it does not mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mammoscope
from mammoscope.evaluate.cases import RULES, Cases
from mammoscope.evaluate.joining import Judged
from mammoscope.evaluate.predictions import Predicted
from mammoscope.evaluate.settings import Settings
from mammoscope.evaluate.truth import Truth


def made_from(truth: Truth, predicted: Sequence[Predicted], settings: Settings) -> dict[str, Any]:
    """Files with their sha256, and every choice, as the report's "run"."""
    return {
        "mammoscope": mammoscope.__version__,
        "predictions": [
            {"name": one.name, "file": one.path.name, "sha256": one.sha256, "kind": one.kind}
            for one in predicted
        ],
        "truth": {"file": truth.path.name, "sha256": truth.sha256},
        "resamples": settings.resampling.n,
        "seed": settings.resampling.seed,
        "rule": f"a breast's score is the {RULES[settings.rule]} of its images; an exam's or a "
        "woman's the maximum of its breasts",
        "prevalence": settings.prevalence,
        "hit_rule": str(settings.hit_rule),
        "recipe": None if settings.recipe is None else dict(settings.recipe),
    }


def caveats(judged: Judged, main: Cases, settings: Settings) -> list[str]:
    """Sentences on what the numbers do not mean."""
    share = float(main.truth.mean())
    found = [
        f"{share:.1%} of these {main.unit}s have cancer; in screening about 0.5% of exams have. "
        "Accuracy, predictive values, recall rates and the probabilities themselves hold for the "
        "share of cancers they were measured at.",
        f"Intervals are 95% intervals; those by bootstrap rest on {settings.resampling.n} "
        f"resamples of women (seed {settings.resampling.seed}). Resamples in which a figure is "
        "undefined are left out and counted. Networks and calibrations are held fixed: the spread "
        "between trainings is not in them.",
        "A pooled AUC is lifted by what differs between machines and sites; those within them are "
        "not.",
    ]
    if any(scores.fold is not None for scores in judged.models):
        found.append(
            "The predictions are out of fold. Figures of rank use the networks' own scores; "
            "probabilities come from Platt's line as fitted on the other folds."
        )
    if judged.unit == "image":
        found.append(
            "Figures by image count a woman's views as cases of one person: intervals heed that, "
            "but a score by breast or exam is what a decision rests on."
        )
    found.append(
        "'No cancer' is what the truth says of a case; where nobody biopsied or followed up, a "
        "missed cancer may hide among them."
    )
    return found

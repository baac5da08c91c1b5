"""Predictions and truth to a report: every figure with its unit, its counts and its interval.

The report is one mapping of plain JSON values; `mammoscope.evaluate.written` turns it into a
page, tables, pictures and a model card.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from mammoscope.errors import ConfigError, ReadError
from mammoscope.evaluate import comparing, density, discrimination, misses, thresholds, use
from mammoscope.evaluate.calibrating import calibrated, reliability_curve
from mammoscope.evaluate.cases import Cases, betrayed_units, cases, units_of
from mammoscope.evaluate.estimates import Estimate
from mammoscope.evaluate.joining import UNITS, Judged, join
from mammoscope.evaluate.locating import located
from mammoscope.evaluate.predictions import Predicted
from mammoscope.evaluate.provenance import caveats, made_from
from mammoscope.evaluate.reading import beside_readers, reader_scores
from mammoscope.evaluate.settings import Settings
from mammoscope.evaluate.subgroups import subgroups
from mammoscope.evaluate.truth import Truth
from mammoscope.metrics import precision_recall, roc

SCHEMA_VERSION = "1.0"

TITLES = {
    "discrimination": ("Discrimination", "How well the scores tell cancers from the rest."),
    "operating": ("Operating points", "What happens at a threshold."),
    "precision_recall": ("Precision and recall", "Both fall with the prevalence."),
    "calibration": ("Calibration", "Whether the probabilities mean what they say."),
    "localisation": ("Localisation", "Whether suspicious places are where the lesions are."),
    "density": ("Density", "BI-RADS grades A to D."),
    "triage": ("Triage", "What leaving the least suspicious unread would save and miss."),
    "decision": ("Decision curve", "Net benefit of acting on the model's probability."),
    "readers": ("Readers", "Human readers on the same cases."),
}


Progress = Callable[[str], None]


def report(
    truth: Truth,
    predicted: Sequence[Predicted],
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Evaluate one or more models on the same cases.

    Args:
        truth: what is known.
        predicted: what the models said; all about the same unit.
        settings: None for the defaults.
        progress: told the name of each step as it begins; None for silence.

    Returns:
        Plain JSON values: "run", "models", "units", "counts", "excluded", "withheld", "sections",
        "comparisons", "curves", "confusions", "density_confusion", "subgroups", "misses",
        "not_computed", "warnings", "notes".

    Raises:
        ConfigError: as in `joining.join`; or a unit that the truth's columns do not tell apart.
    """
    chosen, tell = settings or Settings(), progress or _silent
    tell("joining")
    judged = join(truth, predicted)
    units, withheld = _units(judged, chosen.units)
    made = _Report(judged, truth, chosen, tell)
    by_unit = {
        unit: [cases(judged, scores, unit, chosen.rule) for scores in judged.models]
        for unit in units
    }
    for unit, models in by_unit.items():
        for one in models:
            tell(f"{one.model}, by {unit}")
            made.judge(one)
        made.comparisons += comparing.compared(models, chosen.resampling)
    for scores in judged.models:
        made.grade_density(scores)
    main = _main_unit(units)
    for one in by_unit[main]:
        tell(f"{one.model}, subgroups and triage")
        made.divide(one)
    for model in predicted:
        made.locate(model)
    if chosen.readers:
        tell("readers")
        made.compare_readers(by_unit)
    return made.as_dict(by_unit, predicted, withheld, main)


def _silent(_step: str) -> None:
    pass


class _Report:
    """Collects the parts; each method adds what one step found, or why it found nothing."""

    def __init__(
        self, judged: Judged, truth: Truth, settings: Settings, progress: Progress
    ) -> None:
        self.judged, self.truth, self.settings, self.progress = judged, truth, settings, progress
        self.sections: dict[str, list[Estimate]] = {key: [] for key in TITLES}
        self.curves: dict[str, list[dict[str, Any]]] = {
            name: []
            for name in ("roc", "precision_recall", "reliability", "decision", "triage", "froc")
        }
        self.comparisons: list[dict[str, Any]] = []
        self.confusions: list[dict[str, Any]] = []
        self.density: list[dict[str, Any]] = []
        self.parts: list[dict[str, Any]] = []
        self.misses: list[dict[str, Any]] = []
        self.not_computed: list[dict[str, str]] = []
        self.warnings = list(judged.warnings)

    def judge(self, one: Cases) -> None:
        """All that scores and truth of one unit give."""
        resampling, prevalence = self.settings.resampling, self.settings.prevalence
        self.sections["discrimination"] += discrimination.discrimination(one, resampling)
        if not 0 < one.truth.sum() < len(one.truth):
            self._skip(f"everything else by {one.unit}", "all cases are of one class")
            return
        self._rates(one)
        self.sections["precision_recall"] += thresholds.precision(one, resampling, prevalence)
        self._probabilities(one)
        self._draw(one)

    def _rates(self, one: Cases) -> None:
        points = thresholds.points_of(one, self.settings.thresholds)
        found, counts = thresholds.at_points(one, points, self.settings.prevalence)
        if "fold" in one.groups and not self.settings.thresholds:
            found += discrimination.foreign_thresholds(one, self.settings.resampling)
        self.sections["operating"] += found
        self.confusions += counts

    def _probabilities(self, one: Cases) -> None:
        if one.probability is None:
            self._skip(
                f"calibration, decision curve and probabilistic F1 of {one.model}",
                "its scores only order the cases (--ranks-only)",
            )
            return
        self.sections["calibration"] += calibrated(one, self.settings.resampling)
        line = reliability_curve(one)
        self.curves["reliability"] += [line] if line else []
        estimates, curve = use.decided(one, self.settings.resampling)
        self.sections["decision"] += estimates
        self.curves["decision"].append(curve)

    def _draw(self, one: Cases) -> None:
        points = roc.curve(one.truth, one.rank)
        self.curves["roc"].append(_curve(one, points.false_positive_rate, points.sensitivity))
        found = precision_recall.curve(one.truth, one.rank)
        line = _curve(one, found.recall, found.precision)
        self.curves["precision_recall"].append({**line, "chance": found.prevalence})

    def grade_density(self, scores: Any) -> None:
        """Density, where it was predicted and is known."""
        found, counts = density.graded(self.judged, scores, self.settings.resampling)
        self.sections["density"] += found
        if counts is None:
            self._skip(f"density by {scores.name}", "not predicted, or known of no case")
        else:
            self.density.append(counts)

    def divide(self, one: Cases) -> None:
        """Subgroups, triage and the worst misses, on the main unit."""
        self.parts += subgroups(self.judged, one, self.truth.findings, self.settings.subgroups)
        self.misses += misses.worst(self.judged, one, self.truth.path.parent)
        if 0 < one.truth.sum() < len(one.truth):
            resampling, prevalence = self.settings.resampling, self.settings.prevalence
            estimates, curve = use.triaged(one, resampling, prevalence)
            self.sections["triage"] += estimates
            self.curves["triage"].append(curve)

    def locate(self, model: Predicted) -> None:
        """FROC, where the model gives places and the truth has some."""
        if model.boxes is None or self.judged.unit != "image":
            self._skip(f"localisation by {model.name}", "no boxes were given (--boxes)")
            return
        self.progress(f"{model.name}, localisation")
        strange = int((~model.boxes["image_path"].isin(self.judged.image)).sum())
        if strange:
            self.warnings.append(
                f"{strange} of {len(model.boxes)} boxes of {model.name} lie on images that are not "
                "evaluated; they were left out."
            )
        try:
            found, curves = located(
                self.judged, self.truth.findings, self.truth.path.parent, model.boxes, model.name,
                self.settings.hit_rule, self.settings.resampling,
            )  # fmt: skip
        except (ConfigError, ReadError) as error:
            self._skip(f"localisation by {model.name}", str(error))
            return
        self.sections["localisation"] += found
        self.curves["froc"] += curves

    def compare_readers(self, by_unit: Mapping[str, list[Cases]]) -> None:
        """Human readers on the same cases."""
        columns = self.settings.readers
        scores = reader_scores(self.judged, columns, self.truth.path)
        for models in by_unit.values():
            self.sections["readers"] += beside_readers(
                self.judged, models, scores, columns, self.settings.resampling,
                self.settings.reader_calls_at,
            )  # fmt: skip

    def _skip(self, what: str, why: str) -> None:
        self.not_computed.append({"what": what, "why": why})

    def as_dict(
        self,
        by_unit: Mapping[str, list[Cases]],
        predicted: Sequence[Predicted],
        withheld: Mapping[str, str],
        main: str,
    ) -> dict[str, Any]:
        """The report, fit for JSON."""
        first = {unit: models[0] for unit, models in by_unit.items()}
        names = [scores.name for scores in self.judged.models]
        return {
            "schema_version": SCHEMA_VERSION,
            "title": "Evaluation of " + " and ".join(names),
            "run": made_from(self.truth, predicted, self.settings),
            "models": names,
            "units": list(first),
            "main_unit": main,
            "counts": [_counts(one) for one in first.values()],
            "excluded": [asdict(one) for one in self.judged.excluded],
            "warnings": self.warnings,
            "withheld": dict(withheld),
            "not_computed": self.not_computed,
            "notes": caveats(self.judged, first[main], self.settings),
            "sections": {
                key: {"title": title, "intro": intro,
                      "estimates": [asdict(one) for one in self.sections[key]]}
                for key, (title, intro) in TITLES.items() if self.sections[key]
            },
            "comparisons": self.comparisons,
            "curves": self.curves,
            "confusions": self.confusions,
            "density_confusion": self.density,
            "subgroups": self.parts,
            "misses": self.misses,
        }  # fmt: skip


def _units(judged: Judged, wanted: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, str]]:
    possible = units_of(judged)
    unknown = [unit for unit in wanted if unit not in possible]
    if unknown:
        raise ConfigError(
            f"--units {unknown[0]}: these predictions and this truth allow {', '.join(possible)}."
        )
    if wanted:
        return tuple(unit for unit in UNITS if unit in wanted), {}
    withheld = betrayed_units(judged, possible)
    return tuple(unit for unit in possible if unit not in withheld), withheld


def _main_unit(units: Iterable[str]) -> str:
    """The coarsest below the woman: what a decision is made on."""
    below = [unit for unit in units if unit != "patient"]
    return below[-1] if below else "patient"


def _curve(one: Cases, x: Any, y: Any) -> dict[str, Any]:
    return {"model": one.model, "unit": one.unit, "x": _thinned(x), "y": _thinned(y),
            "label": f"{one.model}, by {one.unit}"}  # fmt: skip


def _thinned(values: Any, most: int = 2000) -> list[float]:
    """A picture needs no more points than it has pixels."""
    if len(values) > most:
        values = values[np.unique(np.linspace(0, len(values) - 1, most).astype(int))]
    return [float(value) for value in values]


def _counts(one: Cases) -> dict[str, Any]:
    n, positives = len(one.truth), int(one.truth.sum())
    patients = len(np.unique(one.patient))
    return {"unit": one.unit, "n": n, "positives": positives, "patients": patients,
            "prevalence": positives / n}  # fmt: skip

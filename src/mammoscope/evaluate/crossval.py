"""The honest report on a patient-level cross-validation.

    python -m mammoscope.evaluate.crossval PREDICTIONS.csv MANIFEST.csv --out DIR

Made for sets composed by class, such as rsna2022, where the number of a woman's images and the
presence of the other breast give the answer away: the units are the image and the breast, never
the woman or the exam, and the figure that counts is the AUC within machines.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from numpy.typing import NDArray

from mammoscope.errors import ConfigError, MissingExtraError
from mammoscope.evaluate import figures, markdown
from mammoscope.evaluate.card import BCSC_SENSITIVITY, BCSC_SPECIFICITY, card_calibration
from mammoscope.evaluate.cases import (
    Cases,
    Figure,
    Floats,
    Resampling,
    breast_cases,
    image_cases,
)
from mammoscope.evaluate.predictions import Images, read_images
from mammoscope.files import write_atomic
from mammoscope.metrics import calibration, roc
from mammoscope.metrics.agreement import confusion, weighted_kappa
from mammoscope.types import DENSITY_GRADES

# A plain EfficientNet-Lite0 (512x288, five epochs, no tuning) on 200 women held back.
_BASELINE = {
    ("AUC, pooled", "image"): "to beat: 0.70 (0.62 to 0.76)",
    ("AUC, within machines", "image"): "to beat: 0.68; the figure that counts",
    ("AUC, pooled", "breast"): "to beat: 0.71",
    ("AUC, within machines", "breast"): "the figure that counts",
}

NOTES = (
    "Prevalence here is {prevalence:.1%} of images, in screening it is about 0.5%: accuracy, "
    "predictive values and the calibrated probabilities themselves do not carry over.",
    "The set was composed by class (women with cancer mostly lack images of the other breast), so "
    "figures by woman or by exam mean nothing on it and none are given.",
    "Non-cancers were mostly not biopsied: this is cancer against not cancer, not against benign.",
    "A pooled AUC is lifted by what differs between vendors; the one within machines compares only "
    "pairs of the same machine, weighted by their number.",
    "A breast's score is the mean of its images' calibrated logits, its truth any cancer among "
    "them. ROC figures rank by the out-of-fold logits, which is how one calibration line for all "
    "ranks too; probabilities (ECE, Brier, slope) come from a line fitted on the other folds. "
    "Ranking by those cross-fitted scores is shown as a check: it runs a little low, since a fold "
    "rich in cancers is calibrated by folds poor in them.",
    "Intervals are 95% percentile intervals of {n} bootstrap resamples of women (seed {seed}); "
    "resamples where a figure is undefined (one class only) are left out and counted. Networks "
    "and calibrations are held fixed: the spread between trainings is not in them.",
    "The baseline was measured on 200 women held back, not on these folds: the comparison is "
    "unpaired.",
    "ECE is biased upwards, and its resamples more so: its interval may lie above the figure.",
)


def crossval_report(images: Images, resampling: Resampling) -> dict[str, Any]:
    """All figures of the report, fit for JSON.

    Returns:
        "counts", "excluded", "sections" (title -> list of figures as in `cases.Figure`),
        "density_confusion" (4, 4; rows are the truth), "notes".
    """
    image = image_cases(images)
    breast = breast_cases(images, image.score)
    both = (image, breast)
    sections: dict[str, list[Figure]] = {
        "Discrimination": [f for c in both for f in _discrimination(c, resampling)],
        "Operating points": [f for c in both for f in _operating(c, resampling)],
        "Calibration": [f for c in both for f in _calibration(c, resampling)],
    }
    for group in ("machine", "site", "view", "implant", "fold"):
        sections[f"AUC by {group}"] = [
            f for c in both if group in c.groups for f in _by_group(c, group, resampling)
        ]
    counted = {"prevalence": image.truth.mean(), "n": resampling.n, "seed": resampling.seed}
    report: dict[str, Any] = {
        "counts": {c.unit: _counts(c) for c in both},
        "excluded": [asdict(e) for e in images.excluded],
        "sections": {},
        "density_confusion": None,
        "notes": [note.format(**counted) for note in NOTES],
    }
    known = images.density_truth >= 0
    if known.any():
        grades = median_grades(images.density[known])
        truth = images.density_truth[known]
        sections["Density"] = _density(image.where(known), truth, grades, resampling)
        report["density_confusion"] = confusion(truth, grades, len(DENSITY_GRADES)).tolist()
    report["sections"] = {title: [asdict(f) for f in found] for title, found in sections.items()}
    return report


def median_grades(density: Floats) -> NDArray[np.intp]:
    """The median grade 0 .. 3 of each row of (n, 4) probabilities, as `types.Density.grade`."""
    below = (np.cumsum(density, axis=1) < 0.5).sum(axis=1)
    return np.asarray(np.minimum(below, len(DENSITY_GRADES) - 1), np.intp)


def _discrimination(cases: Cases, resampling: Resampling) -> list[Figure]:
    y, score, logit = cases.truth, cases.score, cases.logit
    machine, fold = (_codes(cases.groups[name]) for name in ("machine", "fold"))
    statistics: dict[str, Callable[[NDArray[np.intp]], float]] = {
        "AUC, pooled": lambda i: roc.auc(y[i], logit[i]),
        "AUC, within machines": lambda i: roc.auc_within(y[i], logit[i], machine[i]),
        "AUC, within folds": lambda i: roc.auc_within(y[i], logit[i], fold[i]),
        "AUC, pooled, cross-fitted scores": lambda i: roc.auc(y[i], score[i]),
    }
    return [
        resampling.measure(name, cases, statistic, note=_BASELINE.get((name, cases.unit), ""))
        for name, statistic in statistics.items()
    ]


_RULES: dict[str, Callable[[Any, Any], float]] = {
    f"{BCSC_SPECIFICITY:.1%} specificity": partial(
        roc.threshold_at_specificity, specificity=BCSC_SPECIFICITY
    ),
    f"{BCSC_SENSITIVITY:.1%} sensitivity": partial(
        roc.threshold_at_sensitivity, sensitivity=BCSC_SENSITIVITY
    ),
}


def _operating(cases: Cases, resampling: Resampling) -> list[Figure]:
    y, logit = cases.truth, cases.logit
    statistics: dict[str, Callable[[NDArray[np.intp]], float]] = {
        f"sensitivity at {BCSC_SPECIFICITY:.1%} specificity": lambda i: (
            roc.sensitivity_at_specificity(y[i], logit[i], BCSC_SPECIFICITY)
        ),
        f"specificity at {BCSC_SENSITIVITY:.1%} sensitivity": lambda i: (
            roc.specificity_at_sensitivity(y[i], logit[i], BCSC_SENSITIVITY)
        ),
    }
    found = [resampling.measure(name, cases, f) for name, f in statistics.items()]
    for aim, rule in _RULES.items():
        found += _at_foreign_threshold(cases, aim, rule, resampling)
    return found


def _at_foreign_threshold(
    cases: Cases, aim: str, rule: Callable[[Any, Any], float], resampling: Resampling
) -> list[Figure]:
    """Both characteristics where each fold is judged by a threshold chosen on the others."""
    y, logit, fold = cases.truth, cases.logit, cases.groups["fold"]
    called = np.zeros(len(y))
    for k in np.unique(fold):
        called[fold == k] = logit[fold == k] >= rule(y[fold != k], logit[fold != k])
    statistics: dict[str, Callable[[NDArray[np.intp]], float]] = {
        "sensitivity": lambda i: roc.operating_characteristics(y[i], called[i], 0.5)[0],
        "specificity": lambda i: roc.operating_characteristics(y[i], called[i], 0.5)[1],
    }
    return [
        resampling.measure(f"{name}, threshold from the other folds for {aim}", cases, f)
        for name, f in statistics.items()
    ]


def _calibration(cases: Cases, resampling: Resampling) -> list[Figure]:
    y, p = cases.truth, cases.probability
    uninformed = y.mean() * (1 - y.mean())
    statistics: dict[str, tuple[Callable[[NDArray[np.intp]], float], str]] = {
        "ECE, 15 bins of equal width": (lambda i: calibration.ece(y[i], p[i]), ""),
        "ECE, 15 bins of equal numbers": (
            lambda i: calibration.ece(y[i], p[i], equal_mass=True),
            "",
        ),
        "Brier score": (
            lambda i: calibration.brier(y[i], p[i]),
            f"always saying the prevalence: {uninformed:.3f}",
        ),
        "calibration slope": (lambda i: calibration.calibration_line(y[i], p[i])[0], "ideal: 1"),
        "calibration intercept": (
            lambda i: calibration.calibration_line(y[i], p[i])[1],
            "ideal: 0",
        ),
    }
    return [resampling.measure(k, cases, f, note=note) for k, (f, note) in statistics.items()]


def _by_group(cases: Cases, group: str, resampling: Resampling) -> list[Figure]:
    found = []
    for label in sorted(np.unique(cases.groups[group]).tolist(), key=_natural):
        part = cases.where(cases.groups[group] == label)
        found.append(_auc(f"{group} {label}", part, resampling))
    return found


def _auc(name: str, cases: Cases, resampling: Resampling) -> Figure:
    y, logit = cases.truth, cases.logit
    return resampling.measure(name, cases, lambda i: roc.auc(y[i], logit[i]))


def _density(
    cases: Cases, truth: NDArray[np.intp], grades: NDArray[np.intp], resampling: Resampling
) -> list[Figure]:
    k = len(DENSITY_GRADES)
    share = np.bincount(truth).max() / len(truth)
    statistics: dict[str, tuple[Callable[[NDArray[np.intp]], float], str]] = {
        "density kappa, quadratic": (
            lambda i: weighted_kappa(truth[i], grades[i], k),
            "between readers: 0.57 to 0.77",
        ),
        "density accuracy": (
            lambda i: float(np.mean(truth[i] == grades[i])),
            f"always saying the commonest grade: {share:.3f}",
        ),
    }
    return [
        resampling.measure(name, cases, f, note=note, cancer=False)
        for name, (f, note) in statistics.items()
    ]


def _counts(cases: Cases) -> dict[str, int]:
    return {
        "n": len(cases.truth),
        "positives": int(cases.truth.sum()),
        "patients": len(np.unique(cases.patient)),
    }


def _codes(labels: NDArray[np.str_]) -> NDArray[np.intp]:
    return np.unique(labels, return_inverse=True)[1]


def _natural(label: str) -> tuple[int, str]:
    return (int(label), "") if label.isdecimal() else (sys.maxsize, label)


@dataclass(frozen=True)
class Options:
    """Report on a patient-level cross-validation.

    Attributes:
        predictions: CSV with image_path, fold, malignancy_logit, density_A .. density_D.
        manifest: CSV with the truth of every image.
        out: folder for metrics.json, metrics.md and figures/; made if need be.
        resamples: bootstrap resamples for each interval.
        seed: of the resampling.
    """

    predictions: Annotated[Path, tyro.conf.Positional]
    manifest: Annotated[Path, tyro.conf.Positional]
    out: Path
    resamples: int = 2000
    seed: int = 0


def write_report(options: Options) -> dict[str, Any]:
    """Read, evaluate and write; returns what metrics.json holds.

    Raises:
        ConfigError: as in `read_images`, or the folder cannot be written.
    """
    resampling = Resampling(options.resamples, options.seed)
    images = read_images(options.predictions, options.manifest)
    try:
        # Before the resampling, so that a wrong folder costs none.
        options.out.mkdir(parents=True, exist_ok=True)
        report = crossval_report(images, resampling)
        report["card_calibration"] = _card(options)
        text = json.dumps(report, indent=1, allow_nan=False)
        write_atomic(options.out / "metrics.json", f"{text}\n".encode())
        write_atomic(options.out / "metrics.md", markdown.render(report).encode())
        _draw(images, report, options.out / "figures")
    except OSError as error:
        raise ConfigError(
            f"{options.out}: {error.strerror}; give a folder that can be written to."
        ) from error
    return report


def _card(options: Options) -> dict[str, Any] | None:
    # A network no better than chance gets its report, but nothing that could be shipped.
    try:
        return card_calibration(options.predictions, options.manifest)
    except ConfigError as error:
        print(f"no operating points: {error}", file=sys.stderr)
        return None


def _draw(images: Images, report: dict[str, Any], folder: Path) -> None:
    image = image_cases(images)
    try:
        figures.draw((image, breast_cases(images, image.score)), report["sections"], folder)
    except MissingExtraError as error:
        print(error, file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code (0, or 2 for a usage or configuration error)."""
    options = tyro.cli(Options, args=arguments)
    try:
        report = write_report(options)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(markdown.table(report["sections"]["Discrimination"]))
    print(f"{options.out / 'metrics.md'} written", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

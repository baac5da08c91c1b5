"""A made-up evaluation of two models, of the real thing's shape, for tests of what shows it.

The curves come from simulated scores, so they look as curves do; ends of intervals are invented.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MODELS = ["lite0 at 1536", "plain baseline"]
PATIENTS, BREASTS, IMAGES = 640, 1203, 2391
_SKILL = {"lite0 at 1536": 1.45, "plain baseline": 0.95}


def evaluation(**changes: Any) -> dict[str, Any]:
    """The report's dict; `changes` replace its keys."""
    return {**copy.deepcopy(_REPORT), **changes}


def estimate(name: str, value: float | None, half: float = 0.03, **changes: Any) -> dict[str, Any]:
    """One figure by breast of the first model, with an interval of value ± half."""
    low, high = (None, None) if value is None else (value - half, value + half)
    whole = {"name": name, "model": MODELS[0], "unit": "breast", "n": BREASTS, "positives": 154}
    rest = {"patients": PATIENTS, "value": value, "low": low, "high": high}
    how = {"method": "bootstrap by patient", "n_valid": 2000, "note": ""}
    return {**whole, **rest, **how, **changes}


def _both(name: str, first: float, second: float, **changes: Any) -> list[dict[str, Any]]:
    values = zip(MODELS, (first, second), strict=True)
    return [estimate(name, value, model=model, **changes) for model, value in values]


def _simulated(model: str, n: int) -> tuple[NDArray[np.bool_], Floats]:
    random = np.random.default_rng(MODELS.index(model))
    truth = np.arange(n) < round(0.128 * n)
    return truth, random.normal(size=n) + _SKILL[model] * truth


def _rates(model: str, n: int) -> tuple[Floats, Floats]:
    """1 - specificity and sensitivity at every score, falling."""
    truth, score = _simulated(model, n)
    ordered = truth[np.argsort(-score)]
    missed = np.cumsum(ordered) / truth.sum()
    return np.r_[0.0, np.cumsum(~ordered) / (~truth).sum()], np.r_[0.0, missed]


def _roc(model: str, unit: str, n: int) -> dict[str, Any]:
    x, y = _rates(model, n)
    area = float(((y[1:] + y[:-1]) / 2 * np.diff(x)).sum())
    label = f"{model}: AUC {area:.3f} ({area - 0.03:.3f} to {area + 0.03:.3f})"
    return {"model": model, "unit": unit, "x": x.tolist(), "y": y.tolist(), "label": label}


def _precision(model: str) -> dict[str, Any]:
    x, y = _rates(model, BREASTS)
    x, y = x[1:], y[1:]
    precision = 154 * y / (154 * y + (BREASTS - 154) * x)
    return {
        "model": model, "unit": "breast", "x": y.tolist(), "y": precision.tolist(),
        "chance": 154 / BREASTS, "label": f"{model}: average precision 0.5",
    }  # fmt: skip


def _reliability(model: str) -> dict[str, Any]:
    x = np.array([0.01, 0.02, 0.04, 0.05, 0.08, 0.11, 0.15, 0.22, 0.35, 0.71])
    y = np.clip(x * (0.9 if model == MODELS[0] else 1.25), 0, 0.85)
    wide = 1.96 * np.sqrt(y * (1 - y) / 120)
    return {
        "model": model, "unit": "breast", "x": x.tolist(), "y": y.tolist(),
        "low": np.clip(y - wide, 0, 1).tolist(), "high": (y + wide).tolist(), "n": [120] * 10,
    }  # fmt: skip


def _decision(model: str) -> dict[str, Any]:
    x, share = np.linspace(0.01, 0.4, 40), 154 / BREASTS
    recall_all = share - (1 - share) * x / (1 - x)
    y = share * np.exp(-x * (3.2 if model == MODELS[0] else 5.5)) - 0.004
    return {
        "model": model, "unit": "breast", "x": x.tolist(), "y": y.tolist(),
        "low": (y - 0.01).tolist(), "high": (y + 0.01).tolist(), "all": recall_all.tolist(),
        "prevalence": share,
    }  # fmt: skip


def _triage(model: str) -> dict[str, Any]:
    x = np.linspace(0, 1, 41)
    y = x ** (3.5 if model == MODELS[0] else 2.2)
    ends = np.clip([y - 0.04, y + 0.04], 0, 1).tolist()
    return {
        "model": model, "unit": "breast", "x": x.tolist(), "y": y.tolist(),
        "low": ends[0], "high": ends[1],
    }  # fmt: skip


def _froc(model: str, kind: str, top: float) -> dict[str, Any]:
    x = np.linspace(0, 4, 41)
    y = (top if model == MODELS[0] else 0.8 * top) * (1 - np.exp(-1.6 * x))
    return {
        "model": model, "unit": "image", "kind": kind, "x": x.tolist(), "y": y.tolist(),
        "low": (y * 0.93).tolist(), "high": (y * 1.06).tolist(),
    }  # fmt: skip


def _subgroup(group: str, label: str, n: int, positives: int, shift: float) -> list[dict[str, Any]]:
    sizes = {"n": n, "positives": positives, "patients": n * 2 // 3}
    rows = _both("AUC", 0.846 - shift, 0.752 - shift, half=0.5 / np.sqrt(positives), **sizes)
    more = {"group": group, "label": label, "small": n < 50}
    difference = {"difference": -shift, "difference_low": -shift - 0.06, "difference_high": 0.02}
    return [{**row, **more, **difference, "high": min(row["high"], 1.0)} for row in rows]


def _section(title: str, intro: str, estimates: list[dict[str, Any]]) -> dict[str, Any]:
    return {"title": title, "intro": intro, "estimates": estimates}


_SECTIONS = {
    "discrimination": _section(
        "Discrimination",
        "How well scores tell breasts with cancer from the rest.",
        [
            *_both("AUC", 0.846, 0.752),
            *_both("AUC, DeLong by patient", 0.846, 0.752, method="DeLong, clustered"),
            *_both("AUC within machines", 0.817, 0.715, note="pairs of the same machine alone"),
            *_both("AUC", 0.821, 0.741, unit="image", n=IMAGES, positives=291),
        ],
    ),
    "operating": _section(
        "Operating points",
        "What each threshold finds and what it costs.",
        [
            *_both("sensitivity at 88.9% specificity", 0.604, 0.422, half=0.08),
            *_both("recall rate at 88.9% specificity", 0.174, 0.151, half=0.02),
            *_both("cancers found per 1,000", 77.3, 54.0, half=9.0),
        ],
    ),
    "calibration": _section(
        "Calibration",
        "Whether a probability of 20 % means that one in five has cancer.",
        [
            *_both("Brier score", 0.0831, 0.0975, half=0.008),
            *_both("expected calibration error", 0.0042, 0.0311, half=0.003),
            estimate("slope", None, note="undefined: too few cases or one class only", n_valid=0),
        ],
    ),
    "density": _section(
        "Density",
        "Agreement of the density grade with the readers'.",
        _both("linear weighted kappa", 0.71, 0.64, positives=None),
    ),
    "triage": _section(
        "Triage",
        "What ruling out the lowest scores saves and misses.",
        _both("share ruled out at 99% sensitivity", 0.231, 0.094, half=0.05),
    ),
}

_COMPARISON = {
    "unit": "breast", "statistic": "AUC", "a": MODELS[0], "b": MODELS[1], "value_a": 0.846,
    "value_b": 0.752, "difference": 0.094, "low": 0.061, "high": 0.127, "p": 0.00002,
    "p_holm": 0.00004, "method": "DeLong, paired, clustered by patient",
}  # fmt: skip

_REPORT: dict[str, Any] = {
    "schema_version": "1.0",
    "title": "Two models on a made-up test set",
    "run": {
        "mammoscope": "0.1.0",
        "predictions": [
            {"name": MODELS[0], "file": "/somewhere/lite0.csv", "sha256": "a" * 64,
             "kind": "probability"},
            {"name": MODELS[1], "file": "/somewhere/plain.csv", "sha256": "b" * 64,
             "kind": "logit"},
        ],
        "truth": {"file": "/somewhere/manifest.csv", "sha256": "c" * 64},
        "resamples": 2000,
        "seed": 0,
        "rule": "a breast's score is the mean of its images' logits",
        "prevalence": 0.005,
        "hit_rule": "the mark's centre lies in the lesion's box",
        "recipe": {
            "recipe": "lite0_breast.toml", "data": "a made-up set of 640 women", "seed": 0,
            "partition_level": "patient", "folds": 5, "torch": "2.9.0",
            "hardware": "two CPU cores",
        },
    },
    "models": MODELS,
    "units": ["image", "breast"],
    "main_unit": "breast",
    "counts": [
        {"unit": "image", "n": IMAGES, "positives": 291, "patients": PATIENTS, "prevalence": 0.122},
        {"unit": "breast", "n": BREASTS, "positives": 154, "patients": PATIENTS,
         "prevalence": 0.128},
    ],
    "excluded": [
        {"row": "line 18", "reason": "refused: blank picture", "cancer": 0},
        {"row": "line 44", "reason": "refused: blank picture", "cancer": 1},
        {"row": "line 97", "reason": "no score in lite0.csv", "cancer": -1},
    ],
    "warnings": ["The scores of plain baseline are logits: they have no calibration."],
    "withheld": {"patient": "The set was composed by class, so a woman's number of images tells."},
    "not_computed": [{"what": "Reader study", "why": "the truth has no readers' scores"}],
    "notes": [
        "Prevalence here is 12.8 % of breasts, in screening it is about 0.5 %.",
        "Cancer is told from everything else, most of which was never biopsied.",
    ],
    "sections": _SECTIONS,
    "comparisons": [_COMPARISON],
    "curves": {
        "roc": [
            *(_roc(model, "breast", BREASTS) for model in MODELS),
            *(_roc(model, "image", IMAGES) for model in MODELS),
        ],
        "precision_recall": [_precision(model) for model in MODELS],
        "reliability": [_reliability(model) for model in MODELS],
        "decision": [_decision(model) for model in MODELS],
        "triage": [_triage(model) for model in MODELS],
        "froc": [
            _froc(model, kind, top)
            for kind, top in (("all lesions", 0.7), ("mass", 0.78))
            for model in MODELS
        ],
    },
    "confusions": [
        {"model": model, "unit": "breast", "point": point, "threshold": threshold,
         "tp": tp, "fp": fp, "fn": 154 - tp, "tn": 1049 - fp}
        for model in MODELS
        for point, threshold, tp, fp in (
            ("88.9% specificity", 0.312, 93, 116), ("86.9% sensitivity", 0.127, 134, 391),
        )
    ],
    "density_confusion": [
        {"model": MODELS[0],
         "counts": [[61, 22, 1, 0], [30, 402, 78, 2], [2, 91, 410, 31], [0, 1, 27, 45]]},
    ],
    "subgroups": [
        *_subgroup("density", "A", 84, 12, -0.05),
        *_subgroup("density", "B", 512, 60, -0.01),
        *_subgroup("density", "C", 534, 70, 0.03),
        *_subgroup("density", "D", 73, 12, 0.11),
        *_subgroup("machine", "HOLOGIC Selenia Dimensions", 801, 101, 0.0),
        *_subgroup("machine", "SIEMENS Mammomat", 360, 47, 0.02),
        *_subgroup("machine", "film, scanned", 42, 6, 0.08),
    ],
    "readers": None,
    "misses": [],
}  # fmt: skip

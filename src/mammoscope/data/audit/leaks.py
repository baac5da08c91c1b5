"""Women and exams that a split parts, and patients that cannot be true."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mammoscope.data.audit.issue import Issue
from mammoscope.data.audit.kinds import make_issue

_NUMBERED = 0.2
_FEWEST = 20


def leak_issues(images: pd.DataFrame) -> Iterator[Issue]:
    """Women, then exams, with images on more than one side of `split`."""
    yield from _parted(images, "patient_id", "woman", "patient_across_splits")
    if not _numbered_within_patient(images):
        yield from _parted(images, "exam_id", "exam", "exam_across_splits")


def _parted(images: pd.DataFrame, column: str, name: str, kind: str) -> Iterator[Issue]:
    placed = images[(images["split"] != "") & (images[column] != "")]
    sides = placed.groupby(["dataset", column])["split"].transform("nunique")
    for _, group in placed[sides > 1].groupby(["dataset", column], sort=False):
        counts = group["split"].value_counts().sort_index()
        parts = " and ".join(f"{side} ({count})" for side, count in counts.items())
        sentence = f"One {name} has {len(group)} images, in {parts}."
        yield make_issue(kind, group["image_path"], sentence, column="split")


def patient_issues(images: pd.DataFrame) -> Iterator[Issue]:
    """Exams that belong to several patients, and sets that do not know their patients."""
    if not _numbered_within_patient(images):
        told = images[images["exam_id"] != ""]
        women = told.groupby(["dataset", "exam_id"])["patient_id"].transform("nunique")
        for _, group in told[women > 1].groupby(["dataset", "exam_id"], sort=False):
            count = group["patient_id"].nunique()
            sentence = f"One exam of {len(group)} images has {count} patients."
            yield make_issue("exam_of_several_patients", group["image_path"], sentence)
    for dataset, group in images.groupby("dataset", sort=True):
        if len(group) >= _FEWEST and group["patient_id"].is_unique:
            sentence = f"In {dataset}, {len(group)} images have {len(group)} patients."
            yield make_issue("patients_unknown", group["image_path"], sentence)


def _numbered_within_patient(images: pd.DataFrame) -> bool:
    """Whether exam numbers start anew with every patient, so that they name no exam alone."""
    told = images[images["exam_id"] != ""]
    women = told.groupby(["dataset", "exam_id"])["patient_id"].nunique()
    return bool(len(women) and np.mean(women > 1) > _NUMBERED)

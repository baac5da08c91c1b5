"""Values that are allowed and yet cannot be, or exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammoscope.data.audit.issue import Issue
from mammoscope.data.audit.kinds import make_issue

YOUNGEST, OLDEST = 18, 100
_GRADES = {"A": 0, "B": 1, "C": 2, "D": 3}
_STEPS = 2

Rows = NDArray[np.bool_]


def label_issues(images: pd.DataFrame, findings: pd.DataFrame) -> Iterator[Issue]:
    """Contradictions within one image's row, and between it and its findings."""
    for wrong, sentence in _contradictions(images, findings):
        for path in images.loc[wrong, "image_path"]:
            yield make_issue("label_contradiction", [path], sentence, column="cancer")
    for wrong, sentence in _strange_birads(images):
        for path in images.loc[wrong, "image_path"]:
            yield make_issue("birads_contradiction", [path], sentence, column="birads")


def _contradictions(images: pd.DataFrame, findings: pd.DataFrame) -> Iterator[tuple[Rows, str]]:
    """Rows, and what is wrong with them; a row is given once."""
    cancer, pathology = images["cancer"], images["pathology"]
    paths = images["image_path"]
    malignant = paths.isin(findings.loc[findings["pathology"] == "malignant", "image_path"])
    unjudged = paths.isin(findings.loc[findings["pathology"] == "", "image_path"])
    marked = paths.isin(findings["image_path"])
    harmless = marked & ~unjudged & ~malignant
    done = np.zeros(len(images), bool)
    for wrong, sentence in (
        ((cancer == "0") & (pathology == "malignant"), "Cancer is 0 and pathology malignant."),
        ((cancer == "1") & (pathology == "normal"), "Cancer is 1 and pathology normal."),
        ((cancer == "1") & (pathology == "benign"), "Cancer is 1 and pathology benign."),
        ((cancer == "0") & malignant, "Cancer is 0 and a finding is malignant."),
        ((cancer == "1") & harmless, "Cancer is 1 and no finding is malignant."),
        (
            pathology.isin(["normal", "benign"]) & malignant,
            "A finding is malignant and the image's pathology is not.",
        ),
        ((images["finding"] == "0") & marked, "Finding is 0 and the findings table has one."),
        ((cancer == "1") & (images["finding"] == "0"), "Cancer is 1 and finding 0."),
    ):
        new = wrong.to_numpy(bool) & ~done
        done |= new
        yield new, sentence


def _strange_birads(images: pd.DataFrame) -> Iterator[tuple[Rows, str]]:
    cancer, birads = images["cancer"], images["birads"]
    missed = (cancer == "1") & birads.isin(["1", "2"])
    yield missed.to_numpy(bool), "Cancer is 1 and BI-RADS normal or benign."
    free = (cancer == "0") & (birads == "6")
    yield free.to_numpy(bool), "Cancer is 0 and BI-RADS 6, a known cancer."
    normal = (images["pathology"] == "normal") & birads.isin(["5", "6"]) & ~free
    yield normal.to_numpy(bool), "Pathology is normal and BI-RADS 5 or 6."


def value_issues(images: pd.DataFrame) -> Iterator[Issue]:
    """Ages no screened woman has, and images of one exam that disagree."""
    age = pd.to_numeric(images["age"], errors="coerce")
    for row in np.flatnonzero((age < YOUNGEST) | (age > OLDEST)):
        sentence = f"The age is {age.iloc[row]:g} years."
        yield make_issue(
            "implausible_age", [images["image_path"].iloc[row]], sentence, column="age"
        )
    yield from _disagreeing(images, age, "age", 1.0, "Images of one exam give ages {} and {}.")
    grade = images["density"].map(_GRADES)
    told = "Images of one exam give density {} and {}."
    yield from _disagreeing(images, grade, "density", _STEPS - 0.5, told)


def _disagreeing(
    images: pd.DataFrame, values: pd.Series, column: str, apart: float, told: str
) -> Iterator[Issue]:
    """Exams whose values differ by more than `apart`."""
    known = images[(images["exam_id"] != "") & values.notna()]
    groups = values[known.index].groupby(
        [known["dataset"], known["patient_id"], known["exam_id"]], sort=False
    )
    spread = groups.transform("max") - groups.transform("min")
    keys = ["dataset", "patient_id", "exam_id"]
    for _, group in known[(spread > apart).to_numpy(bool)].groupby(keys, sort=False):
        seen = values[group.index]
        ends = (group[column][seen.idxmin()], group[column][seen.idxmax()])
        yield make_issue("exam_disagrees", group["image_path"], told.format(*ends), column=column)

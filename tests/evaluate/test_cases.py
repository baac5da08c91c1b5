import numpy as np
import pytest

from evaluation_files import saved, women
from mammoscope.errors import ConfigError
from mammoscope.evaluate.cases import aggregate, betrayed_units, cases, cross_fitted, units_of
from mammoscope.evaluate.joining import join
from mammoscope.evaluate.predictions import read_predictions
from mammoscope.evaluate.truth import read_truth


def judged(folder, rows):
    predictions, manifest = saved(folder, rows)
    return join(read_truth(manifest), read_predictions(predictions))


def test_a_breast_is_the_mean_of_its_logits_and_an_exam_the_maximum_of_its_breasts(tmp_path):
    rows = women(3)
    found = judged(tmp_path, rows)
    values = np.arange(12.0)
    assert aggregate(found, values, "breast", "mean").tolist() == [0.5, 2.5, 4.5, 6.5, 8.5, 10.5]
    assert aggregate(found, values, "breast", "max").tolist() == [1, 3, 5, 7, 9, 11]
    assert aggregate(found, values, "exam", "mean").tolist() == [2.5, 6.5, 10.5]


def test_a_case_has_cancer_if_one_of_its_images_does(tmp_path):
    rows = [row | {"cancer": 0} for row in women(8)]
    rows[5]["cancer"] = 1
    found = judged(tmp_path, [*rows, *[r | {"image_path": "x" + r["image_path"], "patient_id": "z",
                                            "cancer": 1} for r in rows[:4]]])  # fmt: skip
    score = found.models[0].__class__("m", "rank", np.zeros(36), None, None)
    assert cases(found, score, "breast").truth.sum() == 3
    assert cases(found, score, "exam").truth.sum() == 2


def test_units_are_those_the_truth_tells_apart(tmp_path):
    rows = women(4)
    assert units_of(judged(tmp_path, rows)) == ("image", "breast", "exam")
    rows[0]["laterality"] = ""
    found = judged(tmp_path, rows)
    assert units_of(found) == ("image", "exam")
    with pytest.raises(ConfigError, match="one breast"):
        cases(found, found.models[0], "breast")


def test_a_set_composed_by_class_gives_no_figures_by_exam(tmp_path):
    rows = women(60)
    ill = {row["patient_id"] for row in rows if row["cancer"]}
    composed = [r for r in rows if r["patient_id"] not in ill or r["laterality"] == "L"]
    found = judged(tmp_path, composed)
    assert "exam" in betrayed_units(found, units_of(found))
    whole = judged(tmp_path, rows)
    assert betrayed_units(whole, units_of(whole)) == {}


def test_no_truth_touches_its_own_calibration():
    random = np.random.default_rng(0)
    fold, truth = np.arange(80) % 4, random.integers(0, 2, 80)
    values = random.normal(size=80) + truth
    first = cross_fitted(values, truth, fold)
    other = np.where(fold == 0, 1 - truth, truth)
    assert np.array_equal(first[fold == 0], cross_fitted(values, other, fold)[fold == 0])


def test_labels_of_a_mixed_case_are_joined(tmp_path):
    rows = women(8)
    rows[0]["machine_id"] = 9
    found = judged(tmp_path, rows)
    assert cases(found, found.models[0], "breast").groups["machine"][0] == "0+9"

import json

import numpy as np
import pytest

from evaluation_files import PREDICTED, saved, women, write
from mammoscope.evaluate.density import median_grades
from mammoscope.evaluate.estimates import Resampling
from mammoscope.evaluate.predictions import read_boxes, read_predictions
from mammoscope.evaluate.report import report
from mammoscope.evaluate.settings import Settings
from mammoscope.evaluate.truth import read_truth
from mammoscope.types import Density, OperatingPoint

FEW = Settings(Resampling(40))


def made(paths, settings=FEW, **options):
    predictions, manifest = paths
    return report(read_truth(manifest), read_predictions(predictions, **options), settings)


def figure(found, section, name, unit, model=None):
    rows = found["sections"][section]["estimates"]
    return next(
        row for row in rows
        if row["name"] == name and row["unit"] == unit and model in (None, row["model"])
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return made(saved(tmp_path_factory.mktemp("whole"), women(160)))


def test_it_finds_the_auc_of_the_simulation(whole):
    # Scores differ by 1.2 between the classes and spread by 1: AUC = Phi(1.2 / sqrt 2).
    found = figure(whole, "discrimination", "AUC", "image")
    assert found["low"] < 0.802 < found["high"]
    assert figure(whole, "discrimination", "AUC", "breast")["value"] > found["value"]


def test_every_figure_carries_unit_counts_and_an_interval_around_it(whole):
    for section in whole["sections"].values():
        for row in section["estimates"]:
            assert row["unit"] in whole["units"]
            assert row["n"] > 0
            assert row["low"] is None or row["low"] <= row["high"]


def test_it_is_plain_json_without_a_womans_code(whole):
    assert "secret" not in json.dumps(whole, allow_nan=False)


def test_the_same_seed_gives_the_same_report(tmp_path):
    paths = saved(tmp_path, women(40))
    assert json.dumps(made(paths)) == json.dumps(made(paths))


def test_density_is_judged_on_known_grades_alone(whole):
    kappa = figure(whole, "density", "density kappa, quadratic weights", "image")
    assert kappa["value"] == 1
    assert kappa["patients"] == 80
    assert np.trace(whole["density_confusion"][0]["counts"]) == kappa["n"]


def test_thresholds_from_other_folds_keep_their_promise_on_average(whole):
    name = "specificity, threshold from the other folds for 88.9% specificity"
    assert figure(whole, "operating", name, "image")["value"] == pytest.approx(0.889, abs=0.05)


def test_confusion_counts_add_up_to_the_cases(whole):
    number = {one["unit"]: one["n"] for one in whole["counts"]}
    for cell in whole["confusions"]:
        assert sum(cell[name] for name in ("tp", "fp", "fn", "tn")) == number[cell["unit"]]


def test_a_part_of_one_class_is_shown_as_undefined_and_a_small_one_is_marked(tmp_path):
    rows = [row | {"cancer": 0 if row["machine_id"] == 2 else row["cancer"]} for row in women(60)]
    parts = made(saved(tmp_path, rows))["subgroups"]
    found = next(p for p in parts if (p["group"], p["label"]) == ("machine", "2"))
    assert found["value"] is found["low"] is found["difference"] is None
    assert found["small"]


def test_one_class_only_gives_a_report_that_says_so(tmp_path):
    rows = [row | {"cancer": 0} for row in women(12)]
    found = made(saved(tmp_path, rows, columns=("image_path", "malignancy")))
    assert "undefined" in figure(found, "discrimination", "AUC", "image")["note"]
    assert any("one class" in one["why"] for one in found["not_computed"])


def test_constant_scores_have_an_auc_of_one_half(tmp_path):
    rows = [row | {"malignancy": 0.3} for row in women(40)]
    found = made(saved(tmp_path, rows, columns=("image_path", "malignancy")))
    assert figure(found, "discrimination", "AUC", "image")["value"] == 0.5


def test_one_woman_gives_values_without_intervals(tmp_path):
    rows = [row | {"patient_id": "only"} for row in women(20)]
    found = made(saved(tmp_path, rows, columns=("image_path", "malignancy")))
    ap = figure(found, "precision_recall", "average precision", "image")
    assert ap["value"] is not None
    assert ap["low"] is None
    assert "too few women" in ap["note"]


def test_scores_that_only_order_have_no_calibration(tmp_path):
    found = made(saved(tmp_path, women(40)), scores=["malignancy_logit"], ranks_only=True)
    assert "calibration" not in found["sections"]
    assert any("calibration" in one["what"] for one in found["not_computed"])


def test_two_models_are_compared_on_the_same_cases_and_adjusted(tmp_path):
    rows = women(60)
    random = np.random.default_rng(0)
    for row in rows:
        row["poor"] = f"{random.random():.4f}"
    paths = saved(tmp_path, rows, columns=("image_path", "malignancy", "poor"))
    found = made(paths, scores=["malignancy", "poor"])
    assert found["models"] == ["malignancy", "poor"]
    by_image = [one for one in found["comparisons"] if one["unit"] == "image"]
    assert {one["method"] for one in by_image} == {
        "DeLong, clustered by patient", "bootstrap by patient", "permutation by patient",
    }  # fmt: skip
    for one in by_image:
        assert one["difference"] == pytest.approx(one["value_a"] - one["value_b"])
        assert one["p"] < 0.05


def test_triage_thresholds_come_from_other_women(whole):
    aim = "threshold from other women to keep 95% of cancers: share of cancers missed"
    found = figure(whole, "triage", aim, whole["main_unit"])
    assert 0 <= found["low"] <= found["value"] <= found["high"] < 0.25
    assert found["high"] > 0


def test_boxes_give_froc_by_kind(tmp_path):
    rows = women(24)
    paths = saved(tmp_path, rows, columns=("image_path", "malignancy"))
    ill = [row["image_path"] for row in rows if row["cancer"]]
    columns = ("image_path", "x1_px", "y1_px", "x2_px", "y2_px")
    places = [dict(zip(columns, (name, 10, 10, 30, 30), strict=True)) for name in ill]
    kinds = [p | {"kind": ("mass", "calcification")[n % 2]} for n, p in enumerate(places)]
    write(tmp_path / "findings.csv", (*columns, "kind"), kinds)
    boxes = [p | {"score": 0.9} for p in places[::2]]
    file = write(tmp_path / "boxes.csv", (*columns, "score"), boxes)
    model = read_predictions(paths[0])[0]
    model = model.__class__(**{**vars(model), "boxes": read_boxes(file)})
    found = report(read_truth(paths[1]), [model], FEW)
    name = "sensitivity at 1 false positives per image"
    assert figure(found, "localisation", f"all lesions: {name}", "image")["value"] == (
        pytest.approx(len(boxes) / len(ill))
    )
    assert figure(found, "localisation", f"mass: {name}", "image")["value"] == 1
    assert figure(found, "localisation", f"calcification: {name}", "image")["value"] == 0
    assert {curve["kind"] for curve in found["curves"]["froc"]} == {
        "all lesions", "mass", "calcification",
    }  # fmt: skip


def test_readers_stand_beside_the_models(tmp_path):
    rows = [row for row in women(60) if row["view"] == "CC"]
    random = np.random.default_rng(1)
    for row in rows:
        for name in ("r1", "r2"):
            row[name] = f"{row['cancer'] * 0.4 + random.random():.3f}"
    columns = ("patient_id", "laterality", "cancer", "malignancy", "r1", "r2")
    path = write(tmp_path / "study.csv", columns, rows)
    settings = Settings(Resampling(40), readers=("r1", "r2"), reader_calls_at=0.7)
    found = made((path, path), settings)
    mean = figure(found, "readers", "mean of the readers, AUC", "breast")
    assert 0.6 < mean["low"] < mean["high"] < 0.95
    name = "second reader replaced: work saved"
    assert figure(found, "readers", name, "breast")["value"] == 0.5


def test_operating_points_given_are_probabilities(tmp_path):
    paths = saved(tmp_path, women(40), columns=("image_path", "malignancy"))
    found = made(paths, Settings(Resampling(20), thresholds={"ours": 0.5}))
    cell = next(c for c in found["confusions"] if c["unit"] == "image")
    scores = [float(row["malignancy"]) >= 0.5 for row in women(40)]
    assert cell["tp"] + cell["fp"] == sum(scores)
    assert (cell["point"], cell["threshold"]) == ("ours", 0.5)


def test_the_median_grade_is_that_of_the_product():
    probabilities = [(0.5, 0.5, 0, 0), (0.1, 0.3, 0.2, 0.4), (0, 0, 0.2, 0.8)]
    found = [("A", "B", "C", "D")[grade] for grade in median_grades(np.array(probabilities))]
    assert found == [Density(*row).grade for row in probabilities]


def test_the_card_gets_thresholds_that_its_own_breasts_reproduce(tmp_path):
    from mammoscope.evaluate.card import card_calibration

    card = card_calibration(*saved(tmp_path, women(80), columns=PREDICTED))
    points = [OperatingPoint(**point) for point in card["operating_points"]]
    assert {point.name for point in points} == {
        "bcsc_sensitivity", "bcsc_specificity", "top_10_percent",
    }  # fmt: skip
    assert all(0 < point.threshold < 1 for point in points)


def test_few_women_get_the_interval_that_holds_for_few_and_a_warning(tmp_path):
    rows = women(40)
    ill = [row["patient_id"] for row in rows if row["cancer"]]
    few = [row for row in rows if row["patient_id"] not in ill[20:]]
    found = figure(made(saved(tmp_path, few)), "discrimination", "AUC", "image")
    assert found["method"] == "DeLong, clustered, and Newcombe"
    assert "few women" in found["note"]

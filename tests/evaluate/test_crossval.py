import csv
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscope.evaluate import cases as units
from mammoscope.evaluate.card import card_calibration
from mammoscope.evaluate.crossval import crossval_report, main, median_grades
from mammoscope.evaluate.predictions import MANIFEST_COLUMNS, PREDICTION_COLUMNS, read_images
from mammoscope.metrics import roc
from mammoscope.types import Density, OperatingPoint


def write(path, columns, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def woman(number, random, shift):
    """Her images with truth and simulated predictions: one or two breasts, CC and MLO each."""
    machine = str(number % 3)
    base = {"patient_id": f"w{number}", "machine_id": machine, "site_id": str(number % 2)}
    density, shared = int(random.integers(4)), random.normal()
    for side in "LR"[: random.integers(1, 3)]:
        cancer = int(random.random() < 0.35)
        for view in ("CC", "MLO"):
            logit = shift * cancer + 0.6 * shared + 0.8 * random.normal() + 0.2 * int(machine)
            yield base | {
                "image_path": f"{number}_{side}_{view}.png",
                "laterality": side,
                "view": view,
                "cancer": cancer,
                "density": "ABCD"[density] if number % 2 else "",
                "implant": 0,
                "black": "False",
                "fold": number % 4,
                "malignancy_logit": f"{logit:.6f}",
                **{f"density_{g}": 0.7 if i == density else 0.1 for i, g in enumerate("ABCD")},
            }


@pytest.fixture
def rows():
    random = np.random.default_rng(3)
    return [row for number in range(160) for row in woman(number, random, 1.2)]


@pytest.fixture
def files(rows, tmp_path):
    return save(rows, tmp_path)


def save(rows, folder, columns=PREDICTION_COLUMNS):
    predictions = [{k: row[k] for k in columns if k in row} for row in rows]
    truth = [{k: row[k] for k in MANIFEST_COLUMNS} for row in rows]
    return (
        write(folder / "predictions.csv", columns, predictions),
        write(folder / "manifest.csv", MANIFEST_COLUMNS, truth),
    )


def figure(report, section, name, unit):
    found = report["sections"][section]
    return next(f for f in found if f["name"] == name and f["unit"] == unit)


def test_report_finds_the_auc_of_the_simulation(files):
    report = crossval_report(read_images(*files), units.Resampling(200))
    found = figure(report, "Discrimination", "AUC, within machines", "image")
    # Scores of a machine differ by 1.2 between the classes and spread by 1.
    assert found["low"] < 0.802 < found["high"]
    assert found["n"] == len(read_images(*files).truth)
    assert figure(report, "Discrimination", "AUC, pooled", "breast")["value"] > found["value"]


def test_every_figure_carries_unit_counts_and_interval(files):
    report = crossval_report(read_images(*files), units.Resampling(50))
    for section in report["sections"].values():
        for found in section:
            assert found["unit"] in ("image", "breast")
            assert found["patients"] == 160 or "AUC by" not in section
            assert found["low"] <= found["high"]


def test_density_is_judged_on_known_grades_alone(files):
    report = crossval_report(read_images(*files), units.Resampling(50))
    kappa = figure(report, "Density", "density kappa, quadratic", "image")
    assert kappa["value"] == 1
    assert kappa["patients"] == 80
    assert np.trace(report["density_confusion"]) == kappa["n"]


def test_thresholds_from_other_folds_keep_their_promise_on_average(files):
    report = crossval_report(read_images(*files), units.Resampling(50))
    name = "specificity, threshold from the other folds for 88.9% specificity"
    assert figure(report, "Operating points", name, "image")["value"] == pytest.approx(
        0.889, abs=0.05
    )


def test_a_group_of_one_class_is_shown_as_undefined(rows, tmp_path):
    for row in rows:
        row["cancer"] = row["cancer"] if row["machine_id"] != "2" else 0
    images = read_images(*save(rows, tmp_path))
    found = figure(
        crossval_report(images, units.Resampling(50)), "AUC by machine", "machine 2", "image"
    )
    assert found["value"] is found["low"] is None
    assert "one class" in found["note"]


def test_breast_scores_by_hand():
    patient, side = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 0])
    truth, score = np.array([0, 1, 0, 0]), np.array([1.0, 2.0, 5.0, -1.0])
    any_cancer, mean, breast = units.breast_scores(patient, side, truth, score)
    assert any_cancer.tolist() == [1, 0, 0]
    assert mean.tolist() == [1.5, 5.0, -1.0]
    assert breast.tolist() == [0, 0, 1, 2]


def test_calibration_of_a_fold_does_not_see_its_truth():
    random = np.random.default_rng(0)
    logit, truth, fold = random.normal(size=90), random.integers(0, 2, 90), np.arange(90) % 3
    before = units.cross_fitted(logit, truth, fold)
    changed = np.where(fold == 1, 1 - truth, truth)
    after = units.cross_fitted(logit, changed, fold)
    np.testing.assert_array_equal(after[fold == 1], before[fold == 1])
    assert not np.allclose(after[fold == 0], before[fold == 0])


@given(st.lists(st.floats(0.01, 1), min_size=4, max_size=4))
def test_median_grades_equal_those_of_the_product(parts):
    probabilities = np.array(parts) / sum(parts)
    assert "ABCD"[median_grades(probabilities[None])[0]] == Density(*probabilities).grade


def test_card_points_hold_on_the_breasts_they_were_chosen_on(files):
    card = card_calibration(*files)
    images = read_images(*files)
    line = card["platt"]["slope"] * images.logit + card["platt"]["intercept"]
    breast = units.breast_cases(images, line)
    points = {p["name"]: OperatingPoint(**p) for p in card["operating_points"]}
    assert list(points) == ["bcsc_sensitivity", "bcsc_specificity", "top_10_percent"]
    for point in points.values():
        found = roc.operating_characteristics(breast.truth, breast.probability, point.threshold)
        assert found == (point.sensitivity, point.specificity)
    assert points["bcsc_sensitivity"].sensitivity >= 0.869
    assert points["bcsc_specificity"].specificity >= 0.889
    flagged = 0.005 * points["top_10_percent"].sensitivity
    flagged += 0.995 * (1 - points["top_10_percent"].specificity)
    assert flagged == pytest.approx(0.10, abs=0.01)
    assert flagged <= 0.10 + 1e-9


def test_command_writes_tables_and_numbers(files, tmp_path, capsys):
    out = tmp_path / "out für mich"
    assert main([*map(str, files), "--out", str(out), "--resamples", "20"]) == 0
    report = json.loads((out / "metrics.json").read_text())
    assert report["counts"]["image"]["n"] == len(read_images(*files).truth)
    assert "AUC, within machines" in capsys.readouterr().out
    page = (out / "metrics.md").read_text(encoding="utf-8")
    assert "to beat: 0.68" in page
    assert "No image of the manifest was left out." in page
    assert "means nothing" in page or "mean nothing" in page


def test_the_same_seed_gives_the_same_report(files):
    images = read_images(*files)
    first, second = (crossval_report(images, units.Resampling(20, seed=1)) for _ in range(2))
    assert first == second


def test_figures_are_drawn(files, tmp_path):
    pytest.importorskip("matplotlib")
    main([*map(str, files), "--out", str(tmp_path), "--resamples", "5"])
    drawn = {p.name for p in (tmp_path / "figures").iterdir()}
    assert drawn == {f"{n}.{s}" for n in ("roc", "reliability", "machines") for s in ("png", "svg")}


def test_a_folder_that_cannot_be_made_is_named(files, capsys):
    assert main([*map(str, files), "--out", str(files[0] / "x"), "--resamples", "5"]) == 2
    assert "written to" in capsys.readouterr().err


def test_scores_upside_down_are_reported_as_they_are_and_get_no_card(rows, tmp_path, capsys):
    for row in rows:
        row["malignancy_logit"] = -float(row["malignancy_logit"])
    files = save(rows, tmp_path)
    assert main([*map(str, files), "--out", str(tmp_path), "--resamples", "5"]) == 0
    report = json.loads((tmp_path / "metrics.json").read_text())
    assert figure(report, "Discrimination", "AUC, pooled", "image")["value"] < 0.3
    assert report["card_calibration"] is None
    assert "sign of malignancy_logit" in capsys.readouterr().err


def test_no_resample_at_all_is_refused(files, tmp_path, capsys):
    assert main([*map(str, files), "--out", str(tmp_path), "--resamples", "0"]) == 2
    assert "at least 1" in capsys.readouterr().err


def rsna2022_manifest():
    root = Path(__file__).parents[2]
    data = Path(os.environ.get("MAMMOSCOPE_DATA", root.parent / "shared" / "data"))
    manifest = data / "rsna2022" / "manifest.csv"
    if not manifest.exists():
        pytest.skip("rsna2022 is not at $MAMMOSCOPE_DATA or ../shared/data")
    return manifest


def test_scores_that_know_only_the_machine_are_worth_nothing_within_machines(tmp_path):
    manifest = rsna2022_manifest()
    truth = list(csv.DictReader(manifest.read_text().splitlines()))
    cancers = Counter(row["machine_id"] for row in truth if row["cancer"] == "1")
    seen = Counter(row["machine_id"] for row in truth)
    density = {f"density_{grade}": 0.25 for grade in "ABCD"}
    predicted = [
        {
            "image_path": row["image_path"],
            "fold": int(row["patient_id"]) % 5,
            "malignancy_logit": cancers[row["machine_id"]] / seen[row["machine_id"]],
        }
        | density
        for row in truth
    ]
    path = write(tmp_path / "predictions.csv", PREDICTION_COLUMNS, predicted)
    images = read_images(path, manifest)
    assert [e.reason for e in images.excluded] == ["black image"]
    report = crossval_report(images, units.Resampling(5))
    pooled = figure(report, "Discrimination", "AUC, pooled", "image")["value"]
    assert pooled > 0.55
    assert figure(report, "Discrimination", "AUC, within machines", "image")["value"] == 0.5

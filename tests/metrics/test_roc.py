import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from mammoscope.errors import ConfigError
from mammoscope.metrics import roc
from scored_cases import cases

TRUTH = [0, 0, 1, 1, 0, 1]
SCORE = [0.1, 0.4, 0.4, 0.8, 0.2, 0.2]
shares = st.integers(0, 1000).map(lambda k: k / 1000)


def test_auc_by_hand():
    # Cancer 0.4 beats 0.1 and 0.2 and ties 0.4; 0.8 beats all three; 0.2 beats one, ties one.
    assert roc.auc(TRUTH, SCORE) == pytest.approx((2.5 + 3 + 1.5) / 9)


@settings(max_examples=1000)
@given(cases())
def test_auc_equals_scikit_learn_with_ties(data):
    truth, score, _ = data
    assert roc.auc(truth, score) == pytest.approx(roc_auc_score(truth, score), abs=1e-12)


@settings(max_examples=1000)
@given(cases())
def test_weighted_auc_equals_scikit_learn(data):
    truth, score, weight = data
    expected = roc_auc_score(truth, score, sample_weight=weight)
    assert roc.auc(truth, score, weight) == pytest.approx(expected, abs=1e-12)


@given(cases())
def test_whole_number_weights_repeat_cases(data):
    truth, score, weight = data
    times = np.rint(weight / 0.37).astype(int)
    repeated = roc.auc(np.repeat(truth, times), np.repeat(score, times))
    assert roc.auc(truth, score, times) == pytest.approx(repeated, abs=1e-12)


@given(cases())
def test_curve_equals_scikit_learn(data):
    truth, score, weight = data
    expected = roc_curve(truth, score, sample_weight=weight, drop_intermediate=False)
    found = roc.curve(truth, score, weight)
    for a, b in zip(
        (found.false_positive_rate, found.sensitivity, found.threshold), expected, strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-12)


@given(cases(), shares)
def test_sensitivity_at_specificity_is_the_best_point_of_the_curve(data, target):
    truth, score, _ = data
    fpr, tpr, _ = roc_curve(truth, score, drop_intermediate=False)
    best = tpr[1 - fpr >= target - 1e-9].max()
    assert roc.sensitivity_at_specificity(truth, score, target) == pytest.approx(best)


@given(cases(), shares)
def test_specificity_at_sensitivity_is_the_best_point_of_the_curve(data, target):
    truth, score, _ = data
    fpr, tpr, _ = roc_curve(truth, score, drop_intermediate=False)
    best = 1 - fpr[tpr >= target - 1e-9].min()
    assert roc.specificity_at_sensitivity(truth, score, target) == pytest.approx(best)


def test_thresholds_by_hand():
    truth, score = [0] * 10 + [1] * 2, [*range(10), 8.5, 20]
    assert roc.threshold_at_specificity(truth, score, 0.9) == 8.5
    assert roc.threshold_at_specificity(truth, score, 0.91) == 20
    assert roc.threshold_at_specificity(truth, score, 1.0) == 20
    assert roc.threshold_at_sensitivity(truth, score, 0.5) == 20
    assert roc.threshold_at_sensitivity(truth, score, 0.51) == 8.5
    assert roc.threshold_at_sensitivity(truth, score, 0) == np.inf


def test_no_threshold_but_infinity_is_specific_when_the_top_score_is_no_cancer():
    assert roc.threshold_at_specificity([0, 1], [2, 1], 1.0) == np.inf
    assert roc.sensitivity_at_specificity([0, 1], [2, 1], 1.0) == 0


def test_flag_rate_by_hand():
    # At 0.5 % prevalence each of ten others stands for 9.95 %, the two cancers for 0.25 % each:
    # down to 8.5 the flagged share is 0.25 + 9.95 + 0.25 = 10.45 %, down to 9 it is 10.2 %.
    truth, score = [0] * 10 + [1] * 2, [*range(10), 8.5, 20]
    assert roc.threshold_at_flag_rate(truth, score, 0.103, 0.005) == 9
    assert roc.threshold_at_flag_rate(truth, score, 0.105, 0.005) == 8.5
    assert roc.threshold_at_flag_rate(truth, score, 0.10, 0.005) == 20


@given(cases())
def test_auc_within_is_the_pair_weighted_mean_of_strata(data):
    truth, score, weight = data
    stratum = np.where(weight > 0.5, "Hologic", "GE")
    wins = pairs = 0
    for name in ("Hologic", "GE"):
        t, s = truth[stratum == name], score[stratum == name]
        n = t.sum() * (1 - t).sum()
        if n:
            wins, pairs = wins + n * roc_auc_score(t, s), pairs + n
    if pairs:
        assert roc.auc_within(truth, score, stratum) == pytest.approx(wins / pairs)


def test_auc_within_ignores_what_only_tells_strata_apart():
    random = np.random.default_rng(0)
    machine = np.repeat([0, 1], 500)
    truth = random.random(1000) < np.where(machine, 0.8, 0.2)
    score = machine * 10 + random.normal(size=1000)
    assert roc.auc(truth, score) > 0.75
    assert roc.auc_within(truth, score, machine) == pytest.approx(0.5, abs=0.06)


def test_partial_auc_by_hand():
    # The curve of TRUTH and SCORE: (0, 0), (0, 1/3), (1/3, 2/3) by 0.4, (2/3, 1) by 0.2, (1, 1).
    assert roc.partial_auc(TRUTH, SCORE, specificity=(2 / 3, 1)) == pytest.approx(1 / 6)
    assert roc.partial_auc(TRUTH, SCORE, specificity=(5 / 6, 1)) == pytest.approx(5 / 72)
    assert roc.partial_auc(TRUTH, SCORE, sensitivity=(0, 1 / 3)) == pytest.approx(1 / 3)


@given(cases(), shares.filter(bool))
def test_standardised_partial_auc_equals_scikit_learn(data, most):
    truth, score, _ = data
    found = roc.partial_auc(truth, score, specificity=(1 - most, 1), standardised=True)
    if most < 1:
        assert found == pytest.approx(roc_auc_score(truth, score, max_fpr=most), abs=1e-9)
    else:
        assert found == pytest.approx(roc.auc(truth, score), abs=1e-12)


@given(cases(), shares)
def test_partial_areas_add_up(data, at):
    truth, score, _ = data
    for over in ("specificity", "sensitivity"):
        ends = [(a, b) for a, b in ((0, at), (at, 1)) if a < b]
        parts = [roc.partial_auc(truth, score, **{over: range_}) for range_ in ends]
        assert sum(parts) == pytest.approx(roc.auc(truth, score), abs=1e-12)


RANGES = [(0.9, 1.0), (0.8, 0.95), (0.0, 1.0), (0.33, 0.34), (0.0, 0.5)]
PROC = """
suppressMessages(library(pROC))
arguments <- commandArgs(trailingOnly = TRUE)
data <- read.csv(arguments[1])
ranges <- read.csv(arguments[2])
for (score in data[-1]) for (over in c("specificity", "sensitivity"))
for (i in seq_len(nrow(ranges))) for (correct in c(FALSE, TRUE)) {
  curve <- roc(data$truth, score, direction = "<", quiet = TRUE)
  found <- auc(curve, partial.auc = c(ranges$low[i], ranges$high[i]), partial.auc.focus = over,
               partial.auc.correct = correct, allow.invalid.partial.auc.correct = TRUE)
  cat(sprintf("%.17g", found), "\\n")
}
"""


def test_partial_auc_equals_proc(tmp_path):
    if shutil.which("Rscript") is None:
        pytest.skip("Rscript is not installed (Debian: r-base-core)")
    if subprocess.run(["Rscript", "-e", "loadNamespace('pROC')"], capture_output=True).returncode:
        pytest.skip("R's package pROC is not installed (Debian: r-cran-proc)")
    random = np.random.default_rng(2)
    truth = np.r_[np.ones(40), np.zeros(90)]
    scores = np.round((random.normal(size=(6, 130)) + truth) * [[1], [2], [4], [9], [99], [1e9]])
    names = "truth," + ",".join(f"s{i}" for i in range(6))
    table = np.column_stack([truth, scores.T])
    np.savetxt(tmp_path / "cases.csv", table, "%.17g", ",", header=names, comments="")
    np.savetxt(tmp_path / "ranges.csv", RANGES, "%.17g", ",", header="low,high", comments="")
    (tmp_path / "proc.R").write_text(PROC)
    done = subprocess.run(
        ["Rscript", "proc.R", "cases.csv", "ranges.csv"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    ours = [
        roc.partial_auc(truth, score, **{over: ends}, standardised=standardised)
        for score in scores
        for over in ("specificity", "sensitivity")
        for ends in RANGES
        for standardised in (False, True)
    ]
    assert ours == pytest.approx([float(v) for v in done.stdout.split()], abs=1e-12)


@pytest.mark.parametrize(
    "ranges", [{}, {"specificity": (1, 0.9)}, {"specificity": (0, 1), "sensitivity": (0, 1)}]
)
def test_a_partial_auc_needs_one_rising_range(ranges):
    with pytest.raises(ConfigError, match="give one of them"):
        roc.partial_auc(TRUTH, SCORE, **ranges)


@pytest.mark.parametrize(
    ("truth", "score", "says"),
    [
        ([1, 1], [0.1, 0.2], "both classes"),
        ([], [], "not empty"),
        ([0, 1], [0.1, np.nan], "NaN"),
        ([0, 2], [0.1, 0.2], "truth holds"),
        ([0, 1, 1], [0.1, 0.2], "one length"),
    ],
)
def test_undefined_auc_is_refused(truth, score, says):
    with pytest.raises(ConfigError, match=says):
        roc.auc(truth, score)


def test_strata_of_one_class_each_are_refused():
    with pytest.raises(ConfigError, match="coarser"):
        roc.auc_within([0, 1], [0.1, 0.2], ["a", "b"])


@pytest.mark.parametrize("weight", [[1, -1], [1, np.nan], [1]])
def test_bad_weights_are_refused(weight):
    with pytest.raises(ConfigError, match="weight"):
        roc.auc([0, 1], [0.1, 0.2], weight)


def test_a_target_in_percent_is_refused():
    with pytest.raises(ConfigError, match="fraction"):
        roc.sensitivity_at_specificity([0, 1], [0.1, 0.2], 88.9)

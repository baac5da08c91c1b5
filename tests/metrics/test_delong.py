import itertools
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import norm

from mammoscope.errors import ConfigError
from mammoscope.metrics.delong import delong, delong_test, newcombe_interval
from mammoscope.metrics.resample import bootstrap_auc
from mammoscope.metrics.roc import auc

# Twelve patients of 1 to 4 images; patients 1, 4, 5, 7 and 9 have images of both kinds or several.
PATIENT = [1, 1, 1, 2, 2, 3, 4, 4, 5, 5, 5, 5, 6, 7, 7, 8, 9, 9, 10, 10, 11, 12]
TRUTH = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 1]
FIRST = [7, 9, 6, 2, 1, 8, 5, 5, 1, 3, 2, 4, 2, 9, 6, 7, 1, 1, 3, 3, 4, 8]
SECOND = [4, 6, 5, 3, 3, 9, 6, 2, 2, 2, 5, 1, 1, 7, 7, 3, 4, 2, 5, 3, 1, 6]

PROC = """
suppressMessages(library(pROC))
arguments <- commandArgs(trailingOnly = TRUE)
data <- read.csv(arguments[1])
curves <- lapply(data[-1], function(score) roc(data$truth, score, direction = "<", quiet = TRUE))
tell <- function(...) cat(sprintf("%.17g", c(...)), "\\n")
for (one in curves) tell(auc(one), var(one), ci.auc(one, method = "delong")[c(1, 3)])
for (i in seq_len(length(curves) - 1)) for (j in seq(i + 1, length(curves))) {
  found <- roc.test(curves[[i]], curves[[j]], method = "delong", paired = TRUE)
  tell(found$statistic, found$p.value, found$conf.int)
}
"""


def made_up():
    """Eleven scores of 300 cases, from five grades to continuous, so 55 pairs."""
    random = np.random.default_rng(4)
    truth = (random.random(300) < 0.2).astype(int)
    steps = np.array([2, 3, 5, 8, 10, 20, 50, 100, 1000, 1e6, 1e12])[:, None]
    shared = random.normal(size=300) + truth * np.linspace(0.2, 2.5, 11)[:, None]
    return truth, np.round((shared + random.normal(size=(11, 300))) * steps / 5)


def reader_study(request):
    path = request.getfixturevalue("data_dir") / "reader_study" / "reader_study.csv"
    if not path.is_file():
        pytest.skip(f"the reader study is not at {path}")
    table = pd.read_csv(path)
    return table["label"].to_numpy(int), table.filter(like="_POM").to_numpy().T


@pytest.fixture(scope="module", params=["made up", "reader study"])
def by_proc(request, tmp_path_factory):
    """Truth, scores, and what R's pROC says of each score (k, 4) and each pair (pairs, 4)."""
    if shutil.which("Rscript") is None:
        pytest.skip("Rscript is not installed (Debian: r-base-core)")
    if subprocess.run(["Rscript", "-e", "loadNamespace('pROC')"], capture_output=True).returncode:
        pytest.skip("R's package pROC is not installed (Debian: r-cran-proc)")
    truth, scores = made_up() if request.param == "made up" else reader_study(request)
    folder = tmp_path_factory.mktemp("proc")
    table = np.column_stack([truth, scores.T])
    names = ",".join(["truth", *(f"s{i}" for i in range(len(scores)))])
    rows = [",".join(map(repr, row)) for row in table.tolist()]
    (folder / "cases.csv").write_text("\n".join([names, *rows]))
    (folder / "proc.R").write_text(PROC)
    done = subprocess.run(
        ["Rscript", folder / "proc.R", folder / "cases.csv"],
        capture_output=True,
        text=True,
        check=True,
    )
    told = np.array([[float(v) for v in line.split()] for line in done.stdout.splitlines()])
    return truth, scores, told[: len(scores)], told[len(scores) :]


def test_areas_variances_and_intervals_equal_proc(by_proc):
    truth, scores, expected, _ = by_proc
    found = delong(truth, scores)
    low, high = found.interval(transform=False)
    ours = np.column_stack([found.auc, np.diag(found.covariance), low, high])
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)


def test_paired_tests_equal_proc(by_proc):
    truth, scores, _, expected = by_proc
    tests = [delong_test(truth, a, b) for a, b in itertools.combinations(scores, 2)]
    assert len(tests) >= 50
    ours = np.array([[t.z, t.p, t.low, t.high] for t in tests])
    np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-10)


def test_clustered_figures_equal_those_of_imrmc():
    # Printed by doAUCcluster of the R package iMRMC (after Obuchowski's own function).
    found = delong(TRUTH, [FIRST, SECOND], PATIENT)
    assert found.auc == pytest.approx([104 / 117, 89 / 117], abs=1e-15)
    expected = [0.003736648211429260, 0.019231384545446061, 0.002979552990561422]
    assert found.covariance[[0, 1, 0], [0, 1, 1]] == pytest.approx(expected, abs=1e-15)
    p = delong_test(TRUTH, FIRST, SECOND, PATIENT).p
    assert p == pytest.approx(0.3255924847120137, abs=1e-14)


@st.composite
def cases(draw):
    """At least two of each class; two scores with many ties."""
    n = draw(st.integers(4, 50))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth = np.r_[0, 1, 0, 1, random.integers(0, 2, n - 4)]
    return truth, random.integers(0, draw(st.integers(2, 40)), (2, n)) / 8


@given(cases())
def test_areas_are_those_of_auc(data):
    truth, scores = data
    assert delong(truth, scores).auc.tolist() == [auc(truth, score) for score in scores]


@given(cases())
def test_one_case_per_patient_changes_nothing(data):
    truth, scores = data
    ids = np.random.default_rng(0).permutation(len(truth))
    plain, clustered = delong(truth, scores), delong(truth, scores, ids)
    np.testing.assert_allclose(clustered.covariance, plain.covariance, atol=1e-15)


@given(cases())
def test_copies_of_a_case_within_a_patient_add_no_certainty(data):
    truth, scores = data
    once, ids = delong(truth, scores), np.repeat(np.arange(len(truth)), 3)
    thrice = delong(np.repeat(truth, 3), np.repeat(scores, 3, axis=1), ids)
    np.testing.assert_allclose(thrice.covariance, once.covariance, atol=1e-14)
    assert (thrice.positives, thrice.negatives) == (once.positives, once.negatives)


@given(cases())
def test_swapping_the_models_turns_the_difference_round(data):
    truth, (a, b) = data
    variance = np.array([1, -1]) @ delong(truth, [a, b]).covariance @ [1, -1]
    assume(variance > 1e-12)
    one, other = delong_test(truth, a, b), delong_test(truth, b, a)
    assert (one.difference, one.low, one.p) == (-other.difference, -other.high, other.p)


def test_clustered_error_is_that_of_the_patient_bootstrap():
    random = np.random.default_rng(3)
    patient = np.repeat(np.arange(400), 4)
    truth = np.repeat(random.random(400) < 0.3, 4) & (random.random(1600) < 0.7)
    score = random.normal(size=400)[patient] + random.normal(size=1600) * 0.5 + truth
    drawn = bootstrap_auc(truth, score, patient, 2000)[:, 0].std()
    assert delong(truth, score, patient).standard_error[0] == pytest.approx(drawn, rel=0.06)
    assert delong(truth, score).standard_error[0] < 0.8 * drawn


def test_scores_that_rank_alike_do_not_differ():
    found = delong_test(TRUTH, FIRST, np.exp(FIRST), PATIENT)
    assert (found.difference, found.standard_error, found.z, found.p) == (0, 0, 0, 1)


def test_the_default_interval_stays_inside_and_covers_where_the_plain_one_fails():
    random, true_auc = np.random.default_rng(0), norm.cdf(2.3 / np.sqrt(2))
    truth = np.r_[np.ones(10), np.zeros(60)]
    hits = np.zeros(2)
    for _ in range(1000):
        found = delong(truth, random.normal(size=70) + 2.3 * truth)
        for which, transform in enumerate((True, False)):
            low, high = found.interval(transform=transform)
            assert 0 <= low[0] <= found.auc[0] <= high[0] <= 1
            hits[which] += low[0] <= true_auc <= high[0]
    assert hits[0] > 930 > hits[1]


def test_full_separation_still_gives_an_interval():
    found = delong([0] * 10 + [1] * 10, range(20))
    assert found.standard_error[0] == 0
    low, high = found.interval()
    assert (low[0], high[0]) == newcombe_interval(1, 10, 10)


@pytest.mark.parametrize("value", [0.0, 0.2, 0.5, 0.93, 1.0])
def test_a_newcombe_interval_ends_where_its_own_error_reaches(value):
    m, n, z = 8, 30, norm.ppf(0.975)
    for end in newcombe_interval(value, m, n):
        if 0 < end < 1:
            rest = (m + n) / 2 - 1
            variance = end * (1 - end) * (1 + rest * (1 - end) / (2 - end) + rest * end / (1 + end))
            assert abs(end - value) == pytest.approx(z * np.sqrt(variance / (m * n)), rel=1e-6)
        else:
            assert end == value


@pytest.mark.parametrize(
    ("truth", "scores", "ids", "says"),
    [
        ([0, 0, 1], [1, 2, 3], None, "at least 2"),
        ([0, 0, 1, 1], [1, 2, 3, 4], ["a", "b", "c", "c"], "1 independent .* with cancer"),
        ([0, 0, 1, 1], [1, 2, 3, 4], ["a", "b"], "one id each"),
        ([0, 0, 1, 1], [[1, 2, 3, np.nan]], None, "NaN"),
        ([0, 0, 1, 1], [[[1, 2, 3, 4]]], None, "models, cases"),
    ],
)
def test_what_has_no_variance_is_refused(truth, scores, ids, says):
    with pytest.raises(ConfigError, match=says):
        delong(truth, scores, ids)


def test_two_full_separations_the_opposite_way_cannot_be_tested():
    with pytest.raises(ConfigError, match="no variance"):
        delong_test([0, 0, 1, 1], [1, 2, 3, 4], [4, 3, 2, 1])


def test_two_scores_of_unequal_length_are_refused():
    with pytest.raises(ConfigError, match="one length"):
        delong_test([0, 0, 1, 1], [1, 2, 3, 4], [1, 2, 3])


@pytest.mark.parametrize("wrong", [(1.2, 5, 5), (0.8, 0, 5), (float("nan"), 5, 5)])
def test_a_newcombe_interval_needs_an_auc_and_cases(wrong):
    with pytest.raises(ConfigError, match="between 0 and 1"):
        newcombe_interval(*wrong)


def test_a_level_in_percent_is_refused():
    with pytest.raises(ConfigError, match="level"):
        delong(TRUTH, FIRST).interval(95)

import os
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp, ttest_rel
from sklearn.metrics import roc_auc_score

from mammoscope.errors import ConfigError
from mammoscope.metrics.delong import delong_test
from mammoscope.metrics.mrmc import from_covariance, obuchowski_rockette
from mammoscope.metrics.mrmc_dbm import dorfman_berbaum_metz, mean_squares
from mammoscope.metrics.mrmc_scores import pseudovalues
from mammoscope.metrics.mrmc_single import reader_mean, readers_against_model

quick = settings(deadline=None, max_examples=25)
DESIGNS = [("random", "random"), ("fixed", "random"), ("random", "fixed")]

# The Van Dyke study: what OR-DBM MRMC 2.51 (Schartz, Hillis, Pesce, Berbaum; University of Iowa)
# prints of it, for trapezoidal areas and jackknife covariances. Its modalities 1 and 2 are 0 and 1.
AUC = np.array(
    [
        [0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066],
        [0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169],
    ]
)
VARIANCE_BOTH = np.array([0.00069890, 0.00110605, 0.00084234, 0.00015058, 0.00121357])
VARIANCE_FIRST = np.array([0.00090755, 0.00132316, 0.00079859, 0.00030064, 0.00174057])
COV1 = np.array([0.00037347, 0.00076016, 0.00035532, 0.00000108, 0.00024304])
COV2, COV3 = (0.00048396, 0.00020419), 0.00023903


def van_dyke_covariance():
    found = np.full((2, 5, 2, 5), COV3)
    for j in range(5):
        found[0, j, 1, j] = found[1, j, 0, j] = COV1[j]
    for i, variance in enumerate((VARIANCE_FIRST, 2 * VARIANCE_BOTH - VARIANCE_FIRST)):
        found[i, :, i] = COV2[i]
        found[i, range(5), i, range(5)] = variance
    return found


@pytest.mark.parametrize(
    ("design", "f", "df", "p", "error", "low", "high"),
    [
        (DESIGNS[0], 4.46, 15.26, 0.0517, 0.02075, -0.00036, 0.08796),
        (DESIGNS[1], 5.47595, np.inf, 0.0193, 0.01872, 0.00711, 0.08049),
        (DESIGNS[2], 8.70, 4, 0.0420, 0.01485, 0.00258, 0.08502),
    ],
)
def test_or_gives_the_printed_figures_of_van_dyke(design, f, df, p, error, low, high):
    found = from_covariance(AUC, van_dyke_covariance(), *design)
    gain = found.comparisons[0].mean
    assert found.f == pytest.approx(f, abs=0.005)
    assert found.df == (1, pytest.approx(df, abs=0.005))
    assert (found.p, gain.p) == pytest.approx((p, p), abs=5e-5)
    assert gain.value == pytest.approx(0.04380032, abs=1e-8)
    assert (gain.standard_error, gain.low, gain.high) == pytest.approx((error, low, high), abs=6e-6)


@pytest.mark.parametrize(
    ("design", "errors", "df", "low"),
    [
        (DESIGNS[0], (0.03317360, 0.02156637), (12.74, 12.71), (0.82522360, 0.89413783)),
        (DESIGNS[1], (0.02428971, 0.01677632), (np.inf, np.inf), (0.84943008, 0.90795637)),
        (DESIGNS[2], (0.02482994, 0.01615303), (4, 4), (0.82809808, 0.89598936)),
    ],
)
def test_or_gives_the_printed_means_of_van_dyke(design, errors, df, low):
    means = from_covariance(AUC, van_dyke_covariance(), *design).means
    assert [m.value for m in means] == pytest.approx([0.89703704, 0.94083736], abs=1e-8)
    assert [m.standard_error for m in means] == pytest.approx(errors, abs=3e-7)
    assert [m.df for m in means] == pytest.approx(df, abs=0.006)
    assert [m.low for m in means] == pytest.approx(low, abs=1e-6)


def test_or_gives_the_printed_single_readers_of_van_dyke():
    found = from_covariance(AUC, van_dyke_covariance()).comparisons[0].by_reader
    errors = [0.02551, 0.02630, 0.03121, 0.01729, 0.04406]
    assert [e.standard_error for e in found] == pytest.approx(errors, abs=6e-6)
    assert [e.p for e in found] == pytest.approx([0.2693, 0.0768, 0.5668, 0.1290, 0.0230], abs=6e-5)
    assert found[4].high == pytest.approx(0.18651, abs=6e-6)


def test_or_gives_the_printed_components_of_van_dyke():
    found = from_covariance(AUC, van_dyke_covariance()).components
    printed = {
        "MS(T)": 0.00479617,
        "MS(R)": 0.00383620,
        "MS(T*R)": 0.00055103,
        "var(R)": 0.00153500,
        "var(T*R)": 0.00020040,
        "cov1": 0.00034661,
        "cov2": 0.00034407,
        "cov3": 0.00023903,
        "var(error)": 0.00080229,
    }
    assert found == pytest.approx(printed, abs=2e-8)


def van_dyke_ratings():
    """Truth (114,) and ratings (2, 5, 114) from the study's file, which is not ours to pass on."""
    path = os.environ.get("MAMMOSCOPE_VANDYKE")
    if not path:
        pytest.skip("set MAMMOSCOPE_VANDYKE to VanDyke.lrc of OR-DBM MRMC to run on the ratings")
    blocks = Path(path).read_text().split("*")
    pair = re.compile(r"^\s*([\d.]+)[ \t]+([\d.]+)", re.M)
    rows = [np.array(pair.findall(block), float) for block in blocks[:10]]
    truth = np.repeat([0, 1], [len(rows[0]), len(rows[1])])
    return truth, np.stack([np.concatenate(rows[j : j + 2]).T for j in range(0, 10, 2)], axis=1)


# JAFROC 4.2.1 (D. Chakraborty), which prints the DBM analysis of the same study.
@pytest.mark.parametrize(
    ("design", "f", "df", "p", "low", "mean_low"),
    [
        (DESIGNS[0], 4.46, 15.26, 0.0517, -0.00036, 0.82522361),
        (DESIGNS[1], 5.48, 113, 0.0210, 0.00672, 0.84891477),
        (DESIGNS[2], 8.70, 4, 0.0420, 0.00258, 0.82809807),
    ],
)
def test_dbm_of_the_ratings_gives_the_printed_figures_of_van_dyke(design, f, df, p, low, mean_low):
    found = dorfman_berbaum_metz(*van_dyke_ratings(), *design)
    assert (found.f, found.df[1]) == pytest.approx((f, df), abs=0.005)
    assert found.p == pytest.approx(p, abs=5e-5)
    assert found.comparisons[0].mean.low == pytest.approx(low, abs=5e-6)
    assert found.means[0].low == pytest.approx(mean_low, abs=1e-7)
    assert found.components["MS(T*R*C)"] == pytest.approx(0.03997167, abs=2e-7)


def test_or_of_the_ratings_gives_the_printed_components_of_van_dyke():
    found = obuchowski_rockette(*van_dyke_ratings())
    np.testing.assert_allclose(found.auc, AUC, atol=5e-9)
    expected = from_covariance(AUC, van_dyke_covariance()).components
    assert found.components == pytest.approx(expected, abs=1e-8)


@st.composite
def studies(draw):
    """Truth (n,) and ratings (m, r, n) with ties, in which modality and reader have effects."""
    m, r, n = draw(st.integers(2, 3)), draw(st.integers(2, 4)), draw(st.integers(12, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth = np.r_[0, 0, 1, 1, random.integers(0, 2, n - 4)]
    skill = 1 + random.normal(0, 0.3, (m, r, 1))
    latent = skill * truth + random.normal(size=n) + random.normal(size=(m, r, n))
    scores = np.round(latent * draw(st.integers(1, 10)))
    auc = pseudovalues(truth == 1, scores).mean(axis=2)
    # Readers who all differ by the same amount leave no error term: refused, see below.
    assume(np.ptp(np.diff(auc[:2], axis=0)) > 1e-6)
    return truth, scores


@settings(quick, max_examples=8)
@given(studies())
def test_pseudovalues_are_those_of_leaving_out_each_case(study):
    truth, scores = study
    one, n = scores[0, 0], len(truth)
    left = [roc_auc_score(np.delete(truth, c), np.delete(one, c)) for c in range(n)]
    expected = n * roc_auc_score(truth, one) - (n - 1) * np.array(left)
    np.testing.assert_allclose(pseudovalues(truth == 1, one), expected, atol=1e-10)


def squares_from_totals(values):
    """Textbook mean squares: from squared totals, each source less the sources within it."""
    raw, found = {(): values.sum() ** 2 / values.size}, {}
    sizes = values.shape
    for k in (1, 2, 3):
        for axes in combinations(range(3), k):
            total = values.sum(axis=tuple(set(range(3)) - set(axes)))
            inside = [raw[sub] for j in range(k) for sub in combinations(axes, j)]
            raw[axes] = (total**2).sum() * total.size / values.size - sum(inside)
            df = np.prod([sizes[a] - 1 for a in axes])
            found["*".join("TRC"[a] for a in axes)] = raw[axes] / df
    return found


@quick
@given(studies())
def test_mean_squares_equal_the_textbook_totals(study):
    values = pseudovalues(study[0] == 1, study[1])
    assert mean_squares(values) == pytest.approx(squares_from_totals(values), abs=1e-9)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R (Debian r-base-core)")
def test_mean_squares_equal_those_of_aov_in_r(tmp_path):
    values = np.random.default_rng(0).normal(size=(2, 3, 12))
    np.savetxt(tmp_path / "y.txt", values.ravel(), fmt="%.17g")
    script = """y <- scan(commandArgs(TRUE)[1], quiet = TRUE)
    g <- expand.grid(C = factor(1:12), R = factor(1:3), T = factor(1:2))
    cat(anova(lm(y ~ T * R * C, g))[["Sum Sq"]], sep = "\n")"""
    command = ["Rscript", "-e", "options(digits = 15, warn = -1)\n" + script, "y.txt"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    sums = [float(line) for line in done.stdout.split()]
    df = {"T": 1, "R": 2, "C": 11, "T*R": 2, "T*C": 11, "R*C": 22, "T*R*C": 22}
    ours = [mean_squares(values)[name] * k for name, k in df.items()]
    assert sums[:7] == pytest.approx(ours, abs=1e-10)


@quick
@given(studies(), st.sampled_from([DESIGNS[0], DESIGNS[2]]))
def test_dbm_equals_or_with_the_jackknife(study, design):
    a, b = obuchowski_rockette(*study, *design), dorfman_berbaum_metz(*study, *design)
    assert (a.f, *a.df, a.p) == pytest.approx((b.f, *b.df, b.p), rel=1e-6, abs=1e-9)
    for x, y in zip(a.means, b.means, strict=True):
        assert (x.low, x.high) == pytest.approx((y.low, y.high), abs=1e-7, nan_ok=True)
    for x, y in zip(a.comparisons, b.comparisons, strict=True):
        assert (x.mean.low, x.mean.p) == pytest.approx((y.mean.low, y.mean.p), abs=1e-7)


@quick
@given(studies())
def test_dbm_error_for_fixed_readers_equals_that_of_or(study):
    parts = obuchowski_rockette(*study).components
    a = dorfman_berbaum_metz(*study).components["MS(T*C)"] / len(study[0])
    r = study[1].shape[1]
    b = parts["var(error)"] - parts["cov1"] + (r - 1) * (parts["cov2"] - parts["cov3"])
    assert a == pytest.approx(b, abs=1e-10)


@quick
@given(studies())
def test_delong_and_jackknife_covariances_are_close(study):
    truth, scores = study
    a = obuchowski_rockette(truth, scores, covariance="delong").components["var(error)"]
    b = obuchowski_rockette(truth, scores).components["var(error)"]
    # The jackknife divides by one case less in each class, of which there are two or more.
    assert a * (1 - 1 / len(truth)) - 1e-12 <= b <= 2 * a + 1e-12


@quick
@given(studies())
def test_for_fixed_cases_two_modalities_are_a_paired_t_test(study):
    truth, scores = study
    found = obuchowski_rockette(truth, scores[:2], cases="fixed")
    assert found.p == pytest.approx(ttest_rel(*found.auc).pvalue, abs=1e-9)


def simulated(m=2, r=4, n=60, seed=0):
    random = np.random.default_rng(seed)
    truth = np.arange(n) % 3 == 0
    return truth.astype(int), truth + random.normal(size=(m, r, n)) + random.normal(size=n)


def test_for_one_fixed_reader_it_is_delongs_test():
    truth, scores = simulated(r=1)
    found = obuchowski_rockette(truth, scores, readers="fixed", covariance="delong")
    expected = delong_test(truth, scores[1, 0], scores[0, 0])
    gain = found.comparisons[0].mean
    assert (found.p, gain.p) == pytest.approx((expected.p, expected.p))
    assert (gain.low, gain.high) == pytest.approx((expected.low, expected.high))


def test_means_depend_on_their_own_modality_alone():
    truth, scores = simulated(m=3)
    assert obuchowski_rockette(truth, scores).means[2] == reader_mean(truth, scores[2])


def test_copies_of_a_patients_cases_change_nothing_when_patients_are_given():
    truth, scores = simulated()
    once = obuchowski_rockette(truth, scores, covariance="delong")
    ids = np.tile(np.arange(60), 2)
    twice = obuchowski_rockette(np.tile(truth, 2), np.tile(scores, 2), patient_ids=ids)
    assert (once.f, once.p, once.df[1]) == pytest.approx((twice.f, twice.p, twice.df[1]))


@quick
@given(studies(), st.randoms())
def test_order_of_readers_and_cases_and_scale_do_not_matter(study, random):
    truth, scores = study
    readers, cases = list(range(scores.shape[1])), list(range(len(truth)))
    random.shuffle(readers)
    random.shuffle(cases)
    shuffled = np.exp(scores[:, readers][..., cases] / 9)
    a, b = obuchowski_rockette(truth, scores), obuchowski_rockette(truth[cases], shuffled)
    assert (a.f, a.p) == pytest.approx((b.f, b.p), rel=1e-6, abs=1e-9)


def test_a_model_repeated_as_second_modality_gives_the_same_test():
    # Chakraborty (2017), chapter 22: the two forms of readers against a model agree.
    truth, scores = simulated(r=5)
    readers, model = scores[0], scores[1, 0]
    one = readers_against_model(truth, readers, model).difference
    two = obuchowski_rockette(truth, np.stack([readers, np.tile(model, (5, 1))]))
    assert (one.p, one.df) == pytest.approx((two.p, two.df[1]))
    gain = two.comparisons[0].mean
    assert (one.low, one.high) == pytest.approx((gain.low, gain.high))


def test_against_a_model_on_fixed_cases_it_is_a_t_test():
    truth, scores = simulated(r=5)
    found = readers_against_model(truth, scores[0], scores[1, 0], cases="fixed")
    aucs = [roc_auc_score(truth, s) for s in scores[0]]
    expected = ttest_1samp(aucs, roc_auc_score(truth, scores[1, 0]))
    assert found.difference.p == pytest.approx(expected.pvalue)
    assert found.by_reader == ()


def test_against_a_model_each_reader_has_delongs_test():
    truth, scores = simulated()
    found = readers_against_model(truth, scores[0], scores[1, 0], covariance="delong")
    expected = delong_test(truth, scores[1, 0], scores[0, 2])
    assert found.by_reader[2].p == pytest.approx(expected.p)
    assert found.by_reader[2].low == pytest.approx(expected.low)


def test_reader_without_a_mistake_has_no_interval():
    truth, scores = simulated()
    scores[:, 0] = truth
    gain = obuchowski_rockette(truth, scores).comparisons[0].by_reader[0]
    assert (gain.value, gain.p) == (0, None)
    assert np.isnan(gain.low)


def with_nan():
    truth, scores = simulated()
    scores[1, 2, 3] = np.nan
    return truth, scores


@pytest.mark.parametrize(
    ("truth", "scores", "options", "message"),
    [
        (*with_nan(), {}, r"1 scores are NaN, the first at index \(1, 2, 3\)"),
        (*simulated(m=1), {}, "1 modalities and 4 readers"),
        (*simulated(r=1), {}, "2 modalities and 1 readers"),
        (simulated()[0][:5], simulated()[1], {}, r"truth has shape \(5,\)"),
        (simulated()[0], simulated()[1][0], {}, "modalities, readers, cases"),
        (np.zeros(60), simulated()[1], {}, "0 ones and 60 zeros"),
        (np.full(60, 2), simulated()[1], {}, "0 ones and 0 zeros"),
        (*simulated(), {"readers": "fixed", "cases": "fixed"}, "one of them random"),
        (*simulated(), {"readers": "all"}, "readers is 'all'"),
        (*simulated(), {"level": 95}, "level is 95"),
        (*simulated(), {"covariance": "bootstrap"}, "covariance is 'bootstrap'"),
        (
            *simulated(),
            {"covariance": "jackknife", "patient_ids": np.arange(60)},
            "'jackknife' and patients are given",
        ),
        (simulated()[0], simulated()[1][[0, 0]], {}, "error variance of 0"),
        (simulated()[0], simulated()[1][[0, 0]], {"covariance": "delong"}, "error variance of 0"),
    ],
)
def test_what_cannot_be_analysed_is_said(truth, scores, options, message):
    with pytest.raises(ConfigError, match=message):
        obuchowski_rockette(truth, scores, **options)


def test_readers_who_all_differ_by_the_same_amount_leave_no_test_of_fixed_cases():
    truth, scores = simulated(r=1)
    with pytest.raises(ConfigError, match="every reader differs by the same amount"):
        obuchowski_rockette(truth, np.repeat(scores, 3, axis=1), cases="fixed")


def test_one_random_reader_has_no_mean_for_others():
    truth, scores = simulated(r=1)
    with pytest.raises(ConfigError, match="1 reader was given"):
        reader_mean(truth, scores[0])


def test_covariance_of_another_shape_is_refused():
    with pytest.raises(ConfigError, match=r"auc has shape \(2, 5\)"):
        from_covariance(AUC, np.eye(10))

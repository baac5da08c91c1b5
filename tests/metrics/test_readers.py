import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscope.errors import ConfigError
from mammoscope.metrics import readers, roc
from mammoscope.metrics.mrmc_dbm import dorfman_berbaum_metz
from mammoscope.metrics.mrmc_single import reader_mean, readers_against_model
from mammoscope.metrics.resample import patient_bootstrap

TRUTH = [1, 1, 1, 0, 0, 0, 0, 0]
MODEL = [0.9, 0.8, 0.3, 0.7, 0.3, 0.2, 0.1, 0.0]
CALLED = [[1, 0, 1, 1, 0, 0, 0, 0]]


def test_model_at_a_reader_by_hand():
    # The reader: 2 of 3 cancers, 4 of 5 others spared. From 0.7 on the model spares as many and
    # finds 2 (0.3 would call two others); from 0.8 on it finds as many and spares all.
    found = readers.model_at_readers(TRUTH, CALLED, MODEL, range(8), n=20).by_reader[0]
    assert (found.sensitivity, found.specificity) == pytest.approx((2 / 3, 4 / 5))
    assert (found.model_sensitivity, found.model_specificity) == pytest.approx((2 / 3, 1))


def simulated(seed=0, n=60, ties=4):
    random = np.random.default_rng(seed)
    truth = np.r_[0, 0, 1, 1, random.integers(0, 2, n - 4)]
    scores = np.round((truth + random.normal(size=(4, n))) * ties)
    return truth, scores[:3], scores[3]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_points_are_those_of_roc(seed, ties):
    truth, scores, model = simulated(seed, 30, ties)
    found = readers.model_at_readers(truth, scores > ties / 2, model, range(30), n=2).by_reader
    for one in found:
        by_specificity = roc.sensitivity_at_specificity(truth, model, one.specificity)
        by_sensitivity = roc.specificity_at_sensitivity(truth, model, one.sensitivity)
        assert one.model_sensitivity == pytest.approx(by_specificity)
        assert one.model_specificity == pytest.approx(by_sensitivity)


def test_intervals_are_those_of_the_patient_bootstrap():
    truth, scores, model = simulated()
    called, patients = scores > 2, np.arange(60) // 2

    def difference(rows):
        own = called[1, rows][truth[rows] == 1].mean()
        specificity = 1 - called[1, rows][truth[rows] == 0].mean()
        return roc.sensitivity_at_specificity(truth[rows], model[rows], specificity) - own

    found = readers.model_at_readers(truth, called, model, patients, n=200, seed=5)
    expected = patient_bootstrap(difference, patients, n=200, seed=5)
    assert found.by_reader[1].sensitivity_difference == expected


def test_mean_is_over_the_readers():
    truth, scores, model = simulated()
    found = readers.model_at_readers(truth, scores > 2, model, range(60), n=10)
    each = [r.model_sensitivity for r in found.by_reader]
    assert found.mean.model_sensitivity == pytest.approx(np.mean(each))


def test_resamples_of_one_class_are_left_out():
    found = readers.model_at_readers([1, 1, 0, 0], [[1, 0, 0, 1]], [4, 3, 2, 1], [0, 0, 1, 1], 50)
    assert 0 < found.mean.sensitivity_difference.n_valid < 50


def test_ranks_ignore_how_a_reader_uses_the_scale():
    _, scores, model = simulated()
    squeezed = np.exp(scores / 4)
    a, b = (readers.with_model(s, model, by="rank") for s in (scores, squeezed))
    np.testing.assert_array_equal(a, b)
    assert 0 < a.min() < a.max() < 1


def test_average_reader_by_hand():
    assert readers.average_reader([[0, 1, 2], [2, 2, 5]]).tolist() == [1, 1.5, 3.5]
    assert readers.average_reader([[0, 1, 2], [9, 9, 1]], by="rank").tolist() == pytest.approx(
        [(1 / 6 + 4 / 6) / 2, (3 / 6 + 4 / 6) / 2, (5 / 6 + 1 / 6) / 2]
    )


@pytest.mark.parametrize(("weight", "alone"), [(0.0, 0), (1.0, 1)])
def test_weight_leads_from_readers_to_model(weight, alone):
    _, scores, model = simulated()
    expected = (scores, np.tile(model, (3, 1)))[alone]
    np.testing.assert_array_equal(readers.with_model(scores, model, weight), expected)


def test_second_reader_gains_are_differences_of_aucs():
    truth, scores, model = simulated()
    found = readers.second_reader(truth, scores, model).comparisons[0]
    together = readers.with_model(scores, model)
    gains = [roc.auc(truth, t) - roc.auc(truth, s) for s, t in zip(scores, together, strict=True)]
    assert [g.value for g in found.by_reader] == pytest.approx(gains)
    assert found.mean.value == pytest.approx(np.mean(gains))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"called": [0, 1]}, r"truth has shape \(8,\) and scores \(2,\)"),
        ({"called": [[0.5] * 8]}, "called holds 0.5"),
        ({"truth": [1] * 8}, "8 ones and 0 zeros"),
        ({"model": [np.nan] * 8}, "8 of 8 scores are NaN"),
        ({"patient_ids": [1, 2]}, "2 patients were given for 8 cases"),
    ],
)
def test_bad_calls_are_refused(change, message):
    good = {"truth": TRUTH, "called": CALLED, "model": MODEL, "patient_ids": range(8)}
    with pytest.raises(ConfigError, match=message):
        readers.model_at_readers(**(good | change))


@pytest.mark.parametrize(
    ("scores", "model", "options", "message"),
    [
        ([[1, np.nan]], [1, 2], {}, "1 are NaN"),
        ([[1, 2]], [1, 2, 3], {}, r"\(1, 2\), the model's \(3,\)"),
        ([[1, 2]], [1, 2], {"weight": 2}, "weight is 2"),
        ([[1, 2]], [1, 2], {"by": "logit"}, "by is 'logit'"),
    ],
)
def test_what_cannot_be_averaged_is_refused(scores, model, options, message):
    with pytest.raises(ConfigError, match=message):
        readers.with_model(scores, model, **options)


@pytest.fixture(scope="module")
def reader_study(data_dir: Path):
    """Truth, readers' scores (14, 1440), GMIC's, exams, and the whole table."""
    path = data_dir / "reader_study" / "reader_study.csv"
    if not path.is_file():
        pytest.skip(f"the reader study is not at {path}; set MAMMOSCOPE_DATA")
    table = pd.read_csv(path)
    scores = table.filter(like="Reader").to_numpy().T
    return table.label, scores, table.AI_GMIC_top5_POM, table.case_ID, table


def test_aucs_of_the_reader_study(reader_study):
    truth, scores, _, _, table = reader_study
    aucs = [round(roc.auc(truth, s), 3) for s in scores]
    first, last = aucs[:7], aucs[7:]
    assert first == [0.726, 0.783, 0.809, 0.859, 0.705, 0.736, 0.772]
    assert last == [0.761, 0.792, 0.753, 0.788, 0.804, 0.860, 0.756]
    systems = [round(roc.auc(truth, table[c]), 3) for c in table.filter(like="AI_")]
    assert systems == [0.881, 0.857, 0.853, 0.779, 0.714, 0.586, 0.454]
    assert np.mean(aucs) == pytest.approx(0.779, abs=5e-4)
    assert roc.auc(truth, readers.average_reader(scores)) == pytest.approx(0.895, abs=5e-4)


def test_gmic_as_second_reader_of_the_reader_study(reader_study):
    truth, scores, gmic, exams, _ = reader_study
    found = readers.second_reader(truth, scores, gmic)
    gain = found.comparisons[0].mean
    assert (gain.value, gain.low, gain.high) == pytest.approx((0.108, 0.071, 0.145), abs=5e-4)
    assert all(g.low > 0 for g in found.comparisons[0].by_reader)
    by_exam = readers.second_reader(truth, scores, gmic, patient_ids=exams).comparisons[0].mean
    assert by_exam.standard_error == pytest.approx(gain.standard_error, rel=0.01)
    both = np.stack([scores, readers.with_model(scores, gmic)])
    assert dorfman_berbaum_metz(truth, both).p == pytest.approx(found.p, rel=1e-6)


def test_gmic_against_the_readers_of_the_reader_study(reader_study):
    truth, scores, gmic, _, _ = reader_study
    found = readers_against_model(truth, scores, gmic)
    assert found.readers == reader_mean(truth, scores)
    assert found.model_auc == pytest.approx(0.881, abs=5e-4)
    assert (found.difference.low, found.difference.high) == pytest.approx((0.057, 0.148), abs=5e-4)


PAGE = Path(__file__).parents[2] / "docs" / "readers.md"


def test_the_tables_of_the_page_are_those_its_code_gives(reader_study, data_dir, monkeypatch):
    monkeypatch.chdir(data_dir / "reader_study")
    page, names = PAGE.read_text("utf-8"), {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), names)
    rows = names["rows"] + names["systems"] + names["analyses"]
    assert [row for row in rows if row not in page] == []

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pandas")


from evaluation_files import PREDICTED, saved, women
from mammoscope.evaluate.joining import Judged, join
from mammoscope.evaluate.predictions import read_predictions
from mammoscope.evaluate.truth import read_truth
from measuring import not_sure


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    folder = tmp_path_factory.mktemp("not_sure")
    predictions, manifest = saved(folder, women(200), columns=PREDICTED)
    return join(read_truth(manifest), read_predictions(predictions))


@pytest.fixture(scope="module")
def breasts(judged: Judged) -> not_sure.Units:
    fold = judged.models[0].fold.astype(np.str_)
    fits = {k: not_sure.fitted(judged, fold != k, 10) for k in "0123"}
    return not_sure.told(judged, "breast", fits)


def test_women_who_come_as_the_others_did_fall_outside_no_more_often(
    breasts: not_sure.Units,
) -> None:
    assert breasts.below[breasts.truth == 1].mean() == pytest.approx(0.1, abs=0.06)
    assert breasts.above[breasts.truth == 0].mean() == pytest.approx(0.1, abs=0.06)


def test_every_breast_lies_in_its_interval(breasts: not_sure.Units) -> None:
    assert (breasts.low < breasts.malignancy).all()
    assert (breasts.malignancy < breasts.high).all()


def test_groups_hold_every_breast_once_the_lowest_first(breasts: not_sure.Units) -> None:
    rows = not_sure.coverage_rows(breasts, 7)
    assert sum(int(row[0]) for row in rows) == len(breasts.truth)
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)


def test_the_report_has_a_row_for_each_fold_and_machine(judged: Judged) -> None:
    text = not_sure.report(judged, 5)
    named = [f"fold {k}" for k in range(4)] + [f"machine {k}" for k in range(3)]
    assert all(f"| {name} |" in text for name in ["all", *named])

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mammoscope.infer.postprocess import mean_malignancy
from mammoscope.metrics.resample import patient_bootstrap
from mammoscope.metrics.roc import auc, auc_within
from measuring import exam_fusion

WOMEN = 60


def images() -> pd.DataFrame:
    """Two to four views of one breast of each woman; a third have cancer, which shifts logits."""
    draw = np.random.default_rng(3)
    rows = []
    for woman in range(WOMEN):
        views = ["MLO", "CC", "CC", "AT"][: 2 + woman // 3 % 3]
        for number, view in enumerate(views):
            rows.append(
                {
                    "image_path": f"{woman}_{number}.png",
                    "patient_id": f"w{woman}",
                    "laterality": "L",
                    "view": view,
                    "cancer": int(woman % 3 == 0),
                    "machine_id": f"{woman % 2}",
                    "fold": woman % 5,
                    "malignancy_logit": draw.normal() + 0.8 * (woman % 3 == 0),
                }
            )
    return pd.DataFrame(rows)


def read(folder: Path, table: pd.DataFrame) -> exam_fusion.Breasts:
    table.drop(columns=["fold", "malignancy_logit"]).to_csv(folder / "manifest.csv", index=False)
    given = table[["image_path", "fold", "malignancy_logit"]]
    given.to_csv(folder / "predictions.csv", index=False)
    return exam_fusion.read_breasts(folder / "predictions.csv", folder)


@pytest.fixture
def breasts(tmp_path: Path) -> exam_fusion.Breasts:
    return read(tmp_path, images())


def test_views_stay_with_their_breast(tmp_path: Path) -> None:
    table = images()
    breasts = read(tmp_path, table.sample(frac=1, random_state=1))
    by_woman = table.groupby("patient_id")
    for truth, logits, (_, own) in zip(breasts.truth, breasts.logits, by_woman, strict=True):
        assert sorted(logits) == pytest.approx(sorted(own["malignancy_logit"]))
        assert truth == own["cancer"].iloc[0]


def test_a_breast_without_both_views_is_left_out(tmp_path: Path) -> None:
    table = images()
    table.loc[table["patient_id"] == "w7", "view"] = "CC"
    assert len(exam_fusion.both_views(read(tmp_path, table)).truth) == WOMEN - 1


def test_a_drawn_pair_is_one_cc_and_one_mlo(breasts: exam_fusion.Breasts) -> None:
    pairs = exam_fusion.pair_drawn(breasts, np.random.default_rng(0))
    for pair, logits, views in zip(pairs, breasts.logits, breasts.views, strict=True):
        assert pair[0] in logits[views == "CC"]
        assert pair[1] in logits[views == "MLO"]


def test_the_mean_of_logits_orders_as_the_product_does() -> None:
    logits = np.random.default_rng(0).normal(size=(20, 2))
    probabilities = 1 / (1 + np.exp(-logits))
    joined = exam_fusion.RULES[exam_fusion.PRODUCT](logits, probabilities)
    assert (joined.argsort() == np.argsort([mean_malignancy(p) for p in probabilities])).all()


def test_areas_and_their_intervals_are_those_of_the_package(breasts: exam_fusion.Breasts) -> None:
    score = np.round([logits.mean() for logits in breasts.logits], 1)  # with ties
    won = {"it": exam_fusion.wins(score, breasts.truth)}
    found = exam_fusion.areas(breasts, won, resamples=100, seed=4)
    assert found.pooled["it"][0] == pytest.approx(auc(breasts.truth, score))
    assert found.within["it"][0] == pytest.approx(auc_within(breasts.truth, score, breasts.machine))
    interval = patient_bootstrap(
        lambda rows: auc_within(breasts.truth[rows], score[rows], breasts.machine[rows]),
        breasts.patient,
        100,
        seed=4,
    )
    ends = np.quantile(found.within["it"][1:], [0.025, 0.975])
    assert ends == pytest.approx([interval.low, interval.high])


def test_the_mean_single_view_lies_between_the_two(breasts: exam_fusion.Breasts) -> None:
    found = exam_fusion.areas(breasts, exam_fusion.rule_wins(breasts, 3, 0), 5, 0).pooled
    both = found["CC alone"], found["MLO alone"]
    assert found[exam_fusion.SINGLE] == pytest.approx(sum(both) / 2)


def test_using_all_views_there_are_loses_nothing(breasts: exam_fusion.Breasts) -> None:
    three = breasts.where(np.array([len(logits) == 3 for logits in breasts.logits]))
    assert exam_fusion.part_wins(three, 3, 2, 0) == pytest.approx(exam_fusion.all_wins(three))


def test_the_report_has_both_parts_and_repeats_itself(breasts: exam_fusion.Breasts) -> None:
    text = exam_fusion.report(breasts, resamples=20, draws=2)
    assert text == exam_fusion.report(breasts, resamples=20, draws=2)
    assert "Breasts with a CC and an MLO view: 60 breasts, 20 with cancer, of 60 women." in text
    assert "Breasts with three views or more: 39 breasts, 13 with cancer" in text
    assert "nan" not in text


def test_a_truth_without_machines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="machine_id"):
        read(tmp_path, images().drop(columns="machine_id"))

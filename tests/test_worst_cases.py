from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import report_example
from mammoscope.errors import ConfigError
from mammoscope.evaluate.joining import join
from mammoscope.evaluate.predictions import read_predictions
from mammoscope.evaluate.truth import read_truth
from measuring import worst_cases

WOMEN = 40
SECRET = "Woman"


def images() -> pd.DataFrame:
    """CC and MLO of one breast of each woman; scores rise with her number."""
    rows = [
        {
            "image_path": f"{SECRET}{woman:02d}_{view}.png",
            "patient_id": f"{SECRET}{woman:02d}",
            "laterality": "R",
            "view": view,
            "cancer": woman // 2 % 2,
            "machine_id": str(woman % 2),
            "site_id": "1",
            "density": "B" if woman < 20 else "",
            "birads": "",
            "invasive": "1" if woman == 2 else "0",
            "fold": woman // 4 % 2,
            "malignancy_logit": woman / 10 - 2,
        }
        for woman in range(WOMEN)
        for view in ("MLO", "CC")
    ]
    return pd.DataFrame(rows)


def ranked(folder: Path, table: pd.DataFrame) -> worst_cases.Ranked:
    table.drop(columns=["fold", "malignancy_logit"]).to_csv(folder / "manifest.csv", index=False)
    given = table[["image_path", "fold", "malignancy_logit"]]
    given.to_csv(folder / "predictions.csv", index=False)
    return worst_cases.ranked(
        join(read_truth(folder), read_predictions(folder / "predictions.csv"))
    )


def test_misses_are_the_lowest_cancers_and_alarms_the_highest_others(tmp_path: Path) -> None:
    found = ranked(tmp_path, images())
    truth, score = found.breasts.truth, found.breasts.rank
    misses, alarms = found.worst(1), found.worst(0)
    assert sorted(misses) == sorted(np.flatnonzero(truth == 1)[:10].tolist())
    assert (truth[alarms] == 0).all()
    assert score[alarms].min() > np.median(score)
    assert found.percentile[misses[0]] == found.percentile[truth == 1].min()
    assert found.percentile[alarms[0]] == found.percentile[truth == 0].max()


@pytest.mark.parametrize("column", ["machine_id", "fold"])
def test_the_level_of_a_machine_or_fold_moves_no_breast(tmp_path: Path, column: str) -> None:
    table = images()
    table["fold"] = 1 - table["machine_id"].astype(int)
    before = ranked(tmp_path, table)
    table["malignancy_logit"] += 5.0 * table[column].astype(int)
    after = ranked(tmp_path, table)
    assert (before.percentile == after.percentile).all()


def test_percentiles_of_equal_scores_are_equal() -> None:
    found = worst_cases.percentiles(np.array([1.0, 1, 3, 7]), np.array(["a", "a", "a", "b"]))
    assert found == pytest.approx([1 / 3, 1 / 3, 2.5 / 3, 0.5])


def test_folds_are_needed(tmp_path: Path) -> None:
    table = images()
    table["fold"] = ""
    with pytest.raises(ConfigError, match="fold"):
        ranked(tmp_path, table)


def test_the_caption_tells_what_is_known_and_never_who(tmp_path: Path) -> None:
    found = ranked(tmp_path, images())
    woman = int(np.flatnonzero(found.features["invasive"] == "yes")[0])
    report = report_example.image_report("R", "CC", malignancy=0.12, peak=0.4)
    lines = worst_cases.caption(found, woman, 3, [report, report])
    assert lines[0].startswith("3. malignancy 0.12, map up to 0.")
    assert lines[1] == "CC MLO: density B, invasive yes"
    assert SECRET not in " ".join(lines)
    assert " ".join(lines).isascii()


def test_the_counts_are_set_against_all_of_the_class(tmp_path: Path) -> None:
    found = ranked(tmp_path, images())
    misses = found.worst(1)
    rows = worst_cases.in_common(found, misses, 1)
    assert ["density", "B", "10", "50 %"] in rows
    assert not [row for row in rows if row[0] == "site"]  # all the same: nothing in common
    text = worst_cases.told(found, {1: misses, 0: found.worst(0)})
    assert "of the 10 worst misses | of all 20 with cancer" in text
    assert SECRET not in text


def test_a_view_is_shown_as_it_is_and_with_its_map() -> None:
    report = report_example.image_report("L", "CC", peak=0.9)
    plain, drawn = worst_cases.view_tiles(report, 320)
    first, last = worst_cases.columns_shown(report)
    assert plain.shape == drawn.shape
    assert plain.shape[:2] == (320, pytest.approx(256 * (last - first), abs=1))
    assert (plain == plain[:, :, :1]).all()
    changed = np.argwhere((plain != drawn).any(2)).mean(0)
    x1, y1, x2, y2 = report_example.LESION
    assert changed == pytest.approx(np.array([y1 + y2, x1 + x2]) / 2 * 320 / 2000, abs=8)


def test_an_image_that_was_refused_is_not_shown() -> None:
    report = replace(report_example.image_report("L", "CC"), lesion_map=None, refused="blank")
    with pytest.raises(ConfigError, match="blank"):
        worst_cases.view_tiles(report, 100)


@pytest.mark.parametrize("views", [1, 2, 6])
def test_any_number_of_views_fits_the_sheet(views: int) -> None:
    report = report_example.image_report("R", "MLO")
    one = worst_cases.block(["first", "second"], [report] * views, 788)
    assert one.shape[1] == 788
    assert one[60:].any()
    sheet = worst_cases.sheet([one, one, one])
    assert sheet.shape[1] == worst_cases.WIDTH
    assert sheet.shape[0] > 2 * one.shape[0]

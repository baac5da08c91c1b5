from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mammoscope.metrics import froc, resample, roc
from measuring import interval_coverage
from measuring import interval_coverage_data as simulated

SMALL = simulated.Setting(women=60, prevalence=0.2, auc=0.9, most=4, correlation=0.5)
LARGE = simulated.Setting(women=20_000, prevalence=0.3, auc=0.9, most=4, correlation=0.5)
# Four standard errors of about 7,000 images with cancer of women's own shares.
CLOSE = 0.02


def test_resampled_areas_are_those_of_the_package() -> None:
    data = simulated.images(SMALL, SMALL.draws())
    (ranked,) = resample.rank_scores(data.truth, data.score, data.woman)
    found = simulated.areas(ranked, simulated.times_drawn(60, 20, seed=3))
    expected = resample.bootstrap_auc(data.truth, data.score, data.woman, n=20, seed=3)
    np.testing.assert_array_equal(found, expected[:, 0])


def test_resampled_froc_is_that_of_the_package() -> None:
    data, matches = simulated.marks(SMALL, SMALL.draws())
    times = simulated.times_drawn(60, 20, seed=3)
    weights = times[data.woman]
    found = simulated.sensitivities(matches, weights).T
    areas = simulated.wafroc_areas(matches, data.woman, times)
    for row, area, weight in zip(found, areas, weights.T, strict=True):
        at = froc.sensitivity_at(matches, simulated.FPPI, image_weight=weight)
        np.testing.assert_allclose(row, at)
        assert area == pytest.approx(froc.afroc_area(matches, True, image_weight=weight))


def test_the_truth_is_that_of_a_large_sample() -> None:
    data, matches = simulated.marks(LARGE, LARGE.draws())
    assert roc.auc(data.truth, data.score) == pytest.approx(LARGE.auc, abs=CLOSE)
    share = simulated.share_with_cancer(LARGE)
    assert data.truth.mean() == pytest.approx(share, abs=CLOSE)
    rates = [simulated.true_sensitivity(rate) for rate in simulated.FPPI]
    found = froc.sensitivity_at(matches, simulated.FPPI)
    np.testing.assert_allclose(found, rates, atol=CLOSE)
    area = simulated.true_wafroc(LARGE.correlation)
    assert froc.afroc_area(matches, weighted=True) == pytest.approx(area, abs=CLOSE)


@pytest.mark.parametrize("part", interval_coverage.PARTS)
def test_every_part_gives_intervals_that_can_be_counted(part: str) -> None:
    setting = interval_coverage.PARTS[part].settings[-1]
    found = interval_coverage.simulated(setting, part, datasets=50, resamples=10)
    judged = interval_coverage.judged(found)
    assert len(judged)
    assert (judged["low"] <= judged["high"]).all()


def test_a_table_marks_what_covers_too_little() -> None:
    ends = {"low": [0.0] * 8 + [0.6] * 2, "high": 1.0, "true": 0.5, "count": 7}
    found = pd.DataFrame({**ends, "method": "m", "images": "1"})
    lines = interval_coverage.table(
        pd.concat([interval_coverage.judged(found)] * 20), ["images", "group"], ["images", "women"]
    )
    assert "| 1 | 5 to 9 | 200 | **0.800** (1.00) |" in lines

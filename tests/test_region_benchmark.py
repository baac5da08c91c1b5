from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pd = pytest.importorskip("pandas")

from mammoscope.infer.region import moved_crops  # noqa: E402
from measuring import region_stability as bench  # noqa: E402

CARD = {
    "calibration": {"platt": {"slope": 1.0, "intercept": 0.0}},
    "operating_points": [{"name": "sensitivity_95", "threshold": 0.4}],
}


@pytest.mark.parametrize("place", bench.PLACES)
def test_no_look_at_a_moved_mark_leaves_the_crop(place: str) -> None:
    crop = np.random.default_rng(0).integers(0, 256, (128, 128), dtype=np.uint8)
    x1, y1, x2, y2 = bench.mark(crop.shape, place)
    surrounded = np.pad(crop, 40)
    alone = moved_crops(crop, (x1, y1, x2, y2))
    within = moved_crops(surrounded, (x1 + 40, y1 + 40, x2 + 40, y2 + 40))
    assert all(map(np.array_equal, alone, within))


def cases(moved: float) -> pd.DataFrame:
    """Forty crops, a woman each, and the log odds by which every moved mark differs."""
    odds = np.random.default_rng(0).normal(0, 1, 40)
    truth = (odds + np.random.default_rng(1).normal(0, 1, 40) > 0).astype(int)
    parts = []
    for place in bench.PLACES:
        logit = odds if place == bench.DRAWN else odds + moved
        table = {"malignancy_logit": logit, bench.ANSWERS[bench.ONE]: 2 * logit}
        table |= {"positive": truth, "patient_id": np.arange(40), "fold": np.arange(40) % 2}
        parts.append(pd.DataFrame(table).assign(place=place))
    return pd.concat(parts)


def test_an_answer_that_stays_is_stable() -> None:
    *moves, together = bench.stability(cases(0.0), bench.NINE, CARD, 20)
    assert together[:3] == ["all six", "**0.000** (0.000 to 0.000)", "**0.000** (0.000 to 0.000)"]
    assert [row[3] for row in moves] == ["**0.0** (0.0 to 0.0)"] * 6


def test_an_answer_that_moves_far_enough_always_flips() -> None:
    together = bench.stability(cases(100.0), bench.NINE, CARD, 20)[-1]
    odds = cases(0.0).query("place == 'as drawn'")["malignancy_logit"]
    assert together[3].startswith(f"**{100 * (odds < 0).mean():.1f}**")


def test_no_truth_of_a_fold_touches_its_own_probabilities() -> None:
    drawn = cases(0.0).query("place == 'as drawn'")
    own = (drawn["fold"] == 0).to_numpy()
    other = drawn.assign(positive=np.where(own, 1 - drawn["positive"], drawn["positive"]))
    first, second = (bench.told(drawn, bench.NINE, t, bench.ONE)[own] for t in (drawn, other))
    assert np.array_equal(first, second)

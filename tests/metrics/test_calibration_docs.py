import re
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "calibration.md"


@pytest.fixture(scope="module")
def names():
    """What the page's Python blocks define, run one after the other."""
    found = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), found)
    return found


def test_the_figures_the_page_tells_are_those_its_code_gives(names):
    calibration, truth, prob = names["calibration"], names["truth"], names["prob"]
    estimate = names["estimate_prevalence"]
    told = {
        "far too many expected": calibration.expected_observed_ratio(truth, prob),
        "lower all logits": calibration.calibration_in_the_large(truth, prob),
        "too extreme\n": calibration.calibration_line(truth, prob)[0],
    }
    lines = PAGE.read_text("utf-8").splitlines(keepends=True)
    for words, value in told.items():
        assert any(words in line and f"{value:.2f}" in line for line in lines), words
    shares = names["cancer"].mean(), *(estimate(names[k], 0.4) for k in ("told", "too_extreme"))
    assert all(f"{share:.3f}" in "".join(lines) for share in shares)


def test_recalibrated_probabilities_of_the_page_are_right_in_the_mean(names):
    ratio = names["calibration"].expected_observed_ratio(names["truth"], names["mended"])
    assert ratio == pytest.approx(1, abs=0.02)
    assert names["screening"].apply(0.2) == pytest.approx(0.006)


def test_the_parts_of_the_brier_score_say_what_recalibration_can_save(names):
    parts = [
        names["calibration"].brier_parts(names["truth"], names[k], 10) for k in ("prob", "mended")
    ]
    assert parts[1].reliability < parts[0].reliability / 3
    assert np.isclose(parts[0].uncertainty, parts[1].uncertainty)

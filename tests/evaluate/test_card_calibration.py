from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("pandas")

from evaluation_files import PREDICTED, saved, women
from mammoscope.errors import ConfigError
from mammoscope.evaluate.card import (
    card_calibration,
    not_sure_band,
    platt_covariance,
)
from mammoscope.metrics.calibration import calibration_errors
from mammoscope.metrics.recalibration import apply_platt, fit_platt


def simulated(n: int = 400):
    random = np.random.default_rng(5)
    truth = (random.random(n) < 0.4).astype(np.intp)
    return random.normal(size=n) + truth, truth, np.arange(n) // 2


def test_the_card_holds_the_covariance_and_the_band_as_json(tmp_path):
    card = card_calibration(*saved(tmp_path, women(40), columns=PREDICTED))
    assert json.loads(json.dumps(card)) == card
    (a, b), (other, c) = card["platt"]["covariance"]
    assert b == other
    assert a > 0
    assert c > 0
    assert b * b <= a * c
    assert 0 <= card["not_sure"]["low"] <= 1
    assert card["not_sure"]["alpha"] == 0.1


def test_the_covariance_is_drawn_the_same_every_time():
    logits, truth, patient = simulated(100)
    first, second = (platt_covariance(logits, truth, patient, 20) for _ in range(2))
    assert np.array_equal(first, second)


def test_resampled_women_give_the_error_that_theory_gives():
    logits, truth, patient = simulated()
    # The sandwich error of the slope on calibrated logits, where the slope is 1.
    slope, intercept = fit_platt(logits, truth)
    theory = calibration_errors(truth, apply_platt(logits, slope, intercept), patient)[0]
    found = np.sqrt(platt_covariance(logits, truth, patient, 200)[0, 0])
    assert found == pytest.approx(theory * slope, rel=0.2)


def test_a_copy_of_every_image_does_not_make_the_line_any_surer():
    logits, truth, patient = simulated()
    once = platt_covariance(logits, truth, patient, 50)
    twice = platt_covariance(np.repeat(logits, 2), np.repeat(truth, 2), np.repeat(patient, 2), 50)
    assert np.sqrt(twice[0, 0] / once[0, 0]) == pytest.approx(1, abs=0.1)


def test_women_of_one_class_alone_have_no_covariance():
    with pytest.raises(ConfigError, match="more women"):
        platt_covariance(np.arange(9.0), np.zeros(9, np.intp), np.arange(9), 5)


def test_no_more_than_alpha_of_each_class_are_excluded_wrongly():
    logits, truth, _ = simulated()
    score = apply_platt(logits, 1.0, -0.8)
    band = not_sure_band(truth, score)
    assert band["low"] < band["high"]
    assert (score[truth == 1] < band["low"]).mean() <= 0.1
    assert (score[truth == 0] > band["high"]).mean() <= 0.1
    assert "no such band" not in band["how"]


def test_classes_that_lie_apart_have_no_band():
    truth = np.repeat([0, 1], 50)
    band = not_sure_band(truth, np.linspace(0, 1, 100))
    assert band["low"] > band["high"]
    assert "no such band" in band["how"]


def test_too_few_breasts_exclude_nothing():
    band = not_sure_band(np.array([0, 1]), np.array([0.2, 0.7]))
    assert (band["low"], band["high"]) == (0, 1)

from __future__ import annotations

from dataclasses import replace

import pytest

from mammoscope.outputs import wording
from mammoscope.types import Position
from report_example import (
    CARD,
    exam_report,
    image_report,
    placed_pair,
    refused_image,
    spot_view,
)


@pytest.mark.parametrize(
    ("probability", "text"),
    [(None, "not judged"), (0, "<1 %"), (0.0099, "<1 %"), (0.123, "12 %"), (0.999, ">99 %")],
)
def test_percent_is_whole_and_never_claims_certainty(probability: float, text: str) -> None:
    assert wording.percent(probability).replace("\u00a0", " ") == text


def test_an_interval_never_claims_certainty_either() -> None:
    assert wording.interval((0.004, 0.02)).replace("\u00a0", " ") == "<1 % to 2 %"
    assert wording.interval(None) == ""


def test_the_flag_is_said_in_words() -> None:
    assert wording.verdict(exam_report()).startswith("At or above")
    below = exam_report(image_report("L", "CC"))
    assert wording.verdict(below) == "Below the operating point"
    assert "does not rule out" in wording.verdict_detail(below)
    assert wording.verdict(exam_report(refused_image())) == "Not judged"


def test_a_value_that_rounds_to_the_threshold_is_said_to_lie_just_below() -> None:
    detail = wording.verdict_detail(exam_report(image_report("L", "CC", 0.178)))
    detail = detail.replace("\u00a0", " ")
    assert "18 % is just below the operating point “BCSC sensitivity” (18 %)" in detail


def test_views_are_named_with_their_modifiers() -> None:
    assert wording.view_name(spot_view()) == "L CC, spot, magnification"
    assert wording.view_name(replace(spot_view(), view=None, view_modifiers=())) == "L"
    assert wording.view_name(refused_image()) == "Unplaced view"


def test_a_finding_is_placed_in_one_phrase() -> None:
    report = exam_report(*placed_pair())
    said = wording.place(report.images[0].findings[0], report).replace("\u00a0", " ")
    assert said == (
        "upper outer, 2 o’clock, middle third, 60 mm from the nipple; possibly also seen in MLO"
    )


def test_what_is_not_known_of_a_place_is_left_out() -> None:
    report = exam_report()
    finding = report.images[1].findings[0]
    assert wording.place(finding, report) == ""
    some = replace(finding, position=Position(depth="anterior", quadrant="upper"))
    assert wording.place(some, report) == "upper, anterior third"


def test_calibration_is_explained_by_the_card_or_points_to_it() -> None:
    assert "about a third" in wording.calibration_note(CARD)
    assert "see the model card" in wording.calibration_note({"calibration": "none"})


def test_keys_become_headings() -> None:
    assert wording.heading("training_data") == "Training data"
    assert wording.heading("bcsc_sensitivity") == "BCSC sensitivity"


def test_values_become_words() -> None:
    found = [wording.plain(value) for value in (None, True, 0.12345, "x")]
    assert found == ["not given", "yes", "0.123", "x"]

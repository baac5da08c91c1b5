from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mammoscope.outputs import to_html, write_html
from mammoscope.outputs.wording import INTERVAL_SENTENCE, RESEARCH_SENTENCE
from mammoscope.types import BreastReport, ModelInfo
from report_example import (
    exam_report,
    image_report,
    marked_image,
    placed_pair,
    refused_image,
    spot_view,
    ultrasound_image,
    unread_file,
)


class Outline(HTMLParser):
    """Text of the page, and a check that its elements close in order."""

    VOID = ("meta", "link", "input", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.mark.parametrize(
    "images",
    [
        (),
        (image_report("L", "MLO"),),
        (*(image_report(s, v) for s in ("L", "R") for v in ("CC", "MLO")), spot_view()),
        (refused_image(), unread_file()),
        (unread_file(),),
        (marked_image(), ultrasound_image()),
        (ultrasound_image(),),
    ],
    ids=[
        *("everything", "1 view", "5 views", "nothing judged", "nothing read"),
        *("classifiers", "ultrasound alone"),
    ],
)
def test_page_is_whole_for_every_kind_of_exam(images: tuple) -> None:  # type: ignore[type-arg]
    report = exam_report(*images)
    page = to_html(report)
    outline = Outline(page)
    assert outline.open == []
    assert outline.text.count(RESEARCH_SENTENCE) == 2
    assert page.count('class="map"') == sum(i.lesion_map is not None for i in report.images)


def test_findings_are_placed_beside_their_picture_and_the_nipple_is_drawn() -> None:
    page = to_html(exam_report(*placed_pair()))
    assert Outline(page).text.count("upper outer, 2 o’clock, middle third") == 2
    assert page.count("<circle") == 2
    assert "<circle" not in to_html(exam_report())


def test_missing_views_keep_a_labelled_empty_place() -> None:
    text = Outline(to_html(exam_report(image_report("L", "MLO")))).text
    assert text.count("Not in this exam") == 3
    assert text.index("R CC") < text.index("L CC") < text.index("R MLO") < text.index("L MLO")


def test_warnings_and_refusals_are_there_in_words() -> None:
    text = Outline(to_html(exam_report())).text
    assert "Not judged. This is a page of text" in text
    assert "Note. The file names no side" in text
    assert "Not judged. study/cut.dcm: the file ends in the middle" in text
    assert "Note. Two files bear the name L CC" in text


def test_numbers_come_with_what_they_mean() -> None:
    text = Outline(to_html(exam_report())).text
    assert "At or above the operating point" in text
    assert "not a screening probability" in text
    assert "BCSC sensitivity 18 % (in use): sensitivity 87 %, specificity 52 %." in text
    assert "C: heterogeneously dense" in text


def test_the_interval_and_what_it_means_stand_with_the_probability() -> None:
    text = Outline(to_html(exam_report())).text
    assert "95 % interval: 46 % to 66 %" in text
    assert INTERVAL_SENTENCE in text
    assert "Left breast, not sure 57 % (46 % to 66 %)" in text
    assert "Right breast 7 % (6 % to 26 %)" in text


def test_where_it_is_not_sure_the_page_says_so() -> None:
    text = Outline(to_html(exam_report())).text
    assert "Not sure. Breasts with a cancer and breasts without both score like this" in text
    assert "at an error of 10 %" in text
    assert "ot sure" not in Outline(to_html(exam_report(image_report("L", "CC")))).text


def test_weights_that_do_not_tell_how_sure_they_are_leave_it_out() -> None:
    report = exam_report(image_report("L", "CC", 0.4))
    bare = replace(
        report, breasts={"L": BreastReport(0.4)}, malignancy_interval=None, sure=None, not_sure=None
    )
    text = Outline(to_html(bare)).text
    assert "interval:" not in text
    assert "ot sure" not in text


def test_the_card_is_shown_key_by_key() -> None:
    text = Outline(to_html(exam_report())).text
    assert "Training data Set RSNA 2022 (part) Images 2710" in text
    assert "breast AUC within machines 0.76 0.71, 0.8" in text
    assert "External test not given" in text


def test_names_are_escaped_wherever_they_stand() -> None:
    evil = "<script>alert('x')</script>\" onload=\"y"
    image = replace(
        image_report("L", "CC", 0.6, 0.7),
        path=evil.replace("/", ""),
        view=evil,
        warnings=(evil,),
        findings=(replace(image_report("L", "CC", 0.6, 0.7).findings[0], label=evil),),
    )
    model = ModelInfo(evil, evil, evil, {evil: {evil: [evil, {evil: evil}]}})
    report = replace(exam_report(image), id=evil, model=model, warnings=(evil,))
    page = to_html(report)
    assert page.count("<script") == 1
    assert 'onload="y' not in page
    Outline(page)


def test_page_refers_to_nothing_outside_itself() -> None:
    page = to_html(exam_report())
    targets = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert targets
    assert all(target.startswith("data:") for target in targets)
    assert "url(" not in page
    assert "@import" not in page


def test_a_mirrored_picture_says_so() -> None:
    turned = replace(image_report("R", "CC"), laterality="L")
    assert "mirrored for display" in to_html(exam_report(turned))
    assert "mirrored for display" not in to_html(exam_report(image_report("R", "CC")))


def test_boxes_are_mirrored_with_their_picture() -> None:
    lesion = image_report("L", "CC", 0.6, 0.7)
    as_filed, turned = (
        re.findall(r'<rect x="([\d.]+)"', to_html(exam_report(replace(lesion, laterality=side))))
        for side in ("L", "R")
    )
    width = 220 * 0.32
    assert float(turned[0]) == pytest.approx(512 - float(as_filed[0]) - width, abs=0.1)


def test_writing_leaves_the_page_and_nothing_else(tmp_path: Path) -> None:
    image = replace(image_report("R", "CC"), path="\udcff.dcm")
    path = write_html(exam_report(image), tmp_path / "Österreich 1" / "report.html")
    assert path.read_text("utf-8").startswith("<!doctype html>")
    assert list(path.parent.iterdir()) == [path]


def test_each_region_has_its_answer_and_its_dashed_box() -> None:
    page = to_html(exam_report(marked_image()))
    text = Outline(page).text
    assert all(f"Region {number} of R CC" in text for number in (1, 2))
    assert "x 10 to 110, y 20 to 120 px" in text
    assert "malignancy is 10 % to 40 %" in text
    assert page.count('<rect class="region"') == 2


def test_an_ultrasound_picture_has_its_classes_its_map_and_its_models_card() -> None:
    page = to_html(exam_report(ultrasound_image()))
    text = Outline(page).text
    assert "Breast ultrasound report" in text
    assert "Malignant is the likeliest Normal 8 % Benign 30 % Malignant 62 %" in text
    assert "Echo. Weights: echo-lite0." in text
    assert page.count('class="map"') == 1
    assert "Model card: echo-lite0" in text
    assert "Model card: example-lite0" not in text
    assert "Not in this exam" not in text


def test_beside_mammograms_ultrasound_leaves_the_exam_s_verdict_alone() -> None:
    text = Outline(to_html(exam_report(image_report("R", "CC"), ultrasound_image()))).text
    assert "Mammography report" in text
    assert "Malignancy of the exam 7 %" in text
    assert "Other views" not in text

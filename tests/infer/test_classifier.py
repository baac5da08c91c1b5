from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from classifier_example import REGION, ULTRASOUND, write_classifier
from mammoscope.errors import WeightsError
from mammoscope.infer import Predictor
from mammoscope.infer.classifier import LESION, Classifier, log_shares, with_ultrasound
from mammoscope.io import load_exam, scan
from mammoscope.models.card import DEFAULT_WEIGHTS
from mammoscope.types import Exam, ExamReport, Mammogram
from pictures import breast, ultrasound
from weights_example import change_card, predictor


@pytest.fixture
def classifier(tmp_path: Path) -> Classifier:
    return Classifier.load(
        "ultrasound", write_classifier(tmp_path / "us", "ultrasound", ULTRASOUND)
    )


def grey(level: int, height: int = 90, width: int = 120) -> Mammogram:
    return Mammogram(np.full((height, width), level, np.uint8), "us.png")


def test_probabilities_sum_to_one_and_cancer_has_the_calibrated_share(
    classifier: Classifier,
) -> None:
    answer = classifier.report(np.log(np.array([0.2, 0.3, 0.5])))
    assert answer.malignancy == pytest.approx(1 / (1 + np.exp(0.2)))  # Platt's line at log odds 0
    assert answer.probabilities["malignant"] == pytest.approx(answer.malignancy)
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert answer.probabilities["benign"] == pytest.approx(1.5 * answer.probabilities["normal"])
    assert tuple(answer.probabilities) == ULTRASOUND


def test_the_flag_is_the_classifiers_own_operating_point(classifier: Classifier) -> None:
    dark, bright = (classifier.picture_report(grey(level)).ultrasound for level in (0, 250))
    assert dark is not None
    assert bright is not None
    assert (dark.flag, bright.flag) == (False, True)
    assert (dark.operating_point.threshold, bright.likeliest) == (0.3, "malignant")
    assert bright.model.name == "us"


def test_one_logit_is_the_second_of_two_classes() -> None:
    assert np.allclose(np.exp(log_shares(np.array([[np.log(3.0)]], np.float32))), [[0.25, 0.75]])


@pytest.mark.parametrize("height", [60, 240])
def test_a_bright_place_is_found_where_it_lies_whatever_the_shape(
    classifier: Classifier, height: int
) -> None:
    pixels = np.zeros((height, 120), np.uint8)
    pixels[20:50, 60:105] = 255
    report = classifier.picture_report(Mammogram(pixels, "us.png"))
    (lesion,) = report.findings
    assert lesion.label == LESION
    assert np.allclose(lesion.box_px, (60, 20, 105, 50), atol=0.13 * max(height, 120))
    assert report.shape_px == pixels.shape


def exam(folder: Path) -> tuple[Exam, ExamReport]:
    cv2.imwrite(str(folder / "scan.png"), ultrasound())
    cv2.imwrite(str(folder / "blank.png"), np.zeros((200, 200), np.uint8))
    cv2.imwrite(str(folder / "a_L-CC.png"), breast())
    paths = tuple(path for files in scan([folder]) for path in files.paths)
    read = load_exam(replace(scan([folder])[0], paths=paths))
    return read, predictor()(read)


def test_ultrasound_among_refused_files_is_judged_and_nothing_else_changes(
    tmp_path: Path, classifier: Classifier
) -> None:
    (tmp_path / "exam").mkdir()
    read, before = exam(tmp_path / "exam")
    after = with_ultrasound(before, read, lambda: classifier)
    said = {Path(image.path).name: image for image in after.images}
    assert said["scan.png"].ultrasound is not None
    assert said["scan.png"].refused is None
    assert "blank" in (said["blank.png"].refused or "")
    assert said["a_L-CC.png"].ultrasound is None
    assert (after.malignancy, after.flag) == (before.malignancy, before.flag)
    assert (after.breasts, after.density) == (before.breasts, before.density)


def test_without_weights_ultrasound_stays_refused(tmp_path: Path) -> None:
    read, before = exam(tmp_path)
    after = with_ultrasound(before, read, lambda: None)
    assert [image.refused for image in after.images] == [image.refused for image in before.images]


@pytest.mark.parametrize("purpose", ["mammogram", "region"])
def test_weights_for_another_purpose_are_not_taken(tmp_path: Path, purpose: str) -> None:
    folder = write_classifier(tmp_path / "w", purpose, REGION)
    with pytest.raises(WeightsError, match=f"purpose of these weights is '{purpose}'"):
        Classifier.load("ultrasound", folder)


def test_a_classifier_is_no_reader_and_a_reader_no_classifier(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="'ultrasound', not 'mammogram'"):
        Predictor.load(write_classifier(tmp_path / "w", "ultrasound", ULTRASOUND))
    with pytest.raises(WeightsError, match="'mammogram', not 'region'"):
        Classifier.load("region", DEFAULT_WEIGHTS)


@pytest.mark.parametrize("positive", [[], ["grave"], list(ULTRASOUND), None])
def test_a_card_must_say_which_classes_are_cancer(
    tmp_path: Path, positive: list[str] | None
) -> None:
    folder = write_classifier(tmp_path / "w", "ultrasound", ULTRASOUND)
    change_card(folder, positive=positive)
    with pytest.raises(WeightsError, match="the model card's positive cannot be used"):
        Classifier.load("ultrasound", folder)

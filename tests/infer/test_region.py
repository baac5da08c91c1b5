from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier_example import REGION, write_classifier
from mammoscope.errors import ConfigError
from mammoscope.geometry import Box
from mammoscope.infer.classifier import Classifier
from mammoscope.infer.region import DETAIL_PX, MOVES, judge_region, moved_crops
from mammoscope.types import Mammogram
from pictures import breast

FILM = Mammogram(breast(height=640, width=480), "film.png", spacing_mm=(0.1, 0.2))


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    folder = tmp_path_factory.mktemp("weights") / "rg"
    return Classifier.load("region", write_classifier(folder, "region", REGION))


def test_a_region_gets_both_classes_its_range_and_its_place(classifier: Classifier) -> None:
    said = judge_region(FILM, (40.0, 200.0, 140.0, 300.0), classifier)
    assert tuple(said.answer.probabilities) == REGION
    low, high = said.malignancy_range
    assert low < said.answer.malignancy < high
    assert said.box_px == (40.0, 200.0, 140.0, 300.0)
    assert said.box_mm == pytest.approx((8.0, 20.0, 28.0, 30.0))


def test_a_brighter_region_is_told_from_a_darker_one(classifier: Classifier) -> None:
    inside = judge_region(FILM, (10, 250, 110, 350), classifier).answer.malignancy
    edge = judge_region(FILM, (290, 430, 390, 530), classifier).answer.malignancy
    assert inside > edge + 0.2


def test_an_answer_depends_on_the_region_alone(classifier: Classifier) -> None:
    other = FILM.pixels.copy()
    other[400:] = 0
    box = (40.0, 200.0, 140.0, 300.0)
    first, second = (
        judge_region(Mammogram(pixels, "film.png"), box, classifier)
        for pixels in (FILM.pixels, other)
    )
    assert first.answer == second.answer


@pytest.mark.parametrize(
    ("box", "fault"),
    [
        ((140, 200, 40, 300), "reversed"),
        ((40, 300, 140, 200), "reversed"),
        ((40, 200, 40, 300), "empty"),
        ((40, 200, 140, 200), "empty"),
        ((-1, 0, 50, 50), "outside"),
        ((0, 0, 481, 50), "outside"),
        ((0, 600, 50, 641), "outside"),
        ((0, 0, 15, 50), "too small"),
        ((float("nan"), 0, 50, 50), "not a number"),
    ],
)
def test_an_impossible_region_is_named_with_the_image_size(
    classifier: Classifier, box: Box, fault: str
) -> None:
    with pytest.raises(ConfigError, match=rf"480 pixels wide and 640 high.*{fault}") as told:
        judge_region(FILM, box, classifier)
    assert ",".join(f"{value:g}" for value in box) in str(told.value)


corner = st.floats(0, 380)
side = st.floats(16, 100)


@given(corner, corner, side, side)
def test_crops_are_squares_of_one_size_wherever_the_region_lies(
    x: float, y: float, width: float, height: float
) -> None:
    crops = moved_crops(FILM.pixels, (x, y, x + width, y + height))
    (rows, columns), *others = {crop.shape for crop in crops}
    assert len(crops) == len(MOVES) ** 2
    assert others == []
    assert rows == columns == pytest.approx(max(width, height), abs=0.5 + 1e-6)


def test_the_middle_crop_is_the_region_as_it_lies() -> None:
    crops = moved_crops(FILM.pixels, (100, 200, 200, 300))
    assert np.array_equal(crops[4], FILM.pixels[200:300, 100:200])


def test_the_others_are_moved_and_all_turned_differently() -> None:
    step = round(100 * MOVES[2])
    crops = moved_crops(FILM.pixels, (100, 200, 200, 300))
    places = [(dy, dx) for dy in (-step, 0, step) for dx in (-step, 0, step)]
    ways = set()
    for (dy, dx), crop in zip(places, crops, strict=True):
        place = FILM.pixels[200 + dy : 300 + dy, 100 + dx : 200 + dx]
        turned = [np.rot90(one, k) for one in (place, place[:, ::-1]) for k in range(4)]
        (way,) = [number for number, one in enumerate(turned) if np.array_equal(one, crop)]
        ways.add(way)
    assert len(ways) == 8


def test_what_lies_outside_the_image_is_its_mirror_image() -> None:
    crop = moved_crops(FILM.pixels, (0, 200, 100, 300))[3]
    step = round(100 * MOVES[2])
    place = FILM.pixels[200:300, : 100 - step]
    mirrored = np.hstack([FILM.pixels[200:300, 1 : step + 1][:, ::-1], place])
    assert any(
        np.array_equal(np.rot90(one, k), crop)
        for one in (mirrored, mirrored[:, ::-1])
        for k in range(4)
    )


def test_a_large_region_is_reduced_to_the_detail_that_was_learned() -> None:
    crops = moved_crops(FILM.pixels, (0, 0, 480, 300))
    assert {crop.shape for crop in crops} == {(DETAIL_PX, DETAIL_PX)}


def test_air_is_refused_and_not_called_benign(classifier: Classifier) -> None:
    with pytest.raises(ConfigError, match="one even grey"):
        judge_region(FILM, (380.0, 20.0, 460.0, 100.0), classifier)

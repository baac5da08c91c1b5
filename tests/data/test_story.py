from __future__ import annotations

import pytest

from mammoscope.data.story import read_story
from mammoscope.errors import ConfigError

STORY = (
    "C density, 9 mm spiculated mass, left upper outer, plus benign vascular calcification right"
)


def test_a_report_is_understood() -> None:
    told = read_story(STORY, seed=1)
    mass, calcification = told.lesions
    assert told.density == "C"
    assert (mass.laterality, mass.lesion.size_mm, mass.lesion.margin) == ("L", 9.0, "spiculated")
    assert mass.cc_degrees > 0 < mass.mlo_degrees
    assert (calcification.laterality, calcification.lesion.morphology) == ("R", "vascular")
    assert calcification.lesion.pathology == "benign"


def test_what_the_words_leave_open_follows_from_the_seed() -> None:
    assert read_story("a mass", seed=3) == read_story("mass", seed=3)
    assert read_story("mass", seed=3) != read_story("mass", seed=4)


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ("spiculated mass", "malignant"),
        ("oval circumscribed mass", "benign"),
        ("fine pleomorphic calcifications", "malignant"),
        ("milk of calcium calcifications", "benign"),
    ],
)
def test_words_of_suspicion_make_a_cancer(words: str, outcome: str) -> None:
    assert read_story(words, seed=2).lesions[0].lesion.pathology == outcome


def test_a_story_without_a_lesion_is_a_healthy_woman() -> None:
    assert read_story("density A", seed=1).lesions == ()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("left upper outer", "name one lesion"),
        ("mass and calcification", "join several by 'plus'"),
        ("hairy mass", "the word 'hairy' is not known"),
        ("300 mm mass", "size_mm is 300"),
    ],
)
def test_what_is_not_understood_is_said(words: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_story(words, seed=1)

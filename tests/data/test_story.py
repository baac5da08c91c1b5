from __future__ import annotations

import pytest

from mammoscope.data.story import read_story
from mammoscope.data.synth_objects import OBJECT_KINDS
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
    ("words", "expected"),
    [
        ("implants", {("R", None, None), ("L", None, None)}),
        ("left implant", {("L", None, None)}),
        ("right saline subpectoral implant", {("R", "saline", "subpectoral")}),
        ("both retroglandular silicone implants", {(s, "silicone", "subglandular") for s in "LR"}),
    ],
)
def test_implants_are_understood(words: str, expected: set[tuple[str, ...]]) -> None:
    told = read_story(f"B density, {words} plus 6 mm mass", seed=2)
    assert {one.laterality for one in told.implants} == {side for side, *_ in expected}
    for side, fill, position in expected:
        one = next(one for one in told.implants if one.laterality == side)
        assert fill in (None, one.fill)
        assert position in (None, one.position)
    assert len(told.lesions) == 1


@pytest.mark.parametrize("kind", OBJECT_KINDS)
def test_objects_are_understood_and_no_lesions(kind: str) -> None:
    told = read_story(f"a {kind}, left, plus 8 mm mass", seed=1)
    assert [(thing.kind, thing.laterality) for thing in told.objects] == [(kind, "L")]
    assert [placed.lesion.kind for placed in told.lesions] == ["mass"]


def test_objects_may_come_in_the_plural_and_lie_in_a_quadrant() -> None:
    told = read_story("nipple markers plus upper outer biopsy clips, left", seed=1)
    assert [thing.laterality for thing in told.objects] == ["R", "L", "L"]
    assert told.objects[2].mlo_degrees > 0 < told.objects[2].cc_degrees


def test_an_object_does_not_move_the_lesion() -> None:
    plain, marked = (
        read_story(words, seed=4).lesions for words in ("mass", "pacemaker, left, plus mass")
    )
    assert plain == marked


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("glass implant", "the word 'glass' is not known"),
        ("biopsy clip and mass", "the word 'mass' is not known"),
        ("left upper outer", "name one lesion"),
        ("mass and calcification", "join several by 'plus'"),
        ("hairy mass", "the word 'hairy' is not known"),
        ("300 mm mass", "size_mm is 300"),
    ],
)
def test_what_is_not_understood_is_said(words: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_story(words, seed=1)

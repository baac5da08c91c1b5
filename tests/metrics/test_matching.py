import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscope.errors import ConfigError
from mammoscope.metrics.hit_rule import HitRule
from mammoscope.metrics.marks import Candidates, Lesions, box_iou
from mammoscope.metrics.matching import marked, match

BOX = (10, 20, 30, 40)
CENTRE = HitRule("centre")


def _one(place, rule=CENTRE, spacing_mm=None, **lesion):
    found = match(
        Candidates([0], [place], [0.5]), Lesions([0], [BOX], **lesion), 1, rule, spacing_mm
    )
    return bool(found.lesion[0] == 0)


@pytest.mark.parametrize(
    ("place", "hit"),
    [((10, 20), True), ((31, 30), False), ((0, 10, 20, 30), True), ((31, 20, 40, 30), False)],
)
def test_centre_in_box(place, hit):
    assert _one(place) == hit


def test_a_circle_outranks_the_box():
    assert _one((20, 21), circle=[(20, 30, 10)])
    assert not _one((11, 21), circle=[(20, 30, 10)])
    assert _one((11, 21), circle=[(np.nan,) * 3])


def test_a_mask_outranks_circle_and_box():
    mask = np.zeros((20, 20), bool)
    mask[0, 5] = True  # the pixel that covers x in [15, 16) and y in [20, 21)
    assert _one((15.9, 20.9), mask=[mask])
    assert not _one((16, 20.5), mask=[mask])
    assert not _one((30, 40), mask=[mask])
    assert _one((30, 40), mask=[None])


@pytest.mark.parametrize(("limit", "hit"), [(0.5, True), (0.51, False)])
def test_iou_reaches_the_limit(limit, hit):
    assert _one((10, 20, 30, 30), HitRule("iou", limit)) == hit


@pytest.mark.parametrize(("limit", "hit"), [(5, True), (4.9, False)])
def test_distance_in_pixels(limit, hit):
    assert _one((23, 34), HitRule("distance", limit)) == hit


def test_distance_in_mm_takes_rows_and_columns_apart():
    rule = HitRule("distance", 1, "mm")
    assert _one((30, 30), rule, (0.5, 0.1)), "10 columns are 1 mm"
    assert not _one((20, 40), rule, (0.5, 0.1)), "10 rows are 5 mm"
    assert _one((20, 40), rule, [(0.1, 0.5)])


def test_iou_of_boxes_by_hand():
    assert box_iou((0, 0, 2, 2), [(1, 1, 3, 3), (5, 5, 6, 6), (0, 0, 2, 2)]).tolist() == [
        1 / 7, 0, 1,
    ]  # fmt: skip


def test_the_second_candidate_on_a_lesion_is_redundant():
    marks = Candidates([0, 0, 0], [(20, 30), (21, 30), (90, 90)], [0.3, 0.8, 0.1])
    found = match(marks, Lesions([0], [BOX]), 1, CENTRE)
    assert found.lesion.tolist() == [-1, 0, -1]
    assert found.redundant.tolist() == [True, False, False]
    assert found.false_positive.tolist() == [False, False, True]
    assert found.lesion_score.tolist() == [0.8]


def test_a_candidate_hits_one_lesion_and_leaves_the_other_to_the_next():
    lesions = Lesions([0, 0], [BOX, (12, 22, 32, 42)])
    marks = Candidates([0, 0, 0], [(22, 32), (20, 30), (21, 31)], [0.9, 0.8, 0.7])
    found = match(marks, lesions, 1, CENTRE)
    assert found.lesion.tolist() == [1, 0, -1]
    assert found.redundant.tolist() == [False, False, True]


def test_marks_meet_only_lesions_of_their_own_image():
    found = match(Candidates([1], [(20, 30)], [0.5]), Lesions([0], [BOX]), 3, CENTRE)
    assert found.false_positive.all()
    assert found.lesion_free.tolist() == [False, True, True]
    assert found.noise_score.tolist() == [-np.inf, 0.5, -np.inf]


@settings(deadline=None)
@given(st.permutations(range(30)))
def test_order_of_candidates_does_not_matter(order):
    random = np.random.default_rng(1)
    image, corner, score = random.integers(0, 3, 30), random.random((30, 2)) * 9, random.random(30)
    corners = random.random((8, 2)) * 9
    lesions = Lesions(random.integers(0, 3, 8), np.hstack([corners, corners + 3]))
    place = np.hstack([corner, corner + 3])
    first, again = (
        match(Candidates(image[o], place[o], score[o]), lesions, 3, HitRule("iou", 0.1))
        for o in (np.arange(30), np.asarray(order))
    )
    assert first.lesion_score.tolist() == again.lesion_score.tolist()
    assert first.redundant[order].tolist() == again.redundant.tolist()


def test_no_marks_and_no_lesions_are_fine():
    found = match(Candidates([], [], []), Lesions([], []), 2, HitRule("iou", 0.1))
    assert found.lesion_free.all()
    assert not len(found.lesion)
    assert not len(found.only([]).grouped([]).lesion_score)


def test_lesions_of_another_kind_are_neither_hit_nor_false():
    found = marked([0, 0, 0], [0.9, 0.8, 0.7], [0, 1, -1], [0, 0], 2)
    masses = found.only([False, True])
    assert masses.lesion.tolist() == [-1, 0, -1]
    assert masses.redundant.tolist() == [True, False, False]
    assert masses.false_positive.tolist() == [False, False, True]
    assert masses.lesion_free.tolist() == found.lesion_free.tolist()


def test_a_group_is_found_with_its_highest_hit():
    found = marked([0, 1, 2], [0.3, 0.8, 0.5], [0, 1, 2], [0, 1, 2], 3).grouped(["L", "L", "R"])
    assert found.lesion_score.tolist() == [0.8, 0.5]
    assert found.redundant.tolist() == [True, False, False]


def test_a_marked_lesion_is_hit_once():
    found = marked([0, 0], [0.3, 0.8], [0, 0], [0], 1)
    assert found.redundant.tolist() == [True, False]
    assert found.lesion_score.tolist() == [0.8]


@pytest.mark.parametrize(("rule", "words"), [
    (CENTRE, "centre in the lesion"),
    (HitRule("iou", 0.1), "IoU >= 0.1"),
    (HitRule("distance", 15, "mm"), "centre within 15 mm of the lesion's centre"),
])  # fmt: skip
def test_the_rule_is_printed(rule, words):
    assert str(rule) == words


LESION = Lesions([0], [BOX])
POINT = Candidates([0], [(1, 2)], [0.5])


@pytest.mark.parametrize(("call", "says"), [
    (lambda: Candidates([0], [(1, 2)], [np.nan]), "Candidate 0 .* nan"),
    (lambda: Candidates([0], [(3, 2, 1, 4)], [0.5]), "x1 <= x2"),
    (lambda: Candidates([0], [(1, 2, 3)], [0.5]), "shape"),
    (lambda: Candidates([0, 1], [(1, 2)], [0.5]), "labels"),
    (lambda: Candidates([0.5], [(1, 2)], [0.5]), "float64 .* whole"),
    (lambda: Candidates([0], [(1, 2)], [0.5, 0.6]), "2 scores"),
    (lambda: Lesions([0], [(1, 2, 1, 4)]), "Lesion 0 .* area"),
    (lambda: Lesions([0], [(1, np.nan, 2, 4)]), "finite"),
    (lambda: Lesions([0], [BOX], mask=[]), "0 masks"),
    (lambda: match(Candidates([4], [(1, 2)], [0.5]), LESION, 2, CENTRE), "image 4.* 0 to 1"),
    (lambda: match(POINT, Lesions([-1], [BOX]), 2, CENTRE), "from -1 up"),
    (lambda: match(POINT, LESION, 0, CENTRE), "at least one"),
    (lambda: match(POINT, LESION, 1, HitRule("iou", 0.5)), "points"),
    (lambda: match(POINT, LESION, 1, HitRule("distance", 5, "mm")), "spacing_mm"),
    (lambda: match(POINT, LESION, 1, HitRule("distance", 5, "mm"), np.nan), "above 0 mm"),
    (lambda: HitRule("iou", 0), "IoU"),
    (lambda: HitRule("distance", -1), "distance"),
    (lambda: HitRule("inside"), "'inside'"),
    (lambda: marked([0], [0.5], [1], [0], 1), "from -1 to 0"),
    (lambda: marked([1], [0.5], [0], [0], 2), "another image"),
    (lambda: marked([0], [0.5], [0], [0], 1).only([True, False]), "2 choices"),
    (lambda: marked([0], [0.5], [0], [0], 1).grouped(["a", "b"]), "Groups"),
])  # fmt: skip
def test_nonsense_marks_are_refused(call, says):
    with pytest.raises(ConfigError, match=says):
        call()

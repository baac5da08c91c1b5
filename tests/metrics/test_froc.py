import doctest
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscope.errors import ConfigError
from mammoscope.metrics import froc
from mammoscope.metrics.matching import marked

DOCS = Path(__file__).parents[2] / "docs" / "froc.md"


def _six_images():
    """The example of docs/froc.md: lesions A and B in image 0, C in 1, D in 2."""
    image = [0, 0, 0, 1, 1, 2, 3, 3, 4]
    score = [0.9, 0.6, 0.47, 0.8, 0.5, 0.45, 0.7, 0.2, 0.4]
    return marked(image, score, [0, 0, -1, -1, 2, 3, -1, -1, -1], [0, 0, 1, 2], 6)


SIX = _six_images()


def test_the_page_says_what_the_program_does():
    assert doctest.testfile(str(DOCS), module_relative=False).failed == 0


def test_froc_by_hand():
    curve = froc.froc(SIX)
    assert (6 * curve.false_positives).round(9).tolist() == [0, 0, 1, 2, 2, 3, 3, 4, 5]
    assert (4 * curve.sensitivity).tolist() == [0, 1, 1, 1, 2, 2, 3, 3, 3]
    assert curve.threshold.tolist() == [np.inf, 0.9, 0.8, 0.7, 0.5, 0.47, 0.45, 0.4, 0.2]


def test_sensitivity_at_rates_by_hand():
    assert froc.sensitivity_at(SIX).tolist() == [0.25, 0.75, 0.75, 0.75, 0.75]
    assert froc.mean_sensitivity(SIX) == pytest.approx(0.65)
    assert froc.sensitivity_at(SIX, [0, 1 / 3], "lesion-free").tolist() == [0.25, 0.75]


def test_kinds_and_breasts_by_hand():
    assert froc.sensitivity_at(SIX.only([1, 0, 1, 0]), [0.25, 0.5]).tolist() == [0.5, 1]
    assert froc.sensitivity_at(SIX.grouped(list("aabb")), [0.25, 0.5]).tolist() == [0.5, 1]


def test_afroc_by_hand():
    assert froc.afroc_area(SIX) == pytest.approx(7.5 / 12)
    assert froc.afroc_area(SIX, weighted=True) == pytest.approx(5.75 / 9)
    assert froc.afroc_area(SIX, images="all") == pytest.approx(14 / 24)


def test_afroc_curve_by_hand():
    curve = froc.afroc(SIX)
    assert (3 * curve.false_positive_rate).tolist() == [0, 0, 1, 1, 1, 2, 3]
    assert (4 * curve.sensitivity).tolist() == [0, 1, 1, 2, 3, 3, 4]


def test_lroc_by_hand():
    index = SIX.only([True, False, True, True])
    curve = froc.lroc(index)
    assert (3 * curve.sensitivity)[-1] == pytest.approx(2), "image 1 points at the wrong place"
    assert froc.lroc_area(index) == pytest.approx(5 / 9)


def test_a_false_positive_with_the_same_score_unlocates():
    assert froc.lroc_area(marked([0, 0], [0.5, 0.5], [0, -1], [0], 2)) == 0


def test_lroc_by_chance_is_half_the_share_located():
    random = np.random.default_rng(0)
    lesion = np.where(random.random(4000) < 0.3, np.arange(4000), -1)
    score = random.random(8000)
    lesions_then_none = np.append(lesion, np.full(4000, -1))
    marks = marked(np.arange(8000), score, lesions_then_none, np.arange(4000), 8000)
    assert froc.lroc_area(marks) == pytest.approx(0.15, abs=0.01)


def test_nothing_marked():
    none = marked([], [], [], [0], 2)
    assert froc.froc(none).sensitivity.tolist() == [0]
    assert froc.sensitivity_at(none).tolist() == [0] * 5
    assert froc.afroc_area(none) == 0.5
    assert froc.lroc_area(none) == 0


def test_all_found_without_a_false_mark():
    all_found = marked([0, 1], [0.2, 0.1], [0, 1], [0, 1], 3)
    assert froc.sensitivity_at(all_found, 0).tolist() == [1]
    assert froc.afroc_area(all_found) == froc.afroc_area(all_found, weighted=True) == 1
    assert froc.lroc_area(all_found) == 1


@st.composite
def studies(draw):
    """Marks on 8 images, images 5 to 7 without lesion; few distinct scores, so many ties."""
    homes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=8))
    count = draw(st.integers(0, 25))
    lesion = draw(st.lists(st.integers(-1, len(homes) - 1), min_size=count, max_size=count))
    image = [homes[m] if m >= 0 else draw(st.integers(0, 7)) for m in lesion]
    score = draw(st.lists(st.integers(1, 5), min_size=count, max_size=count))
    return marked(image, score, lesion, homes, 8)


@settings(deadline=None)
@given(studies())
def test_afroc_area_is_the_share_of_pairs_won(study):
    noise = study.noise_score[study.lesion_free]
    wins = [(a > b) + 0.5 * (a == b) for a in study.lesion_score for b in noise]
    assert froc.afroc_area(study) == pytest.approx(np.mean(wins))
    mates = np.bincount(study.lesion_image)[study.lesion_image]
    shares = np.repeat(1 / mates, len(noise))
    assert froc.afroc_area(study, weighted=True) == pytest.approx(np.average(wins, weights=shares))


@settings(deadline=None)
@given(studies())
def test_area_under_the_afroc_curve_is_the_figure_of_merit(study):
    curve = froc.afroc(study, weighted=True)
    area = np.trapezoid(curve.sensitivity, curve.false_positive_rate)
    assert area == pytest.approx(froc.afroc_area(study, weighted=True))


@settings(deadline=None)
@given(studies())
def test_every_point_is_what_its_threshold_gives(study):
    curve = froc.froc(study)
    for x, y, threshold in zip(
        curve.false_positives, curve.sensitivity, curve.threshold, strict=True
    ):
        called = study.score >= threshold
        assert x == pytest.approx((called & study.false_positive).sum() / 8)
        assert y == pytest.approx((called & (study.lesion >= 0)).sum() / len(study.lesion_image))


@settings(deadline=None)
@given(studies(), st.lists(st.integers(0, 3), min_size=8, max_size=8))
def test_a_weight_is_so_many_copies_of_the_image(study, weight):
    copies = [(i, k) for i, w in enumerate(weight) for k in range(w)]
    new = {copy: row for row, copy in enumerate(copies)}
    home = study.lesion_image.tolist()
    lesions = [(m, k) for m, i in enumerate(home) for k in range(weight[i])]
    row = {copy: r for r, copy in enumerate(lesions)} | {(-1, k): -1 for k in range(3)}
    marks = [(c, k) for c, i in enumerate(study.image.tolist()) for k in range(weight[i])]
    marks = [(c, k) for c, k in marks if not study.redundant[c]]
    if not lesions or not any(weight[i] for i in np.flatnonzero(study.lesion_free)):
        with pytest.raises(ConfigError):
            froc.afroc_area(study, image_weight=weight)
        return
    many = marked(
        [new[int(study.image[c]), k] for c, k in marks],
        [study.score[c] for c, _ in marks],
        [row[int(study.lesion[c]), k] for c, k in marks],
        [new[home[m], k] for m, k in lesions],
        len(copies),
    )
    for images in ("all", "lesion-free"):
        weighted = froc.sensitivity_at(study, images=images, image_weight=weight)
        assert weighted == pytest.approx(froc.sensitivity_at(many, images=images))
    for figure in (froc.afroc_area, lambda m, **k: froc.afroc_area(m, True, **k)):
        assert figure(study, image_weight=weight) == pytest.approx(figure(many))


def test_the_curve_prints_what_it_counted():
    assert str(froc.froc(SIX, "lesion-free")) == (
        "FROC: 4 lesions, false positives of 3 images (lesion-free), hit: as marked"
    )


@pytest.mark.parametrize(("call", "says"), [
    (lambda: froc.froc(marked([0], [0.5], [-1], [], 1)), "no lesion"),
    (lambda: froc.afroc(marked([0], [0.5], [0], [0], 1)), "lesion-free"),
    (lambda: froc.froc(SIX, "none"), "'none'"),
    (lambda: froc.froc(SIX, image_weight=[1, 2]), "6 finite"),
    (lambda: froc.froc(SIX, image_weight=[0, 0, 0, 1, 1, 1]), "none drawn"),
    (lambda: froc.sensitivity_at(SIX, [-1]), "0 or more"),
    (lambda: froc.lroc(SIX), "Image 0 holds several"),
])  # fmt: skip
def test_undefined_figures_are_refused(call, says):
    with pytest.raises(ConfigError, match=says):
        call()

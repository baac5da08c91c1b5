"""Implants: one body in both views, white or shining through, and no room for lesions inside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscope.data.lesions import random_lesion
from mammoscope.data.story import Placed, random_placed
from mammoscope.data.synth import exam_by_story, synthetic_exam, synthetic_view, write_exam
from mammoscope.data.synth_implant import FILLS, POSITIONS, Implant, random_implant, silhouette
from mammoscope.data.synth_shape import HEIGHT_MM, VIEWS, outline
from mammoscope.errors import ConfigError

SEEDS = st.integers(0, 2**31)


def view_of(name="MLO", fill="silicone", position="subglandular", **more):
    implant = random_implant(3, "L", fill, position)
    return synthetic_view(3, "L", name, 320, "C", (), "soft", implants=(implant,), **more)


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("fill", FILLS)
def test_an_implant_is_brighter_than_the_breast_around_it(name, fill):
    view = view_of(name, fill)
    rest = view.breast_mask & ~view.implant_mask & ~view.pectoral_mask
    assert np.median(view.pixels[view.implant_mask]) > 1.5 * np.median(view.pixels[rest])
    assert not (view.implant_mask & ~view.breast_mask).any()


def test_silicone_is_white_and_saline_lets_the_muscle_shine_through():
    white, clear = (view_of("MLO", fill, "subpectoral") for fill in FILLS)
    levels = [np.median(v.pixels[v.implant_mask]) / 65535 for v in (white, clear)]
    assert levels[0] > 0.9 > levels[1]
    under = clear.implant_mask & clear.pectoral_mask
    assert clear.pixels[under].mean() > clear.pixels[clear.implant_mask & ~under].mean()


def test_a_breast_without_has_an_empty_mask():
    view = synthetic_view(3, "R", "MLO", 128, implants=(random_implant(3, "L"),))
    assert view.implant is None
    assert not view.implant_mask.any()


@given(seed=SEEDS, side=st.sampled_from("LR"))
@settings(max_examples=20, deadline=None)
def test_both_views_show_it_as_far_from_the_nipple_and_as_long(seed, side):
    implant = random_implant(seed, side)
    for name in VIEWS:
        shape = outline(seed, side, name)
        body = silhouette(implant, shape)
        far = (body.clearance(np.array(shape.nipple)) + body.drape) * HEIGHT_MM
        assert far == pytest.approx(implant.nipple_mm, abs=4)
        assert body.clearance(np.array(body.centre)) < 0


@pytest.mark.parametrize("position", POSITIONS)
def test_the_muscle_runs_before_a_subpectoral_implant_alone(position):
    view = view_of("MLO", position=position)
    middle = np.argwhere(view.implant_mask)[:, 0].mean()
    rows = slice(int(middle) - 30, int(middle) - 10)
    before = view.pectoral_mask[rows] & ~view.implant_mask[rows]
    assert before.any() == (position == "subpectoral")


def test_tissue_is_pushed_forward_and_its_share_stays():
    plain = synthetic_view(3, "L", "CC", 320, "C", (), "soft")
    view = view_of("CC")
    assert view.dense_fraction == pytest.approx(plain.dense_fraction, abs=0.04)
    before = view.breast_mask & ~view.implant_mask
    assert np.mean(view.pixels[before] != plain.pixels[before]) > 0.9


@given(seed=st.integers(0, 500))
@settings(max_examples=10, deadline=None)
def test_no_lesion_lies_in_an_implant(seed):
    implants = [random_implant(seed, side) for side in "LR"]
    placed = random_placed(seed, random_lesion(seed, "mass"), implants=implants)
    implant = implants["LR".index(placed.laterality)]
    for name in VIEWS:
        shape = outline(seed, placed.laterality, name)
        place = np.array(placed.place(shape, implant))
        reach = min(placed.lesion.size_mm / 2, 11.0)
        assert silhouette(implant, shape).clearance(place) * HEIGHT_MM > reach


def test_a_lesion_lies_beside_the_muscle_on_an_implant_too():
    view = exam_by_story(
        8, "left subpectoral implant plus 10 mm oval mass, left upper", 256
    ).images[3]
    assert not (view.findings[0].mask & (view.pectoral_mask | view.implant_mask)).any()


def test_a_lesion_where_the_implant_is_is_refused():
    deep = Placed(replace(random_lesion(3, "mass"), size_mm=10.0), "L", 70.0)
    implant = Implant("L", nipple_mm=25.0, radius_mm=90.0)
    with pytest.raises(ConfigError, match="no room for 10 mm"):
        synthetic_exam(3, 128, lesions=(deep,), implants=(implant,))


def test_a_right_implant_is_truly_mirrored():
    exam = exam_by_story(4, "B density, silicone implants", 256)
    for view in exam.images:
        ends = view.implant_mask[:, 0].any(), view.implant_mask[:, -1].any()
        assert ends == (view.laterality == "L", view.laterality == "R")
        assert np.median(view.pixels[view.implant_mask]) > 0.9 * 65535


def test_truth_tells_of_implants_and_objects_only_where_there_are_some(tmp_path):
    told = exam_by_story(4, "right implant plus nipple markers", 128)
    text = write_exam(told, tmp_path / "a")[-1].read_text()
    assert text.count("implant_box_px") == 2
    assert text.count("nipple marker") == 2 + 4
    plain = write_exam(synthetic_exam(4, 128), tmp_path / "b")[-1].read_text()
    assert "implant" not in plain
    assert "objects" not in plain


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"laterality": "B"}, "laterality is 'B'"),
        ({"fill": "air"}, "fill is 'air'"),
        ({"position": "lost"}, "position is 'lost'"),
        ({"radius_mm": 500}, "radius_mm is 500"),
    ],
)
def test_impossible_implants_are_refused_by_name(wish, told):
    with pytest.raises(ConfigError, match=told):
        Implant(**{"laterality": "L", **wish})


def test_a_breast_has_one_implant_at_most():
    with pytest.raises(ConfigError, match="2 in one breast"):
        synthetic_exam(3, 128, implants=(Implant("L"), Implant("L")))

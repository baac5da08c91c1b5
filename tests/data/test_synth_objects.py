"""Markers, clips and devices: bright, in their boxes, and no findings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscope.data.synth import exam_by_story, synthetic_view
from mammoscope.data.synth_implant import random_implant, silhouette
from mammoscope.data.synth_objects import OBJECT_KINDS, ForeignObject, random_object
from mammoscope.data.synth_shape import HEIGHT_MM, VIEWS, outline
from mammoscope.errors import ConfigError

IN_BREAST = [kind for kind in OBJECT_KINDS if kind not in ("pacemaker", "port")]
SIZES_MM = {
    "nipple marker": (1.0, 4.0),
    "mole marker": (8.0, 15.0),
    "scar marker": (10.0, 50.0),
    "biopsy clip": (1.0, 5.0),
    "surgical clips": (0.5, 5.0),
    "pacemaker": (20.0, 80.0),
    "port": (15.0, 60.0),
}


def seen(kind, side="L", name="MLO", rows=512, **more):
    thing = random_object(5, kind, side).fitted(5)
    return synthetic_view(5, side, name, rows, "B", (), "soft", objects=(thing,), **more)


def box_of(view, thing):
    x1, y1, x2, y2 = thing.box_px
    return slice(int(y1), int(np.ceil(y2))), slice(int(x1), int(np.ceil(x2)))


@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("kind", OBJECT_KINDS)
def test_an_object_is_near_white_inside_its_box_and_changes_nothing_outside(kind, side):
    view = seen(kind, side)
    clear = synthetic_view(5, side, "MLO", 512, "B", (), "soft").pixels
    changed = view.pixels != clear
    elsewhere = changed.copy()
    assert {thing.name for thing in view.objects} == {kind}
    assert view.findings == ()
    for thing in view.objects:
        box = box_of(view, thing)
        assert view.pixels[box].max() > 0.72 * 65535
        assert changed[box].any()
        y, x = box
        margin = np.s_[max(0, y.start - 4) : y.stop + 4, max(0, x.start - 4) : x.stop + 4]
        elsewhere[margin] = False
    assert not elsewhere.any()


@pytest.mark.parametrize("kind", OBJECT_KINDS)
def test_an_object_has_the_size_that_such_things_have(kind):
    low, high = SIZES_MM[kind]
    view = seen(kind, rows=1024)
    for thing in view.objects:
        x1, y1, x2, y2 = thing.box_px
        longest = max(x2 - x1, y2 - y1) * view.spacing_mm[0]
        assert low <= longest <= high


def test_a_nipple_marker_lies_on_the_nipple_in_both_views():
    for name in VIEWS:
        for side in "LR":
            view = seen("nipple marker", side, name)
            x1, y1, x2, y2 = view.objects[0].box_px
            middle = np.array([x1 + x2, y1 + y2]) / 2
            assert np.hypot(*(middle - view.nipple_px)) * view.spacing_mm[0] < 2


@pytest.mark.parametrize("kind", ["pacemaker", "port"])
def test_devices_are_seen_in_mlo_alone_cut_off_by_its_upper_edge(kind):
    assert seen(kind, name="CC").objects == ()
    assert seen(kind).objects[0].box_px[1] == 0


@given(seed=st.integers(0, 2**31), kind=st.sampled_from(IN_BREAST), side=st.sampled_from("LR"))
@settings(max_examples=15, deadline=None)
def test_both_views_show_an_object_as_far_from_the_nipple(seed, kind, side):
    thing = random_object(seed, kind, side).fitted(seed)
    shapes = [outline(seed, side, name) for name in VIEWS]
    cc, mlo = (np.hypot(*np.subtract(thing.place(s), s.nipple)) for s in shapes)
    assert cc == pytest.approx(mlo, abs=1e-6)


@given(seed=st.integers(0, 500))
@settings(max_examples=10, deadline=None)
def test_a_clip_lies_beside_an_implant(seed):
    implant = random_implant(seed, "L")
    thing = random_object(seed, "biopsy clip", "L").fitted(seed, implant)
    for name in VIEWS:
        shape = outline(seed, "L", name)
        place = np.array(thing.place(shape, implant))
        assert silhouette(implant, shape).clearance(place) * HEIGHT_MM > 4


def test_the_smallest_picture_has_them_too():
    story = " plus ".join(f"{kind}, left" for kind in OBJECT_KINDS)
    exam = exam_by_story(5, story, 96)
    for view in exam.images:
        names = {thing.name for thing in view.objects}
        wanted = set(OBJECT_KINDS if view.view == "MLO" else IN_BREAST)
        assert names == (wanted if view.laterality == "L" else set())


def test_the_same_seed_puts_the_same_object_there():
    assert np.array_equal(seen("biopsy clip").pixels, seen("biopsy clip").pixels)


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"kind": "spoon"}, "kind is 'spoon'"),
        ({"laterality": "B"}, "laterality is 'B'"),
    ],
)
def test_impossible_objects_are_refused_by_name(wish, told):
    with pytest.raises(ConfigError, match=told):
        ForeignObject(**{"kind": "port", "laterality": "L", **wish})


def test_an_object_without_room_is_refused():
    with pytest.raises(ConfigError, match="nipple_mm is 400"):
        synthetic_view(5, "L", "CC", 96, objects=(ForeignObject("biopsy clip", "L", 400.0),))

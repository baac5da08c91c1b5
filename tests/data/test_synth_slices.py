"""Slices from depth: what lies in a slice is sharp there, and the slices add up to the view."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscope.data.story import read_story
from mammoscope.data.synth import synthetic_view
from mammoscope.data.synth_light import make_tissue, tissue_layers
from mammoscope.data.synth_shape import outline
from mammoscope.data.synth_slices import (
    ANGLES_DEG,
    Layer,
    Stack,
    depth_in,
    shares,
    slice_depths,
    split_lesion,
    thickness_mm,
)
from mammoscope.errors import ConfigError

ROWS = 256
PIXEL_MM = 266.24 / ROWS


def point(row=128):
    light = np.zeros((ROWS, 16), np.float32)
    light[row, 8] = 1
    return light


def lesion_view(words, seed=4, lesions=True, height=320):
    told = read_story(f"B density, {words}", seed).lesions
    side = told[0].laterality
    return synthetic_view(seed, side, "CC", height, "B", told if lesions else (), "film")


def test_a_layer_is_its_own_slice():
    stack = Stack([Layer(point(), 7.0)], 50.0)
    assert stack.at(7.0) == pytest.approx(point(), abs=1e-5)


@given(distance=st.floats(8, 50) | st.floats(-50, -8))
def test_another_slice_smears_it_along_the_sweep_over_the_arcs_displacement(distance):
    seen = Stack([Layer(point(), 0.0)], 60.0).at(distance)
    rows = np.arange(ROWS) - 128
    spread = np.sqrt((seen[:, 8] * rows**2).sum()) * PIXEL_MM
    wanted = abs(distance) * np.sqrt(np.mean(np.tan(np.deg2rad(ANGLES_DEG)) ** 2))
    assert seen.sum() == pytest.approx(1, abs=1e-3)
    assert spread == pytest.approx(wanted, rel=0.03, abs=0.1)
    assert np.abs(seen[:, np.arange(16) != 8]).max() < 1e-6


def test_nine_angles_leave_copies_of_a_far_point_at_their_displacements():
    seen = Stack([Layer(point(), 0.0)], 60.0).at(55.0)[:, 8]
    places = 128 + 55 * np.tan(np.deg2rad(ANGLES_DEG)) / PIXEL_MM
    expected = np.interp(places[[0, 4, 8]], np.arange(ROWS), seen)
    assert np.all(expected > 0.5 * seen.max())


def test_shares_add_up_to_one():
    assert np.sum(shares((1, "x"), (64, 48), 5), axis=0) == pytest.approx(np.ones((64, 48)), 1e-5)


def test_layers_of_tissue_add_up_to_its_light():
    shape = outline(2, "L", "MLO")
    gland = np.random.default_rng(0).random((128, 104), np.float32)
    made = make_tissue(shape, 128, gland, 2, "L", None)
    total = np.sum([layer.light for layer in tissue_layers(made, 50.0)], axis=0)
    assert total == pytest.approx(made.light, abs=1e-5)


def test_parts_of_a_lesion_add_up_to_it():
    added = point()
    parts = split_lesion(added, 12.0, 5.0, (1, "x"))
    assert np.sum([part.light for part in parts], axis=0) == pytest.approx(added, abs=1e-6)
    assert [part.depth_mm for part in parts] == [2.0, 5.0, 8.0]


@pytest.mark.parametrize(
    "words",
    [
        "6 mm round circumscribed mass left upper",
        "8 mm spiculated mass left lower",
        "fine pleomorphic calcifications left upper",
    ],
)
def test_a_lesions_contrast_peaks_in_its_own_slice(words):
    count = 7
    full, clear = (lesion_view(words, lesions=lesions) for lesions in (True, False))
    added = [
        a.astype(float) - b for a, b in zip(full.slices(count), clear.slices(count), strict=True)
    ]
    # The finest structures of a lesion are what a slice brings out.
    sharp = [float(np.square(a - cv2.GaussianBlur(a, (0, 0), 3)).sum()) for a in added]
    depth = full.findings[0].depth_mm
    nearest = int(np.argmin(np.abs(slice_depths(full.thickness_mm, count) - depth)))
    assert abs(int(np.argmax(sharp)) - nearest) <= 1
    assert min(sharp) < 0.6 * max(sharp)


def test_a_mass_stands_out_most_from_its_surroundings_in_its_own_slice():
    full, clear = (
        lesion_view("6 mm round circumscribed mass left upper", lesions=lesions)
        for lesions in (True, False)
    )
    core = full.findings[0].mask
    near = cv2.dilate(core.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool) & ~core
    contrast = []
    for a, b in zip(full.slices(7), clear.slices(7), strict=True):
        added = a.astype(float) - b
        contrast.append(added[core].mean() - added[near].mean())
    depths = slice_depths(full.thickness_mm, 7)
    best = depths[int(np.argmax(contrast))]
    assert abs(best - full.findings[0].depth_mm) <= 1.01 * (depths[1] - depths[0])


@pytest.mark.parametrize("name", ["CC", "MLO"])
def test_the_mean_of_the_slices_resembles_the_view(name):
    view = synthetic_view(6, "R", name, 256, "C", (), "film")
    mean = np.mean(view.slices(6), axis=0)
    inside = view.breast_mask
    assert np.corrcoef(mean[inside], view.pixels[inside])[0, 1] > 0.95
    assert mean[inside].mean() == pytest.approx(view.pixels[inside].mean(), rel=0.05)


def test_slices_differ_and_come_again():
    view = synthetic_view(6, "L", "CC", 128, "C", ())
    first, second = view.slices(3), view.slices(3)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], first[2])
    assert first[0].shape == view.pixels.shape


def test_metal_is_sharp_in_its_slice_and_smeared_in_others():
    told = read_story("mole marker left upper", 5)
    view = synthetic_view(5, "L", "CC", 512, "B", (), "soft", objects=told.objects)
    x1, y1, x2, y2 = (round(n) for n in view.objects[0].box_px)
    slices = view.slices(6)
    bright = [(s[y1:y2, x1:x2] > 0.8 * 65535).sum() for s in slices]
    assert view.objects[0].depth_mm == -view.thickness_mm / 2
    assert np.argmax(bright) == 0


@pytest.mark.parametrize(("place", "sign"), [("upper", -1), ("lower", 1)])
def test_in_cc_what_lies_above_is_nearer_to_the_tube(place, sign):
    view = lesion_view(f"6 mm mass left {place} central")
    assert view.findings[0].depth_mm * sign > 0


@given(cc=st.floats(0.3, 0.7), mlo=st.floats(0.4, 0.8), seed=st.integers(0, 1000))
def test_depths_lie_in_the_breast(cc, mlo, seed):
    shapes = outline(seed, "L", "CC"), outline(seed, "L", "MLO")
    for name in ("CC", "MLO"):
        depth = depth_in(name, (shapes[0], (0.2, cc)), (shapes[1], (0.2, mlo)))
        assert abs(depth) < 0.45 * thickness_mm(shapes[0])


def test_thickness_is_that_of_compressed_breasts():
    thick = [thickness_mm(outline(seed, "L", name)) for seed in range(50) for name in ("CC", "MLO")]
    assert 30 < min(thick) < max(thick) < 65


def test_no_slices_are_refused():
    with pytest.raises(ConfigError, match="slices is 0"):
        synthetic_view(6, "L", "CC", 96, "C", ()).slices(0)

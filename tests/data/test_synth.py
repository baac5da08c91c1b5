"""The synthetic exam: reproducible, anatomically in order, and true to its own truth."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mammoscope.data
from mammoscope.data.lesions import random_lesion
from mammoscope.data.story import Placed, random_placed, read_story
from mammoscope.data.synth import (
    LOOKS,
    exam_by_story,
    main,
    synthetic_exam,
    synthetic_view,
    write_exam,
)
from mammoscope.data.synth_shape import VIEWS, outline
from mammoscope.data.synth_tissue import power_law_field
from mammoscope.errors import ConfigError
from mammoscope.io.screen import refusal

DEMO_STORY = "B density, 18 mm spiculated mass, left lower outer"
DEMO_LOOK = "sharp"
DEMO = Path(mammoscope.data.__file__).parent / "demo"
SEEDS = st.integers(0, 2**31)


@pytest.fixture(scope="module")
def exam():
    return synthetic_exam(seed=3, height=256)


def test_views_come_in_hanging_order(exam):
    assert [v.laterality + v.view for v in exam.images] == ["RCC", "LCC", "RMLO", "LMLO"]


def test_same_seed_writes_the_same_bytes(exam, tmp_path):
    first = write_exam(exam, tmp_path / "a", bits=16)
    second = write_exam(synthetic_exam(seed=3, height=256), tmp_path / "b", bits=16)
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_single_view_is_the_view_of_the_exam(exam):
    view = synthetic_view(3, "L", "MLO", height=256)
    assert np.array_equal(view.pixels, exam.images[3].pixels)


def test_other_seed_is_another_woman(exam):
    assert not np.array_equal(exam.images[0].pixels, synthetic_view(4, "R", "CC", 256).pixels)


def test_air_is_black_but_for_the_marker_and_tissue_is_not(exam):
    for view in exam.images:
        assert view.pixels[view.breast_mask].min() > 0
        air = ~view.breast_mask
        marker = np.zeros_like(air)
        marker[: round(0.12 * air.shape[0])] = True
        assert not view.pixels[air & ~marker].any()
        assert view.pixels[air & marker].any()


def test_chest_wall_is_at_the_left_of_left_breasts(exam):
    for view in exam.images:
        edges = view.breast_mask[:, 0].sum(), view.breast_mask[:, -1].sum()
        assert (edges[0] > edges[1]) == (view.laterality == "L")


def test_pectoral_muscle_is_seen_in_mlo_alone(exam):
    for view in exam.images:
        assert view.pectoral_mask.any() == (view.view == "MLO")
        assert not (view.pectoral_mask & ~view.breast_mask).any()


def test_a_lesion_is_seen_in_both_views_of_its_breast_inside_its_box(exam):
    for view in exam.images:
        own = [placed for placed in exam.lesions if placed.laterality == view.laterality]
        assert [seen.placed for seen in view.findings] == own
        for seen in view.findings:
            x1, y1, x2, y2 = (int(n) for n in seen.box_px)
            assert seen.mask[y1:y2, x1:x2].sum() == seen.mask.sum() > 0
            assert not (seen.mask & ~view.breast_mask).any()


@pytest.mark.parametrize("words", ["spiculated mass", "oval mass", "popcorn calcification"])
def test_a_lesion_brightens_its_place(words):
    told = read_story(f"B density, {words}, left upper outer", 3).lesions
    seen, clear = (synthetic_view(3, "L", "CC", 512, "B", part, "film") for part in (told, ()))
    core = seen.findings[0].mask
    assert seen.pixels[core].mean() > clear.pixels[core].mean() + 1000
    assert clear.findings == ()


@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_cc_and_mlo_show_a_lesion_at_the_same_distance_from_the_nipple(seed):
    placed = random_placed(seed, random_lesion(seed, "mass"))
    shapes = [outline(seed, placed.laterality, view) for view in VIEWS]
    cc, mlo = (np.hypot(*np.subtract(placed.place(s), s.nipple)) for s in shapes)
    assert cc == pytest.approx(mlo, rel=0.01)


@given(seed=st.integers(0, 50))
@settings(max_examples=3, deadline=None)
def test_pixels_show_a_mass_at_the_distance_told(seed):
    told = read_story("14 mm round circumscribed mass", seed).lesions
    for view in synthetic_exam(seed, 256, "A", told).images:
        for seen in view.findings:
            y, x = np.argwhere(seen.mask).mean(axis=0) + 0.5
            far = np.hypot(x - view.nipple_px[0], y - view.nipple_px[1]) * view.spacing_mm[0]
            assert far == pytest.approx(seen.placed.nipple_mm, abs=4)


@given(seed=SEEDS)
@settings(max_examples=4, deadline=None)
def test_dense_fraction_rises_with_the_grade(seed):
    fractions = [synthetic_view(seed, "R", "CC", 128, d).dense_fraction for d in "ABCD"]
    assert fractions == sorted(set(fractions))


def test_the_same_woman_at_another_resolution_looks_the_same():
    small = synthetic_view(5, "L", "MLO", 320).pixels
    large = synthetic_view(5, "L", "MLO", 640).pixels
    shrunk = cv2.resize(large, small.shape[::-1], interpolation=cv2.INTER_AREA)
    inside = (small > 0) & (shrunk > 0)
    assert np.corrcoef(small[inside], shrunk[inside])[0, 1] > 0.95


def test_breasts_of_one_woman_are_alike_but_not_mirror_images(exam):
    right, left = (exam.images[i].breast_mask for i in (0, 1))
    mirrored = right[:, ::-1]
    overlap = (mirrored & left).sum() / (mirrored | left).sum()
    assert 0.75 < overlap < 0.999


def test_spacing_is_that_of_65_micrometres_at_4096_rows(exam):
    assert exam.images[0].spacing_mm == pytest.approx((0.065 * 16, 0.065 * 16))


@pytest.mark.parametrize("look", LOOKS)
def test_the_same_breast_is_seen_in_every_look(look):
    view = synthetic_view(4, "L", "CC", 160, "C", (), look)
    assert np.array_equal(view.breast_mask, synthetic_view(4, "L", "CC", 160, "C").breast_mask)
    assert view.pixels[view.breast_mask].mean() > 4 * view.pixels[~view.breast_mask].mean()


@pytest.mark.parametrize("rows", [256, 640])
def test_dense_breasts_are_taken_for_mammograms(rows):
    for seed in range(4):
        assert refusal(synthetic_view(seed, "R", "CC", rows, "D", (), "sharp").pixels) is None


def test_film_has_no_black_air():
    film = synthetic_view(4, "L", "CC", 160, look="film")
    assert np.median(film.pixels[~film.breast_mask]) > 0


def test_texture_has_the_power_spectrum_asked_for():
    field = power_law_field((1, "test"), 512, exponent=3.0)
    power = np.abs(np.fft.fft2(field)) ** 2
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(512, 1 / 512), np.fft.fftfreq(512, 1 / 512)))
    rings = [(f >= k) & (f < 1.2 * k) for k in (8, 16, 32, 64, 128)]
    slope = np.polyfit(
        np.log([f[r].mean() for r in rings]), np.log([power[r].mean() for r in rings]), 1
    )[0]
    assert slope == pytest.approx(-3, abs=0.15)


def test_demo_exam_is_what_its_command_makes():
    truth = json.loads((DEMO / "truth.json").read_text())
    exam = exam_by_story(truth["seed"], DEMO_STORY, truth["height"], DEMO_LOOK)
    for view, told in zip(exam.images, truth["images"], strict=True):
        shipped = cv2.imread(str(DEMO / told["file"]), cv2.IMREAD_UNCHANGED)
        # Processors round the last bit of a float differently: one grey level in 256 is allowed.
        drift = np.abs(shipped.astype(int) - (view.pixels >> 8).astype(int))
        assert drift.max() <= 1
        assert np.mean(drift > 0) < 1e-3
        assert [seen["box_px"] for seen in told["findings"]] == [
            list(seen.box_px) for seen in view.findings
        ]


def test_demo_exam_is_small():
    assert sum(p.stat().st_size for p in DEMO.iterdir()) < 1.5e6


def test_command_writes_pictures_and_truth_and_leaves_nothing_else(tmp_path, capsys):
    main([str(tmp_path / "Übung 1"), "--seed", "2", "--height", "128", "--bits", "16"])
    names = sorted(p.name for p in (tmp_path / "Übung 1").iterdir())
    assert [*names[:2], names[-1]] == ["demo_L-CC.png", "demo_L-MLO.png", "truth.json"]
    assert len(names) == 5
    assert len(capsys.readouterr().out.splitlines()) == 5


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"height": 20}, "height is 20"),
        ({"density": "E"}, "density is 'E'"),
        ({"look": "x-ray"}, "look is 'x-ray'"),
        ({"lesions": [Placed(random_lesion(1, "mass"), "L", 400)]}, "nipple_mm is 400"),
    ],
)
def test_impossible_wishes_are_refused_by_name(change, told):
    with pytest.raises(ConfigError, match=told):
        synthetic_exam(**{"seed": 1, "height": 128, **change})

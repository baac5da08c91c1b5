"""Lesions drawn from descriptions: reproducible, of the right size, one body in all views."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscope.data.lesions import KINDS, Lesion, draw, random_lesion
from mammoscope.data.lesions.calcifications import make_grains
from mammoscope.data.lesions.description import MORPHOLOGIES
from mammoscope.data.lesions.drawing import sheet
from mammoscope.data.lesions.grains import Grains, project
from mammoscope.errors import ConfigError

SEEDS = st.integers(0, 2**31)
SPACINGS = st.sampled_from([0.1, 0.2, 0.35, (0.42, 0.34)])
MASS = Lesion("mass", 14.0, 5, shape="irregular", margin="spiculated")
CLUSTER = Lesion("calcification", 12.0, 5, morphology="fine_pleomorphic", distribution="grouped")


def longest_mm(drawing):
    rows, columns = np.nonzero(drawing.mask)
    points = np.stack([rows * drawing.spacing_mm[0], columns * drawing.spacing_mm[1]], axis=1)
    angles = np.linspace(0, np.pi, 24, endpoint=False)
    along = points @ np.stack([np.sin(angles), np.cos(angles)])
    return np.ptp(along, axis=0).max() + float(np.mean(drawing.spacing_mm))


def longest_of_all_views_mm(lesion, spacing):
    return max(longest_mm(draw(lesion, spacing, angle)) for angle in range(0, 180, 30))


@pytest.mark.parametrize("kind", KINDS)
def test_same_description_draws_the_same_bytes(kind):
    lesion = random_lesion(11, kind)
    first, second = draw(lesion, 0.2, 45), draw(replace(lesion), 0.2, 45)
    assert first.thickness_mm.tobytes() == second.thickness_mm.tobytes()
    assert first.mask.tobytes() == second.mask.tobytes()


def test_another_seed_draws_another_mass():
    other = draw(replace(MASS, seed=6), 0.2).thickness_mm
    assert not np.array_equal(draw(MASS, 0.2).thickness_mm, other)


@settings(max_examples=8, deadline=None)
@given(SEEDS, st.floats(8, 30), SPACINGS, st.sampled_from(["round", "oval", "irregular"]))
def test_longest_diameter_of_a_mass_is_its_size(seed, size, spacing, shape):
    mass = Lesion("mass", size, seed, shape=shape, margin="circumscribed")
    assert longest_of_all_views_mm(mass, spacing) == pytest.approx(size, rel=0.09, abs=0.8)


@settings(max_examples=8, deadline=None)
@given(SEEDS, st.floats(8, 25), SPACINGS, st.sampled_from(MORPHOLOGIES))
def test_extent_of_calcifications_is_their_size(seed, size, spacing, morphology):
    cluster = Lesion("calcification", size, seed, morphology=morphology, distribution="grouped")
    assert longest_of_all_views_mm(cluster, spacing) == pytest.approx(size, rel=0.2, abs=2.5)


@settings(max_examples=8, deadline=None)
@given(SEEDS, st.sampled_from(["distortion", "asymmetry"]), SPACINGS)
def test_region_of_a_distortion_or_asymmetry_is_its_size(seed, kind, spacing):
    lesion = random_lesion(seed, kind)
    assert longest_mm(draw(lesion, spacing)) == pytest.approx(lesion.size_mm, rel=0.05, abs=1.0)


@settings(max_examples=8, deadline=None)
@given(SEEDS)
def test_views_of_one_mass_have_like_areas(seed):
    mass = random_lesion(seed, "mass")
    areas = [draw(mass, 0.3, angle).mask.sum() for angle in (0, 45, 90)]
    assert max(areas) < 1.9 * min(areas)


@pytest.mark.parametrize("lesion", [MASS, CLUSTER])
def test_amount_of_tissue_does_not_depend_on_spacing(lesion):
    fine, coarse = (draw(lesion, s).thickness_mm.sum() * s**2 for s in (0.1, 0.4))
    assert fine == pytest.approx(coarse, rel=0.05)


def test_height_to_the_nipple_is_the_same_in_both_views():
    cc, mlo = (draw(CLUSTER, 0.1, angle).mask.any(axis=0) for angle in (0, 45))
    assert np.abs(np.flatnonzero(cc)[[0, -1]] - np.flatnonzero(mlo)[[0, -1]]).max() <= 8


def test_outline_of_a_cluster_holds_every_grain():
    drawing = draw(CLUSTER, 0.1)
    assert drawing.mask[drawing.thickness_mm > 8].all()


def test_spicules_reach_beyond_the_core():
    smooth = draw(replace(MASS, margin="circumscribed"), 0.2)
    spiculated = draw(MASS, 0.2)
    assert spiculated.thickness_mm[~spiculated.mask].max() > smooth.thickness_mm[~smooth.mask].max()


def test_indistinct_border_is_wider_than_a_circumscribed_one():
    def steepest(margin):
        grey = draw(replace(MASS, shape="round", margin=margin), 0.2).thickness_mm
        return np.abs(np.diff(grey, axis=1)).max() / grey.max()

    assert steepest("indistinct") < 0.7 * steepest("circumscribed")


def test_only_distortion_and_spiculated_masses_pull():
    assert draw(MASS, 0.3).warp_mm is not None
    assert draw(random_lesion(1, "distortion"), 0.3).warp_mm is not None
    assert draw(CLUSTER, 0.3).warp_mm is None


def test_pull_never_folds_the_background():
    drawing = draw(random_lesion(2, "distortion"), 0.3)
    step = np.diff(drawing.warp_mm[..., 0], axis=1) / 0.3
    assert step.min() > -1


def test_milk_of_calcium_is_lower_from_the_side():
    milk = replace(CLUSTER, pathology="benign", morphology="milk_of_calcium")
    grains = make_grains(milk)
    one = Grains(np.zeros((1, 3)), grains.axes[:1], grains.weight[:1], grains.level[:1])
    paper = sheet(3.0, (0.05, 0.05), 0.05, 200)
    above, side = (project(one, paper, angle) > 0 for angle in (0, 90))
    heights = [np.ptp(np.flatnonzero(seen.any(axis=1))) for seen in (above, side)]
    assert heights[1] < 0.6 * heights[0]


@settings(max_examples=60)
@given(SEEDS)
def test_random_lesions_are_valid(seed):
    lesion = random_lesion(seed)
    assert lesion == random_lesion(seed)
    assert lesion.kind in KINDS


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("size_mm", 0.2, "size_mm"),
        ("seed", -1, "seed"),
        ("margin", "furry", "margin"),
        ("morphology", "rim", "morphology"),
        ("kind", "cyst", "kind"),
    ],
)
def test_impossible_description_is_refused(field, value, word):
    with pytest.raises(ConfigError, match=word):
        replace(MASS, **{field: value})


def test_impossible_spacing_is_refused():
    with pytest.raises(ConfigError, match="spacing_mm"):
        draw(MASS, 0.0)

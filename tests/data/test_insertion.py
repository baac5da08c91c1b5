"""Lesions put into normal images: where they may lie, what changes and what does not."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscope.data.insertion import insert, random_place, survey
from mammoscope.data.insertion_survey import estimate_spacing
from mammoscope.data.lesions import KINDS, Lesion, random_lesion
from mammoscope.errors import ConfigError
from mammoscope.io import read_mammogram

MASS = Lesion("mass", 14.0, 5, shape="irregular", margin="indistinct", density="high")
DATA = Path(os.environ.get("MAMMOSCOPE_DATA", Path(__file__).parents[2].parent / "shared" / "data"))


SPACING = (0.4, 0.4)


@cache
def normal(view="CC"):
    """A half-ellipse of cloudy tissue with grain, denser towards its middle; a muscle in MLO."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:600, :420]
    breast = (x / 330) ** 2 + ((y - 300) / 270) ** 2 < 1
    depth = cv2.distanceTransform(breast.astype(np.uint8), cv2.DIST_L2, 5)
    clouds = sum(
        s * cv2.GaussianBlur(rng.standard_normal(x.shape), (0, 0), s) for s in (2.0, 6.0, 18.0)
    )
    dense = np.exp(-(((x - 120) / 110) ** 2) - ((y - 330) / 120) ** 2)
    grey = 14000 + 9000 * dense + 3500 * clouds + 300 * rng.standard_normal(x.shape)
    if view == "MLO":
        muscle = x / 150 + y / 330 < 1
        breast |= muscle
        grey = np.where(muscle, 34000 + 1500 * clouds, grey)
        depth = np.where(muscle, 99, depth)
    pixels = np.where(breast, np.clip(grey * np.clip(depth / 12, 0.2, 1), 600, 60000), 0)
    pixels = pixels.astype(np.uint16)
    return pixels, survey(pixels, view, SPACING)


@cache
def inserted(lesion=MASS, seed=1):
    pixels, facts = normal()
    place = random_place(facts, lesion, seed)
    return insert(pixels, lesion, place, seed=seed, view="CC", facts=facts)


def slices(box):
    x1, y1, x2, y2 = (int(v) for v in box)
    return slice(y1, y2), slice(x1, x2)


@pytest.mark.parametrize("kind", KINDS)
def test_same_seeds_give_the_same_bytes(kind):
    lesion = random_lesion(4, kind)
    again = inserted.__wrapped__(lesion)
    assert inserted(lesion).pixels.tobytes() == again.pixels.tobytes()


def test_original_is_not_changed():
    pixels, facts = normal()
    before = pixels.copy()
    insert(pixels, MASS, random_place(facts, MASS, 2), facts=facts)
    np.testing.assert_array_equal(pixels, before)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(KINDS))
def test_outside_the_changed_box_every_pixel_stays(seed, kind):
    lesion = random_lesion(seed, kind)
    pixels, facts = normal()
    result = insert(pixels, lesion, random_place(facts, lesion, seed), facts=facts)
    kept = np.ones(pixels.shape, bool)
    kept[slices(result.changed_px)] = False
    np.testing.assert_array_equal(result.pixels[kept], pixels[kept])


def test_mask_holds_most_of_the_change():
    pixels, _ = normal()
    result = inserted()
    change = np.abs(result.pixels.astype(float) - pixels)
    assert change[result.mask].sum() > 0.8 * change.sum()


def test_mass_is_brighter_than_what_was_there():
    pixels, _ = normal()
    result = inserted()
    assert result.pixels[result.mask].mean() > pixels[result.mask].mean() * 1.05


def test_box_encloses_the_mask():
    result = inserted()
    assert result.mask[slices(result.box_px)].sum() == result.mask.sum()


def test_size_in_pixels_follows_the_spacing():
    pixels, _ = normal()
    for spacing in (0.25, 0.5):
        there = survey(pixels, "CC", (spacing, spacing))
        result = insert(pixels, MASS, random_place(there, MASS, 3), facts=there)
        x1, y1, x2, y2 = result.box_px
        assert max(x2 - x1, y2 - y1) * spacing == pytest.approx(MASS.size_mm, rel=0.3)


def test_air_stays_air():
    pixels, facts = normal()
    spiculated = Lesion("mass", 20.0, 1, shape="irregular", margin="spiculated")
    room = np.where(facts.clearance_mm > 13.5, facts.clearance_mm, np.inf)
    row, column = np.unravel_index(int(room.argmin()), room.shape)
    near_skin = ((column + 0.5) / facts.scale[0], (row + 0.5) / facts.scale[1])
    result = insert(pixels, spiculated, near_skin, facts=facts)
    np.testing.assert_array_equal(result.pixels[pixels == 0], 0)


def test_muscle_is_no_place():
    _, facts = normal("MLO")
    for seed in range(20):
        x, y = random_place(facts, MASS, seed)
        assert x / 150 + y / 330 > 1


def test_dense_tissue_is_chosen_more_often():
    _, facts = normal()
    small = Lesion("mass", 5.0, 1, shape="round", margin="circumscribed")
    chosen = [random_place(facts, small, seed) for seed in range(150)]
    gland = [facts.gland[int(y * facts.scale[1]), int(x * facts.scale[0])] for x, y in chosen]
    assert np.mean(gland) > facts.gland[facts.clearance_mm > 5].mean()


def test_eight_bits_stay_eight_bits():
    pixels, _ = normal()
    small = (pixels >> 8).astype(np.uint8)
    facts = survey(small, "CC", (0.4, 0.4))
    result = insert(small, MASS, random_place(facts, MASS, 1), facts=facts)
    assert result.pixels.dtype == np.uint8
    assert result.pixels[result.mask].mean() > small[result.mask].mean()


def test_twelve_bits_in_sixteen_are_understood():
    pixels, facts = normal()
    twelve = survey(pixels >> 4, "CC", SPACING)
    assert np.mean(twelve.breast != facts.breast) < 1e-4
    assert twelve.white < 4096


def test_survey_of_another_image_is_refused():
    pixels, facts = normal()
    with pytest.raises(ConfigError, match="facts"):
        insert(pixels[:-2], MASS, (150.0, 300.0), facts=facts)


@pytest.mark.parametrize("centre", [(2.0, 2.0), (-5.0, 100.0), (500.0, 20.0)])
def test_place_outside_the_breast_is_refused(centre):
    pixels, facts = normal()
    with pytest.raises(ConfigError, match="centre_px"):
        insert(pixels, MASS, centre, facts=facts)


def test_lesion_larger_than_the_breast_is_refused():
    _, facts = normal()
    huge = Lesion("asymmetry", 80.0, 1)
    tiny = survey(normal()[0], "CC", (0.1, 0.1))
    with pytest.raises(ConfigError, match="no room"):
        random_place(tiny, huge, 1)
    assert facts.clearance_mm.max() > tiny.clearance_mm.max()


def test_picture_without_a_breast_is_refused():
    with pytest.raises(ConfigError, match="No breast"):
        survey(np.zeros((200, 160), np.uint8))


def test_negative_is_refused():
    with pytest.raises(ConfigError, match="negative"):
        survey(np.bitwise_not(normal()[0]), "CC")


def test_spacing_is_estimated_from_the_size_of_the_breast():
    pixels, _ = normal()
    area_mm2 = np.count_nonzero(pixels) * np.prod(survey(pixels, "CC").spacing_mm)
    assert np.sqrt(area_mm2) == pytest.approx(120, rel=0.05)


def test_squashed_image_has_unequal_spacings():
    row, column = estimate_spacing(np.ones((64, 64), bool), (640, 640), 3328 / 4096)
    assert column / row == pytest.approx(3328 / 4096)


def test_insertion_into_a_real_film():
    film = DATA / "mini_mias" / "images" / "mdb009.png"
    if not film.is_file():
        pytest.skip(f"real data not found: {film}; set MAMMOSCOPE_DATA")
    pixels = read_mammogram(film).pixels
    facts = survey(pixels, "MLO", (0.2, 0.2))
    result = insert(pixels, MASS, random_place(facts, MASS, 1), view="MLO", facts=facts)
    raised = result.pixels[result.mask].astype(float) - pixels[result.mask]
    assert 2 < raised.mean() < 80

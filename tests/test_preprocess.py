from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mammoscope.errors import ConfigError
from mammoscope.preprocess import PreprocessParams, prepare, without_padding
from mammoscope.types import Laterality, Mammogram
from pictures import breast, ultrasound

PARAMS = PreprocessParams(height=224, width=128)
SIZES = [(320, 240), (641, 503), (1279, 1041)]


def as_uint16(pixels: NDArray[np.uint8]) -> NDArray[np.uint16]:
    return pixels.astype(np.uint16) * np.uint16(257)


def with_landmark(side: Laterality, size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray]:
    """A breast with a small white block; its centre (x, y) in the frame of geometry.py."""
    picture = breast(side, *size)
    edge = max(6, size[0] // 40)
    x = round(0.23 * size[1]) if side == "L" else size[1] - round(0.31 * size[1])
    y = round(0.41 * size[0])
    picture[y : y + edge, x : x + edge] = 255
    return picture, np.array([x + edge / 2, y + edge / 2])


def brightest_place(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Centre of mass of what is nearly white, in the frame of geometry.py."""
    weight = np.clip(pixels.astype(float) - 225, 0, None)
    y, x = np.mgrid[0 : pixels.shape[0], 0 : pixels.shape[1]] + 0.5
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("side", ["L", "R"])
def test_a_landmark_is_found_where_it_was_drawn(
    side: Laterality, size: tuple[int, int], bits: int
) -> None:
    picture, place = with_landmark(side, size)
    mammogram = Mammogram(picture if bits == 8 else as_uint16(picture), "drawn.png")
    prepared = prepare(mammogram, PARAMS)
    found = prepared.geometry.to_source(brightest_place(prepared.pixels))
    model_pixel = 1 / np.abs(prepared.geometry.scale)  # its size in source pixels
    assert (np.abs(found - place) <= np.maximum(model_pixel, 1.0) * 0.5).all()


@pytest.mark.parametrize("side", ["L", "R"])
def test_the_chest_wall_arrives_on_the_left(side: Laterality) -> None:
    prepared = prepare(Mammogram(breast(side), "drawn.png"), PARAMS)
    assert prepared.chest_side == side
    assert prepared.pixels[:, :13].mean() > 1.5 * prepared.pixels[:, -13:].mean()


def test_left_and_right_look_alike_once_prepared() -> None:
    left, right = (prepare(Mammogram(breast(side), "d.png"), PARAMS) for side in ("L", "R"))
    difference = np.abs(left.pixels.astype(int) - right.pixels)
    assert np.median(difference) <= 1


def test_the_named_side_decides_where_the_picture_does_not() -> None:
    black = np.zeros((300, 200), np.uint8)
    assert prepare(Mammogram(black, "a.png"), PARAMS).chest_side is None
    named = prepare(Mammogram(black, "a.png", laterality="R"), PARAMS)
    assert named.chest_side == "R"
    assert named.geometry.scale[0] < 0


@pytest.mark.parametrize("pixels", [np.zeros((333, 201), np.uint8), np.zeros((90, 400), np.uint16)])
def test_a_picture_without_a_breast_is_used_whole(pixels: NDArray) -> None:
    prepared = prepare(Mammogram(pixels, "black.png"), PARAMS)
    assert prepared.breast_px == (0, 0, pixels.shape[1], pixels.shape[0])
    assert prepared.pixels.shape == (224, 128)


@settings(deadline=None)
@given(st.integers(33, 700), st.integers(33, 700), st.sampled_from(["L", "R"]))
def test_any_size_gives_the_networks_size_and_a_box_inside(
    height: int, width: int, side: Laterality
) -> None:
    prepared = prepare(Mammogram(breast(side, height, width), "drawn.png"), PARAMS)
    x1, y1, x2, y2 = prepared.breast_px
    assert prepared.pixels.shape == (224, 128)
    assert prepared.pixels.dtype == np.uint8
    assert 0 <= x1 < x2 <= width
    assert 0 <= y1 < y2 <= height
    whole = prepared.geometry.box_to_source((0, 0, 128, 224))
    assert whole == pytest.approx(prepared.breast_px)


def test_eight_and_sixteen_bits_look_the_same_to_the_network() -> None:
    picture = breast("R", 640, 480)
    low = prepare(Mammogram(picture, "a.png"), PARAMS)
    high = prepare(Mammogram(as_uint16(picture), "a.png"), PARAMS)
    assert low.breast_px == high.breast_px
    assert np.abs(low.pixels.astype(int) - high.pixels).max() <= 1


def test_the_spacing_goes_into_the_geometry() -> None:
    mammogram = Mammogram(breast(), "drawn.png", spacing_mm=(0.2, 0.1))
    assert prepare(mammogram, PARAMS).geometry.spacing_mm == (0.2, 0.1)


def test_the_source_stays_as_it_was() -> None:
    picture = breast("R")
    prepare(Mammogram(picture, "a.png"), PreprocessParams(224, 128, sharpen=1, clahe_clip=2))
    assert (picture == breast("R")).all()


def test_sharpening_raises_fine_detail() -> None:
    mammogram = Mammogram(breast("L", 640, 480), "a.png")
    plain = prepare(mammogram, PARAMS).pixels
    sharp = prepare(mammogram, PreprocessParams(224, 128, sharpen=1.0)).pixels
    detail = [cv2.Laplacian(pixels, cv2.CV_32F).std() for pixels in (plain, sharp)]
    assert detail[1] > 1.1 * detail[0]


def test_clahe_raises_contrast_inside_the_breast() -> None:
    mammogram = Mammogram(breast("L", 640, 480), "a.png")
    plain = prepare(mammogram, PARAMS).pixels[90:130, 10:60]
    enhanced = prepare(mammogram, PreprocessParams(224, 128, clahe_clip=4.0)).pixels[90:130, 10:60]
    assert enhanced.std() > plain.std()


@pytest.mark.parametrize("field", ["margin", "sharpen", "clahe_clip"])
def test_a_negative_parameter_is_named(field: str) -> None:
    with pytest.raises(ConfigError, match=f"{field} is -0.1"):
        PreprocessParams(**{field: -0.1})


def test_a_tiny_input_is_an_error() -> None:
    with pytest.raises(ConfigError, match="16 x 256"):
        PreprocessParams(height=16)


def test_an_unknown_parameter_is_named_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'gamma'.*clahe_clip"):
        PreprocessParams.from_mapping({"gamma": 2})


def test_parameters_survive_the_card() -> None:
    params = PreprocessParams(height=320, width=192, margin=0.05, sharpen=0.5)
    assert PreprocessParams.from_mapping(params.to_mapping()) == params


PICTURE = PreprocessParams(height=64, width=64, kind="picture")


def test_a_picture_keeps_its_proportions_between_black_bars() -> None:
    prepared = prepare(Mammogram(np.full((240, 320), 200, np.uint8), "u.png"), PICTURE)
    assert (prepared.pixels[8:56] == 200).all()
    assert not prepared.pixels[:8].any()
    assert not prepared.pixels[56:].any()
    assert ((prepared.tissue == 255) == (prepared.pixels > 0)).all()
    corners = prepared.geometry.to_source([[0, 8], [64, 56]])
    assert corners == pytest.approx(np.array([[0, 0], [320, 240]]))


def test_a_picture_is_squashed_if_wanted() -> None:
    params = PreprocessParams(height=64, width=64, kind="picture", letterbox=False)
    prepared = prepare(Mammogram(ultrasound(), "u.png"), params)
    assert prepared.tissue.all()
    assert prepared.geometry.to_source([[64, 64]]) == pytest.approx(np.array([[320, 240]]))


def test_a_picture_is_not_mirrored() -> None:
    picture = breast("R")
    prepared = prepare(Mammogram(picture, "r.png", laterality="R"), PICTURE)
    assert prepared.chest_side is None
    assert prepared.pixels[:, 40:56].mean() > prepared.pixels[:, 8:24].mean()


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("edge", [np.s_[:, :9], np.s_[:, -9:], np.s_[:9], np.s_[-9:]])
def test_white_padding_is_filled_with_the_picture(bits: int, edge: tuple[slice, ...]) -> None:
    picture = np.random.default_rng(0).integers(90, 160, (128, 128), dtype=np.uint8)
    picture[edge] = 255
    filled = without_padding(picture if bits == 8 else as_uint16(picture))
    assert filled.shape == picture.shape
    assert filled.max() < 160 * (1 if bits == 8 else 257)


def test_a_picture_without_padding_is_left_alone() -> None:
    picture = ultrasound()
    assert without_padding(picture) is picture
    bright = picture.copy()
    bright[:200] = 255  # more than a quarter: that is what the picture shows
    assert without_padding(bright) is bright


def test_a_kind_that_is_not_known_is_an_error() -> None:
    with pytest.raises(ConfigError, match="kind is 'film'"):
        PreprocessParams(kind="film")  # type: ignore[arg-type]

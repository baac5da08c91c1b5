from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mammoscope.data.synth import SyntheticView, synthetic_view
from mammoscope.evaluate.estimates import Resampling
from mammoscope.infer.postprocess import calibrated_map
from mammoscope.preprocess import PreprocessParams, prepare
from mammoscope.types import Laterality, LesionMap, Mammogram
from measuring import other_worlds, pointing_game, segmentation

BOTH_SIDES = pytest.mark.parametrize("side", ["L", "R"])
RESAMPLING = Resampling(n=50)


def view_with_lesion(side: Laterality) -> SyntheticView:
    return next(
        view
        for seed in range(20)
        if (view := synthetic_view(seed, side, "MLO", height=512)).findings
    )


def map_of_lesion(view: SyntheticView) -> LesionMap:
    """A map made from the prepared pixels alone: the brightest cells are those of the lesion."""
    lesion = np.where(view.findings[0].mask, 65535, view.pixels // 2).astype(np.uint16)
    mammogram = Mammogram(lesion, "synthetic.png", view.laterality, view.view)
    prepared = prepare(mammogram, PreprocessParams(448, 256))
    logits = cv2.resize(prepared.pixels, (16, 28), interpolation=cv2.INTER_AREA) / np.float32(255)
    return calibrated_map(prepared, logits, (1.0, 0.0))


def judged(view: SyntheticView, name: str = "a", malignancy: float = 0.5) -> pointing_game.Judged:
    lesion_map = map_of_lesion(view)
    return pointing_game.Judged(
        Path(f"{name}.png"),
        name,
        [],
        malignancy,
        1.0,
        pointing_game.peak_px(lesion_map),
        pointing_game.cell_px(lesion_map),
        view.breast_mask,
        view.pixels.shape,
    )


@BOTH_SIDES
def test_the_peak_is_where_the_lesion_is_in_the_source(side: Laterality) -> None:
    view = view_with_lesion(side)
    lesion_map = map_of_lesion(view)
    off = np.subtract(pointing_game.peak_px(lesion_map), np.array(view.findings[0].centre_px))
    assert (np.abs(off) <= pointing_game.cell_px(lesion_map)).all()


@BOTH_SIDES
def test_a_map_that_knows_the_lesion_hits_it_above_chance(side: Laterality) -> None:
    view = view_with_lesion(side)
    box = pointing_game.widened_boxes(np.array([view.findings[0].box_px]), (16, 16))
    targets = [(judged(view, name), box, np.zeros((0, 3))) for name in "ab"]
    drawn, widened = pointing_game.pointing("lesion", targets, RESAMPLING)
    assert (drawn.hits, drawn.off_breast) == (2, 0)
    assert drawn.chance < widened.chance < 0.2
    assert drawn.by_woman == (None, None)


def test_images_without_a_target_are_not_pointed_at() -> None:
    nothing = (judged(view_with_lesion("L")), np.zeros((0, 4)), np.zeros((0, 3)))
    assert pointing_game.pointing("lesion", [nothing], RESAMPLING) == []


def test_widened_shapes_grow_by_half_a_cell() -> None:
    circle = pointing_game.widened_circles(np.array([[50.0, 60.0, 10.0]]), (8, 4))
    assert circle.tolist() == [[50, 60, 13]]
    box = pointing_game.widened_boxes(np.array([[10.0, 10.0, 20.0, 20.0]]), (8, 4))
    assert box.tolist() == [[6, 8, 24, 22]]


def test_only_circles_of_the_kind_that_have_a_place_count() -> None:
    places = {"x_px": "1", "y_px": "2", "radius_px": "3"}
    no_place = dict.fromkeys(places, "")
    rows = [{"severity": s, **places} for s in "BM"] + [{"severity": "M", **no_place}]
    rows.append({"severity": "", **no_place})
    assert [len(pointing_game.circles_of(rows, kinds)) for kinds in ("M", "B", "BM")] == [1, 1, 2]


def test_boxes_of_half_the_breast_are_no_lesions() -> None:
    corners = dict(zip(("x1", "y1", "x2", "y2"), "1234", strict=True))
    rows = [{"box_frac_of_breast": share, **corners} for share in ("0.1", "0.4")]
    assert pointing_game.boxes_of(rows).tolist() == [[1, 2, 3, 4]]


def test_a_film_with_both_kinds_counts_as_malignant() -> None:
    view = view_with_lesion("L")
    films = []
    for name, severities, score in (("a", "BM", 0.9), ("b", "B", 0.4), ("c", [""], 0.95)):
        film = judged(view, name, score)
        film.rows.extend({"severity": s} for s in severities)
        films.append(film)
    everyone, lesions = other_worlds.ranking(other_worlds.Part("films", films), RESAMPLING)
    assert (everyone.value, everyone.n, everyone.positives) == (0.5, 3, 1)
    assert (lesions.value, lesions.n) == (1.0, 2)


def test_dice_of_known_masks() -> None:
    left = np.zeros((4, 4), bool)
    left[:, :2] = True
    top = left.T
    assert segmentation.dice(left, left) == 1
    assert segmentation.dice(left, top) == 0.5
    assert segmentation.dice(left, ~left) == 0
    assert segmentation.dice(left & ~left, left & ~left) == 1


def test_enlarged_masks_keep_their_place() -> None:
    small = np.zeros((2, 3), bool)
    small[0, 2] = True
    assert np.argwhere(segmentation.enlarged(small, (4, 6))).tolist() == [
        [0, 4], [0, 5], [1, 4], [1, 5],
    ]  # fmt: skip

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mammoscope.outputs.hanging import chest_wall, hang, is_mirrored
from report_example import image_report, refused_image, spot_view, unread_file


def test_views_hang_in_their_places_whatever_the_order_given() -> None:
    views = [image_report(side, view) for view in ("MLO", "CC") for side in ("L", "R")]
    hung = hang(views)
    assert [(i.laterality, i.view) for i in hung.standard if i] == [
        ("R", "CC"),
        ("L", "CC"),
        ("R", "MLO"),
        ("L", "MLO"),
    ]
    assert hung.others == hung.unread == ()


def test_a_spot_view_never_takes_a_standard_place() -> None:
    spot = spot_view()
    hung = hang([spot])
    assert hung.standard == (None,) * 4
    assert hung.others == (spot,)


def test_of_repeats_the_judged_one_hangs() -> None:
    refused = replace(image_report("R", "CC"), refused="Blank.", malignancy=None)
    judged = image_report("R", "CC")
    hung = hang([refused, judged])
    assert hung.standard[0] is judged
    assert hung.others == (refused,)


def test_files_without_a_picture_are_kept_apart() -> None:
    page, cut = refused_image(), unread_file()
    hung = hang([page, cut])
    assert (hung.others, hung.unread) == ((page,), (cut,))


@pytest.mark.parametrize(("side", "wall"), [("R", "right"), ("L", "left")])
def test_chest_wall_is_where_the_breast_touches_the_edge(side: str, wall: str) -> None:
    image = image_report(side, "CC")  # type: ignore[arg-type]
    assert chest_wall(image) == wall
    assert not is_mirrored(image)


def test_a_breast_across_the_whole_width_is_told_by_its_bright_half() -> None:
    image = replace(image_report("L", "CC"), breast_px=(0.0, 0.0, 1600.0, 2000.0))
    assert chest_wall(image) == "left"


def test_a_picture_the_wrong_way_round_is_mirrored() -> None:
    assert is_mirrored(replace(image_report("R", "CC"), laterality="L"))


def test_nothing_is_mirrored_on_a_guess() -> None:
    image = image_report("L", "CC")
    assert not is_mirrored(replace(image, laterality=None))
    even = replace(image, breast_px=(0.0, 0.0, 1600.0, 2000.0), preview=np.ones((9, 9), np.uint8))
    assert chest_wall(even) is None
    assert not is_mirrored(replace(even, laterality="R"))

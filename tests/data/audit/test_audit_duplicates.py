from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest

from audit_example import audited, breast, kinds, table, write
from mammoscope.anatomy import to_uint8
from mammoscope.data.audit import fixed


def smaller(pixels):
    return cv2.resize(pixels, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)


COPIES = {
    "encoded again": ("copy.jpg", lambda pixels: pixels),
    "resized": ("copy.png", smaller),
    "mirrored": ("copy.png", lambda pixels: np.ascontiguousarray(pixels[:, ::-1])),
    "inverted": ("copy.jpg", lambda pixels: ~pixels),
    "all": ("copy.jpg", lambda pixels: smaller(~pixels[:, ::-1])),
}


def with_copy(tmp_path, change, name="copy.png", **values):
    images = table(tmp_path)
    write(tmp_path / name, change(to_uint8(breast(2))))
    row = {**images.iloc[2], "image_path": name, "laterality": "", "exam_id": "", **values}
    return pd.concat([images, pd.DataFrame([row])], ignore_index=True)


@pytest.mark.parametrize("way", COPIES)
def test_a_changed_copy_is_a_near_duplicate(tmp_path, way):
    name, change = COPIES[way]
    found = kinds(audited(tmp_path, with_copy(tmp_path, change, name)))
    assert found["near_duplicate"] == [("2.png", name)]


def test_an_equal_copy_is_an_exact_duplicate_whatever_its_format(tmp_path):
    found = kinds(audited(tmp_path, with_copy(tmp_path, lambda pixels: pixels, "copy.pgm")))
    assert found == {"exact_duplicate": [("2.png", "copy.pgm")]}


def test_copies_with_two_labels_are_dropped(tmp_path):
    found = audited(tmp_path, with_copy(tmp_path, smaller, cancer="1"))
    assert kinds(found) == {"contradictory_duplicate": [("2.png", "copy.png")]}
    assert len(fixed(found).images) == 7


def test_copies_on_two_sides_of_the_split_leak(tmp_path):
    found = audited(tmp_path, with_copy(tmp_path, smaller, patient_id="eve", split="test"))
    assert found.leaks
    assert kinds(found)["duplicate_across_splits"] == [("2.png", "copy.png")]
    after = fixed(found).images.set_index("image_path")["split"]
    assert (after["2.png"], after["copy.png"], after["1.png"]) == ("", "test", "train")


def test_copies_are_marked_with_one_group(tmp_path):
    found = audited(tmp_path, with_copy(tmp_path, smaller))
    groups = fixed(found).images.set_index("image_path")["duplicate_group"]
    assert groups["2.png"] == groups["copy.png"] != ""
    assert (groups.drop(["2.png", "copy.png"]) == "").all()


def test_a_group_the_manifest_has_is_joined_by_new_copies(tmp_path):
    images = with_copy(tmp_path, smaller)
    images["duplicate_group"] = ["", "known", "known", *[""] * 6]
    groups = fixed(audited(tmp_path, images)).images["duplicate_group"]
    assert [place for place, name in enumerate(groups) if name == "known"] == [1, 2, 8]


def test_a_known_group_that_a_split_parts_leaks(tmp_path):
    images = table(tmp_path)
    images["duplicate_group"] = ["same", *[""] * 6, "same"]
    assert kinds(audited(tmp_path, images)) == {"duplicate_across_splits": [("0.png", "7.png")]}

"""What the auditor finds in the files themselves."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from audit_example import audited, breast, kinds, table, write
from mammoscope.anatomy import to_uint8
from mammoscope.data.audit.look import look_at, look_at_mask


@pytest.fixture
def images(tmp_path):
    return table(tmp_path)


def test_a_set_in_order_has_no_issue(tmp_path, images):
    assert kinds(audited(tmp_path, images)) == {}


def test_missing_empty_cut_and_foreign_files_are_unreadable(tmp_path, images):
    (tmp_path / "0.png").unlink()
    (tmp_path / "1.png").write_bytes(b"")
    (tmp_path / "2.png").write_bytes((tmp_path / "2.png").read_bytes()[:900])
    (tmp_path / "3.png").write_bytes(b"<html>not found</html>")
    found = kinds(audited(tmp_path, images))
    assert found == {"unreadable": [(f"{place}.png",) for place in range(4)]}


@pytest.mark.parametrize(("level", "name"), [(0, "black"), (255, "white"), (120, "one grey")])
def test_a_picture_of_one_level_is_blank(tmp_path, images, level, name):
    write(tmp_path / "5.png", np.full((128, 104), level, np.uint8))
    (issue,) = audited(tmp_path, images).issues
    assert (issue.kind, issue.images) == ("blank", ("5.png",))
    assert name in issue.sentence


def test_a_label_on_black_is_blank_too(tmp_path, images):
    pixels = np.zeros((400, 320), np.uint8)
    pixels[5:15, 5:25] = 255
    write(tmp_path / "5.png", pixels)
    assert "blank" in kinds(audited(tmp_path, images))


def test_a_negative_is_found_and_looked_at_turned_over(tmp_path):
    write(tmp_path / "a.png", to_uint8(breast(0)))
    write(tmp_path / "b.png", ~to_uint8(breast(0)))
    plain, negative = (look_at(tmp_path / name) for name in ("a.png", "b.png"))
    assert (plain.white_background, negative.white_background) == (False, True)
    assert negative.chest == plain.chest == "R"
    assert np.array_equal(negative.frame, plain.frame)


def test_a_machine_that_writes_negatives_is_one_issue(tmp_path, images):
    for place in range(6):
        write(tmp_path / f"{place}.png", ~to_uint8(breast(place)))
    (issue,) = audited(tmp_path, images.assign(machine_id="29")).by_kind()["white_background"]
    assert len(issue.images) == 6
    assert "machine 29" in issue.sentence


def test_a_wrong_side_is_found(tmp_path, images):
    images.loc[0, "laterality"] = "L"
    assert kinds(audited(tmp_path, images)) == {"side_mismatch": [("0.png",)]}


def test_a_machine_that_mirrors_is_one_issue(tmp_path, images):
    more = [images.assign(image_path=[f"m{n}_{p}" for p in images["image_path"]]) for n in range(3)]
    for row in (row for part in more for row in part.itertuples()):
        pixels = to_uint8(breast(int(row.image_path[3])))
        write(tmp_path / row.image_path, np.ascontiguousarray(pixels[:, ::-1]))
    everything = np.concatenate([part.to_numpy() for part in more])
    found = audited(tmp_path, type(images)(everything, columns=images.columns)).by_kind()
    (issue,) = found["mirrored"]
    assert len(issue.images) == 24
    assert "24 of 24" in issue.sentence
    assert "side_mismatch" not in found


def test_an_odd_size_among_equal_ones_is_found(tmp_path, images):
    rows = [images.assign(image_path=[f"s{n}_{p}" for p in images["image_path"]]) for n in range(3)]
    everything = type(images)(np.concatenate(rows), columns=images.columns)
    for number, path in enumerate(everything["image_path"]):
        noise = np.random.default_rng(number).integers(0, 256, (64, 64), dtype=np.uint8)
        write(tmp_path / path, noise if number else noise[:, :36])
    found = kinds(audited(tmp_path, everything))
    assert found["unusual_size"] == [("s0_0.png",)]


def test_noise_is_no_mammogram_and_colour_is_told(tmp_path, images):
    noise = np.random.default_rng(0).integers(0, 256, (128, 104, 3), dtype=np.uint8)
    write(tmp_path / "0.png", noise[..., 0])
    write(tmp_path / "1.png", cv2.GaussianBlur(noise, (0, 0), 5) // np.array([1, 2, 4], np.uint8))
    found = kinds(audited(tmp_path, images))
    assert found == {"not_a_mammogram": [("0.png",)], "colour": [("1.png",)]}


def test_a_file_that_changed_is_told(tmp_path, images):
    images["sha256"] = look_at(tmp_path / "3.png").file_sha256
    found = kinds(audited(tmp_path, images))
    assert found["changed_file"] == [(f"{place}.png",) for place in (0, 1, 2, 4, 5, 6, 7)]


def test_a_mask_is_counted(tmp_path):
    mask = np.zeros((50, 40), np.uint8)
    mask[3:5, 4:8] = 1
    write(tmp_path / "mask.png", mask)
    look = look_at_mask(tmp_path / "mask.png")
    assert (look.height, look.width, look.marked) == (50, 40, 8)

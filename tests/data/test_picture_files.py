from __future__ import annotations

from pathlib import Path

import pytest

from mammoscope.data.picture_files import image_files, image_size, is_copy, original_name, part_of
from source_tables import picture


@pytest.mark.parametrize(
    ("name", "original"),
    [
        ("IMG_1_jpg.rf.0123456789abcdef0123456789abcdef.jpg", "IMG_1"),
        ("IMG-1-_png.rf.AbC9xZ.png", "IMG-1-"),
        ("IMG_1_jpg.jpg", "IMG_1_jpg"),
        ("a.b.png", "a.b"),
    ],
)
def test_the_original_of_a_copy(name: str, original: str) -> None:
    assert original_name(Path(name)) == original
    assert is_copy(Path(name)) == (".rf." in name)


@pytest.mark.parametrize(
    ("path", "part"),
    [("train/a.png", "train"), ("x/VAL/a.png", "valid"), ("testing/a.png", "test"), ("a.png", "")],
)
def test_the_part_is_a_folders_name(path: str, part: str) -> None:
    assert part_of(Path(path)) == part


def test_size_is_width_and_height(tmp_path: Path) -> None:
    assert image_size(picture(tmp_path / "a.png", 100, 80)) == (100, 80)


def test_a_broken_picture_has_no_size(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "b.png").write_bytes(b"")
    assert image_size(tmp_path / "a.png") is None
    assert image_size(tmp_path / "b.png") is None


def test_leftovers_of_archives_are_no_pictures(tmp_path: Path) -> None:
    for name in ("b.png", "sub/a.JPG", "__MACOSX/b.png", "._b.png", ".hidden/c.png", "d.txt"):
        picture(tmp_path / name)
    assert [path.name for path in image_files(tmp_path)] == ["b.png", "a.JPG"]

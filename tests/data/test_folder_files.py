from __future__ import annotations

from pathlib import Path

from mammoscope.data.folder_files import files_below


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in files_below(folder, (".png",))]


def test_files_are_sorted_and_suffixes_compared_without_case(tmp_path):
    put(tmp_path, "b.PNG", "a/z.png", "c.jpg")
    assert names(tmp_path) == ["a/z.png", "b.PNG"]


def test_leftovers_of_archives_are_not_files_of_the_data_set(tmp_path):
    put(tmp_path, "a.png", "._a.png", "__MACOSX/a.png", ".hidden/a.png")
    assert names(tmp_path) == ["a.png"]


def test_linked_folders_are_followed_once(tmp_path):
    put(tmp_path, "elsewhere/a.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "images").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path / "data") == ["images/a.png"]

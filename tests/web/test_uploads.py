from __future__ import annotations

import asyncio
import io
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from starlette.datastructures import UploadFile

from mammoscope.io import scan
from mammoscope.io.naming import SHORT_VIEWS, parse_name
from mammoscope.web.neutral import neutral_names, shown
from mammoscope.web.uploads import Limits, Received, keep, keep_files

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
STRAY = b"no format that is known"
WORDS = ("L", "R", "left", "RIGHT", "CC", "MLO", "lcc", "ML", "XCCL", "Smith", "smith", "2", "é")
HOSTILE = (
    "../../../etc/cron.d/x",
    "/etc/passwd",
    "C:\\Windows\\system32\\x.png",
    "..",
    ".",
    "",
    "con.png",
    "a\0b.png",
    "a\r\nSet-Cookie: x=1.png",
    "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe",
    "x" * 5000,
    ".png" * 20000,
    "%2e%2e%2fetc%2fpasswd",
    "\udcff\udcfe",
    "//host/share/x.png",
    "aux/../../b",
)
LIMITS = Limits()


def kept(folder: Path, files: Sequence[tuple[str, bytes]], limits: Limits = LIMITS) -> Received:
    return keep_files([(name, io.BytesIO(data)) for name, data in files], folder, limits)


def test_a_name_keeps_side_view_and_suffix_alone(tmp_path: Path) -> None:
    received = kept(tmp_path / "u", [("Smith Jane/2020-02-03_LCC.PNG", PNG)])
    assert dict(received.names) == {"d1/e1_L-CC.png": "Smith Jane/2020-02-03_LCC.PNG"}


def test_what_is_written_is_what_was_sent(tmp_path: Path) -> None:
    received = kept(tmp_path / "u", [("a_LCC.png", PNG), ("b", STRAY)])
    found = [(received.folder / path).read_bytes() for path in received.names]
    assert found == [PNG, STRAY]


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    received = kept(tmp_path / "u", [("x.png", PNG)])
    path = received.folder / next(iter(received.names))
    modes = [p.stat().st_mode & 0o777 for p in (received.folder, path.parent, path)]
    assert modes == [0o700, 0o700, 0o600]


def test_keep_takes_the_parts_of_a_form(tmp_path: Path) -> None:
    part = UploadFile(io.BytesIO(PNG), filename="r_mlo.png")
    received = asyncio.run(keep([part], tmp_path / "u", Limits()))
    assert list(received.names) == ["d1/e1_R-MLO.png"]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_decides_a_path(tmp_path: Path, name: str) -> None:
    received = kept(tmp_path / "inner" / "u", [(name, PNG)])
    written = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert [p.relative_to(received.folder).as_posix() for p in written] == list(received.names)
    assert all(set(path) <= set("de1/.png") for path in received.names)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_shown_name_is_short_and_printable(name: str) -> None:
    text = shown(name)
    assert len(text) <= 200
    assert text.isprintable()


def test_the_same_name_twice_is_two_exams(tmp_path: Path) -> None:
    names = ["R_CC.png", "L_CC.png", "R_CC.png", "L_CC.png"]
    received = kept(tmp_path / "u", [(name, PNG) for name in names])
    assert [len(exam.paths) for exam in scan([received.folder])] == [2, 2]


def test_a_view_between_both_sides_keeps_its_view_and_no_side() -> None:
    [path] = neutral_names(["x_L_ML_R.png"])
    name = parse_name(path)
    assert (name.laterality, name.view) == (None, "ML")


def test_texts_of_a_folder_are_passed_over(tmp_path: Path) -> None:
    files = [("s/readme.txt", b"x"), ("s/.DS_Store", b"x"), ("s/a.png", PNG)]
    received = kept(tmp_path / "u", files)
    assert list(received.names.values()) == ["s/a.png"]
    assert not received.refused


def test_a_folder_of_texts_is_refused_with_a_sentence(tmp_path: Path) -> None:
    received = kept(tmp_path / "u", [("s/readme.txt", b"x")])
    assert received.refused[0][1].startswith("The archive or folder holds no file")


def test_a_file_over_the_limit_is_named_and_the_next_is_kept(tmp_path: Path) -> None:
    limits = Limits(max_file_mb=0.001, max_total_mb=0.0015)
    received = kept(tmp_path / "u", [("big.png", bytes(1100)), ("a.png", PNG)], limits)
    assert [name for name, _ in received.refused] == ["big.png"]
    assert "limit of 0.001 MB" in received.refused[0][1]
    assert [p.name for p in received.folder.rglob("*") if p.is_file()] == ["e2.png"]


def test_all_together_are_limited(tmp_path: Path) -> None:
    limits = Limits(max_total_mb=0.001)
    received = kept(tmp_path / "u", [(f"{n}.png", bytes(600)) for n in range(2)], limits)
    assert [name for name, _ in received.refused] == ["1.png"]


def test_the_number_of_files_is_limited(tmp_path: Path) -> None:
    received = kept(tmp_path / "u", [(f"{n}", PNG) for n in range(3)], Limits(max_files=2))
    assert "More than 2 files" in received.refused[0][1]


def test_nothing_is_left_where_writing_fails(tmp_path: Path) -> None:
    closed = io.BytesIO()
    closed.close()
    with pytest.raises(ValueError, match="closed"):
        keep_files([("a.png", closed)], tmp_path / "u", Limits())
    assert not (tmp_path / "u").exists()


names = st.builds(
    lambda folder, words, suffix: f"{folder}{'_'.join(words)}{suffix}",
    st.sampled_from(["", "a/", "b/", "a/c/"]),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=5),
    st.sampled_from([".png", ".PNG", ".jpg", ".png.png", "", ".x"]),
)


def grouped(root: Path, named: Sequence[tuple[str, str]]) -> set[frozenset[str]]:
    """The exams below `root` as sets of keys; `named` pairs path and key."""
    keys = {str(root / path): key for path, key in named}
    return {frozenset(keys[path] for path in exam.paths) for exam in scan([root])}


@given(st.lists(st.tuples(names, st.booleans()), min_size=1, max_size=8, unique_by=lambda f: f[0]))
@settings(max_examples=200, deadline=None)
def test_exams_are_the_same_as_under_the_given_names(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[str, bool]]
) -> None:
    read = [parse_name(PurePosixPath(name).name) for name, _ in files]
    assume(not any(n.laterality is None and n.view in SHORT_VIEWS for n in read))
    root = tmp_path_factory.mktemp("names")
    contents = [(name, PNG if image else STRAY) for name, image in files]
    for name, data in contents:
        (root / "given" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "given" / name).write_bytes(data)
    received = kept(root / "neutral", contents)
    neutral = grouped(received.folder, [(path, key) for path, key in received.names.items()])
    assert neutral == grouped(root / "given", [(name, name) for name, _ in files])
    shutil.rmtree(root)


@given(st.lists(st.text(), max_size=30))
def test_neutral_names_differ_whatever_is_given(given_names: list[str]) -> None:
    neutral = neutral_names(given_names)
    assert len(set(neutral)) == len(given_names)
    assert all(len(PurePosixPath(path).parts) == 2 for path in neutral)

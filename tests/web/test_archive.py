from __future__ import annotations

import io
import stat
import struct
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscope.errors import ReadError
from mammoscope.web.archive import Archive, is_zip
from mammoscope.web.uploads import Limits, Received, keep_files

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
LIMITS = Limits()


def packed(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return file.getvalue()


def special(mode: int) -> bytes:
    file = io.BytesIO()
    info = zipfile.ZipInfo("link.png")
    info.create_system, info.external_attr = 3, (mode | 0o777) << 16
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return file.getvalue()


def sent(folder: Path, data: bytes, limits: Limits = LIMITS) -> Received:
    return keep_files([("exam.bin", io.BytesIO(data))], folder / "u", limits)


def refusals(folder: Path, data: bytes, limits: Limits = LIMITS) -> str:
    received = sent(folder, data, limits)
    assert not received.names
    assert not [path for path in received.folder.rglob("*") if path.is_file()]
    return " ".join(reason for _, reason in received.refused)


def test_members_are_unpacked_under_neutral_names(tmp_path: Path) -> None:
    received = sent(tmp_path, packed(("Smith/LCC.png", PNG), ("Smith/RCC.png", PNG)))
    assert dict(received.names) == {
        "d1/e1_L-CC.png": "exam.bin/Smith/LCC.png",
        "d1/e1_R-CC.png": "exam.bin/Smith/RCC.png",
    }
    assert (received.folder / "d1/e1_L-CC.png").read_bytes() == PNG


def test_the_good_members_go_on_beside_a_bad_one(tmp_path: Path) -> None:
    received = sent(tmp_path, packed(("a.png", PNG), ("../b.png", PNG), ("c.png", PNG)))
    assert [name for name, _ in received.refused] == ["exam.bin/../b.png"]
    assert len(received.names) == 2


def test_the_archivers_own_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    data = packed(("__MACOSX/._a.png", b"x"), (".hidden.png", b"x"), ("n.txt", b"x"), ("a", PNG))
    received = sent(tmp_path, data)
    assert list(received.names.values()) == ["exam.bin/a"]
    assert not received.refused


def test_one_name_twice_is_kept_apart(tmp_path: Path) -> None:
    received = sent(tmp_path, packed(("a_LCC.png", PNG), ("a_LCC.png", PNG + b"2")))
    assert sorted(received.names) == ["d1/e1_L-CC.png", "d2/e1_L-CC.png"]


@pytest.mark.parametrize("name", ["../x.png", "/x.png", "a/../../x.png", "C:\\x.png", "..\\x.png"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    assert "leads out of the archive" in refusals(tmp_path, packed((name, PNG)))


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path: Path, mode: int) -> None:
    assert "a link or device" in refusals(tmp_path, special(mode))


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    data = bytearray(packed(("a.png", PNG)))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refusals(tmp_path, bytes(data))


@pytest.mark.parametrize("name", ["inner.zip", "inner.png"])
def test_an_archive_inside_an_archive_is_refused(tmp_path: Path, name: str) -> None:
    assert "inside an archive" in refusals(tmp_path, packed((name, packed(("a.png", PNG)))))


def test_a_bomb_is_refused_by_what_comes_out(tmp_path: Path) -> None:
    assert "200 times its size" in refusals(tmp_path, packed(("a.png", bytes(50_000_000))))


def test_a_blank_film_is_no_bomb(tmp_path: Path) -> None:
    assert len(sent(tmp_path, packed(("a.png", bytes(8_000_000)))).names) == 1


@pytest.mark.parametrize("stated", [1, 1_000_000])
def test_a_wrong_size_is_refused(tmp_path: Path, stated: int) -> None:
    data = bytearray(packed(("a.png", PNG * 9)))
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, stated)
    assert "wrong size" in refusals(tmp_path, bytes(data))


def test_a_packed_size_beyond_the_archive_is_refused(tmp_path: Path) -> None:
    data = bytearray(packed(("a.png", PNG)))
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 20, 0x7FFFFFFF)
    assert "larger than the archive" in refusals(tmp_path, bytes(data))


def test_members_that_share_bytes_are_refused(tmp_path: Path) -> None:
    data = packed(("a.png", PNG))
    at = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry, tail = data[at:end], bytearray(data[end:])
    struct.pack_into("<HHI", tail, 8, 2, 2, 2 * len(entry))
    assert "over one another" in refusals(tmp_path, data[:at] + entry * 2 + bytes(tail))


def test_a_rare_compression_is_refused(tmp_path: Path) -> None:
    data = packed(("a.png", PNG), method=zipfile.ZIP_LZMA)
    assert "method 14" in refusals(tmp_path, data)


def test_too_many_members_refuse_the_archive(tmp_path: Path) -> None:
    data = packed(*((f"{n}.png", b"") for n in range(10)))
    assert "holds 10 files" in refusals(tmp_path, data, Limits(max_files=5))


def test_many_archives_share_the_limit_of_files(tmp_path: Path) -> None:
    one = packed(*((f"{n}.png", PNG) for n in range(3)))
    files = [(f"{n}.zip", io.BytesIO(one)) for n in range(3)]
    assert len(keep_files(files, tmp_path / "u", Limits(max_files=6)).names) <= 6


def test_a_long_list_of_contents_is_refused_before_it_is_read(tmp_path: Path) -> None:
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 65535, 65535, 5 << 20, 0, 0)
    assert "longer than 4 MiB" in refusals(tmp_path, b"PK\x03\x04" + bytes(5 << 20) + end)


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"PK\x05\x06" + bytes(18), packed(("a/", b""))])
def test_an_empty_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    assert refusals(tmp_path, data).endswith(".")


def test_the_bytes_decide_and_dicom_comes_before_zip() -> None:
    dicom = b"PK\x03\x04" + bytes(124) + b"DICM\x02\0\0\0UL\x04\0\0\0\0\0"
    assert is_zip(packed(("a", b"")))
    assert not is_zip(dicom)
    assert not is_zip(PNG)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_archive_raises_nothing_else(data: st.DataObject) -> None:
    raw = bytearray(packed(("a_LCC.png", PNG * 5), ("b.png", PNG)))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        with Archive(io.BytesIO(bytes(raw)), 10, 200) as archive:
            for member in archive.members:
                list(archive.chunks(member))
    except ReadError as error:
        assert error.remedy  # noqa: PT017 - most changes raise nothing

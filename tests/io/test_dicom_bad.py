"""Bad files: each gives one sentence with file, field and remedy, and nothing but our errors."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom_files import BIG, DEFLATED, EXPLICIT, IMPLICIT, JPEG, RLE, write_dicom
from mammoscope.errors import (
    CorruptError,
    LimitError,
    MammoscopeError,
    ReadError,
    UnsupportedError,
)
from mammoscope.io.dicom import dicom_exam_key, is_dicom, read_dicom
from mammoscope.io.limits import MAX_PIXELS, MIN_SIDE, check_size

STORED = np.random.default_rng(3).integers(0, 4096, (48, 40)).astype(np.uint16)
SYNTAXES = [IMPLICIT, EXPLICIT, DEFLATED, BIG, RLE] + [
    JPEG + last for last in ("51", "57", "70", "80", "90", "201")
]


def write(tmp_path: Path, **elements: Any) -> Path:
    return write_dicom(tmp_path / "bad.dcm", STORED, **elements)


def fails(path: Path, kind: type[ReadError], *words: str) -> None:
    with pytest.raises(kind) as caught:
        read_dicom(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert all(word in message for word in words), message
    assert "SECRET" not in message


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.dcm"
    path.touch()
    fails(path, CorruptError, "empty")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    fails(tmp_path / "none.dcm", CorruptError, "cannot be opened")
    fails(tmp_path, CorruptError, "cannot be opened")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_unreadable_permissions(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.chmod(0)
    fails(path, CorruptError, "Permission")


def test_not_dicom(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" * 40)
    fails(path, UnsupportedError, "not DICOM")


@pytest.mark.parametrize("keep", [140, 300, 700])
def test_truncated_headers(tmp_path: Path, keep: int) -> None:
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ReadError):
        read_dicom(path)


def test_truncated_native_pixels_say_how_many_bytes(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    fails(path, CorruptError, "3840 bytes", "3740")


@pytest.mark.parametrize("last", ["51", "70", "80", "90", "201"])
def test_truncated_codestreams(tmp_path: Path, last: str) -> None:
    path = write(tmp_path, syntax=JPEG + last)
    path.write_bytes(path.read_bytes()[:-200])
    fails(path, CorruptError, "fragment")


def test_pixel_data_too_short_for_rows_and_columns(tmp_path: Path) -> None:
    fails(write(tmp_path, data=b"\0" * 3000), CorruptError, "3840", "3000")


def test_pixel_data_too_long_is_read_with_a_warning(tmp_path: Path) -> None:
    image = read_dicom(write(tmp_path, data=STORED.tobytes() + b"\0" * 10))
    assert "3850 bytes" in image.warnings[0]


def test_no_pixel_data(tmp_path: Path) -> None:
    fails(write(tmp_path, data=b""), CorruptError, "no pixel data")


@pytest.mark.parametrize("keyword", ["Rows", "Columns", "BitsAllocated"])
def test_missing_fields_are_named(tmp_path: Path, keyword: str) -> None:
    fails(write(tmp_path, **{keyword: None}), CorruptError, "(0028,", "missing")


@pytest.mark.parametrize(
    ("bits", "kind"), [(13, CorruptError), (0, CorruptError), (32, UnsupportedError)]
)
def test_nonsense_bits_allocated(tmp_path: Path, bits: int, kind: type[ReadError]) -> None:
    path = write(tmp_path)
    data = path.read_bytes()
    element = b"\x28\x00\x00\x01US\x02\x00"
    path.write_bytes(data.replace(element + b"\x10\0", element + bytes([bits, 0])))
    fails(path, kind, "Bits Allocated", str(bits))


@pytest.mark.parametrize("elements", [{"BitsStored": 17}, {"HighBit": 16}, {"HighBit": 3}])
def test_contradicting_bits(tmp_path: Path, elements: dict[str, int]) -> None:
    fails(write(tmp_path, **elements), CorruptError, "contradict")


@pytest.mark.parametrize(("rows", "columns"), [(0, 40), (1, 1), (20000, 20000)])
def test_sizes_outside_the_limits(tmp_path: Path, rows: int, columns: int) -> None:
    fails(write(tmp_path, Rows=rows, Columns=columns), LimitError, f"{columns} x {rows}")


def test_check_size_at_its_borders() -> None:
    check_size("a", MIN_SIDE, MIN_SIDE)
    check_size("a", MAX_PIXELS // 10000, 10000)
    with pytest.raises(LimitError):
        check_size("a", MIN_SIDE - 1, 1000)
    with pytest.raises(LimitError):
        check_size("a", MAX_PIXELS // 10000 + 1, 10000)


def test_a_codestream_of_another_size_is_not_decoded(tmp_path: Path) -> None:
    fails(write(tmp_path, syntax=JPEG + "80", Rows=60), CorruptError, "(60, 40, 1)", "(48, 40, 1)")


@pytest.mark.parametrize("syntax", [RLE, JPEG + "201"])
def test_damaged_codestreams_are_not_half_decoded(tmp_path: Path, syntax: str) -> None:
    path = write(tmp_path, syntax=syntax)
    data = bytearray(path.read_bytes())
    data[-2000:-1000] = b"\x80" * 1000
    path.write_bytes(data)
    fails(path, CorruptError, "cannot be decoded")


def test_deflated_bombs_stop_at_the_limit(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("mammoscope.io.dicom_header.MAX_INFLATED", 2000)
    fails(write(tmp_path, syntax=DEFLATED), LimitError, "inflates")


@pytest.mark.parametrize("after", [b"\0", b"more than padding"])
def test_what_follows_a_deflated_data_set_is_passed_over(tmp_path: Path, after: bytes) -> None:
    path = write(tmp_path, syntax=DEFLATED)
    pixels = read_dicom(path).pixels
    path.write_bytes(path.read_bytes() + after)
    assert np.array_equal(read_dicom(path).pixels, pixels)


def test_a_deflated_data_set_that_is_cut_off_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, syntax=DEFLATED)
    path.write_bytes(path.read_bytes()[:-200])
    fails(path, CorruptError)


def test_unreadable_text_is_ignored_with_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path, ImagerPixelSpacing=["0.12345", "0.12345"])
    path.write_bytes(path.read_bytes().replace(b"0.12345", b"abcdefg"))
    image = read_dicom(path)
    assert image.spacing_mm is None
    assert any("Imager Pixel Spacing" in warning for warning in image.warnings)


@pytest.mark.parametrize("head", [b"", b"DICM", b"\0" * 140, b"GIF89a" + b"\0" * 134, b"\x08\x00"])
def test_is_dicom_says_no(head: bytes) -> None:
    assert not is_dicom(head)


FILES: dict[str, bytes] = {}


def _file(syntax: str) -> bytes:
    if syntax not in FILES:
        with tempfile.TemporaryDirectory() as folder:
            path = write_dicom(
                Path(folder) / "a", STORED, syntax=syntax, WindowCenter=[5, 6], WindowWidth=[7, 8],
                ImagerPixelSpacing=[0.1, 0.1], PatientOrientation=["P", "L"],
            )  # fmt: skip
            FILES[syntax] = path.read_bytes()
    return FILES[syntax]


def _survives(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.dcm"
        path.write_bytes(data)
        said = ""
        for reader in (read_dicom, dicom_exam_key):
            try:
                reader(path)
            except MammoscopeError as error:
                said += str(error)
        assert "SECRET" not in said


@settings(max_examples=150, deadline=None)
@given(syntax=st.sampled_from(SYNTAXES), share=st.floats(0, 1))
def test_files_cut_anywhere(syntax: str, share: float) -> None:
    data = _file(syntax)
    _survives(data[: int(share * len(data))])


@settings(max_examples=200, deadline=None)
@given(
    syntax=st.sampled_from(SYNTAXES),
    changes=st.lists(
        st.tuples(st.integers(128, 1400), st.integers(0, 255)), min_size=1, max_size=6
    ),
)
def test_files_with_altered_headers(syntax: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(_file(syntax))
    for place, value in changes:
        data[place % len(data)] = value
    _survives(bytes(data))

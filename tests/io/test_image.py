from __future__ import annotations

import io
import os
import struct
import zlib

import cv2
import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscope.errors import CorruptError, LimitError, ReadError, RefusedError, UnsupportedError
from mammoscope.io.grey import full_range, oriented
from mammoscope.io.image import read_image
from pictures import breast


def npy(array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def read(folder, data: bytes, name: str = "x.png"):
    path = folder / name
    path.write_bytes(data)
    return read_image(path)


WRITERS = {
    "png": imagecodecs.png_encode,
    "tiff": imagecodecs.tiff_encode,
    "npy": npy,
    "p5": lambda a: (
        f"P5\n# a comment\n{a.shape[1]} {a.shape[0]}\n{np.iinfo(a.dtype).max}\n".encode()
        + a.astype(a.dtype.newbyteorder(">")).tobytes()
    ),
    "p2": lambda a: (
        f"P2 {a.shape[1]} {a.shape[0]} {np.iinfo(a.dtype).max}\n".encode()
        + b"\n".join(b" ".join(str(v).encode() for v in row) for row in a)
    ),
}


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_come_back_exactly(tmp_path, form, dtype):
    pixels = breast().astype(dtype)
    if dtype is np.uint16:
        pixels = pixels * dtype(257)
    pixels[0, 0] = np.iinfo(dtype).max
    image = read(tmp_path, WRITERS[form](pixels), "wrong suffix.jpg")
    assert image.pixels.dtype == dtype
    np.testing.assert_array_equal(image.pixels, pixels)


def test_jpeg_is_read_as_one_channel(tmp_path):
    image = read(tmp_path, imagecodecs.jpeg_encode(np.dstack([breast()] * 3)))
    assert image.pixels.shape == breast().shape
    assert np.abs(image.pixels.astype(int) - breast()).mean() < 3


@pytest.mark.parametrize("highest", [1000, 4095, 16383, 65535])
def test_sixteen_bit_levels_fill_the_range(highest):
    ramp = np.linspace(0, highest, 64 * 64).astype(np.uint16).reshape(64, 64)
    pixels, said = full_range(ramp)
    assert 60000 < pixels.max() <= 65535
    assert said.startswith("0 to ")


@given(st.integers(1, 65535), st.lists(st.integers(0, 65535), min_size=1, max_size=20))
def test_scaling_keeps_the_order_and_the_ends(maximum, values):
    grey = np.minimum(np.array([sorted(values)], np.uint16), maximum)
    pixels, _ = full_range(np.append(grey, [[maximum]], axis=1).astype(np.uint16), maximum)
    assert pixels[0, -1] == 65535
    assert np.all(np.diff(pixels[0].astype(int)) >= 0)


def test_a_pgm_states_its_white(tmp_path):
    pixels = np.full((40, 40), 500, np.uint16)
    data = b"P5 40 40 1000\n" + pixels.astype(">u2").tobytes()
    assert read(tmp_path, data).pixels[0, 0] == 32768


def test_floats_in_0_to_1_are_fractions_of_white(tmp_path):
    assert read(tmp_path, npy(np.full((40, 40), 0.01))).pixels[0, 0] == 655


def test_negative_values_are_shifted_and_told(tmp_path):
    array = np.arange(-800, 800, dtype=np.int16).reshape(40, 40)
    image = read(tmp_path, npy(array))
    assert image.pixels[0, 0] == 0
    assert "-800" in image.warnings[0]


def test_transparent_becomes_black_and_opaque_stays(tmp_path):
    alpha = np.full_like(breast(), 255)
    alpha[:50] = 0
    image = read(tmp_path, imagecodecs.png_encode(np.dstack([breast()] * 3 + [alpha])))
    assert image.pixels[:50].max() == 0
    np.testing.assert_array_equal(image.pixels[50:], breast()[50:])


def test_colour_is_refused_but_a_coloured_label_is_not(tmp_path):
    colour = np.dstack([breast()] * 3)
    colour[:10, :20] = (255, 0, 0)
    assert read(tmp_path, imagecodecs.png_encode(colour)).pixels.ndim == 2
    colour[:160] = (200, 90, 120)
    with pytest.raises(RefusedError, match="colour"):
        read(tmp_path, imagecodecs.png_encode(colour))


def exif(orientation: int) -> bytes:
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)
    return b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_as_opencv_applies_it(tmp_path, orientation):
    plain = imagecodecs.jpeg_encode(breast())
    data = plain[:2] + exif(orientation) + plain[2:]
    upright = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    image = read(tmp_path, data)
    assert image.pixels.shape == upright.shape
    assert np.abs(image.pixels.astype(int) - upright).mean() < 1
    assert ("orientation" in image.provenance) == (orientation != 1)


def test_orientations_5_and_7_mirror_each_other():
    grey = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(oriented(grey, 5), grey.T)
    np.testing.assert_array_equal(oriented(grey, 7), grey[::-1, ::-1].T)


def test_tiff_with_white_zero_is_turned_over(tmp_path):
    plain = imagecodecs.tiff_encode(breast(), photometric="miniswhite")
    image = read(tmp_path, plain)
    np.testing.assert_array_equal(image.pixels, 255 - breast())
    assert "white is zero" in image.provenance["polarity"]


@pytest.mark.parametrize("form", [*WRITERS, "jpeg"])
@pytest.mark.parametrize("keep", [0.02, 0.5, 0.97])
def test_a_truncated_file_is_an_error(tmp_path, form, keep):
    data = {**WRITERS, "jpeg": imagecodecs.jpeg_encode}[form](breast())
    with pytest.raises(CorruptError):
        read(tmp_path, data[: int(len(data) * keep)])


def test_a_damaged_png_is_an_error(tmp_path):
    data = bytearray(imagecodecs.png_encode(breast()))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(CorruptError, match="cannot be decoded"):
        read(tmp_path, bytes(data))


@given(st.data())
def test_damage_anywhere_never_ends_in_a_foreign_error(tmp_path_factory, data):
    form = data.draw(st.sampled_from(sorted(WRITERS)))
    raw = bytearray(WRITERS[form](breast(height=48, width=40)))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, min(len(raw) - 1, 400)))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(raw)
    try:
        read_image(path)
    except ReadError:
        return


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [
        png_header(20_000, 20_000),
        png_header(1, 1),
        b"P5 99999999999 9 255\n",
        npy(np.zeros((1, 1))),
    ],
    ids=["bomb", "one pixel", "PGM", "NumPy"],
)
def test_the_size_is_checked_before_decoding(tmp_path, data):
    with pytest.raises(LimitError):
        read(tmp_path, data)


@pytest.mark.parametrize(
    ("data", "error", "word"),
    [
        (b"", CorruptError, "empty"),
        (b"hello", UnsupportedError, "no known image format"),
        (b"GIF89a....", UnsupportedError, "GIF"),
        (npy(np.full((40, 40), np.nan)), CorruptError, "1600 of 1600"),
        (npy(np.full((40, 40), "a")), UnsupportedError, "type <U1"),
        (npy(np.zeros((2, 3, 4, 5))), CorruptError, "shape"),
    ],
)
def test_bad_content_is_named(tmp_path, data, error, word):
    with pytest.raises(error, match=word):
        read(tmp_path, data)


def test_pickles_are_not_opened(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.full((40, 40), None, dtype=object), allow_pickle=True)
    with pytest.raises(CorruptError, match="cannot be read"):
        read(tmp_path, buffer.getvalue())


def test_a_path_with_blanks_and_umlauts_is_read(tmp_path):
    folder = tmp_path / "Größe und Übersicht"
    folder.mkdir()
    image = read(folder, imagecodecs.png_encode(breast()), "ä ö L_CC.png")
    assert (image.laterality, image.view) == ("L", "CC")


def test_missing_file_and_folder_are_named(tmp_path):
    with pytest.raises(CorruptError, match="no such file"):
        read_image(tmp_path / "none.png")
    with pytest.raises(CorruptError, match="folder"):
        read_image(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_forbidden_file_is_named(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(CorruptError, match="may not read"):
        read_image(path)

"""Every transfer syntax, bit for bit: against the array, and against a second decoder."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate

from dicom_files import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    RLE,
    encode,
    rle_frame,
    write_dicom,
)
from mammoscope.errors import RefusedError, UnsupportedError
from mammoscope.io.dicom import is_dicom, read_dicom

WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}
WHOLE = {"VOILUTFunction": "LINEAR_EXACT", "WindowCenter": 32768, "WindowWidth": 65536}
LOSSLESS = [IMPLICIT, EXPLICIT, DEFLATED, BIG, RLE] + [
    JPEG + last for last in ("57", "70", "80", "90", "201", "202")
]
STORED = np.random.default_rng(5).integers(0, 4096, (70, 51)).astype(np.uint16)
SHOWN = np.rint(STORED / 4095 * 65535)


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_syntaxes_give_the_stored_values(tmp_path: Path, syntax: str) -> None:
    image = read_dicom(write_dicom(tmp_path / "a.dcm", STORED, syntax=syntax, **WINDOW))
    np.testing.assert_array_equal(image.pixels, SHOWN)
    assert image.provenance["transfer_syntax"].startswith(f"{syntax} (")
    assert image.warnings == ()


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_syntaxes_with_all_sixteen_bits(tmp_path: Path, syntax: str) -> None:
    stored = np.random.default_rng(6).integers(0, 65536, (40, 33)).astype(np.uint16)
    stored[0, :2] = 0, 65535
    image = read_dicom(write_dicom(tmp_path / "a.dcm", stored, syntax=syntax, bits=16))
    np.testing.assert_array_equal(image.pixels, stored)


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_syntaxes_with_eight_bits_and_odd_length(tmp_path: Path, syntax: str) -> None:
    stored = np.random.default_rng(7).integers(0, 256, (33, 35)).astype(np.uint8)
    stored[0, :2] = 0, 255
    image = read_dicom(write_dicom(tmp_path / "a.dcm", stored, syntax=syntax, bits=8))
    assert image.pixels.dtype == np.uint8
    np.testing.assert_array_equal(image.pixels, stored)


@pytest.mark.parametrize("last", ["51", "81", "91", "203"])
def test_lossy_syntaxes_agree_with_a_smooth_original(tmp_path: Path, last: str) -> None:
    y, x = np.mgrid[0:96, 0:80]
    stored = (2048 + 1500 * np.sin(x / 15) * np.cos(y / 20)).astype(np.uint16)
    image = read_dicom(write_dicom(tmp_path / "a.dcm", stored, syntax=JPEG + last, **WINDOW))
    np.testing.assert_allclose(image.pixels / 65535 * 4095, stored, atol=30)


@pytest.mark.parametrize("last", ["80", "81", "90", "91", "201"])
def test_decoding_agrees_with_pydicoms_own_plugins(tmp_path: Path, last: str) -> None:
    path = write_dicom(tmp_path / "a.dcm", STORED, syntax=JPEG + last, **WHOLE)
    dataset = dcmread(path)
    dataset.pixel_array_options(decoding_plugin="pylibjpeg" if last[0] != "8" else "pyjpegls")
    try:
        expected = dataset.pixel_array
    except RuntimeError as error:
        pytest.skip(f"the second decoder is not installed: {error}")
    image = read_dicom(path)
    np.testing.assert_array_equal(image.pixels, np.rint(expected / 65536 * 65535))


DCMTK = {
    "57": ["dcmcjpeg", "+el"],
    "70": ["dcmcjpeg", "+e1"],
    "80": ["dcmcjpls"],
    "5": ["dcmcrle"],
    "51": ["dcmcjpeg", "+ee"],
}


@pytest.mark.parametrize("last", DCMTK)
def test_files_compressed_by_dcmtk(tmp_path: Path, last: str) -> None:
    tool = DCMTK[last]
    if shutil.which(tool[0]) is None:
        pytest.skip(f"{tool[0]} of DCMTK is not installed")
    plain = write_dicom(tmp_path / "plain.dcm", STORED, **WINDOW)
    packed = tmp_path / "packed.dcm"
    subprocess.run([*tool, plain, packed], check=True, capture_output=True)
    pixels = read_dicom(packed).pixels
    if last == "51":
        assert np.abs(pixels - SHOWN).mean() < 0.02 * 65535
    else:
        np.testing.assert_array_equal(pixels, SHOWN)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_bare_data_sets_without_preamble_and_meta_header(tmp_path: Path, syntax: str) -> None:
    path = write_dicom(tmp_path / "a", STORED, syntax=syntax, bare=True, **WINDOW)
    assert is_dicom(path.read_bytes()[:140])
    image = read_dicom(path)
    np.testing.assert_array_equal(image.pixels, SHOWN)
    assert "guessed" in image.provenance["transfer_syntax"]


def test_missing_transfer_syntax_is_guessed_from_the_codestream(tmp_path: Path) -> None:
    data = encapsulate([encode(STORED, "80", 12)])
    path = write_dicom(tmp_path / "a.dcm", STORED, syntax=JPEG + "80", data=data, **WINDOW)
    path.write_bytes(path.read_bytes().replace(b"\x02\x00\x10\x00UI", b"\x02\x00\x11\x00UI", 1))
    image = read_dicom(path)
    np.testing.assert_array_equal(image.pixels, SHOWN)
    assert "JPEG-LS" in image.provenance["transfer_syntax"]


def test_a_frame_in_several_fragments(tmp_path: Path) -> None:
    data = encapsulate([encode(STORED, "70", 12)], fragments_per_frame=3)
    path = write_dicom(tmp_path / "a.dcm", STORED, syntax=JPEG + "70", data=data, **WINDOW)
    np.testing.assert_array_equal(read_dicom(path).pixels, SHOWN)


@pytest.mark.parametrize(
    ("uid", "named"),
    [
        ("1.2.840.10008.1.2.4.100", "MPEG2"),
        ("1.2.840.10008.1.2.4.92", "Part 2"),
        ("1.9.9", "1.9.9"),
    ],
)
def test_unknown_syntaxes_are_named(tmp_path: Path, uid: str, named: str) -> None:
    path = write_dicom(tmp_path / "a.dcm", STORED, syntax=JPEG + "80")
    path.write_bytes(_renamed(path.read_bytes(), JPEG + "80", uid))
    with pytest.raises(UnsupportedError, match=named) as caught:
        read_dicom(path)
    assert uid in str(caught.value)
    assert "convert" in str(caught.value)


def _renamed(data: bytes, old: str, new: str) -> bytes:
    """The same file with another transfer syntax UID, the meta header's length adjusted."""
    padded = [(uid + "\0" * (len(uid) % 2)).encode() for uid in (old, new)]
    elements = [b"\x02\x00\x10\x00UI" + len(uid).to_bytes(2, "little") + uid for uid in padded]
    length = int.from_bytes(data[140:144], "little") + len(padded[1]) - len(padded[0])
    data = data.replace(*elements, 1)
    return data[:140] + length.to_bytes(4, "little") + data[144:]


@pytest.mark.parametrize("last", ["70", "80", "90", "5"])
def test_signed_pixels_survive_compression(tmp_path: Path, last: str) -> None:
    signed = (STORED.astype(np.int16) - 2048).astype(np.int16)
    # The usual way: two's complement within the bits stored.
    within = signed.view(np.uint16) & 0xFFF
    data = rle_frame(signed) if last == "5" else encode(within, last, 12)
    path = write_dicom(
        tmp_path / "a.dcm",
        signed,
        syntax=RLE if last == "5" else JPEG + last,
        data=encapsulate([data]),
        WindowCenter=0,
        WindowWidth=4096,
    )
    np.testing.assert_array_equal(read_dicom(path).pixels, SHOWN)


def test_a_codestream_with_signed_samples(tmp_path: Path) -> None:
    signed = (STORED.astype(np.int16) - 2048).astype(np.int16)
    path = write_dicom(
        tmp_path / "a.dcm", signed, syntax=JPEG + "90", WindowCenter=0, WindowWidth=4096
    )
    np.testing.assert_array_equal(read_dicom(path).pixels, SHOWN)


@pytest.mark.parametrize("last", ["57", "80", "90"])
def test_the_precision_of_the_codestream_wins(tmp_path: Path, last: str) -> None:
    path = write_dicom(
        tmp_path / "a.dcm", STORED, syntax=JPEG + last, BitsStored=10, HighBit=9, **WINDOW
    )
    image = read_dicom(path)
    np.testing.assert_array_equal(image.pixels, SHOWN)
    assert "Bits Stored is 10" in image.warnings[0]


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("syntax", [EXPLICIT, BIG, RLE])
def test_grey_rgb_becomes_one_channel(tmp_path: Path, syntax: str, planar: int) -> None:
    grey = np.random.default_rng(1).integers(0, 256, (40, 37)).astype(np.uint8)
    grey[0, :2] = 0, 255
    stored = np.stack([grey] * 3, axis=-1)
    data = stored.transpose(2, 0, 1).tobytes() + b"\0" if planar and syntax != RLE else None
    path = write_dicom(
        tmp_path / "a.dcm", stored, bits=8, syntax=syntax, data=data, PlanarConfiguration=planar
    )
    np.testing.assert_array_equal(read_dicom(path).pixels, grey)


@pytest.mark.parametrize("last", ["50", "70", "80", "90"])
def test_grey_rgb_in_compressed_form(tmp_path: Path, last: str) -> None:
    y, x = np.mgrid[0:64, 0:48]
    stored = np.stack([(2 * y + 2 * x).astype(np.uint8)] * 3, axis=-1)
    photometric = "YBR_FULL_422" if last == "50" else "RGB"
    path = write_dicom(
        tmp_path / "a.dcm",
        stored,
        bits=8,
        syntax=JPEG + last,
        PhotometricInterpretation=photometric,
        WindowCenter=128,
        WindowWidth=256,
    )
    np.testing.assert_allclose(read_dicom(path).pixels, stored[..., 0], atol=4 * (last == "50"))


def test_grey_ybr_takes_the_luma(tmp_path: Path) -> None:
    stored = np.full((40, 38, 3), 128, np.uint8)
    stored[..., 0] = np.arange(38) * 6
    path = write_dicom(tmp_path / "a.dcm", stored, bits=8, PhotometricInterpretation="YBR_FULL",
                       WindowCenter=128, WindowWidth=256)  # fmt: skip
    np.testing.assert_array_equal(read_dicom(path).pixels, stored[..., 0])


def test_grey_subsampled_ybr_takes_the_luma(tmp_path: Path) -> None:
    luma = np.random.default_rng(1).integers(0, 256, (40, 38)).astype(np.uint8)
    chroma = np.full((40, 19, 2), 128, np.uint8)
    data = np.concatenate([luma.reshape(40, 19, 2), chroma], axis=-1).tobytes()
    path = write_dicom(
        tmp_path / "a.dcm",
        np.zeros((40, 38, 3), np.uint8),
        bits=8,
        data=data,
        PhotometricInterpretation="YBR_FULL_422",
        WindowCenter=128,
        WindowWidth=256,
    )
    np.testing.assert_array_equal(read_dicom(path).pixels, luma)


def test_coloured_images_are_refused(tmp_path: Path) -> None:
    stored = np.random.default_rng(1).integers(0, 256, (40, 37, 3)).astype(np.uint8)
    with pytest.raises(RefusedError, match="coloured"):
        read_dicom(write_dicom(tmp_path / "a.dcm", stored, bits=8))


def test_palette_colour_is_refused_by_name(tmp_path: Path) -> None:
    path = write_dicom(
        tmp_path / "a.dcm", STORED, PhotometricInterpretation="PALETTE COLOR", **WINDOW
    )
    with pytest.raises(RefusedError, match="PALETTE COLOR"):
        read_dicom(path)


def test_big_endian_eight_bit_words_are_unswapped(tmp_path: Path) -> None:
    stored = np.random.default_rng(2).integers(0, 256, (33, 35)).astype(np.uint8)
    stored[0, :2] = 0, 255
    flat = np.append(stored.ravel(), np.uint8(0))
    swapped = flat.reshape(-1, 2)[:, ::-1].tobytes()
    path = write_dicom(tmp_path / "a.dcm", stored, bits=8, syntax=BIG, data=swapped)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\x7f\xe0\x00\x10OB", b"\x7f\xe0\x00\x10OW"))
    np.testing.assert_array_equal(read_dicom(path).pixels, stored)

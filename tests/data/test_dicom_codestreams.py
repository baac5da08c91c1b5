"""Codestreams: what they say of themselves, and that decoders of other makes agree."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mammoscope.data.dicom_codestreams import NEAR, encode_frame
from mammoscope.data.dicom_encoding import SYNTAXES, save, set_pixels
from mammoscope.io.dicom_codecs import decode, decode_rle, inspect

CODED = [(n, bits) for n, s in SYNTAXES.items() if s.compressed for bits in s.bits if n != "RLE"]
LOSSLESS = [(name, bits) for name, bits in CODED if not SYNTAXES[name].lossy]


def noise(bits, shape=(48, 37)):
    values = np.random.default_rng(bits).integers(0, 1 << bits, shape)
    return values.astype(np.uint8 if bits == 8 else np.uint16)


@pytest.mark.parametrize(("syntax", "bits"), CODED)
def test_a_codestream_tells_its_size_and_bits_stored(syntax, bits):
    stream = inspect(encode_frame(noise(bits), bits, syntax))
    told = 16 if syntax.startswith("JPEG-LS") and bits > 8 else bits
    assert (stream.height, stream.width, stream.samples, stream.precision) == (48, 37, 1, told)


@pytest.mark.parametrize(("syntax", "bits"), LOSSLESS)
def test_noise_black_and_white_come_back(syntax, bits):
    white = np.full_like(noise(bits), (1 << bits) - 1)
    for frame in (noise(bits), white, np.zeros_like(white)):
        coded = encode_frame(frame, bits, syntax)
        assert np.array_equal(decode(coded, SYNTAXES[syntax].uid), frame)


@pytest.mark.parametrize("bits", SYNTAXES["HTJ2K"].bits)
def test_openjpeg_reads_htj2k_of_every_precision(bits):
    frame = noise(bits)
    lossless = imagecodecs.jpeg2k_decode(encode_frame(frame, bits, "HTJ2K lossless"))
    lossy = imagecodecs.jpeg2k_decode(encode_frame(frame, bits, "HTJ2K"))
    assert np.array_equal(lossless, frame)
    assert 0 < np.abs(lossy.astype(int) - frame).max() <= 16


def test_the_rpcl_syntax_has_its_progression_order_and_tile_part_lengths():
    stream = encode_frame(noise(12), 12, "HTJ2K lossless RPCL")
    progression = stream[stream.index(b"\xff\x52") + 5]
    assert progression == 2
    assert b"\xff\x55" in stream[: stream.index(b"\xff\x90")]


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_near_lossless_never_leaves_its_bits_nor_its_bound(bits):
    frame = noise(bits)
    back = decode(encode_frame(frame, bits, "JPEG-LS near"), SYNTAXES["JPEG-LS near"].uid)
    assert int(back.max()) >> bits == 0
    assert np.abs(back.astype(int) - frame).max() <= 2 * NEAR


@given(frame=arrays(np.uint16, (7, 131), elements=st.sampled_from([0, 1, 255, 256, 65535])))
@settings(deadline=None, max_examples=30)
def test_rle_comes_back_whatever_the_runs(frame):
    coded = encode_frame(frame, 16, "RLE")
    assert np.array_equal(decode_rle(coded, 7, 131, 1, 16)[0], frame)


@pytest.mark.parametrize("syntax", [name for name, s in SYNTAXES.items() if not s.lossy])
@pytest.mark.parametrize("bits", [8, 12])
def test_files_of_odd_sizes_and_many_frames_are_whole(tmp_path, syntax, bits):
    frames = noise(bits, (3, 35, 33))
    dataset = pydicom.Dataset()
    dataset.SOPClassUID = dataset.SOPInstanceUID = "1.2.3"
    set_pixels(dataset, frames, bits, syntax)
    read = pydicom.dcmread(save(dataset, tmp_path / "a.dcm"))
    assert (read.NumberOfFrames, read.Rows, read.Columns) == (3, 35, 33)
    assert read.file_meta.TransferSyntaxUID == SYNTAXES[syntax].uid
    assert len(read.PixelData) % 2 == 0
    if not SYNTAXES[syntax].compressed:
        order = ">" if syntax == "big endian" else "<"
        values = np.frombuffer(read.PixelData, np.uint8 if bits == 8 else f"{order}u2")
        assert np.array_equal(values[: frames.size], frames.ravel())

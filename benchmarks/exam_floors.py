"""What no reader of an exam can be faster than: its files decoded, the network alone, the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pydicom
from pydicom.encaps import generate_frames

from mammoscope.infer import Predictor
from mammoscope.io import load_exam
from mammoscope.io.dicom_codecs import COMPRESSED, RLE, decode, decode_rle
from mammoscope.io.exam import ExamFiles
from mammoscope.preprocess import prepare

Work = Callable[[], object]


def floors(files: ExamFiles, predictors: Sequence[Predictor], cores: int) -> dict[str, Work]:
    """What to time, by name.

    The network is timed once as each of `predictors` runs it; the faster one is the floor.
    """
    decoders = [decoder(path) for path in files.paths]
    pool = ThreadPoolExecutor(cores)
    work: dict[str, Work] = {"decode": lambda: list(pool.map(lambda one: one(), decoders))}
    images = load_exam(files).images
    shown = np.stack([prepare(one, predictors[0].weights.preprocess).pixels for one in images])
    for number, predictor in enumerate(predictors):
        work[f"network {number}"] = lambda engine=predictor.engine: engine.run(shown)
    work["read, from memory"] = lambda: [Path(path).read_bytes() for path in files.paths]
    work["read, from the disk"] = lambda: [_uncached(path) for path in files.paths]
    return work


def decoder(path: str) -> Work:
    """Decodes the only frame of a grey file: a codestream in memory, else the file by pydicom."""
    dataset = pydicom.dcmread(path)
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax not in COMPRESSED:
        return lambda: pydicom.dcmread(path).pixel_array
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    if syntax == RLE:
        bits = dataset.BitsAllocated
        return lambda: decode_rle(frame, dataset.Rows, dataset.Columns, 1, bits)
    return lambda: decode(frame, syntax)


def _uncached(path: str) -> bytes:
    """A file's bytes after the system has been asked to forget them."""
    with Path(path).open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return file.read()

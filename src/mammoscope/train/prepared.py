"""The cache: images are decoded and prepared once and mapped from disk ever after."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from mammoscope.errors import ConfigError, ReadError
from mammoscope.files import drafted, write_atomic
from mammoscope.io import read_mammogram, read_picture
from mammoscope.machine import cores
from mammoscope.preprocess import PreprocessParams, prepare
from mammoscope.train.maps import MARK_PX, UNMARKED, mark
from mammoscope.types import Mammogram

_AT_ONCE = 128
"""So many images are in memory at once; with fewer in all no bar shows how far it is."""
_VERSION = 2
"""Raised when the same files give other pixels or marks, so that they are prepared anew."""


@dataclass(frozen=True)
class PreparedImages:
    """What the cache holds of the images asked for.

    Attributes:
        pixels: (n, height, width) uint8, mapped from disk; images that cannot be read are not in.
        marks: (n, height / MARK_PX, width / MARK_PX) uint8 codes (see `mammoscope.train.maps`);
            None if no finding has a place.
        kept: (images asked for,) bool.
        reasons: why the others are not in, in order.
    """

    pixels: NDArray[np.uint8]
    marks: NDArray[np.uint8] | None
    kept: NDArray[np.bool_]
    reasons: list[str]


class _Image(NamedTuple):
    pixels: NDArray[np.uint8]
    marks: NDArray[np.uint8]


def prepared_images(
    data: Path, rows: pd.DataFrame, findings: pd.DataFrame, params: PreprocessParams, cache: Path
) -> PreparedImages:
    """Prepare the images of `rows`, or take them from `cache` if that was done before.

    Args:
        data: what image_path and mask_path start from.
        rows: of the manifest, text columns image_path, finding and pathology.
        findings: the findings table, perhaps without rows.
        params: what the network sees.
        cache: folder for the files, made where needed.

    Raises:
        ConfigError: none of the images can be used, or the cache cannot be written.
    """
    placed = "outline" in findings and bool((findings["outline"] != "").any())
    findings = findings if placed else findings.iloc[:0]
    stem = f"prepared-{_key(rows, findings, params)}"
    index = cache / f"{stem}.json"
    if not index.is_file():
        _store(cache / stem, data, rows, findings if placed else None, params)
    known = json.loads(index.read_text(encoding="utf-8"))
    kept = np.array(known["kept"], np.bool_)
    pixels = np.load(cache / f"{stem}.npy", mmap_mode="r")[: kept.sum()]
    marks = np.load(cache / f"{stem}.marks.npy") if placed else None
    return PreparedImages(pixels, marks, kept, known["reasons"])


def _key(rows: pd.DataFrame, findings: pd.DataFrame, params: PreprocessParams) -> str:
    text = f"{_VERSION} {params} {rows.to_csv(index=False)} {findings.to_csv(index=False)}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _store(
    stem: Path,
    data: Path,
    rows: pd.DataFrame,
    findings: pd.DataFrame | None,
    params: PreprocessParams,
) -> None:
    """Write pixels, marks and, last, the index: where that is, the others are whole."""
    kept: list[bool] = []
    reasons: list[str] = []
    marks: list[NDArray[np.uint8]] = []
    with drafted(stem.with_name(f"{stem.name}.npy")) as draft:
        shape = (len(rows), params.height, params.width)
        pixels = np.lib.format.open_memmap(draft, "w+", np.uint8, shape)
        for image in _images(data, rows, findings, params):
            kept.append(isinstance(image, _Image))
            if isinstance(image, _Image):
                pixels[len(marks)] = image.pixels
                marks.append(image.marks)
            else:
                reasons.append(image)
        if not marks:
            raise ConfigError(
                f"{data / 'manifest.csv'}: none of its images can be used "
                f"({reasons[0] if reasons else 'it has no rows'}); "
                "give the folder that image_path starts from."
            )
        pixels.flush()
    if findings is not None:
        with drafted(stem.with_name(f"{stem.name}.marks.npy")) as draft, draft.open("wb") as file:
            np.save(file, np.stack(marks))
    index = json.dumps({"kept": kept, "reasons": reasons})
    write_atomic(stem.with_name(f"{stem.name}.json"), index.encode())


def _images(
    data: Path, rows: pd.DataFrame, findings: pd.DataFrame | None, params: PreprocessParams
) -> Iterator[_Image | str]:
    """Each image in order, or why it cannot be read; a thread on each core, few in memory."""
    of_image = {} if findings is None else dict(list(findings.groupby("image_path")))
    none = pd.DataFrame() if findings is None else findings.iloc[:0]

    def prepared(row: dict[Hashable, str]) -> _Image | str:
        found = of_image.get(row["image_path"], none)
        try:
            return _prepared(data, row, found, params, marks_wanted=findings is not None)
        except ReadError as error:
            return error.reason

    records = rows.to_dict("records")
    columns, quiet = Progress.get_default_columns(), len(records) < _AT_ONCE
    bar = Progress(*columns, console=Console(stderr=True), disable=quiet)
    with bar, ThreadPoolExecutor(cores()) as pool:
        task = bar.add_task("preparing images", total=len(records))
        for first in range(0, len(records), _AT_ONCE):
            for image in pool.map(prepared, records[first : first + _AT_ONCE]):
                bar.advance(task)
                yield image


def _prepared(
    data: Path,
    row: dict[Hashable, str],
    findings: pd.DataFrame,
    params: PreprocessParams,
    *,
    marks_wanted: bool,
) -> _Image:
    read = read_picture if params.kind == "picture" else read_mammogram
    image: Mammogram = read(data / row["image_path"])
    done = prepare(image, params)
    grid = (params.height // MARK_PX, params.width // MARK_PX)
    marks = np.full(grid, UNMARKED, np.uint8)
    if marks_wanted and (len(findings) or row["finding"] == "0" or row["pathology"] == "normal"):
        marks = mark(findings, image.shape, data, done.geometry)
    return _Image(done.pixels, marks)

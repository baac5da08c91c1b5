"""Where the films and masks of CBIS-DDSM lie, and which of a lesion's two files is its mask.

The tables name every file by `case/study UID/series UID/file`. That is how the first release lay on
disk. The NBIA data retriever writes `case/date-...-study/1.000000-description-series/1-1.dcm`, with
the last five digits of the UIDs, and the re-export as JPEG `jpeg/series UID/1-1.jpg`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from mammoscope.data.folder_files import files_below
from mammoscope.data.source import read_table
from mammoscope.errors import ReadError
from mammoscope.geometry import box_of
from mammoscope.io.dicom import read_dicom
from mammoscope.io.dicom_header import is_dicom, opened, read_header
from mammoscope.io.header import HeaderError, parse_header, sniff
from mammoscope.io.image import read_bytes, read_image
from mammoscope.types import Pixels

SUFFIXES = (".dcm", ".jpg", ".jpeg", ".png")
HEAD_BYTES = 256
Size = tuple[int, int]
_UID = re.compile(r"[0-9.]{20,64}")


@dataclass(frozen=True)
class CbisFiles:
    """The image files of a folder, sorted, by series and by case.

    Attributes:
        series: of a UID, or of "case/last five digits of the UID".
        case: of e.g. "Mass-Test_P_00016_LEFT_CC_1".
    """

    series: dict[str, list[Path]] = field(default_factory=dict)
    case: dict[str, list[Path]] = field(default_factory=dict)

    @classmethod
    def under(cls, folder: Path) -> CbisFiles:
        """Look through a folder; csv/dicom_info.csv is used if it is there.

        Raises:
            ConfigError: dicom_info.csv is not as published.
        """
        files = cls()
        for path in files_below(folder, SUFFIXES):
            parts = ("", "", *path.parent.parts)
            uid = _UID.fullmatch(parts[-1]) is not None
            key = parts[-1] if uid else f"{parts[-3]}/{parts[-1].rpartition('-')[2]}"
            files.series.setdefault(key, []).append(path)
            files.case.setdefault(parts[-3], []).append(path)
        files._add_dicom_info(folder)
        return files

    def _add_dicom_info(self, folder: Path) -> None:
        """The JPEG re-export's list of which file belongs to which case."""
        table = folder / "csv" / "dicom_info.csv"
        if not table.is_file():
            return
        info = read_table(table, {"image_path": "path", "PatientID": "case"})
        for case, path in zip(info["case"], info["path"], strict=True):
            file = folder / "jpeg" / path.partition("jpeg/")[2]
            if file.is_file():
                self.case.setdefault(case, []).append(file)

    def of(self, path: str) -> list[Path]:
        """Files of the series that a table's path names; else those of its case."""
        parts = PurePosixPath(path).parts
        if len(parts) < 2:
            return []
        case, series = parts[0], parts[-2]
        by_series = self.series.get(series) or self.series.get(f"{case}/{series[-5:]}")
        return by_series or self.case.get(case, [])


@dataclass(frozen=True)
class Mask:
    """A lesion's mask, or why it has none.

    Attributes:
        path: the file; None if no mask can be used.
        box: what it encloses, (x1, y1, x2, y2) in source pixels.
        fault: "", "absent", "size", "empty" or "broken".
        words: the fault with its numbers, for label_text.
        swapped: whether it was found where the tables name the crop.
    """

    path: Path | None = None
    box: tuple[int, int, int, int] | None = None
    fault: str = ""
    words: str = ""
    swapped: bool = False


def find_mask(files: CbisFiles, mask: str, crop: str, size: Size | None) -> Mask:
    """The mask of a lesion among the files of its crop and mask.

    It is the one of the image's size; where that does not decide, the one in black and white.

    Args:
        files: of the data set.
        mask: path in the tables.
        crop: likewise.
        size: (height, width) of the image in pixels; None if unknown.
    """
    named = files.of(mask)
    candidates = list(dict.fromkeys([*named, *files.of(crop)]))
    sizes = {path: size_of(path) for path in candidates}
    fitting = [path for path in candidates if size and sizes[path] == size]
    if len(fitting) != 1:
        fitting = [path for path in fitting or candidates if _is_black_and_white(path)]
    if not fitting:
        return Mask(fault="absent", words="no mask")
    chosen, found = fitting[0], sizes[fitting[0]]
    if size and found and found != size:
        words = f"mask {found[1]} x {found[0]}, image {size[1]} x {size[0]}"
        return Mask(fault="size", words=words)
    pixels = _pixels(chosen)
    if pixels is None:
        return Mask(fault="broken", words="mask unreadable")
    box = _box(pixels)
    if box is None:
        return Mask(fault="empty", words="mask empty")
    return Mask(chosen, box, swapped=_swapped(chosen, mask, named))


def _swapped(chosen: Path, mask: str, named: Sequence[Path]) -> bool:
    """Whether another file stands in the place that the tables give the mask."""
    place = int(re.sub(r"\D", "", PurePosixPath(mask).stem) or 0)
    return bool(named) and named[min(place, len(named) - 1)] != chosen


def size_of(path: Path) -> Size | None:
    """(height, width) in pixels, from the header; None if it cannot be read."""
    try:
        if is_dicom(read_bytes(path, HEAD_BYTES)):
            with opened(path) as file:
                header = read_header(path, file, ["Rows", "Columns"])
            return int(header.number("Rows", 0)), int(header.number("Columns", 0))
        data = read_bytes(path)
        kind = sniff(data)
        found = parse_header(data, kind) if kind else None
    except (ReadError, HeaderError):
        return None
    return (found.height, found.width) if found else None


def _pixels(path: Path) -> Pixels | None:
    try:
        dicom = is_dicom(read_bytes(path, HEAD_BYTES))
        return (read_dicom(path) if dicom else read_image(path)).pixels
    except ReadError:
        return None


def _is_black_and_white(path: Path) -> bool:
    """Whether it holds black and white alone, but for what JPEG makes of edges."""
    pixels = _pixels(path)
    if pixels is None:
        return False
    top = float(np.iinfo(pixels.dtype).max)
    black, white = np.mean(pixels < 0.05 * top), np.mean(pixels > 0.95 * top)
    return bool(black + white > 0.99 and white > 0 and black > 0)


def _box(pixels: Pixels) -> tuple[int, int, int, int] | None:
    return box_of(pixels > np.iinfo(pixels.dtype).max // 2)

"""A DICOM file's header: opened safely, its values read safely.

Hostile and careless files make pydicom raise many kinds of exception, some of them only when a
value is looked at. `corrupt_as` is the one place that turns them into CorruptError.
"""

from __future__ import annotations

import logging
import math
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import UID

from mammoscope.errors import CorruptError, LimitError, UnsupportedError
from mammoscope.io.limits import MAX_PIXELS

# pydicom's log lines quote what a file says, a patient's name included.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
# So do its warnings. Once for all: warnings.catch_warnings is not safe with threads, and the
# files of an exam are read in several.
warnings.filterwarnings("ignore", module=r"pydicom\.")

HEAD_BYTES = 140
DEFLATED = b"1.2.840.10008.1.2.1.99"
MAX_INFLATED = 4 * MAX_PIXELS
_PIECE = 1 << 20
_EXPLICIT_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN"
    b" UR US UT UV".split()
)
_PARSE_ERRORS = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_BLANKS = " \0\t\r\n"
_FRAME_MACROS = (
    "FrameAnatomySequence",
    "PixelMeasuresSequence",
    "FrameVOILUTSequence",
    "PixelValueTransformationSequence",
)


@contextmanager
def corrupt_as(path: str | Path, what: str) -> Iterator[None]:
    """Turn pydicom's exceptions into CorruptError: `what` is unreadable.

    The exceptions' own text is left out, since it can hold a patient's data.
    """
    try:
        yield
    except _PARSE_ERRORS as error:
        raise CorruptError(
            path, f"{what} cannot be read ({type(error).__name__})", "export or copy the file again"
        ) from None


@dataclass
class Header:
    """Values of a DICOM data set, with frame-level functional groups looked at first.

    Attributes:
        path: the file, for messages.
        layers: data sets in the order in which a keyword is looked up.
        warnings: sentences for the user, added to as values are read; shared by all items.
    """

    path: str
    layers: list[Dataset]
    warnings: list[str] = field(default_factory=list)

    @property
    def root(self) -> Dataset:
        """The data set of the whole file."""
        return self.layers[-1]

    def for_frame(self, index: int) -> Header:
        """The header as it holds for frame `index` (from 0): per-frame, then shared groups."""
        layers: list[Dataset] = []
        with corrupt_as(self.path, "the functional groups"):
            for keyword, item in (
                ("PerFrameFunctionalGroupsSequence", index),
                ("SharedFunctionalGroupsSequence", 0),
            ):
                groups = self.root.get(keyword) or []
                if item < len(groups):
                    layers += [
                        groups[item][macro].value[0]
                        for macro in _FRAME_MACROS
                        if groups[item].get(macro)
                    ]
        return Header(self.path, [*layers, self.root], self.warnings)

    def values(self, keyword: str) -> list[Any]:
        """All values of `keyword`, [] if absent or empty; CorruptError if unreadable."""
        with corrupt_as(self.path, f"the value of {describe(keyword)}"):
            for layer in self.layers:
                value = layer.get(keyword)
                if value is None or (isinstance(value, str | bytes) and not value):
                    continue
                if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
                    return [value]
                return list(value)
        return []

    def text(self, keyword: str) -> str:
        """First value of `keyword`, stripped, in capitals; "" if absent or, with a warning, bad."""
        try:
            values = self.values(keyword)
        except CorruptError:
            self.ignore(keyword)
            return ""
        return str(values[0]).strip(_BLANKS).upper() if values else ""

    def numbers(self, keyword: str) -> list[float]:
        """All values of `keyword` as finite numbers, [] if absent; CorruptError if they are not."""
        with corrupt_as(self.path, f"the value of {describe(keyword)}"):
            found = [float(value) for value in self.values(keyword)]
        if not all(math.isfinite(value) for value in found):
            raise CorruptError(
                self.path,
                f"{describe(keyword)} is not a finite number",
                "export the file again or correct the tag",
            )
        return found

    def number(self, keyword: str, default: float) -> float:
        """First number of `keyword`, or `default` if absent; CorruptError if unreadable."""
        return next(iter(self.numbers(keyword)), default)

    def lenient_numbers(self, keyword: str) -> list[float]:
        """As `numbers`, but what is unreadable is ignored with a warning."""
        try:
            return self.numbers(keyword)
        except CorruptError:
            self.ignore(keyword)
            return []

    def items(self, keyword: str) -> list[Header]:
        """Items of the sequence `keyword`, [] if absent; with a warning if unreadable."""
        try:
            values = self.values(keyword)
        except CorruptError:
            values = [None]
        items = [value for value in values if isinstance(value, Dataset)]
        if len(items) < len(values):
            self.ignore(keyword)
        return [Header(self.path, [item], self.warnings) for item in items]

    def ignore(self, keyword: str, why: str = "its content is unreadable") -> None:
        """Tell the user that `keyword` was not used."""
        self.warn(f"{describe(keyword)} was ignored: {why}.")

    def warn(self, sentence: str) -> None:
        """Add a sentence for the user, once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)


def describe(keyword: str) -> str:
    """A tag as people look it up, e.g. "Rows (0028,0010)"."""
    tag = pydicom.datadict.tag_for_keyword(keyword) or 0
    return f"{pydicom.datadict.dictionary_description(tag)} ({tag >> 16:04X},{tag & 0xFFFF:04X})"


def is_dicom(head: bytes) -> bool:
    """Whether a file that begins with `head` (132 bytes or more, if it has them) is DICOM.

    Files with the preamble and prefix of PS3.10 section 7.1 are, and also bare data sets that
    begin with an element of group 0002 or 0008, in any of the three uncompressed encodings.
    """
    return head[128:132] == b"DICM" or _is_bare(head)


def _is_bare(head: bytes) -> bool:
    if len(head) < 8:
        return False
    order = "<" if head[1] == 0 else ">"
    group, element, length = struct.unpack(order + "HHI", head[:8])
    if group not in (2, 8) or element > 0x3000:
        return False
    if head[4:6] in _EXPLICIT_VRS:
        return True
    return order == "<" and 0 < length <= 1024 and length % 2 == 0


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """Open a DICOM file for reading; deflated data sets come inflated.

    Raises:
        CorruptError: the file cannot be opened, is empty, or does not inflate.
        UnsupportedError: the file is not DICOM.
        LimitError: the data set inflates to more than MAX_INFLATED bytes.
    """
    try:
        file = Path(path).open("rb")  # noqa: SIM115 (closed below; errors on use are not ours)
    except OSError as error:
        raise CorruptError(
            path, f"the file cannot be opened ({error.strerror})", "check its name and permissions"
        ) from None
    with file:
        with corrupt_as(path, "the file"):
            head = file.read(1024)
            file.seek(0)
        if not head:
            raise CorruptError(path, "the file is empty", "copy or export it again")
        if not is_dicom(head):
            raise UnsupportedError(path, "the file is not DICOM", "give a DICOM file")
        yield _inflated(path, file) if DEFLATED in head else file


def _inflated(path: str | Path, file: BinaryIO) -> BinaryIO:
    """The same file with its data set inflated and its transfer syntax renamed (PS3.5 A.5)."""
    with corrupt_as(path, "the deflated data set"):
        data = file.read()
        group_length = data.index(b"\x02\x00\x00\x00UL\x04\x00", 0, HEAD_BYTES)
        start = group_length + 12 + struct.unpack_from("<I", data, group_length + 8)[0]
        explicit = DEFLATED[:-3].ljust(len(DEFLATED), b"\0")
        inflated = BytesIO()
        inflated.write(data[:start].replace(DEFLATED, explicit))
        inflater, rest = zlib.decompressobj(-zlib.MAX_WBITS), data[start:]
        # Piece by piece: the whole would lie in memory twice, and a bomb is not worth that. What
        # follows the stream is a byte of padding, and zlib would hand it back for ever.
        while rest and not inflater.eof and inflated.tell() - start <= MAX_INFLATED:
            inflated.write(inflater.decompress(rest, _PIECE))
            rest = inflater.unconsumed_tail
    if inflated.tell() - start > MAX_INFLATED:
        raise LimitError(
            path,
            f"the data set inflates to more than {MAX_INFLATED >> 20} MiB",
            "give an uncompressed copy if the file is to be trusted",
        )
    inflated.seek(0)
    return inflated


def read_header(path: str | Path, file: BinaryIO, tags: list[str] | None = None) -> Header:
    """Read everything before the pixels, and leave `file` at the pixel data element.

    Args:
        path: for messages.
        file: from `opened`.
        tags: keywords to keep; all of them by default.

    Raises:
        CorruptError: the data set cannot be parsed.
    """
    with corrupt_as(path, "the DICOM header"):
        dataset = pydicom.dcmread(
            file, stop_before_pixels=True, force=True, specific_tags=list(tags) if tags else None
        )
        if isinstance(file, BytesIO):
            dataset.file_meta.TransferSyntaxUID = UID(
                DEFLATED.decode()
            )  # as it was, for the record
    return Header(str(path), [dataset])


def words(text: str) -> list[str]:
    """The runs of letters and digits in `text`."""
    return re.findall(r"[A-Z0-9]+", text.upper())

"""The tests' own small DICOM writer: any kind of mammogram file, good or bad.

`write_dicom(path, stored)` writes one; keyword arguments set or remove (None) elements.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence

IMPLICIT, EXPLICIT, DEFLATED, BIG = (
    f"1.2.840.10008.1.2{suffix}" for suffix in ("", ".1", ".1.99", ".2")
)
RLE = "1.2.840.10008.1.2.5"
MG_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.2"
MG_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.2.1"
JPEG = "1.2.840.10008.1.2.4."


def encode(stored: NDArray[Any], suffix: str, bits: int) -> bytes:
    """Compress one frame; `suffix` is the last number of the transfer syntax UID."""
    if suffix in ("50", "51"):
        return imagecodecs.jpeg8_encode(stored, level=95, bitspersample=8 if suffix == "50" else 12)
    if suffix in ("57", "70"):
        predictor = 1 if suffix == "70" else 6
        return imagecodecs.jpeg8_encode(
            stored, lossless=True, predictor=predictor, bitspersample=bits
        )
    if suffix in ("80", "81"):
        return imagecodecs.jpegls_encode(stored, level=0 if suffix == "80" else 2)
    if suffix in ("90", "91"):
        return imagecodecs.jpeg2k_encode(
            stored,
            level=0 if suffix == "90" else 70,
            reversible=suffix == "90",
            codecformat="j2k",
            bitspersample=bits,
        )
    return imagecodecs.htj2k_encode(stored, reversible=suffix != "203", level=None)


def item(**elements: Any) -> Sequence:
    """A sequence of one item."""
    dataset = Dataset()
    _set(dataset, elements)
    return Sequence([dataset])


def lut(first: int, data: list[int], bits: int = 16) -> Sequence:
    """A LUT sequence of one table."""
    return item(
        LUTDescriptor=[len(data) % 65536, first, bits], LUTData=np.array(data, "<u2").tobytes()
    )


def code(value: str, scheme: str = "SCT", **more: Any) -> Sequence:
    """A code sequence of one code."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning="code", **more)


def write_dicom(
    path: Path,
    stored: NDArray[Any],
    *,
    syntax: str | None = EXPLICIT,
    bits: int = 12,
    frames: int | None = None,
    data: bytes | None = None,
    bare: bool = False,
    **elements: Any,
) -> Path:
    """Write a For Presentation mammogram.

    Args:
        path: where to.
        stored: stored values: (rows, columns), (rows, columns, 3), or with frames first.
        syntax: transfer syntax UID; None leaves it out of the file.
        bits: Bits Stored.
        frames: Number of Frames, if `stored` has a frame axis.
        data: pixel data as is (compressed frames are made from `stored` otherwise).
        bare: without preamble and meta header.
        elements: DICOM keywords to set, or to remove if None.
    """
    first = stored[0] if frames else stored
    dataset = Dataset()
    _set(dataset, _defaults(first, bits) | ({"NumberOfFrames": frames} if frames else {}))
    if data is None:
        data = _pixel_data(stored, syntax or EXPLICIT, bits, frames)
    if data:
        dataset.PixelData = data
        wide = first.dtype.itemsize == 2
        compressed = syntax is not None and syntax.startswith((JPEG, RLE))
        dataset["PixelData"].VR = "OW" if wide and not compressed else "OB"
        dataset["PixelData"].is_undefined_length = compressed
    _set(dataset, elements)
    return _save(path, dataset, syntax, bare)


def _defaults(first: NDArray[Any], bits: int) -> dict[str, Any]:
    return {
        "SOPClassUID": MG_PRESENTATION,
        "SOPInstanceUID": "1.2.3.4",
        "StudyInstanceUID": "1.2.3",
        "PatientID": "SECRET-ID",
        "PatientName": "SECRET^NAME",
        "Modality": "MG",
        "BodyPartExamined": "BREAST",
        "PresentationIntentType": "FOR PRESENTATION",
        "ImageLaterality": "L",
        "ViewPosition": "CC",
        "SamplesPerPixel": 3 if first.ndim == 3 else 1,
        "PhotometricInterpretation": "RGB" if first.ndim == 3 else "MONOCHROME2",
        **({"PlanarConfiguration": 0} if first.ndim == 3 else {}),
        "Rows": first.shape[0],
        "Columns": first.shape[1],
        "BitsAllocated": first.dtype.itemsize * 8,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(first.dtype.kind == "i"),
    }


def _pixel_data(stored: NDArray[Any], syntax: str, bits: int, frames: int | None) -> bytes:
    if syntax.startswith(JPEG):
        images = list(stored) if frames else [stored]
        return encapsulate([encode(image, syntax.split(".")[-1], bits) for image in images])
    if syntax == RLE:
        return encapsulate([rle_frame(stored)])
    raw = stored.astype(stored.dtype.newbyteorder(">")) if syntax == BIG else stored
    flat = raw.tobytes()
    return flat + b"\0" * (len(flat) % 2)


def rle_frame(stored: NDArray[Any]) -> bytes:
    """An RLE frame (PS3.5 Annex G) in literal runs, the most significant byte's plane first."""
    image = stored[..., None] if stored.ndim == 2 else stored
    planes = []
    for sample in range(image.shape[2]):
        channel = np.ascontiguousarray(image[..., sample])
        as_bytes = channel.view(np.uint8).reshape(*channel.shape, -1)
        planes += [as_bytes[..., i].tobytes() for i in reversed(range(as_bytes.shape[-1]))]
    segments = [_literal_runs(plane) for plane in planes]
    offsets = [64 + sum(map(len, segments[:i])) for i in range(len(segments))]
    header = np.zeros(16, "<u4")
    header[: len(segments) + 1] = [len(segments), *offsets]
    return header.tobytes() + b"".join(segments)


def _literal_runs(plane: bytes) -> bytes:
    runs = (plane[i : i + 128] for i in range(0, len(plane), 128))
    coded = b"".join(bytes([len(run) - 1]) + run for run in runs)
    return coded + b"\0" * (len(coded) % 2)


def _set(dataset: Dataset, elements: dict[str, Any]) -> None:
    for keyword, value in elements.items():
        if value is None:
            if keyword in dataset:
                delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)


def _save(path: Path, dataset: Dataset, syntax: str | None, bare: bool) -> Path:
    little = syntax != BIG
    if bare:
        dcmwrite(
            path, dataset, implicit_vr=syntax == IMPLICIT, little_endian=little,
            enforce_file_format=False,
        )  # fmt: skip
        return path
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", MG_PRESENTATION)
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    meta.TransferSyntaxUID = syntax or EXPLICIT
    dataset.file_meta = meta
    dcmwrite(path, dataset, enforce_file_format=True)
    if syntax is None:
        _forget_syntax(path)
    return path


def _forget_syntax(path: Path) -> None:
    """Overwrite the transfer syntax element with a harmless one of the same length."""
    data = path.read_bytes()
    path.write_bytes(data.replace(b"\x02\x00\x10\x00UI", b"\x02\x00\x11\x00UI", 1))

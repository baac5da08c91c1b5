"""Files that are made to hurt whoever opens them, for `hostile_uploads.py`."""

from __future__ import annotations

import gzip
import io
import stat
import struct
import warnings
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np

ESCAPED = "mammoscope-escaped"  # in every name that tries to lead out of its folder
JUNK = b"no picture " * 9
_EXPLICIT, _DEFLATED = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"
_LONG = (b"OB", b"OW", b"SQ", b"UN", b"UT")


def archive(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of name -> bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as zipped, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in members.items():
            zipped.writestr(zipfile.ZipInfo(name), data, method)
    return file.getvalue()


def changed(data: bytes, signature: bytes, offset: int, layout: str, value: int) -> bytes:
    """The bytes with one field changed, `offset` after the last `signature`."""
    copy = bytearray(data)
    struct.pack_into(layout, copy, copy.rindex(signature) + offset, value)
    return bytes(copy)


def special_member(kind: int) -> bytes:
    """A zip whose only member is a link, device, pipe ... to /etc/passwd."""
    file, info = io.BytesIO(), zipfile.ZipInfo("link.png")
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr(info, "/etc/passwd")
    return file.getvalue()


def overlapping(count: int) -> bytes:
    """A zip whose members are all the same 10 MB of zeros."""
    data = archive({"a.png": bytes(10_000_000)})
    at, end = data.index(b"PK\1\2"), data.rindex(b"PK\5\6")
    entry = data[at:end]
    tail = bytearray(data[end:])
    struct.pack_into("<HHI", tail, 8, count, count, count * len(entry))
    return data[:at] + entry * count + bytes(tail)


def nested(depth: int) -> bytes:
    """Zips inside zips around 10 MB of zeros, 16 copies on each floor."""
    data = bytes(10_000_000)
    for floor in range(depth):
        suffix = "zip" if floor else "png"
        data = archive({f"{n}.{suffix}": data for n in range(16 if floor else 1)})
    return data


def element(group: int, number: int, kind: bytes, value: bytes, length: int | None = None) -> bytes:
    """A DICOM data element, explicit VR little endian; its length may be a lie."""
    size = len(value) if length is None else length
    head = struct.pack("<HH", group, number) + kind
    return (
        head + (struct.pack("<HI", 0, size) if kind in _LONG else struct.pack("<H", size)) + value
    )


def dicom(
    rows: int, columns: int, pixels: bytes, more: bytes = b"", deflate: bool = False
) -> bytes:
    """A DICOM mammogram of 16 bits whose pixels need not fit its size."""
    short = {2: 1, 16: rows, 17: columns, 256: 16, 257: 16, 258: 15, 259: 0}
    body = element(8, 0x60, b"CS", b"MG") + more + element(0x28, 4, b"CS", b"MONOCHROME2 ")
    body += b"".join(
        element(0x28, number, b"US", struct.pack("<H", value)) for number, value in short.items()
    )
    body += element(0x7FE0, 0x10, b"OW", pixels)
    if deflate:
        packer = zlib.compressobj(wbits=-15)
        body = packer.compress(body) + packer.flush()
    syntax = element(2, 0x10, b"UI", _DEFLATED if deflate else _EXPLICIT)
    meta = element(2, 0, b"UL", struct.pack("<I", len(syntax))) + syntax
    return bytes(128) + b"DICM" + meta + body


def png(width: int, height: int, data: bytes, length: int | None = None) -> bytes:
    """A grey PNG whose data need not fit its size, nor its data chunk the length it states."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packed = zlib.compress(data)
    chunks = [
        (b"IHDR", head, len(head)),
        (b"IDAT", packed, length or len(packed)),
        (b"IEND", b"", 0),
    ]
    parts = (
        struct.pack(">I", size) + kind + value + struct.pack(">I", zlib.crc32(kind + value))
        for kind, value, size in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff(width: int, height: int, following: int, offset: int = 8) -> bytes:
    """A grey TIFF whose directory names `following` as the next one, and data at `offset`."""
    tags: tuple[tuple[int, int], ...] = (
        (256, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, offset),
        (277, 1),
    )
    tags = (*tags, (278, height), (279, width * height & 0xFFFFFFFF))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return (
        b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    )


def npy(shape: str, kind: str, data: bytes) -> bytes:
    """A NumPy file with any header."""
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head.encode() + data


def pickled() -> bytes:
    """A NumPy file of objects, which to load is to run."""
    file = io.BytesIO()
    np.save(file, np.full((64, 64), "x", dtype=object), allow_pickle=True)
    return file.getvalue()


def archives() -> dict[str, bytes]:
    """Hostile archives by name."""
    good = archive({"a.png": png(64, 64, bytes(65 * 64))})
    directory, end = b"PK\1\2", b"PK\5\6"
    suffixes = [f"{n}{'.png' * 15_000}" for n in range(490)]
    outside = f"../../../../../../../../tmp/{ESCAPED}.png"
    encrypted = changed(changed(good, directory, 8, "<H", 1), b"PK\3\4", 6, "<H", 1)
    return {
        "zip: member that climbs out": archive({outside: JUNK}),
        "zip: member with an absolute path": archive({f"/tmp/{ESCAPED}.png": JUNK}),
        "zip: member with backslashes": archive({f"..\\..\\{ESCAPED}.png": JUNK}),
        "zip: member on another drive": archive({f"C:\\{ESCAPED}.png": JUNK}),
        "zip: member with a name of 60,000": archive({"x" * 60_000 + ".png": JUNK}),
        "zip: symbolic link": special_member(stat.S_IFLNK),
        "zip: character device": special_member(stat.S_IFCHR),
        "zip: named pipe": special_member(stat.S_IFIFO),
        "zip: bomb by ratio (300 MB of zeros)": archive({"a.png": bytes(300_000_000)}),
        "zip: bomb by nesting, five floors": nested(5),
        "zip: bomb by 1,000 overlapping members": overlapping(1000),
        "zip: contains itself by name": archive({"self.zip": good}),
        "zip: archive with the suffix of a picture inside": archive({"a.png": good}),
        "zip: states 1 byte": changed(good, directory, 24, "<I", 1),
        "zip: states 4 GB": changed(good, directory, 24, "<I", 0xFFFFFFFE),
        "zip: states 4 GB packed": changed(good, directory, 20, "<I", 0xFFFFFFFE),
        "zip: wrong checksum": changed(good, directory, 16, "<I", 1),
        "zip: member behind the end": changed(good, directory, 42, "<I", 0x7FFFFFFF),
        "zip: encrypted": encrypted,
        "zip: compressed with LZMA": archive({"a.png": JUNK}, zipfile.ZIP_LZMA),
        "zip: compressed in an unknown way": changed(good, directory, 10, "<H", 99),
        "zip: zip64 sizes without zip64 fields": changed(good, directory, 24, "<I", 0xFFFFFFFF),
        "zip: list of contents at a negative place": changed(good, end, 16, "<I", 0xFFFFFFF0),
        "zip: list of contents of 4 GB": changed(good, end, 12, "<I", 0xFFFFFFF0),
        "zip: cut in half": good[: len(good) // 2],
        "zip: 100,000 members": archive({f"{n}.png": b"" for n in range(100_000)}, 0),
        "zip: 490 names of 15,000 suffixes": archive(dict.fromkeys(suffixes, JUNK), 0),
        "zip: nothing but texts": archive({"a.txt": JUNK, "b.html": JUNK}),
        "zip: nothing": archive({}),
        "gzip in place of zip": gzip.compress(JUNK),
        "docx, which is a zip": archive({"[Content_Types].xml": JUNK, "word/document.xml": JUNK}),
    }


def pictures() -> dict[str, bytes]:
    """Hostile DICOM files and pictures by name."""
    text = element(0x10, 0x10, b"PN", b"A", length=0xFFFE)
    endless = element(8, 0x1140, b"SQ", b"", length=0xFFFFFFFF)
    deep = (struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + endless) * 20_000
    segments = b"\xff\xd8" + b"\xff\xe1\xff\xff" + bytes(65533)
    return {
        "DICOM: 65535 x 65535 without pixels": dicom(65535, 65535, b""),
        "DICOM: 65535 x 65535 in 100 bytes": dicom(65535, 65535, bytes(100)),
        "DICOM: no rows": dicom(0, 0, b""),
        "DICOM: text longer than the file": dicom(64, 64, bytes(8192), text),
        "DICOM: sequence without end": dicom(64, 64, bytes(8192), endless),
        "DICOM: 20,000 sequences in one another": dicom(64, 64, bytes(8192), endless + deep),
        "DICOM: deflated bomb (600 MB)": dicom(64, 64, bytes(600_000_000), deflate=True),
        "DICOM: pixels of 4 GB": dicom(64, 64, b"")[:-4] + b"\xfe\xff\xff\xff",
        "DICOM: preamble alone": bytes(128) + b"DICM",
        "DICOM: begins like a zip": b"PK\3\4" + dicom(64, 64, b"")[4:],
        "PNG: 50,000 x 50,000": png(50_000, 50_000, bytes(1000)),
        "PNG: 2^31 x 2^31": png(2**31 - 1, 2**31 - 1, b""),
        "PNG: chunk of 4 GB": png(64, 64, bytes(4160), 0xFFFFFFF0),
        "PNG: 100 MB of data for 64 x 64": png(64, 64, bytes(100_000_000)),
        "PNG: no data": png(64, 64, b""),
        "PNG: head alone": b"\x89PNG\r\n\x1a\n",
        "TIFF: directory that follows itself": tiff(64, 64, 8, 122) + bytes(4096),
        "TIFF: 20,000 x 20,000": tiff(20_000, 20_000, 0),
        "TIFF: data behind the end": tiff(64, 64, 0, 0x7FFFFFFF),
        "TIFF: 4 billion wide": tiff(0xFFFFFFFF, 1, 0),
        "JPEG: segments and no picture": segments * 40,
        "JPEG: markers without end": b"\xff\xd8" + b"\xff" * 2_000_000,
        "NumPy: objects (pickle)": pickled(),
        "NumPy: 10^12 values": npy("(1000000, 1000000)", "<u2", b""),
        "NumPy: negative size": npy("(-64, -64)", "<u2", bytes(8192)),
        "NumPy: code as header": npy("__import__('os').system('id')", "<u2", b""),
        "NumPy: NaN": npy("(64, 64)", "<f4", b"\0\0\xc0\x7f" * 4096),
        "PGM: 99,999 x 99,999": b"P5 99999 99999 255\n" + bytes(99),
        "PGM: size of 5,000 digits": b"P5 " + b"9" * 5000 + b" 1 255\n",
        "HTML": b"<!doctype html><script>alert(1)</script>",
        "SVG with a script": b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
        "XML: a billion laughs": b"<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><l>&b;</l>",
        "Windows program": b"MZ" + bytes(1000),
        "Linux program": b"\x7fELF" + bytes(1000),
        "polyglot: PNG head, zip tail": b"\x89PNG\r\n\x1a\n" + archive({"a.png": JUNK}),
        "polyglot: GIF and script": b"GIF89a/*" + bytes(40) + b"*/=1;alert(1)",
        "empty file": b"",
        "one byte": b"\0",
    }

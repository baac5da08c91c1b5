"""Reads an HDF5 file in a process of its own, and writes what was found as plain bytes.

    python hdf5.py GROUP ATTRIBUTE ... < FILE > FOUND

HDF5's library is C, and a damaged file can make it crash or worse; so nothing of it runs in the
program's own process. This one may not write files, has limits of memory and time, is given the
file as bytes and hands back a line of JSON ({"attributes", "arrays"} or {"refused"}) and, after
it, the arrays' own bytes as little-endian float32. Links and arrays that lie in other files are
refused.
"""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import h5py
import numpy as np

MOST_BYTES = 2 * 1024**3
OUTSIDE = ("optimizer", "metrics", "loss", "vars")
"""Groups beside the layers of a .keras file: how it was trained, and no part of the network."""
_MOST_EXPANSION, _FREE = 1000, 1024**2
"""Bytes a compressed array may declare for each byte it stores; up to _FREE nobody asks."""
_MOST_OBJECTS, _MOST_DEPTH, _MOST_SECONDS = 200_000, 64, 600
_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}


class NotTakenError(Exception):
    """What was found, in one clause."""


def main() -> None:
    """Read stdin, write stdout; see the module's text."""
    content = sys.stdin.buffer.read(MOST_BYTES + 1)
    _limit(len(content))
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            _write(file, sys.argv[1], sys.argv[2:])
    except NotTakenError as error:
        _say({"refused": str(error)})


def _limit(size: int) -> None:
    """Take from this process what reading needs not; where the system knows such limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = {
        resource.RLIMIT_AS: 4 * 1024**3 + 3 * size,
        resource.RLIMIT_CPU: _MOST_SECONDS,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 64,
    }
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))


def _say(header: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n")


def _write(file: Any, group: str, attributes: Sequence[str]) -> None:
    texts = {name: _text(file.attrs.get(name)) for name in attributes}
    start = file
    if group:
        there = isinstance(file.get(group, getlink=True), h5py.HardLink)
        start = file[group] if there else {}
    found = list(_walk(start))
    arrays = [{"place": place, "shape": one.shape, "kind": one.dtype.kind} for place, one in found]
    numbers = [(place, one) for place, one in found if one.dtype.kind == "f"]
    for place, one in numbers:
        _check(place, one)
    if sum(math.prod(one.shape) for _, one in numbers) * 4 > MOST_BYTES:
        raise NotTakenError("its arrays have more than 2 GiB")
    _say({"attributes": texts, "arrays": arrays})
    for _, one in numbers:
        values = np.asarray(one[()], "<f4")
        sys.stdout.buffer.write(values.tobytes())


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


def _walk(root: Any) -> Iterator[tuple[str, Any]]:
    """All datasets below a group by their place, without following any link."""
    waiting = [("", root, 0)]
    seen = 0
    while waiting:
        place, group, depth = waiting.pop()
        for name in group:
            seen += 1
            if seen > _MOST_OBJECTS or depth > _MOST_DEPTH:
                raise NotTakenError("its HDF5 groups are more or deeper than any model's")
            if not place and name in OUTSIDE:
                continue
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise NotTakenError(f"{place}{name} is a link to another place or file")
            kind = group.get(name, getclass=True)
            if kind is h5py.Group:
                waiting.append((f"{place}{name}/", group[name], depth + 1))
            elif kind is h5py.Dataset:
                yield f"{place}{name}", group[name]


def _check(place: str, one: Any) -> None:
    if one.is_virtual or one.external:
        raise NotTakenError(f"the values of {place} lie in another file")
    properties = one.id.get_create_plist()
    filters = {properties.get_filter(number)[0] for number in range(properties.get_nfilters())}
    if one.shape is None or not filters <= _FILTERS:
        raise NotTakenError(f"array {place} is stored in a way that Keras does not use")
    declared, stored = math.prod(one.shape) * one.dtype.itemsize, one.id.get_storage_size()
    if (declared and not stored) or declared > _FREE + _MOST_EXPANSION * stored:
        shape = "x".join(map(str, one.shape))
        raise NotTakenError(
            f"array {place} of {shape} declares {declared:,} bytes and stores {stored:,}"
        )


if __name__ == "__main__":
    main()

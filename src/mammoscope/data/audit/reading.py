"""Looking at every file once, on several threads: the decoders let go of Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from mammoscope.data.audit.look import Look, MaskLook, look_at, look_at_mask
from mammoscope.data.audit.memory import Memory, Stamp

_AT_ONCE = 64
_MOST_THREADS = 8

Taken = TypeVar("Taken", Look, MaskLook)


def image_looks(
    folder: Path, paths: Sequence[str], memory: Memory, progress: bool
) -> tuple[Look, ...]:
    """Look at images, or remember having done so; in the order of `paths`."""
    return _looks(folder, paths, look_at, memory.image, memory, ("Pictures", progress))


def mask_looks(
    folder: Path, paths: Sequence[str], memory: Memory, progress: bool
) -> tuple[MaskLook, ...]:
    """As `image_looks`, of masks."""
    return _looks(folder, paths, look_at_mask, memory.mask, memory, ("Masks", progress))


def _looks(
    folder: Path,
    paths: Sequence[str],
    take: Callable[[Path], Taken],
    recall: Callable[[str, Stamp], Taken | None],
    memory: Memory,
    bar: tuple[str, bool],
) -> tuple[Taken, ...]:
    """Only this thread talks to the memory; the others read and measure."""
    looks: list[Taken] = []
    pool = ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1))
    with pool, _bar(len(paths) if bar[1] else 0) as shown:
        task = shown.add_task(bar[0], total=len(paths))
        for part in _parts(paths):
            stamps = {path: _stamp(folder / path) for path in part}
            known = {path: recall(path, stamp) if stamp else None for path, stamp in stamps.items()}
            new = [path for path, look in known.items() if look is None]
            for path, look in zip(new, pool.map(take, [folder / p for p in new]), strict=True):
                known[path] = look
                stamp = stamps[path]
                if stamp:
                    memory.keep(path, stamp, look)
            memory.save()
            looks += [look for look in known.values() if look is not None]
            shown.advance(task, len(part))
    return tuple(looks)


def _parts(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(paths), _AT_ONCE):
        yield paths[start : start + _AT_ONCE]


def _bar(total: int) -> Progress:
    """A progress bar on stderr; none where there is nothing to count."""
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    return Progress(*columns, console=Console(stderr=True), disable=total == 0)


def _stamp(path: Path) -> Stamp | None:
    """None for a file that is not there, of which nothing is worth remembering."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns

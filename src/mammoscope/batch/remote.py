"""Files that lie elsewhere (S3, HTTP, another machine), fetched one at a time through fsspec."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from mammoscope.errors import ConfigError, CorruptError, MissingExtraError
from mammoscope.io.exam import NOT_IMAGE_NAMES, NOT_IMAGES


def is_url(given: str) -> bool:
    """Whether an input is a URL and not a path."""
    return "://" in given


def remote_files(url: str) -> list[str]:
    """Paths of the files below a URL, from it, in sorted order; tables and texts are passed over.

    Raises:
        ConfigError: the address cannot be listed, or nothing lies there.
        MissingExtraError: fsspec is not installed.
    """
    system, root = _system(url)
    try:
        found = sorted(system.find(root))
    except OSError as error:
        raise ConfigError(
            f"{url}: cannot be listed ({type(error).__name__}); check the address and the access."
        ) from error
    below = (str(PurePosixPath(path).relative_to(root)) for path in found if path != root)
    files = [path for path in below if not _is_other(PurePosixPath(path).name)]
    if not files:
        raise ConfigError(f"{url}: no image files lie below this address; check it.")
    return files


@contextmanager
def local_file(root: str, path: str) -> Iterator[str]:
    """A file to read: where it lies, or a copy that is deleted afterwards.

    Args:
        root: folder or URL.
        path: from there.

    Raises:
        CorruptError: it cannot be fetched.
    """
    if not is_url(root):
        yield os.path.join(root, path)  # noqa: PTH118 - Path would tidy up what the user wrote
        return
    with tempfile.TemporaryDirectory(prefix="mammoscope-") as folder:
        copy = str(Path(folder, PurePosixPath(path).name))
        system, start = _system(root)
        try:
            system.get_file(f"{start.rstrip('/')}/{path}", copy)
        except OSError as error:
            reason = f"the file cannot be fetched ({type(error).__name__})"
            raise CorruptError(path, reason, "try again with --retry-failed") from error
        yield copy


def _is_other(name: str) -> bool:
    lower = name.lower()
    return name.startswith(".") or lower in NOT_IMAGE_NAMES or lower.endswith(NOT_IMAGES)


def _system(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtraError("Reading from a URL", "scale") from error
    try:
        system, root = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{url}: {str(error).rstrip('.')}.") from error
    return system, str(root)

"""Writing files so that a reader of the folder never meets half of one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mammoscope.errors import ConfigError


@contextmanager
def drafted(path: str | Path) -> Iterator[Path]:
    """Give a file to write in the same folder, which takes the name `path` in one step.

    The folder is made where needed. If anything goes wrong, what was at `path` stays as it was.

    Raises:
        ConfigError: the folder or the file cannot be written.
    """
    target = Path(path)
    draft = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield draft
            os.replace(draft, target)  # noqa: PTH105 - Path.replace says less about overwriting
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{target}: the file cannot be written ({error.strerror}); "
            "choose an output folder you may write to and that has room."
        ) from error


def write_atomic(path: str | Path, content: bytes) -> Path:
    """Write `content` to `path` whole or not at all; see `drafted`."""
    with drafted(path) as draft:
        draft.write_bytes(content)
    return Path(path)

"""Writing results so that a reader of the folder never meets half a file."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from mammoscope.errors import ConfigError


def write_atomic(path: str | Path, content: bytes) -> Path:
    """Write `content` to `path` whole or not at all, making its folder where needed.

    The bytes go to a temporary file in the same folder, which then takes the name in one step.

    Raises:
        ConfigError: the folder or the file cannot be written.
    """
    target = Path(path)
    draft = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("xb") as stream:
                stream.write(content)
            os.replace(draft, target)  # noqa: PTH105 - Path.replace says less about overwriting
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{target}: the result cannot be written ({error.strerror}); "
            "choose an output folder you may write to and that has room."
        ) from error
    return target

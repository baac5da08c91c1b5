"""Everything Mammoscope raises on purpose.

MammoscopeError
├── ReadError            a file cannot be turned into pixels
│   ├── UnsupportedError     ... because nothing here knows its format or transfer syntax
│   ├── CorruptError         ... because it is empty, truncated or contradicts itself
│   └── LimitError           ... because it is larger than the reader's limits
├── RefusedError         pixels were read, and they are nothing the model can judge
├── WeightsError         a weights file or its card is missing, altered or does not fit
├── ConfigError          a recipe, option or manifest says something impossible
└── MissingExtraError    a command needs an optional part that is not installed

Every message is one sentence or two: what (file, field, value found), why, and what to do.
None ever carries a patient's name or identifier.
"""

from __future__ import annotations

from pathlib import Path


class MammoscopeError(Exception):
    """Root of all errors raised on purpose; its text is fit to be shown to a user."""


class ReadError(MammoscopeError):
    """A file could not be turned into pixels.

    Args:
        path: the file as the user named it.
        reason: what was found, in one clause without a full stop.
        remedy: what the user can do, in one clause without a full stop.
    """

    def __init__(self, path: str | Path, reason: str, remedy: str) -> None:
        self.path, self.reason, self.remedy = str(path), reason, remedy
        super().__init__(f"{path}: {reason}; {remedy}.")


class UnsupportedError(ReadError):
    """The format, transfer syntax or pixel layout is not one this program reads."""


class CorruptError(ReadError):
    """The file is empty, truncated, unreadable, or its fields contradict each other."""


class LimitError(ReadError):
    """The image is larger (or smaller) than the reader accepts."""


class RefusedError(ReadError):
    """The pixels are fine, but they are not a mammogram the model can judge."""


class WeightsError(MammoscopeError):
    """Weights or their card are missing, altered (sha256) or do not fit the program."""


class ConfigError(MammoscopeError):
    """A recipe, command-line option or manifest holds an impossible value."""


class MissingExtraError(MammoscopeError):
    """An optional part of the program is not installed.

    Args:
        what: what the user asked for.
        extra: name of the extra that provides it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the '{extra}' extra, which is not installed; "
            f"type: pip install 'mammoscope[{extra}]'."
        )

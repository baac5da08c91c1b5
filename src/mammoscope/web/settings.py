"""What the server is told at its start."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path

from mammoscope.errors import ConfigError

TOKEN_VARIABLE = "MAMMOSCOPE_TOKEN"
_SHORTEST_TOKEN = 12


def data_folder() -> Path:
    """Where studies are kept if nothing is said: the user's data folder (XDG base directories)."""
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "mammoscope"


@dataclass(frozen=True)
class Settings:
    """How the server behaves.

    Attributes:
        data: folder of what is kept: database, studies, audit log.
        host, port: where it listens; port 0 takes a free one.
        token: what a client must know; None only where the server listens to its own machine.
        hosts: names by which clients may call it besides its address and localhost.
        weights: further weights, by name or folder, that studies may be compared with.
        keep_days: after which a study is deleted.
        max_upload_mb: of one request, as it is sent.
        max_unpacked_mb: of one request, once archives are opened.
        max_files: of one request, those in archives included.
        requests_per_minute: of one client; 0 for no limit.
        waiting: jobs that may wait before further ones are turned away.
        try_it: whether there is a try-it page.

    Raises:
        ConfigError: a value is impossible, or the server would be open to others without a token.
    """

    data: Path = field(default_factory=data_folder)
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    hosts: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    keep_days: float = 30.0
    max_upload_mb: int = 1024
    max_unpacked_mb: int = 4096
    max_files: int = 500
    requests_per_minute: int = 1200
    waiting: int = 64
    try_it: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"serve: port {self.port} does not exist; give 0 to 65535.")
        for name in ("keep_days", "max_upload_mb", "max_unpacked_mb", "max_files", "waiting"):
            if getattr(self, name) <= 0:
                said = name.replace("_", "-")
                raise ConfigError(
                    f"serve: --{said} is {getattr(self, name)}; give a number above 0."
                )
        if self.token is not None and len(self.token) < _SHORTEST_TOKEN:
            raise ConfigError(
                f"serve: the token has {len(self.token)} characters; "
                f"give at least {_SHORTEST_TOKEN}."
            )
        if self.token is None and not is_loopback(self.host):
            raise ConfigError(
                f"serve: host {self.host} can be reached by others, and there is no token; "
                f"set {TOKEN_VARIABLE} or give --token-file."
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine can call this address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""What the server is told at its start."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mammoscope.errors import ConfigError

TOKEN_VARIABLE = "MAMMOSCOPE_TOKEN"
_SHORTEST_TOKEN = 12
_LONGEST_DAYS = 36_500


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
        tidy_s: seconds between two looks for what has expired.
        proxy: address of the reverse proxy whose word on who calls is believed; None for none.
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
    tidy_s: float = 600.0
    proxy: str | None = None
    try_it: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"serve: port {self.port} does not exist; give 0 to 65535.")
        if not 0 < self.keep_days <= _LONGEST_DAYS:
            raise ConfigError(
                f"serve: --keep-days is {self.keep_days:g}; give more than 0, at most 36500."
            )
        for name in ("max_upload_mb", "max_unpacked_mb", "max_files", "waiting"):
            if getattr(self, name) <= 0:
                said = name.replace("_", "-")
                raise ConfigError(
                    f"serve: --{said} is {getattr(self, name)}; give a number above 0."
                )
        if self.token is not None and not (self.token.isascii() and self.token.isprintable()):
            raise ConfigError("serve: the token has characters that no header holds; use ASCII.")
        if self.token is not None and len(self.token) < _SHORTEST_TOKEN:
            raise ConfigError(
                f"serve: the token has {len(self.token)} characters; "
                f"give at least {_SHORTEST_TOKEN}."
            )
        if self.token is None and self.open_to_others:
            raise ConfigError(
                f"serve: at host {self.host} others can reach the server, and there is no token; "
                f"set {TOKEN_VARIABLE} or give --token-file."
            )

    @property
    def open_to_others(self) -> bool:
        """Whether other machines can call the server, by its address or through a proxy."""
        return others_can_call(self.host, self.hosts, self.proxy)


def others_can_call(host: str, hosts: Sequence[str], proxy: str | None) -> bool:
    """Whether other machines can call a server so set up; further names mean that they do."""
    return bool(hosts) or proxy is not None or not is_loopback(host)


def is_loopback(host: str) -> bool:
    """Whether only this machine can call this address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

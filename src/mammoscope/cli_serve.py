"""The `serve` command: the reading room, the try-it page and the API."""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from mammoscope.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from mammoscope.web.settings import Settings

Folder = Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")]
File = Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")]
Flag = Annotated[bool, tyro.conf.arg(help_behavior_hint="")]
Names = Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...", help_behavior_hint="")]
Count = Annotated[int, tyro.conf.arg(metavar="N")]
Name = Annotated[str | None, tyro.conf.arg(metavar="ADDRESS", help_behavior_hint="")]
Days = Annotated[float, tyro.conf.arg(metavar="DAYS")]


@dataclass(frozen=True)
class Serve:
    """Serve the reading room, the try-it page and the API, on this machine's CPU.

    The page is at http://127.0.0.1:8000/, the try-it page at /try, the API below /api/v1 with its
    description at /openapi.json. Uploaded files are deleted once they are judged; what is kept
    to show a study holds no name and expires. Where the server can be reached from other machines
    it asks for a token: that of MAMMOSCOPE_TOKEN or --token-file, or one it makes and prints.

    For example:
      mammoscope serve --open
      mammoscope serve --port 9000 --data studies/ --keep-days 7
      mammoscope serve --host 0.0.0.0 --token-file token.txt --hosts reading-room.example
      mammoscope serve --weights runs/mine/weights
    """

    host: Annotated[str, tyro.conf.arg(metavar="ADDRESS")] = "127.0.0.1"
    """Address to listen at; 127.0.0.1 is reached from this machine alone."""
    port: Count = 8000
    """Port; 0 takes a free one."""
    data: Folder = None
    """Folder of what is kept; the user's data folder if left out."""
    token_file: File = None
    """File that holds the token."""
    hosts: Names = ()
    """Names by which browsers call the server, besides its address and localhost."""
    proxy: Name = None
    """Address of a reverse proxy in front of the server, which says who really calls."""
    weights: Names = ()
    """Further weights to compare with, by name or folder."""
    keep_days: Days = 30.0
    """Days after which a study is deleted."""
    max_upload_mb: Count = 1024
    """Most that one request may send."""
    requests_per_minute: Count = 1200
    """Most that one client may ask; 0 for no limit."""
    no_try_it: Flag = False
    """Leave the try-it page out: the server starts faster and takes less memory."""
    open: Flag = False
    """Open the page in the web browser."""

    def run(self) -> int:
        """Serve until interrupted; returns the exit code."""
        try:
            from mammoscope.web.serving import serve
        except ImportError as error:
            raise MissingExtraError("The command 'serve'", "web") from error
        serve(self._settings(), open_browser=self.open)
        return 0

    def _settings(self) -> Settings:
        from mammoscope.web.settings import Settings, data_folder

        return Settings(
            data=self.data or data_folder(),
            host=self.host,
            port=self.port,
            token=self._token(),
            hosts=self.hosts,
            weights=self.weights,
            keep_days=self.keep_days,
            max_upload_mb=self.max_upload_mb,
            requests_per_minute=self.requests_per_minute,
            proxy=self.proxy,
            try_it=not self.no_try_it,
        )

    def _token(self) -> str | None:
        """From the file, the environment, or a new one where others can reach the server."""
        from mammoscope.web.settings import TOKEN_VARIABLE, others_can_call

        if self.token_file is not None:
            return _read(self.token_file)
        if token := os.environ.get(TOKEN_VARIABLE):
            return token
        if not others_can_call(self.host, self.hosts, self.proxy):
            return None
        token = secrets.token_urlsafe(24)
        print(f"token (new at each start, or set {TOKEN_VARIABLE}): {token}", file=sys.stderr)
        return token


def _read(file: Path) -> str:
    try:
        text = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file}: the token cannot be read ({type(error).__name__}); give a text file."
        ) from error
    if not text:
        raise ConfigError(f"{file}: the token is empty; put 12 characters or more in it.")
    return text

"""One line for every change and login: when, what, how it ended; nothing of patients or files."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mammoscope.web.answers import session
from mammoscope.web.same_origin import SAFE_METHODS

log = logging.getLogger("mammoscope.audit")

# fmt: off
_WORDS = frozenset({
    "api", "compare", "demo", "evaluations", "images", "login", "logout", "marks", "predict",
    "region", "studies", "try", "v1", "verdict",
})
# fmt: on
_ID = re.compile(r"[0-9]{1,4}|[0-9a-f]{32}")


class Audit:
    """Log one JSON object for each request that may change something, to "mammoscope.audit".

    It holds time (ISO 8601, UTC), method, path, status (0 if the client went away before an
    answer), ms, and a hash of the session whose salt is forgotten when the server stops.

    Args:
        app: what to watch.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._salt = secrets.token_bytes(16)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on and log how it ended."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self.app(scope, receive, send)
            return
        status, began = 0, time.perf_counter()

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            log.info("%s", json.dumps(self._line(scope, status, time.perf_counter() - began)))

    def _line(self, scope: Scope, status: int, seconds: float) -> Mapping[str, object]:
        return {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "method": scope["method"] if scope["method"].isalpha() else "*",
            "path": told_path(scope["path"]),
            "status": status,
            "ms": round(seconds * 1000, 1),
            "session": self._hash(session(scope)),
        }

    def _hash(self, identifier: str | None) -> str | None:
        if identifier is None:
            return None
        return hashlib.sha256(self._salt + identifier.encode()).hexdigest()[:16]


def told_path(path: str) -> str:
    """A path of which only our own words and ids are told; anything else is "*"."""
    known = (part if part in _WORDS or _ID.fullmatch(part) else "*" for part in path.split("/")[1:])
    return "/" + "/".join(known)[:200]

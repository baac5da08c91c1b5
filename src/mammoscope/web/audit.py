"""One line for every action: when, what, how it ended; nothing of patients or files."""

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
_LOOK = re.compile(
    r"/api/v1/(studies(\.csv|/[0-9a-f]{32}(/report\.\w+|/images/\d+/(values|image\.png|overlay\.png))?)"
    r"|marks\.[\w.]+|evaluations/[0-9a-f]{32}/report\.html)"
)
_REFUSED = frozenset({401, 403, 429})
_ID = re.compile(r"[0-9]{1,4}|[0-9a-f]{32}")


class Audit:
    """Log one JSON object for each action to "mammoscope.audit": changes, looks, refused visitors.

    Looks are at a study, its report or pixels, and exports; asking again how far a job is, is none.

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
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        action = scope["method"] not in SAFE_METHODS or _LOOK.fullmatch(scope["path"]) is not None
        status, began = 0, time.perf_counter()

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            if action or status in _REFUSED:
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

"""How much, and how slowly, a request may send: counted as it comes, whatever it announces."""

from __future__ import annotations

import asyncio
import time

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mammoscope.web.answers import answer

_MB = 1_000_000
_OTHER_MB = 1.0
_GRACE_S, _BYTES_PER_S = 30.0, 8192
UPLOADS = frozenset(
    {"/api/v1/predict", "/api/v1/studies", "/api/v1/evaluations", "/try/gradio_api/upload"}
)
TOO_SLOW = "the upload came too slowly and was given up; send it again over a faster connection."
_CLOSE = {"connection": "close"}


class BodyLimit:
    """Answer 413 to a body that is too large and 408 to one that hardly moves.

    Args:
        app: what to protect.
        max_upload_mb: of the paths that take files; others may send 1 MB.
        grace_s: seconds that any body may take; after them 8 KiB must have come each second.
    """

    def __init__(self, app: ASGIApp, max_upload_mb: float, grace_s: float = _GRACE_S) -> None:
        self.app, self.max_upload_mb, self.grace_s = app, max_upload_mb, grace_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on with its body counted."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        upload = scope["path"] in UPLOADS
        megabytes = self.max_upload_mb if upload else _OTHER_MB
        if _announced(scope) > megabytes * _MB:
            await answer(scope, receive, send, 413, _too_large(megabytes))
            return  # not closed: a browser first sends what it announced, then reads the answer
        body = _Body(receive, send, megabytes, self.grace_s)
        try:
            await self.app(scope, body.receive, body.send)
        except HTTPException:
            if body.refused is None:
                raise
        if body.refused is not None and not body.answered:
            await answer(scope, receive, send, *body.refused, headers=_CLOSE)


class _Body:
    """Counts what comes; once it is refused, whatever the application answers is not sent."""

    def __init__(self, receive: Receive, send: Send, megabytes: float, grace_s: float) -> None:
        self._receive, self._send = receive, send
        self.megabytes, self.grace_s = megabytes, grace_s
        self.come, self.ended = 0, False
        self.waited = 0.0
        self.refused: tuple[int, str] | None = None
        self.answered = False

    async def receive(self) -> Message:
        if self.ended:
            return await self._receive()
        allowed = self.grace_s + self.come / _BYTES_PER_S - self.waited
        began = time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), max(allowed, 0.001))
        except TimeoutError:
            raise self._refuse(408, TOO_SLOW) from None
        self.waited += time.monotonic() - began  # the time that we take ourselves does not count
        self.come += len(message.get("body", b""))
        self.ended = not message.get("more_body", False)
        if self.come > self.megabytes * _MB:
            raise self._refuse(413, _too_large(self.megabytes))
        return message

    async def send(self, message: Message) -> None:
        if self.refused is None or self.answered:
            self.answered = True
            await self._send(message)

    def _refuse(self, status: int, detail: str) -> HTTPException:
        self.refused = status, detail
        return HTTPException(status, detail)


def _announced(scope: Scope) -> int:
    """Content-Length; what is no number is left to be counted."""
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isdecimal() and len(length) < 20 else 0


def _too_large(megabytes: float) -> str:
    return f"the request is larger than the limit of {megabytes:g} MB; send fewer files at a time."

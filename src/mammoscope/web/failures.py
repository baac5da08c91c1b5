"""The last border of a request: an unforeseen error ends it, and nothing else."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mammoscope.web.answers import answer

log = logging.getLogger("mammoscope.web")


class Failures:
    """Answer 500 with the kind of an unforeseen error, whose text may quote what a file holds.

    Args:
        app: what to protect.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on and catch what it raises."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = False

        async def noted(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception as error:
            kind = type(error).__name__
            log.error("unexpected %s", kind, exc_info=log.isEnabledFor(logging.DEBUG))
            if not began:
                said = f"unexpected {kind} in the server; its log, at level DEBUG, says where."
                await answer(scope, receive, send, 500, said)

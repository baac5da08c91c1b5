"""Short answers that are given before, or instead of, those of the routes."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send


async def answer(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Send {"detail": one sentence} with an HTTP status."""
    await JSONResponse({"detail": detail}, status, headers)(scope, receive, send)


def client(scope: Scope) -> str:
    """The address that the request came from."""
    host: str = (scope.get("client") or ("unknown", 0))[0]
    return host


def session(scope: Scope) -> str | None:
    """The id of the visitor's session; None if `Visitors` has not seen the request."""
    found: str | None = scope.get("state", {}).get("session")
    return found

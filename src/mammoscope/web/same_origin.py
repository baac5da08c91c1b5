"""Pages of other sites can make a browser call us; such calls are told by what they say of it.

Host is checked against DNS rebinding: another site's name that suddenly means our address. A
bare address in Host cannot be rebound. `Sec-Fetch-Site` (W3C Fetch Metadata) and `Origin`
(RFC 6454) say which site asked; a program that is no browser sends neither.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mammoscope.web.answers import answer

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
WRONG_HOST = (
    "the request's Host header is not a name of this server; "
    "call it by its address, or start it with --hosts NAME."
)
OTHER_SITE = "the request comes from a page of another site; open this server's own page."
NO_WEBSOCKET = 4403


class SameOrigin:
    """Refuse requests under foreign names, and changes asked for by other sites; no web sockets.

    Args:
        app: what to protect.
        hosts: names by which it may be called, besides localhost and any address.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        self.app = app
        self.hosts = {"localhost", *(host.lower().rstrip(".") for host in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or answer 400 or 403."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": NO_WEBSOCKET})
            return
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if not self._is_ours(headers.getlist("host")):
                await answer(scope, receive, send, 400, WRONG_HOST)
                return
            if scope["method"] not in SAFE_METHODS and not _is_same_origin(headers):
                await answer(scope, receive, send, 403, OTHER_SITE)
                return
        await self.app(scope, receive, send)

    def _is_ours(self, given: list[str]) -> bool:
        name = _host_name(given[0]) if len(given) == 1 else None
        return name is not None and (name in self.hosts or _is_address(name))


def _is_same_origin(headers: Headers) -> bool:
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site not in (None, "none", "same-origin"):
        return False
    if origin is None or (site and origin == "null"):  # our own forms say null: no-referrer
        return True
    try:
        return urlsplit(origin).netloc.lower() == headers["host"].lower()
    except ValueError:
        return False


def _host_name(host: str) -> str | None:
    """The name or address in a Host header, without its port."""
    try:
        parts = urlsplit(f"//{host}")
        return (
            (parts.hostname or "").rstrip(".") if parts.netloc == host and "@" not in host else None
        )
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

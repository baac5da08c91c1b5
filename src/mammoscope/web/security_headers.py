"""Headers that tell a browser what a page of ours may do, and what may be kept of it."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
ROOM = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'self'"
)
# Gradio builds its page with inline scripts and compiles parts of it at run time.
TRY_IT = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' blob: data:; "
    "frame-ancestors 'self'; base-uri 'self'; form-action 'self'; object-src 'none'"
)
OWN_POLICY = "frame-ancestors 'self'"  # the page states the rest itself, with its script's hash
DATA = "default-src 'none'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"

_BUILT = "public, max-age=31536000, immutable"


class SecurityHeaders:
    """Set the headers of every answer, refusals and failures included.

    Args:
        app: what to protect.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on and set the headers of its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _EVERYWHERE.items():
                    headers[name] = value
                headers["content-security-policy"] = content_policy(path)
                kept = cache_policy(path, message["status"])
                if kept is not None:
                    headers["cache-control"] = kept
            await send(message)

        await self.app(scope, receive, with_headers)


def content_policy(path: str) -> str:
    """The Content-Security-Policy (W3C CSP 3) of a path."""
    if path == "/try" or path.startswith("/try/"):
        return TRY_IT
    if path == "/" or path.startswith("/assets/"):
        return ROOM
    return OWN_POLICY if path.endswith("/report.html") else DATA


def cache_policy(path: str, status: int) -> str | None:
    """The Cache-Control of a path (RFC 9111); None leaves it to the page."""
    if path.startswith("/try"):
        return None
    if path.startswith("/assets/") and status in (200, 206, 304):
        return _BUILT
    return "no-cache" if path == "/" else "no-store"

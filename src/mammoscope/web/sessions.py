"""Who is who between two requests: random ids in a cookie, kept in memory and nowhere else."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "mammoscope_session"
HOURS = 12
_MOST = 10_000
_WITHOUT = ("/assets/", "/health", "/ready", "/metrics")


class Sessions:
    """Ids of visitors, some of whom have logged in; forgotten 12 hours after their last request.

    At most 10,000 strangers and 10,000 who logged in are remembered, so that strangers can
    neither fill the memory nor push out those who know the token.

    Args:
        seconds: after which an unused session ends.
        clock: seconds, from any start, that never go back.
    """

    def __init__(
        self, seconds: float = HOURS * 3600, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds, self._clock, self._lock = seconds, clock, Lock()
        self._strangers: OrderedDict[bytes, float] = OrderedDict()
        self._known: OrderedDict[bytes, float] = OrderedDict()

    def new(self, logged_in: bool = False) -> str:
        """A new id of 256 random bits."""
        identifier = secrets.token_urlsafe(32)
        ends = self._known if logged_in else self._strangers
        with self._lock:
            ends[_key(identifier)] = self._clock() + self.seconds
            if len(ends) > _MOST:
                ends.popitem(last=False)
        return identifier

    def valid(self, identifier: str) -> bool:
        """Whether this id was given out and has not ended; asking renews it."""
        return self._renew(self._known, identifier) or self._renew(self._strangers, identifier)

    def logged_in(self, identifier: str) -> bool:
        """Whether this session began with the token; asking renews it."""
        return self._renew(self._known, identifier)

    def drop(self, identifier: str) -> None:
        """End a session."""
        with self._lock:
            for ends in (self._known, self._strangers):
                ends.pop(_key(identifier), None)

    def _renew(self, ends: OrderedDict[bytes, float], identifier: str) -> bool:
        key, now = _key(identifier), self._clock()
        with self._lock:
            if ends.get(key, now) <= now:
                ends.pop(key, None)
                return False
            ends[key] = now + self.seconds
            ends.move_to_end(key)
            return True


class Visitors:
    """Give every visitor a session, whose id the routes find as `request.state.session`.

    Args:
        app: what to protect.
        sessions: where they are remembered.
    """

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:
        self.app, self.sessions = app, sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on with its session."""
        if scope["type"] != "http" or scope["path"].startswith(_WITHOUT):
            await self.app(scope, receive, send)
            return
        found = cookie_of(scope)
        known = found if found is not None and self.sessions.valid(found) else None
        identifier = known or self.sessions.new()
        scope.setdefault("state", {})["session"] = identifier

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and known is None:
                headers = MutableHeaders(scope=message)
                if not any(c.startswith(COOKIE) for c in headers.getlist("set-cookie")):
                    headers.append("set-cookie", cookie_header(scope, identifier))
            await send(message)

        await self.app(scope, receive, with_cookie)


def cookie_of(scope: Scope) -> str | None:
    """The session id that a request carries, whether or not it is a valid one."""
    return cookie_parser(Headers(scope=scope).get("cookie", "")).get(COOKIE)


def cookie_header(scope: Scope, identifier: str, seconds: float = HOURS * 3600) -> str:
    """Set-Cookie that no script and no other site can use; Secure where the request was."""
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    age = int(seconds)
    return f"{COOKIE}={identifier}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}"


def _key(identifier: str) -> bytes:
    """The id is looked up by its hash, so that the time of a look-up tells nothing of it."""
    return hashlib.sha256(identifier.encode("utf-8", "surrogateescape")).digest()

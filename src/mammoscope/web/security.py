"""Who may come in: the token, the session that it opens, and a brake on guessing it.

`protect` puts all middlewares around an application, in the one order that works.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from threading import Lock

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mammoscope.web.answers import answer, client
from mammoscope.web.audit import Audit
from mammoscope.web.body_limit import BodyLimit
from mammoscope.web.failures import Failures
from mammoscope.web.rate import RateLimit
from mammoscope.web.same_origin import SameOrigin
from mammoscope.web.security_headers import SecurityHeaders
from mammoscope.web.sessions import Sessions, Visitors, cookie_header, cookie_of

OPEN_PATHS = ("/", "/login", "/health", "/ready", "/api/v1/session", "/favicon.ico")
_OPEN_FOLDER = "/assets/"
_FREE_GUESSES, _LONGEST_WAIT, _REMEMBERED = 5, 300.0, 10_000
LOG_IN = "this needs a token; log in, or send the header Authorization: Bearer TOKEN."
WRONG = "the token is not right; give the one that the server was started with."
GUESSED = "too many wrong tokens came from this address; wait before trying again."


class Throttle:
    """Makes a client wait after wrong tokens: five are free, then 1 s, 2 s, 4 s ... 5 minutes.

    Args:
        clock: seconds, from any start, that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds until this address may try again; 0 if at once."""
        return max(self._failures.get(address, (0, 0.0))[1] - self._clock(), 0.0)

    def failed(self, address: str) -> None:
        """Note a wrong token."""
        with self._lock:
            count = self._failures.get(address, (0, 0.0))[0] + 1
            over = count - _FREE_GUESSES
            wait = 0.0 if over < 0 else min(2.0 ** min(over, 30), _LONGEST_WAIT)
            self._failures[address] = count, self._clock() + wait
            self._failures.move_to_end(address)
            if len(self._failures) > _REMEMBERED:
                self._failures.popitem(last=False)


class Gate:
    """The token and those who have shown it.

    Args:
        token: what a client must know; None lets everybody in.
        sessions: of all visitors.
        throttle: of wrong tokens.
    """

    def __init__(
        self,
        token: str | None,
        sessions: Sessions | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        self._token = token.encode() if token is not None else None
        self.sessions = sessions or Sessions()
        self.throttle = throttle or Throttle()

    @property
    def login_needed(self) -> bool:
        """Whether there is a token."""
        return self._token is not None

    def is_token(self, given: str) -> bool:
        """Compare in a time that does not depend on how much is right."""
        data = given.encode("utf-8", "surrogateescape")
        return self._token is not None and hmac.compare_digest(data, self._token)

    def logged_in(self, request: Request) -> bool:
        """Whether this request may do everything; for `/api/v1/session`."""
        found = cookie_of(request.scope)
        return not self.login_needed or (found is not None and self.sessions.logged_in(found))


def login(gate: Gate, request: Request, token: str) -> JSONResponse:
    """Answer a login: 200 with the cookie of a new session, 401, or 429 after many wrong tokens."""
    address = client(request.scope)
    if gate.login_needed and not gate.is_token(token):
        if wait := gate.throttle.wait(address):
            return JSONResponse({"detail": GUESSED}, 429, _retry(wait))
        gate.throttle.failed(address)
        return JSONResponse({"detail": WRONG}, 401)
    if old := cookie_of(request.scope):
        gate.sessions.drop(old)  # an id that somebody else may have planted is worth nothing
    identifier = gate.sessions.new(logged_in=True)
    cookie = cookie_header(request.scope, identifier, gate.sessions.seconds)
    return JSONResponse({"logged_in": True}, headers={"set-cookie": cookie})


def logout(gate: Gate, request: Request) -> JSONResponse:
    """Answer a logout: the session ends here and in the browser."""
    if found := cookie_of(request.scope):
        gate.sessions.drop(found)
    cookie = cookie_header(request.scope, "", 0)
    answered = {"logged_in": not gate.login_needed}
    return JSONResponse(answered, headers={"set-cookie": cookie})


class Authentication:
    """Let in who has a session that began with the token, or sends it: Bearer or Basic.

    Args:
        app: what to protect.
        gate: the token; without one everybody is let in.
        open_paths: what everybody may see.
    """

    def __init__(self, app: ASGIApp, gate: Gate, open_paths: Collection[str] = OPEN_PATHS) -> None:
        self.app, self.gate, self.open_paths = app, gate, frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or answer 401 or 429."""
        if scope["type"] != "http" or self._is_open(scope["path"]) or self._has_session(scope):
            await self.app(scope, receive, send)
            return
        given, address = _given_token(scope), client(scope)
        if given is None:
            await answer(scope, receive, send, 401, LOG_IN, _challenge(scope))
        elif self.gate.is_token(given):
            # Before the brake: behind a proxy others' wrong guesses must not lock out who knows it.
            await self.app(scope, receive, send)
        elif wait := self.gate.throttle.wait(address):
            await answer(scope, receive, send, 429, GUESSED, _retry(wait))
        else:
            self.gate.throttle.failed(address)
            await answer(scope, receive, send, 401, WRONG, _challenge(scope))

    def _is_open(self, path: str) -> bool:
        return (
            not self.gate.login_needed or path in self.open_paths or path.startswith(_OPEN_FOLDER)
        )

    def _has_session(self, scope: Scope) -> bool:
        found = cookie_of(scope)
        return found is not None and self.gate.sessions.logged_in(found)


@dataclass(frozen=True)
class Protection:
    """How an application is protected.

    Attributes:
        gate: token and sessions.
        hosts: names by which it may be called, besides localhost and any address.
        max_upload_mb: of the body of one upload.
        requests_per_minute: of one visitor; 0 for no limit.
    """

    gate: Gate
    hosts: tuple[str, ...] = ()
    max_upload_mb: float = 1024
    requests_per_minute: float = 1200


def protect(app: Starlette, protection: Protection) -> None:
    """Add every middleware; call it once, before the application is started.

    From the outside in: headers of every answer, audit, unforeseen errors, where a request comes
    from, how often, who, the token, and how much it sends.
    """
    app.add_middleware(BodyLimit, max_upload_mb=protection.max_upload_mb)
    app.add_middleware(Authentication, gate=protection.gate)
    app.add_middleware(RateLimit, per_minute=protection.requests_per_minute)
    app.add_middleware(Visitors, sessions=protection.gate.sessions)
    app.add_middleware(SameOrigin, hosts=protection.hosts)
    app.add_middleware(Failures)
    app.add_middleware(Audit)
    app.add_middleware(SecurityHeaders)


def _given_token(scope: Scope) -> str | None:
    kind, _, value = Headers(scope=scope).get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _challenge(scope: Scope) -> Mapping[str, str]:
    """Only a page that is opened by itself is asked by the browser's own dialogue."""
    mode = Headers(scope=scope).get("sec-fetch-mode", "navigate")
    basic = 'Basic realm="Mammoscope", charset="UTF-8"'
    return {"www-authenticate": basic if mode == "navigate" else 'Bearer realm="Mammoscope"'}


def _retry(seconds: float) -> Mapping[str, str]:
    return {"retry-after": str(max(math.ceil(seconds), 1))}

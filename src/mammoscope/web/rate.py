"""How often a client may call: token buckets, for each visitor and for each address."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from mammoscope.web.answers import answer, client, session

_REMEMBERED = 20_000
_VISITORS_OF_ADDRESS = 10
_FREE = ("/assets/", "/health", "/ready")
SLOWER = "too many requests came in a short time; wait a moment and try again."


class Buckets:
    """Token buckets by name; each holds one minute's worth at most.

    Args:
        per_minute: what flows into each.
        clock: seconds, from any start, that never go back.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute, self._clock = per_minute, clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Take one; returns 0, or the seconds until there is one."""
        now = self._clock()
        level, since = self._levels.get(name, (self.per_minute, now))
        level = min(level + (now - since) * self.per_minute / 60, self.per_minute)
        wait = 0.0 if level >= 1 else (1 - level) * 60 / self.per_minute
        self._levels[name] = (level if wait else level - 1, now)
        self._levels.move_to_end(name)
        if len(self._levels) > _REMEMBERED:  # the longest unused is full again, or nearly
            self._levels.popitem(last=False)
        return wait


class RateLimit:
    """Turn away a visitor, or an address, that asks too often; its scripts and pictures are free.

    An address may ask ten times as often as a visitor: a hospital is often behind one address,
    and a client that throws its cookie away is a new visitor each time.

    Args:
        app: what to protect.
        per_minute: requests of one visitor; 0 for no limit.
        clock: as in `Buckets`.
    """

    def __init__(
        self, app: ASGIApp, per_minute: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.app, self.per_minute = app, per_minute
        self._visitors = Buckets(per_minute, clock)
        self._addresses = Buckets(_VISITORS_OF_ADDRESS * per_minute, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or answer 429."""
        limited = scope["type"] == "http" and not scope["path"].startswith(_FREE)
        wait = self._wait(scope) if limited and self.per_minute > 0 else 0.0
        if wait:
            retry = {"retry-after": str(max(math.ceil(wait), 1))}
            await answer(scope, receive, send, 429, SLOWER, retry)
        else:
            await self.app(scope, receive, send)

    def _wait(self, scope: Scope) -> float:
        visitor = f"{client(scope)} {session(scope)}"
        return self._addresses.take(client(scope)) or self._visitors.take(visitor)

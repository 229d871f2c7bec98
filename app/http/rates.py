"""How often one caller may call: counted in Valkey for all processes, in each process alone while Valkey is away."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from flask import Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue
from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from app.core import queue
from app.core.errors import DomainError, mark
from app.core.settings import Settings
from app.domain.access.login import network

log = logging.getLogger(__name__)
View = TypeVar("View", bound=Callable[..., ResponseReturnValue])

AWAY = 10.0  # seconds until a Valkey that did not answer is asked again
BURST = 10  # seconds in which twice the rate may come
QUARTER = 15 * 60
TESTS = 10  # calls a minute with which one person tries something outside


class TooOften(DomainError):
    """One caller called more often than he may; `seconds` until he may again."""

    code = "RATE_LIMITED"

    def __init__(self, seconds: int) -> None:
        super().__init__(mark("That was too often. Wait a minute and try again."))
        self.seconds = seconds


@dataclass(frozen=True)
class Standing:
    """Where a caller stands after this call: what its answer tells him."""

    limit: int
    remaining: int
    reset: int  # seconds
    is_over: bool


class Rates:
    """The counters of one application."""

    def __init__(self, settings: Settings) -> None:
        """Take the rates from the settings."""
        self.redis_url = settings.redis_url
        self.local = SlidingWindowCounterRateLimiter(MemoryStorage())
        self.away_until = 0.0
        self.items: dict[str, tuple[RateLimitItem, ...]] = {
            "api": _with_burst(settings.rate_api),
            "test": (RateLimitItemPerMinute(TESTS),),
            "login": (RateLimitItemPerSecond(settings.rate_login, QUARTER),),
            "public": _with_burst(settings.rate_public),
            "inbound": _with_burst(settings.rate_inbound),
            "track": _with_burst(settings.rate_track),
            "page": _with_burst(settings.rate_page),
        }

    @cached_property
    def shared(self) -> SlidingWindowCounterRateLimiter:
        """Made when it is first asked: a start does not wait for Valkey."""
        pool = queue.connection(self.redis_url).connection_pool
        return SlidingWindowCounterRateLimiter(RedisStorage("redis://", connection_pool=pool, key_prefix="rate"))

    def count(self, kind: str, who: str) -> Standing:
        """Count one call."""
        if time.monotonic() >= self.away_until:
            try:
                return self._counted(self.shared, kind, who)
            except RedisError as broke:
                self.away_until = time.monotonic() + AWAY
                log.warning("rates are counted by each process alone", extra={"reason": type(broke).__name__})
        return self._counted(self.local, kind, who)

    def _counted(self, limiter: SlidingWindowCounterRateLimiter, kind: str, who: str) -> Standing:
        main, *bursts = self.items[kind]
        over = next((item for item in (*bursts, main) if not limiter.hit(item, kind, who)), None)
        stats = limiter.get_window_stats(over or main, kind, who)
        reset = max(1, math.ceil(stats.reset_time - time.time()))
        return Standing((over or main).amount, 0 if over else stats.remaining, reset, over is not None)


def _with_burst(a_minute: int) -> tuple[RateLimitItem, ...]:
    return RateLimitItemPerMinute(a_minute), RateLimitItemPerSecond(max(1, 2 * a_minute * BURST // 60), BURST)


def rated(kind: str) -> Callable[[View], View]:
    """A route that is counted by another rate than the API's: `login`, `public`, `inbound`, `test` or `track`."""

    def counted(view: View) -> View:
        view.rate = kind  # type: ignore[attr-defined]
        return view

    return counted


def init_app(app: Flask) -> None:
    """Count what is rated; the answer says where its caller stands."""
    app.extensions["rates"] = Rates(app.config["SETTINGS"])
    app.before_request(count)
    app.after_request(_tell)


def count() -> None:
    """Count this request, after it is known who asks. Raises TooOften."""
    view: Any = current_app.view_functions.get(request.endpoint or "")
    kind = getattr(view, "rate", "api" if request.path.startswith("/api/") else "")
    if not kind:
        return
    if kind == "track":
        kind = "api" if g.actor is None else "page" if g.actor.kind == "public" else kind
    g.standing = current_app.extensions["rates"].count(kind, _who(kind))
    if g.standing.is_over:
        raise TooOften(g.standing.reset)


def _who(kind: str) -> str:
    if kind == "inbound":
        return str((request.view_args or {}).get("account_id"))
    if kind == "page":  # each of its visitors: one of them does not use up the key of all
        return f"{g.actor.key_id}|{network(request.remote_addr)}"
    if kind in ("api", "test", "track") and g.actor is not None:
        return str(g.actor.key_id or g.actor.id)
    return network(request.remote_addr)


def _tell(response: Response) -> Response:
    standing: Standing | None = g.get("standing")
    if standing is not None:
        response.headers["X-RateLimit-Limit"] = str(standing.limit)
        response.headers["X-RateLimit-Remaining"] = str(standing.remaining)
        response.headers["X-RateLimit-Reset"] = str(standing.reset)
        if standing.is_over:
            response.headers["Retry-After"] = str(standing.reset)
    return response

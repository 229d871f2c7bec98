"""The breaker: opens, lets exactly one call find out whether the other side is back, and never stops sending by itself."""

from uuid import uuid4

import pytest

from app.core import breaker, queue
from app.core.settings import Settings


@pytest.fixture
def name() -> str:
    return uuid4().hex


def opened(url: str, name: str) -> None:
    assert breaker.record(url, name, 0, 5) == "opened"


def time_over(url: str, name: str) -> None:
    """The open time has passed."""
    queue.connection(url).hset(f"breaker:{name}", "open_until", 1)


def test_what_is_healthy_is_given_any_number(settings: Settings, name: str) -> None:
    assert breaker.room(settings.redis_url, name) == breaker.ANY
    assert breaker.record(settings.redis_url, name, 100, 0) == ""
    assert breaker.room(settings.redis_url, name) == breaker.ANY


@pytest.mark.parametrize(("bad", "opens"), [(4, False), (5, True)])
def test_five_failures_in_a_row_open_it(settings: Settings, name: str, bad: int, opens: bool) -> None:
    said = [breaker.record(settings.redis_url, name, 0, 1) for _ in range(bad)]
    assert said == [""] * 4 + ["opened"] * opens
    assert breaker.room(settings.redis_url, name) == (0 if opens else breaker.ANY)


def test_a_good_batch_ends_the_row(settings: Settings, name: str) -> None:
    for _ in range(3):
        breaker.record(settings.redis_url, name, 0, 4)
        assert breaker.record(settings.redis_url, name, 40, 0) == ""
    assert breaker.room(settings.redis_url, name) == breaker.ANY


@pytest.mark.parametrize(
    ("good", "bad", "said"), [(11, 9, ""), (10, 10, "opened"), (9, 10, "")], ids=["less", "half", "too few"]
)
def test_half_of_the_last_twenty_open_it(settings: Settings, name: str, good: int, bad: int, said: str) -> None:
    assert breaker.record(settings.redis_url, name, good, bad) == said


def test_after_the_open_time_one_caller_may_try_one_call(settings: Settings, name: str) -> None:
    url = settings.redis_url
    opened(url, name)
    until = int(queue.connection(url).hget(f"breaker:{name}", "open_until"))  # type: ignore[arg-type]
    seconds, micro = queue.connection(url).time()
    assert until - (seconds * 1000 + micro // 1000) == pytest.approx(30_000, abs=2_000)
    assert breaker.room(url, name) == 0
    time_over(url, name)
    assert [breaker.room(url, name) for _ in range(4)] == [1, 0, 0, 0], "one message, of one worker"


def test_a_good_probe_closes_it_and_a_bad_one_does_not(settings: Settings, name: str) -> None:
    url = settings.redis_url
    opened(url, name)
    time_over(url, name)
    assert breaker.room(url, name) == 1
    assert breaker.record(url, name, 0, 1) == ""
    assert breaker.room(url, name) == 0, "nobody else tries before the probe's time is over"
    assert breaker.record(url, name, 1, 0) == "closed"
    assert breaker.room(url, name) == breaker.ANY


def test_without_valkey_nothing_is_held_back() -> None:
    nowhere = "redis://127.0.0.1:1"
    assert breaker.room(nowhere, "any") == breaker.ANY
    assert breaker.record(nowhere, "any", 0, 100) == ""

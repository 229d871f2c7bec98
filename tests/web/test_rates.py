"""Rates: what is counted for whom, what the answer says, and what happens without Valkey."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from app.core.settings import Settings
from app.factory import create_app
from app.http.rates import Rates
from tests.api.test_contacts import Caller
from tests.api.test_events import Page
from tests.web.campaigning import Campaigning
from tests.web.pages import House, house


@pytest.fixture
def few(page_settings: Settings) -> House:
    """A bank whose callers may call a few times."""
    settings = replace(page_settings, rate_api=12, rate_login=3, rate_public=3, rate_inbound=3)
    return house(create_app(settings), settings)


def test_every_public_route_that_does_something_is_counted(page_app: Flask) -> None:
    for rule in page_app.url_map.iter_rules():
        view: Any = page_app.view_functions[rule.endpoint]
        is_api = rule.rule.startswith("/api/")
        if getattr(view, "is_public", False) and (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}:
            harmless = rule.endpoint.startswith("preferences.") or rule.endpoint == "account.logout"
            assert is_api or getattr(view, "rate", "") or harmless, rule.endpoint


def test_a_key_that_calls_too_often_is_told_when_to_come_again(few: House) -> None:
    caller, other = Caller(few, "marketer"), Caller(few, "viewer")
    told = [caller("GET", "/me") for _ in range(5)]
    assert [answer.status_code for answer in told] == [200, 200, 200, 200, 429], "twice the rate, in ten seconds"
    over = told[-1]
    assert over.get_json()["error"]["code"] == "RATE_LIMITED"
    assert 1 <= int(over.headers["Retry-After"]) <= 60
    assert over.headers["X-RateLimit-Remaining"] == "0"
    first = other("GET", "/me")
    assert (first.status_code, first.headers["X-RateLimit-Limit"], first.headers["X-RateLimit-Remaining"]) == (
        200,
        "12",
        "11",
    )


def test_wrong_keys_are_counted_by_network(few: House) -> None:
    client = few.app.test_client()
    headers = {"Authorization": "Bearer ck_aaaaaaaa_wrong"}
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    statuses = [client.get("/api/v1/me", headers=headers, environ_overrides=elsewhere).status_code for _ in range(6)]
    assert statuses[-1] == 429


def test_sign_ins_and_links_are_counted_by_network(few: House) -> None:
    client = few.app.test_client()
    for path in ("/login", "/u/nobody"):
        for number in range(5):
            neighbour = {"REMOTE_ADDR": f"198.51.100.{number}"}
            answer = client.post(path, environ_overrides=neighbour)
        assert answer.status_code == 429, path
        assert answer.headers["Retry-After"]
        assert client.post(path, environ_overrides={"REMOTE_ADDR": "192.0.2.1"}).status_code != 429


def test_the_visitors_of_a_page_are_counted_each_and_a_secret_key_alone(page_settings: Settings) -> None:
    settings = replace(page_settings, rate_page=12, rate_track=18, rate_api=3)
    bank = house(create_app(settings), settings)
    page, server = Page(bank), Caller(bank, "marketer")
    event = {"event": "page", "contact": {"anonymous_id": "visitor-1"}}

    def told(caller: Caller, address: str, times: int) -> list[int]:
        where = {"REMOTE_ADDR": address}
        return [caller("POST", "/track", event, environ_overrides=where).status_code for _ in range(times)]

    assert told(page, "198.51.100.1", 5) == [202] * 4 + [429]
    assert told(page, "203.0.113.1", 1) == [202]
    over = page("POST", "/track", event, environ_overrides={"REMOTE_ADDR": "198.51.100.1"})
    assert over.headers["Access-Control-Allow-Origin"], "the script may read when to come again"
    assert over.headers["Retry-After"]
    assert told(server, "198.51.100.1", 7) == [202] * 6 + [429]


def test_without_valkey_each_process_counts_alone(settings: Settings) -> None:
    alone = Rates(replace(settings, redis_url="redis://127.0.0.1:1/0", rate_login=2))
    assert [alone.count("login", "a").is_over for _ in range(3)] == [False, False, True]
    assert not alone.count("login", "b").is_over


def test_pages_are_not_counted(campaigns: Campaigning) -> None:
    assert "X-RateLimit-Limit" not in campaigns.bank.browser("marketer").get("/contacts").headers

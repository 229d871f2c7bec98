"""The contract of a core bank, over real HTTP: what comes, and what each way of failing means."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.domain.consent.restrictions import BLOCKS
from app.gateways import http
from app.gateways.corebank.base import BalanceFeed, Broken, CoreBank, Page, Record, RestrictionRecord, Unavailable
from app.gateways.corebank.http_api import HttpApi
from app.gateways.corebank.memory import Memory
from tests.servers.sandbox import SECRET, Sandbox, free_port

DAY = "2026-10-09"
ITEM = {"record": "r", "external_id": "7", "date": DAY, "amount": "15000.00", "currency": "ILS", "version": 1}


def feed(sandbox: Sandbox, *, secret: str = SECRET, read_seconds: float = 10) -> HttpApi:
    return HttpApi(sandbox.url, secret, allow_private=True, read_seconds=read_seconds)


def asked(bank: BalanceFeed, day: str = DAY, after: str = "", limit: int = 1000) -> Page:
    async def ask() -> Page:
        async with bank as opened:
            return await opened.day(day, after, limit)

    return asyncio.run(ask())


def flags(bank: CoreBank, limit: int = 1000) -> list[RestrictionRecord]:
    async def ask() -> list[RestrictionRecord]:
        found: list[RestrictionRecord] = []
        after: str | None = ""
        async with bank as opened:
            while after is not None:
                page = await opened.restrictions(after, limit)
                found += page.items
                after = page.next
        return found

    return asyncio.run(ask())


def test_all_flags_come_in_pages_of_whole_customers(sandbox: Sandbox) -> None:
    told = flags(feed(sandbox))
    assert told == flags(feed(sandbox), limit=7)
    assert len({(one.external_id, one.flag) for one in told}) == len(told) > 500
    assert {one.flag for one in told} == set(BLOCKS)
    assert told == flags(Memory({}, told), limit=3)


def test_the_core_bank_can_forget_all_flags_and_name_new_ones(sandbox: Sandbox) -> None:
    sandbox.faults(bank={"restrictions": "none"})
    assert flags(feed(sandbox)) == []
    sandbox.faults(bank={"restrictions": "unknown_flag"})
    assert flags(feed(sandbox))[-1].flag == "blacklisted"


def test_flags_are_refused_to_a_wrong_secret_and_by_a_closed_bank(sandbox: Sandbox) -> None:
    with pytest.raises(Unavailable, match="401"):
        flags(feed(sandbox, secret="another"))
    sandbox.faults(bank={"down": True})
    with pytest.raises(Unavailable, match="503"):
        flags(feed(sandbox))


@pytest.mark.parametrize("body", [b"{}", b'{"items": [{"flag": "minor"}], "next": null}', b"<html>"])
def test_what_is_no_page_of_flags_is_broken(answering: "Answer", body: bytes) -> None:
    with pytest.raises(Broken):
        flags(HttpApi(answering(body), SECRET, allow_private=True))


def to_the_end(bank: BalanceFeed, day: str, limit: int) -> list[Record]:
    async def ask() -> list[Record]:
        records: list[Record] = []
        after: str | None = ""
        async with bank as opened:
            while after is not None:
                page = await opened.day(day, after, limit)
                records += page.items
                after = page.next
        return records

    return asyncio.run(ask())


Answer = Callable[[bytes, int], str]


@pytest.fixture
def answering() -> Iterator[Answer]:
    """A core bank that answers every question with the same bytes."""
    servers: list[ThreadingHTTPServer] = []

    def start(body: bytes, status: int = 200) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Keep quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def answer(answering: Any, body: Any, status: int = 200) -> Page:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return asked(HttpApi(answering(raw, status), SECRET, allow_private=True))


def test_a_day_comes_to_its_end(sandbox: Sandbox) -> None:
    records = to_the_end(feed(sandbox), DAY, limit=1000)
    assert sum(record.account_type != "savings" for record in records) == 45211 - 485 + sum(
        record.external_id.isdigit() and int(record.external_id) % 131 == 0
        for record in set(records)
        if record.account_type != "savings"
    )
    assert records[0] == Record("20261009-1-1", "1", DAY, records[0].amount, "ILS", 1)
    numbers = [int(record.external_id) for record in records]
    assert numbers == sorted(numbers)
    assert numbers[-1] == 45211


def test_it_goes_on_where_it_stood(sandbox: Sandbox) -> None:
    first = asked(feed(sandbox), limit=3)
    assert [record.external_id for record in first.items] == ["1", "2", "3"]
    assert first.next == "3"
    assert asked(feed(sandbox), after="3", limit=1).items[0].external_id == "4"
    assert asked(feed(sandbox), after="45211") == Page([], None)


def test_a_correction_of_an_earlier_day_comes_through_as_said(sandbox: Sandbox) -> None:
    items = asked(feed(sandbox), "2026-10-13", after="150", limit=2).items
    assert [(record.date, record.version) for record in items] == [("2026-10-12", 2), ("2026-10-13", 1)]


def test_what_is_no_number_stays_text(sandbox: Sandbox) -> None:
    (record,) = asked(feed(sandbox), "2026-10-20", after="250", limit=1).items
    assert not record.amount[0].isdigit()


def test_a_closed_bank_is_unavailable(sandbox: Sandbox) -> None:
    sandbox.faults(bank={"down": True})
    with pytest.raises(Unavailable, match="HTTP 503"):
        asked(feed(sandbox))


def test_a_slow_bank_is_unavailable(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "CONNECT_SECONDS", 0.2)
    sandbox.faults(bank={"delay_ms": 3000})
    with pytest.raises(Unavailable, match="in time"):
        asked(feed(sandbox, read_seconds=0.3))


def test_a_bank_that_is_not_named_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="no core bank is named"):
        asked(HttpApi("", "", allow_private=True))


def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="no connection"):
        asked(HttpApi(f"http://127.0.0.1:{free_port()}", SECRET, allow_private=True))


def test_a_wrong_secret_is_unavailable(sandbox: Sandbox) -> None:
    with pytest.raises(Unavailable, match="HTTP 401"):
        asked(feed(sandbox, secret="another"))


@pytest.mark.parametrize("secret", ["line\nbreak", "nul\0", "שלום"])
def test_a_secret_that_no_header_can_hold_is_not_an_accident(sandbox: Sandbox, secret: str) -> None:
    with pytest.raises(Unavailable):
        asked(feed(sandbox, secret=secret))


def test_a_private_address_is_called_only_where_that_is_allowed(sandbox: Sandbox) -> None:
    with pytest.raises(Unavailable):
        asked(HttpApi(sandbox.url, SECRET))
    with pytest.raises(Unavailable, match="private network"):
        asked(HttpApi(f"https://127.0.0.1:{sandbox.http_port}", SECRET))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 404, 403])
def test_not_now_is_unavailable(answering: Any, status: int) -> None:
    with pytest.raises(Unavailable, match=f"HTTP {status}"):
        answer(answering, {"reason": "not now"}, status)


@pytest.mark.parametrize("status", [201, 204, 302, 400, 422])
def test_another_status_is_broken(answering: Any, status: int) -> None:
    with pytest.raises(Broken, match=f"HTTP {status}"):
        answer(answering, b"", status)


def test_a_page_for_people_is_broken(sandbox: Sandbox) -> None:
    sandbox.faults(bank={"pages": "no_json"})
    with pytest.raises(Broken, match="not the page that was asked for"):
        asked(feed(sandbox))


def test_the_page_of_another_day_is_broken(sandbox: Sandbox) -> None:
    sandbox.faults(bank={"pages": "other_day"})
    with pytest.raises(Broken, match="another day"):
        asked(feed(sandbox))


def test_a_page_that_comes_twice_leads_to_itself(sandbox: Sandbox) -> None:
    first = asked(feed(sandbox))
    sandbox.faults(bank={"pages": "repeated"})
    assert asked(feed(sandbox), after=first.next or "") == first
    after = asked(feed(sandbox), after=first.next or "").items[0].external_id
    assert int(after) > int(first.next or ""), "and goes on when it is asked again"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"date": "2026-10-09", "items": [',
        b"\xff\xfe",
        b"[" * 100_000,
        {"date": DAY, "items": None, "next": None},
        {"date": DAY, "items": [ITEM]},
        {"date": DAY, "items": [7], "next": None},
        {"date": DAY, "items": [{**ITEM, "version": 0}], "next": None},
        {"date": DAY, "items": [{**ITEM, "version": "newest"}], "next": None},
        {"date": DAY, "items": [{**ITEM, "version": 2**40}], "next": None},
        {"date": DAY, "items": [{**ITEM, "external_id": ""}], "next": None},
        {"date": DAY, "items": [{**ITEM, "external_id": "7\0"}], "next": None},
        {"date": DAY, "items": [{**ITEM, "record": "r" * 101}], "next": None},
        {"date": DAY, "items": [{**ITEM, "amount": "\ud800"}], "next": None},
        {"date": DAY, "items": [{key: ITEM[key] for key in ITEM if key != "currency"}], "next": None},
        {"date": DAY, "items": [ITEM], "next": ""},
    ],
)
def test_what_does_not_read_as_a_page_is_broken(answering: Any, body: Any) -> None:
    with pytest.raises(Broken) as broke:
        answer(answering, body)
    assert "15000.00" not in str(broke.value)


@pytest.mark.parametrize(
    ("said", "amount"),
    [
        ("15,000.00", "15,000.00"),
        (15000.5, "15000.5"),
        (15000, "15000"),
        (None, "null"),
        (True, "true"),
        ("", ""),
        ([1], "[1]"),
    ],
)
def test_an_amount_is_kept_as_it_was_said(answering: Any, said: Any, amount: str) -> None:
    (record,) = answer(answering, {"date": DAY, "items": [{**ITEM, "amount": said}], "next": None, "more": 1}).items
    assert record.amount == amount


def test_the_feed_in_memory_pages_as_a_bank_does() -> None:
    records = [Record(f"r{n}", str(n // 2), DAY, "1.00", "ILS", 1 + n % 2) for n in range(7)]
    bank = Memory({DAY: records})
    assert to_the_end(bank, DAY, limit=2) == records
    assert bank.asked == [(DAY, ""), (DAY, "1")]
    assert to_the_end(bank, "2026-10-10", limit=2) == []
    bank.failing = [Unavailable("closed")]
    with pytest.raises(Unavailable):
        asked(bank)
    assert asked(bank, limit=9).items == records

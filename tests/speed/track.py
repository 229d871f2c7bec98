"""track: events a second over HTTP, one a call and a thousand a call, beside the same events as rows that are ready (inserted.py).

Four clients that never pause, on two web workers as `up` starts them. Each event of ours names its contact by number and has an id;
the rows know their contact. Ours and the floor are measured in turns, so that a busy machine is busy for both.
"""

import http.client
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from sqlalchemy import text

from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from tests.factories import people
from tests.servers.house import House, whole
from tests.servers.throwaway import Servers
from tests.speed.row import Row

CLIENTS, TURNS = 4, 3


def measure(servers: Servers, contacts: int = 20_000) -> Iterator[Row]:
    """One row for single events, one for batches of a thousand."""
    with (
        tempfile.TemporaryDirectory() as folder,
        whole(servers, "bench_track", Path(folder), workers=2, entry="tests.speed.inserted:app") as house,
    ):
        bank = Bank(house, contacts)
        for name, calls, size in (("single", 150, 1), ("batches of 1,000", 5, 1000)):
            for is_floor in (False, True):
                bank.load(is_floor, 10, 1)  # connections, plans
            ours = floor = 0.0
            for _ in range(TURNS):
                ours += bank.load(False, calls, size)
                floor += bank.load(True, calls, size)
            count, ratio = TURNS * CLIENTS * calls * size, floor / ours
            yield Row(
                f"track: {name}",
                f"{count / ours:,.0f}/s",
                f"{count / floor:,.0f}/s",
                ratio,
                ">= 0.33 of INSERT",
                ratio >= 0.33,
            )


class Bank:
    """A bank with contacts, told of events."""

    def __init__(self, house: House, contacts: int) -> None:
        me = house.call("marketer", "GET", "/me")[1]["data"]
        self.organisation, self.address = UUID(me["organisation_id"]), urlsplit(house.base_url)
        self.headers = {
            "Authorization": f"Bearer {house.access['marketer']['secret_key']}",
            "Content-Type": "application/json",
        }
        settings = Settings.from_env(house.env)
        engine = make_engine(settings)
        with unit_of_work(session_factory(engine, settings), system(self.organisation)) as session:
            self.ids = people.contacts(session, contacts)
            session.execute(text("SELECT refresh_statistics('contacts')"))
        engine.dispose()

    def load(self, is_floor: bool, calls: int, size: int) -> float:
        """So many calls of each client, of so many events; seconds."""
        bodies = [[self._body(is_floor, size, n * calls + k) for k in range(calls)] for n in range(CLIENTS)]
        clients = [threading.Thread(target=self._call, args=(is_floor, size, mine)) for mine in bodies]
        begun = time.perf_counter()
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        return time.perf_counter() - begun

    def _body(self, is_floor: bool, size: int, call: int) -> bytes:
        events = [self.event(is_floor, call * size + n) for n in range(size)]
        return json.dumps(events if is_floor else {"events": events} if size > 1 else events[0]).encode()

    def event(self, is_floor: bool, n: int) -> dict[str, Any]:
        said = {
            "properties": {"amount": n, "branch": "12", "device": "app"},
            "occurred_at": datetime.now(UTC).isoformat(),
        }
        place = n * 7919 % len(self.ids)
        if is_floor:
            return said | {
                "name": "card_used",
                "organisation_id": str(self.organisation),
                "contact_id": str(self.ids[place]),
            }
        return said | {"event": "card_used", "contact": {"external_id": str(place)}, "id": uuid4().hex}

    def _call(self, is_floor: bool, size: int, bodies: list[bytes]) -> None:
        line = http.client.HTTPConnection(self.address.hostname or "", self.address.port, timeout=60)
        path, headers = (
            f"/api/v1/{'batch' if size > 1 else 'track'}",
            self.headers | ({"X-Rows": "1"} if is_floor else {}),
        )
        for body in bodies:
            line.request("POST", path, body, headers)
            answer = line.getresponse()
            told = json.loads(answer.read())
            assert answer.status == 202, told
            assert (told if is_floor else told["data"])["accepted"] == size
        line.close()

"""page: what a page costs the processors of web and database with 200,000 contacts, beside the same page drawn without the database.

The floor is the same template with the values that were found before, by the same server (redrawn.py), measured alike, in turns.
The 95th percentile is that of clients which never pause, on two web workers, as `up` starts them.
"""

import http.client
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from app.core.actor import Actor, system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import act_as, unit_of_work
from app.domain.access import sessions
from app.domain.access.models import User
from app.domain.campaigns import drafts, lifecycle
from app.domain.campaigns.drafts import CampaignInput
from tests.factories import people, sending
from tests.servers.house import House, whole
from tests.servers.throwaway import Servers
from tests.speed import spent
from tests.speed.crowd import TABLES
from tests.speed.row import Row
from tests.web.campaigning import BODY

CLIENTS = 4
TURNS = 4
BATCH = 20_000


def measure(servers: Servers, contacts: int = 200_000, requests: int = 160) -> Iterator[Row]:
    """One row a page: milliseconds of processor time a request, and the 95th percentile of the time it takes."""
    entry = "tests.speed.redrawn:app"
    with (
        tempfile.TemporaryDirectory() as folder,
        whole(servers, "bench_page", Path(folder), workers=2, entry=entry) as house,
    ):
        pages = prepared(house, contacts)
        for name, (path, cookie) in pages.items():
            ours, floor = compared(servers, house, path, cookie, requests // TURNS)
            p95 = load(house, path, cookie, requests)
            ratio, said = ours / floor, f"{ours:.1f} ms, p95 {p95:.0f}"
            target = "<= 3 times, p95 < 100 ms"
            yield Row(f"page: {name}", said, f"{floor:.1f} ms", ratio, target, ratio <= 3 and p95 < 100)


def prepared(house: House, contacts: int) -> dict[str, tuple[str, str]]:
    """Contacts and a campaign that waits for its approval; each page's address, and the cookie of who looks at it."""
    settings = Settings.from_env(house.env)
    engine = make_engine(settings)
    factory = session_factory(engine, settings)
    marketer, approver = (house.call(role, "GET", "/me")[1]["data"] for role in ("marketer", "admin"))
    organisation_id = UUID(marketer["organisation_id"])
    for start in range(0, contacts, BATCH):
        with unit_of_work(factory, system(organisation_id)) as session:
            people.contacts(session, min(BATCH, contacts - start), start=start)
    with unit_of_work(factory, system(organisation_id)) as session:
        for table in TABLES:
            session.connection().exec_driver_sql(f"SELECT refresh_statistics('{table}')")
        cookie, by = signed_in(session, UUID(marketer["user_id"]))
        other, _ = signed_in(session, UUID(approver["user_id"]))
        act_as(session, by)
        given = CampaignInput(name="A campaign", sms_template_id=sending.sms_template(session, BODY).id)
        campaign = lifecycle.submit(session, drafts.create(session, given, by=by).id, by=by)
        place = f"/campaigns/{campaign.id}"
    engine.dispose()
    return {
        "contacts": ("/contacts", cookie),
        "campaign": (place, cookie),
        "dashboard": ("/", cookie),
        "review": (f"{place}/review", other),
    }


def signed_in(session: Session, user_id: UUID) -> tuple[str, Actor]:
    """A session of somebody: its cookie, and who that is."""
    user = session.get_one(User, user_id)
    cookie = sessions.start(session, user, ip=None, agent="bench", with_factor=True)
    session.flush()
    opened = sessions.find(session, cookie, touch=False)
    assert opened
    return cookie, sessions.actor_for(opened, ip=None, correlation_id=uuid4().hex)


def compared(servers: Servers, house: House, path: str, cookie: str, requests: int) -> tuple[float, float]:
    """Milliseconds of web and database a request: the page, and the page drawn once more; over one connection, so by one worker."""
    assert servers.family
    [database] = [one.process.pid for one in servers.family.children if one.name == "PostgreSQL" and one.process]
    client = Client(house, cookie)
    whole_page, again = client.get(path), client.get(path, {"X-Redraw": "1"})
    assert abs(len(again) / len(whole_page) - 1) < 0.05, "this is not the same page"
    used = [0.0, 0.0]
    for _ in range(TURNS):
        for floor in (False, True):
            before = spent.seconds(house.web_pid, database)
            for _ in range(requests):
                client.get(path, {"X-Redraw": "1"} if floor else {})
            used[floor] += spent.seconds(house.web_pid, database) - before
    client.line.close()
    return used[0] / requests / TURNS * 1000, used[1] / requests / TURNS * 1000


class Client:
    """A browser: its connection and its cookies are kept."""

    def __init__(self, house: House, cookie: str) -> None:
        self.line = http.client.HTTPConnection(urlsplit(house.base_url).netloc, timeout=60)
        self.cookies = {"sid": cookie}

    def get(self, path: str, headers: Mapping[str, str] = {}) -> bytes:
        said = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()), **headers}
        self.line.request("GET", path, headers=said)
        answer = self.line.getresponse()
        body = answer.read()
        assert answer.status == 200, (path, answer.status)
        self.cookies |= (given.split(";")[0].split("=", 1) for given in answer.headers.get_all("Set-Cookie", []))
        return body


def load(house: House, path: str, cookie: str, requests: int) -> float:
    """The 95th percentile in milliseconds."""
    took: list[float] = []
    todo = iter(range(requests))
    lock = threading.Lock()

    def run() -> None:
        client = Client(house, cookie)
        while True:
            with lock:
                if next(todo, None) is None:
                    return client.line.close()
            began = time.perf_counter()
            client.get(path)
            took.append((time.perf_counter() - began) * 1000)

    clients = [threading.Thread(target=run) for _ in range(CLIENTS)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    return sorted(took)[int(len(took) * 0.95)]

"""page: the contact list and a campaign page with 200,000 contacts and 16 clients at once, beside a page with no database.

Two web workers, as `up` starts them; the clients share the machine with everything else.
"""

import http.client
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import act_as, unit_of_work
from app.domain.access import sessions
from app.domain.access.models import User
from app.domain.campaigns import drafts
from app.domain.campaigns.drafts import CampaignInput
from tests.factories import people, sending
from tests.servers.house import House, whole
from tests.servers.throwaway import Servers
from tests.speed.row import Row

CLIENTS = 16


def measure(servers: Servers, contacts: int = 200_000, requests: int = 640) -> Iterator[Row]:
    """95th percentile of a page's time under 16 clients. The floor is /login: the same frame, no list behind it."""
    with tempfile.TemporaryDirectory() as folder, whole(servers, "bench_page", Path(folder), workers=2) as house:
        cookie, campaign = prepared(house, contacts)
        base = load(house, "/login", "", requests)
        for name, path in (("page: contacts", "/contacts"), ("page: campaign", f"/campaigns/{campaign}")):
            p95 = load(house, path, cookie, requests)
            yield Row(name, f"{p95:.0f} ms", f"{base:.0f} ms", p95 / base, "p95 < 100 ms", p95 < 100)


def prepared(house: House, contacts: int) -> tuple[str, UUID]:
    """Contacts, a campaign, and somebody signed in: his cookie and the campaign's id."""
    settings = Settings.from_env(house.env)
    engine = make_engine(settings)
    factory = session_factory(engine, settings)
    status, me = house.call("marketer", "GET", "/me")
    assert status == 200
    by = system(UUID(me["data"]["organisation_id"]))
    for start in range(0, contacts, 20_000):
        with unit_of_work(factory, by) as session:
            people.contacts(session, min(20_000, contacts - start), start=start)
    with unit_of_work(factory, by) as session:
        user = session.get_one(User, UUID(me["data"]["user_id"]))
        cookie = sessions.start(session, user, ip=None, agent="bench", with_factor=True)
        session.flush()
        opened = sessions.find(session, cookie, touch=False)
        assert opened
        actor = sessions.actor_for(opened, ip=None, correlation_id=uuid4().hex)
        act_as(session, actor)
        template = sending.sms_template(session)
        campaign = drafts.create(session, CampaignInput(name="A campaign", sms_template_id=template.id), by=actor)
        for table in ("contacts", "contact_addresses", "consent_states"):
            session.connection().exec_driver_sql(f"SELECT refresh_statistics('{table}')")
        campaign_id = campaign.id
    engine.dispose()
    return cookie, campaign_id


def load(house: House, path: str, cookie: str, requests: int) -> float:
    """The 95th percentile in milliseconds."""
    took: list[float] = []
    signed_in = {"sid": cookie} if cookie else {}
    todo = iter(range(requests))
    lock = threading.Lock()

    def client() -> None:
        # Its connection and its cookies are kept, as browsers do.
        line, cookies = http.client.HTTPConnection(urlsplit(house.base_url).netloc, timeout=30), dict(signed_in)
        while True:
            with lock:
                if next(todo, None) is None:
                    return line.close()
            began = time.perf_counter()
            line.request("GET", path, headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())})
            answer = line.getresponse()
            answer.read()
            assert answer.status == 200
            cookies |= (given.split(";")[0].split("=", 1) for given in answer.headers.get_all("Set-Cookie", []))
            took.append((time.perf_counter() - began) * 1000)

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    return sorted(took)[int(len(took) * 0.95)]

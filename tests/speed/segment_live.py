"""segment-live: one contact changes, 50 segments are there: the work of bringing members in line, and how long it takes all in all."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from app.core.actor import Actor, system
from app.core.db import make_engine, make_owner_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.contacts import profile
from app.domain.contacts.models import Contact
from app.domain.segments import freshness, library, reads
from app.domain.segments.library import SegmentInput
from app.domain.segments.models import SegmentMember
from tests.factories import people
from tests.servers.house import ROOT, wait_for
from tests.servers.throwaway import Servers
from tests.speed.crowd import fill
from tests.speed.row import Row

TURNS = 15
MOST_MS, MOST_SECONDS = 20, 2
CITIES = ("Haifa", "Eilat", "Jerusalem", "Tel Aviv", "Beer Sheva", "Nazareth", "Acre", "Safed", "Lod", "Netanya")


def definitions() -> Iterator[tuple[str, dict[str, Any]]]:
    """Fifty segments as marketers build them; ten look at the city, which is what changes."""
    opened = {"kind": "message", "did": "opened", "within": {"last": 30, "unit": "days"}}
    consent = {"kind": "consent", "channel": "sms", "value": "granted"}
    for n, city in enumerate(CITIES):
        score = {"kind": "field", "field": "engagement_score", "op": "gte", "value": n * 10}
        tagged = {"kind": "field", "field": "tags", "op": "has_any", "value": [f"tag{n}", "vip"]}
        spoken = {"kind": "field", "field": "language", "op": "eq", "value": ("he", "en", "ar")[n % 3]}
        yield f"In {city}", {"all": [{"kind": "field", "field": "city", "op": "eq", "value": city}, consent]}
        yield f"Score {n}", {"all": [score, spoken]}
        yield f"Tagged {n}", {"any": [tagged, {"not": spoken}]}
        yield f"Opened {n}", {"all": [opened, score]}
        yield f"Asked {n}", {"all": [consent, spoken, tagged]}


def measure(servers: Servers, contacts: int = 200_000) -> Iterator[Row]:
    """Two rows: the work of one process for one change, at its best, and from the save of a contact until members are right."""
    servers.copy("bench_live")
    env = servers.env("bench_live", redis=9)
    settings = Settings.from_env(env)
    factory = session_factory(make_engine(settings), settings)
    with unit_of_work(factory, None) as session:
        by = system(users.create_organisation(session, users.NewOrganisation(name="Bank")).id)
        fill(session, by.organisation_id, contacts)
        [one] = people.contacts(session, 1, prefix="live-", city="Ashdod")
        for name, where in definitions():
            library.create(session, SegmentInput(name=name, definition={"where": where}), by=by)
    unit = partial(unit_of_work, factory, by)
    assert freshness.refresh_due(unit)
    with make_owner_engine(settings).execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    took = [worked(factory, by, one, turn) for turn in range(TURNS)]
    best = min(took)
    yield Row("segment-live, work", f"{best:.1f} ms", "-", None, f"< {MOST_MS} ms of work", best < MOST_MS)
    with workers(env):
        waited = [lived(factory, by, one, turn) for turn in range(TURNS)]
    worst = max(waited[1:])
    yield Row(
        "segment-live, queue", f"{worst:.2f} s", "-", None, f"< {MOST_SECONDS} s, the slowest", worst < MOST_SECONDS
    )


def move(session: Session, contact_id: UUID, city: str, by: Actor) -> None:
    """The change: the contact lives in another city."""
    before = profile.input_of(session, session.get_one(Contact, contact_id))
    profile.update(session, contact_id, before.model_copy(update={"city": city}), by=by)


def worked(factory: sessionmaker[Session], by: Actor, contact_id: UUID, turn: int) -> float:
    """Milliseconds to look at one contact again, from taking the wake to the commit."""
    city = CITIES[turn % len(CITIES)]
    with unit_of_work(factory, by) as session:
        move(session, contact_id, city, by)
        freshness.wake(session, [contact_id], reads.of_contact(["city"]), "data")
        session.info.pop("rings", None)
    began = time.perf_counter()
    with unit_of_work(factory, by) as session:
        assert freshness.take_some(session) == 1
    took = (time.perf_counter() - began) * 1000
    assert is_in(factory, by, contact_id, city)
    return took


def lived(factory: sessionmaker[Session], by: Actor, contact_id: UUID, turn: int) -> float:
    """Seconds from the save until the contact is in the segment of his new city, by the processes themselves."""
    city = CITIES[turn % len(CITIES)]
    with unit_of_work(factory, by) as session:
        move(session, contact_id, city, by)
    began = time.monotonic()
    while not is_in(factory, by, contact_id, city):
        assert time.monotonic() - began < 30, "nobody came"
        time.sleep(0.01)
    return time.monotonic() - began


def is_in(factory: sessionmaker[Session], by: Actor, contact_id: UUID, city: str) -> bool:
    """Whether the contact is in the segment of that city, and in no other city's."""
    with unit_of_work(factory, by) as session:
        names = library.names(session, by=by)
        mine = session.execute(select(SegmentMember.segment_id).where(SegmentMember.contact_id == contact_id)).scalars()
        return [name for one in mine if (name := names[one]).startswith("In ")] == [f"In {city}"]


@contextmanager
def workers(env: dict[str, str]) -> Iterator[None]:
    """The real processes that take part: outbox, segments and the sweeper."""
    command = [sys.executable, "-m", "jobs.worker", "outbox", "segments", "sweeper"]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}) as process:
        try:
            wait_for("the workers", 60, lambda: process.poll() is None)
            yield
        finally:
            process.terminate()

"""create-messages: an audience becomes messages and skips, judged by consent, suppression and address, beside a plain INSERT..SELECT.

The floor writes as many rows into the same table with the same indexes, and asks nothing.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.db import live, make_engine, make_owner_engine, session_factory
from app.core.settings import Settings
from app.core.unit import act_as, unit_of_work
from app.domain.access import users
from app.domain.contacts.models import Contact
from app.domain.content import library
from app.domain.messages import create_messages, sends
from app.domain.messages.models import Send
from tests.factories import sending
from tests.servers.throwaway import Servers
from tests.speed.crowd import TABLES, fill
from tests.speed.row import Row

TURNS = 2
PLAIN = text("""
INSERT INTO messages (organisation_id, occurrence_id, send_id, contact_id, channel, step, address_position, address_blind, state, rank,
  priority, due_at, consent_entry_id, created_at)
SELECT c.organisation_id, :occurrence, :send, c.id, 'sms', 0, 0, '\\x00'::bytea, 'queued', 10, 50, :now, 1, :now
FROM live.contacts c WHERE c.deleted_at IS NULL
""")


def measure(servers: Servers, contacts: int = 1_000_000, turns: int = TURNS) -> Iterator[Row]:
    """Ours between two floors each, on an emptied table; the row shows the median turn, by its ratio."""
    servers.copy("bench_create")
    settings = Settings.from_env(servers.env("bench_create", redis=9))
    factory = session_factory(make_engine(settings), settings)
    with unit_of_work(factory, None) as session:
        organisation_id = users.create_organisation(session, users.NewOrganisation(name="Bank")).id
        act_as(session, system(organisation_id))
        fill(session, organisation_id, contacts, reachable=True)
        version = library.current(session, sending.sms_template(session)).id
    owner = make_owner_engine(settings).execution_options(isolation_level="AUTOCOMMIT")

    def emptied() -> None:
        with owner.connect() as connection:
            connection.execute(text("TRUNCATE messages"))
        servers.postgres.sql("CHECKPOINT")

    with owner.connect() as connection:
        connection.execute(text(f"VACUUM ANALYZE {', '.join(TABLES)}"))
    act = partial(timed, partial(unit_of_work, factory), system(organisation_id), emptied)
    found = []
    before = act(plain, version)
    for _ in range(turns):
        ours, after = act(judged, version), act(plain, version)
        found.append((2 * ours / (before + after), ours, (before + after) / 2))
        before = after
    ratio, ours, floor = sorted(found)[turns // 2]
    yield Row("create-messages", f"{ours:.1f} s", f"{floor:.1f} s", ratio, "<= 3 times the floor", ratio <= 3)


def timed(
    unit: Any, by: Actor, emptied: Callable[[], None], act: Callable[[Session, Send], int], version: Any
) -> float:
    """Seconds of one turn with its commit; every living contact has a row after it."""
    emptied()
    with unit(by) as session:
        send = opened(session, version)
    began = time.perf_counter()
    with unit(by) as session:
        number = act(session, send)
    took = time.perf_counter() - began
    with unit(by) as session:
        living = session.execute(text("SELECT count(*) FROM live.contacts WHERE deleted_at IS NULL")).scalar_one()
    assert number == living, (number, living)
    return took


def judged(session: Session, send: Send) -> int:
    """Ours."""
    audience = select(live(Contact).c.id).where(live(Contact).c.deleted_at.is_(None))
    made = create_messages.create_messages(session, send, audience, occurrence=send.first_occurrence)
    assert set(made) == {"queued", "no_consent", "suppressed", "no_address", "not_mobile", "duplicate_address"}, made
    return sum(made.values())


def plain(session: Session, send: Send) -> int:
    """The floor."""
    given = {"occurrence": send.first_occurrence, "send": send.id, "now": clock.now()}
    return int(session.execute(PLAIN, given).rowcount)  # type: ignore[attr-defined]


def opened(session: Session, version: Any) -> Send:
    """A send for one turn."""
    return sends.open_send(
        session,
        sends.NewSend(
            first_occurrence=sends.new_occurrence(session),
            source=("test", uuid4()),
            source_name="A benchmark",
            channel="sms",
            message_class="marketing",
            template_version_id=version,
            digest=None,
            priority=50,
            not_before=clock.now(),
            not_after=clock.now() + timedelta(hours=24),
        ),
    )

"""One person's history: all kinds in one order, page by page, and only what one may see."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Invalid, NotFound
from app.core.page import Ask
from app.core.unit import actor_of
from app.domain.access.models import Organisation
from app.domain.consent import ledger
from app.domain.contacts import profile
from app.domain.contacts.models import Contact
from app.domain.contacts.profile import ContactInput
from app.domain.events.said import EventInput
from app.domain.events.tracking import record
from app.domain.flows.models import FlowLog, FlowRun
from app.domain.messages.models import Message
from app.domain.segments.saying import spoken
from app.domain.timeline import history
from tests.factories import people, sending
from tests.factories.flows import branch, enter, walk
from tests.factories.flows import flow as running
from tests.factories.flows import step as placed

THEN = datetime(2026, 11, 10, 9, tzinfo=UTC)


@pytest.fixture
def lived(session: Session, organisation: Organisation) -> UUID:
    """Somebody who came with a file, and with whom everything happened, an hour apart."""
    (who,) = people.contacts(session, 1, consent=False, created_at=THEN, updated_at=THEN)
    people.contacts(session, 1, start=1)
    by = actor_of(session)
    with clock.at(THEN + timedelta(hours=1)):
        ledger.grant(session, who, ["sms"], basis="form", source="branch", by=by)
    with clock.at(THEN + timedelta(hours=2)):
        event = {"event": "login", "contact": {"id": str(who)}, "properties": {"device": "app"}}
        record(session, [EventInput.model_validate(event)])
    with clock.at(THEN + timedelta(hours=3)):
        sending.send_to_everybody(session, sending.sms_template(session), uuid4())
        at = THEN + timedelta(hours=4)
        sent = {
            "state": "delivered",
            "sent_at": at,
            "final_at": at,
            "opened_at": None,
            "clicked_at": at + timedelta(hours=1),
        }
        session.execute(update(Message).where(Message.contact_id == who).values(**sent))
    with clock.at(THEN + timedelta(hours=6)):
        step(session, who, by)
    with clock.at(THEN + timedelta(hours=7)):
        profile.update(session, who, ContactInput(external_id="0", city="Haifa"), by=by)
    session.flush()
    session.commit()
    return who


def step(session: Session, who: UUID, by: Actor) -> None:
    """A step in a flow."""
    own, now = {"organisation_id": by.organisation_id}, clock.now()
    flow = running(session, placed("a1", "wait", days=1), name="Welcome")
    run = FlowRun(
        **own, flow_id=flow.id, version_id=flow.version_id, contact_id=who, step="a1", arrived_at=now, entered_at=now
    )
    session.add(run)
    session.flush()
    log = {"flow_id": flow.id, "version_id": flow.version_id, "run_id": run.id, "contact_id": who}
    session.add(FlowLog(**own, **log, at=now, step="a1", kind="arrived"))
    session.flush()


def shown(session: Session, who: UUID, **more: str) -> list[tuple[str, str]]:
    page = history.listed(session, who, Ask(), by=actor_of(session), **more)
    return [(line.kind, line.action) for line in page.items]


def test_everything_is_there_in_its_order(session: Session, lived: UUID) -> None:
    assert shown(session, lived) == [
        ("change", "contact.changed"), ("flow", "arrived"), ("message", "clicked"), ("message", "delivered"), ("message", "sent"),
        ("event", "login"), ("consent", "granted"), ("import", "imported"),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", list(history.KINDS))
def test_one_kind_is_shown_alone(session: Session, lived: UUID, kind: str) -> None:
    found = shown(session, lived, kind=kind)
    assert found
    assert {one for one, _ in found} == {kind}


def test_pages_follow_each_other_without_a_gap(session: Session, lived: UUID) -> None:
    by, whole, ask = actor_of(session), shown(session, lived), Ask(per_page=2)
    found, backward = [], []
    while True:
        page = history.listed(session, lived, ask, by=by)
        found += [(line.kind, line.action) for line in page.items]
        if page.next is None:
            break
        ask = Ask(page.next, 2)
    assert found == whole
    before = history.listed(session, lived, Ask(page.prev, 2), by=by)
    backward = [(line.kind, line.action) for line in before.items]
    assert backward == whole[-len(page.items) - 2 : -len(page.items)]


def test_what_somebody_may_not_see_is_left_out(session: Session, lived: UUID) -> None:
    viewer = people.staff(session, "viewer")
    few = Actor(viewer.organisation_id, "key", viewer.id, permissions=frozenset({"contacts:read", "messages:read"}))
    page = history.listed(session, lived, Ask(), by=few)
    assert {line.kind for line in page.items} == {"message", "consent", "import", "change"}
    assert history.listed(session, lived, Ask(), kind="event", by=few).items == []


def test_another_persons_history_is_his_own(session: Session, lived: UUID) -> None:
    other = session.execute(text("SELECT id FROM contacts WHERE external_id = '1'")).scalar_one()
    assert ("event", "login") not in shown(session, other)
    with pytest.raises(NotFound):
        shown(session, uuid4())
    with pytest.raises(Invalid):
        shown(session, lived, kind="everything")


def test_who_was_made_by_hand_came_with_no_import(session: Session, organisation: Organisation) -> None:
    made = profile.create(session, ContactInput(external_id="9"), by=system(organisation.id))
    session.commit()
    assert shown(session, made.id) == [("change", "contact.created")]
    session.execute(update(Contact).values(content_hash=b"x", updated_at=clock.now() + timedelta(hours=1)))
    assert shown(session, made.id)[0] == ("import", "updated")


def test_a_page_reads_no_more_events_than_it_shows(session: Session, organisation: Organisation) -> None:
    """Of somebody with twenty thousand of them, on the first page and on one far behind."""
    (who,) = people.contacts(session, 1)
    session.execute(
        text("INSERT INTO events (organisation_id, occurred_at, contact_id, name, source, is_verified, received_at)"
             " SELECT :own, now() - n * interval '1 minute', :who, 'login', 'api', true, now()"
             " FROM generate_series(1, 20000) AS n"), {"own": organisation.id, "who": who},
    )  # fmt: skip
    session.connection().exec_driver_sql("SELECT refresh_statistics('events')")
    first = history.listed(session, who, Ask(), kind="event", by=actor_of(session))
    for ask in (Ask(), Ask(first.next)):
        lines = history._lines(["event"], who, ask).compile(session.connection())
        told = session.connection().exec_driver_sql(f"EXPLAIN (ANALYZE) {lines}", lines.params)
        plan = "\n".join(row[0] for row in told)
        read = [float(rows) for rows in re.findall(r"on events_\S+ .*actual time=\S+ rows=(\S+)", plan)]
        assert 0 < sum(read) <= 2 * 51, plan


def test_a_step_in_a_flow_is_told_with_the_way_and_the_reason(session: Session, organisation: Organisation) -> None:
    haifa = {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}
    ways = [branch("haifa", placed("wait", "wait", days=1), when=haifa, label="From Haifa"), branch("else")]
    made = running(session, placed("city", "split", ways))
    (who,) = people.contacts(session, 1, city="Haifa")
    enter(session, made, [who])
    walk(session)
    page = history.listed(session, who, Ask(), kind="flow", by=actor_of(session))
    assert [spoken(line.said, str) for line in page.items] == [
        "Waits here",
        "Went the way “From Haifa”: Everybody for whom City is “Haifa”. It was: City = Haifa",
        "Was put in by another system",
    ]

"""Whoever is erased: nothing that can be read of him stays, wherever it was put, and everybody else keeps what is his."""

from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import NotFound
from app.core.links import Target
from app.core.unit import actor_of
from app.domain.access.models import Organisation
from app.domain.audit.models import AuditEntry
from app.domain.bank.models import BalanceIssue, BankAccount
from app.domain.consent import ledger, restrictions
from app.domain.contacts import changing, person, profile, properties, recipients
from app.domain.contacts.models import Contact, ContactName
from app.domain.contacts.profile import ContactInput
from app.domain.contacts.properties import PropertyInput
from app.domain.events import retention
from app.domain.events.visitors import IdentifyInput, PageIdentifyInput, identify, say
from app.domain.flows import log
from app.domain.flows.models import FlowRun
from app.domain.messages import message_text, tracking
from app.domain.messages.models import Message
from app.domain.privacy import erasure
from app.domain.tables import metadata
from app.gateways.channels.base import Category, Outgoing, Rejected
from tests.domain.events.conftest import said, tell
from tests.domain.messages.conftest import run, unit
from tests.domain.messages.line import Line, Run
from tests.factories import people, sending
from tests.factories.flows import branch, flow, run_of, step, walk

__all__ = ["run", "unit"]
MARK, OTHER = "zyxmarker", "qwvmarker"
ON_APPLICATION = {"id": "trigger", "type": "event", "config": {"event": "applied", "key": "loan"}}
IN_THE_CITY = {"kind": "field", "field": "city", "op": "contains", "value": "City"}


def made(session: Session, mark: str, number: int) -> UUID:
    """A person in whose every field there is a mark."""
    new = ContactInput(
        external_id=f"{mark}-1", first_name=f"{mark} Dana", last_name=f"{mark} Levi", email=f"dana@{mark}.example",
        phone=f"+97252{2000000 + number}", city=f"{mark} City", postal_code=f"{mark} 1", lifecycle_stage=f"{mark} stage",
        properties={"nickname": f"{mark} Dani", "secret": f"{mark} secret"}, tags=(f"{mark}-tag",), groups=("Everybody",),
        timezone="Asia/Tokyo", language="en", gender="female", country="JP",
    )  # fmt: skip
    return profile.create(session, new, by=actor_of(session)).id


def lives(session: Session, one: UUID, mark: str) -> None:
    """What happens to somebody, with the mark wherever a word of him may stand."""
    by, contact = actor_of(session), {"external_id": f"{mark}-1", "anonymous_id": f"{mark}-visitor"}
    page = Actor(by.organisation_id, "public", permissions=frozenset({"events:track"}))
    ledger.grant(session, one, ["sms", "email"], basis="form", source="branch", by=by)
    ledger.withdraw(session, one, ["email"], basis="page", source="public", ip=f"{mark} address")
    restrictions.keep(session, [restrictions.Restriction(f"{mark}-1", "collections", None)], clock.now())
    changing.retag(session, [one], add=[f"{mark}-more"], source=("flow", uuid4()))
    tell(session, said("looked", contact={"anonymous_id": f"{mark}-visitor"}, properties={"at": f"{mark} page"}))
    told = {"contact": {"anonymous_id": f"{mark}-visitor"}, "traits": {"first_name": f"{mark} Dani"}}
    say(session, PageIdentifyInput.model_validate(told), by=page)
    identify(session, IdentifyInput.model_validate({"contact": contact}), by=by)
    does = {"id": f"{mark}-e1", "properties": {"loan": f"{mark} loan"}}
    tell(session, said("applied", contact={"external_id": f"{mark}-1"}, **does))
    issue = {"day": date(2026, 10, 1), "kind": "conflict", "record": f"{mark}-1", "external_id": f"{mark}-1"}
    session.execute(
        insert(BalanceIssue).values(organisation_id=by.organisation_id, contact_id=one, found_at=clock.now(), **issue)
    )
    day, own = date(2026, 10, 1), {"organisation_id": by.organisation_id, "contact_id": one}
    account = {
        "account": f"{mark}-account",
        "account_type": "current",
        "currency": "ILS",
        "since": day,
        "first_day": day,
    }
    session.execute(insert(BankAccount).values(**own, **account))
    owner = people.staff(session, "owner", f"owner{one.hex}")
    recipients.propose(session, one, version=session.get_one(Contact, one).version, by=owner)


class Lived(NamedTuple):
    """Two people to whom the same happened: one is erased."""

    gone: UUID
    stays: UUID


@pytest.fixture
def lived(session: Session, organisation: Organisation, run: Run) -> Lived:
    by = system(organisation.id)
    sending.account(session)
    for key, is_pii in (("nickname", False), ("secret", True)):
        properties.define(session, PropertyInput(key=key, label=key, type="text", is_pii=is_pii), by=by)
    hello = sending.sms_template(session, "Hi {{ contact.first_name }}", message_class="service")
    city = [branch("in", step("hello", "send_sms", template_id=str(hello.id)), when=IN_THE_CITY), branch("else")]
    flow(session, step("city", "split", city), step("wait", "wait", days=90), trigger=ON_APPLICATION)
    both = Lived(made(session, MARK, 1), made(session, OTHER, 2))
    for one, mark in zip(both, (MARK, OTHER), strict=True):
        lives(session, one, mark)
    walk(session)
    sending.send_to_everybody(session, hello, uuid4())
    fates = {MARK: 0, OTHER: 0}

    def answer(message: Outgoing) -> str | Rejected:
        [mark] = [one for one in fates if one in (message.text or "")]
        fates[mark] += 1
        return "accept" if fates[mark] == 1 else Rejected(f"{mark}: no such number", category=Category.INVALID_NUMBER)

    run(Line(answer))
    for message in session.execute(select(Message)).scalars().all():
        mark = MARK if message.contact_id == both.gone else OTHER
        tracking.opened(session, Target("o", organisation.id, message.occurrence_id, message.id), f"{mark} browser")
    session.execute(update(FlowRun).where(FlowRun.contact_id == both.gone).values(failure=f"{MARK}: no answer"))
    return both


def erase(session: Session, lived: Lived) -> None:
    """A month after he was deleted; meanwhile his browser has told something more."""
    by = actor_of(session)
    profile.delete(session, lived.gone, by=by)
    tell(session, said("looked", contact={"anonymous_id": f"{MARK}-visitor"}, properties={"at": f"{MARK} again"}))
    assert erasure.forget_deleted(session) == 0, "he may be brought back"
    with clock.at(clock.now() + timedelta(days=31)):
        retention.forget_keys(session)
        assert (erasure.forget_deleted(session), erasure.forget_deleted(session)) == (1, 0)


def found(session: Session, mark: str) -> set[str]:
    """The tables in which a mark can be read: in any column, also as plain bytes."""
    session.flush()
    query = "SELECT count(*) FROM {0} AS t WHERE CAST(t AS text) ILIKE '%{1}%' OR CAST(t AS text) LIKE '%{2}%'"
    names = (table.name for table in metadata.sorted_tables)
    return {one for one in names if session.execute(text(query.format(one, mark, mark.encode().hex()))).scalar_one()}


def test_nothing_of_a_person_can_be_read_when_he_was_erased(session: Session, lived: Lived) -> None:
    where = {
        "approvals", "attempts", "balance_issues", "bank_accounts", "consent_entries", "contact_addresses", "contacts", "engagement_events",
        "event_keys", "events", "flow_log", "flow_runs",
    }  # fmt: skip
    assert found(session, MARK) == where, "whatever is kept in clear of a person has its place in the erasure"
    erase(session, lived)
    assert found(session, MARK) == set()


def test_what_was_sealed_for_him_can_be_opened_by_nobody(session: Session, lived: Lived) -> None:
    auditor = people.staff(session, "marketer")
    query = select(Message).where(Message.contact_id == lived.gone, Message.state == "sent")
    [message] = session.execute(query).scalars()
    assert MARK in getattr(message_text.of(session, message, by=auditor, reveal=True), "body", "")
    key = session.get_one(Contact, lived.gone).key
    assert key
    erase(session, lived)
    gone = session.get_one(Contact, lived.gone)
    assert (gone.status, gone.key, gone.external_id) == ("erased", b"", None)
    assert person.person_of(session, gone) == person.NOBODY
    assert message_text.of(session, message, by=auditor, reveal=True) is None
    kept = session.execute(select(ContactName.contact_id)).scalars().all()
    assert kept == [lived.stays], "nobody is found by his name any more"
    with clock.at(clock.now() + timedelta(days=31)), pytest.raises(NotFound):
        profile.restore(session, lived.gone, by=actor_of(session))


def test_everybody_else_keeps_what_is_his(session: Session, lived: Lived) -> None:
    before = found(session, OTHER)
    erase(session, lived)
    assert found(session, OTHER) == before - {"event_keys"}
    assert person.person_of(session, session.get_one(Contact, lived.stays)).first_name == f"{OTHER} Dana"


def test_that_it_happened_stays_under_an_id_that_leads_to_nobody(session: Session, lived: Lived) -> None:
    by, run_id = people.staff(session, "marketer"), run_of(session, lived.gone).id
    asked = [line.kind for line in log.of_run(session, run_id, by=by)]
    erase(session, lived)
    assert [line.kind for line in log.of_run(session, run_id, by=by)] == asked
    states = select(Message.state).where(Message.contact_id == lived.gone)
    assert sorted(session.execute(states).scalars()) == ["failed", "sent"]
    assert len(ledger.history(session, lived.gone)) == 2
    noted = select(AuditEntry.after).where(AuditEntry.action == "contacts.erased")
    session.commit()  # the trail is written with it
    assert session.execute(noted).scalar_one() == {"contacts": [str(lived.gone)]}


def test_his_number_may_come_again_and_is_somebody_new(session: Session, lived: Lived) -> None:
    erase(session, lived)
    again = profile.create(session, ContactInput(external_id=f"{MARK}-1"), by=actor_of(session))
    assert again.id != lived.gone


def test_nobody_can_empty_the_log_of_somebody_who_was_not_erased(session: Session, lived: Lived) -> None:
    session.execute(text("SELECT forget_people(:people)"), {"people": [lived.stays, lived.gone]})
    assert {"flow_log", "consent_entries"} <= found(session, MARK) & found(session, OTHER)

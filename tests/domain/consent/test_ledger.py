"""Consents: acts are kept, the present state follows from them and from nothing else."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Forbidden, Invalid
from app.core.page import Ask
from app.core.unit import act_as
from app.domain.access.models import Organisation
from app.domain.audit.models import AuditEntry
from app.domain.consent import ledger
from tests.factories import people


def test_the_latest_act_decides_for_each_channel_by_itself(session: Session, organisation: Organisation) -> None:
    by, now = system(organisation.id), clock.now()
    (contact,) = people.contacts(session, 1, consent=False)
    assert ledger.states(session, contact) == {"sms": "unknown", "email": "unknown"}
    with clock.at(now):
        ledger.grant(session, contact, ["sms", "email"], basis="form", source="branch", wording="v3", by=by)
    with clock.at(now + timedelta(days=1)):
        ledger.withdraw(session, contact, ["sms"], basis="called", source="by hand")
    assert ledger.states(session, contact) == {"sms": "withdrawn", "email": "granted"}
    with clock.at(now + timedelta(days=2)):
        ledger.grant(session, contact, ["sms"], basis="form", source="branch", by=by)
    assert ledger.states(session, contact)["sms"] == "granted"
    assert [entry.state for entry in ledger.history(session, contact)] == ["granted", "withdrawn", "granted"]
    assert ledger.history(session, contact)[-1].wording == "v3"


def test_of_two_acts_at_one_moment_the_withdrawal_wins(session: Session, organisation: Organisation) -> None:
    (contact,) = people.contacts(session, 1, consent=False)
    with clock.at(clock.now()):
        ledger.withdraw(session, contact, ["sms"], basis="link", source="link")
        ledger.grant(session, contact, ["sms"], basis="form", source="branch", by=system(organisation.id))
    assert ledger.states(session, contact)["sms"] == "withdrawn"


def test_an_older_act_that_comes_late_changes_nothing(session: Session, organisation: Organisation) -> None:
    (contact,) = people.contacts(session, 1, consent=False)
    ledger.withdraw(session, contact, ["email"], basis="link", source="link")
    with clock.at(clock.now() - timedelta(days=3)):
        ledger.grant(session, contact, ["email"], basis="an old form", source="branch", by=system(organisation.id))
    assert ledger.states(session, contact)["email"] == "withdrawn"


@pytest.mark.parametrize("statement", ["UPDATE consent_entries SET state = 'granted'", "DELETE FROM consent_entries",
                                       "UPDATE consent_states SET state = 'granted'", "DELETE FROM consent_states"])  # fmt: skip
def test_nothing_that_was_said_can_be_changed(session: Session, organisation: Organisation, statement: str) -> None:
    people.contacts(session, 1)
    with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
        session.execute(text(statement))


def test_a_page_of_contacts_is_asked_at_once(session: Session, organisation: Organisation) -> None:
    granted, silent = people.contacts(session, 1) + people.contacts(session, 1, consent=False, start=1)
    assert ledger.states_of(session, [granted, silent]) == {
        granted: {"sms": "granted", "email": "granted"},
        silent: {"sms": "unknown", "email": "unknown"},
    }


def test_a_grant_needs_a_basis_a_channel_and_the_permission(session: Session, organisation: Organisation) -> None:
    (contact,) = people.contacts(session, 1, consent=False)
    by = system(organisation.id)
    with pytest.raises(Invalid):
        ledger.grant(session, contact, ["sms"], basis=" ", source="x", by=by)
    for channels in ([], ["fax"]):
        with pytest.raises(Invalid):
            ledger.grant(session, contact, channels, basis="form", source="x", by=by)
    with pytest.raises(Forbidden):
        ledger.grant(session, contact, ["sms"], basis="form", source="x", by=Actor(organisation.id, "user"))


def test_an_act_keeps_its_proof(session: Session, organisation: Organisation) -> None:
    marketer, now = people.staff(session, "marketer"), clock.now()
    (contact,) = people.contacts(session, 1, consent=False)
    act_as(session, replace(marketer, ip="192.0.2.7"))
    with clock.at(now):
        given = ledger.grant(
            session,
            contact,
            ["sms"],
            basis=" form ",
            source=" branch ",
            wording=" v3 ",
            by=replace(marketer, ip="192.0.2.7"),
        )
        taken = ledger.withdraw(session, contact, ["sms", "email"], basis=" link ", source=" mail ", ip="192.0.2.9")
    kept = ("channels", "purpose", "state", "basis", "source", "wording", "ip", "at", "recorded_by", "organisation_id")
    assert [getattr(given, name) for name in kept] == [
        ["sms"], "marketing", "granted", "form", "branch", "v3", "192.0.2.7", now, marketer.id, organisation.id,
    ]  # fmt: skip
    assert [getattr(taken, name) for name in kept] == [
        ["sms", "email"], "marketing", "withdrawn", "link", "mail", None, "192.0.2.9", now, marketer.id, organisation.id,
    ]  # fmt: skip
    session.commit()
    told = (
        session.execute(select(AuditEntry).where(AuditEntry.subject_id == str(contact)).order_by(AuditEntry.seq))
        .scalars()
        .all()
    )
    assert [(one.subject_kind, one.action, one.actor_name, one.after) for one in told] == [
        ("contact", "consent.granted", "Marketer", {"channels": ["sms"], "basis": " form "}),
        ("contact", "consent.withdrawn", "Marketer", {"channels": ["sms", "email"], "basis": " link "}),
    ]


@pytest.mark.parametrize(("channels", "refused"), [(["sms"], True), (["sms", "email"], True), (["email"], False)])
def test_what_was_taken_back_is_not_given_again_by_one_person(
    session: Session, organisation: Organisation, channels: list[str], refused: bool
) -> None:
    """Whoever proposed it may not be the second person either."""
    one, two = people.staff(session, "marketer", "one"), people.staff(session, "marketer", "two")
    (contact,) = people.contacts(session, 1)
    ledger.withdraw(session, contact, ["sms"], basis="call", source="test")
    for second in (None, one.id):
        with pytest.raises(Forbidden) if refused else nullcontext():
            ledger.grant(session, contact, channels, basis="form", source="test", second=second, by=one)
    ledger.grant(session, contact, channels, basis="form", source="test", second=two.id, by=one)
    assert [ledger.states(session, contact)[channel] for channel in channels] == ["granted"] * len(channels)


def test_a_refused_basis_or_channel_is_said_at_its_field(session: Session, organisation: Organisation) -> None:
    (contact,) = people.contacts(session, 1)
    for given, field in (
        ({"channels": ["sms"], "basis": " "}, "basis"),
        ({"channels": ["fax"], "basis": "form"}, "channels"),
    ):
        with pytest.raises(Invalid) as refused:
            ledger.grant(session, contact, **given, source="x", by=system(organisation.id))  # type: ignore[arg-type]
        assert [issue.field for issue in refused.value.details] == [field]
    with pytest.raises(Invalid):
        ledger.withdraw(session, contact, [], basis="call", source="x")


def test_the_acts_of_everybody_are_listed_newest_first(session: Session, organisation: Organisation) -> None:
    by = system(organisation.id)
    one, two = people.contacts(session, 2, consent=False)
    first = ledger.grant(session, one, ["sms"], basis="form", source="x", by=by)
    second = ledger.grant(session, two, ["sms"], basis="form", source="x", by=by)
    third = ledger.withdraw(session, one, ["sms"], basis="call", source="x")

    def listed(**wanted: Any) -> list[UUID]:
        return [entry.id for entry in ledger.listed(session, Ask(), by=by, **wanted).items]

    assert listed() == [third.id, second.id, first.id]
    assert listed(contact_id=one) == [third.id, first.id] == [entry.id for entry in ledger.history(session, one)]
    assert listed(state="granted") == [second.id, first.id]
    assert listed(contact_id=one, state="withdrawn") == [third.id]
    assert ledger.withdrawn(session, one, ["email", "sms"])
    assert not ledger.withdrawn(session, one, ["email"])
    assert ledger.states_of(session, []) == {}
    reader, stranger = (
        Actor(organisation.id, "key", permissions=frozenset({name})) for name in ("contacts:read", "messages:read")
    )
    assert len(ledger.listed(session, Ask(), by=reader).items) == 3
    with pytest.raises(Forbidden):
        ledger.listed(session, Ask(), by=stranger)

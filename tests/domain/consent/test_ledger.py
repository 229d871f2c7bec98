"""Consents: acts are kept, the present state follows from them and from nothing else."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Forbidden, Invalid
from app.domain.access.models import Organisation
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

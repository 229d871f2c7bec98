"""Who refused is written to again only on evidence that two people have seen."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Conflict, Forbidden, Invalid
from app.domain.access.models import Organisation
from app.domain.approvals.models import Approval
from app.domain.consent import ledger, reopening, suppression
from app.domain.consent.models import ConsentEntry, Suppression
from tests.factories import people

EVIDENCE = "Signed form of 3 March, branch 12"
PHONE = "+972522000000"


def row(session: Session, reason: str) -> Suppression:
    suppression.suppress(session, PHONE, channel="sms", reason=reason, source="reply")
    return session.execute(select(Suppression)).scalar_one()


@pytest.mark.parametrize("reason", ["opt_out", "complaint"])
def test_a_refusal_is_lifted_by_two(session: Session, organisation: Organisation, reason: str) -> None:
    maya, adam = people.staff(session, "marketer"), people.staff(session, "admin")
    refused = row(session, reason)
    with pytest.raises(Forbidden):
        suppression.lift(session, refused.id, reason=EVIDENCE, by=maya)
    with pytest.raises(Invalid, match="what shows"):
        reopening.lift(session, refused.id, reason="asked", by=maya)
    request = reopening.lift(session, refused.id, reason=EVIDENCE, by=maya)
    assert isinstance(request, Approval)
    assert PHONE not in str(request.summary) + request.subject_name
    assert refused.lifted_at is None
    with pytest.raises(Forbidden):
        reopening.carry_out_lift(session, request.id, by=maya)
    reopening.carry_out_lift(session, request.id, by=adam)
    assert (refused.lift_reason, refused.lifted_by) == (EVIDENCE, adam.id)


@pytest.mark.parametrize("reason", ["manual", "hard_bounce"])
def test_what_nobody_said_is_lifted_by_one(session: Session, organisation: Organisation, reason: str) -> None:
    lifted = reopening.lift(session, row(session, reason).id, reason="a slip", by=people.staff(session, "marketer"))
    assert isinstance(lifted, Suppression)


def test_a_consent_that_was_taken_back_is_given_again_by_two(session: Session, organisation: Organisation) -> None:
    maya, adam = people.staff(session, "marketer"), people.staff(session, "admin")
    (contact,) = people.contacts(session, 1)
    ledger.withdraw(session, contact, ["sms"], basis="called", source="by hand")
    given = {"basis": EVIDENCE, "source": "by hand", "by": maya}
    with pytest.raises(Forbidden):
        ledger.grant(session, contact, ["sms", "email"], **given)  # type: ignore[arg-type]
    assert isinstance(reopening.grant(session, contact, ["email"], name="0", **given), ConsentEntry)  # type: ignore[arg-type]
    request = reopening.grant(session, contact, ["sms"], name="0", **given)  # type: ignore[arg-type]
    assert isinstance(request, Approval)
    assert ledger.states(session, contact)["sms"] == "withdrawn"
    reopening.carry_out_grant(session, request.id, by=adam)
    assert ledger.states(session, contact)["sms"] == "granted"
    assert ledger.history(session, contact)[0].basis == EVIDENCE


def test_who_refuses_once_more_meanwhile_is_heard(session: Session, organisation: Organisation) -> None:
    maya, adam = people.staff(session, "marketer"), people.staff(session, "admin")
    (contact,) = people.contacts(session, 1)
    ledger.withdraw(session, contact, ["sms"], basis="called", source="by hand")
    request = reopening.grant(session, contact, ["sms"], name="0", basis=EVIDENCE, source="by hand", by=maya)
    ledger.withdraw(session, contact, ["sms"], basis="STOP", source="reply")
    with pytest.raises(Conflict):
        reopening.carry_out_grant(session, request.id, by=adam)  # type: ignore[union-attr]

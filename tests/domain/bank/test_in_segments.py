"""Who qualified, as a condition of a segment: by the run that was approved, with the words of people against it."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.errors import Invalid
from app.domain.bank import overrides
from app.domain.bank.models import Programme, QualificationRun
from app.domain.contacts.models import Contact
from app.domain.links import used_by
from app.domain.segments import explain, fields, library, membership, saying, words
from app.domain.segments.check import check
from app.domain.segments.library import SegmentInput
from tests.domain.bank.conftest import WHY, approved, calculated, number
from tests.factories import people


def who(
    session: Session, programme: Programme, value: str = "qualified", op: str = "eq", month: str = "2026-10"
) -> str:
    """The numbers of the customers, one after the other."""
    node = {"kind": "bank", "fact": "outcome", "programme": str(programme.id), "op": op, "value": value, "month": month}
    ids = [row.id for row in membership.sample(session, check(session, {"where": node}), 10)]
    return "".join(sorted(session.execute(select(Contact.external_id).where(Contact.id.in_(ids))).scalars()))


def test_an_outcome_counts_once_it_is_approved_and_as_it_stands(
    session: Session, premium: Programme, run: QualificationRun, officer: Actor, approver: Actor
) -> None:
    assert (who(session, premium), who(session, premium, op="neq")) == ("", "01234")
    overrides.override(session, run.id, number(session, "2").id, WHY, by=officer)
    approved(session, run, officer, approver)
    assert who(session, premium) == who(session, premium, month="previous") == "0234"
    assert who(session, premium, op="neq") == who(session, premium, "not_qualified") == "1"
    assert who(session, premium, "indeterminate") == who(session, premium, month="current") == ""


def test_a_newer_run_that_nobody_approved_changes_nothing_once_the_month_was_released(
    session: Session, premium: Programme, run: QualificationRun, officer: Actor, approver: Actor
) -> None:
    approved(session, run, officer, approver)
    run.state = "completed"
    session.flush()
    calculated(session, premium, officer)
    assert who(session, premium) == "034"


def test_a_segment_says_and_explains_an_outcome_and_uses_the_programme(
    session: Session, premium: Programme, run: QualificationRun, officer: Actor, approver: Actor
) -> None:
    approved(session, run, officer, approver)
    where: Any = {"kind": "bank", "fact": "outcome", "programme": str(premium.id), "month": "previous"}
    segment = library.create(
        session, SegmentInput(name="Premium", definition={"where": where}), by=people.staff(session, "marketer")
    )
    assert [one.by_name for one in used_by.users_of(session, "programme", premium.id)] == ["Premium"]
    definition = library.definition_of(session, segment)
    said = saying.spoken(words.sentence(definition, saying.Names(fields.catalogue(session))), str)
    assert said == "Everybody for whom the contact qualified in the programme “Premium” for last month."
    verdict = explain.judge(session, definition, number(session, "1").id).verdicts[0]
    assert (verdict.holds, verdict.value) == (False, "not_qualified")
    with pytest.raises(Invalid):
        check(session, {"where": where | {"programme": str(run.id)}})

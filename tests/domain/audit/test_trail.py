"""The audit chain finds what was done to it."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from app.core.actor import system
from app.domain.access.models import Organisation
from app.domain.audit import trail


@pytest.fixture
def chained(session: Session, organisation: Organisation) -> Session:
    """Ten entries in a committed chain."""
    for number in range(10):
        trail.record(session, system(organisation.id), "thing.done", ("thing", number), after={"number": number})
        session.commit()
    return session


def as_owner(session: Session, statement: str) -> None:
    """Tamper as only the owner of the tables could."""
    session.execute(text("SET LOCAL ROLE carillon_owner"))
    session.execute(text(statement))
    session.execute(text("SET LOCAL ROLE carillon_app"))
    session.expire_all()


def test_a_whole_chain_is_whole(chained: Session) -> None:
    verdict = trail.verify_chain(chained)
    assert verdict.broken_at is None
    assert verdict.entries == 11  # ten, and the making of the organisation


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_entries SET action = 'other' WHERE seq = 5",
        "UPDATE audit_entries SET actor_name = 'Somebody' WHERE seq = 5",
        "UPDATE audit_entries SET after = '{\"number\": 99}' WHERE seq = 5",
        "UPDATE audit_entries SET at = at - interval '1 hour' WHERE seq = 5",
        "UPDATE audit_entries SET subject_id = '77' WHERE seq = 11",
        "DELETE FROM audit_entries WHERE seq = 5",
        "DELETE FROM audit_entries WHERE seq = 11",
        "DELETE FROM audit_heads",
    ],
)
def test_tampering_is_found(chained: Session, tampering: str) -> None:
    as_owner(chained, tampering)
    assert trail.verify_chain(chained).broken_at is not None


@pytest.mark.parametrize("statement", ["UPDATE audit_entries SET action = 'other'", "DELETE FROM audit_entries"])
def test_the_application_itself_cannot_change_an_entry(chained: Session, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        chained.execute(text(statement))

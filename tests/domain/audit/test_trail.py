"""The audit chain finds what was done to it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from app.core.actor import system
from app.core.unit import actor_of, settings_of
from app.domain.access.models import Organisation
from app.domain.audit import anchors, chain, trail
from app.domain.audit.models import AuditEntry


@pytest.fixture
def chained(session: Session, organisation: Organisation) -> Session:
    """Ten entries in a committed chain."""
    for number in range(10):
        trail.record(session, system(organisation.id), "thing.done", ("thing", number), after={"number": number})
        session.commit()
    return session


@pytest.fixture
def anchored(chained: Session, tmp_path: Path) -> None:
    """The head of the chain is kept outside the database."""
    chained.info["settings"] = replace(settings_of(chained), audit_anchors=tmp_path / "anchors")
    assert anchors.keep(chained)
    assert not anchors.keep(chained), "only what is new"


def as_owner(session: Session, statement: str) -> None:
    """Tamper as only the owner of the tables could."""
    session.execute(text("SET LOCAL ROLE carillon_owner"))
    session.execute(text(statement))
    session.execute(text("SET LOCAL ROLE carillon_app"))
    session.expire_all()


def test_a_whole_chain_is_whole(chained: Session) -> None:
    verdict = chain.verify(chained, by=actor_of(chained))
    assert verdict.broken_at is None
    assert verdict.entries == 12  # ten, the making of the organisation, and its hours


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
        # the end cut off, and the head moved back with it
        (
            "WITH cut AS (DELETE FROM audit_entries WHERE seq > 9) UPDATE audit_heads SET seq = 9, hash = "
            "(SELECT hash FROM audit_entries WHERE seq = 9)"
        ),
        # all of it gone
        "WITH cut AS (DELETE FROM audit_entries) DELETE FROM audit_heads",
    ],
)
def test_tampering_is_found(chained: Session, tampering: str, anchored: None) -> None:
    as_owner(chained, tampering)
    assert chain.verify(chained, by=actor_of(chained)).broken_at is not None


def test_who_has_the_database_and_not_the_key_cannot_chain_anew(chained: Session) -> None:
    """Every entry from the changed one on, and the head, chained again as the product did before it had a key."""
    as_owner(chained, "UPDATE audit_entries SET action = 'other' WHERE seq = 5")
    entries = list(chained.execute(select(AuditEntry).order_by(AuditEntry.seq)).scalars())
    previous = entries[3].hash
    for entry in entries[4:]:
        said = chain.digest(b"", previous, {name: getattr(entry, name) for name in chain._SIGNED})
        forged = f"UPDATE audit_entries SET previous = '\\x{previous.hex()}', hash = '\\x{said.hex()}' WHERE seq = {entry.seq}"
        as_owner(chained, forged)
        previous = said
    as_owner(chained, f"UPDATE audit_heads SET hash = '\\x{previous.hex()}'")
    assert chain.verify(chained, by=actor_of(chained)).broken_at == 5


def test_a_chain_that_is_whole_but_not_the_anchored_one_is_found(chained: Session, anchored: None) -> None:
    """Somebody restored an older copy and went on from there: everything fits but the anchor."""
    path = anchors.file_of(settings_of(chained))
    line = json.loads(path.read_text())
    path.write_text(json.dumps({**line, "seq": 7, "hash": "00" * 32}) + "\n")
    assert chain.verify(chained, by=actor_of(chained)).reason == "the chain is not the one that was anchored"


@pytest.mark.parametrize("statement", ["UPDATE audit_entries SET action = 'other'", "DELETE FROM audit_entries"])
def test_the_application_itself_cannot_change_an_entry(chained: Session, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        chained.execute(text(statement))

"""A chain from before it had a key is proved, then chained anew with the key; one that is broken is left for whoever looks into it."""

import hashlib
import json
from datetime import UTC, datetime
from importlib import import_module

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.actor import system
from app.core.unit import actor_of, settings_of
from app.domain.access.models import Organisation
from app.domain.audit import chain, trail
from app.domain.audit.models import AuditEntry, AuditHead
from tests.domain.audit.test_trail import as_owner

migration = import_module("migrations.versions.0008_keyed_audit")


@pytest.fixture
def unkeyed(session: Session, organisation: Organisation) -> Session:
    """Seven entries chained by SHA-256 alone."""
    for number in range(5):
        trail.record(session, system(organisation.id), "thing.done", ("thing", number), after={"ö": number})
        session.commit()
    previous = b"\x00" * 32
    for entry in list(session.execute(select(AuditEntry).order_by(AuditEntry.seq)).scalars()):
        said = {name: getattr(entry, name) for name in migration.SIGNED}
        said = {name: v.astimezone(UTC).isoformat() if isinstance(v, datetime) else v for name, v in said.items()}
        plain = json.dumps(said, sort_keys=True, ensure_ascii=False, default=str).encode()
        digest = hashlib.sha256(previous + plain).digest()
        where = f"previous = '\\x{previous.hex()}', hash = '\\x{digest.hex()}' WHERE seq = {entry.seq}"
        as_owner(session, f"UPDATE audit_entries SET {where}")
        previous = digest
    as_owner(session, f"UPDATE audit_heads SET hash = '\\x{previous.hex()}'")
    return session


def rechain(session: Session, organisation: Organisation) -> None:
    session.execute(text("SET LOCAL ROLE carillon_owner"))
    migration.rechain(
        session.connection(), organisation.id, chain.key_of(settings_of(session).master_key, organisation.id)
    )
    session.execute(text("SET LOCAL ROLE carillon_app"))
    session.expire_all()


def test_an_old_chain_goes_on(unkeyed: Session, organisation: Organisation) -> None:
    assert chain.verify(unkeyed, by=actor_of(unkeyed)).broken_at == 1
    rechain(unkeyed, organisation)
    assert chain.verify(unkeyed, by=actor_of(unkeyed)) == chain.Verdict(7, None)
    assert unkeyed.execute(select(AuditHead.seq)).scalar_one() == 7
    trail.record(unkeyed, system(organisation.id), "thing.done", ("thing", 9))
    unkeyed.commit()
    assert chain.verify(unkeyed, by=actor_of(unkeyed)) == chain.Verdict(8, None)


def test_a_broken_one_is_not_made_whole(unkeyed: Session, organisation: Organisation) -> None:
    as_owner(unkeyed, "UPDATE audit_entries SET action = 'other' WHERE seq = 3")
    with pytest.raises(RuntimeError, match="broken at entry 3"):
        rechain(unkeyed, organisation)

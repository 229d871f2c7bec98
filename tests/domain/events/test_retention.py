"""What is forgotten, and what stays."""

from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.unit import actor_of
from app.domain.access.models import Organisation
from app.domain.events import retention
from app.domain.events.models import EventKey, Visitor
from app.domain.events.visitors import IdentifyInput, identify
from tests.domain.events.conftest import said, tell, told
from tests.factories import people


def test_an_id_is_forgotten_after_thirty_days(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 1)
    now = clock.now()
    for days in (31, 29):
        with clock.at(now - timedelta(days=days)):
            tell(session, said(contact={"external_id": "0"}, id=f"e-{days}"))
    assert (retention.forget_keys(session), retention.forget_keys(session)) == (1, 0)
    assert session.execute(select(EventKey.key)).scalars().all() == ["api:e-29"]
    assert len(told(session)) == 2


def test_who_never_became_known_is_forgotten_with_what_he_did(session: Session, organisation: Organisation) -> None:
    (who,) = people.contacts(session, 1)
    for name in ("known-then", "unknown-then", "comes-again"):
        tell(session, said(name.replace("-", "_"), contact={"anonymous_id": name}))
    known = IdentifyInput.model_validate({"contact": {"external_id": "0", "anonymous_id": "known-then"}})
    identify(session, known, by=actor_of(session))
    session.execute(update(Visitor).values(seen_at=clock.now() - timedelta(days=401)))
    tell(session, said("comes_again", contact={"anonymous_id": "comes-again"}))
    assert (retention.forget_visitors(session), retention.forget_visitors(session)) == (1, 0)
    assert [(one.name, one.contact_id) for one in told(session)] == [
        ("known_then", who), ("comes_again", None), ("comes_again", None),
    ]  # fmt: skip
    assert session.execute(select(func.count()).select_from(Visitor)).scalar_one() == 2

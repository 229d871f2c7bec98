"""Stick words on contacts, and take old ones off."""

from uuid import UUID

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.nouns import Happening
from app.core.queue import Job
from app.core.sql import changed
from app.core.unit import actor_of
from app.domain.audit import trail
from app.domain.outbox.publish import publish
from tests.samples.stickers.models import Sticker

TAKE_OFF = Job("upkeep", "tests.samples.stickers.doors.take_off", 60)


class StickerStuck(Happening):
    """A word was stuck on a contact; `subject` is the sticker."""

    kind = "sticker.stuck"
    word: str


def stick(session: Session, contact_id: UUID, word: str, *, by: Actor) -> Sticker:
    """Stick a word on a contact. Raises Forbidden."""
    require(by, "stickers:write")
    sticker = Sticker(
        organisation_id=by.organisation_id, contact_id=contact_id, word=word, is_old=False, stuck_at=clock.now()
    )
    session.add(sticker)
    session.flush()
    trail.record(session, by, "sticker.stuck", ("sticker", sticker.id), after={"name": word})
    publish(session, StickerStuck(subject=sticker.id, word=word))
    return sticker


def on_stuck(session: Session, happening: StickerStuck) -> None:
    """Whatever was stuck and heard of is old."""
    session.get_one(Sticker, happening.subject).is_old = True


def is_due(session: Session) -> bool:
    """True if something old is to be taken off."""
    return bool(session.execute(select(exists().where(Sticker.is_old))).scalar())


def take_off(session: Session) -> int:
    """Take what is old off; how many."""
    return changed(
        session, delete(Sticker).where(Sticker.organisation_id == actor_of(session).organisation_id, Sticker.is_old)
    )

"""Names of contacts that were written by the set: read afterwards, thousands at a time; the database holds who is left."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.queue import Job
from app.core.sql import load
from app.core.unit import actor_of, enqueue_after_commit
from app.domain.access.keyring import vault_of
from app.domain.contacts import names
from app.domain.contacts.models import UnreadNames
from app.domain.contacts.person import opened
from app.domain.contacts.profile import ContactsChanged
from app.domain.outbox.publish import publish

READ_NAMES = Job("segments", "jobs.contacts.read_names", 120)
PATIENCE = timedelta(minutes=1)  # that the names of an import wait for its end: both at once would share the processors
MANY = 1_000  # contacts, from where the planner has to learn of them at once
_SQL = load("contacts/queries.sql")


def read_soon(session: Session) -> None:
    """Let nothing wait any longer: whoever wrote the contacts is ready."""
    now = clock.now()
    session.execute(update(UnreadNames).where(UnreadNames.due_at > now).values(due_at=now))
    enqueue_after_commit(session, READ_NAMES, actor_of(session).organisation_id)


def are_waiting(session: Session) -> bool:
    """True if there are names to be read now."""
    due = select(UnreadNames.id).where(UnreadNames.due_at <= clock.now())
    return session.execute(due.limit(1)).first() is not None


def read_all(
    open_unit: Callable[[], AbstractContextManager[Session]], *, stopping: Callable[[], bool] = lambda: False
) -> None:
    """Read everything that is due, each part of it in a unit of its own."""
    while not stopping():
        with open_unit() as session:
            if not read_some(session):
                return


def read_some(session: Session) -> bool:
    """Read the names that wait longest; False if there were none. Whoever asks for names hears of it with the last of them."""
    organisation = actor_of(session).organisation_id
    taken = {"organisation": organisation, "now": clock.now()}
    ids = session.execute(_SQL["take_unread"], taken).scalar_one_or_none()
    if ids is None:
        return False
    vault = vault_of(session)
    people = [(row.id, opened(vault, *row)) for row in session.execute(_SQL["held"], {"ids": ids})]
    found = [names.tokens(vault, person.first_name, person.last_name) for _, person in people]
    session.execute(
        _SQL["keep_names"],
        {
            "organisation": organisation,
            "ids": [contact_id for contact_id, _ in people],
            "first_names": [one.first_name for one in found],
            "last_names": [one.last_name for one in found],
            "beginnings": [f"{{{','.join(map(str, one.beginnings))}}}" for one in found],
        },
    )
    if session.execute(_SQL["more_unread"]).first() is None:
        if len(ids) >= MANY:
            session.execute(text("SELECT refresh_statistics('contact_names')"))
        change = session.execute(text("SELECT uuidv7()")).scalar_one()
        publish(session, ContactsChanged(subject=change, fields=names.FIELDS))
    return True

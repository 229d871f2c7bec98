"""The unit of work: one transaction, its organisation set first, its last acts before commit, its rings after."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.orm import Session, SessionTransaction, sessionmaker

from app.core import queue
from app.core.actor import Actor
from app.core.settings import Settings

_SET_ORGANISATION = text("SELECT set_config('app.organisation_id', :id, true)")


@contextmanager
def unit_of_work(factory: sessionmaker[Session], actor: Actor | None) -> Iterator[Session]:
    """One transaction for one actor; committed at the end, rolled back on any error."""
    with factory() as session:
        if actor is not None:
            act_as(session, actor)
        yield session
        session.commit()


def act_as(session: Session, actor: Actor, *, is_set: bool = False) -> None:
    """Bind the session to an actor: this and every later transaction of it sees only his organisation.

    `is_set` says that a statement of this transaction has set the organisation already.
    """
    before, session.info["actor"] = session.info.get("actor"), actor
    is_same = isinstance(before, Actor) and before.organisation_id == actor.organisation_id
    if not is_same and isinstance(before, Actor):
        session.info["actor"] = before
        _last_acts(session)  # of the organisation left, while its rows can still be written
        session.flush()
        session.info["actor"] = actor
    if session.in_transaction() and not is_same and not is_set:
        session.execute(_SET_ORGANISATION, {"id": str(actor.organisation_id)})


def actor_of(session: Session) -> Actor:
    """The actor this session works for."""
    actor = session.info.get("actor")
    if not isinstance(actor, Actor):
        raise RuntimeError("This session has no actor: open it with unit_of_work(factory, actor).")
    return actor


def settings_of(session: Session) -> Settings:
    """The settings the session was made with."""
    settings = session.info["settings"]
    assert isinstance(settings, Settings)
    return settings


def before_commit(session: Session, key: str, act: Callable[[Session], None]) -> None:
    """Do `act` once as the unit's last act before commit (the audit trail chains its rows so)."""
    session.info.setdefault("before_commit", {})[key] = act


def enqueue_after_commit(session: Session, job: queue.Job, *ids: object) -> None:
    """Ring a job's bell after this unit has committed, never before; a lost ring is repeated by the sweeper."""
    session.info.setdefault("rings", {})[(job, tuple(str(i) for i in ids))] = True


@contextmanager
def savepoint(session: Session) -> Iterator[None]:
    """A nested step: if it fails, its audit rows and rings are forgotten with its changes."""
    kept = {name: _copy(session.info.get(name)) for name in ("audit", "rings", "before_commit")}
    try:
        with session.begin_nested():
            yield
    except BaseException:
        for name, value in kept.items():
            session.info.pop(name, None)
            if value is not None:
                session.info[name] = value
        raise


def _copy(value: Any) -> Any:
    return value.copy() if value is not None else None


@event.listens_for(Session, "after_begin")
def _set_organisation(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    actor = session.info.get("actor")
    if isinstance(actor, Actor):
        connection.execute(_SET_ORGANISATION, {"id": str(actor.organisation_id)})


@event.listens_for(Session, "before_commit")
def _last_acts(session: Session) -> None:
    if session.in_nested_transaction():
        return
    acts: dict[str, Callable[[Session], None]] = session.info.pop("before_commit", {})
    for act in acts.values():
        act(session)


@event.listens_for(Session, "after_commit")
def _ring_bells(session: Session) -> None:
    if session.in_nested_transaction():
        return
    rings: dict[tuple[queue.Job, tuple[str, ...]], Any] = session.info.pop("rings", {})
    if rings and "settings" in session.info:
        queue.enqueue_all(settings_of(session).redis_url, list(rings))


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop("before_commit", None)
    session.info.pop("rings", None)
    session.info.pop("audit", None)

"""The outbox: a row that breaks its consumer holds nobody up, and one recount answers many changes."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.core import clock, nouns
from app.core.actor import system
from app.core.errors import Conflict
from app.core.nouns import Consumer, Happening, Noun
from app.core.unit import unit_of_work
from app.domain.access.models import Organisation
from app.domain.contacts.profile import ContactsChanged
from app.domain.messages.sends import SendDrained
from app.domain.outbox.models import OutboxDelivery
from app.domain.outbox.publish import RELAY_OUTBOX, publish
from app.domain.outbox.relay import KEPT, LEASE, TRIES, forget_old, is_due, relay_one
from jobs import outbox

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
Open = Callable[[], AbstractContextManager[Session]]


@pytest.fixture
def open_unit(session: Session, organisation: Organisation, factory: sessionmaker[Session]) -> Open:
    session.commit()
    return partial(unit_of_work, factory, system(organisation.id))


@pytest.fixture(autouse=True)
def one_consumer_a_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others hear of the same in the product; here each kind has one row, so that rows can be counted."""
    every = nouns.consumers

    def ours(declared: tuple[Noun, ...]) -> dict[str, tuple[Consumer[Any], ...]]:
        names = ("campaigns.drained", "segments.recount")
        return {kind: tuple(one for one in hear if one.name in names) for kind, hear in every(declared).items()}

    monkeypatch.setattr(nouns, "consumers", ours)


class Told:
    """A consumer that keeps what it was told, and may be told to break."""

    def __init__(self) -> None:
        self.subjects: list[int] = []
        self.error: Exception | None = None

    def __call__(self, _session: Session, happening: Happening) -> None:
        self.subjects.append(happening.subject.int)
        if self.error:
            raise self.error


def happen(open_unit: Open, kind: type[Happening], *subjects: int) -> None:
    more = {"send": UUID(int=0), "source_kind": "campaign"} if kind is SendDrained else {}
    for n, subject in enumerate(subjects):
        with clock.at(NOW - timedelta(minutes=10 - n)), open_unit() as session:
            publish(session, kind.model_validate({"subject": UUID(int=subject), **more}))


def campaigns(told: "Told") -> dict[str, Consumer[SendDrained]]:
    return {"campaigns.drained": Consumer("campaigns.drained", SendDrained, told)}


def segments(told: "Told", *, once_for_all: bool = False) -> dict[str, Consumer[ContactsChanged]]:
    return {"segments.recount": Consumer("segments.recount", ContactsChanged, told, once_for_all=once_for_all)}


def deliveries(open_unit: Open) -> list[OutboxDelivery]:
    with open_unit() as session:
        return list(session.execute(select(OutboxDelivery).order_by(OutboxDelivery.event_id)).scalars())


def test_a_row_that_breaks_its_consumer_lets_the_next_one_pass(open_unit: Open) -> None:
    drained, recount = Told(), Told()
    consumers = {**campaigns(drained), **segments(recount)}
    happen(open_unit, SendDrained, 1)
    happen(open_unit, ContactsChanged, 2)
    drained.error = RuntimeError("time is over")
    with clock.at(NOW):
        with pytest.raises(RuntimeError):
            relay_one(open_unit, consumers)
        assert relay_one(open_unit, consumers)
        assert not relay_one(open_unit, consumers)
        with open_unit() as session:
            assert not is_due(session)
    assert (drained.subjects, recount.subjects) == ([1], [2])
    broken, done = deliveries(open_unit)
    assert (broken.attempts, broken.done_at, done.done_at) == (1, None, NOW)
    drained.error = None
    with clock.at(NOW + timedelta(seconds=LEASE)):
        assert relay_one(open_unit, consumers)
    assert drained.subjects == [1, 1]
    assert all(row.done_at for row in deliveries(open_unit))


def test_a_row_that_always_breaks_is_given_up(open_unit: Open) -> None:
    told = Told()
    told.error = RuntimeError()
    happen(open_unit, SendDrained, 1)
    for n in range(TRIES):
        with clock.at(NOW + timedelta(days=n)), pytest.raises(RuntimeError):
            relay_one(open_unit, campaigns(told))
    with clock.at(NOW + timedelta(days=TRIES)):
        assert relay_one(open_unit, campaigns(told))
    (row,) = deliveries(open_unit)
    assert (len(told.subjects), row.done_at is not None, row.last_error) == (TRIES, True, "no try came to its end")


def test_what_the_domain_refuses_is_noted_and_tried_again_later(open_unit: Open) -> None:
    told = Told()
    told.error = Conflict("Not now.")
    happen(open_unit, SendDrained, 1)
    with clock.at(NOW):
        assert relay_one(open_unit, campaigns(told))
    (row,) = deliveries(open_unit)
    assert (row.done_at, row.due_at, row.last_error) == (None, NOW + timedelta(seconds=20), "CONFLICT: Not now.")


def test_one_recount_answers_every_change_that_was_due(open_unit: Open) -> None:
    drained, recount = Told(), Told()
    happen(open_unit, ContactsChanged, 1, 2, 3)
    happen(open_unit, SendDrained, 4, 5)
    consumers = {**campaigns(drained), **segments(recount, once_for_all=True)}
    with clock.at(NOW):
        while relay_one(open_unit, consumers):
            pass
    assert (drained.subjects, recount.subjects) == ([4, 5], [3])
    assert all(row.done_at == NOW and row.attempts == 1 for row in deliveries(open_unit))


def test_a_consumer_nobody_knows_holds_nobody_up(open_unit: Open) -> None:
    told = Told()
    happen(open_unit, SendDrained, 1)
    happen(open_unit, ContactsChanged, 2)
    with clock.at(NOW):
        with pytest.raises(KeyError):
            relay_one(open_unit, segments(told))
        assert relay_one(open_unit, segments(told))
    assert told.subjects == [2]


def test_a_try_is_its_own_until_a_job_must_have_ended() -> None:
    assert RELAY_OUTBOX.seconds < LEASE
    assert RELAY_OUTBOX.seconds > outbox.seconds() + max(one.seconds for one in nouns.every(lambda noun: noun.hears))


def test_what_everybody_was_told_of_is_dropped_after_a_month(open_unit: Open) -> None:
    happen(open_unit, SendDrained, 1)
    happen(open_unit, ContactsChanged, 2)
    with clock.at(NOW):
        assert relay_one(open_unit, campaigns(Told()))
    with clock.at(NOW + KEPT - timedelta(minutes=1)), open_unit() as session:
        assert forget_old(session) == 0
    with clock.at(NOW + KEPT + timedelta(minutes=20)), open_unit() as session:
        assert forget_old(session) == 2
    [left] = deliveries(open_unit)
    assert left.consumer == "segments.recount", "who has not heard of it is still told"

"""What the tests of events have in common."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.errors import Invalid
from app.core.unit import actor_of
from app.domain.events.models import Event
from app.domain.events.said import EventInput
from app.domain.events.tracking import Taken, track


@pytest.fixture
def statements(session: Session) -> Iterator[list[str]]:
    """What is said to the database from now on."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        said.append(sql)

    event.listen(session.connection(), "before_cursor_execute", note)
    yield said
    event.remove(session.connection(), "before_cursor_execute", note)


@pytest.fixture
def page(session: Session, organisation: Any) -> Actor:
    """Somebody with the key of a page."""
    return Actor(organisation.id, "public", permissions=frozenset({"events:track"}))


def said(name: str = "login", **more: Any) -> EventInput:
    return EventInput.model_validate({"event": name, **more})


def tell(session: Session, *events: EventInput | Invalid, by: Actor | None = None) -> Taken:
    return track(session, events, by=by or actor_of(session))


def told(session: Session) -> list[Event]:
    query = select(Event).order_by(Event.occurred_at, Event.id).execution_options(populate_existing=True)
    return list(session.execute(query).scalars())


def codes(taken: Taken) -> dict[int, str]:
    return {one.index: one.why.code for one in taken.refused}


def sentence(**more: Any) -> str:
    """What is wrong with an event."""
    with pytest.raises(ValidationError) as broke:
        EventInput.model_validate({"event": "login", "contact": {"anonymous_id": "visitor-1"}, **more})
    return str(broke.value.errors()[0]["msg"])

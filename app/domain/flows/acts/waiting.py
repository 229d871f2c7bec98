"""Waits: for a time, until a moment, for something to happen."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.core.db import among
from app.domain.contacts.models import Contact
from app.domain.flows import engine, lookback
from app.domain.flows.batch import Batch, Outcome, Pass, Rest, Run
from app.domain.flows.engine import HAPPENED, NEXT, TIMEOUT, Node
from app.domain.flows.steps import WaitFor, WaitUntil

PROPERTY = "properties."


def wait(batch: Batch, node: Node, runs: Sequence[Run]) -> Iterable[tuple[Run, Outcome]]:
    """Until so much time has gone by."""
    return [(run, _rest(batch, node, run)) for run in runs]


def wait_until(batch: Batch, node: Node, runs: Sequence[Run]) -> Iterable[tuple[Run, Outcome]]:
    """Until a time of day or a date; who has no such date, or a past one, goes on."""
    assert isinstance(node.step.config, WaitUntil)
    days = dates(batch, node.step.config.field, runs) if node.step.config.field else {}
    return [(run, _rest(batch, node, run, days.get(run.contact_id))) for run in runs]


def wait_for(batch: Batch, node: Node, runs: Sequence[Run]) -> Iterable[tuple[Run, Outcome]]:
    """Until something happens, or the time is over; what happened since the entry may count already.

    Who got no message that something could happen to does not wait for it.
    """
    config = node.step.config
    assert isinstance(config, WaitFor)
    known = lookback.happened(batch, config, runs) if config.since == "entry" else {}
    never = lookback.hopeless(batch, config, [run for run in runs if run.id not in known])
    for run in runs:
        if run.id in known:
            yield run, Pass(HAPPENED, known[run.id])
        elif run.id in never:
            yield run, Pass(TIMEOUT, never[run.id])
        else:
            yield run, Rest(engine.due(node.step, batch.now, batch.facts(run)), TIMEOUT, lookback.awaited(config))


def _rest(batch: Batch, node: Node, run: Run, day: date | None = None) -> Outcome:
    until = engine.due(node.step, batch.now, batch.facts(run, day))
    return Rest(until, NEXT) if until > batch.now else Pass(NEXT)


def dates(batch: Batch, field: str, runs: Sequence[Run]) -> dict[UUID, date | None]:
    """The date a field of each contact holds."""
    name = field.removeprefix(PROPERTY)
    column: Any = Contact.properties[name].astext if field.startswith(PROPERTY) else getattr(Contact, name)
    query = select(Contact.id, column).where(among(Contact.id, [run.contact_id for run in runs]))
    return {contact_id: engine.day_of(value) for contact_id, value in batch.session.execute(query)}

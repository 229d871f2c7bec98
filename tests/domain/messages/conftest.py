"""Units of work of the test's transaction, and dispatch in them."""

import asyncio
from contextlib import nullcontext
from functools import partial
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.core.actor import system
from app.core.pipeline import Rows, Step
from app.core.unit import unit_of_work
from app.domain.access.models import Organisation
from app.domain.messages import dispatch
from app.domain.messages.claiming import OpenUnit
from tests.domain.messages.line import Line, Run
from tests.factories import sending


@pytest.fixture
def unit(factory: sessionmaker[Session], organisation: Organisation) -> OpenUnit:
    """A unit of work of the system; one at a time."""
    return sending.alone(partial(unit_of_work, factory, system(organisation.id)))


@pytest.fixture
def run(unit: OpenUnit, session: Session) -> Run:
    """Dispatch through a line, in units of this test's transaction."""

    def go(line: Line, channel: str = "sms", slow: float | None = None, **given: Any) -> dispatch.Tally:
        session.commit()
        plain = sending.through_units(unit)

        async def slowly(*steps: Step) -> list[Rows]:
            rows = await plain(*steps)
            await asyncio.sleep(slow or 0)
            return rows

        turns = nullcontext(plain if slow is None else slowly)
        return dispatch.dispatch(unit, lambda: turns, lambda _k, _c, _s: line, channel, **given)

    return go

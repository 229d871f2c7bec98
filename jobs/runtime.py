"""What a job needs of its process: settings, engine, units of work, channels. Made after the fork, once."""

import functools
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

from app.core import trace
from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.queue import Job, enqueue_all
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain import nouns as _gathered  # noqa: F401 - every noun declares itself
from app.gateways.channels.base import Channel
from app.gateways.channels.guard import Guard
from app.gateways.channels.registry import open_channel
from app.gateways.corebank.base import CoreBank
from app.gateways.corebank.http_api import HttpApi

log = logging.getLogger(__name__)
stopping = threading.Event()  # this process was told to end: jobs that go on for long look at it between their steps
Done = TypeVar("Done")


@dataclass(frozen=True)
class Runtime:
    """The process's own engine and sessions."""

    settings: Settings
    engine: Engine
    factory: sessionmaker[Session]

    def unit(self, organisation_id: UUID) -> AbstractContextManager[Session]:
        """A unit of work of the system inside one organisation."""
        return unit_of_work(self.factory, system(organisation_id, trace.correlation.get()))

    def opener(self, organisation_id: UUID) -> Callable[[], AbstractContextManager[Session]]:
        """What verbs of many transactions are handed."""
        return functools.partial(self.unit, organisation_id)

    def organisations(self) -> list[UUID]:
        """Every organisation; sweeper, relay and upkeep go over them one by one."""
        with unit_of_work(self.factory, None) as session:
            return list(session.execute(text("SELECT organisation_ids()")).scalars())

    def for_each(self, act: Callable[[UUID], object]) -> None:
        """Do it for every organisation; the trouble of one is logged, and does not end the round of the others."""
        for organisation_id in self.organisations():
            try:
                act(organisation_id)
            except Exception:
                log.exception("a round failed for one organisation", extra={"organisation": organisation_id})

    def open_channel(self, kind: str, config: Mapping[str, object], secret: str) -> Channel:
        """A provider's channel behind this environment's guard."""
        return open_channel(
            kind, config, secret, guard=guard(self.settings), allow_private=not self.settings.is_production
        )

    def open_core_bank(self) -> CoreBank:
        """The core bank the settings name; in production only one with a public address."""
        settings = self.settings
        return HttpApi(settings.core_bank_url, settings.core_bank_secret, allow_private=not settings.is_production)

    def enqueue(self, job: Job, *ids: object) -> None:
        """Ring a bell outside any unit of work."""
        enqueue_all(self.settings.redis_url, [(job, tuple(str(i) for i in ids))])


def guard(settings: Settings) -> Guard:
    """Everybody in production; elsewhere only who is on the allow-list."""
    return Guard.everybody() if settings.is_production else Guard.only(settings.allowed_recipients)


@functools.cache
def runtime() -> Runtime:
    """This process's runtime."""
    settings = Settings.from_env()
    engine = make_engine(settings, pool_size=3, max_overflow=3)
    return Runtime(settings, engine, session_factory(engine, settings))


def job(function: Callable[..., Done]) -> Callable[..., Done | None]:
    """A job's outermost frame: its ids become UUIDs, it has a trace, and no error ends the worker.

    An error is logged and forgotten: the work is a row, and the sweeper rings for it again.
    """

    @functools.wraps(function)
    def answered(*ids: Any) -> Done | None:
        trace.begin()
        try:
            return function(*(UUID(str(i)) for i in ids))
        except Exception:
            log.exception("a job failed; the sweeper will ring again", extra={"job": function.__name__})
            return None

    return answered

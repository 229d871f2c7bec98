"""Other systems are called for runs: claimed and noted, called outside of any transaction, recorded.

A worker that dies between may have called or not: whoever was being called is called again under the same id, so that the
receiver can tell.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from sqlalchemy import Row
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import Phrase, mark
from app.core.sql import load
from app.core.unit import actor_of, enqueue_after_commit
from app.domain.flows import destinations, engine, starts
from app.domain.flows.acts.onward import CALL
from app.domain.flows.batch import Batch, Run
from app.domain.flows.course import course_of
from app.domain.flows.models import Flow, FlowDestination
from app.domain.flows.steps import Webhook
from app.domain.flows.walking import failed, settle
from app.gateways.http import AddressRefused, AnswerTimeout, Http, HttpFailure, NotConnected
from app.gateways.signature import sign

AT_ONCE = 50
READ_SECONDS = 10
SIGNATURE, KEY = "X-Carillon-Signature", "Idempotency-Key"
_GONE = mark("The system that would be told is not there any more.")
_REFUSES = mark("The system refused it: it answered %(status)s.")
_FAILED: Mapping[type[HttpFailure], str] = {
    AddressRefused: mark("This address must not be called: it lies in a private network, or is not https."),
    NotConnected: mark("No connection to %(host)s: the name is not known, nobody answers there, or its certificate is not good."),
    AnswerTimeout: mark("%(host)s did not answer within %(seconds)s seconds."),
    HttpFailure: mark("The connection to %(host)s broke before the whole answer was there, or the answer was too large."),
}  # fmt: skip
_SQL = load("flows/queries.sql")
OpenUnit = Callable[[], AbstractContextManager[Session]]
OpenHttp = Callable[[], Http]


@dataclass(frozen=True)
class Call:
    """One call: of which run, to where, what it says, and how it is signed."""

    row: Row[Any]
    url: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Answered:
    """What came of it; without `failure` it was taken."""

    row: Row[Any]
    status: int | None = None
    failure: Phrase | None = None


def call_all(
    open_unit: OpenUnit, open_http: OpenHttp, *, seconds: float = 30, stopping: Callable[[], bool] = lambda: False
) -> bool:
    """Make the calls that are due, window by window; True if the time is over before."""
    until = monotonic() + seconds
    while not stopping() and monotonic() < until:
        token = uuid4()
        with open_unit() as session:
            prepared = _claim(session, token)
        if not prepared:
            return False
        answers = asyncio.run(_call(open_http, prepared))
        with open_unit() as session:
            _record(session, token, answers)
    return True


def are_due(session: Session) -> bool:
    """True if somebody is to be called for."""
    looked = {"organisation": actor_of(session).organisation_id, "now": clock.now()}
    return bool(session.execute(_SQL["calls_are_due"], looked).scalar())


def _claim(session: Session, token: UUID) -> list[Call | Answered]:
    """Lease the next runs, note that their calls begin, and write what is said; who cannot be called for has failed already."""
    asked = {"token": token, "now": clock.now(), "most": AT_ONCE, "organisation": actor_of(session).organisation_id}
    rows = session.execute(_SQL["claim_calls"], asked).all()
    of: dict[UUID, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        of[row.version_id].append(row)
    prepared: list[Call | Answered] = []
    for version_id, some in of.items():
        batch = Batch(session, course_of(session, version_id), clock.now())
        for row in some:
            batch.note(_run(row), "called", row.step)
            prepared.append(_prepared(batch, row))
        batch.write()
    return prepared


def _prepared(batch: Batch, row: Row[Any]) -> Call | Answered:
    config = batch.course.graph.nodes[row.step].step.config
    assert isinstance(config, Webhook)
    assert config.destination_id is not None
    pinned = batch.course.pinned.destinations.get(config.destination_id)
    destination = batch.session.get(FlowDestination, config.destination_id)
    if pinned is None or destination is None or destination.archived_at or not destination.approved_at:
        return Answered(row, failure=Phrase(_GONE))
    flow = batch.session.get_one(Flow, row.flow_id)
    said = {
        "id": str(row.visit_id),
        "flow": {"id": str(flow.id), "name": flow.name, "step": row.step},
        **_told(pinned.fields, row),
    }
    return Call(row, pinned.url, *signed(batch.session, destination, said))


def signed(session: Session, destination: FlowDestination, said: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """The body that says so, and its headers: signed, and under its id."""
    body = json.dumps(said, ensure_ascii=False, separators=(",", ":"), default=str).encode()
    signature = sign(destinations.secret_of(session, destination), body, clock.now())
    return body, {"Content-Type": "application/json", SIGNATURE: signature, KEY: str(said["id"])}


def broken(failure: HttpFailure, host: str, seconds: float) -> Phrase:
    """Why no usable answer came, in a sentence."""
    words = next(words for kind, words in _FAILED.items() if isinstance(failure, kind))
    return Phrase(words, {"host": host, "seconds": seconds})


def _told(fields: Sequence[str], row: Row[Any]) -> dict[str, dict[str, Any]]:
    """Of the contact, and of what began the run, what the destination was approved for."""
    contact, event = {}, {}
    for name in fields:
        place, _, key = name.partition(".")
        if place == "event":
            event[key] = row.trigger.get("properties", {}).get(key)
        elif place == "properties":
            contact[name] = (row.properties or {}).get(key)
        else:
            contact[name] = row.fields.get(name)
    return {"contact": contact} | ({"event": event} if event else {})


async def _call(open_http: OpenHttp, prepared: Sequence[Call | Answered]) -> list[Answered]:
    """All at once, beside each other."""

    async def one(call: Call | Answered) -> Answered:
        if isinstance(call, Answered) or call.row.is_gone:
            return call if isinstance(call, Answered) else Answered(call.row)
        try:
            answer = await http.request("POST", call.url, body=call.body, headers=call.headers)
        except HttpFailure as broke:
            return Answered(call.row, failure=broken(broke, urlsplit(call.url).hostname or "", READ_SECONDS))
        is_taken = 200 <= answer.status < 300
        return Answered(call.row, answer.status, None if is_taken else Phrase(_REFUSES, {"status": answer.status}))

    async with open_http() as http:
        return list(await asyncio.gather(*map(one, prepared)))


def _record(session: Session, token: UUID, answers: Sequence[Answered]) -> None:
    """Send on whoever was taken; the others are tried again, or have failed."""
    ids = [one.row.id for one in answers]
    mine = set(session.execute(_SQL["still_mine"], {"ids": ids, "token": token}).scalars())
    of: dict[UUID, list[Answered]] = defaultdict(list)
    for one in answers:
        if one.row.id in mine:
            of[one.row.version_id].append(one)
    for version_id, some in of.items():
        batch = Batch(session, course_of(session, version_id), clock.now())
        for one in some:
            _settled(batch, one)
        batch.write()
    enqueue_after_commit(session, starts.EXECUTE, actor_of(session).organisation_id)


def _settled(batch: Batch, one: Answered) -> None:
    run, step = _run(one.row), one.row.step
    if one.failure is None:
        batch.send_on(run, step, engine.NEXT, {"status": one.status} if one.status else None)
    else:
        settle(batch, batch.course.graph.nodes[step], run, failed(batch, run, one.failure, waits_for=CALL))


def _run(row: Row[Any]) -> Run:
    return Run(row.id, row.contact_id, row.visit_id, row.due_at, row.entered_at, "", attempts=row.attempts)

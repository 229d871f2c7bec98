"""A destination is called to try it: an example of what flows tell it, signed as they sign, that says it is a test."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.errors import Conflict, Phrase, mark
from app.domain.audit import trail
from app.domain.flows import destinations
from app.domain.flows.calls import broken, signed
from app.domain.flows.models import FlowDestination
from app.domain.segments import fields
from app.gateways.http import Answer, AnswerTimeout, Http, HttpFailure

SECONDS = 5
SHOWN = 500  # characters of the answer
EXAMPLES: Mapping[str, object] = {
    "id": "00000000-0000-7000-8000-000000000000", "external_id": "0000000", "language": "en", "country": "IL", "city": "Haifa",
    "lifecycle_stage": "customer", "engagement_score": 50, "tags": ["example"],
}  # fmt: skip
BY_TYPE: Mapping[str, object] = {"number": 1, "boolean": True, "date": "2026-01-31", "moment": "2026-01-31T09:00:00Z"}
_REDIRECTS = mark("It answers %(status)s and leads elsewhere; nobody follows, so that nothing is told to another address. "
    "Register the address it leads to.")  # fmt: skip
_REFUSES = mark("It answers %(status)s: a flow would try again, and in the end the step would have failed.")


@dataclass(frozen=True)
class Tried:
    """What came of a call: the status and the beginning of the answer, or what is wrong, and what was sent."""

    sent: Mapping[str, Any]
    milliseconds: int
    status: int | None = None
    answer: str = ""
    problem: Phrase | None = None

    @property
    def is_taken(self) -> bool:
        """True if a flow would go on."""
        return self.problem is None


def call(session: Session, destination_id: UUID, open_http: Callable[[], Http], *, by: Actor) -> Tried:
    """Call a destination now; nothing about any person is in it.

    Raises NotFound, Conflict (nobody has approved it yet: an address of one person's choice is not called), Forbidden.
    """
    require(by, "flows:write")
    destination = destinations.get(session, destination_id, by=by)
    if not destination.approved_at or destination.archived_at:
        raise Conflict(mark("Only a system that was approved and is not archived can be called."))
    said = example(session, destination)
    body, headers = signed(session, destination, said)
    began = monotonic()
    found = asyncio.run(_call(open_http, destination.url, body, headers))
    milliseconds = round((monotonic() - began) * 1000)
    tried = _tried(found, said, milliseconds, urlsplit(destination.url).hostname or "")
    after = {"answered": tried.status is not None, "status": tried.status, "milliseconds": milliseconds}
    trail.record(session, by, "destination.tested", (destinations.SUBJECT, destination.id), after=after)
    return tried


def example(session: Session, destination: FlowDestination) -> dict[str, Any]:
    """What a flow would tell, about nobody."""
    known = fields.catalogue(session).fields
    contact, event = {}, {}
    for name in destination.fields:
        place, _, key = name.partition(".")
        if place == "event":
            event[key] = "example"
        else:
            contact[name] = EXAMPLES.get(name) or BY_TYPE.get(known[name].type if name in known else "", "example")
    flow = {"id": str(UUID(int=0)), "name": "Test", "step": "test"}
    return {"id": str(uuid4()), "test": True, "flow": flow, "contact": contact} | ({"event": event} if event else {})


async def _call(open_http: Callable[[], Http], url: str, body: bytes, headers: dict[str, str]) -> Answer | HttpFailure:
    try:
        async with asyncio.timeout(SECONDS), open_http() as http:
            return await http.request("POST", url, body=body, headers=headers)
    except HttpFailure as broke:
        return broke
    except TimeoutError:
        return AnswerTimeout()


def _tried(found: Answer | HttpFailure, said: Mapping[str, Any], milliseconds: int, host: str) -> Tried:
    if isinstance(found, HttpFailure):
        return Tried(said, milliseconds, problem=broken(found, host, SECONDS))
    words = "" if 200 <= found.status < 300 else _REDIRECTS if 300 <= found.status < 400 else _REFUSES
    problem = Phrase(words, {"status": found.status}) if words else None
    return Tried(said, milliseconds, found.status, found.body.decode("utf-8", "replace")[:SHOWN], problem)

"""What a version of a flow is pinned to: everything that will happen, kept with its approval and used ever after.

A text, a segment or a destination that is changed later changes nothing for a flow that runs, until it is submitted again.
"""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from app.domain.approvals.decisions import digest_of
from app.domain.approvals.models import Approval
from app.domain.audit import trail
from app.domain.content import library as content_library
from app.domain.flows.definition import parse
from app.domain.flows.models import Flow, FlowDestination
from app.domain.flows.uses import uses
from app.domain.messages import pinned as messages
from app.domain.messages.pinned import PinnedText, Routed
from app.domain.segments import library as segment_library
from app.domain.segments import pinned as segments

DESTINATION = "destination"
Choices = dict[UUID, dict[str, str]]


class PinnedDestination(BaseModel):
    """An address that is called, and the fields it is given."""

    model_config = ConfigDict(frozen=True)

    name: str
    url: str
    fields: tuple[str, ...]


class Pinned(Routed):
    """`texts` are by the id of the sending step; `definitions` are those of all segments that are needed, as they are stored."""

    texts: dict[str, PinnedText]
    definitions: dict[UUID, dict[str, Any]]
    destinations: dict[UUID, PinnedDestination]


class Asked(BaseModel):
    """What an approval of a flow is about. `choices` say what becomes of the people who wait, by version and step."""

    model_config = ConfigDict(frozen=True)

    name: str
    definition: dict[str, Any]
    pinned: Pinned
    choices: Choices


def present(session: Session, flow: Flow) -> Pinned:
    """What would happen if the draft were approved now. What it names has to be there (validation.py)."""
    named = uses(parse(flow.definition))
    texts = {step: messages.text(session, i) for step, i in named.templates.items()}
    channels = dict.fromkeys(text.channel for text in texts.values())
    return Pinned(
        texts=texts,
        routes=tuple(route for channel in channels for route in messages.routes(session, channel)),
        definitions=segments.definitions(session, named.segments),
        destinations={i: _destination(session, i) for i in named.destinations},
    )


def asked(session: Session, flow: Flow, choices: Choices) -> Asked:
    """What would be submitted now."""
    return Asked(name=flow.name, definition=flow.definition, pinned=present(session, flow), choices=choices)


def of_approval(approval: Approval) -> Asked:
    """What an approval is about."""
    return Asked.model_validate(approval.pinned)


def digest(session: Session, what: Asked) -> bytes:
    """Over everything that will happen, by content: the same text saved again, or a step moved away and back, is no change."""
    pinned = what.pinned
    return digest_of(
        {
            "name": what.name,
            "definition": what.definition,
            "texts": {step: messages.content(session, text) for step, text in pinned.texts.items()},
            "segments": {str(i): one for i, one in pinned.definitions.items()},
            "destinations": {str(i): one.model_dump() for i, one in pinned.destinations.items()},
            "routes": {text.channel: pinned.routes_of(text.channel) for text in pinned.texts.values()},
            "choices": {str(i): one for i, one in what.choices.items()},
        }
    )


def authors(session: Session, flow: Flow, pinned: Pinned) -> set[UUID]:
    """Who made the flow, who changed it since its last version, and who wrote a text, a segment or a destination of it."""
    subjects = [
        *((segment_library.SUBJECT, i) for i in pinned.definitions),
        *((DESTINATION, i) for i in pinned.destinations),
    ]
    return {
        flow.created_by,
        *flow.editors,
        *content_library.authors(session, [text.template_id for text in pinned.texts.values()]),
        *trail.actors(session, subjects, trail.WROTE),
    }


def _destination(session: Session, destination_id: UUID) -> PinnedDestination:
    found = session.get_one(FlowDestination, destination_id)
    return PinnedDestination(name=found.name, url=found.url, fields=tuple(found.fields))

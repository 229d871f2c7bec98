"""People are put into a flow by a colleague or another system: whom it is about, who of them would enter, and doing it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.errors import Conflict, Invalid, mark
from app.domain.audit import trail
from app.domain.contacts import identifiers
from app.domain.flows import drafts, starts
from app.domain.flows.course import course_of
from app.domain.flows.models import Flow, FlowVersion
from app.domain.flows.steps import OnCall
from app.domain.segments import library as segments
from app.domain.segments import membership

MOST = 1000  # people at once: more begin by a segment, which two people have seen
NEEDS = "flows:start"


class Wanted(BaseModel):
    """Who is meant: ids, words that name people (ids, customer numbers, e-mails, phones), a segment as it is now.

    `key` is what one may enter once for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    contacts: tuple[UUID, ...] = ()
    contact: UUID | None = None
    people: tuple[str, ...] = Field(default=(), max_length=MOST)
    segment: UUID | None = None
    key: str = Field(default="", max_length=200)


@dataclass(frozen=True)
class Look:
    """Whom it would be about: their ids, who by verdict (starts.judged), words that name nobody, or several people."""

    ids: Sequence[UUID]
    judged: Mapping[str, Sequence[UUID]] = field(default_factory=dict)
    unknown: Sequence[str] = ()
    shared: Sequence[str] = ()

    @property
    def verdicts(self) -> dict[str, int]:
        """How many by verdict."""
        return {verdict: len(people) for verdict, people in self.judged.items()}

    @property
    def enter(self) -> int:
        """Who would enter, the control group among them."""
        return self.verdicts.get("enters", 0) + self.verdicts.get("control", 0)


def offered(session: Session, *, by: Actor) -> list[Flow]:
    """The flows that run and that people can be put into, by name."""
    require(by, NEEDS)
    query = select(Flow, FlowVersion).join(FlowVersion, FlowVersion.id == Flow.version_id).where(Flow.state == "active")
    found = [flow for flow, version in session.execute(query).all() if version.definition["trigger"]["type"] == "api"]
    return sorted(found, key=lambda flow: flow.name.lower())


def is_open(session: Session, flow: Flow) -> bool:
    """True if people can be put into a flow: it runs, and begins so."""
    if flow.state != "active" or flow.version_id is None:
        return False
    return isinstance(course_of(session, flow.version_id).chart.trigger, OnCall)


def look(session: Session, flow_id: UUID, wanted: Wanted, *, by: Actor) -> Look:
    """What would happen to those who are meant; nobody is put in.

    Raises NotFound, Conflict (it does not run, or begins otherwise), Invalid (nobody, or too many), Forbidden.
    """
    require(by, NEEDS)
    flow, found = _open(session, flow_id, by), _found(session, wanted, by)
    if not found.ids:
        return found
    verdicts, judged = starts.judged(session, flow, starts.those(found.ids), wanted.key), defaultdict(list)
    for one in found.ids:
        judged[verdicts[one]].append(one)
    return Look(found.ids, judged, found.unknown, found.shared)


def put_in(session: Session, flow_id: UUID, wanted: Wanted, *, by: Actor) -> int:
    """Put those into a flow who are meant; how many entered. Raises as `look`, Invalid if a word names nobody, or several."""
    require(by, NEEDS)
    found = _found(session, wanted, by)
    if unclear := [*found.unknown, *found.shared]:
        raise Invalid.field("people", mark("This names nobody, or several people: %(words)s"), words=", ".join(unclear))
    return call(session, flow_id, found.ids, key=wanted.key, by=by)


def call(session: Session, flow_id: UUID, contact_ids: Sequence[UUID], *, key: str = "", by: Actor) -> int:
    """Put people into a flow that begins so; how many entered. Raises as `look`."""
    require(by, NEEDS)
    flow = _open(session, flow_id, by)
    _few(len(contact_ids))
    people = starts.those(contact_ids).add_columns(literal(key).label("key"))
    number = starts.enter(session, flow, people, {"type": "api", **_hand(by)})
    after = {"people": len(contact_ids), "entered": number}
    trail.record(session, by, "flow.called", (drafts.SUBJECT, flow.id), after=after)
    return number


def _hand(by: Actor) -> dict[str, str]:
    """A person has a name in the log; a system has put them in by a key."""
    return {"by": by.name} if by.kind == "user" else {}


def _open(session: Session, flow_id: UUID, by: Actor) -> Flow:
    flow = drafts.get(session, flow_id, by=by)
    if flow.state != "active" or flow.version_id is None:
        raise Conflict(mark("The flow does not run."))
    if not is_open(session, flow):
        raise Conflict(mark("This flow begins by itself: nobody can be put into it."))
    return flow


def _found(session: Session, wanted: Wanted, by: Actor) -> Look:
    """Whom the words, the ids and the segment name."""
    ids = dict.fromkeys([*wanted.contacts, *([wanted.contact] if wanted.contact else [])])
    words = list(dict.fromkeys(word for one in wanted.people if (word := one.strip())))
    named: Mapping[str, list[UUID]] = {}
    if words:
        require(by, "contacts:read")
        named = identifiers.named(session, words)
    ids |= dict.fromkeys(found[0] for found in named.values() if len(found) == 1)
    if wanted.segment:
        segments.get(session, wanted.segment, by=by)
        with membership.in_time(session):
            members = membership.audience(session, [wanted.segment], []).limit(MOST + 1)
            ids |= dict.fromkeys(session.execute(members).scalars())
    if ids or not words:
        _few(len(ids))
    unknown = [word for word in words if word not in named]
    return Look(list(ids), unknown=unknown, shared=[word for word, found in named.items() if len(found) > 1])


def _few(number: int) -> None:
    if not number:
        raise Invalid.field("people", mark("Name the people: at least one."))
    if number > MOST:
        raise Invalid.field(
            "people",
            mark("These are more than %(most)s people. Let the flow begin by a segment: then two people have seen it."),
            most=MOST,
        )

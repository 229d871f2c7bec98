"""What happened to one run, in words: message ids and values, put into a language at the door."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.errors import mark
from app.domain.flows import engine, people
from app.domain.flows.course import course_of
from app.domain.flows.definition import ELSE, Branch
from app.domain.flows.engine import Graph
from app.domain.flows.models import FlowLog
from app.domain.flows.steps import SENDS
from app.domain.messages.models import Message
from app.domain.messages.words import REASON
from app.domain.segments import library, words
from app.domain.segments.fields import catalogue
from app.domain.segments.saying import Listed, Names, Said, label

MOST = 1000  # lines of one run
_ANSWERS = {
    engine.APPROVED: mark("Was approved by %(by)s: %(said)s"),
    engine.REJECTED: mark("Was refused by %(by)s: %(said)s"),
}
NOTHING = mark("Did not wait: no message this could happen to (%(reason)s)")
_OTHER, _ELSE = mark("For another reason"), mark("Everybody else")


@dataclass(frozen=True)
class Line:
    """One thing that happened: at which step, in words. `until` is how long he waits; `message` is what was sent there."""

    at: datetime
    kind: str
    step: str | None
    port: str | None
    said: Said
    why: Mapping[str, Any]
    until: datetime | None = None
    message: Message | None = None


BEGAN = {
    "api": mark("Was put in by another system"),
    "date": mark("Entered on a date"),
    "event": mark("Entered by the event “%(event)s”"),
    "existing": mark("Was in the segment when the flow began to run"),
    "flow": mark("Came from another flow"),
    "message": mark("Entered by what happened to a message: %(did)s"),
    "month_qualified": mark("Entered with the month %(month)s"),
    "schedule": mark("Entered at a set time"),
    "segment_enter": mark("Came into the segment"),
    "segment_leave": mark("Left the segment"),
}
DID = {
    "bounced": mark("it bounced"), "clicked": mark("a link was clicked"), "delivered": mark("it was delivered"),
    "failed": mark("it failed"), "opened": mark("it was opened"), "replied": mark("it was answered"), "sent": mark("it was sent"),
    "unsubscribed": mark("the person unsubscribed"),
}  # fmt: skip
LEFT = {
    "archived": mark("Left: the flow was archived"), "exit": mark("Left: an exit happened"),
    "gone": mark("Left: the contact was deleted or erased"), "late": mark("Left: it was too late to go on"),
    "removed": mark("Was taken out by %(by)s: %(said)s"), "segment": mark("Left: is in the segment that ends the flow"),
    "version": mark("Left with the version before"),
}  # fmt: skip
PORTS = {
    engine.NEXT: mark("Went on"), engine.HAPPENED: mark("Went on: it happened"), engine.TIMEOUT: mark("Went on: the time was over"),
    engine.APPROVED: mark("Was approved"), engine.REJECTED: mark("Was not approved"), engine.REACHED: mark("Reached the goal"),
    engine.ENOUGH: mark("Had gone this way often enough"),
}  # fmt: skip


def of_run(session: Session, run_id: UUID, *, by: Actor) -> list[Line]:
    """Everything that happened to a run, oldest first. Raises NotFound, Forbidden."""
    require(by, "flows:read")
    run = people.get(session, run_id, by=by)
    query = (
        select(FlowLog).where(FlowLog.run_id == run.id, FlowLog.at >= run.entered_at).order_by(FlowLog.id).limit(MOST)
    )
    return _told(session, session.execute(query).scalars().all(), by=by)


def some(session: Session, ids: Sequence[int], within: tuple[datetime, datetime], *, by: Actor) -> dict[int, Line]:
    """What some rows of the log tell, by their ids; all of one person, and in this time."""
    require(by, "flows:read")
    query = select(FlowLog).where(FlowLog.id.in_(ids), FlowLog.at.between(*within))
    rows = session.execute(query).scalars().all()
    return {row.id: line for row, line in zip(rows, _told(session, rows, by=by), strict=True)}


def _told(session: Session, rows: Sequence[FlowLog], *, by: Actor) -> list[Line]:
    graphs = {i: course_of(session, i).graph for i in {row.version_id for row in rows}}
    sent = _messages(session, rows)
    names = Names(catalogue(session), library.names(session, by=by))
    return [_line(row, graphs[row.version_id], sent, names) for row in rows]


def _messages(session: Session, rows: Sequence[FlowLog]) -> dict[UUID, Message]:
    """The messages of one person, by the visit they were made in."""
    visits = {row.visit_id for row in rows if row.visit_id}
    if not visits:
        return {}
    query = select(Message).where(Message.contact_id == rows[0].contact_id, Message.occurrence_id.in_(visits))
    return {one.occurrence_id: one for one in session.execute(query).scalars()}


def _line(row: FlowLog, graph: Graph, sent: Mapping[UUID, Message], names: Names) -> Line:
    why = row.why or {}
    until = datetime.fromisoformat(why["until"]) if why.get("until") else None
    node = graph.nodes.get(row.step) if row.step else None
    is_text = row.kind == "passed" and node is not None and node.step.type in SENDS
    message = sent.get(row.visit_id) if is_text and row.visit_id else None
    branch = next((one for one in node.step.branches if one.key == row.port), None) if node else None
    said = _passed(row, why, branch, names) if row.kind == "passed" else _SAYS[row.kind](why)
    return Line(row.at, row.kind, row.step, row.port, said, why, until, message)


def _passed(row: FlowLog, why: Mapping[str, Any], branch: Branch | None, names: Names) -> Said:
    """Which way he went, and because of what."""
    if why.get("skipped"):
        return Said(mark("Got no message: %(reason)s"), {"reason": Said(REASON.get(why["skipped"], _OTHER))})
    if "nothing" in why:
        return Said(NOTHING, {"reason": Said(REASON.get(why["nothing"], _OTHER))})
    if why.get("by"):
        did = _ANSWERS.get(str(row.port), mark("Was passed on by %(by)s: %(said)s"))
        return Said(did, {"by": why["by"], "said": why.get("said", "")})
    if branch is None or row.port in PORTS:
        return Said(PORTS.get(str(row.port), mark("Went on")))
    name = {"branch": branch.label or (Said(_ELSE) if branch.key == ELSE else branch.key.upper())}
    asked = why.get("is") or {}
    shown = Listed(tuple(_had(field, value, names) for field, value in asked.items())) if asked else "–"
    if branch.when is None:
        went = mark("Went the way “%(branch)s”. It was: %(values)s") if asked else mark("Went the way “%(branch)s”")
        return Said(went, {**name, "values": shown})
    conditions = words.sentence(branch.when, names)
    return Said(
        mark("Went the way “%(branch)s”: %(conditions)s It was: %(values)s"),
        {**name, "conditions": conditions, "values": shown},
    )


def _had(field: str, value: Any, names: Names) -> Said:
    """What the contact had in a field."""
    shown = Listed(tuple(value)) if isinstance(value, list) else value
    if value is None or isinstance(value, bool):
        shown = Said({True: mark("yes"), False: mark("no"), None: mark("nothing")}[value])
    return Said(mark("%(field)s = %(value)s"), {"field": label(names.known.fields.get(field), field), "value": shown})


def reason(why: Mapping[str, Any]) -> Any:
    """Why a step could not be done."""
    if message := why.get("message"):
        return Said(message, why.get("values") or {})
    return why.get("reason", "")


def _began(why: Mapping[str, Any]) -> Said:
    did = Said(DID[why["did"]]) if why.get("did") in DID else ""
    said = BEGAN.get(str(why.get("type")), mark("Entered the flow"))
    if why.get("by"):
        return Said(mark("Was put in by %(by)s"), {"by": why["by"]})
    return Said(said, {"event": why.get("event", ""), "month": why.get("month", ""), "did": did})


def _what(why: Mapping[str, Any]) -> Any:
    """What happened: an event, or something with a message."""
    return Said(DID[why["did"]]) if why.get("did") in DID else why.get("event", "")


def _left(why: Mapping[str, Any]) -> Said:
    said = LEFT.get(str(why.get("reason")), mark("Left the flow"))
    return Said(said, {"by": why.get("by", ""), "said": why.get("said", "")})


def _moved(why: Mapping[str, Any]) -> Said:
    if why.get("by"):
        return Said(mark("Was moved by %(by)s: %(said)s"), {"by": why["by"], "said": why.get("said", "")})
    return Said(mark("Went over to another version") if why.get("version") else mark("Went to another step"))


_SAYS: Mapping[str, Callable[[Mapping[str, Any]], Said]] = {
    "entered": _began,
    "arrived": lambda why: Said(mark("Waits here")),
    "called": lambda why: Said(mark("The other system is called")),
    "failed": lambda why: Said(mark("Could not go on: %(reason)s"), {"reason": reason(why)}),
    "retried": lambda why: Said(mark("Is tried again: %(reason)s"), {"reason": reason(why) or why.get("said", "")}),
    "moved": _moved,
    "converted": lambda why: Said(mark("Did what the flow is for: %(what)s"), {"what": _what(why)}),
    "finished": lambda _why: Said(mark("Came to the end")),
    "left": _left,
}

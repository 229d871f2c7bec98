"""Drafts of flows: create, rename, edit step by step with undo, copy, list. Every change is a revision."""

import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock, rows
from app.core.actor import Actor, require
from app.core.errors import Conflict, Forbidden, Invalid, Issue, Stale, mark
from app.core.page import Ask, Page, fetch
from app.domain.approvals import decisions
from app.domain.audit import trail
from app.domain.flows import edits, states
from app.domain.flows.definition import Branch, Flowchart, Step, parse
from app.domain.flows.edits import Edit
from app.domain.flows.models import Flow, FlowRevision, FlowRun, FlowVersion
from app.domain.flows.uses import uses
from app.domain.links import used_by
from app.domain.segments import check, encryption

SUBJECT = "flow"
IN_IT = ("active", "failed")  # the states of runs whose people are still on their way
_BLANK: dict[str, Any] = {"schema": 1, "trigger": {"id": "trigger", "type": "segment_enter", "config": {}}, "lane": []}
_TRAVELS = ("undo", "redo", "renamed")  # they show a revision and make none
_OURS = re.compile(r"s(\d{1,9})")


class FlowInput(BaseModel):
    """A flow as a person writes it; `definition` in the grammar of definition.py, one that is empty if it is left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=120)
    description: str | None = Field(default=None, max_length=2000)
    definition: dict[str, Any] = Field(default_factory=lambda: deepcopy(_BLANK))


def create(session: Session, new: FlowInput, *, by: Actor) -> Flow:
    """Make a draft. Raises Invalid (name taken, definition wrong), Forbidden."""
    require(by, "flows:write")
    if by.id is None:
        raise Forbidden(mark("Only a person can make a flow."))
    refuse_taken(session, new.name)
    chart = _read(session, new.definition)
    flow = Flow(
        organisation_id=by.organisation_id,
        name=new.name,
        description=new.description or None,
        state="draft",
        definition=chart.dump(),
        revision=1,
        last_step=_highest(chart),
        created_by=by.id,
        editors=[by.id],
        created_at=clock.now(),
        updated_at=clock.now(),
    )
    session.add(flow)
    session.flush()
    _keep_revision(session, flow, "created", None, by)
    note_uses(session, flow)
    trail.record(session, by, "flow.created", (SUBJECT, flow.id), after={"name": flow.name})
    return flow


def update(session: Session, flow_id: UUID, new: FlowInput, *, revision: int | None = None, by: Actor) -> Flow:
    """Change name, description and definition as a whole; any change takes the draft back from approval.

    Raises:
        NotFound, Invalid, Conflict (archived), Stale (somebody else changed it since `revision`).
    """
    flow = _for_edit(session, flow_id, revision, by)
    chart = _read(session, new.definition)
    if (new.name, new.description or None) != (flow.name, flow.description):
        refuse_taken(session, new.name, own=flow)
        before = {"name": flow.name, "description": flow.description}
        flow.name, flow.description = new.name, new.description or None
        _touch(session, flow, "renamed", _shown(session, flow), by)
        note_uses(session, flow)
        after = {"name": flow.name, "description": flow.description}
        trail.record(session, by, "flow.changed", (SUBJECT, flow.id), before=before, after=after)
    return _settle(session, flow, chart, "put", by)


def edit(session: Session, flow_id: UUID, change: Edit, *, revision: int | None = None, by: Actor) -> Flow:
    """One edit of the tree.

    Raises:
        NotFound (flow, step or branch), Invalid, Conflict (archived), Stale (somebody else changed it since `revision`).
    """
    flow = _for_edit(session, flow_id, revision, by)
    chart = parse(flow.definition)
    return _settle(session, flow, _normal(session, edits.apply(chart, change, _new_ids(flow, chart))), change.op, by)


def undo(session: Session, flow_id: UUID, *, revision: int | None = None, by: Actor) -> Flow:
    """The draft as it was before the last change. Raises Conflict (nothing to undo), Stale."""
    return _travel(session, _for_edit(session, flow_id, revision, by), "undo", by)


def redo(session: Session, flow_id: UUID, *, revision: int | None = None, by: Actor) -> Flow:
    """The draft as it was before it was undone. Raises Conflict (nothing to redo), Stale."""
    return _travel(session, _for_edit(session, flow_id, revision, by), "redo", by)


def can_travel(session: Session, flow: Flow) -> tuple[bool, bool]:
    """Whether there is something to undo, and something to redo."""
    shown = _shown(session, flow)
    return shown.parent is not None, _undone(session, shown) is not None


def clone(session: Session, flow_id: UUID, *, by: Actor) -> Flow:
    """A new draft with the same steps."""
    old = get(session, flow_id, by=by)
    named = f"{old.name} (2)"[:120]
    return create(session, FlowInput(name=named, description=old.description, definition=old.definition), by=by)


def copied(session: Session, flow_id: UUID, step_id: str, *, by: Actor) -> tuple[dict[str, Any], ...]:
    """A step of a draft with all in its branches, to be pasted in the same flow or in another. Raises NotFound."""
    chart = parse(get(session, flow_id, by=by).definition)
    lane, index = edits.place(chart, step_id)
    return tuple(replace(chart, lane=(edits.lanes(chart)[lane][index],)).dump()["lane"])


def get(session: Session, flow_id: UUID, *, by: Actor) -> Flow:
    """One flow. Raises NotFound."""
    require(by, "flows:read")
    return rows.one(session, Flow, flow_id, mark("There is no such flow."))


def one_for_update(session: Session, flow_id: UUID) -> Flow:
    """One flow, locked: two people at once cannot both move it. Raises NotFound."""
    return rows.one_for_update(session, Flow, flow_id, mark("There is no such flow."))


def listed(session: Session, ask: Ask, *, by: Actor, state: str = "", text: str = "") -> Page[Flow]:
    """A page of flows, newest first; those that are archived only if they are asked for."""
    require(by, "flows:read")
    query = select(Flow).where(Flow.state == state if state else Flow.archived_at.is_(None))
    if text:
        query = query.where(Flow.name.icontains(text, autoescape=True))
    return fetch(session, query, [Flow.__table__.c.id], ask, descending=True)


def people_in(session: Session, flows: Iterable[Flow]) -> dict[UUID, int]:
    """How many people are on their way in each flow."""
    ids = [flow.id for flow in flows]
    query = select(FlowRun.flow_id, func.count().label("people")).where(
        FlowRun.flow_id.in_(ids), FlowRun.state.in_(IN_IT)
    )
    return {row.flow_id: row.people for row in session.execute(query.group_by(FlowRun.flow_id))}


def versions(session: Session, flow: Flow) -> list[FlowVersion]:
    """The versions that were activated, newest first."""
    query = select(FlowVersion).where(FlowVersion.flow_id == flow.id).order_by(FlowVersion.number.desc())
    return list(session.execute(query).scalars())


def note_uses(session: Session, flow: Flow) -> None:
    """State what the flow uses: its draft, what runs, and what people still walk through."""
    walked = select(FlowRun.version_id).where(FlowRun.flow_id == flow.id, FlowRun.state.in_(IN_IT))
    kept = select(FlowVersion.definition).where(
        FlowVersion.flow_id == flow.id, (FlowVersion.id == flow.version_id) | FlowVersion.id.in_(walked)
    )
    charts = [] if flow.archived_at else [flow.definition]
    charts += session.execute(kept).scalars().all()
    used = [link for one in charts for link in uses(parse(one)).links() if link != (SUBJECT, flow.id)]
    used_by.uses(session, SUBJECT, flow.id, flow.name, used)


def _for_edit(session: Session, flow_id: UUID, revision: int | None, by: Actor) -> Flow:
    require(by, "flows:write")
    flow = one_for_update(session, flow_id)
    if revision is not None and revision != flow.revision:
        raise Stale(mark("Somebody else changed this flow while you were editing. Here it is as it is now."))
    states.after(flow.state, "edit")
    return flow


def _read(session: Session, raw: object) -> Flowchart:
    return _normal(session, parse(raw))


def _normal(session: Session, chart: Flowchart) -> Flowchart:
    """The conditions in their normal form; what is not right yet is left to validation.

    Raises Invalid for a condition that names somebody: a flow is shown to more people than a segment.
    """
    places = edits.paths(chart)

    def branch(one: Branch, path: str) -> Branch:
        lane = tuple(map(step, one.lane))
        if one.when is None:
            return replace(one, lane=lane)
        if encryption.names_people(one.when):
            said = mark("Name people by a segment: a flow does not hold their names, e-mails or phones.")
            raise Invalid(said, details=(Issue(f"{path}.when", said),))
        try:
            return replace(one, lane=lane, when=check.check(session, one.when.dump()))
        except Invalid:
            return replace(one, lane=lane)

    def step(one: Step) -> Step:
        path = places[one.id]
        return replace(one, branches=tuple(branch(b, f"{path}.branches[{n}]") for n, b in enumerate(one.branches)))

    return replace(chart, lane=tuple(map(step, chart.lane)))


def _settle(session: Session, flow: Flow, chart: Flowchart, operation: str, by: Actor) -> Flow:
    """Keep a changed tree; one that is as it was is no change."""
    dumped = chart.dump()
    if dumped == flow.definition:
        return flow
    shown = _shown(session, flow)
    flow.definition = dumped
    flow.last_step = max(flow.last_step, _highest(chart))
    _touch(session, flow, operation, shown, by)
    note_uses(session, flow)
    after = {"operation": operation, "revision": flow.revision}
    trail.record(session, by, "flow.changed", (SUBJECT, flow.id), after=after)
    return flow


def _travel(session: Session, flow: Flow, operation: str, by: Actor) -> Flow:
    shown = _shown(session, flow)
    if operation == "undo":
        target = session.get(FlowRevision, (flow.id, shown.parent)) if shown.parent else None
    else:
        target = _undone(session, shown)
    if target is None:
        raise Conflict(mark("There is nothing to undo.") if operation == "undo" else mark("There is nothing to redo."))
    flow.definition = target.definition
    _touch(session, flow, operation, target, by)
    note_uses(session, flow)
    after = {"operation": operation, "revision": flow.revision}
    trail.record(session, by, "flow.changed", (SUBJECT, flow.id), after=after)
    return flow


def _touch(session: Session, flow: Flow, operation: str, parent: FlowRevision, by: Actor) -> None:
    """A new revision, made from `parent` or showing it; a decision on the one before is void."""
    flow.state = states.after(flow.state, "edit")
    flow.revision += 1
    flow.updated_at = clock.now()
    if by.id and by.id not in flow.editors:
        flow.editors = [*flow.editors, by.id]
    decisions.void(session, (SUBJECT, flow.id))
    flow.approval_id = None
    _keep_revision(session, flow, operation, parent.revision, by)


def _keep_revision(session: Session, flow: Flow, operation: str, parent: int | None, by: Actor) -> None:
    session.add(
        FlowRevision(
            organisation_id=flow.organisation_id,
            flow_id=flow.id,
            revision=flow.revision,
            parent=parent,
            operation=operation,
            definition=flow.definition,
            made_by=by.id or flow.created_by,
            made_at=clock.now(),
        )
    )
    session.flush()


def _shown(session: Session, flow: Flow) -> FlowRevision:
    """The revision whose tree is the draft's: the newest, or the one that undo and redo went to."""
    newest = session.get_one(FlowRevision, (flow.id, flow.revision))
    is_travel = newest.operation in _TRAVELS and newest.parent is not None
    return session.get_one(FlowRevision, (flow.id, newest.parent)) if is_travel else newest


def _undone(session: Session, shown: FlowRevision) -> FlowRevision | None:
    """The last change that was made from a revision."""
    query = (
        select(FlowRevision)
        .where(
            FlowRevision.flow_id == shown.flow_id,
            FlowRevision.parent == shown.revision,
            FlowRevision.operation.not_in(_TRAVELS),
        )
        .order_by(FlowRevision.revision.desc())
    )
    return session.execute(query.limit(1)).scalar_one_or_none()


def _new_ids(flow: Flow, chart: Flowchart) -> Iterator[str]:
    """Ids no step of the flow has had."""
    known = {step.id for step in chart.steps()}
    while True:
        flow.last_step += 1
        if (new := f"s{flow.last_step}") not in known:
            yield new


def _highest(chart: Flowchart) -> int:
    return max((int(found[1]) for step in chart.steps() if (found := _OURS.fullmatch(step.id))), default=0)


def refuse_taken(session: Session, name: str, own: Flow | None = None) -> None:
    """Raise Invalid if another flow that is not put away has this name."""
    taken = select(Flow.id).where(func.lower(Flow.name) == name.lower(), Flow.archived_at.is_(None))
    if own is not None:
        taken = taken.where(Flow.id != own.id)
    if session.execute(taken).first():
        raise Invalid.field("name", mark("There is a flow with this name already."))

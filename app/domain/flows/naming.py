"""What the ids in a flow are called, read once for a page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.domain.bank.models import Programme
from app.domain.content.models import Template
from app.domain.flows.definition import Flowchart
from app.domain.flows.models import Flow, FlowDestination
from app.domain.flows.uses import uses
from app.domain.flows.validation import SETTABLE
from app.domain.segments import fields
from app.domain.segments.fields import Field
from app.domain.segments.models import Segment


@dataclass(frozen=True)
class Names:
    """Names by id; `fields` are the dates of a contact, of which `ours` are message ids to be translated."""

    texts: Mapping[UUID, Template]
    segments: Mapping[UUID, str]
    destinations: Mapping[UUID, FlowDestination]
    flows: Mapping[UUID, str]
    programmes: Mapping[UUID, str]
    fields: Mapping[str, str]
    ours: frozenset[str]


@dataclass(frozen=True)
class Choosable:
    """What a step or a trigger can name."""

    texts: Sequence[Template]
    segments: list[tuple[UUID, str]]
    destinations: Sequence[FlowDestination]
    flows: list[tuple[UUID, str]]
    programmes: list[tuple[UUID, str]]
    dates: list[Field]
    settable: list[Field]


def choosable(session: Session, flow: Flow, *, by: Actor) -> Choosable:
    """What can be chosen for a flow; what is archived cannot."""
    require(by, "flows:read")
    known = fields.catalogue(session).fields.values()
    return Choosable(
        texts=session.execute(_there(Template).where(Template.current_id.is_not(None))).scalars().all(),
        segments=_listed(session, Segment),
        destinations=session.execute(_there(FlowDestination)).scalars().all(),
        flows=[(i, name) for i, name in _listed(session, Flow) if i != flow.id],
        programmes=_listed(session, Programme),
        dates=[one for one in known if one.type in ("date", "moment")],
        settable=[one for one in known if one.name in SETTABLE or one.is_custom],
    )


def names(session: Session, chart: Flowchart) -> Names:
    """Everything a flow names; what is gone has no name."""
    named = uses(chart)
    programme = getattr(chart.trigger, "programme_id", None)
    known = fields.catalogue(session).fields.values()
    return Names(
        texts=_by_id(session, Template, named.templates.values()),
        segments=_names(session, Segment, named.segments),
        destinations=_by_id(session, FlowDestination, named.destinations),
        flows=_names(session, Flow, named.flows),
        programmes=_names(session, Programme, [programme] if programme else []),
        fields={one.name: one.label for one in known},
        ours=frozenset(one.name for one in known if not one.is_custom),
    )


def _there(kind: Any) -> Select[Any]:
    return select(kind).where(kind.archived_at.is_(None)).order_by(func.lower(kind.name))


def _listed(session: Session, kind: Any) -> list[tuple[UUID, str]]:
    return [(one.id, one.name) for one in session.execute(_there(kind)).scalars()]


def _by_id(session: Session, kind: Any, ids: Iterable[UUID]) -> dict[UUID, Any]:
    wanted = set(ids)
    found = session.execute(select(kind).where(kind.id.in_(wanted))).scalars() if wanted else ()
    return {one.id: one for one in found}


def _names(session: Session, kind: Any, ids: Iterable[UUID]) -> dict[UUID, str]:
    return {i: one.name for i, one in _by_id(session, kind, ids).items()}

"""What becomes of people on their way when a new version begins to run: the choices, checked, and where people are."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.errors import Invalid, mark
from app.domain.flows.definition import parse
from app.domain.flows.models import Flow, FlowRun, FlowVersion
from app.domain.flows.pinned import Choices

_ON_THE_WAY = ("active", "failed")
_PLAIN = ("finish", "go_on", "leave")


def waiting(session: Session, flow: Flow) -> list[tuple[FlowVersion, dict[str, int]]]:
    """How many people are at each step of each version, newest version first; of nobody nothing."""
    here = select(FlowRun.version_id, FlowRun.step, func.count()).where(
        FlowRun.flow_id == flow.id, FlowRun.state.in_(_ON_THE_WAY)
    )
    found: dict[UUID, dict[str, int]] = {}
    for version_id, step, number in session.execute(here.group_by(FlowRun.version_id, FlowRun.step)):
        found.setdefault(version_id, {})[str(step)] = number
    known = versions_by_id(session, flow)
    order = sorted(found, key=lambda i: -known[i].number)
    return [(known[i], dict(sorted(found[i].items()))) for i in order]


def versions_by_id(session: Session, flow: Flow) -> dict[UUID, FlowVersion]:
    """The versions of a flow."""
    query = select(FlowVersion).where(FlowVersion.flow_id == flow.id)
    return {one.id: one for one in session.execute(query).scalars()}


def checked(session: Session, flow: Flow, choices: Choices) -> Choices:
    """The choices for the versions of this flow. Raises Invalid for a version, a step or a choice that is none."""
    known, new = versions_by_id(session, flow), parse(flow.definition)
    for version_id, steps in choices.items():
        old = parse(known[version_id].definition) if version_id in known else None
        for step, choice in steps.items():
            target = choice.removeprefix("move:") if choice.startswith("move:") else step
            is_there = choice in ("finish", "leave") or new.step(target) is not None
            if old is None or old.step(step) is None or not is_there or (choice == target and choice not in _PLAIN):
                raise Invalid.field(
                    f"choices.{version_id}.{step}", mark("This cannot become of the people who wait here.")
                )
    return choices

"""Changes that take two people: one proposes, another decides, and only then they are carried out.

Whatever a change needs to be carried out is sealed in its request: a provider's secret may be part of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.errors import Conflict, mark
from app.domain.access.keyring import vault_of
from app.domain.approvals import decisions
from app.domain.approvals.decisions import digest_of
from app.domain.approvals.models import Approval


@dataclass(frozen=True)
class Change:
    """A change to be decided by a second person who holds the permission `needs`.

    `values` is what it takes to carry it out; `before` and `after` are shown and hold no secret; `state` is what the change was
    made from: if that is another at the decision, the change is refused.
    """

    subject: tuple[str, UUID]
    name: str
    act: str
    needs: str
    values: Mapping[str, object] = field(default_factory=dict)
    before: Mapping[str, object] = field(default_factory=dict)
    after: Mapping[str, object] = field(default_factory=dict)
    state: Mapping[str, object] = field(default_factory=dict)


def propose(session: Session, change: Change, *, by: Actor) -> Approval:
    """Ask a second person; an older open request for the same thing becomes void."""
    approval = decisions.submit(
        session,
        change.subject,
        change.name,
        digest=_digest(change.act, change.values, change.state),
        summary={"act": change.act, "before": dict(change.before), "after": dict(change.after)},
        editors=(),
        needs=change.needs,
        by=by,
    )
    said = json.dumps(change.values, default=str).encode()
    approval.proposal = vault_of(session).seal(said, _bound(approval))
    session.flush()
    return approval


def opened(session: Session, approval: Approval) -> dict[str, Any]:
    """What it takes to carry a change out. Raises Conflict for a request that is about something else."""
    if approval.proposal is None:
        raise Conflict(mark("This request is decided on the page of what it is about."))
    values: dict[str, Any] = json.loads(vault_of(session).open(approval.proposal, _bound(approval)))
    return values


def approve(
    session: Session, approval: Approval, *, state: Mapping[str, object], note: str, by: Actor
) -> dict[str, Any]:
    """Decide for a change; what it takes to carry it out, which the caller does in the same unit.

    Raises:
        Forbidden, FactorNeeded, Conflict (decided, expired, or `state` is not what the change was made from).
    """
    values = opened(session, approval)
    digest = _digest(str(approval.summary["act"]), values, state)
    decisions.approve(session, approval.id, digest=digest, note=note, by=by)
    return values


def _digest(act: str, values: Mapping[str, object], state: Mapping[str, object]) -> bytes:
    return digest_of({"act": act, "values": json.loads(json.dumps(values, default=str)), "state": state})


def _bound(approval: Approval) -> str:
    return f"approvals|proposal|{approval.id}"

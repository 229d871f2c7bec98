"""Writing again to somebody who refused: it takes evidence and a second person, who sees it.

A refusal is one person's word; that it was taken back must not rest on one member of staff, who may only want the number.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.errors import Conflict, Invalid, mark
from app.domain.approvals import changes, decisions
from app.domain.approvals.changes import Change
from app.domain.approvals.models import Approval
from app.domain.consent import ledger, suppression
from app.domain.consent.models import ConsentEntry, Suppression

SUPPRESSION, CONSENT = "suppression", "consent"
EVIDENCE = 10  # letters, at least


def grant(  # noqa: PLR0913 - an act and its proof
    session: Session,
    contact_id: UUID,
    channels: Sequence[str],
    *,
    name: str,
    basis: str,
    source: str,
    wording: str | None = None,
    by: Actor,
) -> ConsentEntry | Approval:
    """Note a consent; one that was withdrawn is proposed to a second person. `name` is what he knows the contact by.

    Raises Invalid (channel, no basis, too little evidence), Forbidden.
    """
    require(by, "contacts:write")
    if not ledger.withdrawn(session, contact_id, channels):
        return ledger.grant(session, contact_id, channels, basis=basis, source=source, wording=wording, by=by)
    _evident("basis", basis)
    values = {"channels": list(channels), "basis": basis, "source": source, "wording": wording}
    change = Change(
        (CONSENT, contact_id), name, "consent.grant", decisions.DECIDES,
        values=values, before={"state": "withdrawn"}, after={**values, "state": "granted"}, state=_consent(session, contact_id),
    )  # fmt: skip
    return changes.propose(session, change, by=by)


def carry_out_grant(session: Session, approval_id: UUID, *, note: str = "", by: Actor) -> ConsentEntry:
    """Decide that a consent was given again. Raises NotFound, Conflict (decided, or more was said since), Forbidden."""
    approval = decisions.get(session, approval_id)
    values = changes.approve(session, approval, state=_consent(session, approval.subject_id), note=note, by=by)
    return ledger.grant(session, approval.subject_id, **values, second=approval.made_by, by=by)


def lift(session: Session, suppression_id: UUID, *, reason: str, by: Actor) -> Suppression | Approval:
    """Take an address off the list; one that its owner refused is proposed to a second person.

    Raises NotFound, Invalid (no reason, too little evidence), Conflict (a legal one), Forbidden.
    """
    require(by, "suppressions:write")
    row = suppression.get(session, suppression_id, by=by)
    if not suppression.takes_two(row):
        return suppression.lift(session, suppression_id, reason=reason, by=by)
    _evident("reason", reason)
    before = {"reason": row.reason, "source": row.source}
    change = Change(
        (SUPPRESSION, row.id), suppression.masked(session, [row])[row.id], "suppression.lift", decisions.DECIDES,
        values={"reason": reason}, before=before, after={"evidence": reason.strip()},
    )  # fmt: skip
    return changes.propose(session, change, by=by)


def carry_out_lift(session: Session, approval_id: UUID, *, note: str = "", by: Actor) -> Suppression:
    """Decide that an address may be written to again. Raises NotFound (lifted since), Conflict (decided), Forbidden."""
    approval = decisions.get(session, approval_id)
    values = changes.approve(session, approval, state={}, note=note, by=by)
    return suppression.lift(session, approval.subject_id, reason=values["reason"], second=approval.made_by, by=by)


def _evident(field: str, said: str) -> None:
    if len(said.strip()) < EVIDENCE:
        raise Invalid.field(
            field,
            mark(
                "This person refused. Say what shows that he changed his mind: a signed form, a recorded call, with its date."
            ),
        )


def _consent(session: Session, contact_id: UUID) -> dict[str, object]:
    last = next(iter(ledger.history(session, contact_id)), None)
    if last is None:
        raise Conflict(mark("Nothing is known of this person’s consent."))
    return {"entry": last.id}

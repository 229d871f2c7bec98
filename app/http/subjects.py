"""What a decision on a request leads to: the verb that its noun declares for its kind."""

from collections.abc import Callable, Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import nouns
from app.core.actor import Actor
from app.core.errors import Conflict, mark
from app.core.nouns import Noun
from app.domain.approvals import decisions
from app.domain.approvals.models import Approval
from app.domain.approvals.rights import Given


def approve(session: Session, approval: Approval, *, note: str = "", by: Actor) -> Given | None:
    """Decide for a change and carry it out; a first password that comes of it is told once.

    Raises:
        Conflict (decided, expired, changed, or decided on a page of its own), Forbidden, FactorNeeded.
    """
    if approval.subject_kind not in _decides():
        raise Conflict(mark("This request is decided on the page of what it is about."))
    done = _decides()[approval.subject_kind](session, approval.id, note=note, by=by)
    return done if isinstance(done, Given) and done.password else None


def reject(session: Session, approval_id: UUID, *, note: str, by: Actor) -> Approval:
    """Refuse a change; the note tells why. Raises Invalid (no note), Conflict, Forbidden."""
    approval = decisions.get(session, approval_id)
    if approval.subject_kind not in _decides():
        raise Conflict(mark("This request is decided on the page of what it is about."))
    return decisions.reject(session, approval_id, note=note, by=by)


def _decides() -> Mapping[str, Callable[..., object]]:
    return nouns.named(_of_noun)


def _of_noun(noun: Noun) -> Mapping[str, Callable[..., object]]:
    return noun.decides

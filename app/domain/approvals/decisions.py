"""Submit for a second person's decision; approve, reject, void on change."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, all_, literal, select, update
from sqlalchemy.orm import Session

from app.core import clock, rows
from app.core.actor import Actor, require, require_fresh_factor, system
from app.core.errors import Conflict, Forbidden, Invalid, mark
from app.core.page import Ask, Page, fetch
from app.core.sql import changed
from app.domain.access import users
from app.domain.access.models import User
from app.domain.approvals.models import Approval
from app.domain.audit import trail

VALID_FOR = timedelta(hours=72)
DECIDES = "approvals:decide"
DECIDERS = (DECIDES, "users:write", "keys:write", "providers:write", "settings:write", "campaigns:stop", "flows:stop")


def digest_of(everything: Mapping[str, object]) -> bytes:
    """SHA-256 of everything that will happen, by content: texts, definitions, moments; never ids alone."""
    plain = json.dumps(everything, sort_keys=True, ensure_ascii=False, default=str, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).digest()


def submit(  # noqa: PLR0913 - what is decided on has this many sides
    session: Session,
    subject: tuple[str, UUID],
    name: str,
    *,
    digest: bytes,
    summary: Mapping[str, object],
    editors: Iterable[UUID],
    pinned: Mapping[str, object] | None = None,
    needs: str = DECIDES,
    by: Actor,
) -> Approval:
    """Ask for a decision on a subject; an older open request on it becomes void."""
    if by.id is None:
        raise Forbidden(mark("Only a person can submit something for approval."))
    void(session, subject)
    approval = Approval(
        organisation_id=by.organisation_id,
        subject_kind=subject[0],
        subject_id=subject[1],
        subject_name=name,
        digest=digest,
        summary=dict(summary),
        pinned=dict(pinned) if pinned is not None else None,
        needs=needs,
        state="pending",
        made_by=by.id,
        editors=sorted({by.id, *editors}),
        made_at=clock.now(),
        expires_at=clock.now() + VALID_FOR,
    )
    session.add(approval)
    session.flush()
    trail.record(
        session, by, f"{subject[0]}.submitted", subject, after={"approval": approval.id, "digest": digest.hex()}
    )
    return approval


def approve(session: Session, approval_id: UUID, *, digest: bytes, note: str = "", by: Actor) -> Approval:
    """Approve an open request whose subject is still what was submitted.

    Raises:
        Forbidden (its maker, an editor, or without the permission), FactorNeeded, Conflict (decided, expired or changed).
    """
    approval = _open_for_update(session, approval_id)
    require(by, approval.needs)
    if by.id is None or by.id == approval.made_by or by.id in approval.editors:
        raise Forbidden(mark("You made or edited this yourself, so another person has to approve it."))
    if users.share_hands(session, by.id, [approval.made_by, *approval.editors]):
        raise Forbidden(
            mark("One person gave the first password to you and to an author of this, or is one of you: for 72 hours after that "
                "you cannot decide it. Ask another person.")
        )  # fmt: skip
    require_fresh_factor(by)
    if approval.digest != digest:
        raise Conflict(mark("It was changed after it was submitted. Ask its author to submit it again."))
    _decide(session, approval, "approved", note, by)
    return approval


def reject(session: Session, approval_id: UUID, *, note: str, by: Actor) -> Approval:
    """Reject an open request; the note tells its author why. Raises Invalid without a note, Forbidden, Conflict."""
    approval = _open_for_update(session, approval_id)
    require(by, approval.needs)
    if not note.strip():
        raise Invalid.field("note", mark("Say in a few words what has to change."))
    _decide(session, approval, "rejected", note, by)
    return approval


def ask_again(session: Session, approval: Approval, *, summary: Mapping[str, object]) -> Approval:
    """Ask for the same decision once more, in the name of who asked first: what it leads to is no longer what was approved."""
    now = clock.now()
    again = Approval(
        organisation_id=approval.organisation_id,
        subject_kind=approval.subject_kind,
        subject_id=approval.subject_id,
        subject_name=approval.subject_name,
        digest=approval.digest,
        summary=dict(summary),
        pinned=approval.pinned,
        state="pending",
        made_by=approval.made_by,
        editors=approval.editors,
        made_at=now,
        expires_at=now + VALID_FOR,
    )
    session.add(again)
    session.flush()
    subject = (approval.subject_kind, approval.subject_id)
    after = {"approval": again.id, "again": again.summary.get("again")}
    trail.record(session, system(approval.organisation_id), f"{subject[0]}.asked_again", subject, after=after)
    return again


def withdraw(session: Session, approval_id: UUID, *, by: Actor) -> Approval:
    """Take one's own request back. Raises Forbidden (somebody else's), Conflict (decided)."""
    approval = _open_for_update(session, approval_id)
    if approval.proposal is None:
        raise Conflict(mark("This request is decided on the page of what it is about."))
    if by.id != approval.made_by:
        raise Forbidden(mark("Only who asked can take a request back."))
    void(session, (approval.subject_kind, approval.subject_id))
    subject = (approval.subject_kind, approval.subject_id)
    trail.record(session, by, f"{subject[0]}.withdrawn", subject, after={"approval": approval.id})
    return approval


def open_request(session: Session, subject: tuple[str, UUID]) -> Approval | None:
    """The request on a subject that nobody has decided yet."""
    query = select(Approval).where(
        Approval.subject_kind == subject[0],
        Approval.subject_id == subject[1],
        Approval.state == "pending",
        Approval.expires_at > clock.now(),
    )
    return session.execute(query).scalar_one_or_none()


def void(session: Session, subject: tuple[str, UUID]) -> None:
    """The subject was changed: no decision on it may stand open."""
    session.execute(
        update(Approval)
        .where(Approval.subject_kind == subject[0], Approval.subject_id == subject[1], Approval.state == "pending")
        .values(state="void", decided_at=clock.now())
    )


def expire(session: Session) -> int:
    """Close requests nobody decided in time; how many."""
    late = update(Approval).where(Approval.state == "pending", Approval.expires_at <= clock.now())
    return changed(session, late.values(state="expired", decided_at=clock.now()))


def read(session: Session, approval_id: UUID, *, by: Actor) -> Approval:
    """One request, for whoever may read requests. Raises NotFound, Forbidden."""
    require(by, "approvals:read")
    return get(session, approval_id)


def get(session: Session, approval_id: UUID) -> Approval:
    """One request. Raises NotFound."""
    return rows.one(session, Approval, approval_id, mark("There is no such request."))


def listed(session: Session, ask: Ask, *, by: Actor, state: str = "") -> Page[Approval]:
    """A page of requests, newest first; `state` may be "decided" for all that are closed."""
    require(by, "approvals:read")
    query = select(Approval)
    if state == "decided":
        query = query.where(Approval.state != "pending")
    elif state:
        query = query.where(Approval.state == state)
    return fetch(session, query, [Approval.__table__.c.id], ask, descending=True)


def of_subject(session: Session, subject: tuple[str, UUID]) -> list[Approval]:
    """All requests on a subject, newest first."""
    query = (
        select(Approval)
        .where(Approval.subject_kind == subject[0], Approval.subject_id == subject[1])
        .order_by(Approval.id.desc())
    )
    return list(session.execute(query.limit(20)).scalars())


def waiting(session: Session, ask: Ask, *, by: Actor) -> Page[Approval]:
    """A page of the open requests this actor could decide, newest first."""
    require(by, "approvals:read")
    query = select(Approval).where(*_mine(by))
    return fetch(session, query, [Approval.__table__.c.id], ask, descending=True)


def waiting_for(session: Session, *, by: Actor) -> int:
    """How many open requests this actor could decide."""
    if by.id is None:
        return 0
    query = select(Approval.id).where(*_mine(by))
    return len(session.execute(query.limit(100)).all())


def blocked_reason(session: Session, approval: Approval, *, by: Actor) -> str:
    """Why this actor cannot decide a request now: decided, expired, own, role, hands; empty if nothing stands in the way."""
    if approval.state != "pending":
        return "decided"
    if approval.expires_at <= clock.now():
        return "expired"
    if by.id is None or by.id in (approval.made_by, *approval.editors):
        return "own"
    if not by.may(approval.needs):
        return "role"
    return "hands" if users.share_hands(session, by.id, [approval.made_by, *approval.editors]) else ""


def possible(session: Session, approval: Approval, *, by: Actor) -> frozenset[str]:
    """What this actor can do with a request here: nothing where it is decided on the page of what it is about."""
    if approval.proposal is None:
        return frozenset()
    decides = set() if blocked_reason(session, approval, by=by) else {"approve", "reject"}
    takes_back = {"withdraw"} if approval.state == "pending" and by.id == approval.made_by else set()
    return frozenset(decides | takes_back)


def decides(*, by: Actor) -> bool:
    """True if some kind of request may be this actor's to decide."""
    return any(by.may(permission) for permission in DECIDERS)


def deciders(session: Session, approval: Approval, needs: str = "") -> list[User]:
    """Who could decide a request: the active users with the permission who have made no part of it."""
    found = users.with_permission(session, needs or approval.needs)
    return [user for user in found if user.id not in approval.editors]


def _mine(by: Actor) -> list[ColumnElement[bool]]:
    return [
        Approval.state == "pending",
        Approval.expires_at > clock.now(),
        Approval.needs.in_(by.permissions),
        literal(by.id) != all_(Approval.editors),
    ]


def _open_for_update(session: Session, approval_id: UUID) -> Approval:
    approval = rows.one_for_update(session, Approval, approval_id, mark("There is no such request."))
    if approval.state != "pending":
        raise Conflict(mark("This request was decided already, or withdrawn. Reload the page."))
    if approval.expires_at <= clock.now():
        raise Conflict(
            mark("This request has expired: it waited for more than 72 hours. Ask its author to submit it again.")
        )
    return approval


def _decide(session: Session, approval: Approval, state: str, note: str, by: Actor) -> None:
    approval.state = state
    approval.decided_by = by.id
    approval.decided_at = clock.now()
    approval.note = note.strip() or None
    session.flush()
    subject = (approval.subject_kind, approval.subject_id)
    trail.record(
        session, by, f"{approval.subject_kind}.{state}", subject, after={"approval": approval.id, "note": bool(note)}
    )

"""An approved run becomes messages: batch by batch, each customer once for a programme and month, however often it is released."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.core import clock, i18n, rows
from app.core.actor import Actor, require, system
from app.core.db import live
from app.core.errors import Conflict, mark
from app.core.queue import Job
from app.core.sql import load
from app.core.unit import enqueue_after_commit
from app.domain.approvals import changes, decisions
from app.domain.approvals.changes import Change
from app.domain.approvals.models import Approval
from app.domain.audit import trail
from app.domain.bank import outcomes, programmes, qualification, review, states
from app.domain.bank.happenings import QualificationCompleted, QualificationReleased
from app.domain.bank.models import Notice, ProgrammeVersion, QualificationRun
from app.domain.bank.qualification import MISSING, SUBJECT
from app.domain.contacts.models import Contact, ContactAddress
from app.domain.content.models import TemplateVersion
from app.domain.messages import hours, sends, totals
from app.domain.messages.create_messages import create_messages
from app.domain.messages.models import Send
from app.domain.messages.sends import SendDrained
from app.domain.messages.totals import Totals
from app.domain.outbox.publish import publish

RESUME = "resume_run"
RELEASE = Job("campaigns.send", "jobs.bank.release", 600)
BATCH = 500
PRIORITY = 20
SENT_WITHIN = timedelta(hours=72)
_SQL = load("bank/queries.sql")

OpenUnit = Callable[[], AbstractContextManager[Session]]


def release(session: Session, run_id: UUID, *, by: Actor) -> QualificationRun:
    """Tell those who qualified, as it was approved; the messages are made by a job.

    Raises NotFound, Conflict (not approved, released already, not what was approved, balances came in), Forbidden, FactorNeeded.
    """
    run = qualification.moved(session, run_id, "release", by=by)
    assert run.approval_id is not None
    approval = decisions.get(session, run.approval_id)
    if review.is_stale(session, run):
        raise Conflict(mark("Balances of this month came in after it was calculated. Calculate it again."))
    if approval.state != "approved" or review.is_changed(session, run, approval):
        raise Conflict(mark("It was changed after it was approved. Take it back and submit it again."))
    now = clock.now()
    run.released_at, run.released_by = now, by.id
    run.occurrence_id, run.told = sends.new_occurrence(session), {}
    _open(session, run, approval)
    trail.record(
        session, by, "run.released", (SUBJECT, run.id), after={"approval": approval.id, "moment": run.planned_for}
    )
    publish(session, QualificationReleased(subject=run.id))
    enqueue_after_commit(session, RELEASE, run.organisation_id, run.id)
    return run


def _open(session: Session, run: QualificationRun, approval: Approval) -> Send:
    pinned, now = review.pinned_of(approval), clock.now()
    asked = session.get_one(ProgrammeVersion, run.programme_version_id)
    assert run.occurrence_id is not None
    new = sends.NewSend(
        first_occurrence=run.occurrence_id,
        source=(SUBJECT, run.id),
        source_name=approval.subject_name,
        channel="sms",
        message_class=pinned.message_class,
        template_version_id=pinned.version_id,
        digest=approval.digest,
        priority=PRIORITY,
        not_before=now,
        not_after=hours.begins(session, pinned.message_class, now) + SENT_WITHIN,
        senders=list(pinned.senders),
        routes=list(pinned.routes),
        most_attempts=asked.most_attempts,
        retry_hours=asked.retry_hours,
    )
    return sends.open_send(session, new)


def waiting(session: Session) -> list[UUID]:
    """Released runs that have messages to be made."""
    query = select(QualificationRun.id).where(
        QualificationRun.state.in_(("released", "paused")), QualificationRun.made_at.is_(None)
    )
    return list(session.execute(query).scalars())


def make_all(open_unit: OpenUnit, run_id: UUID, *, stopping: Callable[[], bool] = lambda: False) -> None:
    """Make what is to be made of a release, a batch in a transaction; what was made stays made."""
    while not stopping():
        with open_unit() as session:
            if not make_some(session, run_id):
                return


def make_some(session: Session, run_id: UUID) -> bool:
    """Make the messages of the next customers; False once there are no more."""
    run = rows.one_for_update(session, QualificationRun, run_id, MISSING)
    if run.state not in ("released", "paused") or run.made_at is not None or run.occurrence_id is None:
        return False
    # Releases of a month take turns: a batch that another cut short is not the last.
    programmes.one_for_update(session, run.programme_id)
    [send] = sends.of_source(session, SUBJECT, run.id)
    wanted = {
        "organisation": run.organisation_id, "programme": run.programme_id, "month": run.month, "run": run.id,
        "now": clock.now(), "most": BATCH,
    }  # fmt: skip
    people = list(session.execute(_SQL["note_notices"], wanted).scalars())
    counted = dict(run.told or {})
    if people:
        contact = live(Contact).c
        them = select(contact.id).where(contact.id.in_(people)).union(_sharing(run, people)).subquery()
        sends.reopen(session, send)
        made = create_messages(
            session, send, select(them.c.id), occurrence=run.occurrence_id, values=_values(session, run, send, people)
        )
        for label, number in made.items():
            counted[label] = counted.get(label, 0) + number
    if len(people) < BATCH:
        already = outcomes.totals(session, run)["qualified"] - sum(counted.values())
        counted |= {"already_told": already} if already else {}
        run.made_at = clock.now()
        trail.record(session, system(run.organisation_id), "run.messages_made", (SUBJECT, run.id), after=counted)
    run.told = counted
    session.flush()
    _complete_if_drained(session, run)
    return run.made_at is None


def _sharing(run: QualificationRun, people: list[UUID]) -> Select[Any]:
    """Those of the batches before who share a phone with some of these: they have their message, so that these are duplicates."""
    own, other = live(ContactAddress).alias("own"), live(ContactAddress).alias("other")
    same = (other.c.kind == own.c.kind) & (other.c.blind == own.c.blind)
    told = select(Notice.contact_id).where(
        Notice.programme_id == run.programme_id, Notice.month == run.month, Notice.contact_id == other.c.contact_id,
        Notice.run_id == run.id,
    )  # fmt: skip
    query = select(other.c.contact_id).select_from(own.join(other, same))
    return query.where(own.c.contact_id.in_(people), own.c.kind == "phone", told.exists())


def _values(
    session: Session, run: QualificationRun, send: Send, people: list[UUID]
) -> dict[tuple[UUID, UUID], dict[str, str]]:
    """What the text is given: the month in the language it is read in, and the programme's name as it was approved."""
    assert run.occurrence_id is not None
    assert run.approval_id is not None
    version = session.get_one(TemplateVersion, send.template_version_id)
    name, contact = review.pinned_of(decisions.get(session, run.approval_id)).programme, live(Contact).c
    spoken = session.execute(select(contact.id, contact.language).where(contact.id.in_(people))).all()
    months = {language: i18n.month(run.month, language) for language in version.texts}
    return {
        (run.occurrence_id, contact_id): {
            "month": months.get(language or "", months[version.fallback_language]),
            "programme": name,
        }
        for contact_id, language in spoken
    }


def pause(session: Session, run_id: UUID, *, by: Actor) -> QualificationRun:
    """Stop telling for now; what is on the wire arrives. Raises NotFound, Conflict, Forbidden."""
    run = qualification.moved(session, run_id, "pause", by=by)
    sends.pause(session, SUBJECT, run.id)
    trail.record(session, by, "run.paused", (SUBJECT, run.id))
    return run


def propose_resume(session: Session, run_id: UUID, *, by: Actor) -> Approval:
    """Ask for a stopped release to go on: one person stops, two start again. Raises NotFound, Conflict, Forbidden."""
    require(by, states.NEEDS["resume"])
    run = rows.one_for_update(session, QualificationRun, run_id, MISSING)
    states.after(run.state, "resume")
    change = Change(
        (RESUME, run.id), review.name_of(session, run), "run.resume", states.NEEDS["resume"],
        before={"state": "paused"}, after={"state": "released"}, state=_state(run),
    )  # fmt: skip
    return changes.propose(session, change, by=by)


def carry_out_resume(session: Session, approval_id: UUID, *, note: str = "", by: Actor) -> QualificationRun:
    """Decide that a release goes on. Raises NotFound, Conflict, Forbidden, FactorNeeded."""
    approval = decisions.get(session, approval_id)
    run = rows.one_for_update(session, QualificationRun, approval.subject_id, MISSING)
    changes.approve(session, approval, state=_state(run), note=note, by=by)
    run = qualification.moved(session, run.id, "resume", by=by)
    sends.resume(session, SUBJECT, run.id)
    trail.record(session, by, "run.resumed", (SUBJECT, run.id))
    _complete_if_drained(session, run)
    return run


def numbers(session: Session, run: QualificationRun, *, by: Actor) -> Totals:
    """What has become of the messages of a release."""
    require(by, "bank:read")
    return totals.together(totals.of_source(session, run.id))


def to_tell(session: Session, run: QualificationRun, sent: Totals, *, by: Actor) -> int:
    """How many a release tells: as its approver saw it until all messages are made, and then what is there."""
    require(by, "bank:read")
    if run.made_at or not run.approval_id:
        return sent.to_send
    seen = int(decisions.get(session, run.approval_id).summary["waterfall"].get("will_receive", 0))
    return max(seen, sent.to_send)


def on_drained(session: Session, happening: SendDrained) -> None:
    """A send has drained: perhaps everybody of a run was told."""
    if happening.source_kind == SUBJECT:
        run = rows.one_for_update(session, QualificationRun, happening.subject, MISSING)
        _complete_if_drained(session, run)


def _complete_if_drained(session: Session, run: QualificationRun) -> None:
    still = select(Send.id).where(Send.source_kind == SUBJECT, Send.source_id == run.id, Send.drained_at.is_(None))
    if run.state != "released" or run.made_at is None or session.execute(still).first():
        return
    run.state = states.after(run.state, "complete")
    trail.record(session, system(run.organisation_id), "run.completed", (SUBJECT, run.id))
    publish(session, QualificationCompleted(subject=run.id))


def _state(run: QualificationRun) -> dict[str, object]:
    return {"state": run.state, "occurrence": run.occurrence_id}

"""What is due in one organisation: asked of every noun that leaves work in rows. Used by the sweeper only."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.queue import Job
from app.core.sql import load
from app.domain.campaigns.models import Campaign
from app.domain.messages import reconcile, sends
from app.domain.messages.models import Message, Receipt
from app.domain.notices.models import Notice
from app.domain.outbox.models import OutboxDelivery
from app.domain.reports.models import ReportRun
from app.domain.transfer.models import Import

_SQL = load("messages/queries.sql")


def repair(session: Session) -> None:
    """Turn abandoned intents into doubts, end what is out of date, close what has drained."""
    reconcile.doubt_abandoned(session)
    session.execute(_SQL["expire_late"], {"now": clock.now()})
    sends.close_drained(session)


def bells(session: Session) -> list[tuple[Job, tuple[str, ...]]]:
    """The bells to ring: each job with its ids, without the organisation's."""
    now = clock.now()
    rings: list[tuple[Job, tuple[str, ...]]] = []
    for channel in session.execute(_SQL["due_channels"], {"now": now}).scalars():
        rings.append((sends.JOB[channel], ()))
    simple = {
        Job.RECONCILE: Message.state == "in_doubt",
        Job.APPLY_RECEIPTS: Receipt.applied_at.is_(None) & Receipt.result.is_(None),
        Job.RELAY_OUTBOX: OutboxDelivery.done_at.is_(None) & (OutboxDelivery.due_at <= now),
        Job.DELIVER_NOTICES: (Notice.state == "queued") & (Notice.due_at <= now),
    }
    for job, condition in simple.items():
        if session.execute(select(exists().where(condition))).scalar():
            rings.append((job, ()))
    launches = select(Campaign.id).where(
        (Campaign.state == "approved") | ((Campaign.state == "scheduled") & (Campaign.scheduled_at <= now))
    )
    rings += [(Job.LAUNCH_CAMPAIGN, (str(i),)) for i in session.execute(launches).scalars()]
    imports = select(Import.id).where(Import.state.in_(("queued", "running")))
    rings += [(Job.RUN_IMPORT, (str(i),)) for i in session.execute(imports).scalars()]
    reports = select(ReportRun.id).where(ReportRun.state == "queued")
    rings += [(Job.RUN_REPORT, (str(i),)) for i in session.execute(reports).scalars()]
    return rings

"""The dashboard's board: what waits for me, what is running, where to begin. It polls, so it looks at few rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, literal, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.page import Ask
from app.domain.approvals import decisions
from app.domain.approvals.models import Approval
from app.domain.bank.models import Programme, QualificationRun
from app.domain.campaigns.models import Campaign
from app.domain.contacts.models import Contact
from app.domain.content.models import Template
from app.domain.messages import failures, replies
from app.domain.messages.models import Message, Send
from app.domain.messages.totals import Totals, of_source, together
from app.domain.segments.models import Segment
from app.domain.transfer.models import Import

LATELY = timedelta(days=14)
SHOWN = 5


@dataclass(frozen=True)
class Board:
    """Everything that may change by itself; `at` is when it was counted. `waiting` may be more than `approvals`, the newest."""

    at: datetime
    waiting: int
    approvals: Sequence[Approval]
    in_doubt: int
    failed_imports: int
    failures: int
    months: Sequence[tuple[QualificationRun, str]]
    replies: int
    running: Sequence[tuple[Campaign, Totals]]
    coming: Sequence[Campaign]
    recent: Sequence[Campaign]
    steps: list[tuple[str, bool]]


def board(session: Session, *, by: Actor) -> Board:
    """Count the board for this actor; what he may not see stays empty."""
    campaigns = by.may("campaigns:read")
    running = _campaigns(session, ("running", "paused")) if campaigns else []
    waiting = decisions.waiting_for(session, by=by)
    in_doubt = select(func.count()).where(Message.state == "in_doubt")
    failed = select(func.count()).where(Import.state == "failed", Import.created_at > clock.now() - LATELY)
    return Board(
        at=clock.now(),
        waiting=waiting,
        approvals=decisions.waiting(session, Ask(per_page=SHOWN), by=by).items
        if waiting and by.may("approvals:read")
        else [],
        in_doubt=_number(session, in_doubt) if by.may("messages:read") else 0,
        replies=replies.waiting(session) if by.may("messages:read") else 0,
        failures=failures.waiting(session) if by.may("messages:read") else 0,
        months=_months(session) if by.may("bank:write") or by.may("bank:release") else [],
        failed_imports=_number(session, failed) if by.may("imports:read") else 0,
        running=[(campaign, together(of_source(session, campaign.id))) for campaign in running],
        coming=_campaigns(session, ("scheduled",)) if campaigns else [],
        recent=_campaigns(session) if campaigns else [],
        steps=_steps(session),
    )


def _months(session: Session) -> list[tuple[QualificationRun, str]]:
    """The bank's months that wait for a person: to be reviewed, to be released, or looked at because they broke."""
    query = (
        select(QualificationRun, Programme.name)
        .join(Programme, Programme.id == QualificationRun.programme_id)
        .where(QualificationRun.state.in_(("calculated", "approved", "failed")))
        .order_by(QualificationRun.id.desc())
    )
    return [(run, name) for run, name in session.execute(query.limit(SHOWN))]


def _campaigns(session: Session, states: tuple[str, ...] = ()) -> Sequence[Campaign]:
    query = select(Campaign).order_by(Campaign.id.desc()).limit(SHOWN)
    return session.execute(query.where(Campaign.state.in_(states)) if states else query).scalars().all()


def _number(session: Session, query: Select[Any]) -> int:
    return int(session.execute(query).scalar_one())


def _steps(session: Session) -> list[tuple[str, bool]]:
    """The first steps of a new organisation, each with whether it was done: one statement that stops at the first row of each."""
    made = {"import": Contact, "segment": Segment, "template": Template, "campaign": Campaign, "send": Send}
    there = [select(literal(1)).select_from(model).exists().label(key) for key, model in made.items()]
    row = session.execute(select(*there)).one()
    return list(row._asdict().items())

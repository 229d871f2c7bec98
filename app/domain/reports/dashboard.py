"""The dashboard's board: what waits for me, what is running, where to begin. It polls, so it looks at few rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, literal, select, union_all
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
from app.domain.flows import deciding, renewal
from app.domain.flows.deciding import Question
from app.domain.flows.models import Flow
from app.domain.messages import failures, replies
from app.domain.messages.models import Message, Send
from app.domain.messages.totals import Totals, of_source, together
from app.domain.segments.models import Segment
from app.domain.transfer.models import Import

LATELY = timedelta(days=14)
SHOWN = 5
GOING, COMING = ("running", "paused"), ("scheduled",)
# The first steps of a new organisation: what is there when one was done.
STEPS = {"import": Contact, "segment": Segment, "template": Template, "campaign": Campaign, "send": Send}


@dataclass(frozen=True)
class Board:
    """Everything that may change by itself; `at` is when it was counted. `waiting` may be more than `approvals`, the newest."""

    at: datetime
    waiting: int
    approvals: Sequence[Approval]
    questions: Sequence[Question]
    renewals: Sequence[tuple[Flow, datetime]]
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
    every = _campaigns(session) if by.may("campaigns:read") else []
    running, coming = ([one for one in every if one.state in states][:SHOWN] for states in (GOING, COMING))
    waiting = decisions.waiting_for(session, by=by)
    in_doubt, failed_imports, unread, failed, *done = _counted(session)
    return Board(
        at=clock.now(),
        waiting=waiting,
        approvals=decisions.waiting(session, Ask(per_page=SHOWN), by=by).items
        if waiting and by.may("approvals:read")
        else [],
        questions=deciding.questions(session, by=by)[:SHOWN] if by.may("flows:decide") else [],
        renewals=renewal.due(session, by=by)[:SHOWN] if by.may("flows:write") or by.may("flows:approve") else [],
        in_doubt=in_doubt if by.may("messages:read") else 0,
        replies=unread if by.may("messages:read") else 0,
        failures=failed if by.may("messages:read") else 0,
        months=_months(session) if by.may("bank:write") or by.may("bank:release") else [],
        failed_imports=failed_imports if by.may("imports:read") else 0,
        running=[(campaign, together(of_source(session, campaign.id))) for campaign in running],
        coming=coming,
        recent=every[:SHOWN],
        steps=list(zip(STEPS, map(bool, done), strict=True)),
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


def _campaigns(session: Session) -> Sequence[Campaign]:
    """The newest campaigns, and the newest of those that go and of those that come: at most three times as many as are shown."""
    newest = select(Campaign.id).order_by(Campaign.id.desc()).limit(SHOWN)
    wanted = [newest, *(newest.where(Campaign.state.in_(states)) for states in (GOING, COMING))]
    ids = union_all(*(select(one.subquery().c.id) for one in wanted))
    return session.execute(select(Campaign).where(Campaign.id.in_(ids)).order_by(Campaign.id.desc())).scalars().all()


def _counted(session: Session) -> Sequence[int]:
    """In one statement: messages in doubt, imports that failed lately, replies and failures that wait, and the first steps done.

    Of each step it stops at the first row.
    """
    in_doubt = select(func.count()).where(Message.state == "in_doubt")
    failed = select(func.count()).where(Import.state == "failed", Import.created_at > clock.now() - LATELY)
    numbers = [one.scalar_subquery() for one in (in_doubt, failed, replies.number_waiting(), failures.number_waiting())]
    there = [select(literal(1)).select_from(model).exists() for model in STEPS.values()]
    return session.execute(select(*numbers, *there)).one()

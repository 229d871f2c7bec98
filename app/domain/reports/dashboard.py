"""The dashboard's board: what needs me now, what is running, how it goes (H1, its simple form)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.db import live
from app.domain.approvals import decisions
from app.domain.campaigns.models import Campaign
from app.domain.contacts.models import Contact
from app.domain.content.models import Template
from app.domain.messages import replies, trial
from app.domain.messages.models import Message, Send
from app.domain.messages.totals import Totals, of_source, together
from app.domain.segments.models import Segment
from app.domain.transfer.models import Import

PERIOD = timedelta(days=14)


@dataclass(frozen=True)
class Board:
    """Everything the first page shows; `at` is when it was counted."""

    at: datetime
    contacts: int
    waiting: int
    in_doubt: int
    failed_imports: int
    replies: int
    running: Sequence[tuple[Campaign, Totals]]
    recent: Sequence[Campaign]
    totals: Totals
    steps: list[tuple[str, bool]]


def board(session: Session, *, by: Actor) -> Board:
    """Count the board for this actor; what he may not see stays empty."""
    campaigns = by.may("campaigns:read")
    running = _campaigns(session, ("running", "paused"), 5) if campaigns else []
    contacts = _number(
        session, select(func.count()).select_from(live(Contact)).where(live(Contact).c.deleted_at.is_(None))
    )
    return Board(
        at=clock.now(),
        contacts=contacts,
        waiting=decisions.waiting_for(session, by=by),
        in_doubt=_number(session, select(func.count()).where(Message.state == "in_doubt"))
        if by.may("messages:read")
        else 0,
        replies=replies.waiting(session) if by.may("messages:read") else 0,
        failed_imports=_number(
            session, select(func.count()).where(Import.state == "failed", Import.created_at > clock.now() - PERIOD)
        ),
        running=[(campaign, together(of_source(session, campaign.id))) for campaign in running],
        recent=_campaigns(session, None, 6) if campaigns else [],
        totals=Totals(states=_states(session)),
        steps=_steps(session, contacts),
    )


def _campaigns(session: Session, states: tuple[str, ...] | None, most: int) -> Sequence[Campaign]:
    query = select(Campaign).order_by(Campaign.id.desc()).limit(most)
    return session.execute(query.where(Campaign.state.in_(states)) if states else query).scalars().all()


def _number(session: Session, query: object) -> int:
    return int(session.execute(query).scalar_one())  # type: ignore[call-overload]


def _states(session: Session) -> dict[str, int]:
    """Messages of the last two weeks by state. Sends say which partitions and rows to look at."""
    query = (
        select(Message.state, func.count())
        .join(Send, (Send.id == Message.send_id) & (Send.occurrence_id == Message.occurrence_id))
        .where(Send.created_at > clock.now() - PERIOD, Send.source_kind != trial.KIND)
        .group_by(Message.state)
    )
    return dict(session.execute(query).all())


def _steps(session: Session, contacts: int) -> list[tuple[str, bool]]:
    """The first steps of a new organisation, each with whether it was done."""
    done = {
        model: session.execute(select(model.id).limit(1)).first() is not None for model in (Segment, Template, Campaign)
    }
    sent = session.execute(select(Send.id).limit(1)).first() is not None
    return [
        ("import", contacts > 0),
        ("segment", done[Segment]),
        ("template", done[Template]),
        ("campaign", done[Campaign]),
        ("send", sent),
    ]

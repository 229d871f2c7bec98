"""Turn an audience into messages: one statement, one row for every contact of it."""

from typing import Any

from sqlalchemy import Select, case, func, literal, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import clock
from app.core.unit import actor_of, enqueue_after_commit
from app.domain.messages import policy
from app.domain.messages.models import Message, Send
from app.domain.messages.sends import JOB
from app.domain.messages.states import RANKS


def create_messages(session: Session, send: Send, audience: Select[Any]) -> dict[str, int]:
    """Make a message, or a skip with its reason, for every contact of the audience; the numbers by reason.

    Sums hold by construction. Doing it again adds nobody: a contact has one row per occurrence, channel and step.
    """
    judged = policy.verdicts(audience, send.channel, send.message_class).subquery("verdict")
    skipped = judged.c.reason.is_not(None)
    now = clock.now()
    chosen = select(
        literal(actor_of(session).organisation_id),
        literal(send.occurrence_id),
        literal(send.id),
        judged.c.contact_id,
        literal(send.channel),
        judged.c.position,
        judged.c.blind,
        case((skipped, literal("skipped")), else_=literal("queued")),
        case((skipped, literal(RANKS["skipped"])), else_=literal(RANKS["queued"])),
        judged.c.reason,
        literal(send.priority),
        literal(send.not_before),
        judged.c.entry_id,
        literal(now),
        case((skipped, literal(now)), else_=None),
    )
    columns = (
        "organisation_id", "occurrence_id", "send_id", "contact_id", "channel", "address_position", "address_blind", "state",
        "rank", "reason", "priority", "due_at", "consent_entry_id", "created_at", "final_at",
    )  # fmt: skip
    made = insert(Message).from_select(columns, chosen, include_defaults=False)
    session.execute(made.on_conflict_do_nothing())
    enqueue_after_commit(session, JOB[send.channel], send.organisation_id)
    session.execute(text("SELECT refresh_statistics('messages', :occurrence)"), {"occurrence": send.occurrence_id})
    return tally(session, send)


def tally(session: Session, send: Send) -> dict[str, int]:
    """The numbers of a send by state, skips by reason."""
    label = func.coalesce(case((Message.state == "skipped", Message.reason), else_=None), Message.state)
    query = select(label, func.count()).where(Message.send_id == send.id).group_by(label)
    return dict(session.execute(query).all())

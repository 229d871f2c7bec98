"""Turn an audience into messages: one statement, one row for every contact of it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, func, literal, null, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import clock
from app.core.queue import Job
from app.core.unit import actor_of, enqueue_after_commit
from app.domain.messages import capping, payload, policy
from app.domain.messages.models import Message, Send
from app.domain.messages.payload import Recipient, Values
from app.domain.messages.sends import JOB
from app.domain.messages.states import RANKS

REFRESH_STATISTICS = Job("upkeep", "jobs.messages.refresh_statistics", 300)
MANY = 1000  # from so many new rows on, plans made before them read too much


def create_messages(
    session: Session,
    send: Send,
    audience: Select[Any],
    *,
    occurrence: UUID | None = None,
    step: int = 0,
    values: Mapping[Recipient, Values] | None = None,
) -> dict[str, int]:
    """Make a message, or a skip with its reason, for every contact of the audience; how many were made, by state or reason.

    `audience` selects contact ids; they are all of one `occurrence`, or its column `occurrence_id` says of which. `values` are
    what the source gives to the texts of single messages. Sums hold by construction. Doing it again makes nothing: a contact has
    one row per occurrence, channel and step.
    """
    caps = capping.in_force(session, send.channel, send.message_class, send.source_kind)
    judged = policy.verdicts(audience, send.channel, send.message_class, caps).subquery("verdict")
    made_in: ColumnElement[Any] = literal(occurrence) if occurrence else judged.c.occurrence_id
    skipped = judged.c.reason.is_not(None)
    now = clock.now()
    row: dict[str, ColumnElement[Any]] = {
        "organisation_id": literal(actor_of(session).organisation_id),
        "occurrence_id": made_in,
        "send_id": literal(send.id),
        "contact_id": judged.c.contact_id,
        "channel": literal(send.channel),
        "step": literal(step),
        "address_position": judged.c.position,
        "address_blind": judged.c.blind,
        "state": case((skipped, literal("skipped")), else_=literal("queued")),
        "rank": case((skipped, literal(RANKS["skipped"])), else_=literal(RANKS["queued"])),
        "reason": judged.c.reason,
        "priority": literal(send.priority),
        "due_at": literal(send.not_before),
        "consent_entry_id": judged.c.entry_id,
        "created_at": literal(now),
        "final_at": case((skipped, literal(now)), else_=null()),
    }
    chosen = select(*row.values())
    if values:
        given = payload.sealed(session, values)
        chosen = chosen.select_from(
            judged.outerjoin(given, (given.c.contact_id == judged.c.contact_id) & (given.c.occurrence_id == made_in))
        ).add_columns(given.c.payload)
        row["payload"] = given.c.payload
    added = insert(Message).from_select(list(row), chosen, include_defaults=False).on_conflict_do_nothing()
    made = added.returning(func.coalesce(Message.reason, Message.state).label("label")).cte("made")
    counted: dict[str, int] = dict(session.execute(select(made.c.label, func.count()).group_by(made.c.label)).all())
    enqueue_after_commit(session, JOB[send.channel], send.organisation_id)
    if occurrence and sum(counted.values()) >= MANY:
        enqueue_after_commit(session, REFRESH_STATISTICS, send.organisation_id, occurrence)
    return counted

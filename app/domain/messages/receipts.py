"""Receipts: kept first and acknowledged, applied later, once, in any order."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from time import monotonic
from uuid import UUID

from sqlalchemy import RowMapping, exists, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.queue import Job
from app.core.sql import load
from app.core.unit import enqueue_after_commit
from app.domain.consent import suppression
from app.domain.messages import reference, retries, told
from app.domain.messages.models import TEST
from app.domain.messages.models import Receipt as Inbox
from app.domain.messages.outcomes import consequence
from app.domain.providers import accounts
from app.domain.providers.accounts import OpenChannel
from app.gateways.channels.base import Receipt

_SQL = load("messages/queries.sql")
APPLY_RECEIPTS = Job("webhooks.inbound", "jobs.messages.apply_receipts", 120)
AT_ONCE = 1000


def receive(
    session: Session, account_id: UUID, headers: Mapping[str, str], body: bytes, *, open_channel: OpenChannel
) -> int | None:
    """Keep a provider's receipts; how many events, or None if the signature is not the provider's.

    Raises gateways' BadReceipt for a signed body that cannot be read.
    """
    account = accounts.get(session, account_id)
    channel = open_channel(account.kind, account.config, accounts.secret_of(session, account))
    if not channel.verify(headers, body, clock.now()):
        return None
    events = channel.parse_receipts(body)
    if events:
        keep(session, account_id, account.organisation_id, events)
        enqueue_after_commit(session, APPLY_RECEIPTS, account.organisation_id)
    return len(events)


def keep(session: Session, account_id: UUID, organisation_id: UUID, events: Sequence[Receipt]) -> None:
    """Put events into the inbox; those that are there already stay as they are."""
    ids = [reference.read(event.reference) for event in events]
    session.execute(
        _SQL["keep_receipts"],
        {
            "account": account_id,
            "organisation": organisation_id,
            "now": clock.now(),
            "keys": [event.event_key for event in events],
            "kinds": [event.kind.value for event in events],
            "categories": [event.category.value if event.category else None for event in events],
            "codes": [event.code for event in events],
            "occurrences": [pair[0] if pair else None for pair in ids],
            "messages": [pair[1] if pair else None for pair in ids],
            "retries": [pair[2] if pair else 0 for pair in ids],
            "references": [event.provider_id for event in events],
            "occurreds": [event.occurred_at for event in events],
        },
    )


def apply_some(session: Session) -> int:
    """Apply up to a thousand receipts in one statement; how many were taken. The caller commits and calls again."""
    taken = session.execute(_SQL["take_receipts"], {"now": clock.now(), "most": AT_ONCE}).all()
    if not taken:
        return 0
    picked = {"accounts": [row.provider_account_id for row in taken], "keys": [row.event_key for row in taken]}
    values = {**picked, **retries.rule(session), "test": TEST, "now": clock.now()}
    said = session.execute(_SQL["apply_receipts"], values).mappings().all()
    session.execute(_SQL["leave_unmatched"], {**picked, "now": clock.now()})
    for row in said:
        _suppress(session, row)
    _note_duplicates(session, [row for row in said if row["kind"] == "delivered"])
    told.tell(session, [(row.occurrence_id, row.message_id) for row in taken if row.message_id], told.SAID_LATER)
    return len(taken)


def _note_duplicates(session: Session, late: Sequence[RowMapping]) -> None:
    """Mark what had arrived before a later try of it went out; `late` are receipts of earlier tries."""
    if late:
        named = reference.keys([(row["occurrence_id"], row["id"]) for row in late])
        session.execute(_SQL["note_duplicates"], {**named, "retries": [row["retry"] for row in late]})


def _suppress(session: Session, row: RowMapping) -> None:
    """A hard bounce, a complaint or an opt-out told by the provider: the address it went to is never written to again."""
    reason = consequence(row["kind"], row["category"])
    if reason and row["address_blind"]:
        suppression.suppress_blind(
            session, row["address_blind"], channel=row["channel"], reason=reason, source="provider"
        )


def apply_all(
    open_unit: Callable[[], AbstractContextManager[Session]],
    *,
    seconds: float = 30,
    stopping: Callable[[], bool] = lambda: False,
) -> bool:
    """Apply receipts in units of a thousand; True if the time is over, or `stopping` says so, before all are."""
    until = monotonic() + seconds
    while not stopping() and monotonic() < until:
        with open_unit() as session:
            if apply_some(session) == 0:
                return False
    return True


def are_waiting(session: Session) -> bool:
    """True if the inbox holds receipts that are due."""
    due = exists().where(Inbox.applied_at.is_(None), Inbox.due_at <= clock.now())
    return bool(session.execute(select(due)).scalar())

"""Day by day: what each account carried."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Forbidden, Invalid
from app.domain.access.models import Organisation
from app.domain.reports import daily, period
from tests.factories import people, sending

ZONE = "Asia/Jerusalem"


@pytest.fixture
def by(organisation: Organisation) -> Actor:
    return system(organisation.id)


def became(session: Session, account_id: UUID | None, state: str, moment: datetime, number: int) -> None:
    """Some messages that waited were carried by an account and came to a state."""
    column = {"in_doubt": "doubt_at", "failed": "final_at"}.get(state, "sent_at")
    session.execute(
        text(
            f"UPDATE messages SET state = :state, provider_account_id = :account, {column} = :moment"
            " WHERE id IN (SELECT id FROM messages WHERE state = 'queued' LIMIT :number)"
        ),
        {"state": state, "account": account_id, "moment": moment, "number": number},
    )


def test_each_account_says_what_it_carried_on_a_day(session: Session, by: Actor) -> None:
    people.contacts(session, 20)
    busy, idle = sending.account(session), sending.account(session, "email")
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    session.execute(text("UPDATE sends SET created_at = created_at - interval '2 days'"))
    today = period.one(ZONE, "")
    for state, number in (("sent", 4), ("delivered", 3), ("failed", 2), ("undeliverable", 1), ("in_doubt", 2)):
        became(session, busy.id, state, clock.now(), number)
    became(session, busy.id, "delivered", today.start - timedelta(seconds=1), 1)
    became(session, busy.id, "in_doubt", today.end, 1)
    became(session, None, "failed", clock.now(), 1)  # no account ever had it
    found = {account.id: one for account, one in daily.carried(session, today, by=by)}
    one = found[busy.id]
    assert (one.handed_over, one.delivered, one.failed, one.no_word, one.in_doubt) == (10, 3, 3, 4, 2)
    assert found[idle.id].audience == 0
    yesterday = period.one(ZONE, (today.first - timedelta(days=1)).isoformat())
    assert [one.delivered for _, one in daily.carried(session, yesterday, by=by)] == [1, 0]


def test_a_day_is_the_organisations(session: Session, by: Actor) -> None:
    assert period.one(ZONE, "2026-07-01").start == datetime(2026, 6, 30, 21, tzinfo=UTC)
    with pytest.raises(Invalid) as refused:
        period.one(ZONE, "2026-02-30")
    assert refused.value.details[0].field == "on"


@pytest.mark.parametrize("allowed", ["providers:read", "messages:read"])
def test_it_takes_the_right_to_see_both(session: Session, by: Actor, allowed: str) -> None:
    half = Actor(by.organisation_id, "key", None, "key", "", frozenset({allowed}))
    with pytest.raises(Forbidden):
        daily.carried(session, period.one(ZONE, ""), by=half)

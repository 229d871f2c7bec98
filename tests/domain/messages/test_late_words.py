"""What a provider says late about a message that was tried again: the order of its words does not matter."""

import random
from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.domain.messages import receipts, reconcile, reference
from app.domain.messages.models import Message, Send
from app.gateways.channels.base import Category
from app.gateways.channels.base import Receipt as Event
from app.gateways.channels.base import ReceiptKind as Kind
from tests.domain.messages.failing import (
    AGAIN,
    DELIVERED,
    NEVER,
    NOON,
    account,
    failed,
    hours_later,
    message,
    told,
)
from tests.domain.messages.line import Line, Run

__all__ = ["account", "message"]


def test_a_late_delivered_takes_back_the_retry_that_is_planned(session: Session, run: Run, message: Message) -> None:
    with hours_later(1):
        told(session, message, failed(), DELIVERED)
    assert (message.state, message.retries, message.duplicate_delivered) == ("delivered", 0, False)
    line = Line()
    with hours_later(10):
        run(line)
    assert line.taken == []


def test_a_late_failure_for_good_takes_back_the_retry_that_is_planned(session: Session, message: Message) -> None:
    with hours_later(1):
        told(session, message, failed(), failed(Category.FILTERED))
    assert (message.state, message.reason, message.retries) == ("failed", "filtered", 0)


@pytest.mark.parametrize(
    "order", [[0, 1], [1, 0], [0], [0, 0, 1]], ids=["in order", "turned round", "first only", "twice"]
)
def test_who_got_it_twice_is_counted(session: Session, run: Run, message: Message, order: list[int]) -> None:
    with hours_later(1):
        told(session, message, failed())
    with hours_later(7):
        run(Line())
        for retry in order:
            told(session, message, DELIVERED, retry=retry)
    assert (message.state, message.duplicate_delivered) == ("delivered", True)


def test_who_got_only_the_second_is_not(session: Session, run: Run, message: Message) -> None:
    with hours_later(1):
        told(session, message, failed())
    with hours_later(7):
        run(Line())
        told(session, message, DELIVERED, DELIVERED, failed(), retry=1)
        told(session, message, failed(Category.INVALID_NUMBER), (Kind.SENT, None), retry=0)
    assert (message.state, message.duplicate_delivered) == ("delivered", False)


def test_a_word_about_the_first_try_does_not_move_the_second(session: Session, run: Run, message: Message) -> None:
    with hours_later(1):
        told(session, message, failed())
    with hours_later(7):
        run(Line())
        told(session, message, failed(), failed(Category.FILTERED), failed(Category.UNDELIVERABLE, Kind.UNDELIVERABLE))
    assert (message.state, message.retries) == ("sent", 1)


def test_a_doubt_about_a_retry_is_asked_for_by_its_own_reference(
    session: Session, run: Run, message: Message, unit: Callable[[], object]
) -> None:
    with hours_later(1):
        told(session, message, failed())
    asked = []

    class Asked(Line):
        async def look_up(self, reference: str) -> object:  # type: ignore[override]
            asked.append(reference)
            return await super().look_up(reference)

    with hours_later(7):
        run(Line(lambda _m: "doubt"))
    session.execute(update(Message).values(doubt_at=NOON - timedelta(days=30)))
    reconcile.reconcile(unit, lambda _k, _c, _s: Asked())  # type: ignore[arg-type]
    assert asked == [reference.of(message.occurrence_id, message.id, 1)]


def test_one_that_was_given_up_for_want_of_a_receipt_is_never_tried_again(session: Session, message: Message) -> None:
    session.execute(update(Message).values(state="undeliverable", rank=60, reason="no_confirmation"))
    told(session, message, failed())
    assert (message.state, message.reason) == ("failed", "timeout")


WORDS = [
    (Kind.SENT, None), DELIVERED, *((Kind.FAILED, one) for one in Category), *((Kind.UNDELIVERABLE, one) for one in Category),
]  # fmt: skip


@pytest.mark.parametrize("together", [True, False], ids=["all at once", "one by one"])
@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_receipts_does_not_matter(session: Session, message: Message, seed: int, together: bool) -> None:
    """Every order of the words about one attempt, one by one or all at once, some of them twice, ends the same way."""
    dice = random.Random(seed)
    words = dice.sample(WORDS, dice.randint(2, 4))
    before = {"state": "sent", "rank": 50, "reason": None, "retries": 0, "final_at": None, "duplicate_delivered": False}
    ends = set()
    for order in list(permutations(words))[:24]:
        session.execute(update(Message).values(before))
        session.execute(update(Send).values(state="drained", drained_at=NOON))
        with hours_later(1):
            if together:
                named = reference.of(message.occurrence_id, message.id)
                events = [
                    Event(uuid4().hex, named, "theirs", kind, NOON, category) for kind, category in (*order, order[0])
                ]
                receipts.keep(session, message.provider_account_id or uuid4(), message.organisation_id, events)
                receipts.apply_some(session)
                session.refresh(message)
            else:
                told(session, message, *order, order[0])
        ends.add((message.state, message.reason, message.retries, message.duplicate_delivered))
    assert len(ends) == 1, ends
    [(state, reason, again, _)] = ends
    assert (again > 0) == (state == "queued")
    categories = {category for _, category in words}
    assert (state == "delivered") == (DELIVERED in words)
    if state == "queued":
        assert reason in AGAIN
        assert not categories & set(NEVER)

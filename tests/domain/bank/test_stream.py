"""What happened in a month, for systems outside: every step, every message, in order, and nothing of anybody's money."""

from dataclasses import asdict
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.page import Ask
from app.domain.bank import stream
from app.domain.bank.models import QualificationRun
from app.domain.bank.stream import MonthEvent, Since
from app.domain.messages.models import Message
from tests.domain.bank.conftest import released


def told(session: Session, run: QualificationRun, by: Actor, wanted: Since | None = None) -> list[MonthEvent]:
    """All of it, from page to page, an hour later."""
    found: list[MonthEvent] = []
    cursor = None
    session.flush()
    with clock.at(clock.now() + timedelta(hours=1)):
        while True:
            page = stream.listed(session, run.id, Ask(cursor, 7), wanted or Since(), by=by)
            found += page.items
            cursor = page.next
            if cursor is None:
                return found


def ended(session: Session) -> list[Message]:
    """Three messages that went out: one arrived, one failed, of one nothing was heard."""
    messages = list(session.execute(select(Message).order_by(Message.id)).scalars())
    for message, state in zip(messages, ("delivered", "undeliverable", "sent"), strict=True):
        message.state, message.sent_at = state, clock.now()
        message.final_at = None if state == "sent" else clock.now() + timedelta(minutes=5)
    return messages


def test_every_day_step_and_message_is_told_in_order(
    session: Session, run: QualificationRun, officer: Actor, approver: Actor
) -> None:
    released(session, run, officer, approver)
    arrived, failed, silent = ended(session)
    events = told(session, run, officer)
    assert [one.at for one in events] == sorted(one.at for one in events)
    assert len({one.id for one in events}) == len(events)
    kinds = [one.type for one in events]
    assert kinds.count("balances.verified") == 31
    assert {one.day for one in events if one.type == "balances.verified"} >= {run.month}
    steps = [kind for kind in kinds if kind.startswith("qualification")]
    assert steps == ["qualification.calculated", "qualification.approved", "qualification.released"]
    sent = {one.message_id for one in events if one.type == "notification.sent"}
    assert sent == {arrived.id, failed.id, silent.id}
    ends = {(one.type, one.message_id, one.status) for one in events if one.type.startswith("delivery")}
    assert ends == {("delivery.confirmed", arrived.id, "delivered"), ("delivery.failed", failed.id, "undeliverable")}
    assert all(one.run_id == run.id for one in events), "the run is what ties them together"


def test_it_tells_no_balance_address_or_number(
    session: Session, run: QualificationRun, officer: Actor, approver: Actor
) -> None:
    released(session, run, officer, approver)
    ended(session)
    names = {name for one in told(session, run, officer) for name in asdict(one)}
    assert names == {"id", "type", "at", "run_id", "status", "message_id", "contact_id", "day"}


def test_it_is_narrowed_to_a_type_and_goes_on_from_a_moment(
    session: Session, run: QualificationRun, officer: Actor, approver: Actor
) -> None:
    released(session, run, officer, approver)
    ended(session)
    everything = told(session, run, officer)
    confirmed = told(session, run, officer, Since(type="delivery.confirmed"))
    assert confirmed == [one for one in everything if one.type == "delivery.confirmed"]
    middle = everything[-2].at
    assert told(session, run, officer, Since(since=middle)) == [one for one in everything if one.at >= middle]


def test_the_newest_come_first_where_a_person_reads(
    session: Session, run: QualificationRun, officer: Actor, approver: Actor
) -> None:
    released(session, run, officer, approver)
    ended(session)
    everything = told(session, run, officer)
    with clock.at(clock.now() + timedelta(hours=1)):
        first = stream.listed(session, run.id, Ask(per_page=30), Since(), descending=True, by=officer)
        rest = stream.listed(session, run.id, Ask(first.next, 30), Since(), descending=True, by=officer)
    assert [*first.items, *rest.items] == everything[::-1]


def test_a_later_receipt_comes_further_down_as_what_the_message_is_then(
    session: Session, run: QualificationRun, officer: Actor, approver: Actor
) -> None:
    released(session, run, officer, approver)
    failed = ended(session)[1]
    failed.state, failed.final_at = "delivered", clock.now() + timedelta(minutes=30)
    last = told(session, run, officer)[-1]
    assert (last.type, last.message_id) == ("delivery.confirmed", failed.id)


def test_the_last_minute_waits_until_nothing_of_it_is_still_being_written(
    session: Session, run: QualificationRun, officer: Actor
) -> None:
    session.flush()
    calculated = Since(type="qualification.calculated")
    assert stream.listed(session, run.id, Ask(), calculated, by=officer).items == []
    with clock.at(clock.now() + stream.SETTLED):
        assert len(stream.listed(session, run.id, Ask(), calculated, by=officer).items) == 1

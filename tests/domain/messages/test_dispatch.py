"""Sending: everybody of the audience ends somewhere, the numbers add up, the gate looks again."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import system
from app.core.db import live
from app.domain.access.models import Organisation
from app.domain.consent import ledger, suppression
from app.domain.contacts import profile
from app.domain.contacts.models import Contact
from app.domain.messages import claiming, dispatch, flights, listing, outcomes, sends, totals
from app.domain.messages.claiming import OpenUnit
from app.domain.messages.create_messages import create_messages
from app.domain.messages.models import Attempt, Message
from app.domain.messages.outcomes import Before
from app.domain.messages.rendering import Ready
from app.domain.messages.retries import Again
from app.gateways.channels.base import Accepted, InDoubt, Outgoing, Unavailable
from tests.domain.messages.line import Line, Run, states, until
from tests.factories import people, sending


def test_everybody_gets_one(session: Session, run: Run) -> None:
    people.contacts(session, 120)
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    line = Line()
    tally = run(line)
    assert tally.sent == 120
    assert states(session) == {"sent": 120}
    assert {m.to for m in line.taken} == {f"+97252{2000000 + n}" for n in range(120)}
    assert min(m.text or "" for m in line.taken) == "Hello Dana0"
    attempts = session.execute(select(Attempt)).scalars().all()
    assert {(a.outcome, a.finished_at is not None) for a in attempts} == {("accepted", True)}
    assert len(attempts) == 120


def test_the_numbers_add_up_by_construction(session: Session, run: Run) -> None:
    contacts = people.contacts(session, 20)
    people.contacts(session, 5, start=20, consent=False)
    people.contacts(session, 3, start=0, prefix="family-")  # share the phones of the first three
    ledger.withdraw(session, contacts[10], ["sms"], basis="call", source="test")
    suppression.suppress(session, "+972522000011", channel="sms", reason="manual", source="test")
    sending.account(session)
    send = sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    assert states(session) == {"queued": 18, "no_consent": 6, "suppressed": 1, "duplicate_address": 3}
    run(Line())
    assert states(session) == {"sent": 18, "no_consent": 6, "suppressed": 1, "duplicate_address": 3}
    numbers = totals.of_source(session, send.source_id)[0]
    assert numbers.audience == 28 == numbers.handed_over + numbers.not_sent


def test_making_them_again_makes_nothing(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 10)
    send = sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    everybody = select(live(Contact).c.id)
    assert create_messages(session, send, everybody, occurrence=send.first_occurrence) == {}
    assert states(session) == {"queued": 10}


def test_the_gate_looks_again(session: Session, run: Run) -> None:
    """Who withdraws or is suppressed after the approval gets nothing, with the reason on the message."""
    contacts = people.contacts(session, 10)
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    ledger.withdraw(session, contacts[3], ["sms"], basis="call", source="test")
    suppression.suppress(session, "+972522000004", channel="sms", reason="complaint", source="test")
    assert run(Line()).sent == 8
    assert states(session) == {"sent": 8, "no_consent": 1, "suppressed": 1}


def test_who_was_deleted_or_moved_meanwhile_gets_nothing(
    session: Session, run: Run, organisation: Organisation
) -> None:
    """A new address was not looked at: it may be suppressed, or somebody else's who gets the message already."""
    contacts = people.contacts(session, 6)
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    by = system(organisation.id)
    profile.delete(session, contacts[1], by=by)
    known = profile.input_of(session, profile.get(session, contacts[2], by=by))
    profile.update(session, contacts[2], known.model_copy(update={"phone": "+972522000003"}), by=by)
    line = Line()
    run(line)
    assert states(session) == {"sent": 4, "deleted": 1, "address_changed": 1}
    assert sorted(m.to for m in line.taken) == [f"+97252200000{n}" for n in (0, 3, 4, 5)]


def test_who_is_deleted_after_the_claim_gets_nothing(
    session: Session, run: Run, unit: OpenUnit, organisation: Organisation
) -> None:
    contacts = people.contacts(session, 60)
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())

    def delete_everybody(_message: Outgoing) -> str:
        with unit() as other:
            while contacts:
                profile.delete(other, contacts.pop(), by=system(organisation.id))
        return "accept"

    sent = run(Line(delete_everybody)).sent
    assert sent in (dispatch.WINDOW, dispatch.AT_RISK)  # the second window is intended before or after
    assert states(session) == {"sent": sent, "deleted": 60 - sent}


@pytest.mark.parametrize("tries", [1, 6, 500])
@pytest.mark.usefixtures("organisation")
def test_what_was_surely_not_sent_waits_however_often_it_is_refused(session: Session, tries: int) -> None:
    ready = Ready(uuid4(), uuid4(), Outgoing("a reference", "+972522000000", "CARILLON", "Hello"), 1)
    account = sending.account(session)
    [line] = outcomes.lines(
        [(ready, Unavailable("slow down"))], account, {ready.id: Before(tries, 0)}, Again(3, clock.now())
    )
    assert line["state"] == "queued"
    assert timedelta() < datetime.fromisoformat(line["due"]) - clock.now() <= timedelta(hours=1)


def test_a_run_that_is_told_to_stop_gives_back_what_it_has_not_begun(session: Session, run: Run) -> None:
    people.contacts(session, 120)
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    line = Line()
    tally = run(line, stopping=lambda: len(line.taken) > 0)
    assert tally.time_over
    assert tally.sent == len(line.taken) == dispatch.AT_RISK
    session.expire_all()
    left = session.execute(select(Message).where(Message.state == "queued")).scalars().all()
    assert len(left) == 70
    assert {message.lease_token for message in left} == {None}


def test_what_was_claimed_ahead_is_given_back(session: Session, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "CLAIM", 60)
    monkeypatch.setattr(claiming, "AHEAD", 50)
    people.contacts(session, 160)
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    line = Line()
    assert run(line, stopping=lambda: len(line.taken) > 0).sent == 50
    session.expire_all()
    left = session.execute(select(Message).where(Message.state == "queued")).scalars().all()
    assert (len(left), {message.lease_token for message in left}) == (110, {None})
    assert run(line).sent == 110


@pytest.mark.parametrize("number", [1, 30, 130])
def test_what_lands_while_a_turn_is_written_ends_too(session: Session, run: Run, number: int) -> None:
    people.contacts(session, number)
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    assert run(Line(), slow=0.02).sent == number
    assert states(session) == {"sent": number}


def number_of(unit: OpenUnit, state: str) -> int:
    """How many messages are in a state now, asked while a run is at work."""
    with unit() as other:
        return len(other.execute(select(Message.id).where(Message.state == state)).all())


def test_one_slow_answer_holds_nobody_up_and_no_more_than_allowed_are_at_risk(
    session: Session, run: Run, unit: OpenUnit
) -> None:
    people.contacts(session, 160)
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    at_risk: list[int] = []

    class Slow(Line):
        async def send_one(self, message: Outgoing) -> Accepted:
            await until(lambda: message.to != "+972522000007" or len(self.taken) == 159)
            at_risk.append(number_of(unit, "sending"))
            return await super().send_one(message)

    line = Slow()
    assert run(line, slow=0.01).sent == 160
    assert line.taken[-1].to == "+972522000007"
    assert max(at_risk) == dispatch.AT_RISK


def test_what_has_landed_is_recorded_soon_however_silent_the_others_are(
    session: Session, run: Run, unit: OpenUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.contacts(session, 50)
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    monkeypatch.setattr(flights, "PATIENCE", 0.2)
    recorded: list[int] = []

    class Silent(Line):
        async def send_one(self, message: Outgoing) -> Accepted:
            if message.to != "+972522000007":
                await until(lambda: number_of(unit, "sent") > 0)
                recorded.append(number_of(unit, "sent"))
            return await super().send_one(message)

    assert run(Silent(), slow=0.01).sent == 50
    assert recorded[0] == 1


def test_an_answer_is_read_while_the_database_stands_still(session: Session, run: Run, unit: OpenUnit) -> None:
    """A claim takes longer than a provider's answer may: the answer is read when it comes, not when the claim is done."""
    people.contacts(session, 130)
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    began, stalls = threading.Event(), [2, 2]  # seconds

    @contextmanager
    def slow() -> Iterator[Session]:
        with unit() as one:
            if began.is_set() and stalls:
                time.sleep(stalls.pop())
            yield one

    class Hasty(Line):
        async def send_one(self, message: Outgoing) -> Accepted:
            began.set()
            try:
                async with asyncio.timeout(1):
                    await asyncio.sleep(0.02)
            except TimeoutError:
                raise InDoubt("no answer in time") from None
            return await super().send_one(message)

    session.commit()
    turns = nullcontext(sending.through_units(unit))
    tally = dispatch.dispatch(slow, lambda: turns, lambda _k, _c, _s: Hasty(), "sms")
    assert (tally.sent, tally.in_doubt) == (130, 0)


def test_a_window_without_an_answer_is_in_doubt_and_the_rest_goes_on(
    session: Session, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.contacts(session, 60)
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    monkeypatch.setattr(flights, "WINDOW_SECONDS", 0.3)

    class Silent(Line):
        async def send_one(self, message: Outgoing) -> Accepted:
            if message.to == "+972522000007":
                await asyncio.sleep(60)
            return await super().send_one(message)

    tally = run(Silent())
    assert (tally.sent, tally.in_doubt) == (59, 1)
    assert states(session) == {"sent": 59, "in_doubt": 1}


def test_what_is_known_is_kept_when_a_channel_breaks(session: Session, run: Run) -> None:
    """An adapter with a bug: what it had handed over is recorded, the rest of its window becomes a doubt with its lease."""
    people.contacts(session, 30)
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())

    class Broken(Line):
        async def send_one(self, message: Outgoing) -> Accepted:
            if message.to == "+972522000009":
                await asyncio.sleep(0.05)
                raise ZeroDivisionError
            return await super().send_one(message)

    with pytest.raises(ZeroDivisionError):
        run(Broken())
    assert states(session) == {"sent": 29, "sending": 1}


def test_what_the_provider_says_decides(session: Session, run: Run) -> None:
    people.contacts(session, 4)
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    answers = {"+972522000000": "accept", "+972522000001": "reject", "+972522000002": "later", "+972522000003": "doubt"}
    tally = run(Line(lambda m: answers[m.to]))
    assert (tally.sent, tally.rejected, tally.later, tally.in_doubt) == (1, 1, 1, 1)
    session.expire_all()
    by_state = {m.state: m for m in session.execute(select(Message)).scalars()}
    assert set(by_state) == {"sent", "failed", "queued", "in_doubt"}
    assert by_state["queued"].lease_token is None


def test_nothing_in_doubt_is_sent_again(session: Session, run: Run) -> None:
    people.contacts(session, 30)
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    line = Line(lambda _m: "doubt")
    for _ in range(3):
        run(line)
    references = [m.reference for m in line.taken]
    assert len(references) == len(set(references)) == 30


def test_a_paused_send_waits_and_a_resumed_one_goes_on(session: Session, run: Run) -> None:
    people.contacts(session, 10)
    sending.account(session)
    send = sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    sends.pause(session, "test", send.source_id)
    assert run(Line()).sent == 0
    sends.resume(session, "test", send.source_id)
    assert run(Line()).sent == 10


def test_what_was_paused_while_it_was_claimed_need_not_wait_for_its_lease(
    session: Session, run: Run, unit: OpenUnit
) -> None:
    people.contacts(session, 80)
    sending.account(session)
    send = sending.send_to_everybody(session, sending.sms_template(session), uuid4())

    def pause(_message: Outgoing) -> str:
        with unit() as other:
            sends.pause(other, "test", send.source_id)
        return "accept"

    sent = run(Line(pause)).sent
    assert sent in (dispatch.WINDOW, dispatch.AT_RISK)  # the second window is intended before or after
    sends.resume(session, "test", send.source_id)
    assert run(Line()).sent == 80 - sent


def test_a_stopped_send_says_so_on_every_message(session: Session, run: Run) -> None:
    people.contacts(session, 10)
    sending.account(session)
    send = sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    assert sends.stop(session, "test", send.source_id) == 10
    assert run(Line()).sent == 0
    assert states(session) == {"cancelled": 10}


def test_a_provider_that_is_down_costs_nobody_a_message(session: Session, run: Run) -> None:
    people.contacts(session, 200)
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    tally = run(Line(lambda _m: "later"))
    assert tally.provider_down
    assert states(session)["queued"] == 200


def test_an_email_has_its_links_and_one_click(session: Session, run: Run) -> None:
    people.contacts(session, 2)
    sending.account(session, "email")
    sending.send_to_everybody(session, sending.email_template(session), uuid4())
    line = Line()
    assert run(line, "email").sent == 2
    raw = line.taken[0].mime or b""
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in raw


def test_only_a_sender_that_was_approved_is_used(session: Session, run: Run, organisation: Organisation) -> None:
    """Somebody changes the sender while a campaign runs: what is left waits, and says so."""
    people.contacts(session, 3)
    account = sending.account(session)
    send = sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    send.senders = ["CARILLON"]
    account.sender = "OTHERBANK"
    assert run(Line()).sent == 0
    [stalled] = listing.stalled(session, by=system(organisation.id))
    assert (stalled.waiting, stalled.senders) == (3, ("CARILLON",))
    session.expire_all()
    account.sender = "CARILLON"
    line = Line()
    assert run(line).sent == 3
    assert {message.sender for message in line.taken} == {"CARILLON"}

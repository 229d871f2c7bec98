"""Messages without a receipt: asked for every two hours, given up after three days, corrected by a late word."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.core import clock, sql
from app.domain.access.models import Organisation
from app.domain.messages import polling, receipts, reference
from app.domain.messages.claiming import OpenUnit
from app.domain.messages.models import Message, MessageWake, Poll, Send
from app.domain.messages.models import Receipt as Inbox
from app.domain.providers.models import ProviderAccount
from app.gateways.channels.base import Category, Channel, Receipt, ReceiptKind, Unavailable
from app.gateways.channels.guard import Guard
from app.gateways.channels.registry import open_channel
from ops.launcher.kernel import wait_until
from tests.domain.messages.line import Line, Run, states
from tests.factories import people, sending
from tests.servers.sandbox import SECRET, running

NOON = datetime(2026, 11, 17, 10, tzinfo=UTC)
FINAL = [ReceiptKind.DELIVERED, ReceiptKind.FAILED, ReceiptKind.UNDELIVERABLE]


class Asked(Line):
    """A provider that can be asked: `knows` is what it says of a reference."""

    status_batch = 3

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[list[str]] = []
        self.knows: dict[str, ReceiptKind] = {}
        self.breaks: list[bool] = []

    async def status(self, references: Sequence[str]) -> list[Receipt]:
        self.asked.append(list(references))
        if self.breaks and self.breaks.pop(0):
            raise Unavailable("closed")
        return [told(one, self.knows[one]) for one in references if one in self.knows]

    @property
    def references(self) -> list[str]:
        return [one for batch in self.asked for one in batch]


def told(named: str, kind: ReceiptKind, category: Category | None = None) -> Receipt:
    return Receipt(f"{named}:{kind}", named, "theirs", kind, clock.now(), category)


@pytest.fixture
def account(session: Session, organisation: Organisation) -> ProviderAccount:
    assert organisation
    return sending.account(session)


@pytest.fixture
def line() -> Asked:
    return Asked()


@pytest.fixture
def sent(session: Session, run: Run, account: ProviderAccount, line: Asked) -> list[str]:
    """The references of five SMS, handed over at noon."""
    people.contacts(session, 5)
    with clock.at(NOON):
        polling.schedule(session)
        sending.send_to_everybody(session, sending.sms_template(session), uuid4())
        run(line)
    return [message.reference for message in line.taken]


Ask = Callable[[float], None]


@pytest.fixture
def ask(session: Session, unit: OpenUnit, line: Asked) -> Ask:
    """Poll so many hours after noon, and apply what is told."""

    def go(hours: float) -> None:
        session.commit()
        with clock.at(NOON + timedelta(hours=hours)):
            polling.poll(unit, lambda _k, _c, _s: line)
            while receipts.apply_some(session):
                pass

    return go


def test_nothing_is_asked_for_before_two_hours(sent: list[str], ask: Ask, line: Asked) -> None:
    ask(0.1)
    ask(1.99)
    assert line.asked == []
    ask(2.1)
    assert sorted(line.references) == sorted(sent)
    assert [len(batch) for batch in line.asked] == [3, 2]


def test_each_is_asked_for_every_two_hours_and_no_more_after_three_days(sent: list[str], ask: Ask, line: Asked) -> None:
    for quarter in range(4 * 80):
        ask(quarter / 4)
    assert [line.references.count(one) for one in sent] == [polling.TIMES] * 5


def test_what_was_missed_is_asked_for_once(sent: list[str], ask: Ask, line: Asked) -> None:
    ask(9)
    assert [line.references.count(one) for one in sent] == [1] * 5


def test_who_is_asked_often_reads_nothing_twice(
    sent: list[str], ask: Ask, line: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "AT_ONCE", 2)
    ask(3)
    ask(3.5)
    assert sorted(line.references) == sorted(sent)


def test_what_it_tells_goes_through_the_inbox(session: Session, sent: list[str], ask: Ask, line: Asked) -> None:
    line.knows = dict(zip(sent, [*FINAL, ReceiptKind.SENT], strict=False))
    ask(2)
    assert states(session) == {"delivered": 1, "failed": 1, "undeliverable": 1, "sent": 2}
    assert len(session.execute(select(Inbox)).all()) == 3, "that it was sent is no news"
    ask(4)
    assert len(line.asked[-1]) == 2, "only those without an answer are asked for again"


def test_what_the_webhook_tells_too_is_kept_once(
    session: Session, account: ProviderAccount, sent: list[str], ask: Ask, line: Asked
) -> None:
    line.knows = {sent[0]: ReceiptKind.DELIVERED}
    ask(2)
    receipts.keep(session, account.id, account.organisation_id, [told(sent[0], ReceiptKind.DELIVERED)])
    assert len(session.execute(select(Inbox)).all()) == 1


def test_an_answer_about_what_was_not_asked_for_is_not_believed(
    session: Session, sent: list[str], ask: Ask, line: Asked
) -> None:
    line.knows = dict.fromkeys(sent, ReceiptKind.FAILED)

    async def everything(references: Iterable[str]) -> list[Receipt]:
        return [told(one, kind) for one, kind in line.knows.items()]

    session.execute(update(Message).where(Message.id == read(sent[0])).values(state="delivered", rank=70))
    line.status = everything  # type: ignore[assignment,method-assign]
    ask(2)
    assert len(session.execute(select(Inbox)).all()) == 4


def read(named: str) -> UUID:
    found = reference.read(named)
    assert found
    return found.message_id


def test_after_three_days_without_a_word_it_is_undeliverable(
    session: Session, sent: list[str], ask: Ask, line: Asked
) -> None:
    session.execute(update(Send).values(tells=["failed"]))
    ask(71.9)
    assert states(session) == {"sent": 5}
    ask(72)
    assert states(session) == {"no_confirmation": 5}
    assert session.execute(select(MessageWake.did)).scalars().all() == 5 * ["failed"], "who waits for it is told"
    message = session.execute(select(Message)).scalars().first()
    assert message
    assert (message.state, message.rank) == ("undeliverable", 60)


def test_who_cannot_be_asked_runs_to_three_days(session: Session, sent: list[str], ask: Ask, line: Asked) -> None:
    line.status_batch = 0
    ask(71.9)
    ask(72)
    assert line.asked == []
    assert states(session) == {"no_confirmation": 5}


def test_a_late_word_corrects_it_and_nothing_is_sent_again(
    session: Session, run: Run, account: ProviderAccount, sent: list[str], ask: Ask, line: Asked
) -> None:
    ask(72)
    with clock.at(NOON + timedelta(days=29)):
        late = [told(sent[0], ReceiptKind.DELIVERED), told(sent[1], ReceiptKind.FAILED, Category.TIMEOUT)]
        receipts.keep(session, account.id, account.organisation_id, late)
        receipts.apply_some(session)
        assert run(line).sent == 0
    assert states(session) == {"no_confirmation": 3, "delivered": 1, "timeout": 1}


def test_the_three_days_count_from_the_last_attempt(
    session: Session, run: Run, account: ProviderAccount, sent: list[str], ask: Ask, line: Asked
) -> None:
    with clock.at(NOON + timedelta(hours=1)):
        receipts.keep(
            session, account.id, account.organisation_id, [told(sent[0], ReceiptKind.FAILED, Category.TIMEOUT)]
        )
        receipts.apply_some(session)
    session.commit()
    with clock.at(NOON + timedelta(hours=7)):
        assert run(line).sent == 1
    line.asked.clear()
    ask(9)
    assert f"{sent[0]}01" in line.references
    ask(72)
    ask(78)
    assert states(session) == {"no_confirmation": 4, "sent": 1}
    ask(79)
    assert states(session) == {"no_confirmation": 5}


def test_a_provider_that_does_not_answer_is_asked_later_and_nothing_is_given_up(
    session: Session, sent: list[str], ask: Ask, line: Asked
) -> None:
    line.breaks = [True] * 10
    ask(72)
    assert states(session) == {"sent": 5}
    row = session.execute(select(Poll)).scalar_one()
    session.refresh(row)
    assert (row.failure, row.tries) == ("closed", 1)
    ask(72.01)
    assert len(line.asked) == 1, "not at once"
    line.breaks, line.knows = [], {sent[0]: ReceiptKind.DELIVERED}
    ask(72.5)
    assert states(session) == {"delivered": 1, "no_confirmation": 4}


def test_a_provider_that_is_away_for_good_is_given_up(session: Session, sent: list[str], ask: Ask, line: Asked) -> None:
    line.breaks = [True] * 100
    for n in range(polling.TRIES + 1):
        ask(72 + n / 5)
    assert states(session) == {"no_confirmation": 5}


def test_a_clock_that_jumps_asks_for_everything_before_it_gives_up(
    session: Session, sent: list[str], ask: Ask, line: Asked
) -> None:
    line.knows = dict.fromkeys(sent[:4], ReceiptKind.DELIVERED)
    ask(24 * 30)
    assert sorted(line.references) == sorted(sent)
    assert states(session)["delivered"] + states(session).get("no_confirmation", 0) == 5
    assert states(session)["delivered"] == 4


def test_no_more_than_a_share_is_given_up_at_once(
    session: Session, unit: OpenUnit, sent: list[str], line: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "FEW", 2)
    session.commit()
    with clock.at(NOON + timedelta(hours=80)):
        turns = iter([False, False, True])  # one round
        polling.poll(unit, lambda _k, _c, _s: line, stopping=lambda: next(turns))
        assert states(session) == {"no_confirmation": 2, "sent": 3}
        assert polling.are_due(session)


def test_an_e_mail_needs_no_receipt(
    session: Session, run: Run, account: ProviderAccount, unit: OpenUnit, line: Asked
) -> None:
    sending.account(session, "email")
    people.contacts(session, 1)
    with clock.at(NOON):
        sending.send_to_everybody(session, sending.email_template(session), uuid4())
        run(Line(), "email")
        polling.schedule(session)
    session.commit()
    with clock.at(NOON + timedelta(days=5)):
        polling.poll(unit, lambda _k, _c, _s: line)
    assert states(session) == {"sent": 1}


def test_two_do_not_ask_the_same_provider(session: Session, sent: list[str], ask: Ask, line: Asked) -> None:
    session.execute(update(Poll).values(lease_until=text("clock_timestamp() + interval '1 minute'")))
    ask(2)
    assert line.asked == []
    session.execute(update(Poll).values(lease_until=text("clock_timestamp() - interval '1 minute'")))
    ask(2)
    assert len(line.references) == 5


def test_asking_reads_only_what_is_due(session: Session, account: ProviderAccount, sent: list[str]) -> None:
    session.execute(
        text("INSERT INTO messages (occurrence_id, organisation_id, send_id, contact_id, channel, state, rank, priority, due_at,"
             " created_at, sent_at, provider_account_id) SELECT uuidv7(), :organisation, uuidv7(), uuidv7(), 'sms', CASE WHEN"
             " n % 10 = 0 THEN 'sent' ELSE 'delivered' END, 50, 50, now(), now(), CAST(:noon AS timestamptz) + n * interval '10 s',"
             " :account FROM generate_series(1, 20000) AS n"),
        {"organisation": account.organisation_id, "noon": NOON, "account": account.id},
    )  # fmt: skip
    session.connection().exec_driver_sql("SELECT refresh_statistics('messages')")
    statements, until = sql.load("messages/queries.sql"), NOON + timedelta(hours=30)
    common = {"account": account.id, "before": NOON + timedelta(minutes=1), "now": until, "most": 100}
    every = {**common, "asked": until - polling.ROUND, "until": until, "every": polling.EVERY, "times": polling.TIMES}
    for name, values in {"to_poll": every, "give_up": common, "any_unconfirmed": common}.items():
        given = {key: value for key, value in values.items() if f":{key}" in statements[name].text}
        plan = "\n".join(session.execute(text(f"EXPLAIN {statements[name].text}"), given).scalars())
        assert "provider_account_id_sent_at_idx" in plan, plan


def test_a_receipt_the_sandbox_swallowed_is_seen_by_asking_it(
    session: Session, run: Run, organisation: Organisation, unit: OpenUnit, tmp_path: Path
) -> None:
    """Over real HTTP, through the adapter: three days in a second."""
    guard = Guard.only(["+97252*"])

    def carrier(kind: str, config: Mapping[str, object], _secret: str) -> Channel:
        return open_channel(kind, config, SECRET, guard=guard, allow_private=True)

    with running(tmp_path) as sandbox:
        sandbox.faults(
            receipts="swallowed",
            receipt_ms=1,
            status={"+972522000000": "delivered", "+972522000001": "undeliverable", "+972522000002": "sent"},
        )
        sending.account(session, kind="carrier", base_url=sandbox.url, callback_url=f"{sandbox.url}/nowhere")
        people.contacts(session, 3)
        with clock.at(NOON):
            polling.schedule(session)
            sending.send_to_everybody(session, sending.sms_template(session), uuid4())
            run(carrier("carrier", {"base_url": sandbox.url}, SECRET))
        ends = ["delivered", "sent", "undeliverable"]
        assert wait_until(lambda: sorted(one["status"] for one in sandbox.received("sms")["items"]) == ends, 30)
        session.commit()
        for hours in (2, 4, 72):
            with clock.at(NOON + timedelta(hours=hours)):
                polling.poll(unit, carrier)
                while receipts.apply_some(session):
                    pass
        assert states(session) == {"delivered": 1, "timeout": 1, "no_confirmation": 1}

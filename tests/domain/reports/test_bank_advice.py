"""What the figures of a month advise: each rule at its limit and beyond it, and what each number is counted from."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.domain.bank import figures, forecast, programmes
from app.domain.bank.figures import Carried, Timing
from app.domain.bank.models import QualificationRun
from app.domain.consent import ledger
from app.domain.messages.models import Attempt, Message, Send
from app.domain.messages.totals import Totals
from app.domain.providers.models import ProviderAccount
from app.domain.reports import by_itself
from app.domain.reports.bank_advice import advise
from app.domain.reports.bank_facts import Ahead, Facts, gather
from app.domain.reports.models import ReportRun
from app.domain.reports.words import Words
from tests.domain.bank.conftest import Take
from tests.domain.bank.test_forecast import told
from tests.domain.bank.test_programmes import changed
from tests.domain.reports.month import approver, before, handed_over, november, officer, released, run, take
from tests.factories import sending

__all__ = ["approver", "before", "november", "officer", "released", "run", "take"]  # the fixtures of the month


@pytest.fixture
def quiet(session: Session, released: QualificationRun) -> Facts:
    """A month of 10,000 messages that advises nothing."""
    handed_over(session, released)
    facts = gather(session, released)
    many = replace(facts.sent, skips={}, states={"delivered": 10_000})
    return replace(
        facts, near=0, totals={**facts.totals, "indeterminate": 0, "qualified": 10_000}, missing=[[]], sent=many,
        timing=Timing(attempts=10_000, slow=60.0), carried=[],
    )  # fmt: skip


def advised(facts: Facts) -> dict[str, str]:
    return {one.code: f"{one.words} {one.number}" for one in advise(facts, Words("en"))}


def accounts(*rates: tuple[int, int]) -> list[Carried]:
    return [Carried(f"account {place}", whole, part) for place, (whole, part) in enumerate(rates)]


@pytest.mark.parametrize(
    ("carried", "is_said"),
    [
        (accounts((2000, 1840), (2000, 1980)), True),
        (accounts((2000, 1840)), False),
        (accounts((2000, 1920), (2000, 1990)), False),
        (accounts((2000, 1880), (2000, 1930)), False),
        (accounts((100, 94), (100, 98)), False),
        (accounts((99, 50), (2000, 1990)), False),
    ],
    ids=["worse", "no other", "both good", "three points are missing", "chance", "too few"],
)
def test_an_account_that_is_worse_than_another_and_not_by_chance(
    quiet: Facts, carried: list[Carried], is_said: bool
) -> None:
    found = advised(replace(quiet, carried=carried))
    assert set(found) == ({"provider"} if is_said else set())
    if is_said:
        assert "more to account 1 and less to account 0" in found["provider"]
        assert "92% delivered against 99%" in found["provider"]


@pytest.mark.parametrize(
    ("code", "at", "beyond"),
    [
        ("slow", {"timing": Timing(attempts=10_000, slow=1800.0)}, {"timing": Timing(attempts=10_000, slow=1860.0)}),
        ("put_off", {"put_off": 100}, {"put_off": 101}),
        ("old_consent", {"old_consents": 0}, {"old_consents": 12}),
    ],
)
def test_limits(quiet: Facts, code: str, at: dict[str, Any], beyond: dict[str, Any]) -> None:
    assert advised(replace(quiet, **at)) == {}
    assert set(advised(replace(quiet, **beyond))) == {code}


@pytest.mark.parametrize(("number", "is_said"), [(300, False), (301, True)])
def test_messages_that_were_never_confirmed(quiet: Facts, number: int, is_said: bool) -> None:
    states = {"delivered": 10_000 - number, "undeliverable": number}
    sent = replace(quiet.sent, states=states, failures={"no_confirmation": number})
    found = advised(replace(quiet, sent=sent))
    assert set(found) == ({"unconfirmed"} if is_said else set())
    assert not is_said or "301 of 10,000 (3.01%)" in found["unconfirmed"]


@pytest.mark.parametrize(("number", "is_said"), [(50, False), (51, True)])
def test_customers_who_share_a_number(quiet: Facts, number: int, is_said: bool) -> None:
    skips = {"duplicate_address": number}
    sent = replace(quiet.sent, states={"delivered": 10_000 - number, "skipped": number}, skips=skips)
    fate = {"handed_over": 10_000 - number, **skips, "no_address": 40}
    found = advised(replace(quiet, sent=replace(sent, skips=skips), fate=fate))
    assert set(found) == ({"one_phone"} if is_said else set())


def test_a_number_that_would_tell_a_small_group_is_not_told(quiet: Facts) -> None:
    skips = {"duplicate_address": 60, "erased": 3}
    sent = replace(quiet.sent, states={"delivered": 9_937, "skipped": 63}, skips=skips)
    found = advised(replace(quiet, sent=sent, fate={"handed_over": 9_937, **skips}))
    assert "more than 1% of 10,000" in found["one_phone"] or "more than 0" in found["one_phone"]
    assert "60" not in found["one_phone"]


@pytest.mark.parametrize(("cost", "is_said"), [("1150", False), ("1151", True)])
def test_a_delivered_message_that_costs_more(quiet: Facts, cost: str, is_said: bool) -> None:
    then = Totals(states={"delivered": 5_000}, cost=Decimal(500))
    sent = replace(quiet.sent, cost=Decimal(cost))
    found = advised(replace(quiet, sent=sent, sent_before=then))
    assert set(found) == ({"cost"} if is_said else set())
    assert advised(replace(quiet, sent=sent)) == {}, "without a month before there is nothing to compare with"


def test_what_each_account_carried_is_counted(session: Session, released: QualificationRun) -> None:
    by, account = system(released.organisation_id), session.execute(select(ProviderAccount)).scalar_one()
    account.name = "First"
    session.flush()
    other = sending.account(session)
    handed_over(session, released, failed=3)
    failed = session.execute(select(Message).where(Message.state == "failed")).scalars().all()
    first = session.execute(select(Message).where(Message.state == "delivered")).scalars().all()
    for message in first:
        message.provider_account_id = account.id
    for message in failed:
        message.provider_account_id = other.id
    session.flush()
    assert figures.carried(session, released, by=by) == [
        Carried("First", len(first), len(first)),
        Carried(other.name, 3, 0),
    ]


def test_attempts_that_were_put_off_are_counted(session: Session, released: QualificationRun) -> None:
    by, account = system(released.organisation_id), session.execute(select(ProviderAccount)).scalar_one()
    assert figures.put_off(session, released, by=by) == 0
    for number, message in enumerate(session.execute(select(Message).limit(4)).scalars()):
        slow = number < 3
        session.execute(
            insert(Attempt).values(
                organisation_id=message.organisation_id, occurrence_id=message.occurrence_id, message_id=message.id, number=1,
                provider_account_id=account.id, started_at=clock.now(), outcome="not_sent" if slow else "rejected",
                category="quota_exceeded" if number else "timeout",
            )
        )  # fmt: skip
    assert figures.put_off(session, released, by=by) == 2


def test_consents_of_long_ago_count_for_marketing_only(session: Session, released: QualificationRun) -> None:
    by, now = system(released.organisation_id), clock.now()
    handed_over(session, released)
    told = session.execute(select(Message.contact_id).where(Message.state == "delivered")).scalars().all()
    with clock.at(now + timedelta(days=700)):
        ledger.grant(session, told[0], ["sms"], basis="paper", source="branch", by=by)
    with clock.at(now + timedelta(days=731)):
        assert figures.old_consents(session, released, by=by) == 0, "a service message needs none"
        session.execute(update(Send).values(message_class="marketing"))
        session.expire_all()
        assert figures.old_consents(session, released, by=by) == len(told) - 1
    assert figures.old_consents(session, released, by=by) == 0


def reports(session: Session) -> list[ReportRun]:
    return list(session.execute(select(ReportRun).order_by(ReportRun.id)).scalars())


def test_a_final_report_follows_when_the_last_message_has_its_end(session: Session, released: QualificationRun) -> None:
    handed_over(session, released, sent=2)
    by_itself.on_completed(session, by_itself.QualificationCompleted(subject=released.id))
    [first] = reports(session)
    first.state, first.finished_at = "completed", clock.now()
    by_itself.finish(session)
    assert len(reports(session)) == 1, "two have no word yet"
    later = clock.now() + timedelta(hours=60)
    session.execute(update(Message).where(Message.state == "sent").values(state="undeliverable", final_at=later))
    with clock.at(later + timedelta(hours=1)):
        by_itself.finish(session)
        [_first, final] = reports(session)
        assert (final.subject_id, final.recipients) == (released.id, first.recipients)
        final.state, final.finished_at = "completed", clock.now()
        by_itself.finish(session)
        assert len(reports(session)) == 2, "once"


def test_a_report_that_was_final_is_not_made_again(session: Session, released: QualificationRun) -> None:
    handed_over(session, released)
    by_itself.on_completed(session, by_itself.QualificationCompleted(subject=released.id))
    [first] = reports(session)
    by_itself.finish(session)
    assert len(reports(session)) == 1, "it is not made yet"
    with clock.at(clock.now() + timedelta(hours=1)):
        first.state, first.finished_at = "completed", clock.now()
        by_itself.finish(session)
    assert len(reports(session)) == 1


def test_a_month_of_long_ago_is_left_alone(session: Session, released: QualificationRun, officer: Actor) -> None:
    handed_over(session, released)
    by_itself.on_completed(session, by_itself.QualificationCompleted(subject=released.id))
    [first] = reports(session)
    first.finished_at = clock.now() - timedelta(days=1)
    with clock.at(clock.now() + timedelta(days=15)):
        by_itself.finish(session)
    assert len(reports(session)) == 1


@pytest.mark.parametrize(("expected", "is_said"), [(50_000, False), (50_001, True)])
def test_a_next_month_that_may_cost_more_than_its_budget(quiet: Facts, expected: int, is_said: bool) -> None:
    sent = replace(quiet.sent, cost=Decimal(300))
    ahead = Ahead(date(2026, 11, 1), expected, Decimal("1500.00"), "ILS")
    found = advised(replace(quiet, sent=sent, ahead=ahead))
    assert set(found) == ({"budget"} if is_said else set())
    assert not is_said or "before November 2026 is told" in found["budget"]
    assert (
        not is_said or "about 50,001 will qualify, at 0.0300 ILS each: ₪1,500.03 against ₪1,500.00" in found["budget"]
    )
    assert advised(replace(quiet, sent=sent)) == {}, "without a budget there is nothing it could be too much for"
    assert advised(replace(quiet, sent=replace(sent, states={}), ahead=ahead)) == {}, "nothing was delivered yet"


def test_the_month_ahead_is_the_one_that_runs_with_what_is_expected_of_it(
    session: Session,
    released: QualificationRun,
    take: Take,
    officer: Actor,
    approver: Actor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forecast, "MARGIN", Decimal(1))
    november = {str(number): ["15000.00"] * 5 for number in range(20)}
    take(told(date(2026, 11, 1), november), date(2026, 11, 1), date(2026, 11, 5))
    assert gather(session, released).ahead is None, "the programme has no budget"
    programme = programmes.of_run(session, released)
    changed(session, programme, officer, approver, budget=Decimal("99.00"))
    # Of October's 39 on track on the fifth, 25 qualified.
    assert gather(session, released).ahead == Ahead(date(2026, 11, 1), round(20 * 25 / 39), Decimal("99.00"), "ILS")
    with clock.at(clock.now() + timedelta(days=7)):
        assert gather(session, released).ahead is None, "November is over"

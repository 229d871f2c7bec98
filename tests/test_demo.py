"""The demonstration bank: as alive as it claims to be, and as true as any other."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, sessionmaker

from app import demo
from app.core import clock
from app.core.actor import system
from app.core.db import live, make_engine, session_factory
from app.core.errors import Conflict
from app.core.settings import Settings
from app.core.unit import actor_of, unit_of_work
from app.demo import visits
from app.domain.approvals.models import Approval
from app.domain.audit import chain
from app.domain.campaigns.models import Campaign
from app.domain.contacts.models import Contact
from app.domain.content.models import Template
from app.domain.events.models import Event
from app.domain.flows import results
from app.domain.flows.models import Flow
from app.domain.messages import totals
from app.domain.messages.models import Message
from app.domain.segments.models import Segment
from app.domain.transfer.models import Import


@pytest.fixture
def bank(own_settings: Settings) -> Settings:
    return replace(own_settings, sandbox_url="http://127.0.0.1:9", sandbox_smtp="127.0.0.1:9")


@pytest.fixture
def own_factory(bank: Settings) -> Iterator[sessionmaker[Session]]:
    engine = make_engine(bank)
    yield session_factory(engine, bank)
    engine.dispose()


def organisation(factory: sessionmaker[Session]) -> UUID:
    with unit_of_work(factory, None) as session:
        return session.execute(text("SELECT organisation_ids()")).scalar_one()


def count(session: Session, model: type) -> int:
    return session.execute(select(func.count()).select_from(live(model))).scalar_one()


def test_the_bank_lives_and_every_number_of_it_adds_up(bank: Settings, own_factory: sessionmaker[Session]) -> None:
    access = demo.load(own_factory, bank)
    assert access is not None
    assert demo.load(own_factory, bank) is None
    with unit_of_work(own_factory, system(organisation(own_factory))) as session:
        assert count(session, Contact) == 45_211 + 1_565
        assert count(session, Event) == 30_000 + 42 + 11, "those of the site, and of the applications"
        assert count(session, Segment) == 5
        assert {template.channel for template in session.execute(select(Template)).scalars()} == {"sms", "email"}
        assert set(session.execute(select(Import.state)).scalars()) == {"completed"}
        campaigns = {one.state: one for one in session.execute(select(Campaign).order_by(Campaign.id)).scalars()}
        assert sorted(session.execute(select(Campaign.state)).scalars()) == ["completed"] * 3 + [
            "in_review",
            "scheduled",
        ]
        now = clock.now()
        assert campaigns["scheduled"].scheduled_at > now + timedelta(days=2)  # type: ignore[operator]
        pending = session.execute(select(Approval).where(Approval.state == "pending")).scalar_one()
        assert pending.expires_at > now + timedelta(hours=48)
        for campaign in session.execute(select(Campaign).where(Campaign.state == "completed")).scalars():
            adds_up(session, campaign, now)
        for flow in session.execute(select(Flow)).scalars():
            people_add_up(session, flow)
        assert sorted(session.execute(select(Flow.name)).scalars()) == ["Application begun and not sent", "Welcome"]
        assert session.execute(select(func.max(Message.sent_at))).scalar_one() < now
        verdict = chain.verify(session, by=actor_of(session))
        assert verdict.broken_at is None
        assert verdict.entries > 40


def adds_up(session: Session, campaign: Campaign, now: datetime) -> None:
    """The audience is those left out and those written to; the days of a sending lie behind us; people read and clicked."""
    assert timedelta(days=3) < now - campaign.launched_at < timedelta(days=20)  # type: ignore[operator]
    channels = totals.of_source(session, campaign.id)
    assert {one.channel for one in channels} == {"sms", "email"}
    for one in channels:
        assert one.audience == one.left_out + one.to_send
        assert one.to_send == one.handed_over
        assert one.handed_over == one.delivered + one.failed + one.no_word
        assert 0.9 < (one.rate("delivered") or 0) < 1
        assert one.failed > 0
        assert one.left_out == sum(one.skips.values())
    email = next(one for one in channels if one.channel == "email")
    if "cards" in campaign.name:  # a service mail is not followed
        assert (email.opened, email.clicked, email.unsubscribed) == (None, None, 0)
    else:
        assert 0.2 < (email.rate("opened") or 0) < 0.6
        assert 0 < (email.clicked or 0) < (email.opened or 0)
        assert email.unsubscribed > 0
    assert campaign.outcome == {
        "to_send": sum(one.to_send for one in channels),
        "done": sum(one.done for one in channels),
    }


def people_add_up(session: Session, flow: Flow) -> None:
    """It runs, some wait in it and some are through, what it sent has arrived; and at every step who came is there or has gone."""
    assert flow.state == "active"
    found = results.numbers(session, flow, by=actor_of(session))
    assert 20 <= found.entered <= 120
    assert found.entered == found.waiting + found.finished
    assert (found.failed, found.left) == (0, 0)
    assert min(found.waiting, found.finished) > 5
    assert results.unbalanced(session, flow) == []
    steps = [one for own in found.steps.values() for one in own.values()]
    sent = [one.messages for one in steps if one.messages]
    assert sum(one.waiting for one in steps) == found.waiting
    assert sent
    assert sum(one.delivered for one in sent) > 5
    assert sum(one.failed for one in sent) < 5
    assert {reason for one in sent for reason in one.skips} <= {"no_consent", "no_address"}


@pytest.mark.parametrize("days", [*range(7), 308, 312, 326, 330, 516, 522])
def test_it_can_be_made_on_any_day(days: int, own_settings: Settings) -> None:
    """The steps of the story stand in an order that can be lived, on every day of the week and around the holidays."""
    from app.demo import campaigns, customers, flows, texts
    from app.demo.bank import Bank

    now = datetime(2026, 11, 22, 3, 30, tzinfo=UTC) + timedelta(days=days)
    own = replace(own_settings, sandbox_url="http://127.0.0.1:9", sandbox_smtp="127.0.0.1:9")
    bank = Bank(lambda: None, own, now)  # type: ignore[arg-type]
    story = sorted([*customers.story(bank), *texts.story(bank), *campaigns.story(bank)], key=lambda step: step[0])
    assert all(moment < now for moment, _ in [*story, *flows.story(bank)])
    acts = [act.func.__name__ for _, act in sorted(flows.story(bank), key=lambda step: step[0])]
    assert acts[:6] == ["_submit", "_submit", "_approve", "_approve", "_activate", "_activate"]
    assert acts.count("_tell") == 4
    assert bank.moment(flows.ASKED) > bank.moment(customers._SEGMENTS["newcomers"][0])
    names = [act.func.__name__ for _, act in story]
    assert names.index("_write") < names.index("_submit")
    assert names[-1] == "_submit"
    for place, (_, act) in enumerate(story):
        if act.func.__name__ == "_launch":  # a file that came meanwhile would have the launch asked for again
            asked = next(
                n for n in range(place, -1, -1) if names[n] == "_submit" and story[n][1].args[1] is act.args[1]
            )
            assert "_join" not in names[asked:place]


def test_an_empty_one_has_people_and_nothing_else(bank: Settings, own_factory: sessionmaker[Session]) -> None:
    access = demo.load(own_factory, bank, empty=True)
    assert access is not None
    assert "marketer" in access
    with unit_of_work(own_factory, system(organisation(own_factory))) as session:
        assert [count(session, model) for model in (Contact, Segment, Campaign, Import)] == [0] * 4
        assert count(session, Template) == 1, "what its programme tells those who qualify"


def test_as_many_customers_and_events_as_somebody_wants(bank: Settings, own_factory: sessionmaker[Session]) -> None:
    with pytest.raises(Conflict):
        visits.more(own_factory, bank, contacts=1, events=1)
    demo.load(own_factory, bank, empty=True)
    visits.more(own_factory, bank, contacts=2_000, events=10_000)
    visits.more(own_factory, bank, contacts=500, events=0)
    with unit_of_work(own_factory, system(organisation(own_factory))) as session:
        assert count(session, Contact) == 2_500
        told = session.execute(
            text("SELECT count(*), count(DISTINCT contact_id), count(DISTINCT name), max(occurred_at) - min(occurred_at) FROM events")
        ).one()  # fmt: skip
        assert (told[0], told[2]) == (10_000, 5)
        assert told[1] > 1_000
        assert timedelta(days=58) < told[3] < timedelta(days=60)

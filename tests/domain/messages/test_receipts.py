"""Receipts: kept, applied once, in any order; those nobody knows hold nobody up."""

from datetime import timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import system
from app.domain.access.models import Organisation
from app.domain.consent.models import Suppression
from app.domain.contacts import profile
from app.domain.messages import receipts, reference
from app.domain.messages.models import Message, Receipt
from app.domain.providers.models import ProviderAccount
from app.gateways.channels.base import Receipt as Event
from app.gateways.channels.base import ReceiptKind
from tests.domain.messages.line import Line, Run, states
from tests.factories import people, sending


def event(message: Message | None, kind: ReceiptKind = ReceiptKind.DELIVERED) -> Event:
    known = reference.of(message.occurrence_id, message.id) if message else None
    return Event(uuid4().hex, known, "an id of theirs", kind, clock.now())


@pytest.fixture
def account(session: Session, organisation: Organisation) -> ProviderAccount:
    assert organisation
    return sending.account(session)


@pytest.fixture
def message(session: Session, run: Run, account: ProviderAccount) -> Message:
    people.contacts(session, 1)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    run(Line())
    return session.execute(select(Message)).scalars().one()


def test_unknown_ones_hold_nobody_up(
    session: Session, account: ProviderAccount, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "AT_ONCE", 5)
    receipts.keep(session, account.id, account.organisation_id, [event(None) for _ in range(20)])
    while receipts.apply_some(session):
        pass
    assert not receipts.are_waiting(session)
    receipts.keep(session, account.id, account.organisation_id, [event(message)])
    assert receipts.are_waiting(session)
    assert receipts.apply_some(session) == 1
    assert states(session) == {"delivered": 1}


def test_unknown_ones_are_tried_again_ever_more_seldom(
    session: Session, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipts.keep(session, account.id, account.organisation_id, [event(None)])
    began = session.execute(select(Receipt.received_at)).scalar_one()
    tries, now = [], began
    for _ in range(20):
        monkeypatch.setattr(clock, "now", lambda: now)  # noqa: B023 - read at once
        receipts.apply_some(session)
        session.expire_all()
        now = session.execute(select(Receipt.due_at)).scalar_one()
        tries.append(now - began)
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert tries[0] == timedelta(seconds=30)
    assert pauses == sorted(pauses)
    assert max(pauses) == timedelta(hours=1)


def test_a_late_bounce_suppresses_the_address_it_is_about(
    session: Session, organisation: Organisation, account: ProviderAccount, message: Message
) -> None:
    """Meanwhile the person has a new number: that one is good."""
    by, old = system(organisation.id), message.address_blind
    known = profile.input_of(session, profile.get(session, message.contact_id, by=by))
    profile.update(session, message.contact_id, known.model_copy(update={"phone": "+972523333333"}), by=by)
    receipts.keep(session, account.id, account.organisation_id, [event(message, ReceiptKind.BOUNCED)])
    receipts.apply_some(session)
    assert list(session.execute(select(Suppression.blind)).scalars()) == [old]

"""While people edit texts, segments and accounts as fast as they can, others submit, approve and launch: only what was approved goes out."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.core.actor import Actor, system
from app.core.db import make_engine, session_factory
from app.core.errors import DomainError
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.approvals.models import Approval
from app.domain.campaigns import drafts, launch, lifecycle, pinned
from app.domain.campaigns.drafts import Audience, CampaignInput
from app.domain.campaigns.models import Campaign
from app.domain.content import library
from app.domain.content.library import Said, TemplateInput
from app.domain.content.models import TemplateVersion
from app.domain.messages import sends
from app.domain.messages.models import Message
from app.domain.providers.models import ProviderAccount
from app.domain.segments import library as segments
from app.domain.segments.library import SegmentInput
from tests.factories import people, sending

ROUNDS = 30
CITIES = {"Haifa": 7, "Acre": 11}


class Bank:
    """People who meddle, each in a thread of his own, and what they meddle with."""

    def __init__(self, factory: sessionmaker[Session]) -> None:
        self.factory = factory
        with unit_of_work(factory, None) as session:
            self.id = users.create_organisation(session, users.NewOrganisation(name="Bank of the Races")).id
            self.maya, self.will, self.adam = (
                people.staff(session, role, name)
                for role, name in (("marketer", "maya"), ("marketer", "will"), ("admin", "adam"))
            )
            for n, (city, number) in enumerate(CITIES.items()):
                people.contacts(session, number, start=n * 1000, prefix=city, city=city)
            self.account_id = sending.account(session).id
            self.template_id = library.create(session, self.text(0), by=self.will).id
            self.segment_id = segments.create(session, self.segment("Haifa"), by=self.will).id

    def text(self, number: int) -> TemplateInput:
        body = f"Advertisement. Bank of the Races. Number {number}. {{{{ unsubscribe_url }}}}"
        return TemplateInput(name="Offer", channel="sms", texts={"en": Said(body=body)})

    def segment(self, city: str) -> SegmentInput:
        where = {"all": [{"kind": "field", "field": "city", "op": "eq", "value": city}]}
        return SegmentInput(name="Here", definition={"version": 1, "zone": "organisation", "where": where})

    def unit(self, by: Actor | None = None) -> AbstractContextManager[Session]:
        return unit_of_work(self.factory, by or system(self.id))

    def rewrite(self, number: int) -> None:
        with self.unit(self.will) as session:
            library.update(session, self.template_id, self.text(number), by=self.will)

    def move(self, number: int) -> None:
        with self.unit(self.will) as session:
            segments.update(session, self.segment_id, self.segment([*CITIES][number % 2]), by=self.will)

    def redirect(self, number: int) -> None:
        with self.unit() as session:
            session.get_one(ProviderAccount, self.account_id).config = {"settle_seconds": number % 2}

    def campaign(self) -> UUID:
        """From draft to launch, as fast as it goes; whatever is refused on the way is refused."""
        audience = Audience(segments=(self.segment_id,))
        with self.unit(self.maya) as session:
            new = CampaignInput(name="Offer", audience=audience, sms_template_id=self.template_id)
            campaign_id = drafts.create(session, new, by=self.maya).id
        with suppress(DomainError):
            with self.unit(self.maya) as session:
                lifecycle.submit(session, campaign_id, by=self.maya)
            with self.unit(self.adam) as session:
                lifecycle.approve(session, campaign_id, by=self.adam)
            with self.unit() as session:
                launch.launch(session, campaign_id)
        return campaign_id


@pytest.fixture
def bank(own_settings: Settings) -> Bank:
    return Bank(session_factory(make_engine(own_settings, pool_size=8), own_settings))


def test_only_what_was_approved_goes_out(bank: Bank) -> None:
    over, broke = threading.Event(), []

    def meddle(act: Callable[[int], None]) -> None:
        number = 0
        while not over.wait(0.02):
            number += 1
            try:
                act(number)
            except Exception as error:  # noqa: BLE001 - shown at the end
                broke.append(error)
                return

    threads = [threading.Thread(target=meddle, args=(act,)) for act in (bank.rewrite, bank.move, bank.redirect)]
    for thread in threads:
        thread.start()
    try:
        campaigns = [bank.campaign() for _ in range(ROUNDS)]
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert broke == []
    quiet = bank.campaign()
    went = [campaign_id for campaign_id in [*campaigns, quiet] if _is_as_approved(bank, campaign_id)]
    assert quiet in went, "nobody meddled with the last"


def _is_as_approved(bank: Bank, campaign_id: UUID) -> bool:
    """Whether it went out; and if it did, that it is what its approval says."""
    with bank.unit() as session:
        campaign = session.get_one(Campaign, campaign_id)
        found = sends.of_source(session, "campaign", campaign_id)
        if campaign.state != "running":
            assert found == []
            return False
        approval = session.get_one(Approval, campaign.approval_id)
        what = pinned.of_approval(approval)
        assert what is not None
        assert pinned.digest(session, what) == approval.digest
        [send], [text] = found, what.texts
        assert (send.template_version_id, send.routes) == (text.version_id, what.routes_of("sms"))
        shown = approval.summary["channels"][0]
        assert session.get_one(TemplateVersion, send.template_version_id).number == shown["template_version"]
        city = what.definitions[bank.segment_id]["where"]["all"][0]["value"]
        number = session.execute(select(func.count()).where(Message.send_id == send.id)).scalar_one()
        assert number == shown["waterfall"]["matched"] == CITIES[city]
        return True

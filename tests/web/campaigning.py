"""A bank that has people, texts and providers, for tests of the pages around a campaign."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import pyotp
from sqlalchemy import select, text

from app.core import clock
from app.core.actor import system
from app.core.unit import unit_of_work
from app.domain.access import mfa, users
from app.domain.approvals.models import Approval
from app.domain.approvals.rights import Given
from app.domain.campaigns import drafts, launch, lifecycle
from app.domain.campaigns.drafts import CampaignInput
from app.domain.campaigns.models import Campaign
from app.domain.messages import dispatch
from app.gateways.channels.base import Outgoing
from app.gateways.channels.memory import Answer, Memory
from app.http import subjects
from tests.factories import people, sending
from tests.web.pages import House

ROLES = ("owner", "admin", "marketer", "operator", "auditor", "viewer")
BODY = 'Advertisement. Hello {{ contact.first_name | default: "customer" }}, to stop: {{ unsubscribe_url }}'


@dataclass
class Campaigning:
    """A house with an audience, an SMS text and a provider."""

    bank: House
    template_id: UUID

    def draft(self, **given: Any) -> UUID:
        """A campaign to everybody, made by the marketer."""
        values = {"name": "Savings offer", "sms_template_id": self.template_id, **given}
        with self.bank.unit("marketer") as session:
            return drafts.create(session, CampaignInput(**values), by=self.bank.staff["marketer"]).id

    def submitted(self, **given: Any) -> UUID:
        campaign_id = self.draft(**given)
        with self.bank.unit("marketer") as session:
            lifecycle.submit(session, campaign_id, by=self.bank.staff["marketer"])
        return campaign_id

    def launched(self, **given: Any) -> UUID:
        campaign_id = self.submitted(**given)
        with self.bank.unit("admin") as session:
            lifecycle.approve(session, campaign_id, note="Fine.", by=self.bank.staff["admin"])
        with self.bank.unit() as session:
            launch.launch(session, campaign_id)
        return campaign_id

    def granted(self, role: str) -> Given | None:
        """A second person of a role decides for the newest request; the first password that comes of it."""
        name = f"second {role}"
        with self.bank.unit() as session:
            if name not in self.bank.staff:
                self.bank.staff[name] = people.staff(session, role, f"second.{role}")
        with self.bank.unit(name) as session:
            newest = select(Approval).where(Approval.state == "pending").order_by(Approval.id.desc()).limit(1)
            request = session.execute(newest).scalar_one()
            return subjects.approve(session, request, by=self.bank.staff[name])

    def dispatch(self, answer: Callable[[Outgoing], Answer] = lambda _message: None) -> None:
        """Send what is due through a provider in memory."""
        line = Memory(answer=answer)
        unit = sending.alone(partial(unit_of_work, self.bank.factory, system(self.bank.organisation_id)))
        dispatch.dispatch(unit, lambda: nullcontext(sending.through_units(unit)), lambda *_: line, "sms")

    def state(self, campaign_id: UUID) -> str:
        with self.bank.unit() as session:
            return session.get_one(Campaign, campaign_id).state

    def seen(self, campaign_id: UUID) -> str:
        """The request that the review page shows now."""
        with self.bank.unit() as session:
            return str(session.get_one(Campaign, campaign_id).approval_id)

    def messages(self, **where: str) -> list[UUID]:
        said = " AND ".join(f"{name} = :{name}" for name in where)
        with self.bank.unit() as session:
            return list(session.execute(text(f"SELECT id FROM messages WHERE {said} ORDER BY id"), where).scalars())

    def code(self, role: str) -> str:
        """The six digits this person's authenticator shows now."""
        with self.bank.unit() as session:
            user = users.get(session, self.bank.staff[role].id)  # type: ignore[arg-type]
            return pyotp.TOTP(mfa.secret_of(session, user)).at(int(clock.now().timestamp()))

    def grow_stale(self, role: str) -> None:
        """The second factor of this person's sessions was shown an hour ago."""
        with self.bank.unit() as session:
            said = "UPDATE sessions SET factor_at = factor_at - interval '1 hour' WHERE user_id = :id"
            session.execute(text(said), {"id": self.bank.staff[role].id})


def campaigning(bank: House, number: int = 12) -> Campaigning:
    """Give the bank an audience with consent, two people without, an SMS text, a provider."""
    with bank.unit() as session:
        people.contacts(session, number)
        people.contacts(session, 2, consent=False, start=number)
        sending.account(session)
        return Campaigning(bank, sending.sms_template(session, BODY).id)

"""What will happen if a campaign is sent now: audience, who falls out and why, cost, texts; and the digest of all of it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import Invalid, Issue, mark
from app.core.money import rounded
from app.domain.campaigns import pinned
from app.domain.campaigns.estimate import Estimate, estimate
from app.domain.campaigns.models import Campaign
from app.domain.campaigns.pinned import Pinned
from app.domain.content import checks, marking
from app.domain.content.models import Template, TemplateVersion
from app.domain.messages import policy
from app.domain.messages.hours import hours_of
from app.domain.messages.pinned import PinnedText
from app.domain.providers import accounts


@dataclass(frozen=True)
class ChannelPlan:
    """One channel of a campaign: its text, its waterfall, its parts and cost (estimated from a sample of the audience).

    `sender` names every sender that may be used and `destination` every server, `provider` the account that is used first.
    """

    channel: str
    template: Template
    message_class: str
    version: TemplateVersion
    waterfall: dict[str, int]
    sender: str
    provider: str | None
    destination: str
    parts: int
    cost: Decimal
    findings: list[checks.Finding]

    @property
    def will_receive(self) -> int:
        return self.waterfall.get("will_receive", 0)

    @property
    def marked_in(self) -> list[str]:
        """The languages in which an advertisement was seen to have all its marks; empty for other messages."""
        lacking = {f.language for f in self.findings if f.level == "error"}
        return sorted(set(self.version.texts) - lacking) if self.message_class in marking.MARKING else []


@dataclass(frozen=True)
class Plan:
    """Everything an approver has to see."""

    channels: list[ChannelPlan]
    pinned: Pinned
    digest: bytes

    @property
    def reach(self) -> dict[str, int]:
        """How many would be written to, by channel."""
        return {c.channel: c.will_receive for c in self.channels}

    @property
    def cost(self) -> Decimal:
        return sum((c.cost for c in self.channels), Decimal(0))

    @property
    def blocking(self) -> list[checks.Finding]:
        return [f for c in self.channels for f in c.findings if f.level == "error"]

    def summary(self) -> dict[str, object]:
        """The plan as plain values, kept with the campaign and shown to the approver."""
        return {
            "cost": str(rounded(self.cost)),
            "channels": [
                {
                    "channel": c.channel,
                    "template": c.template.name,
                    "template_version": c.version.number,
                    "message_class": c.message_class,
                    "waterfall": c.waterfall,
                    "sender": c.sender,
                    "provider": c.provider,
                    "destination": c.destination,
                    "parts": c.parts,
                    "cost": str(rounded(c.cost)),
                    "marked_in": c.marked_in,
                    "findings": [asdict(f) for f in c.findings],
                }
                for c in self.channels
            ],
        }


def make(session: Session, campaign: Campaign) -> Plan:
    """Work out the plan of what would happen now. Raises Invalid when no text was chosen."""
    if not (campaign.sms_template_id or campaign.email_template_id):
        raise Invalid(
            mark("Choose a text first: an SMS template, an e-mail template, or both."),
            details=(Issue("sms_template_id", mark("Choose a template.")),),
        )
    return of(session, pinned.present(session, campaign))


def goes_at(session: Session, campaign: Campaign) -> datetime | None:
    """When a campaign that is not launched yet would begin: at its moment, after an approval, or when it may go to somebody."""
    now = clock.now()
    wanted = max(now, campaign.scheduled_at or now)
    if any(text.message_class != "marketing" for text in pinned.kept(session, campaign).texts):
        return wanted
    return hours_of(session).first(wanted)


def of(session: Session, what: Pinned) -> Plan:
    """Work out the plan of what was pinned, by the audience there is now."""
    audience = pinned.audience_of(session, what)
    channels = [_channel(session, what, text, audience) for text in what.texts]
    return Plan(channels, what, pinned.digest(session, what))


def _channel(session: Session, what: Pinned, text: PinnedText, audience: Select[Any]) -> ChannelPlan:
    template = session.get_one(Template, text.template_id)
    version = session.get_one(TemplateVersion, text.version_id)
    falls = policy.waterfall(session, audience, text.channel, text.message_class)
    usable = accounts.in_order(session, text.channel)
    account = usable[0] if usable else None
    will_receive, cost = falls.get("will_receive", 0), account.cost if account else Decimal(0)
    is_sms = text.channel == "sms"
    estimated = estimate(session, what.name, version, audience) if is_sms else Estimate(Decimal(1), {})
    parts = int((estimated.average * will_receive).to_integral_value())
    is_named = all(accounts.names_itself(one) for one in usable)
    found = checks.check(session, template, version, is_named=is_named, given=frozenset())
    return ChannelPlan(
        channel=text.channel,
        template=template,
        message_class=text.message_class,
        version=version,
        waterfall=falls,
        sender="; ".join(dict.fromkeys(one.sender for one in usable)),
        provider=account.name if account else None,
        destination="; ".join(dict.fromkeys(accounts.destination(one) for one in usable)),
        parts=parts,
        cost=cost * parts,
        findings=[*found, *estimated.findings(session, will_receive, cost)],
    )

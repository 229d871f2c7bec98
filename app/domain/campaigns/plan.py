"""What will happen if a campaign is sent now: audience, who falls out and why, cost, texts; and the digest of all of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.core.errors import Invalid, Issue, mark
from app.core.money import rounded
from app.core.sql import load
from app.domain.access.keyring import organisation_of, vault_of
from app.domain.approvals.decisions import digest_of
from app.domain.campaigns.drafts import Audience
from app.domain.campaigns.models import Campaign
from app.domain.content import checks, library, sms
from app.domain.content.models import Template, TemplateVersion
from app.domain.content.preview import example_url
from app.domain.content.render import prepared
from app.domain.messages import policy
from app.domain.messages.rendering import data_of
from app.domain.providers import accounts
from app.domain.segments import library as segment_library
from app.domain.segments import membership
from app.domain.segments.check import reached
from app.domain.segments.models import Segment

SAMPLE = 200
SAMPLE_SECONDS = 2.0


@dataclass(frozen=True)
class ChannelPlan:
    """One channel of a campaign: its text, its waterfall, its parts and cost (estimated from a sample of the audience).

    `sender` names every sender that may be used, `provider` the account that is used first.
    """

    channel: str
    template: Template
    version: TemplateVersion
    waterfall: dict[str, int]
    sender: str
    provider: str | None
    parts: int
    cost: Decimal
    findings: list[checks.Finding]

    @property
    def will_receive(self) -> int:
        return self.waterfall.get("will_receive", 0)


@dataclass(frozen=True)
class Plan:
    """Everything an approver has to see."""

    channels: list[ChannelPlan]
    digest: bytes

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
                    "message_class": c.template.message_class,
                    "waterfall": c.waterfall,
                    "sender": c.sender,
                    "provider": c.provider,
                    "parts": c.parts,
                    "cost": str(rounded(c.cost)),
                    "findings": [asdict(f) for f in c.findings],
                }
                for c in self.channels
            ],
        }


def audience_of(session: Session, campaign: Campaign) -> Select[Any]:
    """The contact ids of the campaign's audience."""
    wanted = Audience.model_validate(campaign.audience)
    return membership.audience(session, list(wanted.segments), list(wanted.exclude))


def make(session: Session, campaign: Campaign) -> Plan:
    """Work out the plan. Raises Invalid when no text was chosen."""
    templates = _templates(campaign)
    if not templates:
        raise Invalid(
            mark("Choose a text first: an SMS template, an e-mail template, or both."),
            details=(Issue("sms_template_id", mark("Choose a template.")),),
        )
    audience = audience_of(session, campaign)
    channels = [_channel(session, campaign, channel, template_id, audience) for channel, template_id in templates]
    return Plan(channels, digest(session, campaign))


def _templates(campaign: Campaign) -> list[tuple[str, UUID]]:
    """The campaign's own channels, each with its template."""
    both = (("sms", campaign.sms_template_id), ("email", campaign.email_template_id))
    return [(channel, template_id) for channel, template_id in both if template_id]


def _channel(
    session: Session, campaign: Campaign, channel: str, template_id: UUID, audience: Select[Any]
) -> ChannelPlan:
    template = session.get_one(Template, template_id)
    version = library.current(session, template)
    falls = policy.waterfall(session, audience, channel, template.message_class)
    usable = accounts.in_order(session, channel)
    account = usable[0] if usable else None
    average = _average_parts(session, campaign, version, channel, audience) if channel == "sms" else Decimal(1)
    parts = int((average * falls.get("will_receive", 0)).to_integral_value())
    return ChannelPlan(
        channel=channel,
        template=template,
        version=version,
        waterfall=falls,
        sender="; ".join(dict.fromkeys(one.sender for one in usable)),
        provider=account.name if account else None,
        parts=parts,
        cost=(account.cost if account else Decimal(0)) * parts,
        findings=checks.check(session, template, version),
    )


def _average_parts(
    session: Session, campaign: Campaign, version: TemplateVersion, channel: str, audience: Select[Any]
) -> Decimal:
    """SMS parts a recipient, from a sample: a Hebrew name can double them."""
    people = audience.limit(SAMPLE).subquery()
    rows = (
        session.execute(_RECIPIENTS, {"contacts": list(session.execute(select(people.c[0])).scalars())})
        .mappings()
        .all()
    )
    if not rows:
        return Decimal(1)
    vault, ready = vault_of(session), prepared(version, channel)
    names, url = {"organisation": organisation_of(session).name, "campaign": campaign.name}, example_url(session)
    total, made, until = 0, 0, monotonic() + SAMPLE_SECONDS
    for row in rows:
        if made and monotonic() > until:
            break
        made += 1
        data = data_of(dict(row), vault.open_person(row["id"], row["key"], row["person"]), names)
        text = ready.sms(ready.language_for(row["language"]), {**data, "unsubscribe_url": url})
        total += sms.measure(text).parts
    return Decimal(total) / made


_RECIPIENTS = load("messages/queries.sql")["recipients"]


def digest(session: Session, campaign: Campaign) -> bytes:
    """Over everything that will happen, by content: a change of a segment or a text voids an approval like any other.

    Of the senders all that may be used count: when an account fails, the next one of its channel goes on.
    """
    return digest_of(
        {
            "name": campaign.name,
            "priority": campaign.priority,
            "scheduled_at": campaign.scheduled_at,
            "audience": _definitions(session, campaign.audience),
            "texts": [_text(session, template_id) for _, template_id in _templates(campaign)],
            "senders": [senders(session, channel) for channel, _ in _templates(campaign)],
        }
    )


def _definitions(session: Session, audience: Mapping[str, Any]) -> dict[str, object]:
    """The definitions of both sides, and of every segment that those lean on: a change of any of them is a change."""
    answer: dict[str, object] = {}
    for side in ("segments", "exclude"):
        own = [session.get_one(Segment, UUID(str(i))) for i in audience.get(side, [])]
        inner = {i for segment in own for i in reached(session, segment_library.definition_of(session, segment))}
        answer[side] = [segment.definition for segment in own]
        answer[f"{side} inside"] = [session.get_one(Segment, i).definition for i in sorted(inner)]
    return answer


def _text(session: Session, template_id: UUID) -> dict[str, object]:
    template = session.get_one(Template, template_id)
    version = library.current(session, template)
    return {
        "class": template.message_class,
        "channel": template.channel,
        "texts": version.texts,
        "fallback": version.fallback_language,
    }


def senders(session: Session, channel: str) -> list[str]:
    """Who may be named as the sender on a channel: every account in use; another needs another approval."""
    return sorted({account.sender for account in accounts.in_order(session, channel)})
